"""How well the frame is chosen, on the embedded model's world: the part of `nox -s evaluate` about the Frame Selector.

When an edit is complete is known for rendered clips, so timing is judged on these, sent through the VAE. What the
choice is worth is judged on the videos that the model makes, whose pace is its own.
"""

from __future__ import annotations

import torch

from ...editing.selection.choose import FRAMES_PER_LATENT, LAST, SETTLED, SHARPEST_LATE, choose_frame
from ...editing.selection.measures import measure_frames

METHODS = (SETTLED, SHARPEST_LATE, LAST)
BESIDE = 1  # latent frames from the true end


def latent_frame(image: int) -> int:
    """The latent frame that holds an image of the video."""
    return -(-image // FRAMES_PER_LATENT)


def measure_selection(rebuilt: torch.Tensor, made: torch.Tensor, finish: list[int]) -> list[dict]:
    """What each method chooses, one row for each scene.

    Args:
        rebuilt: [B, T, 3, H, W] rendered clips through the VAE, in 0..1.
        made: [B, T, 3, H, W] the model's videos of the same edits.
        finish: the frame in which each rendered clip's edit is complete.

    Returns:
        Rows with "finish" and for each of METHODS {"timed": its frame of the rendered clip, "frame": its frame of the
        model's video, "drift": that frame's (`measures.drift`, 1 is just noticed)}.
    """
    rows = []
    for clip, video, end in zip(rebuilt, made, finish, strict=True):
        of_clip, of_video = (_measure(frames) for frames in (clip, video))
        row: dict = {"finish": int(end)}
        for method in METHODS:
            frame = choose_frame(of_video, method).position
            row[method] = {
                "timed": choose_frame(of_clip, method).position,
                "frame": frame,
                "drift": float(of_video.drift.total[frame]),
            }
        rows.append(row)
    return rows


def _measure(frames: torch.Tensor):
    images = frames.movedim(1, -1).float().cpu()  # [T, H, W, 3]
    return measure_frames(images, range(len(images)))


def summary(rows: list[dict]) -> dict[str, dict]:
    """Of each method: share of scenes within a latent frame of the true end, and the mean of what was judged."""

    def of(method: str) -> dict:
        chosen = [row[method] for row in rows]
        beside = [abs(latent_frame(row[method]["timed"]) - latent_frame(row["finish"])) <= BESIDE for row in rows]
        known = [one["background"] for one in chosen if one["background"] is not None]
        return {
            "beside": sum(beside) / len(rows),
            "success": sum(one["success"] for one in chosen) / len(rows),
            "background": sum(known) / max(1, len(known)),
            "drift": sum(one["drift"] for one in chosen) / len(rows),
            "frame": sum(one["frame"] for one in chosen) / len(rows),
        }

    return {method: of(method) for method in METHODS}
