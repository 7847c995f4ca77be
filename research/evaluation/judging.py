"""What counts as a success.

An edit counts as a success when the last frame of full sampling shows it: over the region of the object before and
after the edit, the squared error against the truth is at most a quarter of what leaving the source unedited would cost
(an object of the usual size that lands 7 of 128 pixels beside its place fails), and outside that region the picture
still resembles the source (25 dB). The truth and the source are sent through the VAE first, so that its softness, which
the model cannot help, does not count. "still" and "focus" must keep the whole picture to 28 dB; "focus" must also halve
what the blurred picture lacks in detail (its squared error after subtracting a Gaussian blur of 2 pixels).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from ..measures import image_psnr
from ..world import world

ERROR_LEFT = 0.25
DETAIL_ERROR_LEFT = 0.5  # "focus"
WHOLE_PSNR = 28.0  # "focus" and "still"
BACKGROUND_PSNR = 25.0


def edit_region(coverage: torch.Tensor, margin: int = 5) -> torch.Tensor:
    """Where the object and its shadow are before or after the edit: boolean [B, 1, H, W] of coverage [B, T, H, W]."""
    ends = torch.maximum(coverage[:, 0], coverage[:, -1])[:, None]
    return F.max_pool2d(ends, 2 * margin + 1, stride=1, padding=margin) > 0.05


def _masked_error(a: torch.Tensor, b: torch.Tensor, region: torch.Tensor) -> torch.Tensor:
    """Mean squared error [B] of images [B, 3, H, W] over boolean regions [B, 1, H, W]."""
    return ((a - b).square() * region).sum((1, 2, 3)) / (3 * region.sum((1, 2, 3))).clamp(min=1)


def judge(
    family: list[str],
    last: torch.Tensor,
    truth: torch.Tensor,
    source: torch.Tensor,
    coverage: torch.Tensor,
    source_sharp: torch.Tensor,
) -> dict[str, torch.Tensor]:
    """Success [B] and its measures for the last frames of edits.

    Args:
        family: family name of each scene.
        last: [B, 3, H, W] what the model made, in 0..1.
        truth, source: [B, 3, H, W] the finished and the first frame, through the VAE.
        coverage: [B, T, H, W] of the edited object.
        source_sharp: [B, 3, H, W] the first frame as rendered; the background is compared with it.

    Returns:
        "success" bool; "error_left" as a fraction of the unedited source's error; "background" PSNR in dB outside the
        region (the whole picture for "still"; not a number for "focus", which has no background); "psnr" of the whole
        picture against the truth.
    """
    region = edit_region(coverage)
    focus = torch.tensor([name == "focus" for name in family], device=last.device)
    still = torch.tensor([name == "still" for name in family], device=last.device)
    region = region & ~still[:, None, None, None] | focus[:, None, None, None]
    left = _masked_error(last, truth, region) / _masked_error(source, truth, region).clamp(min=1e-8)
    everywhere = torch.ones_like(region)
    last_detail, truth_detail, source_detail = (_detail(image) for image in (last, truth, source))
    detail_left = _masked_error(last_detail, truth_detail, everywhere) / _masked_error(
        source_detail, truth_detail, everywhere
    ).clamp(min=1e-8)
    left = torch.where(focus, detail_left, left)
    background = -10 * torch.log10(_masked_error(last, source_sharp, ~region).clamp(min=1e-10))
    background[focus] = float("nan")
    whole = image_psnr(last, truth)
    success = (left <= ERROR_LEFT) & (background >= BACKGROUND_PSNR)
    success = torch.where(focus, (left <= DETAIL_ERROR_LEFT) & (whole >= WHOLE_PSNR), success)
    success = torch.where(still, whole >= WHOLE_PSNR, success)
    return {"success": success, "error_left": left, "background": background, "psnr": whole}


def _detail(images: torch.Tensor) -> torch.Tensor:
    """What a blur of 2 pixels takes from images [B, 3, H, W]."""
    return images - world.gaussian_blur(images, torch.full((len(images),), 2.0, device=images.device))
