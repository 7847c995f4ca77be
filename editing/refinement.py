"""Still-video refinement: which frame of a perfectly still video replaces the chosen frame.

The chosen frame goes once more through the image-to-video model, as the start of a video in which nothing moves; the
sharpest frame that comes out is the result (IF-Edit, arXiv 2511.19435, "self-consistent post-refinement": the sharpest
wins). Video models do not always stand still, so frames whose content moved or changed are left out here, and if none
is better, the chosen frame stays.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from .images import as_rgb
from .sharpness import laplacian_sharpness

CELLS = 12  # along the shorter side: coarse enough that sharpening does not count as change
MEAN_LIMIT = 0.04  # change of the whole picture, in 0..1: a shift of brightness or colour that one sees side by side
CELL_LIMIT = 0.12  # change of one cell, in 0..1: an object that moved, came or went


@dataclass(frozen=True)
class Refinement:
    """The winning frame (its index; None = the chosen frame stays) and a sentence that says why."""

    frame: int | None
    reason: str


def content_change(frames: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """How far each frame left the reference at low resolution: [N, H, W, C], [1, H, W, C] in 0..1 -> [N, 2].

    Both are averaged over square cells, 12 along the shorter side, so that sharper detail counts for nothing. Column 0
    is the mean difference over all cells, column 1 that of the most changed cell, both 0..1. Raises ValueError for
    other sizes than the reference.
    """
    if frames.shape[1:3] != reference.shape[1:3]:
        raise ValueError(
            f"Frames of {frames.shape[2]}x{frames.shape[1]} pixels cannot be compared with a reference of "
            f"{reference.shape[2]}x{reference.shape[1]}. Resize one to the other."
        )
    height, width = reference.shape[1:3]
    cell = max(1.0, min(height, width) / CELLS)
    grid = (max(1, round(height / cell)), max(1, round(width / cell)))

    def low_pass(images: torch.Tensor) -> torch.Tensor:
        return F.adaptive_avg_pool2d(images.movedim(-1, 1), grid)  # [N, C, rows, columns]

    difference = (low_pass(frames) - low_pass(reference)).abs().mean(dim=1).flatten(1)  # [N, cells]
    return torch.stack([difference.mean(dim=1), difference.amax(dim=1)], dim=1)


def choose_refined(frames: torch.Tensor, reference: torch.Tensor) -> Refinement:
    """The sharpest frame [N, H, W, C] that kept the content of the reference [1, H, W, C], if it is sharper than it."""
    frames, reference = as_rgb(frames, "frames"), as_rgb(reference, "reference")
    change = content_change(frames, reference)
    kept = (change[:, 0] <= MEAN_LIMIT) & (change[:, 1] <= CELL_LIMIT)
    if not kept.any():
        mean, cell = change[change.sum(dim=1).argmin()].tolist()
        return Refinement(
            None,
            f"not refined: all {len(frames)} frames of the still video changed the content "
            f"(the closest by {mean:.3f} on average, limit {MEAN_LIMIT}; {cell:.3f} in one place, limit {CELL_LIMIT})",
        )
    sharpness = laplacian_sharpness(frames)
    before = float(laplacian_sharpness(reference)[0])
    best = int(torch.where(kept, sharpness, -torch.inf).argmax())
    after = float(sharpness[best])
    if after <= before:
        return Refinement(
            None, f"not refined: already sharper ({before:.1f}) than the best frame of the still video ({after:.1f})"
        )
    return Refinement(
        best,
        f"frame {best} of {len(frames)}: sharpness {before:.1f} -> {after:.1f}, "
        f"{int(kept.sum())} of {len(frames)} frames kept the content",
    )
