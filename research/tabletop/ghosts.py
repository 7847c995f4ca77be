"""What pictures of world 2 still show of a thing that is gone, in steps of 1/255 against the true ground.

Where the hero was at first and is not at the end, a picture may differ from the true end by the softness and grain of
a VAE, which nobody sees, or by a ghost, which follows the old outline. As in world 1 (evaluation/ghost.py), the
difference is averaged along that outline, a quarter of a turn at a time, in lines one pixel wide: grain averages out.
The strongest step between three such lines and three others is the edge that a person may see, from two steps on. Only
plain ground counts, away from all that is there at the end; a scene without enough of it is not measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from ..evaluation.ghost import ROUNDING, VISIBLE, Gone, find_free_ground, measure_edges
from .drawing import SIZE, render
from .scenes import Scene, without_hero

TOUCHED = 0.5 / 255
# In these the hero leaves its place, or a part of it.
LEAVING = (
    *("move left", "move right", "move up", "move down", "shrink", "vanish", "rotate", "fall", "melt"),
    *("two stages", "shatter", "burst", "spill", "tip over", "roll", "away", "one of", "replace", "swap", "isolate"),
)


def find_gone(scenes: Sequence[Scene], ends: torch.Tensor, size: int = SIZE) -> Gone:
    """Where the heroes of scenes were in the first frame, and neither they nor their shadows are at the end.

    Args:
        scenes: of equal length.
        ends: [B, 3, H, W] their valid ends, true ones or those that a judge found.
    """
    ends = ends.detach().to("cpu", torch.float32)
    last = scenes[0].frames - 1
    first = render(scenes, size, [0], exposures=1)
    empty = render([without_hero(scene) for scene in scenes], size, [0, last], exposures=1).frames
    before, after = (
        (a - b).abs().amax(1) > TOUCHED for a, b in ((first.frames[:, 0], empty[:, 0]), (ends, empty[:, 1]))
    )
    gone = find_free_ground(first.coverage[:, 0], before, after, empty[:, 1])
    leaving = torch.tensor([scene.family in LEAVING for scene in scenes])
    return replace(gone, measured=gone.measured & leaving & (gone.left.sum((1, 2)) > 0))


def measure_ghosts(pictures: torch.Tensor, ends: torch.Tensor, gone: Gone) -> dict[str, torch.Tensor]:
    """What pictures [B, 3, H, W] in 0..1 show against valid ends.

    Returns:
        "edge" and "patch" [B] in steps of 255, not a number where nothing could be measured; "visible" [B] bool.
    """
    found = measure_edges(pictures, ends.detach().to("cpu", torch.float32), gone)
    found = {name: values.masked_fill(~gone.measured, float("nan")) for name, values in found.items()}
    return {**found, "visible": found["edge"] >= VISIBLE - ROUNDING}
