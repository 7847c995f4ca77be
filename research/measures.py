"""Measures of images that evaluation, benchmarks and training share."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F


def mean(values: Sequence[float | None]) -> float | None:
    """The mean of the values that are known, None where none is."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def image_psnr(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Peak signal to noise ratio in dB per batch element of images in 0..1."""
    error = (a.float() - b.float()).square().flatten(1).mean(1)
    return -10 * torch.log10(error.clamp(min=1e-10))


def new_steps(image: torch.Tensor, one: torch.Tensor, other: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """How far the steps of an image in a mask's edge are above those that two others have near by: [pixels], 0..1.

    Images are [H, W, 3], the mask [H, W]; its edge is where it is neither 0 nor 1, and a pixel around. Empty without.
    """
    edge = ((mask > 0) & (mask < 1))[None, None].float()
    edge = F.max_pool2d(edge, 3, 1, 1)[0, 0] > 0
    allowed = F.max_pool2d(torch.maximum(_steps(one), _steps(other))[None, None], 3, 1, 1)[0, 0]
    return (_steps(image) - allowed).clamp(min=0)[edge]


def _steps(image: torch.Tensor) -> torch.Tensor:
    """[H, W, 3] -> [H, W]: the largest difference to the pixel to the right or below."""
    right = (image[:, 1:] - image[:, :-1]).abs().amax(dim=-1)
    below = (image[1:] - image[:-1]).abs().amax(dim=-1)
    return torch.maximum(F.pad(right, (0, 1)), F.pad(below, (0, 0, 0, 1)))
