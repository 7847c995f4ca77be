"""What the base model is given besides noise and words: parts of the video, as Wan's own pre-training mixed them.

The condition is ComfyUI's: four mask channels, 1 where a frame is given, then the latent of the clip with mid-grey
where it is not (`comfy.model_base.WAN21.concat_cond`). A latent frame stands for four frames, one a mask channel; the
first one stands for the first frame alone, which all four channels tell (`WanFirstLastFrameToVideo`).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

FIRST, FIRST_AND_LAST, SEVERAL, REGION = KINDS = ("first", "first and last", "several", "region")
SHARES = (0.65, 0.13, 0.11, 0.11)
CELL = 8  # pixels of a latent pixel


def given_frames(kind: str, frames: int, count: int = 5) -> torch.Tensor:
    """[frames] 1 where a frame is given whole. count: of "several", 4n + 1."""
    given = torch.zeros(frames)
    given[0] = 1
    if kind == FIRST_AND_LAST:
        given[-1] = 1
    if kind == SEVERAL:
        given[: min(count, frames)] = 1
    return given


def random_region(height: int, width: int, rng: torch.Generator, around: torch.Tensor) -> torch.Tensor:
    """[height, width] of latent pixels, 0 in a box to be made anew that holds `around` (bool), 1 elsewhere."""
    box = []
    for axis, length in ((1, height), (0, width)):
        there = around.any(axis).nonzero().flatten()
        low, high = (int(there[0]), int(there[-1]) + 1) if len(there) else (length // 3, 2 * length // 3)
        spare = torch.rand(2, generator=rng, device=rng.device) * 0.25 * length
        box.append((max(0, low - 1 - int(spare[0])), min(length, high + 1 + int(spare[1]))))
    (top, bottom), (left, right) = box
    region = torch.ones(height, width, device=around.device)
    region[top:bottom, left:right] = 0
    return region


def hide(clips: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
    """Clips [B, T, 3, H, W] in 0..1 with mid-grey where nothing is given.

    Args:
        given: [B, T, H/8, W/8], 1 or 0.
    """
    seen = given.repeat_interleave(CELL, 2).repeat_interleave(CELL, 3)[:, :, None]
    return clips * seen + 0.5 * (1 - seen)


def mask_channels(given: torch.Tensor) -> torch.Tensor:
    """[B, 4, F, H/8, W/8] of given [B, 4 (F - 1) + 1, H/8, W/8]."""
    told = torch.cat([given[:, :1].expand(-1, 3, -1, -1), given], 1)
    return told.unflatten(1, (-1, 4)).transpose(1, 2)


def draw_given(kinds: list[str], coverage: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """What is given of clips: [B, T, H/8, W/8].

    Args:
        kinds: one of KINDS for each clip.
        coverage: [B, T, H, W] of the hero, around which a region is drawn.
    """
    _, steps, height, width = coverage.shape
    cells = F.max_pool2d(coverage, CELL) > 0.05  # [B, T, H/8, W/8]
    given = torch.zeros_like(cells, dtype=torch.float32)
    for k, kind in enumerate(kinds):
        count = 1 + 4 * int(torch.randint(1, 4, (), generator=rng, device=rng.device))
        given[k] = given_frames(kind, steps, count).to(given)[:, None, None]
        if kind == REGION:
            region = random_region(height // CELL, width // CELL, rng, cells[k].any(0))
            given[k] = torch.maximum(given[k], region)
    return given
