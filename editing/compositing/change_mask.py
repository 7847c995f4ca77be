"""Where did an edit change the picture? The difference to the photo, without what a video VAE and a camera leave.

Blur, ringing, grain and half a pixel of motion make differences at every edge of the picture, often larger than a soft
shadow that belongs to the edit. So values are not compared pixel by pixel: a value counts as changed when it lies
outside of the range of values that the other picture has around that place, in both directions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F

from ..images import gaussian

WIDE, NARROW = 2, 1  # pixels of tolerance: to begin a change, and to follow one
CERTAIN, POSSIBLE = 0.06, 0.015  # differences of brightness that begin a change, and that still belong to one
NOISE_CERTAIN, NOISE_POSSIBLE = 3.0, 1.0  # what the measured noise adds to them
PLAIN, REACH = 0.015, 5  # plain difference that still belongs to a change so many pixels away
BROAD, BROAD_CERTAIN = 3.0, 0.07  # a blur in which ringing vanishes, and what begins a change after it
MOST_NOISE = 0.02  # more is an edit of most of the picture
SMALLEST = 8  # pixels in which a change is certain; fewer are noise
CLOSING = 3  # pixels
GUIDE_RADIUS, GUIDE_SOFTNESS = 4, 1e-3
SHARPENED = 1.4  # times the detail of the photo, outside of the change; models often sharpen by up to 1.3
LEAST_DETAIL, LEAST_TILES = 0.01, 4  # grain makes no tile of that strength
BLURS, EXPLAINED = [2 ** (step / 2) for step in range(8)], 0.2  # pixels; share of the squared difference that is left
LOST_TEXTURE = 2.5  # times less detail than the rest of the picture keeps
LEAST_TEXTURE, TEXTURE_REACH = 0.015, 4  # strength; pixels that its measurement spreads over an edge
TILE = 16  # pixels


@dataclass(frozen=True)
class Change:
    """mask [H, W] bool: what changed. noise: the difference that is everywhere. share: of the picture that changed."""

    mask: torch.Tensor
    noise: float

    @property
    def share(self) -> float:
        return float(self.mask.float().mean())


def find_change(
    reference: torch.Tensor, edited: torch.Tensor, protection: float = 0.5, seen: torch.Tensor | None = None
) -> Change:
    """Find what differs between pictures [3, H, W] (0..1) of the same size, light and camera.

    1. The excess of a pixel is how far it lies outside of the range that the other picture has within 2 pixels; of the
       two directions the smaller counts. Its blur begins a change where it is above 0.06 + 3 noise. So does a
       difference that is above 0.07 + 3 noise after a blur of 3 pixels: something small may have turned.
    2. The same with 1 pixel is followed from there as long as it is above 0.015 + noise: this takes in shadows
       (hysteresis), and so is texture of which 2.5 times less is left than elsewhere. Within 5 pixels the plain
       difference is followed too, above 0.015 + 3 noise.
    3. Gaps are closed, holes filled, and the edge is pulled to the edges of the difference by a guided filter.

    The noise is measured: 1.5 times the median of the blurred difference, at most 0.02. `protection` from 0 to 1 halves
    or doubles all thresholds. Where `seen` [H, W] is False no change begins.
    """
    from scipy import ndimage  # ComfyUI loads it anyway, but not when the pack is loaded

    factor = 2.0 ** (2 * protection - 1)
    difference = gaussian((edited - reference)[None], 1.0)
    noise = min(MOST_NOISE, 1.48 * float(difference.abs().amax(dim=1).median()))
    certain = _measure_excess(reference, edited, WIDE) > factor * (CERTAIN + NOISE_CERTAIN * noise)
    possible = _measure_excess(reference, edited, NARROW) > factor * (POSSIBLE + NOISE_POSSIBLE * noise)
    broad = gaussian((edited - reference)[None], BROAD)[0].abs().amax(dim=0)
    certain |= (broad > factor * (BROAD_CERTAIN + NOISE_CERTAIN * noise)) & possible
    if seen is not None:
        certain &= seen
    certain, possible = certain.numpy(), possible.numpy() | _find_lost_texture(reference, edited, factor)
    eight = ndimage.generate_binary_structure(2, 2)
    labels, count = _label(certain, eight)
    if count:
        sizes = ndimage.sum_labels(certain, labels, range(1, count + 1))
        certain = certain & (sizes >= SMALLEST)[labels - 1]
    mask = ndimage.binary_propagation(certain, eight, mask=certain | possible)
    if not mask.any():
        return Change(torch.zeros(mask.shape, dtype=torch.bool), noise)
    # The ranges leave out a few pixels on both sides of every edge; there the plain difference decides.
    differs = difference[0].abs().amax(dim=0).numpy() > factor * (PLAIN + NOISE_CERTAIN * noise)
    mask = ndimage.binary_propagation(mask, eight, mask=mask | differs & dilate(mask, REACH))
    mask = fill_holes(_close_mask(mask, CLOSING))
    refined = _snap_to_edges(torch.from_numpy(mask), difference)
    return Change(torch.from_numpy(fill_holes(refined.numpy())), noise)


def fill_holes(mask):
    """Fill the holes of a boolean array [H, W] that are smaller than what surrounds them: a frame stays a frame."""
    from scipy import ndimage

    holes, count = _label(ndimage.binary_fill_holes(mask) & ~mask)
    if not count:
        return mask
    small = ndimage.sum_labels(holes > 0, holes, range(1, count + 1)) <= mask.sum()
    return mask | ((holes > 0) & small[holes - 1])


def became_sharper(reference: torch.Tensor, edited: torch.Tensor, mask: torch.Tensor) -> bool:
    """Did the picture [3, H, W] come into focus outside of the mask [H, W] too? Grain is no detail.

    Where there is too little texture outside to tell: is what changed only the photo, sharper?
    """
    if min(reference.shape[1:]) < 2 * TILE:
        return False
    detail = [_measure_detail(one) for one in (reference, edited)]
    outside = F.max_pool2d(mask[None, None].float(), TILE)[0, 0] == 0
    textured = outside & (torch.maximum(*detail) > LEAST_DETAIL)
    if int(textured.sum()) < LEAST_TILES:
        return _is_blur_of(reference, edited, mask)
    before, after = (float(one[textured].square().mean()) ** 0.5 for one in detail)
    return after > SHARPENED * before


def _is_blur_of(reference: torch.Tensor, edited: torch.Tensor, mask: torch.Tensor) -> bool:
    """Does a Gaussian blur of the edit [3, H, W] look like the reference where they differ [H, W]?"""

    def error(image: torch.Tensor) -> float:
        return float((image - reference)[:, mask].square().sum())

    allowed = EXPLAINED * error(edited)
    fitting = [sigma for sigma in BLURS if 8 * sigma <= min(mask.shape)]
    return any(error(gaussian(edited[None], sigma)[0]) < allowed for sigma in fitting)


def _measure_detail(image: torch.Tensor) -> torch.Tensor:
    """[3, H, W] -> what each tile holds between 1 and 2.5 pixels."""
    band = gaussian(image[None], 1.0) - gaussian(image[None], 2.5)
    return F.avg_pool2d(band.square().mean(dim=1, keepdim=True), TILE)[0, 0].sqrt()


def _measure_excess(reference: torch.Tensor, edited: torch.Tensor, radius: int) -> torch.Tensor:
    """[3, H, W] twice -> [H, W]: how far the pictures lie outside of each other's range, in the worst channel."""
    there, back = _measure_outside(edited, reference, radius), -_measure_outside(reference, edited, radius)
    excess = torch.where(there.abs() < back.abs(), there, back)
    return gaussian(excess[None], 1.0)[0].abs().amax(dim=0)


def _find_lost_texture(reference: torch.Tensor, edited: torch.Tensor, factor: float) -> np.ndarray:
    """[3, H, W] twice -> [H, W] bool. Fine texture spans a range of values in which what replaced it may well lie."""
    had, has = (
        gaussian((gaussian(one[None], 0.7) - gaussian(one[None], 2.0)).square().mean(dim=1, keepdim=True), 2.0).sqrt()
        for one in (reference, edited)
    )
    textured = had > factor * LEAST_TEXTURE
    if not textured.any():
        return textured[0, 0].numpy()
    kept = (has + 1e-3) / (had + 1e-3)
    lost = textured & (kept * factor * LOST_TEXTURE < kept[textured].median())
    return dilate(lost[0, 0].numpy(), -TEXTURE_REACH)


def _measure_outside(values: torch.Tensor, others: torch.Tensor, radius: int) -> torch.Tensor:
    """How far values [3, H, W] are above (+) or below (-) what others have within a radius."""
    highest = F.max_pool2d(others[None], 2 * radius + 1, 1, radius)[0]
    lowest = -F.max_pool2d(-others[None], 2 * radius + 1, 1, radius)[0]
    return (values - highest).clamp(min=0) - (lowest - values).clamp(min=0)


def _label(mask, structure=None) -> tuple[Any, int]:
    """The connected parts of a boolean array [H, W], numbered from 1, and how many there are."""
    from scipy import ndimage

    labels, count = cast("tuple[Any, int]", ndimage.label(mask, structure))
    return labels, count


def dilate(mask, radius: float):
    """A boolean array [H, W] grown by a radius in pixels; a negative one shrinks it."""
    from scipy import ndimage

    if radius == 0 or not mask.any():
        return mask
    if radius > 0:
        return cast(Any, ndimage.distance_transform_edt(~mask)) <= radius
    return cast(Any, ndimage.distance_transform_edt(mask)) > -radius


def _close_mask(mask, radius: int):
    """Grown and shrunk again; the picture's border does not count as unchanged."""
    around = np.pad(mask, radius + 1, mode="edge")
    around = dilate(dilate(around, radius), -radius)
    return mask | around[radius + 1 : -radius - 1, radius + 1 : -radius - 1]


def _snap_to_edges(mask: torch.Tensor, difference: torch.Tensor) -> torch.Tensor:
    """The mask [H, W] with its edge where the difference [1, 3, H, W] has one, by a guided filter."""
    from kornia.filters import guided_blur

    size = 2 * GUIDE_RADIUS + 1
    if min(mask.shape) <= size:
        return mask
    return guided_blur(difference, mask[None, None].float(), size, GUIDE_SOFTNESS)[0, 0] > 0.5
