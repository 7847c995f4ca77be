"""What can be measured of the frames: completion, stability, sharpness, drift, and content where a model sees it.

Each measure is one function with its formula; `measure` takes all of them and reads every picture only once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from ..images import as_rgb
from ..parallel import in_parallel
from ..sharpness import laplacian_sharpness, sharpness_of
from .settling import GRID, MARGIN, Settling, cells, peak, settle_cells, without_flicker

DRIFT_GRID = 64  # cells along the longer side in which drift is looked for
SEEN_COLOR = 0.02  # brightness 0..1: a change of colour that is just noticed, as in settling.FLOOR
SEEN_SHIFT = 0.005  # share of the longer side: a shift of the picture that is just noticed, 4 pixels of 832
UNTOUCHED = 0.5  # weight from which a cell counts as one that the edit does not touch
UNFINISHED = 0.25  # late change above this share of the whole change is never taken for noise
CONTENT_FLOOR = 0.005  # cosine distance that is no change


@dataclass(frozen=True)
class Drift:
    """How far what should have stayed has changed, one value for each frame [N].

    color: change of exposure and colour, in brightness 0..1. camera: how far the picture is shifted, in shares of its
    longer side. total: both together; 1 is just noticed.
    """

    color: torch.Tensor
    camera: torch.Tensor

    @property
    def total(self) -> torch.Tensor:
        return torch.hypot(self.color / SEEN_COLOR, self.camera / SEEN_SHIFT)


@dataclass(frozen=True)
class Measures:
    """All measures of the frames with these original numbers, one value for each frame.

    settling: when the picture comes to rest; it holds completion (`distances`) and `sharpness`. motion: see
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
    def change(self) -> torch.Tensor:
        return self.settling.distances

    @property
    def sharpness(self) -> torch.Tensor:
        return self.settling.sharpness


def measure(
    frames: torch.Tensor,
    numbers: Sequence[int],
    source: torch.Tensor | None = None,
    embeddings: torch.Tensor | None = None,
) -> Measures:
    """All measures of the frames [N, H, W, 3] in the order of time, whose original numbers are `numbers`.

    source [1, h, w, 3]: the image before the edit, without it the first frame. Both as `images.as_rgb` gives them; they
    are not checked again. embeddings [N, D]: of an image encoder such as CLIP.
    """
    small, wide, sharpness = (torch.stack(each) for each in zip(*in_parallel(_looked_at, frames), strict=True))
    return Measures(
        numbers=tuple(numbers),
        settling=settle_cells(small, sharpness, numbers),
        motion=_motion(small, numbers),
        drift=_drift(wide, wide[0] if source is None else _source_cells(source, frames)),
        content=None if embeddings is None else content_change(embeddings),
        content_rest=None if embeddings is None else content_rest(embeddings),
    )


def completion(frames: torch.Tensor) -> torch.Tensor:
    """What is still missing: change of each frame [N, H, W, C] (0..1) against the last one, [N], 0..1.

        completion(i) = d(i, last)

    d compares cells of the two pictures and counts the 2 % that differ most, see `settling.settle`, which also finds
    the earliest frame after which it stays below the noise. Frame2Frame (arXiv 2411.16819, section 3.3) asks a language
    model for that frame; measuring it is our own. 0 for a single frame and for identical ones.
    """
    small = torch.stack([cells(frame, GRID)[0] for frame in as_rgb(frames, "frames")])
    return peak(small - small[-1:])


def stability(frames: torch.Tensor, numbers: Sequence[int] | None = None) -> torch.Tensor:
    """Motion around each frame [N, H, W, C] (0..1), [N], change 0..1 per frame of the video; 0 is at rest.

        motion(i) = mean over the neighbours j of d(i, j) / |numbers(i) - numbers(j)|

    with the d of `settling.settle`; the first and the last frame have one neighbour. Frames between kept ones are
    unknown, so a change over a gap counts as spread evenly over it. Our own measure. 0 for a single frame.
    """
    frames = as_rgb(frames, "frames")
    small = torch.stack([cells(frame, GRID)[0] for frame in frames])
    return _motion(small, range(len(small)) if numbers is None else numbers)


def sharpness(frames: torch.Tensor) -> torch.Tensor:
    """Variance of the Laplacian of the luma at 480p, [N]: `sharpness.laplacian_sharpness` (IF-Edit, 2511.19435)."""
    return laplacian_sharpness(frames)


def drift(frames: torch.Tensor, source: torch.Tensor | None = None) -> Drift:
    """Change of what should not change: exposure, colour and camera against the source.

    frames [N, H, W, C], source [1, h, w, C], 0..1; without a source the first frame takes its place. A source of other
    proportions is cut to those of the frames, around its middle.

    For the camera, each frame I is laid over the source S, both averaged to cells (64 along the longer side):

        I(x, y) = (1 + g) S(x + u, y + v) + o      u = a + c X - b Y,  v = e + b X + c Y

    where X, Y are counted from the middle in longer sides, so that a, e shift the picture, b turns it and c zooms. The
    six numbers minimise Tukey's function of the differences by reweighted least squares, from coarse to fine: cells
    that differ by far more than the median get no weight, which is how the part that the edit touches drops out
    (Odobez and Bouthemy, Robust multiresolution estimation of parametric motion models, 1995, with their term for the
    light). camera = root mean square of (u, v) over the picture.

    For the colour, a gain and an offset of each channel are fitted on the untouched cells of the frame laid over the
    source: color = root mean square, over these cells and the channels, of what they change.

    An edit that touches more than half of the picture, or that is a change of light or of camera, counts as drift: then
    compare frames with each other, not with 0. What has no texture shows no camera. A single frame and pictures of few
    cells are fine.
    """
    frames = as_rgb(frames, "frames")
    wide = torch.stack([cells(frame, DRIFT_GRID)[0] for frame in frames])
    return _drift(wide, wide[0] if source is None else _source_cells(as_rgb(source[:1], "source"), frames))


def content_change(embeddings: torch.Tensor) -> torch.Tensor:
    """How far what each frame shows is from what the last one shows, by an image encoder: [N, D] -> [N], 0..2.

        content(i) = 1 - cos(e(i), e(last))

    e are the embeddings of CLIP (Radford et al., arXiv 2103.00020) or of another encoder. It sees through motion that
    never rests, such as falling snow, and is blind to small edits, where `completion` is not.
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
    noise = MARGIN * float(steps.quantile(0.75)) if len(steps) else 0.0
    tolerance = max(CONTENT_FLOOR, min(noise, UNFINISHED * float(distances.max())))
    changing = (without_flicker(distances) > tolerance).nonzero().flatten()
    return int(changing[-1]) + 1 if len(changing) else 0


def _looked_at(frame: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """All that is needed of one frame [H, W, 3], while it is in the processor's cache."""
    return *cells(frame, GRID, DRIFT_GRID), sharpness_of(frame)


def _motion(small: torch.Tensor, numbers: Sequence[int]) -> torch.Tensor:
    if len(small) == 1:
        return torch.zeros(1)
    gaps = torch.tensor([later - earlier for earlier, later in zip(numbers, numbers[1:], strict=False)])
    steps = peak(small[1:] - small[:-1]) / gaps  # [N - 1]
    return (torch.cat([steps[:1], steps]) + torch.cat([steps, steps[-1:]])) / 2


# ---- drift

LEVELS = ((4, 6), (2, 4), (1, 3))  # from coarse to fine: cells averaged into one, rounds of reweighting
AT_A_TIME = 8  # frames, so that all of their cells stay in the processor's cache
TUKEY = 4.685  # of robust statistics: 95 % efficient for normal noise
MAD_TO_SIGMA = 1.4826
LEAST_NOISE = 0.004  # brightness: one step of 255
RIDGE = 1e-3  # keeps at rest what nothing speaks for
FEWEST_CELLS = 6  # along a side, for the camera to be looked for


def _source_cells(source: torch.Tensor, frames: torch.Tensor) -> torch.Tensor:
    """The middle of the source [1, h, w, 3], in the proportions of the frames [N, H, W, 3]."""
    height, width = source.shape[1:3]
    wanted = frames.shape[2] / frames.shape[1]
    new_height = max(1, min(height, round(width / wanted)))
    new_width = max(1, min(width, round(height * wanted)))
    top, left = (height - new_height) // 2, (width - new_width) // 2
    return cells(source[0, top : top + new_height, left : left + new_width], DRIFT_GRID)[0]


def _drift(frames: torch.Tensor, source: torch.Tensor) -> Drift:
    """frames [N, 3, h, w], source [3, h, w]; a smaller source is enlarged."""
    if source.shape != frames.shape[1:]:
        source = F.interpolate(source[None], size=frames.shape[2:], mode="bilinear", antialias=True)[0]
    parts = in_parallel(lambda part: _drift_of_some(part, source[None]), frames.split(AT_A_TIME))
    return Drift(*(torch.cat(values) for values in zip(*parts, strict=True)))


def _drift_of_some(frames: torch.Tensor, source: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """frames [N, 3, h, w], source [1, 3, h, w] -> color [N], camera [N]."""
    motion = torch.zeros(len(frames), 6)  # a, e, c, b, g, o
    weights = torch.ones(len(frames), 1, *frames.shape[2:])
    for cells_in_one, rounds in LEVELS:
        if min(frames.shape[2:]) >= FEWEST_CELLS * cells_in_one:
            coarse = F.avg_pool2d(frames, cells_in_one), F.avg_pool2d(source, cells_in_one)
            motion, weights = _laid_over(*coarse, motion, rounds)
    x, y = _places(frames.shape[2:])
    spread = x.square().mean() + y.square().mean()
    camera = (motion[:, :2].square().sum(dim=1) + motion[:, 2:4].square().sum(dim=1) * spread).sqrt()
    return _color_change(_moved(frames, motion), source, weights), camera


def _places(size: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """X [1, w] and Y [h, 1] of the cells' centres, from the middle, in longer sides."""
    height, width = size
    longer = max(size)
    y = (torch.arange(height) - (height - 1) / 2)[:, None] / longer
    x = (torch.arange(width) - (width - 1) / 2)[None, :] / longer
    return x, y


def _moved(frames: torch.Tensor, motion: torch.Tensor) -> torch.Tensor:
    """The frames [N, C, h, w], moved back to where the source is; NaN-free zeros come in from outside."""
    height, width = frames.shape[2:]
    longer = max(height, width)
    x, y = _places((height, width))
    a, e, c, b = (value[:, None, None] for value in motion[:, :4].T)
    # The frame at x shows the source at x + (u, v), so the source's x is found at x - (u, v), for small motions.
    from_x, from_y = x - (a + c * x - b * y), y - (e + b * x + c * y)
    grid = torch.stack([from_x * 2 * longer / width, from_y * 2 * longer / height], dim=-1)  # [N, h, w, 2]
    return F.grid_sample(frames, grid, align_corners=False, padding_mode="zeros")


def _laid_over(
    frames: torch.Tensor, source: torch.Tensor, motion: torch.Tensor, rounds: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """One level: frames [N, 3, h, w], source [1, 3, h, w] -> the motion [N, 6] and each cell's weight [N, 1, h, w]."""
    height, width = frames.shape[2:]
    longer = max(height, width)
    grey, source = frames.mean(dim=1, keepdim=True), source.mean(dim=1)[0]  # [N, 1, h, w], [h, w]
    x, y = _places((height, width))
    slope_y, slope_x = (slope * longer for slope in torch.gradient(source))  # per longer side
    along = [slope_x, slope_y, slope_x * x + slope_y * y, slope_y * x - slope_x * y, source, torch.ones_like(source)]
    basis = torch.stack(along, dim=-1).flatten(0, 1)  # [P, 6]
    ridge = RIDGE * len(basis) * torch.eye(6)
    inside = torch.ones(len(frames), 1, height, width)
    for _ in range(rounds):
        moved = torch.cat([_moved(grey, motion), _moved(inside, motion)], dim=1).flatten(2)  # [N, 2, P]
        there = moved[:, 1] > 0.99
        light = basis[:, 4:] @ motion[:, 4:].T  # [P, N]
        difference = moved[:, 0] - source.flatten() - light.T  # [N, P]
        weights = _tukey(difference, there)
        weighted = basis.T[None] * weights[:, None]  # [N, 6, P]
        step = torch.linalg.solve(weighted @ basis + ridge, (weighted @ difference[..., None])[..., 0])
        motion = motion + step
        motion[:, :4] = motion[:, :4].clamp(-0.25, 0.25)  # further away nothing can be recognised
    return motion, weights.view(-1, 1, height, width)


def _tukey(difference: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
    """Weights 0..1 [N, P]: 0 for what is not there or differs by far more than the median."""
    known = difference.abs().masked_fill(~there, torch.nan)
    sigma = MAD_TO_SIGMA * known.nanmedian(dim=1, keepdim=True).values.nan_to_num(0.0).clamp(min=LEAST_NOISE)
    return (1 - (difference / (TUKEY * sigma)).square()).clamp(min=0).square() * there


def _color_change(frames: torch.Tensor, source: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """frames [N, 3, h, w], laid over the source [1, 3, h, w] -> [N]."""
    if weights.shape[2:] != frames.shape[2:]:
        weights = F.interpolate(weights, size=frames.shape[2:], mode="nearest")
    counted = (weights > UNTOUCHED).float().flatten(2)  # [N, 1, P]
    amount = counted.sum(dim=2).clamp(min=1)
    before = source.flatten(2)  # [1, 3, P]
    change = frames.flatten(2) - before
    mean_before, mean_change = ((value * counted).sum(dim=2) / amount for value in (before, change))  # [N, 3]
    centred = before - mean_before[..., None]
    variance = (centred.square() * counted).sum(dim=2) / amount
    gain = (centred * (change - mean_change[..., None]) * counted).sum(dim=2) / amount / (variance + RIDGE)
    return (mean_change.square() + gain.square() * variance).mean(dim=1).sqrt()
