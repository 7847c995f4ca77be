"""Putting the changed part into the photo: a soft edge, the photo's own size, and nothing else touched."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F

from ..alignment import make_warp_grid
from .change_mask import dilate
from .fit import Fit
from .rim import Rim

Window = tuple[int, int, int, int]  # top, bottom, left, right
NOTHING = 1 / 512  # less than half a step of 255 is nothing
ROWS = 256  # sampled at a time, which bounds memory


def soft_mask(mask: torch.Tensor, fit: Fit, grow: int, feather: int) -> torch.Tensor:
    """How much of the edit to take [h, w] in 0..1, from a mask [h, w] bool of the part that the fit shows.

    The mask grows by `grow` pixels (shrinks, where negative), which are taken in full. Outside of it the share falls
    over `feather` further pixels, by half in the first third of them and then ever more slowly, so that what is left
    of a shadow has no outline. Towards a side that is not a side of the photo it falls to 0 as well: there the photo
    goes on and the edit ends.
    """
    from scipy import ndimage  # ComfyUI loads it anyway, but not when the pack is loaded

    hard = dilate(mask.numpy(), grow)
    if not hard.any():
        return torch.zeros(mask.shape)
    away = torch.from_numpy(ndimage.distance_transform_edt(~hard)).float()
    soft = (1 - away / (feather + 1)).clamp(min=0).square()
    height, width = mask.shape
    box = fit.source_box
    sides = (box.top > 0, box.bottom < fit.source_height, box.left > 0, box.right < fit.source_width)
    rows = _ramp(height, feather, sides[0], sides[1])
    columns = _ramp(width, feather, sides[2], sides[3])
    return soft * rows[:, None] * columns[None, :]


def _ramp(length: int, feather: int, at_start: bool, at_end: bool) -> torch.Tensor:
    """[length]: 1, falling to 0 over the feather at the named ends."""
    if feather == 0:
        return torch.ones(length)
    place = (torch.arange(length) + 0.5) / feather
    start = place.clamp(max=1) if at_start else torch.ones(length)
    end = place.flip(0).clamp(max=1) if at_end else torch.ones(length)
    return start * end


def blend(
    source: torch.Tensor,
    soft: torch.Tensor,
    fit: Fit,
    keep: torch.Tensor | None,
    edit_pixels: Callable[[Window], torch.Tensor],
    rim: Rim | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """(image [H, W, C], mask [H, W]): the photo with the edit where the mask is above 0.

    source: [H, W, C] the photo; one channel becomes three. soft: [h, w] over the fit's part of the photo. keep: [H, W],
    where the photo stays. edit_pixels: gives the edit [h, w, 3] of a window of that part, and is asked once. rim: gives
    the photo a color around the mask; as its detail stays, at most half of such a pixel counts as the edit's.
    """
    image = source.detach().to("cpu", torch.float32)
    image = image.expand(-1, -1, 3).clone() if image.shape[-1] == 1 else image.clone()
    box = fit.source_box
    taken = torch.zeros(image.shape[:2])
    whole = F.interpolate(soft[None, None], size=(box.height, box.width), mode="bilinear", align_corners=False)[0, 0]
    around = torch.zeros(4, 1, 1)  # [4, H, W]: the rim's color, and its reach
    if rim is not None and rim.reach.any():
        around = torch.cat([rim.color, rim.reach[None]])[None]
        around = F.interpolate(around, size=(box.height, box.width), mode="bilinear", align_corners=False)[0]
    around = around.expand(-1, box.height, box.width)
    if keep is not None:
        ours = 1 - keep[box.window].clamp(0, 1)
        whole, around = whole * ours, around * ours
    whole = torch.where(whole < NOTHING, 0.0, torch.where(whole > 1 - NOTHING, 1.0, whole))
    around = torch.where(around[3] < NOTHING, 0.0, around)
    touched = torch.maximum(whole, around[3] / 2)
    rows, columns = touched.amax(dim=1).nonzero().flatten(), touched.amax(dim=0).nonzero().flatten()
    if not len(rows):
        return image, taken
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    edit = edit_pixels((top, bottom, left, right))
    inside = (slice(top, bottom), slice(left, right))
    weight, color, touched = whole[inside], around[:3][:, inside[0], inside[1]].movedim(0, -1), touched[inside]
    taken[box.window][inside] = touched
    part = image[box.window][top:bottom, left:right, :3]
    for first in range(0, len(part), ROWS):  # bounds memory
        some = slice(first, first + ROWS)
        share = weight[some, :, None]
        mixed = torch.lerp((part[some] + color[some]).clamp(0, 1), edit[some], share)
        part[some] = torch.where(touched[some, :, None] > 0, mixed, part[some])
    return image, taken


def sample(images: torch.Tensor, height: int, width: int, window: Window, matrix: torch.Tensor) -> torch.Tensor:
    """A window of images [N, C, h, w] that are moved by a matrix (see `CameraDrift`) and enlarged to height x width."""
    top, bottom, left, right = window
    parts = []
    for first in range(top, bottom, ROWS):
        grid = make_warp_grid(matrix, height, width, first, min(bottom, first + ROWS), left, right)
        grid = grid[None].expand(len(images), -1, -1, -1)
        parts.append(F.grid_sample(images, grid, mode="bicubic", padding_mode="border", align_corners=False))
    return torch.cat(parts, dim=2).clamp_(0, 1)
