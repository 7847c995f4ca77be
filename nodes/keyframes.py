"""Decode Keyframes: one clean image for every latent frame."""

from __future__ import annotations

from comfy_api.latest import io

from ..editing.keyframes import decoding_order
from ..sampling.checks import check_keyframe_vae, check_video_latent
from ..sampling.kept_frames import frame_numbers, kept_frames, trim_reference_frames
from ..sampling.vae import decode_images
from .progress import progress_bar
from .search_words import also_found_as


class DecodeKeyframes(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IFEdit_DecodeKeyframes",
            display_name="Decode Keyframes",
            category="IF-Edit",
            description=(
                "Turns the sampled video (latent) into images: one for every latent frame, the clean last one of its "
                "four. Frames after a gap are decoded more than once, so that no ghost of another moment remains."
            ),
            **also_found_as("vae decode", "decode video", "decode frames", "latent to images"),
            inputs=[
                io.Latent.Input(
                    "samples", tooltip="The sampled video (latent) from Edit Sampler, with or without dropped frames."
                ),
                io.Vae.Input(
                    "vae",
                    tooltip=(
                        "The VAE of the model, which makes images of latents: wan_2.1_vae for 14B, wan2.2_vae for 5B."
                    ),
                ),
            ],
            outputs=[
                io.Image.Output(
                    display_name="images", tooltip="The frames as images, in order. Connect them to Frame Selector."
                ),
                io.String.Output(
                    display_name="frame_numbers",
                    tooltip=(
                        "The number of each image in the whole video, such as 0, 12, 24, 32. Of several videos, each "
                        "is numbered from 0."
                    ),
                ),
            ],
        )

    @classmethod
    def execute(cls, samples, vae) -> io.NodeOutput:
        check_video_latent(samples, "Decode Keyframes")
        samples = trim_reference_frames(samples)
        latent = samples["samples"]  # [B, C, F, H, W]
        check_keyframe_vae(vae, latent.shape[1])
        order, settled = decoding_order(kept_frames(samples).kept)
        images = decode_images(vae, latent[:, :, order], settled, on_step=progress_bar())  # [B, F, H, W, 3]
        images = images.flatten(0, 1)  # video after video
        return io.NodeOutput(images, ", ".join(map(str, frame_numbers(samples))))
