"""The way of a photo into the model's size, and of the edit back into the photo."""

from __future__ import annotations

import logging

import torch
from comfy_api.latest import io, ui

from ..editing.compositing import composite as restoration
from ..editing.compositing.composite import AUTOMATIC, MODES, Controls, photo_mask
from ..editing.compositing.fit import (
    ASPECTS,
    BUDGETS,
    METHODS,
    REGION,
    Box,
    Fit,
    fit_images,
    fit_without_plan,
    mask_box,
    plan_fit,
    resample,
)
from .inputs import advanced
from .progress import text_under

FitType = io.Custom("IFEDIT_FIT")
CUSTOM = "custom"
MEGAPIXEL = 1024 * 1024  # as in ComfyUI's own "Scale Image to Total Pixels"
MULTIPLES = ("16", "32")
COMPARE_SIDE = 1024  # longest side of a picture in the side by side


class FitImageForWan(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IFEdit_FitImageForWan",
            display_name="Fit Image for Wan",
            category="IF-Edit",
            description=(
                "Brings a photo of any size to a size that the model takes: all of it, or the region that is to be "
                "edited. The fit remembers how, for Restore Edit to put the edit back into the photo."
            ),
            inputs=[
                io.Image.Input("image", tooltip="The photo. Of a batch, all images are fitted alike."),
                io.Combo.Input(
                    "budget",
                    options=[*BUDGETS, CUSTOM],
                    default="480p",
                    tooltip="How many pixels the model's picture has: 480p as 832x480, 720p as 1280x720, or custom.",
                ),
                io.Float.Input(
                    "megapixels",
                    default=0.4,
                    min=0.001,
                    max=16.0,
                    step=0.001,
                    tooltip=(
                        "For the budget 'custom': millions of pixels (1024 x 1024). 0.016 is the 128x128 of the "
                        "embedded model."
                    ),
                ),
                io.Combo.Input(
                    "multiple",
                    options=list(MULTIPLES),
                    default="16",
                    tooltip="The sides become multiples of this. 16 for the 14B models, 32 for Wan 2.2 5B.",
                ),
                io.Combo.Input(
                    "aspect",
                    options=list(ASPECTS),
                    default="as it is",
                    tooltip="Shape of the model's picture: that of the photo or region, or one that Wan was made for.",
                ),
                io.Combo.Input(
                    "method",
                    options=list(METHODS),
                    default=METHODS[0],
                    tooltip=(
                        "What to do where the shapes differ. crop: cut off the ends. pad: keep the whole photo and add "
                        "black, or its own blurred edge. region: show only the part in the mask or box, larger."
                    ),
                ),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="For 'region': marks what to edit; the region is the box around that. Ignored if empty.",
                ),
                *advanced(
                    _pixels(
                        "x", 0, "Left edge of the box for 'region', in pixels of the photo. A mask goes before it."
                    ),
                    _pixels("y", 0, "Top edge of that box."),
                    _pixels("box_width", 0, "Width of that box."),
                    _pixels("box_height", 0, "Height of that box."),
                    io.Float.Input(
                        "region_margin",
                        default=0.25,
                        min=0.0,
                        max=4.0,
                        step=0.05,
                        tooltip=(
                            "What the region shows around the mask or box, as a share of its longer side. The model "
                            "needs to see where the edit happens, and a moving thing needs room."
                        ),
                    ),
                ),
            ],
            outputs=[
                io.Image.Output(display_name="image", tooltip="The model's picture: the start image of the video."),
                io.Int.Output(display_name="width", tooltip="Its width, for Start Image to Video."),
                io.Int.Output(display_name="height", tooltip="Its height."),
                FitType.Output(display_name="fit", tooltip="How the photo became this picture, for Restore Edit."),
            ],
        )

    @classmethod
    def execute(
        cls,
        image,
        budget,
        megapixels,
        multiple,
        aspect,
        method,
        x,
        y,
        box_width,
        box_height,
        region_margin,
        mask=None,
    ) -> io.NodeOutput:
        height, width = image.shape[1:3]
        region = None
        if method == REGION:
            region = None if mask is None else mask_box(mask, width, height)
            region = region or Box(x, y, box_width, box_height)
        pixels = BUDGETS.get(budget, megapixels * MEGAPIXEL)
        fit = plan_fit(width, height, pixels, int(multiple), method, ASPECTS[aspect], region, region_margin)
        fitted = fit_images(image, fit, method)
        text_under(cls)(_described(fit))
        return io.NodeOutput(fitted, fit.width, fit.height, fit, ui=ui.PreviewImage(fitted[:1], cls=cls))


class RestoreEdit(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IFEdit_RestoreEdit",
            display_name="Restore Edit",
            category="IF-Edit",
            description=(
                "Puts the edit into the photo at the photo's own size: finds what really changed, takes that from the "
                "edit, and leaves every other pixel of the photo exactly as it was."
            ),
            inputs=[
                io.Image.Input("source", tooltip="The photo as it was, at its full size."),
                io.Image.Input(
                    "edited",
                    tooltip="The edited image, from Frame Selector or Still-Video Refiner, or several of them.",
                ),
                FitType.Input(
                    "fit",
                    optional=True,
                    tooltip="From Fit Image for Wan. Without it, photo and edit must have the same aspect.",
                ),
                io.Combo.Input(
                    "mode",
                    options=list(MODES),
                    default=AUTOMATIC,
                    tooltip=(
                        "automatic: take what changed, or the whole image where all of it changed (weather, style, "
                        "focus); the report says which. local edit: only what changed. whole image: all of the edit."
                    ),
                ),
                io.Float.Input(
                    "protection",
                    default=0.5,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="How strongly the photo is protected. Lower finds fainter changes, higher only clear ones.",
                ),
                io.Int.Input(
                    "grow",
                    default=0,
                    min=-64,
                    max=256,
                    tooltip="Takes so many pixels of the edited image more around the change; below 0, fewer.",
                ),
                io.Int.Input(
                    "feather",
                    default=5,
                    min=0,
                    max=256,
                    tooltip="Over how many pixels of the edited image it fades into the photo, outside of the change.",
                ),
                io.Boolean.Input(
                    "correct_drift",
                    default=True,
                    tooltip=(
                        "Undoes what the video model did to the whole picture: light and colour, a small move of the "
                        "camera, softness. It is measured on what did not change."
                    ),
                ),
                io.Mask.Input(
                    "keep_mask",
                    optional=True,
                    tooltip="Where it is white the photo stays, whatever changed. An empty mask is ignored.",
                ),
                io.Mask.Input(
                    "edit_mask",
                    optional=True,
                    tooltip="Where it is white the edit is taken, except where keep_mask is. An empty mask is ignored.",
                ),
                io.UpscaleModel.Input(
                    "upscale_model",
                    optional=True,
                    tooltip="Enlarges the edit where the photo is larger, from Load Upscale Model. Otherwise Lanczos.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="image", tooltip="The photo with the edit in it, at the photo's size."),
                io.Mask.Output(display_name="change_mask", tooltip="What comes from the edit: 1; from the photo: 0."),
                io.Image.Output(display_name="side_by_side", tooltip="Photo and result beside each other, reduced."),
                io.String.Output(display_name="report", tooltip="What was taken and what was undone."),
            ],
        )

    @classmethod
    def execute(
        cls,
        source,
        edited,
        mode,
        protection,
        grow,
        feather,
        correct_drift,
        fit=None,
        keep_mask=None,
        edit_mask=None,
        upscale_model=None,
    ) -> io.NodeOutput:
        if len(source) not in (1, len(edited)):
            raise ValueError(
                f"Restore Edit got {len(edited)} edited images for {len(source)} photos. Give one photo for all of "
                "them, or as many photos as edited images."
            )
        height, width = source.shape[1:3]
        if fit is None:
            fit = fit_without_plan(width, height, edited.shape[2], edited.shape[1])
        controls = Controls(mode, protection, grow, feather, correct_drift)
        enlarge = None if upscale_model is None else _enlarge_with(upscale_model)

        images, masks, pairs, reports = [], [], [], []
        for number, one in enumerate(edited):
            photo = source[min(number, len(source) - 1)]
            keep, keep_note = photo_mask(keep_mask, number, fit, "keep_mask")
            edit, edit_note = photo_mask(edit_mask, number, fit, "edit_mask")
            restored = restoration.restore(photo, one, fit, controls, keep, edit, enlarge)
            images.append(restored.image)
            masks.append(restored.mask)
            pairs.append(_side_by_side(photo, restored.image))
            lines = [restored.report, keep_note, edit_note]
            text = "\n".join(line for line in lines if line)
            reports.append(text if len(edited) == 1 else f"Image {number + 1}: {text}")
        report = "\n".join(reports)
        logging.info("Restore Edit: %s", report)
        text_under(cls)(report)
        shown = torch.cat(pairs)
        return io.NodeOutput(_stacked(images), _stacked(masks), shown, report, ui=ui.PreviewImage(shown, cls=cls))


def _pixels(name: str, default: int, tooltip: str) -> io.Input:
    return io.Int.Input(name, default=default, min=0, max=1_000_000, tooltip=tooltip)


def _described(fit: Fit) -> str:
    box = fit.source_box
    part = (
        "the whole photo" if (box.width, box.height) == (fit.source_width, fit.source_height) else "part of the photo"
    )
    return (
        f"{part} ({box.width} x {box.height} at x {box.left}, y {box.top}) as {fit.width} x {fit.height}: "
        f"{fit.scale:.2g} pixels of the photo a pixel"
    )


def _enlarge_with(upscale_model):
    """A function that enlarges images as ComfyUI's own node does, in tiles that fit into the memory."""
    from comfy_extras.nodes_upscale_model import ImageUpscaleWithModel  # a core node, needed only here

    return lambda images: ImageUpscaleWithModel.execute(upscale_model, images)[0].to("cpu", torch.float32)


def _stacked(tensors: list[torch.Tensor]) -> torch.Tensor:
    """[N, ...]; a single photo of 24 megapixels is not copied once more."""
    return tensors[0][None] if len(tensors) == 1 else torch.stack(tensors)


def _side_by_side(photo: torch.Tensor, result: torch.Tensor) -> torch.Tensor:
    """[1, h, w, 3]: both beside each other with a white line between, reduced to what a screen shows."""
    height, width = photo.shape[:2]
    scale = min(1.0, COMPARE_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    pictures = [resample(one[None, ..., :3], *size).expand(-1, -1, -1, 3) for one in (photo, result)]
    line = torch.ones(1, size[1], max(2, size[0] // 128), 3)
    return torch.cat([pictures[0].to("cpu", torch.float32).clamp(0, 1), line, pictures[1].clamp(0, 1)], dim=2)
