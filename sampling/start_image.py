"""The start image of a video: what WanImageToVideo makes, without encoding the same grey frames over and over."""

from __future__ import annotations

import comfy.utils
import node_helpers
import torch

from .vae import encode_with_grey


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
