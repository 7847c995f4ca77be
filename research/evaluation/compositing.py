"""Composite Edit measured on the embedded model's edits, where the true mask of the object is known.

`measure_compositing` gets pictures and samples nothing itself; run.py does.

An edit is pasted into its own first frame as rendered (128 x 128, no fit needed), with the node's defaults. Outside of
the object and its shadow, before and after the edit, the result should be that first frame: 50 dB, identical after
rounding to 255 steps but for single pixels. The edit must not be lost by it: success is judged before and after.
"still" has no object that changes, so the whole picture is outside; "focus" changes all of it and has no outside.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ...editing.compositing.composite import composite_edit
from ...editing.compositing.fit import fit_without_plan
from ...editing.images import psnr
from ..measures import new_steps
from .judging import edit_region, judge

SHADOW_MARGIN = (
    12  # pixels around the object in which its shadow changes the picture (63 dB beyond, in the truth itself)
)
UNTOUCHED = 50.0  # dB
VISIBLE_SEAM = 0.05  # a step that neither picture has, in brightness 0..1


def measure_compositing(
    family: Sequence[str],
    source: torch.Tensor,
    edited: torch.Tensor,
    truth: torch.Tensor,
    source_vae: torch.Tensor,
    coverage: torch.Tensor,
) -> tuple[list[dict], torch.Tensor]:
    """A row for each of B edits, and the composites, [B, 3, H, W] on the CPU.

    Args:
        family: family name of each scene.
        source: [B, 3, H, W] the first frame as rendered, in 0..1.
        edited: [B, 3, H, W] the frame that the model made.
        truth, source_vae: [B, 3, H, W] the finished and the first frame, through the VAE, as for `judge`.
        coverage: [B, T, H, W] of the edited object; only the first and the last count.

    Rows have "family"; "outside" in dB against the source (None for "focus"); "before", the same of the edit as it was;
    "success" and "success_before"; "seam", the strongest step in the mask's edge that neither picture has; "share" of
    the picture that was taken from the edit; "whole": was all of it taken?
    """
    source, edited, truth, source_vae, coverage = (
        one.detach().to("cpu", torch.float32) for one in (source, edited, truth, source_vae, coverage)
    )
    height, width = source.shape[2:]
    fit = fit_without_plan(width, height, width, height)
    composited = [
        composite_edit(photo.movedim(0, -1), edit.movedim(0, -1), fit)
        for photo, edit in zip(source, edited, strict=True)
    ]
    images = torch.stack([one.image.movedim(-1, 0) for one in composited])
    judged = [judge(list(family), last, truth, source_vae, coverage, source)["success"] for last in (edited, images)]
    region = edit_region(coverage, SHADOW_MARGIN)[:, 0]
    rows = []
    for b, name in enumerate(family):
        pictures = source[b].movedim(0, -1), edited[b].movedim(0, -1)
        outside = torch.ones_like(region[b]) if name == "still" else ~region[b]
        rows.append(
            {
                "family": name,
                "outside": None if name == "focus" else psnr(images[b][:, outside], source[b][:, outside]),
                "before": None if name == "focus" else psnr(edited[b][:, outside], source[b][:, outside]),
                "success_before": bool(judged[0][b]),
                "success": bool(judged[1][b]),
                "seam": max(new_steps(composited[b].image, *pictures, composited[b].mask).tolist(), default=0.0),
                "share": float((composited[b].mask > 0).float().mean()),
                "whole": composited[b].whole,
            }
        )
    return rows, images
