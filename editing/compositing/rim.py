"""The rim of a change: how far a shadow reached that is gone, and how far a new one does.

The faint end of a soft shadow is too weak to count as changed. Cut off at the change mask it leaves an outline of a few
steps of 255, dark where the old shadow was and bright around the new one, which everybody sees on plain ground. So
there the colors fade over a wider band than the detail does (a multi-band blend in two bands, Burt and Adelson 1983).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ..images import gaussian
from .change_mask import dilate

STEP = 1 / 255
WIDTH = 8  # pixels of the rim; with 4 an edge of 1.5 steps of 255 is left on average, with 8 1.1 and with 16 1.0
COLOR = 2.0  # pixels: what a blur of that size keeps is color, the rest is detail
STEEP = 2.5 * STEP  # a slope a pixel; more is an edge or texture, where nobody sees an outline
FAINT, STRONG = 6 * STEP, 10 * STEP  # differences up to which the rim fades, and from which on it stays the photo's


@dataclass(frozen=True)
class Rim:
    """What to add to the photo around a change, color [3, h, w], and how much it is the edit's there: reach [h, w]."""

    color: torch.Tensor
    reach: torch.Tensor


def blend_rim(reference: torch.Tensor, edited: torch.Tensor, mask: torch.Tensor) -> Rim:
    """The rim of a change, mask [h, w] bool, between the photo and the edit, [3, h, w] in 0..1.

    Where both are plain and differ faintly, the photo's colors fade into the edit's; its detail stays.
    """
    plain = torch.maximum(_slope(edited), _slope(torch.where(mask, edited, reference))) < STEEP
    part = plain & ~mask & torch.from_numpy(dilate(mask.numpy(), WIDTH))
    difference = gaussian(edited[None], COLOR)[0] - _blur_within(reference, ~mask, COLOR)
    faint = ((STRONG - difference.abs().amax(0)) / (STRONG - FAINT)).clamp(0, 1)
    faint = _blur_within(faint[None], part, 1.0)[0] * part
    reach = faint * (1 - _distance(mask) / (WIDTH + 1)).clamp(min=0)
    return Rim(reach * difference, reach)


def _slope(image: torch.Tensor) -> torch.Tensor:
    """[3, h, w] -> [h, w]: the steepest channel's slope a pixel, after a blur of 1 pixel."""
    from kornia.filters import spatial_gradient  # takes a second to load

    return spatial_gradient(gaussian(image[None], 1.0), "diff")[0].square().sum(dim=1).sqrt().amax(dim=0)


def _blur_within(image: torch.Tensor, part: torch.Tensor, sigma: float) -> torch.Tensor:
    """The image [C, h, w] blurred, with nothing from outside of a part [h, w] bool."""
    weight = gaussian(part[None, None].float(), sigma)[0]
    return gaussian((image * part)[None], sigma)[0] / weight.clamp(min=1e-3)


def _distance(mask: torch.Tensor) -> torch.Tensor:
    """[h, w]: pixels to the nearest one of the mask."""
    from scipy import ndimage  # ComfyUI loads it anyway, but not when the pack is loaded

    return torch.from_numpy(ndimage.distance_transform_edt(~mask.numpy())).float()
