"""Which frame becomes the edited image?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from .images import as_rgb, position_of_frame
from .settling import settle
from .sharpness import laplacian_sharpness

METHODS = ("settled", "sharpest late", "last")
FRAMES_PER_LATENT = 4  # latent frame i > 0 holds the image frames 4i-3 ... 4i


@dataclass(frozen=True)
class FrameChoice:
    """position: index into the frames given; reason: one line for a person."""

    position: int
    reason: str


def choose_frame(
    frames: torch.Tensor, numbers: Sequence[int], method: str = "settled", frame: int | None = None
) -> FrameChoice:
    """Choose one of the frames [N, H, W, C] (0..1, in the order of time), whose original numbers are `numbers`.

    settled: the earliest frame after which nothing changes, sharpest among its equals (see `settling.settle`).
    sharpest late: the largest Laplacian score among the frames of the last latent frame (IF-Edit, arXiv 2511.19435).
    last: the last frame. A `frame`, the original number, wins over the method.

    Raises ValueError for an unknown method, a frame that is not there, and frames that are no pictures.
    """
    numbers = list(numbers)
    frames = as_rgb(frames, "frames")
    if frame is not None:
        return FrameChoice(position_of_frame(frame, numbers), f"frame {frame}: chosen by hand")
    if method == "last":
        return FrameChoice(len(numbers) - 1, f"frame {numbers[-1]}: the last of {len(numbers)}")
    if method == "sharpest late":
        return _sharpest_late(frames, numbers)
    if method == "settled":
        return _settled(frames, numbers)
    raise ValueError(f"There is no method {method!r} to choose a frame. Take one of {', '.join(METHODS)}.")


def _latent_frame(number: int) -> int:
    return -(-number // FRAMES_PER_LATENT)


def _sharpest_late(frames: torch.Tensor, numbers: list[int]) -> FrameChoice:
    late = [place for place, number in enumerate(numbers) if _latent_frame(number) == _latent_frame(numbers[-1])]
    sharpness = laplacian_sharpness(frames[late[0] :])
    position = late[int(sharpness.argmax())]
    why = f"sharpest of the last {len(late)}" if len(late) > 1 else "the only one of the last latent frame"
    return FrameChoice(position, f"frame {numbers[position]}: {why} (sharpness {float(sharpness.max()):.1f})")


def _settled(frames: torch.Tensor, numbers: list[int]) -> FrameChoice:
    result = settle(frames)
    number, sharpness = numbers[result.frame], float(result.sharpness[result.frame])
    after = len(numbers) - result.first
    if len(numbers) == 1:
        reason = "the only one"
    elif after == 1:
        reason = f"the last of {len(numbers)}, the picture changes until the end"
    elif result.frame == result.first:
        reason = f"earliest of {after} after which nothing changes"
    else:
        reason = f"sharpest of {len(result.equals)} after which nothing changes, from frame {numbers[result.first]} on"
    return FrameChoice(result.frame, f"frame {number}: {reason} (sharpness {sharpness:.1f})")
