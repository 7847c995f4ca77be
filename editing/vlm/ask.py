"""Asking a language model once, so that nothing but an interrupt gets out: what writing and choosing share."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from . import LanguageModel, LanguageModelError

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

REPLY_TOKENS = 2048  # room for models that think before they answer
ATTEMPTS = 2  # for an answer that can be used
SHOWN = 300  # characters of an answer that a message quotes


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
