"""Which frame becomes the edited image, and which come after it?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ..images import position_of_frame
from .measures import Measures
from .settling import FLOOR, pick_sharp

SETTLED, SHARPEST_LATE, LAST, LANGUAGE_MODEL = "settled", "sharpest late", "last", "language model"
MEASURED = (SETTLED, SHARPEST_LATE, LAST)
SELECTION_METHODS = (*MEASURED, LANGUAGE_MODEL)
FRAMES_PER_LATENT = 4  # latent frame i > 0 holds the image frames 4i-3 ... 4i
MUCH_DRIFT = 10.0  # just noticed is 1; with this much a frame is worth half


@dataclass(frozen=True)
class FrameChoice:
    """position: index into the frames given, None for none of them. reason: one line for a person."""

    position: int | None
    reason: str


def choose_frame(measures: Measures, method: str = SETTLED, frame: int | None = None) -> FrameChoice:
    """Choose one of the measured frames.

    settled: the earliest frame after which nothing changes, sharpest among its equals (see `settling.settle`). Where
    the picture changes until the end and an image encoder has looked, the earliest after which its content stays, or
    one of the three behind it that is sharper.
    sharpest late: the largest Laplacian score among the frames of the last latent frame (IF-Edit, arXiv 2511.19435).
    last: the last frame. A `frame`, the original number, wins over the method.

    Raises ValueError for a method that does not measure and for a frame that is not there.
    """
    numbers = list(measures.numbers)
    if frame is not None:
        return FrameChoice(position_of_frame(frame, numbers), f"frame {frame}: chosen by hand")
    if method == LAST:
        return FrameChoice(len(numbers) - 1, f"frame {numbers[-1]}: the last of {len(numbers)}")
    if method == SHARPEST_LATE:
        return _choose_sharpest_late(measures)
    if method == SETTLED:
        return _choose_settled(measures)
    raise ValueError(f"There is no method {method!r} to choose a frame. Take one of {', '.join(MEASURED)}.")


def score_frames(measures: Measures) -> torch.Tensor:
    """How good each frame is as the edited image: [N], 0..1.

        score = completeness^2 x stability x sharpness / largest sharpness x fidelity
        completeness = 1 where the remaining change is within the tolerance, falling to 0 where it is largest
        stability    = 1 / (1 + motion / max(0.02, largest motion))
        fidelity     = 1 / (1 + drift / 10)

    A product, because a frame that fails in one is not saved by the others; completeness is squared, because half an
    edit is none. It only ranks the candidates behind the chosen one. Our own.
    """
    change, tolerance = measures.remaining_change, measures.settling.tolerance
    whole = max(float(change.max()), tolerance)
    completeness = 1 - ((change - tolerance).clamp(min=0) / max(whole - tolerance, 1e-9)).clamp(max=1)
    stability = 1 / (1 + measures.motion / max(FLOOR, float(measures.motion.max())))
    sharpest = float(measures.sharpness.max())
    sharp = measures.sharpness / sharpest if sharpest > 0 else torch.ones_like(measures.sharpness)
    fidelity = 1 / (1 + measures.drift.total / MUCH_DRIFT)
    return completeness.square() * stability * sharp * fidelity


def rank_frames(measures: Measures, count: int, leading: Sequence[int] = ()) -> list[int]:
    """Indices of the `count` best frames, best first: those in `leading`, then the others by their `score_frames`.

    Frames of one latent frame look alike: one that is less than four frames from a better one comes only when there are
    no others left. Of equal ones the earlier wins. Fewer where there are fewer frames.
    """
    score, numbers = score_frames(measures).tolist(), measures.numbers
    by_score = sorted(range(len(numbers)), key=lambda place: (-round(score[place], 6), place))
    apart = list(dict.fromkeys(leading))
    for place in by_score:
        if all(abs(numbers[place] - numbers[other]) >= FRAMES_PER_LATENT for other in apart):
            apart.append(place)
    return (apart + [place for place in by_score if place not in apart])[:count]


def _latent_frame(number: int) -> int:
    return -(-number // FRAMES_PER_LATENT)


def _choose_sharpest_late(measures: Measures) -> FrameChoice:
    numbers = measures.numbers
    late = [place for place, number in enumerate(numbers) if _latent_frame(number) == _latent_frame(numbers[-1])]
    position = late[int(measures.sharpness[late].argmax())]
    why = f"sharpest of the last {len(late)}" if len(late) > 1 else "the only one of the last latent frame"
    return FrameChoice(position, f"frame {numbers[position]}: {why} ({_describe_sharpness(measures, position)})")


def _choose_settled(measures: Measures) -> FrameChoice:
    numbers, result = measures.numbers, measures.settling
    position, last = result.frame, len(numbers) - 1
    after = len(numbers) - result.first
    if len(numbers) == 1:
        reason = "the only one"
    elif len(numbers) == 2 and result.first == last:
        reason = "the later of 2; when the edit was done cannot be seen from two frames"
    elif len(numbers) == 2:
        reason = "the earlier of 2 that show the same"
    elif result.first == last and measures.content_rest is not None and measures.content_rest < last:
        rest = measures.content_rest
        position = pick_sharp(range(rest, min(rest + FRAMES_PER_LATENT, last + 1)), measures.sharpness)
        reason = f"something moves until the end, but from frame {numbers[rest]} on it shows the same"
    elif after == 1:
        reason = f"the last of {len(numbers)}, the picture changes until the end"
    elif result.frame == result.first:
        reason = f"earliest of {after} after which nothing changes"
    else:
        reason = f"sharpest of {len(result.equals)} after which nothing changes, from frame {numbers[result.first]} on"
    return FrameChoice(position, f"frame {numbers[position]}: {reason} ({_describe_sharpness(measures, position)})")


def _describe_sharpness(measures: Measures, position: int) -> str:
    own, most = float(measures.sharpness[position]), float(measures.sharpness.max())
    return "sharpest of all" if own >= most else f"{min(99, round(100 * own / most))} % as sharp as the sharpest"
