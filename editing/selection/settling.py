"""When is the edit done? The earliest frame after which nothing changes any more.

Frame2Frame (arXiv 2411.16819, section 3.3) lets a language model choose the earliest frame that shows the whole edit,
because later frames drift. Here the same is measured, with no model at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch

from ..images import as_rgb, laplacian_sharpness

GRID = 48  # cells along the longer side in which frames are compared
FLOOR = 0.02  # brightness 0..1: five steps of 255 are not seen as a change
PEAK = 0.02  # share of the cells that counts: an edit may be small
SPREAD = 4.0  # top 1 % over the median, for noise that is the same everywhere
NOISE_MARGIN = 1.5  # above the measured noise
GHOST = 0.17  # of the whole change: this much of the motion may stay behind in a frame that is done
LASTING = 0.49  # of a ghost, if it is still there half-way to the end, it is no ghost but a change that goes on
SOON = 2  # frames of the video after the first that is done, among which a better one is looked for
FOCUSED = 1.6  # times as sharp late as early: the picture comes into focus
IN_FOCUS = 0.9  # of the late sharpness: from here on it is
EQUALLY_SHARP = 0.95  # of the sharpest


@dataclass(frozen=True)
class Settling:
    """When a clip comes to rest.

    frame: the choice. first: the earliest frame after which nothing changes. equals: the frames that show the same as
    it. distances [N]: change against the last frame, 0..1. tolerance: what still counts as no change. sharpness [N].
    """

    frame: int
    first: int
    equals: tuple[int, ...]
    distances: torch.Tensor
    tolerance: float
    sharpness: torch.Tensor


def settled_frame(frames: torch.Tensor) -> int:
    """Index of the frame [N, H, W, C] (0..1) in which the edit is done, see `settle`."""
    return settle(frames).frame


def settle(frames: torch.Tensor, numbers: Sequence[int] | None = None) -> Settling:
    """Find the moment at which a clip [N, H, W, C] (0..1, in the order of time) comes to rest.

    `numbers` are the frames' places in the whole video, where some are missing.

    1. Distance d(a, b) of two frames: both are averaged down to cells (48 along the longer side), which removes grain;
       the largest channel difference of each cell is taken, and d is the mean over the 2 % of cells that differ most.
       So a small object counts as much as a large one.
    2. Noise, from the neighbouring frames of the last quarter: `flicker`, the upper quartile of their d, and `grain`,
       four times their median change over all cells, which moving objects do not raise as long as they fill less than
       half of the picture.
       noise = max(0.02, 1.5 min(flicker, grain))
    3. rest(t) = the earliest frame with d(j, last) <= t for itself and every later j. A single frame that stands out
       from its two neighbours is a flicker of the VAE and no change: the median of the three counts in its place.
    4. A causal VAE leaves a ghost of a motion for several frames after its end. So
       tolerance = max(noise, 0.17 max_i d(i, last)), first = rest(tolerance)
       unless noise is reached within two frames more, or half-way from there to the end 0.49 of the difference and
       more than 1.5 flicker is left, as in a slow change that still goes on: then tolerance = noise,
       first = rest(noise).
    5. A picture that comes into focus changes little: where the last quarter is 1.6 times as sharp as the first frames
       (medians of `laplacian_sharpness`), first is no earlier than it stays above 90 % of the last quarter's sharpness.
    6. Equals: the frames j >= first with d(j, last) and d(j, first) <= tolerance. The choice is one of those within
       two frames of the video from the first on, or the next of them where frames are missing: the earliest whose
       sharpness is at least 95 % of the best among them. A frame in which the motion is about to end is still blurred;
       much later ones have drifted.

    The constants of 1, 4 and 5 were found on rendered clips that went through the embedded model's VAE; `nox -s
    evaluate` prints how often the choice is right on others.

    Identical frames and a single frame give 0. Raises ValueError for anything but finite images.
    """
    frames = as_rgb(frames, "frames")
    small = torch.stack([average_cells(frame, GRID)[0] for frame in frames])
    return settle_grids(small, laplacian_sharpness(frames), range(len(frames)) if numbers is None else numbers)


def settle_grids(small: torch.Tensor, sharpness: torch.Tensor, numbers: Sequence[int]) -> Settling:
    """`settle` for frames of which the cells [N, 3, h, w] and the sharpness [N] are known."""
    last = len(small) - 1
    to_last = peak_change(small - small[-1:])  # [N]
    steady = remove_flicker(to_last)

    def rest(tolerance: float) -> int:
        changing = (steady > tolerance).nonzero().flatten()
        return int(changing[-1]) + 1 if len(changing) else 0

    noise, flicker = _measure_noise(small)
    tolerance = max(noise, GHOST * float(to_last.max()))
    ghostly, still = (min(rest(limit), last) for limit in (tolerance, noise))
    half_way = float(steady[(ghostly + last) // 2])
    goes_on = half_way > max(noise, NOISE_MARGIN * flicker, LASTING * float(steady[ghostly]))
    if goes_on or numbers[still] <= numbers[ghostly] + SOON:
        tolerance = noise
    earliest = max(rest(tolerance), _find_focus(sharpness))
    settled = [frame for frame in range(earliest, last + 1) if to_last[frame] <= tolerance]
    first = settled[0]
    to_first = peak_change(small - small[first : first + 1])
    equals = tuple(frame for frame in settled if to_first[frame] <= tolerance)
    soon = [frame for frame in equals if numbers[frame] <= numbers[first] + SOON]
    choice = pick_sharp(soon if len(soon) > 1 else equals[:2], sharpness)
    return Settling(choice, first, equals, to_last, tolerance, sharpness)


def pick_sharp(places: Sequence[int], sharpness: torch.Tensor) -> int:
    """The earliest of these frames that is about as sharp as the sharpest of them."""
    best = max(float(sharpness[place]) for place in places)
    return next(place for place in places if float(sharpness[place]) >= EQUALLY_SHARP * best)


def average_cells(frame: torch.Tensor, *sides: int) -> tuple[torch.Tensor, ...]:
    """One frame [H, W, 3] averaged down to cells [3, h, w], at most `side` along the longer side, for each side.

    The cells of adaptive average pooling, first along the columns and then along the rows. All sides share the product
    that reads the frame: several times faster on the CPU.
    """
    sizes = []
    for side in sides:
        scale = min(1.0, side / max(frame.shape[:2]))
        sizes.append([max(1, round(length * scale)) for length in frame.shape[:2]])
    down = torch.cat([_averaging_matrix(height, frame.shape[0]) for height, _ in sizes])
    rows = (down @ frame.reshape(frame.shape[0], -1)).view(len(down), frame.shape[1], 3)  # [sum of h, W, 3]
    parts = rows.permute(2, 0, 1).split([height for height, _ in sizes], dim=1)
    return tuple(
        part @ _averaging_matrix(width, frame.shape[1]).T for part, (_, width) in zip(parts, sizes, strict=True)
    )


@lru_cache(maxsize=8)  # the same for every frame of a video
def _averaging_matrix(cells_along: int, pixels: int) -> torch.Tensor:
    """[cells, pixels]: each row averages the pixels that its cell touches."""
    edges = torch.arange(cells_along + 1) * pixels
    first, end = edges[:-1] // cells_along, -(-edges[1:] // cells_along)
    place = torch.arange(pixels)
    touched = (place >= first[:, None]) & (place < end[:, None])
    return touched.float() / (end - first)[:, None]


def _compare_cells(difference: torch.Tensor) -> torch.Tensor:
    """[N, 3, h, w] -> [N, cells]: the largest channel difference of each cell."""
    return difference.abs().amax(dim=1).flatten(1)


def peak_change(difference: torch.Tensor) -> torch.Tensor:
    """[N, 3, h, w] -> [N]: mean over the share of cells that differ most."""
    change = _compare_cells(difference)
    return change.topk(max(1, round(PEAK * change.shape[1])), dim=1).values.mean(dim=1)


def remove_flicker(values: torch.Tensor, window: int = 3) -> torch.Tensor:
    """[N] -> [N]: the median of each value and its neighbours, which leaves a falling curve as it is."""
    beside = window // 2
    padded = torch.cat([values[:1].expand(beside), values, values[-1:].expand(beside)])
    return padded.unfold(0, window, 1).median(dim=1).values


def _find_focus(sharpness: torch.Tensor) -> int:
    """The earliest frame from which a picture that comes into focus stays sharp; 0 for all others. [N] -> index."""
    late = float(sharpness[-max(1, -(-len(sharpness) // 4)) :].median())
    early = float(sharpness[: max(1, len(sharpness) // 6)].median())
    if late < FOCUSED * early:
        return 0
    blurred = (remove_flicker(sharpness, 5) < IN_FOCUS * late).nonzero().flatten()
    return min(int(blurred[-1]) + 1, len(sharpness) - 1) if len(blurred) else 0


def _measure_noise(small: torch.Tensor) -> tuple[float, float]:
    """(noise, flicker) of the last quarter, see `settle`."""
    late = small[-max(2, -(-len(small) // 4)) :]
    if len(late) < 2:
        return FLOOR, 0.0
    steps = late[1:] - late[:-1]
    flicker = float(peak_change(steps).quantile(0.75))
    grain = SPREAD * float(_compare_cells(steps).median(dim=1).values.median())
    return max(FLOOR, NOISE_MARGIN * min(flicker, grain)), flicker
