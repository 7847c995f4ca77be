"""From a photo of any size to an image of the model's size, and exactly back.

Everything is whole pixels: a box of the photo is shown in a box of the model's image, and `Fit` remembers both. All
resizing uses Pillow's Lanczos filter on floats, so nothing is rounded to 255 steps on the way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from ..images import as_rgb, gaussian, resize

CROP, PAD_BLACK, PAD_BLURRED, REGION = "crop", "pad black", "pad blurred edge", "region"
FIT_METHODS = (CROP, PAD_BLACK, PAD_BLURRED, REGION)
RESOLUTIONS = {"480p": 832 * 480, "720p": 1280 * 720}
# The sizes that Wan's own code offers (wan/configs, SUPPORTED_SIZES), which the models were trained near.
WAN_SIZES = ((832, 480), (1280, 720), (1280, 704), (624, 624), (960, 960))
ASPECTS = {"as it is": None, "16:9 or 9:16": 16 / 9, "4:3 or 3:4": 4 / 3, "square": 1.0}
NEAR = 0.03  # log of aspect or area up to which one of Wan's own sizes is taken, and a photo squeezed into it
OVERSHOOT = 1.05  # at most, times the pixels that were asked for: the price of round sizes
SAME_ASPECT = 0.02  # log of the ratio up to which two images have the same aspect
REGION_ASPECT = 2.0  # a region narrower than this grows: video models know no strips
MARKED = 0.1  # mask values above this belong to the region
MAX_BLUR = 40.0  # pixels


@dataclass(frozen=True)
class Box:
    """A rectangle of whole pixels."""

    left: int
    top: int
    width: int
    height: int

    @property
    def right(self) -> int:
        return self.left + self.width

    @property
    def bottom(self) -> int:
        return self.top + self.height

    @property
    def window(self) -> tuple[slice, slice]:
        """Indices of the rows and columns."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


@dataclass(frozen=True)
class Fit:
    """Which part of a photo is shown where in the model's image, in whole pixels.

    source_width, source_height: of the photo. source_box: the part of it that is shown. width, height: of the model's
    image. box: where that part is in it; the rest, if any, is padding.
    """

    source_width: int
    source_height: int
    source_box: Box
    width: int
    height: int
    box: Box

    @property
    def scale(self) -> float:
        """Pixels of the photo for one pixel of the model's image."""
        return math.sqrt(self.source_box.width * self.source_box.height / (self.box.width * self.box.height))


def model_size(aspect: float, pixels: float, multiple_of: int = 16) -> tuple[int, int]:
    """(width, height), multiples of `multiple_of`, near an aspect (width over height) and a number of pixels.

    One of Wan's own sizes where it is within 3 % of both; otherwise the best compromise, where a wrong aspect weighs
    twice as much as a wrong area, with at most 5 % more pixels. Raises ValueError for values that are not positive.
    """
    if not (aspect > 0 and pixels > 0 and multiple_of > 0 and math.isfinite(aspect) and math.isfinite(pixels)):
        raise ValueError(
            f"A model size needs a positive aspect, pixels and multiple_of, got {aspect}, {pixels}, {multiple_of}."
        )
    for wide in WAN_SIZES:
        for width, height in (wide, wide[::-1]):
            fits = width % multiple_of == 0 and height % multiple_of == 0
            near = max(abs(math.log(width / height / aspect)), abs(math.log(width * height / pixels)))
            if fits and near <= NEAR:
                return width, height
    best, least = (multiple_of, multiple_of), math.inf
    for rows in range(1, max(1, int(OVERSHOOT * pixels / multiple_of**2)) + 1):
        for columns in {max(1, math.floor(rows * aspect)), math.ceil(rows * aspect)}:
            area = rows * columns * multiple_of**2
            if area > max(OVERSHOOT * pixels, multiple_of**2):
                continue
            cost = abs(math.log(columns / rows / aspect)) + 0.5 * abs(math.log(area / pixels))
            if cost < least:
                best, least = (columns * multiple_of, rows * multiple_of), cost
    return best


def plan_fit(
    width: int,
    height: int,
    pixels: float,
    multiple_of: int = 16,
    method: str = CROP,
    aspect: float | None = None,
    region: Box | None = None,
    margin: float = 0.0,
) -> Fit:
    """How a photo of this size becomes the model's image.

    Args:
        width, height: of the photo in pixels.
        pixels: of the model's image, about.
        multiple_of: of which its sides are multiples: 16, for the 5B model 32.
        method: "crop" cuts the longer side's ends off, "pad black" and "pad blurred edge" keep the whole photo,
            "region" takes the named box of it, grown to the aspect of the image. Up to 3 % between the aspects,
            which the multiples need, are neither cut off nor padded but squeezed, which the way back undoes: an edit
            at the border would otherwise end in a line.
        aspect: longer side over shorter side; None takes that of the photo or the region.
        region: the box of "region", in pixels of the photo; what lies outside of the photo is cut off.
        margin: what "region" adds around the box, as a share of its longer side.

    Raises ValueError for an unknown method, and for a region that is missing, has no size or lies outside the photo.
    """
    if method not in FIT_METHODS:
        raise ValueError(f"Unknown method {method!r}. Choose one of {', '.join(FIT_METHODS)}.")
    shown = Box(0, 0, width, height)
    if method == REGION:
        shown = _grow_region(_inside(region, width, height), width, height, margin, aspect)
    ratio = shown.width / shown.height
    if aspect is not None:
        ratio = aspect if ratio >= 1 else 1 / aspect
    size = model_size(ratio, pixels, multiple_of)
    if method == REGION:
        shown = _to_aspect(shown, width, height, size[0] / size[1])
    if abs(math.log(shown.width / shown.height * size[1] / size[0])) <= NEAR:
        return Fit(width, height, shown, *size, Box(0, 0, *size))
    if method == CROP:
        return crop_fit(width, height, *size)
    return Fit(width, height, shown, *size, _placed(shown, *size))


def describe_fit(fit: Fit) -> str:
    """One line for a person: what the model's image shows, and at what scale."""
    box = fit.source_box
    whole = (box.width, box.height) == (fit.source_width, fit.source_height)
    shown = "the whole photo" if whole else f"{box.width} x {box.height} px of the photo at x {box.left}, y {box.top}"
    return f"{shown}, as {fit.width} x {fit.height} px; 1 px of the image = {fit.scale:.2g} px of the photo"


def crop_fit(source_width: int, source_height: int, width: int, height: int) -> Fit:
    """The largest centred part of the photo with the image's aspect, as WanImageToVideo cuts it out."""
    aspect = width / height
    cut_width = min(source_width, max(1, round(source_height * aspect)))
    cut_height = min(source_height, max(1, round(source_width / aspect)))
    left, top = (source_width - cut_width) // 2, (source_height - cut_height) // 2
    cut = Box(left, top, cut_width, cut_height)
    return Fit(source_width, source_height, cut, width, height, Box(0, 0, width, height))


def fit_without_plan(source_width: int, source_height: int, width: int, height: int) -> Fit:
    """The fit of a photo and an image that was made of it elsewhere, at another size.

    Raises ValueError where their aspects differ by more than 2 %: nobody can know what was cut off or squeezed.
    """
    if not _same_aspect(source_width / source_height, width / height):
        raise ValueError(
            f"The photo is {source_width} x {source_height} (aspect {source_width / source_height:.3f}), the edited "
            f"image {width} x {height} (aspect {width / height:.3f}). Without a fit both need the same aspect. Make "
            "the model's image with Fit Image for Wan and connect its fit."
        )
    return crop_fit(source_width, source_height, width, height)


def fit_images(images: torch.Tensor, fit: Fit, method: str = CROP) -> torch.Tensor:
    """The model's image [N, height, width, 3] (0..1) of photos [N, H, W, C]; alpha is left out.

    Raises ValueError where the photos have another size than the fit, and for anything but finite images.
    """
    check_size(images, fit, "image")
    shown = resample(as_rgb(images, "image"), fit.box.width, fit.box.height, fit.source_box)
    if shown.shape[1:3] == (fit.height, fit.width):
        return shown
    box = fit.box
    around = (box.left, fit.width - box.right, box.top, fit.height - box.bottom)
    if method == PAD_BLACK:
        return F.pad(shown.movedim(-1, 1), around).movedim(1, -1)
    return _pad_blurred(shown.movedim(-1, 1), around).movedim(1, -1)


def shown_part(images: torch.Tensor, fit: Fit) -> torch.Tensor:
    """What is not padding in the model's images [N, H, W, C]: [N, h, w, C], the very pixels at the size of the fit.

    The images may have been enlarged in between; then the box is cut out with fractions of a pixel. Raises
    ValueError where their aspect is another one.
    """
    height, width = images.shape[1:3]
    if (width, height) == (fit.width, fit.height):
        return images[:, fit.box.window[0], fit.box.window[1]]
    if not _same_aspect(width / height, fit.width / fit.height):
        raise ValueError(
            f"The edited image is {width} x {height}, the fit is for {fit.width} x {fit.height}: another aspect. "
            "Give the sampler the width and height of Fit Image for Wan, and connect the fit of the same node."
        )
    if (fit.box.width, fit.box.height) == (fit.width, fit.height):
        return images
    across, down = width / fit.width, height / fit.height
    cut = (fit.box.left * across, fit.box.top * down, fit.box.right * across, fit.box.bottom * down)
    return resample(images, max(1, round(fit.box.width * across)), max(1, round(fit.box.height * down)), cut)


def mask_box(mask: torch.Tensor, width: int, height: int) -> Box | None:
    """The smallest box of a photo of this size around what masks [N, h, w] mark; None if they mark nothing."""
    marked = (mask.reshape(-1, *mask.shape[-2:]) > MARKED).any(dim=0)
    rows, columns = marked.any(dim=1).nonzero().flatten(), marked.any(dim=0).nonzero().flatten()
    if not len(rows):
        return None
    across, down = width / mask.shape[-1], height / mask.shape[-2]
    left, top = math.floor(int(columns[0]) * across), math.floor(int(rows[0]) * down)
    right, bottom = math.ceil((int(columns[-1]) + 1) * across), math.ceil((int(rows[-1]) + 1) * down)
    return Box(left, top, min(width, right) - left, min(height, bottom) - top)


def resample(
    images: torch.Tensor, width: int, height: int, box: Box | tuple[float, float, float, float] | None = None
) -> torch.Tensor:
    """`images.resize` of a box of whole pixels, of one with fractions, or of the whole images [N, H, W, C]."""
    if isinstance(box, Box):
        return resize(images[:, box.window[0], box.window[1]], width, height)
    return resize(images, width, height, box)


def check_size(images: torch.Tensor, fit: Fit, name: str) -> None:
    """Raise a ValueError where images [N, H, W, C] have another size than the fit's photo."""
    if tuple(images.shape[1:3]) != (fit.source_height, fit.source_width):
        raise ValueError(
            f"{name} is {images.shape[2]} x {images.shape[1]}, the fit was made of a photo of {fit.source_width} x "
            f"{fit.source_height}. Connect the same photo to Fit Image for Wan and to Composite Edit."
        )


def _same_aspect(one: float, other: float) -> bool:
    return abs(math.log(one / other)) <= SAME_ASPECT


def _inside(region: Box | None, width: int, height: int) -> Box:
    if region is None or region.width <= 0 or region.height <= 0:
        raise ValueError(
            "There is no region to show. Connect a mask that marks what to edit, or choose another method."
        )
    left, top = max(0, region.left), max(0, region.top)
    right, bottom = min(width, region.right), min(height, region.bottom)
    if right <= left or bottom <= top:
        raise ValueError(
            f"The region at x {region.left}, y {region.top}, {region.width} x {region.height} pixels, lies outside of "
            f"the photo of {width} x {height}."
        )
    return Box(left, top, right - left, bottom - top)


def _grow_region(region: Box, width: int, height: int, margin: float, aspect: float | None) -> Box:
    """The region with its margin and at most REGION_ASPECT, as far as the photo has room."""
    around = math.ceil(margin * max(region.width, region.height))
    left, top = max(0, region.left - around), max(0, region.top - around)
    right, bottom = min(width, region.right + around), min(height, region.bottom + around)
    box = Box(left, top, right - left, bottom - top)
    if aspect is not None:
        return box
    return _to_aspect(box, width, height, min(max(box.width / box.height, 1 / REGION_ASPECT), REGION_ASPECT))


def _to_aspect(box: Box, width: int, height: int, aspect: float) -> Box:
    """The box with its shorter side grown to an aspect, moved into the photo, no larger than the photo."""
    wide = min(width, max(box.width, round(box.height * aspect)))
    high = min(height, max(box.height, round(box.width / aspect)))
    left = box.left + (box.width - wide) // 2
    top = box.top + (box.height - high) // 2
    return Box(min(max(0, left), width - wide), min(max(0, top), height - high), wide, high)


def _placed(shown: Box, width: int, height: int) -> Box:
    """Where a part of this shape goes in an image: as large as fits, centred; a pixel of rounding is no border."""
    scale = min(width / shown.width, height / shown.height)
    wide, high = max(1, round(shown.width * scale)), max(1, round(shown.height * scale))
    wide = width if width - wide <= 1 else wide
    high = height if height - high <= 1 else high
    return Box((width - wide) // 2, (height - high) // 2, wide, high)


def _pad_blurred(shown: torch.Tensor, around: tuple[int, int, int, int]) -> torch.Tensor:
    """[N, 3, h, w] with its outermost pixels drawn out to all sides, and blurred there."""
    padded = F.pad(shown, around, mode="replicate")
    blurred = gaussian(padded, min(MAX_BLUR, max(1.0, max(around) / 3)))
    left, top = around[0], around[2]
    blurred[..., top : top + shown.shape[2], left : left + shown.shape[3]] = shown
    return blurred
