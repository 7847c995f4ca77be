"""Start Image to Video (Wan): what WanImageToVideo makes, without encoding the same grey frames over and over."""

from __future__ import annotations

import comfy.utils
import node_helpers
import torch
from comfy_api.latest import io

from ..sampling.vae import encode_with_grey


class StartImageToVideo(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IFEdit_StartImageToVideo",
            display_name="Start Image to Video (Wan)",
            category="IF-Edit",
            description=(
                "The same as WanImageToVideo, bit for bit, in less time: the video's frames after the start image are "
                "all grey, and this node does not encode the same grey again and again."
            ),
            inputs=[
                io.Conditioning.Input("positive", tooltip="What happens, from CLIP Text Encode or Temporal Caption."),
                io.Conditioning.Input("negative", tooltip="What to avoid, from CLIP Text Encode."),
                io.Vae.Input("vae", tooltip="The video VAE of the model: wan_2.1_vae for Wan 2.1 and 2.2 14B."),
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
                io.Int.Input("batch_size", default=1, min=1, max=4096, tooltip="How many videos to make at once."),
                io.ClipVisionOutput.Input(
                    "clip_vision_output", optional=True, tooltip="Only for Wan 2.1: the start image as CLIP sees it."
                ),
                io.Image.Input(
                    "start_image",
                    optional=True,
                    tooltip="The picture to edit. Of a batch, the images become the first frames of the video.",
                ),
            ],
            outputs=[
                io.Conditioning.Output(display_name="positive", tooltip="With the start image, for the Edit Sampler."),
                io.Conditioning.Output(display_name="negative", tooltip="With the start image, for the Edit Sampler."),
                io.Latent.Output(display_name="latent", tooltip="The empty video latent, for the Edit Sampler."),
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
        from comfy_extras.nodes_wan import WanImageToVideo  # a core node, needed only here

        def core(start_image):
            return WanImageToVideo.execute(
                positive,
                negative,
                vae,
                width,
                height,
                length,
                batch_size,
                start_image=start_image,
                clip_vision_output=clip_vision_output,
            ).args

        if start_image is None:
            return io.NodeOutput(*core(None))
        images = comfy.utils.common_upscale(start_image[:length].movedim(-1, 1), width, height, "bilinear", "center")
        images = images.movedim(1, -1)  # [N, H, W, C]
        encoded = encode_with_grey(vae, images[..., :3], length)
        if encoded is None:
            return io.NodeOutput(*core(start_image))

        positive, negative, latent = core(None)
        # 1 = generate, 0 = given
        mask = torch.ones((1, 1, *encoded.shape[2:]), device=images.device, dtype=images.dtype)
        mask[:, :, : (len(images) - 1) // 4 + 1] = 0.0
        values = {"concat_latent_image": encoded, "concat_mask": mask}
        return io.NodeOutput(
            node_helpers.conditioning_set_values(positive, values),
            node_helpers.conditioning_set_values(negative, values),
            latent,
        )
