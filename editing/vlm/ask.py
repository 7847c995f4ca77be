"""Ask a language model, read its answer, ask again: what writing captions and choosing frames share."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from . import LanguageModel, LanguageModelError

if TYPE_CHECKING:
    import torch

Read = TypeVar("Read")

log = logging.getLogger(__name__)

REPLY_TOKENS = 2048  # room for models that think before they answer
ATTEMPTS = 2  # for an answer that can be used
SHOWN = 300  # characters of an answer that a message quotes


@dataclass(frozen=True)
class Outcome(Generic[Read]):
    """What came of a question.

    value: what was read from the answer, None if no answer could be used. problem: why, as a sentence, or "".
    text: the last answer as the model wrote it, "" if there was none.
    """

    value: Read | None
    problem: str
    text: str


def ask_until(
    model: LanguageModel,
    system: str,
    prompt: str,
    images: Sequence[torch.Tensor],
    read: Callable[[str], tuple[Read | None, str]],
    retry_text: Callable[[str, str], str],
    *,
    seed: int = 0,
    check_interrupt: Callable[[], None] = lambda: None,
    interruptions: tuple[type[BaseException], ...] = (),
    before_attempt: Callable[[int], None] = lambda attempt: None,
) -> Outcome[Read]:
    """Ask until an answer can be used, at most ATTEMPTS times, each time with another seed.

    A model that fails is not asked again: it has tried again itself where that helps.

    Args:
        images: [1, H, W, C], 0..1 each.
        read: from an answer to (what it says, "") or (None, what is wrong with it, to follow "because").
        retry_text: from `prompt` and what was wrong with the last answer to the next prompt.
        check_interrupt, interruptions: as for `ask_once`.
        before_attempt: told the number of the attempt, from 0.
    """
    question, problem, text = prompt, "", ""
    for attempt in range(ATTEMPTS):
        before_attempt(attempt)
        text, failure = ask_once(model, system, question, images, seed + attempt, check_interrupt, interruptions)
        if failure:
            return Outcome(None, failure, text)
        value, wrong = read(text)
        if value is not None:
            return Outcome(value, "", text)
        log.info("IF-Edit: the answer of %s was not used because %s: %r", model.name, wrong, text[:SHOWN])
        problem = f"The answer of {model.name} could not be used because {wrong}, after asking {attempt + 1} times."
        question = retry_text(prompt, wrong)
    return Outcome(None, problem, text)


def ask_once(
    model: LanguageModel,
    system: str,
    prompt: str,
    images: Sequence[torch.Tensor],
    seed: int,
    check_interrupt: Callable[[], None],
    interruptions: tuple[type[BaseException], ...],
) -> tuple[str, str]:
    """(the reply, "") or ("", what failed, as a sentence). A model that failed has tried again itself where that helps.

    What `check_interrupt` raises is passed on, and so are `interruptions`; any other exception, such as one of memory
    or a library's bug, is no reason to lose the graph.
    """
    interrupts: list[BaseException] = []

    def check() -> None:
        try:
            check_interrupt()
        except BaseException as interrupt:
            interrupts.append(interrupt)
            raise

    try:
        reply = model.ask(system, prompt, images, seed=seed, max_tokens=REPLY_TOKENS, check_interrupt=check)
        return str(reply), ""
    except Exception as error:
        if error in interrupts or isinstance(error, interruptions):
            raise
        if isinstance(error, LanguageModelError):
            return "", str(error) or f"The language model {model.name} failed."
        log.exception("IF-Edit: the language model %s failed", model.name)
        return "", f"The language model {model.name} failed ({type(error).__name__}: {error})."
