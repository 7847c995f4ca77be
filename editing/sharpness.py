"""How sharp is a frame? The Laplacian score by which IF-Edit picks its late-stage frame (arXiv 2511.19435)."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from .images import as_rgb

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
REFERENCE_SIDE = 480  # pixels


def laplacian_sharpness(frames: torch.Tensor) -> torch.Tensor:
    """Sharpness of each frame: [N, H, W, C] in 0..1 -> [N], 0 for an even picture, unbounded above.

        Y = 255 (0.299 R + 0.587 G + 0.114 B)
        L(y, x) = Y(y-1, x) + Y(y+1, x) + Y(y, x-1) + Y(y, x+1) - 4 Y(y, x)
        sharpness = var(L)

    The variance of the Laplacian of the luma, the score that IF-Edit maximises over the frames of the last latent frame
    (arXiv 2511.19435, late-stage frame). Frames whose shorter side exceeds 480 pixels are first scaled down to it, so
    that one scene scores alike at 480p and at 720p. Borders repeat, so the frame of the picture counts as no edge.

    Raises ValueError for anything but images with 1, 3 or 4 channels and finite values.
    """
    return torch.stack([sharpness_of(frame) for frame in as_rgb(frames, "frames")])


def sharpness_of(frame: torch.Tensor) -> torch.Tensor:
    """`laplacian_sharpness` of one frame [H, W, 3]; float32, 0..1."""
    height, width = frame.shape[:2]
    together = 8 if height * width % 8 == 0 else 1  # pixels: wider products are faster
    weights = torch.kron(torch.eye(together), 255 * torch.tensor(LUMA)[:, None])  # [3 * together, together]
    luma = (frame.reshape(-1, 3 * together) @ weights).view(1, 1, height, width)
    scale = REFERENCE_SIDE / min(luma.shape[-2:])
    if scale < 1:
        size = [max(1, round(side * scale)) for side in luma.shape[-2:]]
        luma = F.interpolate(luma, size=size, mode="bicubic", antialias=True)
    padded = F.pad(luma, (1, 1, 1, 1), mode="replicate")
    beside = padded[..., 1:-1, :-2] + padded[..., 1:-1, 2:]
    laplacian = padded[..., :-2, 1:-1] + padded[..., 2:, 1:-1] + beside - 4 * luma
    return laplacian.var(unbiased=False)
