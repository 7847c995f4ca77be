"""Restore Edit measured on the embedded model's edits, where the true mask of the object is known.

`measure` gets pictures and samples nothing itself; demo/evaluate.py samples, and prints `table`.

An edit is restored into its own first frame as rendered (128 x 128, no fit needed), with the node's defaults. Outside
of the object and its shadow, before and after the edit, the result should be that first frame: 50 dB, identical after
rounding to 255 steps but for single pixels. The edit must not be lost by it: success is judged before and after.
"still" has no object that changes, so the whole picture is outside; "focus" changes all of it and has no outside.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ..benchmarks.restoration import new_steps, psnr
from ..editing.fit import fit_without_plan
from ..editing.restoration import restore
from . import evaluate

SHADOW_MARGIN = (
    12  # pixels around the object in which its shadow changes the picture (63 dB beyond, in the truth itself)
)
UNTOUCHED = 50.0  # dB
VISIBLE_SEAM = 0.05  # a step that neither picture has, in brightness 0..1


def measure(
    family: Sequence[str],
    source: torch.Tensor,
    edited: torch.Tensor,
    truth: torch.Tensor,
    source_vae: torch.Tensor,
    coverage: torch.Tensor,
) -> tuple[list[dict], torch.Tensor]:
    """A row for each of B edits, and the restored pictures, [B, 3, H, W] on the CPU.

    Args:
        family: family name of each scene.
        source: [B, 3, H, W] the first frame as rendered, in 0..1.
        edited: [B, 3, H, W] the frame that the model made.
        truth, source_vae: [B, 3, H, W] the finished and the first frame, through the VAE, as for `evaluate.judge`.
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
    restored = [
        restore(photo.movedim(0, -1), edit.movedim(0, -1), fit) for photo, edit in zip(source, edited, strict=True)
    ]
    images = torch.stack([one.image.movedim(-1, 0) for one in restored])
    judged = [
        evaluate.judge(list(family), last, truth, source_vae, coverage, source)["success"] for last in (edited, images)
    ]
    region = evaluate.edit_region(coverage, SHADOW_MARGIN)[:, 0]
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
                "seam": max(new_steps(restored[b].image, *pictures, restored[b].mask).tolist(), default=0.0),
                "share": float((restored[b].mask > 0).float().mean()),
                "whole": restored[b].whole,
            }
        )
    return rows, images


def table(rows: list[dict]) -> str:
    """The rows as lines of text, a line per family."""
    lines = [
        f"{'family':<12} {'scenes':>6} {'untouched':>10} {'outside':>9} {'edit':>8} {'success':>8} "
        f"{'restored':>9} {'seams':>6} {'taken':>6} {'whole':>6}"
    ]
    families = list(dict.fromkeys(row["family"] for row in rows))
    for name in [*families, "all"]:
        some = [row for row in rows if name in (row["family"], "all")]
        outside = [row["outside"] for row in some if row["outside"] is not None]
        untouched, worst, before = "-", "-", "-"
        if outside:
            untouched = f"{_mean([value >= UNTOUCHED for value in outside]):.1%}"
            worst = f"{min(min(outside), 99.9):.1f} dB"
            before = f"{_mean([row['before'] for row in some if row['before'] is not None]):.1f} dB"
        lines.append(
            f"{name:<12} {len(some):>6} {untouched:>10} {worst:>9} {before:>8} "
            f"{_mean([row['success_before'] for row in some]):>8.1%} "
            f"{_mean([row['success'] for row in some]):>9.1%} "
            f"{_mean([row['seam'] > VISIBLE_SEAM for row in some]):>6.1%} "
            f"{_mean([row['share'] for row in some]):>6.1%} "
            f"{_mean([row['whole'] for row in some]):>6.1%}"
        )
    lines.append(
        f"untouched: scenes with at least {UNTOUCHED:.0f} dB against the photo outside of the object and its "
        "shadow; outside: the worst of them; edit: mean of the edits as they were; seams: a step above "
        f"{VISIBLE_SEAM} in the mask's edge that neither picture has"
    )
    return "\n".join(lines)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
