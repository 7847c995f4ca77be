"""When is the edit done? The earliest frame after which nothing changes any more.

Frame2Frame (arXiv 2411.16819, section 3.3) lets a language model choose the earliest frame that shows the whole edit,
because later frames drift. Here the same is measured, with no model at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from .images import as_rgb
from .sharpness import laplacian_sharpness

GRID = 48  # cells along the longer side in which frames are compared
FLOOR = 0.02  # brightness 0..1: five steps of 255 are not seen as a change
PEAK = 0.01  # share of the cells that counts: an edit may be small
SPREAD = 4.0  # top 1 % over the median, for noise that is the same everywhere
MARGIN = 1.5  # above the measured noise
UNFINISHED = 0.25  # late change above this share of the whole change is never taken for noise
AS_SHARP = 0.95  # of the sharpest


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


def settle(frames: torch.Tensor) -> Settling:
    """Find the moment at which a clip [N, H, W, C] (0..1, in the order of time) comes to rest.

    1. Distance d(a, b) of two frames: both are averaged down to cells (48 along the longer side), which removes grain;
       the largest channel difference of each cell is taken, and d is the mean over the 1 % of cells that differ most.
       So a small object counts as much as a large one.
    2. Noise, from the neighbouring frames of the last quarter: `flicker`, the upper quartile of their d, and `grain`,
       four times their median change over all cells, which moving objects do not raise as long as they fill less than
       half of the picture.
       tolerance = max(0.02, 1.5 min(flicker, grain), min(1.5 flicker, 0.25 max_i d(i, last)))
       The last term allows for flicker that sits on edges only, and its limit keeps a motion that is still going on
       from being taken for noise.
    3. first = the earliest frame with d(j, last) <= tolerance for itself and every later j. A single frame that stands
       out from its two neighbours is a flicker of the VAE and no change: the median of the three counts in its place.
    4. Equals: the frames j >= first with d(j, last) and d(j, first) <= tolerance. The choice is the earliest of them
       whose sharpness (see `laplacian_sharpness`) is at least 95 % of the best among them: a frame in which the motion
       is about to end is still blurred.

    Identical frames and a single frame give 0. Raises ValueError for anything but finite images.
    """
    frames = as_rgb(frames, "frames")
    cells = _cells(frames)
    last = len(cells) - 1
    to_last = _peak(cells - cells[-1:])  # [N]
    tolerance = _tolerance(cells, float(to_last.max()))
    changing = (_without_flicker(to_last) > tolerance).nonzero().flatten()
    rest = int(changing[-1]) + 1 if len(changing) else 0
    settled = [frame for frame in range(rest, last + 1) if to_last[frame] <= tolerance]
    first = settled[0]
    to_first = _peak(cells - cells[first : first + 1])
    equals = tuple(frame for frame in settled if to_first[frame] <= tolerance)
    sharpness = laplacian_sharpness(frames)
    best = max(float(sharpness[frame]) for frame in equals)
    choice = next(frame for frame in equals if float(sharpness[frame]) >= AS_SHARP * best)
    return Settling(choice, first, equals, to_last, tolerance, sharpness)


def _cells(frames: torch.Tensor) -> torch.Tensor:
    """[N, H, W, 3] -> [N, 3, h, w], averaged so that the longer side has at most GRID cells."""
    scale = min(1.0, GRID / max(frames.shape[1:3]))
    size = [max(1, round(side * scale)) for side in frames.shape[1:3]]
    return torch.cat([F.adaptive_avg_pool2d(frame.movedim(-1, 0)[None], size) for frame in frames])


def _change(difference: torch.Tensor) -> torch.Tensor:
    """[N, 3, h, w] -> [N, cells]: the largest channel difference of each cell."""
    return difference.abs().amax(dim=1).flatten(1)


def _peak(difference: torch.Tensor) -> torch.Tensor:
    """[N, 3, h, w] -> [N]: mean over the share of cells that differ most."""
    change = _change(difference)
    return change.topk(max(1, round(PEAK * change.shape[1])), dim=1).values.mean(dim=1)


def _without_flicker(distances: torch.Tensor) -> torch.Tensor:
    """[N] -> [N]: the median of each value and its two neighbours, which leaves a falling curve as it is."""
    padded = torch.cat([distances[:1], distances, distances[-1:]])
    return padded.unfold(0, 3, 1).median(dim=1).values


def _tolerance(cells: torch.Tensor, whole_change: float) -> float:
    late = cells[-max(2, -(-len(cells) // 4)) :]
    if len(late) < 2:
        return FLOOR
    steps = late[1:] - late[:-1]
    flicker = float(_peak(steps).quantile(0.75))
    grain = SPREAD * float(_change(steps).median(dim=1).values.median())
    return max(FLOOR, MARGIN * min(flicker, grain), min(MARGIN * flicker, UNFINISHED * whole_change))
