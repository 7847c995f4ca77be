"""Temporal captions by a language model, checked, with the rules behind it: see `write_caption`."""

from __future__ import annotations

import logging
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..vlm import LanguageModel
from ..vlm.ask import SHOWN, ask_until
from .prompts import CHINESE, ENGLISH, MAY_MOVE, ONE_SENTENCE, STAGED, STILL, retry_text, system_text, user_text
from .replies import Reply, problem_of, problem_of_end_state, read_reply, with_still_camera, without_still_camera
from .rules import CAMERA_STILL, NOT_UNDERSTOOD, temporal_caption

if TYPE_CHECKING:
    import torch

AUTOMATIC, RULES = "automatic", "rules"
STYLES = (AUTOMATIC, STAGED, ONE_SENTENCE, RULES)

QUOTED = 120  # characters of the instruction and of the caption in a hint, which has to fit under a node

log = logging.getLogger(__name__)


class CaptionError(RuntimeError):
    """A language model gave no usable caption, and the rules were not wanted in its place."""


@dataclass(frozen=True)
class WrittenCaption:
    """A caption and where it comes from.

    caption: for the video model. end_state: one sentence about the finished picture. reasoning: what led to it, for
    people. warning: why it is not what was asked for, or "".
    """

    caption: str
    end_state: str
    reasoning: str
    warning: str = ""


def by_rules(instruction: str, camera: str = STILL) -> WrittenCaption:
    """The caption by `captions.temporal_caption`; with a camera that may move, it does not say that it stays still.

    Where no rule understood the instruction, the warning says so, what the caption is now, and what would help.

    Raises ValueError for an instruction without a word.
    """
    ruled = temporal_caption(instruction)
    caption = without_still_camera(ruled.caption) if camera == MAY_MOVE else ruled.caption
    if ruled.family == NOT_UNDERSTOOD:
        warning = _explain_not_understood(instruction, caption)
        return WrittenCaption(caption, ruled.end_state, warning, warning)
    read = ", ".join(f'"{written}" as "{right}"' for written, right in ruled.corrections)
    how = f"Written by rules, as an edit of the kind: {ruled.family}."
    return WrittenCaption(caption, ruled.end_state, f"{how} Read {read}." if read else how)


def _explain_not_understood(instruction: str, caption: str) -> str:
    asked, told = (textwrap.shorten(text, QUOTED, placeholder=" ...") for text in (instruction, caption))
    return (
        f'The built-in rules do not understand "{asked}". The video model will read: "{told}" If that does not tell '
        'what happens, write it in English, like "make the ball blue", "remove the cup" or "open the door", or let a '
        "language model write the caption: connect one of the VLM nodes to vlm."
    )


def asks_for_camera(instruction: str) -> bool:
    """Whether the instruction itself moves the camera: by the rules, or as "look up at the ceiling" does."""
    looks = re.match(
        r"(?:please )?(?:look|tilt|pan) (?:up|down|left|right|around|closer|at)\b", instruction.strip(), re.IGNORECASE
    )
    return bool(looks) or CAMERA_STILL not in temporal_caption(instruction).caption


def write_caption(
    model: LanguageModel | None,
    instruction: str,
    image: torch.Tensor | None = None,
    *,
    style: str = AUTOMATIC,
    camera: str = STILL,
    language: str = ENGLISH,
    max_words: int = 100,
    guidance: str = "",
    seed: int = 0,
    strict: bool = False,
    check_interrupt: Callable[[], None] = lambda: None,
    interruptions: tuple[type[BaseException], ...] = (),
    report: Callable[[str], None] = lambda text: None,
) -> WrittenCaption:
    """Ask a language model for a temporal caption; if it gives none that can be used, write one by rules and say so.

    An answer that cannot be used is asked for once more, with the reason.

    Args:
        model: None writes by rules.
        image: [B, H, W, C], 0..1; the first is shown to the model.
        style: one of `STYLES`; `AUTOMATIC` is `STAGED` with a model and `RULES` without.
        camera: `STILL` or `MAY_MOVE`. language: `ENGLISH` or `CHINESE`.
        max_words: of the caption; two Chinese characters count as one word.
        guidance: more that the model should consider, in the person's words.
        strict: raise instead of writing by rules.
        check_interrupt: called while the model writes; what it raises is passed on, and so are `interruptions`.
        report: told what is going on.

    Raises:
        ValueError: for an instruction without a word, and if `strict` for a style that needs a model without one.
        CaptionError: if `strict`.
    """
    ruled = by_rules(instruction, camera)  # also refuses an empty instruction before anything is asked
    if style == RULES or (style == AUTOMATIC and model is None):
        return ruled
    if model is None:
        return _write_without_model(ruled, style, strict)
    style = STAGED if style == AUTOMATIC else style
    moves_camera = asks_for_camera(instruction)
    images = [] if image is None else [image[:1]]
    system = system_text(style, camera, language, max_words)

    def read(text: str) -> tuple[Reply | None, str]:
        reply = read_reply(text)
        problem = problem_of(reply.caption, instruction, camera, language, max_words, moves_camera)
        return (reply, "") if problem is None else (None, problem)

    asked = ask_until(
        model,
        system,
        user_text(instruction, guidance, bool(images)),
        images,
        read,
        retry_text,
        seed=seed,
        check_interrupt=check_interrupt,
        interruptions=interruptions,
        before_attempt=lambda attempt: report(f"{model.name} writes again" if attempt else f"{model.name} writes"),
    )
    if asked.value is not None:
        return _finished(asked.value, ruled, instruction, camera, language, moves_camera)

    if strict:
        said = f' It wrote: "{" ".join(asked.text.split())[:SHOWN]}"' if asked.text else ""
        raise CaptionError(
            f"{asked.problem}{said} Switch strict off to have the rules write the caption in such a case."
        )
    in_english = " The rules write English." if language == CHINESE else ""
    return _with_warning(ruled, f"{asked.problem} The rules wrote this caption instead.{in_english}")


def _write_without_model(ruled: WrittenCaption, style: str, strict: bool) -> WrittenCaption:
    missing = f'The style "{style}" needs a language model: connect one of the VLM nodes to vlm.'
    if strict:
        raise ValueError(f"{missing} Or choose the style {RULES}, or switch strict off.")
    return _with_warning(ruled, f"{missing} The rules wrote this caption instead.")


def _with_warning(ruled: WrittenCaption, warning: str) -> WrittenCaption:
    warnings = " ".join(filter(None, (warning, ruled.warning)))
    return WrittenCaption(ruled.caption, ruled.end_state, f"{warning}\n\n{ruled.reasoning}", warnings)


def _finished(
    reply: Reply, ruled: WrittenCaption, instruction: str, camera: str, language: str, moves_camera: bool
) -> WrittenCaption:
    caption = reply.caption
    if camera == STILL and not moves_camera:
        caption = with_still_camera(caption, language)
    unusable = problem_of_end_state(reply.end_state, reply.caption, instruction, language)
    end_state = ruled.end_state if unusable else reply.end_state
    lines = [f"{name.capitalize()}: {text}" for name, text in reply.stages.items()]
    if reply.thoughts:
        lines.append(f"Thoughts: {reply.thoughts}")
    return WrittenCaption(caption, end_state, "\n\n".join(lines))
