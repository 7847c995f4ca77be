"""What can be measured of the frames: remaining change, stability, sharpness, drift, and content where a model sees it.

Each measure is one function with its formula; `measure_frames` takes all of them and reads every picture only once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from ..alignment import DRIFT_GRID, Drift, measure_drift
from ..images import as_rgb, laplacian_sharpness, sharpness_of
from ..parallel import in_parallel
from .settling import GRID, NOISE_MARGIN, Settling, average_cells, peak_change, remove_flicker, settle_grids

UNFINISHED = 0.25  # late change above this share of the whole change is never taken for noise
CONTENT_FLOOR = 0.005  # cosine distance that is no change


@dataclass(frozen=True)
class Measures:
    """All measures of the frames with these original numbers, one value for each frame.

    settling: when the picture comes to rest; it holds the remaining change (`distances`) and `sharpness`. motion: see
    `stability`. drift: see `drift`. content: see `content_change`, None where nothing has looked. content_rest: see
    `content_rest`.
    """

    numbers: tuple[int, ...]
    settling: Settling
    motion: torch.Tensor
    drift: Drift
    content: torch.Tensor | None = None
    content_rest: int | None = None

    @property
    def remaining_change(self) -> torch.Tensor:
        return self.settling.distances

    @property
    def sharpness(self) -> torch.Tensor:
        return self.settling.sharpness


def measure_frames(
    frames: torch.Tensor,
    numbers: Sequence[int],
    source: torch.Tensor | None = None,
    embeddings: torch.Tensor | None = None,
    on_frame: Callable[[], None] = lambda: None,
) -> Measures:
    """All measures of the frames [N, H, W, 3] in the order of time, whose original numbers are `numbers`.

    source [1, h, w, 3]: the image before the edit, without it the first frame. Both as `images.as_rgb` gives them; they
    are not checked again. embeddings [N, D]: of an image encoder such as CLIP. on_frame: called after each frame.
    """
    analyzed = in_parallel(_analyze_frame, frames, on_frame)
    small, wide, sharpness = (torch.stack(each) for each in zip(*analyzed, strict=True))
    return Measures(
        numbers=tuple(numbers),
        settling=settle_grids(small, sharpness, numbers),
        motion=_measure_motion(small, numbers),
        drift=measure_drift(wide[0] if source is None else _average_source(source, frames), wide),
        content=None if embeddings is None else content_change(embeddings),
        content_rest=None if embeddings is None else content_rest(embeddings),
    )


def remaining_change(frames: torch.Tensor) -> torch.Tensor:
    """What is still missing: change of each frame [N, H, W, C] (0..1) against the last one, [N], 0..1.

        remaining_change(i) = d(i, last)

    d compares cells of the two pictures and counts the 2 % that differ most, see `settling.settle`, which also finds
    the earliest frame after which it stays below the noise. Frame2Frame (arXiv 2411.16819, section 3.3) asks a language
    model for that frame; measuring it is our own. 0 for a single frame and for identical ones.
    """
    small = torch.stack([average_cells(frame, GRID)[0] for frame in as_rgb(frames, "frames")])
    return peak_change(small - small[-1:])


def stability(frames: torch.Tensor, numbers: Sequence[int] | None = None) -> torch.Tensor:
    """Motion around each frame [N, H, W, C] (0..1), [N], change 0..1 per frame of the video; 0 is at rest.

        motion(i) = mean over the neighbours j of d(i, j) / |numbers(i) - numbers(j)|

    with the d of `settling.settle`; the first and the last frame have one neighbour. Frames between kept ones are
    unknown, so a change over a gap counts as spread evenly over it. Our own measure. 0 for a single frame.
    """
    frames = as_rgb(frames, "frames")
    small = torch.stack([average_cells(frame, GRID)[0] for frame in frames])
    return _measure_motion(small, range(len(small)) if numbers is None else numbers)


def sharpness(frames: torch.Tensor) -> torch.Tensor:
    """Variance of the Laplacian of the luma at 480p, [N]: `images.laplacian_sharpness` (IF-Edit, 2511.19435)."""
    return laplacian_sharpness(frames)


def drift(frames: torch.Tensor, source: torch.Tensor | None = None) -> Drift:
    """Change of what should not change: exposure, color and camera against the source.

    frames [N, H, W, C], source [1, h, w, C], 0..1; without a source the first frame takes its place. A source of other
    proportions is cut to those of the frames, around its middle.

    Both are averaged to cells, 64 along the longer side; see `alignment.measure_drift` for what is fitted to them.

    An edit that touches more than half of the picture, or that is a change of exposure or of the camera, counts as
    drift: then compare frames with each other, not with 0. What has no texture shows no camera. A single frame and
    pictures of few cells are fine.
    """
    frames = as_rgb(frames, "frames")
    wide = torch.stack([average_cells(frame, DRIFT_GRID)[0] for frame in frames])
    return measure_drift(wide[0] if source is None else _average_source(as_rgb(source[:1], "source"), frames), wide)


def content_change(embeddings: torch.Tensor) -> torch.Tensor:
    """How far what each frame shows is from what the last one shows, by an image encoder: [N, D] -> [N], 0..2.

        content(i) = 1 - cos(e(i), e(last))

    e are the embeddings of CLIP (Radford et al., arXiv 2103.00020) or of another encoder. It sees through motion that
    never rests, such as falling snow, and is blind to small edits, where `remaining_change` is not.
    """
    unit = F.normalize(embeddings.detach().to("cpu", torch.float32).flatten(1), dim=1)
    return (1 - unit @ unit[-1]).clamp(min=0)


def content_rest(embeddings: torch.Tensor) -> int:
    """The earliest frame after which the content stays that of the last one: [N, D] -> index.

    As `settling.settle` does for pictures: the noise is the upper quartile of the steps of the last quarter, times 1.5,
    at most a quarter of the whole change and at least 0.005.
    """
    distances = content_change(embeddings)
    unit = F.normalize(embeddings.detach().to("cpu", torch.float32).flatten(1), dim=1)
    late = unit[-max(2, -(-len(unit) // 4)) :]
    steps = 1 - (late[1:] * late[:-1]).sum(dim=1)
    noise = NOISE_MARGIN * float(steps.quantile(0.75)) if len(steps) else 0.0
    tolerance = max(CONTENT_FLOOR, min(noise, UNFINISHED * float(distances.max())))
    changing = (remove_flicker(distances) > tolerance).nonzero().flatten()
    return int(changing[-1]) + 1 if len(changing) else 0


def _analyze_frame(frame: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """All that is needed of one frame [H, W, 3], while it is in the processor's cache."""
    cells, drift_cells = average_cells(frame, GRID, DRIFT_GRID)
    return cells, drift_cells, sharpness_of(frame)


def _measure_motion(small: torch.Tensor, numbers: Sequence[int]) -> torch.Tensor:
    if len(small) == 1:
        return torch.zeros(1)
    gaps = torch.tensor([later - earlier for earlier, later in zip(numbers, numbers[1:], strict=False)])
    steps = peak_change(small[1:] - small[:-1]) / gaps  # [N - 1]
    return (torch.cat([steps[:1], steps]) + torch.cat([steps, steps[-1:]])) / 2


def _average_source(source: torch.Tensor, frames: torch.Tensor) -> torch.Tensor:
    """The middle of the source [1, h, w, 3], in the proportions of the frames [N, H, W, 3]."""
    height, width = source.shape[1:3]
    wanted = frames.shape[2] / frames.shape[1]
    new_height = max(1, min(height, round(width / wanted)))
    new_width = max(1, min(width, round(height * wanted)))
    top, left = (height - new_height) // 2, (width - new_width) // 2
    return average_cells(source[0, top : top + new_height, left : left + new_width], DRIFT_GRID)[0]
