"""Start Image to Video (Wan): WanImageToVideo, faster."""

from __future__ import annotations

from comfy_api.latest import io

from ..sampling.start_image import condition_on_start_image, describe_far_image, fit_start_image
from .progress import warn_under
from .search_words import also_found_as


class StartImageToVideo(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IFEdit_StartImageToVideo",
            display_name="Start Image to Video (Wan)",
            category="IF-Edit",
            description=(
                "Prepares the video: your photo becomes its first frame, the other frames are still empty (a latent). "
                "Same inputs and bit-identical outputs as WanImageToVideo, but faster: it does not encode the same "
                "gray frames again and again."
            ),
            **also_found_as("i2v", "WanImageToVideo", "first frame", "start frame"),
            inputs=[
                io.Conditioning.Input(
                    "positive", tooltip="What happens: the caption of Temporal Caption, through CLIP Text Encode."
                ),
                io.Conditioning.Input("negative", tooltip="What to avoid, from CLIP Text Encode."),
                io.Vae.Input(
                    "vae",
                    tooltip=(
                        "The VAE of the model, which turns images into latents: wan_2.1_vae for Wan 2.1 and 2.2 14B."
                    ),
                ),
                io.Int.Input("width", default=832, min=16, max=16384, step=16, tooltip="Width of the video in pixels."),
                io.Int.Input(
                    "height", default=480, min=16, max=16384, step=16, tooltip="Height of the video in pixels."
                ),
                io.Int.Input(
                    "length",
                    default=33,
                    min=1,
                    max=16384,
                    step=4,
                    tooltip="Images in the video, a multiple of 4, plus 1. 33 is usual for an edit.",
                ),
                io.Int.Input("batch_size", default=1, min=1, max=4096, tooltip="Number of videos."),
                io.ClipVisionOutput.Input(
                    "clip_vision_output",
                    optional=True,
                    tooltip="Only for Wan 2.1: the start image from CLIP Vision Encode.",
                ),
                io.Image.Input(
                    "start_image",
                    optional=True,
                    tooltip="The photo to edit. Of a batch, the images become the first frames of the video.",
                ),
            ],
            hidden=[io.Hidden.unique_id],
            outputs=[
                io.Conditioning.Output(display_name="positive", tooltip="With the start image, for the Edit Sampler."),
                io.Conditioning.Output(display_name="negative", tooltip="With the start image, for the Edit Sampler."),
                io.Latent.Output(
                    display_name="latent", tooltip="The video, empty but for the photo, for Edit Sampler."
                ),
            ],
        )

    @classmethod
    def execute(
        cls,
        positive,
        negative,
        vae,
        width,
        height,
        length,
        batch_size,
        start_image=None,
        clip_vision_output=None,
    ) -> io.NodeOutput:
        if start_image is not None:
            first = fit_start_image(start_image[:1], width, height)
            if far := describe_far_image(vae, first[..., :3]):
                warn_under(cls)(far)
        return io.NodeOutput(
            *condition_on_start_image(
                positive, negative, vae, width, height, length, batch_size, start_image, clip_vision_output
            )
        )
