"""From a photo to an image of the model's size, and from the edit back into the photo."""

from __future__ import annotations

import logging

import torch
from comfy_api.latest import io, ui

from ..editing.compositing.composite import AUTOMATIC, MODES, Controls, Enlarge, composite_edits
from ..editing.compositing.fit import (
    ASPECTS,
    FIT_METHODS,
    REGION,
    RESOLUTIONS,
    Box,
    describe_fit,
    fit_images,
    mask_box,
    plan_fit,
)
from .inputs import advanced
from .progress import progress_bar, text_under
from .search_words import also_found_as

FitType = io.Custom("IFEDIT_FIT")
CUSTOM = "custom"
MEGAPIXEL = 1024 * 1024  # as in ComfyUI's own "Scale Image to Total Pixels"
MULTIPLES = ("16", "32")
SIDES = ("region_x", "region_y", "region_width", "region_height")  # which the browser draws as a box on the photo
LONGEST = 16384  # pixels of a photo's side, as ComfyUI's own nodes allow

log = logging.getLogger(__name__)


class FitImageForWan(io.ComfyNode):
    """The photo, or a region of it, at a size that Wan takes."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IFEdit_FitImageForWan",
            display_name="Fit Image for Wan",
            category="IF-Edit",
            description=(
                "Resizes a photo, or the region of it that you want to edit, to a size that the model supports. "
                "Connect fit to Composite Edit so it can paste the edit back."
            ),
            **also_found_as("resize image", "scale image", "inpaint crop", "crop region", "pad image", "480p", "720p"),
            inputs=[
                io.Image.Input("image", tooltip="The photo. All images of a batch are resized in the same way."),
                io.Combo.Input(
                    "resolution",
                    options=[*RESOLUTIONS, CUSTOM],
                    default="480p",
                    tooltip="Size of the model's image: as many pixels as 832x480 (480p), 1280x720 (720p), or custom.",
                ),
                io.Float.Input(
                    "megapixels",
                    default=0.4,
                    min=0.001,
                    max=16.0,
                    step=0.001,
                    tooltip=(
                        "Used only if resolution is custom. 1 is 1024 x 1024 pixels. The embedded model works at 0.016 "
                        "(128x128)."
                    ),
                ),
                io.Combo.Input(
                    "multiple_of",
                    options=list(MULTIPLES),
                    default="16",
                    tooltip=(
                        "Width and height become multiples of this, as the model needs: 16 for 14B, 32 for Wan 2.2 5B."
                    ),
                ),
                io.Combo.Input(
                    "aspect",
                    options=list(ASPECTS),
                    default="as it is",
                    tooltip="Aspect ratio of the model's image: that of the photo or region, or one that Wan knows.",
                ),
                io.Combo.Input(
                    "method",
                    options=list(FIT_METHODS),
                    default=FIT_METHODS[0],
                    tooltip=(
                        "crop: cut off what does not fit the aspect ratio. pad: keep the whole photo and fill up with "
                        "black or with its own blurred edge. region: use only the part around the mask, at a higher "
                        "resolution."
                    ),
                ),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip=(
                        "For 'region': paint over what you want to edit. "
                        "Has priority over the drawn box, unless it is empty."
                    ),
                ),
                *advanced(
                    io.Float.Input(
                        "region_margin",
                        default=0.25,
                        min=0.0,
                        max=4.0,
                        step=0.05,
                        tooltip=(
                            "How much to add around the mask or box on each side, relative to its longer side. Leave "
                            "room for things that move."
                        ),
                    ),
                    *_region_inputs(),
                ),
            ],
            outputs=[
                io.Image.Output(display_name="image", tooltip="The model's image. Use it as the start image."),
                io.Int.Output(display_name="width", tooltip="Width of that image, for Start Image to Video."),
                io.Int.Output(display_name="height", tooltip="Height of that image, for Start Image to Video."),
                FitType.Output(display_name="fit", tooltip="How the photo was resized. Connect it to Composite Edit."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        image: torch.Tensor,
        resolution: str,
        megapixels: float,
        multiple_of: str,
        aspect: str,
        method: str,
        region_margin: float,
        mask: torch.Tensor | None = None,
        region_x: int = 0,
        region_y: int = 0,
        region_width: int = 0,
        region_height: int = 0,
    ) -> io.NodeOutput:
        height, width = image.shape[1:3]
        region = None
        if method == REGION:
            drawn = Box(region_x, region_y, region_width, region_height)
            region = (None if mask is None else mask_box(mask, width, height)) or drawn
            if region.width <= 0 or region.height <= 0:
                region = Box(0, 0, width, height)
        pixels = RESOLUTIONS.get(resolution, megapixels * MEGAPIXEL)
        fit = plan_fit(width, height, pixels, int(multiple_of), method, ASPECTS[aspect], region, region_margin)
        fitted = fit_images(image, fit, method)
        text = describe_fit(fit)
        if region is not None and (region.right > width or region.bottom > height):
            text += f"\nThe box reaches beyond the photo of {width} x {height} px: only the part inside is used."
        text_under(cls)(text)
        return io.NodeOutput(fitted, fit.width, fit.height, fit, ui=ui.PreviewImage(fitted[:1], cls=cls))


def _region_inputs() -> list[io.Input]:
    """The inputs of SIDES: a box, which is the whole photo as long as it has no size."""
    where = "of the box around what you want to edit, in pixels of the photo. For 'region', without a mask."
    tooltips = (
        f"Left edge {where}",
        f"Upper edge {where}",
        f"Width {where} 0 is the whole photo.",
        f"Height {where} 0 is the whole photo.",
    )
    return [
        io.Int.Input(side, default=0, min=0, max=LONGEST, optional=True, tooltip=tooltip)
        for side, tooltip in zip(SIDES, tooltips, strict=True)
    ]


class CompositeEdit(io.ComfyNode):
    """What the edit changed, pasted back into the photo at the photo's size."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IFEdit_RestoreEdit",
            display_name="Composite Edit (Paste Back)",
            category="IF-Edit",
            description=(
                "Pastes the edit back into the photo at full resolution. It detects what really changed, takes that "
                "from the edit, and leaves every other pixel of the photo exactly as it was."
            ),
            **also_found_as(
                "blend back", "stitch", "inpaint stitch", "inpaint crop", "uncrop", "merge edit", "restore edit"
            ),
            inputs=[
                io.Image.Input("source", tooltip="The original photo at its full size."),
                io.Image.Input(
                    "edited",
                    tooltip="The edited image from Frame Selector or Still-Video Refiner, or a batch of them.",
                ),
                FitType.Input(
                    "fit",
                    optional=True,
                    tooltip=(
                        "From Fit Image for Wan. If not connected, photo and edit must have the same aspect ratio."
                    ),
                ),
                io.Combo.Input(
                    "mode",
                    options=list(MODES),
                    default=AUTOMATIC,
                    tooltip=(
                        "automatic: paste what changed, or the whole image if all of it changed (weather, style, "
                        "focus). local edit: paste only what changed. whole image: use all of the edit."
                    ),
                ),
                io.Float.Input(
                    "threshold",
                    default=0.5,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="How strong a difference must be to count as a change. Lower values find fainter changes.",
                ),
                io.Int.Input(
                    "grow",
                    default=0,
                    min=-64,
                    max=256,
                    tooltip=(
                        "Pastes more around the change: grows the change mask by this many pixels; negative values "
                        "shrink it."
                    ),
                ),
                io.Int.Input(
                    "feather",
                    default=5,
                    min=0,
                    max=256,
                    tooltip=(
                        "How softly the edit fades into the photo: width of the soft edge around the mask, in pixels "
                        "of the edited image."
                    ),
                ),
                *advanced(
                    io.Boolean.Input(
                        "correct_drift",
                        default=True,
                        tooltip=(
                            "Corrects what the video model did to the whole image: changes of exposure and color, a "
                            "small camera move, softness. Measured where the image did not change."
                        ),
                    ),
                ),
                io.Mask.Input(
                    "keep_mask",
                    optional=True,
                    tooltip="White areas always keep the photo. Has priority over all other masks. Ignored if empty.",
                ),
                io.Mask.Input(
                    "edit_mask",
                    optional=True,
                    tooltip="White areas are always taken from the edit. Ignored if empty.",
                ),
                io.UpscaleModel.Input(
                    "upscale_model",
                    optional=True,
                    tooltip=(
                        "From Load Upscale Model. Enlarges the edit if the photo is larger. If not connected, "
                        "ordinary resizing does it (Lanczos)."
                    ),
                ),
            ],
            outputs=[
                io.Image.Output(display_name="image", tooltip="The photo with the edit in it, at the photo's size."),
                io.Mask.Output(
                    display_name="change_mask", tooltip="White where the pixels come from the edit, black elsewhere."
                ),
                io.Image.Output(display_name="side_by_side", tooltip="Photo and result side by side, at reduced size."),
                io.String.Output(display_name="report", tooltip="How much was pasted and which drift was corrected."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        source: torch.Tensor,
        edited: torch.Tensor,
        mode: str,
        threshold: float,
        grow: int,
        feather: int,
        correct_drift: bool,
        fit=None,
        keep_mask: torch.Tensor | None = None,
        edit_mask: torch.Tensor | None = None,
        upscale_model=None,
    ) -> io.NodeOutput:
        controls = Controls(mode, threshold, grow, feather, correct_drift)
        enlarge = None if upscale_model is None else _enlarge_with(upscale_model)
        images, masks, pairs, reports = composite_edits(
            source, edited, fit, controls, keep_mask, edit_mask, enlarge, on_step=progress_bar()
        )
        report = "\n".join(reports)
        log.info("Composite Edit: %s", report)
        text_under(cls)(report)
        return io.NodeOutput(images, masks, pairs, report, ui=ui.PreviewImage(pairs, cls=cls))


def _enlarge_with(upscale_model) -> Enlarge:
    """A function that enlarges images as ComfyUI's own node does, in tiles that fit into memory."""
    from comfy_extras.nodes_upscale_model import ImageUpscaleWithModel  # a core node, needed only here

    return lambda images: ImageUpscaleWithModel.execute(upscale_model, images)[0].to("cpu", torch.float32)
