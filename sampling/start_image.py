"""The start image of a video: what WanImageToVideo makes, without encoding the same grey frames over and over."""

from __future__ import annotations

import comfy.utils
import node_helpers
import torch

from ..demo.comfy import is_embedded_vae
from ..editing.images import psnr
from .vae import encode_with_grey

NEAR = 30.0  # dB: pictures of the demo's world come back at 33 and more, photographs at 28 and less


def describe_far_image(vae, image: torch.Tensor) -> str | None:
    """A sentence if the VAE is the demo model's and the image [1, H, W, 3] in 0..1 is far from its world."""
    if not is_embedded_vae(vae):
        return None
    height, width = (side // 16 * 16 for side in image.shape[1:3])
    image = image[:, :height, :width]
    quality = psnr(vae.decode(vae.encode(image)).reshape(image.shape).to(image), image)
    if quality >= NEAR:
        return None
    return (
        f"This photo is far from the demo model's small world: it comes back from the VAE at {quality:.0f} dB, "
        f"pictures of that world at {NEAR:.0f} dB and more. Expect a blur. Use if_edit_sample.png, or a Wan model for "
        "photos."
    )


def fit_start_image(images: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """Images [N, H, W, C] scaled and cropped to this size, as WanImageToVideo does it."""
    return comfy.utils.common_upscale(images.movedim(-1, 1), width, height, "bilinear", "center").movedim(1, -1)


def condition_on_start_image(
    positive: list,
    negative: list,
    vae,
    width: int,
    height: int,
    length: int,
    batch_size: int = 1,
    start_image: torch.Tensor | None = None,
    clip_vision_output=None,
) -> tuple[list, list, dict]:
    """(positive, negative, empty video LATENT) as WanImageToVideo gives them, bit for bit.

    Args:
        length: images in the video, 4n + 1.
        start_image: [N, H, W, C]; of a batch, the images become the first frames of the video.
        clip_vision_output: the start image as CLIP sees it, for Wan 2.1.
    """
    from comfy_extras.nodes_wan import WanImageToVideo  # a core node, needed only here

    def run_core(image: torch.Tensor | None) -> tuple[list, list, dict]:
        return WanImageToVideo.execute(
            positive,
            negative,
            vae,
            width,
            height,
            length,
            batch_size,
            start_image=image,
            clip_vision_output=clip_vision_output,
        ).args

    if start_image is None:
        return run_core(None)
    images = fit_start_image(start_image[:length], width, height)
    encoded = encode_with_grey(vae, images[..., :3], length)
    if encoded is None:
        return run_core(start_image)

    positive, negative, latent = run_core(None)
    # 1 = generate, 0 = given
    mask = torch.ones((1, 1, *encoded.shape[2:]), device=images.device, dtype=images.dtype)
    mask[:, :, : (len(images) - 1) // 4 + 1] = 0.0
    values = {"concat_latent_image": encoded, "concat_mask": mask}
    return (
        node_helpers.conditioning_set_values(positive, values),
        node_helpers.conditioning_set_values(negative, values),
        latent,
    )
