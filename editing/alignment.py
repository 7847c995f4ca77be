"""What changes between a photo and its edit although nobody asked for it: exposure, colour and a slow camera.

All of it is estimated on what the edit left alone. The edit itself is an outlier of these fits, so they are robust: a
pixel that does not follow the rest loses its weight.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

MAX_GAIN = 1.3  # a stronger change of light is an edit and no drift
MAX_OFFSET = 0.1
MAX_MOTION = 0.04  # of the longer side
SEEN_MOTION = 0.15  # pixels in a corner: less than that is not corrected
REGISTER_SIDE = 512  # pixels of the longer side at which the camera is looked for
COARSEST = 24  # pixels of the shorter side, at least, at the first of its sizes
SOFTNESS = 0.05  # difference in brightness at which a pixel loses half of its weight
VOTE_TILE, VOTE_DETAIL = 16, 0.01  # pixels of a part of the picture that has a vote, if it holds that much detail
CLOSER = 0.12  # what the votes come to, on average, if the camera moved; up to 0.11 if only the edit did


@dataclass(frozen=True)
class ColourDrift:
    """edit = gain * photo + offset, for each channel [3]."""

    gain: torch.Tensor
    offset: torch.Tensor

    def undo(self, edited: torch.Tensor) -> torch.Tensor:
        """Edited images [N, 3, H, W] in the photo's light."""
        return ((edited - self.offset[:, None, None]) / self.gain[:, None, None]).clamp(0, 1)

    @property
    def is_edit(self) -> bool:
        """Is this more than a video model drifts, so that somebody will have asked for it?"""
        steepest = max(float(self.gain.max()), 1 / max(float(self.gain.min()), 1e-6))
        middle = self.gain * 0.5 + self.offset - 0.5  # what happens to a middle grey
        return steepest > MAX_GAIN or float(middle.abs().max()) > MAX_OFFSET

    def __str__(self) -> str:
        numbers = ", ".join(f"{100 * (gain - 1):+.1f} %" for gain in self.gain.tolist())
        offsets = ", ".join(f"{255 * offset:+.1f}" for offset in self.offset.tolist())
        return f"gain {numbers} and offset {offsets} of 255 (red, green, blue)"


NO_COLOUR_DRIFT = ColourDrift(torch.ones(3), torch.zeros(3))


def colour_drift(reference: torch.Tensor, edited: torch.Tensor, rounds: int = 12) -> ColourDrift:
    """Gain and offset between pictures [3, H, W] in 0..1, on the part that follows one line.

    Iteratively reweighted least squares with Geman-McClure weights, whose scale falls to three times the median
    residual. Both are blurred first, so that grain and a shift of a few pixels do not count; values near black and
    white, where clipping bends the line, are left out. With less than 1 % of the picture left there is no drift.
    """
    gains, offsets = [], []
    smooth = [gaussian(one[None], 3.0)[0, :, ::3, ::3].flatten(1).double() for one in (reference, edited)]
    for x, y in zip(*smooth, strict=True):
        valid = (x > 0.02) & (x < 0.98) & (y > 0.02) & (y < 0.98)
        gain, offset = 1.0, 0.0
        x, y = x[valid], y[valid]
        if len(x) >= max(16, 0.01 * len(valid)):
            offset = float((y - x).median())
            for _ in range(rounds):
                residual = y - gain * x - offset
                scale = max(3 * float(residual.abs().median()), 0.005)
                weight = 1 / (1 + (residual / scale).square()).square()
                total = weight.sum()
                mean_x, mean_y = (weight * x).sum() / total, (weight * y).sum() / total
                spread = (weight * (x - mean_x).square()).sum()
                tilt = (weight * (x - mean_x) * (y - mean_y)).sum()
                # A picture of one brightness says nothing of a gain: a little pull towards 1.
                pull = 1e-4 * total
                gain = float((tilt + pull) / (spread + pull))
                offset = float(mean_y - gain * mean_x)
        gains.append(gain)
        offsets.append(offset)
    return ColourDrift(torch.tensor(gains, dtype=torch.float32), torch.tensor(offsets, dtype=torch.float32))


@dataclass(frozen=True)
class CameraDrift:
    """Where a point of the photo is found in the edit: a 3x3 matrix in coordinates from -1 to 1 over the picture.

    pixels: the farthest that a corner moves.
    """

    matrix: torch.Tensor
    pixels: float

    def __str__(self) -> str:
        return f"{self.pixels:.1f} pixels at the corners"


NO_CAMERA_DRIFT = CameraDrift(torch.eye(3), 0.0)


def camera_drift(reference: torch.Tensor, edited: torch.Tensor, rounds: int = 12) -> CameraDrift:
    """Shift, turn and zoom between pictures [3, H, W] of the same light, from coarse to fine.

    Gauss-Newton steps (Lucas and Kanade) with Geman-McClure weights, so that what the edit changed has a bounded say.
    kornia's ImageRegistrator finds the same by gradient descent, to 0.1 pixels, in 30 times the time. Returns no drift
    where the motion is too small to be seen (0.15 pixels in every corner), too large to be drift (4 % of the longer
    side), or where undoing it does not bring the pictures closer everywhere: in a plain picture what follows the edit
    itself, such as a thing that grew, brings only that closer.
    """
    from kornia.geometry.transform import build_pyramid  # takes a second to load

    height, width = reference.shape[1:]
    if min(height, width) < 32:
        return NO_CAMERA_DRIFT
    scale = min(1.0, REGISTER_SIDE / max(height, width))
    size = [max(8, round(side * scale)) for side in (height, width)]
    levels = 1 + max(0, int(math.log2(min(size) / COARSEST)))
    target, moving = (
        build_pyramid(F.interpolate(one.mean(dim=0)[None, None], size=size, mode="bilinear", antialias=True), levels)
        for one in (reference, edited)
    )
    motion = torch.zeros(4, dtype=torch.float64)  # zoom - 1, turn, shift right and down, in units of the longer side
    for wanted, given in zip(reversed(target), reversed(moving), strict=True):
        motion = _follow(wanted, given, motion, rounds)
    matrix = _matrix(motion, height, width)
    pixels = _corner_motion(matrix, height, width)
    if not SEEN_MOTION <= pixels <= MAX_MOTION * max(height, width):  # not a number neither
        return NO_CAMERA_DRIFT
    grid = moved_grid(matrix, *size, 0, size[0], 0, size[1])[None]
    warped = F.grid_sample(moving[0], grid, mode="bicubic", padding_mode="border", align_corners=False)
    return CameraDrift(matrix, pixels) if _votes(target[0], moving[0], warped) >= CLOSER else NO_CAMERA_DRIFT


def _votes(target: torch.Tensor, before: torch.Tensor, after: torch.Tensor) -> float:
    """Did all of the picture come closer to the target? Grey pictures [1, 1, H, W] -> -1 (no) to 1 (everywhere).

    Each part with detail has a vote of that range, however much it differs, so that an edit cannot outvote the rest.
    """
    from kornia.filters import spatial_gradient

    border = 4  # pixels, where something else may have come into view
    if min(target.shape[2:]) < VOTE_TILE + 2 * border:
        return 0.0
    inside = (..., slice(border, -border), slice(border, -border))

    def of_parts(values: torch.Tensor) -> torch.Tensor:
        return F.avg_pool2d(values[inside], VOTE_TILE)

    detailed = of_parts(spatial_gradient(target, "diff").square().sum(dim=2)).sqrt() > VOTE_DETAIL
    errors = [of_parts(gaussian(one - target, 1.0).square()) + 1e-9 for one in (before, after)]
    votes = (errors[0] - errors[1]) / (errors[0] + errors[1])
    return float(votes[detailed].mean()) if detailed.any() else 0.0


def _follow(target: torch.Tensor, moving: torch.Tensor, motion: torch.Tensor, rounds: int) -> torch.Tensor:
    """The motion [4] after some Gauss-Newton steps between grey pictures [1, 1, H, W]."""
    from kornia.filters import spatial_gradient

    height, width = target.shape[2:]
    longer = max(height, width)
    planes = torch.cat([moving, spatial_gradient(moving, "diff")[:, 0]], dim=1)  # brightness and its two slopes
    y, x = torch.meshgrid(
        (torch.arange(height) + 0.5 - height / 2) / longer,
        (torch.arange(width) + 0.5 - width / 2) / longer,
        indexing="ij",
    )
    for _ in range(rounds):
        grid = moved_grid(_matrix(motion, height, width), height, width, 0, height, 0, width)
        seen = (grid.abs() <= 1 - 4 / min(height, width)).all(dim=-1)
        sampled = F.grid_sample(planes, grid[None], mode="bilinear", padding_mode="border", align_corners=False)[0]
        residual = (sampled[0] - target[0, 0])[seen]
        right, down = (sampled[1:] * longer)[:, seen]
        ways = torch.stack([right * x[seen] + down * y[seen], down * x[seen] - right * y[seen], right, down]).double()
        weight = (1 / (1 + (residual / SOFTNESS).square()).square()).double()
        normal = (ways * weight) @ ways.T
        normal += (1e-6 * normal.trace() + 1e-12) * torch.eye(4, dtype=torch.float64)
        step = torch.linalg.solve(normal, (ways * weight) @ residual.double())
        motion = (motion - step).clamp(-0.2, 0.2)
        if float(step.abs().max()) < 0.003 / longer:
            break
    return motion


def _matrix(motion: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """The 3x3 matrix of a motion [4], in coordinates from -1 to 1."""
    zoom, turn, right, down = motion.tolist()
    longer = max(height, width)
    return torch.tensor(
        [
            [1 + zoom, -turn * height / width, 2 * right * longer / width],
            [turn * width / height, 1 + zoom, 2 * down * longer / height],
            [0, 0, 1],
        ],
        dtype=torch.float32,
    )


def moved_grid(matrix: torch.Tensor, height: int, width: int, top: int, bottom: int, left: int, right: int):
    """[h, w, 2]: where the pixels of a window of a height x width picture are found, x and y from -1 to 1."""
    x = ((torch.arange(left, right) + 0.5) * 2 / width - 1)[None, :]
    y = ((torch.arange(top, bottom) + 0.5) * 2 / height - 1)[:, None]
    a, b, c = (row[0] * x + row[1] * y + row[2] for row in matrix)
    return torch.stack([a / c, b / c], dim=-1)


def seen_by(matrix: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """[H, W] bool: what a moved camera still saw of a picture of this size."""
    return (moved_grid(matrix, height, width, 0, height, 0, width).abs() <= 1).all(dim=-1)


def _corner_motion(matrix: torch.Tensor, height: int, width: int) -> float:
    corners = torch.tensor([[-1.0, -1, 1], [1, -1, 1], [-1, 1, 1], [1, 1, 1]]).T
    moved = matrix @ corners
    moved = moved[:2] / moved[2:]
    half = torch.tensor([[width / 2], [height / 2]])
    return float(((moved - corners[:2]) * half).norm(dim=0).max())


def gaussian(images: torch.Tensor, sigma: float) -> torch.Tensor:
    """Images [N, C, H, W] blurred by a Gaussian of sigma pixels."""
    from kornia.filters import gaussian_blur2d

    size = 2 * math.ceil(3 * sigma) + 1
    kernel = [min(size, side - 1 + side % 2) for side in images.shape[2:]]
    return gaussian_blur2d(images, kernel, (sigma, sigma), border_type="replicate")
