"""What a rule is: the wording it matches, and the sentence patterns of its caption."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypedDict

from ..english import thing

CAMERA_STILL = "The camera stays still."
REST_STAYS = "Everything else stays exactly as it is."
LAYOUT_STAYS = "Every object keeps its place and its shape."
Words = dict[str, str] | None


@dataclass(frozen=True)
class Rule:
    """One wording of a family. Sentence patterns are those of `english.fill`."""

    family: str
    pattern: re.Pattern
    process: str
    end_state: str
    stays: str
    camera: str
    words: Callable[[re.Match], Words]
    subject: str
    article: bool


class Sentences(TypedDict, total=False):
    """Arguments of `rule` that several rules have in common."""

    process: str
    end_state: str
    stays: str
    subject: str


class SentencesAndWords(Sentences):
    words: Callable[[re.Match], Words]


def rule(
    family: str,
    pattern: str,
    process: str,
    end_state: str,
    stays: str = REST_STAYS,
    camera: str = CAMERA_STILL,
    words: Callable[[re.Match], Words] = lambda match: {},
    subject: str = "the whole picture",
    article: bool = True,
) -> Rule:
    """`subject` stands in where the wording names nothing; `article` False leaves "clouds" without "the"."""
    return Rule(family, re.compile(pattern, re.IGNORECASE), process, end_state, stays, camera, words, subject, article)


def optional_place(match: re.Match) -> Words:
    return {"where": (match["where"] or "").strip()}


def several(match: re.Match) -> bool:
    """Whether the edit happens to more than one thing."""
    return thing(match["x"] or match.groupdict().get("x2") or "it").plural
