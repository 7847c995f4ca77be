"""Drift: what changes between an image and its edit although nobody asked for it. Exposure, color and a slow camera.

All of it is estimated on what the edit left alone. The edit itself is an outlier of these fits, so they are robust: a
pixel that does not follow the rest loses its weight.

Both users share one model (gain and offset of each channel; shift, zoom and turn of the camera) and one way to fit it.
Compositing undoes the drift of one image, at up to 512 pixels and only where it is sure: `estimate_exposure` and
`estimate_camera`. The frame selector wants one number for each of many frames, on grids of 64 cells: `measure_drift`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from .images import gaussian
from .parallel import in_parallel

MAX_GAIN = 1.3  # a stronger change of exposure is an edit and no drift
MAX_OFFSET = 0.1
MAX_MOTION = 0.04  # of the longer side
SEEN_MOTION = 0.15  # pixels in a corner: less than that is not corrected
REGISTER_SIDE = 512  # pixels of the longer side at which the camera is looked for
COARSEST = 16  # pixels of the shorter side, at least, at the first of its sizes
ROUNDS = 12  # of reweighting, at most
TUKEY, MAD_TO_SIGMA = 4.685, 1.4826  # of robust statistics: 95 % efficient for normal noise
LEAST_NOISE = 0.004  # brightness: one step of 255
RIDGE = 1e-3  # a pixel: keeps the camera at rest where nothing speaks for a motion
VOTE_TILE, VOTE_DETAIL = 16, 0.01  # pixels of a part of the picture that has a vote, if it holds that much detail
CLOSER = 0.12  # what the votes come to, on average, if the camera moved; up to 0.11 if only the edit did
DRIFT_GRID = 64  # cells along the longer side in which `measure_drift` looks for drift
AT_A_TIME = 8  # frames, so that all of their cells stay in the processor's cache
SEEN_COLOR = 0.02  # brightness 0..1: a change of color that is just noticed
SEEN_SHIFT = 0.005  # share of the longer side: a shift of the picture that is just noticed, 4 pixels of 832


@dataclass(frozen=True)
class ExposureDrift:
    """edit = gain * photo + offset, for each channel [3]."""

    gain: torch.Tensor
    offset: torch.Tensor

    def undo(self, edited: torch.Tensor) -> torch.Tensor:
        """Edited images [N, 3, H, W] in the photo's light."""
        return ((edited - self.offset[:, None, None]) / self.gain[:, None, None]).clamp(0, 1)

    @property
    def is_edit(self) -> bool:
        """Is this more than a video model drifts, so that somebody will have asked for it?"""
        return bool(_is_edit(self.gain, self.offset))

    def __str__(self) -> str:
        numbers = ", ".join(f"{100 * (gain - 1):+.1f} %" for gain in self.gain.tolist())
        offsets = ", ".join(f"{255 * offset:+.1f}" for offset in self.offset.tolist())
        return f"gain {numbers} and offset {offsets} of 255 (red, green, blue)"


def _is_edit(gain: torch.Tensor, offset: torch.Tensor) -> torch.Tensor:
    """[..., 3] -> [...]: do gain and offset exceed what a video model drifts?"""
    steepest = torch.maximum(gain, 1 / gain.clamp(min=1e-6)).amax(dim=-1)
    middle = gain * 0.5 + offset - 0.5  # what happens to a middle grey
    return (steepest > MAX_GAIN) | (middle.abs().amax(dim=-1) > MAX_OFFSET)


NO_EXPOSURE_DRIFT = ExposureDrift(torch.ones(3), torch.zeros(3))


def estimate_exposure(reference: torch.Tensor, edited: torch.Tensor) -> ExposureDrift:
    """Gain and offset between pictures [3, H, W] in 0..1, on the part that follows one line; see `_fit_exposure`.

    Both are blurred first, so that grain and a shift of a few pixels do not count.
    """
    smooth = [gaussian(one[None], 3.0)[..., ::3, ::3] for one in (reference, edited)]
    gain, offset = _fit_exposure(*smooth)
    return ExposureDrift(gain[0].float(), offset[0].float())


def _fit_exposure(reference: torch.Tensor, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Gain and offset [N, 3] (float64) that lead from a picture [1, 3, h, w] to frames [N, 3, h, w], all 0..1.

    Iteratively reweighted least squares with Geman-McClure weights, whose scale falls to three times the median
    residual. Values near black and white, where clipping bends the line, are left out. With less than 1 % of the
    picture left there is no drift.
    """
    x, y = reference.flatten(2).double().expand(len(frames), -1, -1), frames.flatten(2).double()  # [N, 3, P]
    valid = (x > 0.02) & (x < 0.98) & (y > 0.02) & (y < 0.98)
    gain, offset = torch.ones_like(x[..., :1]), _masked_median(y - x, valid)  # [N, 3, 1]
    for _ in range(ROUNDS):
        residual = y - gain * x - offset
        scale = (3 * _masked_median(residual.abs(), valid)).clamp(min=0.005)
        weight = valid / (1 + (residual / scale).square()).square()
        total = weight.sum(dim=-1, keepdim=True).clamp(min=1e-9)
        mean_x, mean_y = ((weight * value).sum(dim=-1, keepdim=True) / total for value in (x, y))
        spread = (weight * (x - mean_x).square()).sum(dim=-1, keepdim=True)
        tilt = (weight * (x - mean_x) * (y - mean_y)).sum(dim=-1, keepdim=True)
        # A picture of one brightness says nothing of a gain: a little pull towards 1.
        pull = 1e-4 * total
        gain = (tilt + pull) / (spread + pull)
        offset = mean_y - gain * mean_x
    known = valid.sum(dim=-1) >= max(16, 0.01 * x.shape[-1])  # [N, 3]
    return torch.where(known, gain[..., 0], 1.0), torch.where(known, offset[..., 0], 0.0)


def _masked_median(values: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Medians [..., 1] of the valid ones among values [..., P]; 0 where there are none."""
    return values.masked_fill(~valid, torch.nan).nanmedian(dim=-1, keepdim=True).values.nan_to_num(0.0)


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


def estimate_camera(reference: torch.Tensor, edited: torch.Tensor) -> CameraDrift:
    """Shift, turn and zoom between pictures [3, H, W] of the same exposure, from coarse to fine; see `_fit_camera`.

    Returns no drift where the motion is too small to be seen (0.15 pixels in every corner), too large to be drift (4 %
    of the longer side), or where undoing it does not bring the pictures closer everywhere: in a plain picture what
    follows the edit itself, such as a thing that grew, brings only that closer.
    """
    height, width = reference.shape[1:]
    if min(height, width) < 32:
        return NO_CAMERA_DRIFT
    scale = min(1.0, REGISTER_SIDE / max(height, width))
    size = [max(8, round(side * scale)) for side in (height, width)]
    target, moving = (
        F.interpolate(one.mean(dim=0)[None, None], size=size, mode="bilinear", antialias=True)
        for one in (reference, edited)
    )
    matrix = _matrix(_fit_camera(target, moving), height, width)[0]
    pixels = _corner_motion(matrix, height, width)
    if not SEEN_MOTION <= pixels <= MAX_MOTION * max(height, width):  # not a number neither
        return NO_CAMERA_DRIFT
    warped = warp(moving, matrix[None], "bicubic")
    return CameraDrift(matrix, pixels) if _count_votes(target, moving, warped) >= CLOSER else NO_CAMERA_DRIFT


def _count_votes(target: torch.Tensor, before: torch.Tensor, after: torch.Tensor) -> float:
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


def _fit_camera(target: torch.Tensor, moving: torch.Tensor) -> torch.Tensor:
    """Where gray frames [N, 1, h, w] show what a picture [1, 1, h, w] shows: motions [N, 4], see `_matrix`.

    Gauss-Newton steps (Lucas and Kanade) from coarse to fine, with Tukey's weights: a pixel that differs by far more
    than the median gets none, which is how the part that the edit touches drops out. A gain and an offset are fitted
    along with the motion, so that another exposure is not taken for one (Odobez and Bouthemy, "Robust multiresolution
    estimation of parametric motion models", 1995). kornia's ImageRegistrator finds the same motion by gradient descent,
    to 0.1 pixels, in 30 times the time.
    """
    from kornia.geometry.transform import build_pyramid  # takes a second to load

    levels = 1 + max(0, int(math.log2(min(target.shape[2:]) / COARSEST)))
    fitted = torch.zeros(len(moving), 6, dtype=torch.float64)
    for wanted, given in zip(*(reversed(build_pyramid(one, levels)) for one in (target, moving)), strict=True):
        fitted = _refine_camera(wanted, given, fitted)
    return fitted[:, :4]


def _refine_camera(target: torch.Tensor, moving: torch.Tensor, fitted: torch.Tensor) -> torch.Tensor:
    """Motion, gain - 1 and offset [N, 6] after some steps between gray pictures [1, 1, H, W] and [N, 1, H, W]."""
    from kornia.filters import spatial_gradient

    height, width = target.shape[2:]
    longer = max(height, width)
    planes = torch.cat([moving, spatial_gradient(moving, "diff")[:, 0]], dim=1)  # brightness and its two slopes
    y, x = torch.meshgrid(
        (torch.arange(height) + 0.5 - height / 2) / longer,
        (torch.arange(width) + 0.5 - width / 2) / longer,
        indexing="ij",
    )
    still = RIDGE * height * width * torch.eye(6, dtype=torch.float64)
    moves = torch.ones(len(moving), dtype=torch.bool)  # a frame that has arrived stays, whatever the others do
    for _ in range(ROUNDS):
        grid = make_warp_grid(_matrix(fitted[:, :4], height, width), height, width, 0, height, 0, width)
        seen = (grid.abs() <= 1 - 2 / min(height, width)).all(dim=-1)  # [N, H, W]
        sampled = F.grid_sample(planes, grid, mode="bilinear", padding_mode="border", align_corners=False)
        gain, offset = fitted[:, 4:].float().T[..., None, None]  # [N, 1, 1]
        residual = sampled[:, 0] - (1 + gain) * target[:, 0] - offset
        right, down = (sampled[:, 1:] * longer).unbind(dim=1)
        brightness = target[:, 0].expand_as(right)
        slopes = [right * x + down * y, down * x - right * y, right, down, -brightness, -torch.ones_like(right)]
        basis = torch.stack(slopes, dim=1).flatten(2)  # [N, 6, P]
        weighted = basis * _weigh(residual.flatten(1), seen.flatten(1))[:, None]
        normal, side = weighted @ basis.mT, weighted @ residual.flatten(1)[..., None]
        step = torch.linalg.solve(normal.double() + still, side.double())
        fitted = torch.where(moves[:, None], (fitted - step[..., 0]).clamp(-0.25, 0.25), fitted)
        moves &= step[:, :4, 0].abs().amax(dim=1) >= 0.003 / longer
        if not moves.any():
            break
    return fitted


def _weigh(residual: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """Tukey's weights 0..1 of residuals [N, P]: 0 for what is not seen or is far above the median."""
    sigma = (MAD_TO_SIGMA * _masked_median(residual.abs(), seen)).clamp(min=LEAST_NOISE)
    return (1 - (residual / (TUKEY * sigma)).square()).clamp(min=0).square() * seen


def _matrix(motion: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Matrices [N, 3, 3], in coordinates from -1 to 1, of motions [N, 4].

    A motion is zoom - 1, turn, and the shift right and down, in units of the longer side.
    """
    zoom, turn, right, down = motion.unbind(dim=1)
    longer = max(height, width)
    one, none = torch.ones_like(zoom), torch.zeros_like(zoom)
    rows = [
        [1 + zoom, -turn * height / width, 2 * right * longer / width],
        [turn * width / height, 1 + zoom, 2 * down * longer / height],
        [none, none, one],
    ]
    return torch.stack([torch.stack(row, dim=1) for row in rows], dim=1).float()


def make_warp_grid(matrix: torch.Tensor, height: int, width: int, top: int, bottom: int, left: int, right: int):
    """Where the pixels of a window of a height x width picture are found, x and y from -1 to 1.

    matrix: [3, 3] -> [h, w, 2], or [N, 3, 3] -> [N, h, w, 2].
    """
    x = ((torch.arange(left, right) + 0.5) * 2 / width - 1)[None, :]
    y = ((torch.arange(top, bottom) + 0.5) * 2 / height - 1)[:, None]
    a, b, c = (
        row[..., 0, None, None] * x + row[..., 1, None, None] * y + row[..., 2, None, None]
        for row in matrix.unbind(dim=-2)
    )
    return torch.stack([a / c, b / c], dim=-1)


def warp(images: torch.Tensor, matrix: torch.Tensor, mode: str = "bilinear") -> torch.Tensor:
    """Images [N, C, H, W] moved by matrices [N, 3, 3]; what comes in from outside repeats the border."""
    height, width = images.shape[2:]
    grid = make_warp_grid(matrix, height, width, 0, height, 0, width)
    return F.grid_sample(images, grid, mode=mode, padding_mode="border", align_corners=False)


def find_visible(matrix: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """[H, W] bool: what a moved camera still saw of a picture of this size."""
    return (make_warp_grid(matrix, height, width, 0, height, 0, width).abs() <= 1).all(dim=-1)


def _corner_motion(matrix: torch.Tensor, height: int, width: int) -> float:
    corners = torch.tensor([[-1.0, -1, 1], [1, -1, 1], [-1, 1, 1], [1, 1, 1]]).T
    moved = matrix @ corners
    moved = moved[:2] / moved[2:]
    half = torch.tensor([[width / 2], [height / 2]])
    return float(((moved - corners[:2]) * half).norm(dim=0).max())


@dataclass(frozen=True)
class Drift:
    """How far what should have stayed has changed, one value for each frame [N].

    color: change of exposure and color, in brightness 0..1. camera: how far the picture is shifted, in shares of its
    longer side. total: both together; 1 is just noticed.
    """

    color: torch.Tensor
    camera: torch.Tensor

    @property
    def total(self) -> torch.Tensor:
        return torch.hypot(self.color / SEEN_COLOR, self.camera / SEEN_SHIFT)


def measure_drift(reference: torch.Tensor, frames: torch.Tensor) -> Drift:
    """The drift of many frames at once, on cells: reference [3, h, w], frames [N, 3, h, w] of DRIFT_GRID cells, 0..1.

        frame(x, y) = gain reference(x + u, y + v) + offset      for each channel, with the camera's (u, v)

    color = root mean square, over cells and channels, of what gain and offset change; camera = root mean square of
    (u, v) over the picture. The camera is fitted first, the exposure on frames that lie on the reference. A reference
    of another size is scaled to that of the frames.
    """
    if reference.shape != frames.shape[1:]:
        reference = F.interpolate(reference[None], size=frames.shape[2:], mode="bilinear", antialias=True)[0]
    parts = in_parallel(lambda part: _measure_some(reference[None], part), frames.split(AT_A_TIME))
    return Drift(*(torch.cat(values) for values in zip(*parts, strict=True)))


def _measure_some(reference: torch.Tensor, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """reference [1, 3, h, w], frames [N, 3, h, w] -> color [N], camera [N]."""
    height, width = frames.shape[2:]
    motion = _fit_camera(*(one.mean(dim=1, keepdim=True) for one in (reference, frames)))
    aligned = warp(frames, _matrix(motion, height, width))
    if min(height, width) > 1:  # as many cells as the exposure needs
        gain, offset = _fit_exposure(F.avg_pool2d(reference, 2), F.avg_pool2d(aligned, 2))
    else:
        gain, offset = _fit_exposure(reference, aligned)
    change = (gain - 1)[..., None] * reference.flatten(2) + offset[..., None]  # [N, 3, P]
    spread = (height**2 + width**2) / (12 * max(height, width) ** 2)  # mean square distance from the middle
    camera = motion[:, 2:].square().sum(dim=1) + motion[:, :2].square().sum(dim=1) * spread
    return change.square().mean(dim=(1, 2)).sqrt().float(), camera.sqrt().float()
