"""Decode Keyframes: one settled picture for every latent frame."""

from __future__ import annotations

from comfy_api.latest import io

from ..editing.keyframes import IMAGES_PER_LATENT, decoding_order
from ..sampling.cutting import check_video_latent, record, without_references
from ..sampling.vae import decode_images


class DecodeKeyframes(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IFEdit_DecodeKeyframes",
            display_name="Decode Keyframes",
            category="IF-Edit",
            description=(
                "Decodes a video latent and keeps one picture of every latent frame: the first, then the last of each "
                "group of four. Behind a gap of dropped frames a frame is decoded more than once, so that no ghost of "
                "the one before it stays in the picture."
            ),
            inputs=[
                io.Latent.Input(
                    "samples", tooltip="A video latent, with or without dropped frames, from the Edit Sampler."
                ),
                io.Vae.Input("vae", tooltip="The video VAE of the model: wan_2.1_vae for 14B, wan2.2_vae for 5B."),
            ],
            outputs=[
                io.Image.Output(display_name="images", tooltip="One picture for every kept latent frame, in order."),
                io.String.Output(
                    display_name="frame_numbers",
                    tooltip="The number of each picture in the whole video, such as 0, 12, 24, 32.",
                ),
            ],
        )

    @classmethod
    def execute(cls, samples, vae) -> io.NodeOutput:
        check_video_latent(samples, "Decode Keyframes")
        samples = without_references(samples)
        latent = samples["samples"]  # [B, C, F, H, W]
        check_vae(vae, latent.shape[1])
        order, settled = decoding_order(record(samples).kept)
        images = decode_images(vae, latent[:, :, order], settled).flatten(0, 1)  # [B * F, H, W, 3], video after video
        return io.NodeOutput(images, ", ".join(map(str, frame_numbers(samples))))


def frame_numbers(latent: dict) -> list[int]:
    """The image number of the settled frame of every latent frame, in the whole video: 4 times the latent frame.

    Of a batch, the numbers count on from video to video, as the images of ComfyUI's VAE Decode do.
    """
    kept, latent_frames, _ = record(latent)
    video_length = IMAGES_PER_LATENT * (latent_frames - 1) + 1
    batch = latent["samples"].shape[0]
    return [video * video_length + IMAGES_PER_LATENT * frame for video in range(batch) for frame in kept]


def check_vae(vae, channels: int) -> None:
    """Raise a ValueError if the VAE does not decode video latents of that many channels, four images a latent frame."""
    if vae.latent_channels != channels:
        name = {16: "wan_2.1_vae.safetensors", 48: "wan2.2_vae.safetensors"}.get(channels, "the VAE of the model")
        raise ValueError(
            f"Decode Keyframes: the latent has {channels} channels, the VAE decodes {vae.latent_channels}. "
            f"Connect {name}."
        )
    if vae.latent_dim != 3 or vae.temporal_compression_decode() != IMAGES_PER_LATENT:
        raise ValueError(
            f"Decode Keyframes needs a video VAE with {IMAGES_PER_LATENT} images a latent frame, got one with "
            f"{vae.temporal_compression_decode() or 'none (an image VAE)'}. Connect wan_2.1_vae.safetensors."
        )
