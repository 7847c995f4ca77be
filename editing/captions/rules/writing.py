"""The caption itself: the first rule that knows an edit fills its sentences, and edits in a row are joined."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from .clauses import LONGEST_CLAUSE
from .english import Thing, fill, thing
from .families import RULES
from .families.rule import CAMERA_STILL, REST_STAYS
from .imperative import as_told, readings
from .vocabulary import OWN_VERBS, VERBS

LONGEST_ADDITION = 400  # characters that a caption may be longer than the instruction


@dataclass(frozen=True)
class TemporalCaption:
    """What happens (`caption`), how it ends (`end_state`, one sentence), and the kind of edit recognised (`family`)."""

    caption: str
    end_state: str
    family: str


@dataclass(frozen=True)
class _Edit:
    """The sentences of one recognised edit; with a subject, its end state can be told of another name for it."""

    family: str
    process: str
    end_state: str
    stays: str
    camera: str
    subject: Thing | None = None
    end_of: Callable[[Thing], str] | None = None


# Not what an edit happens to: "rotate BY 90 degrees", "remove the cup BUT keep the plate".
_NO_THING = re.compile(
    r"(?:by|to|at|in|on|of|off|up|down|left|right|clockwise|counterclockwise|\d+)\b|.*\w(?:lly|tally)$"
    r"|back(?:$|\s+(?:to|the)\b)|.*\s(?:open|shut|upright|longer|taller|shorter|wider|higher|thicker)$"
    r"|(?!.*\sin \w+$)(?:\S+\s+){2,}(?:red|blue|green|yellow|purple|pink|black|white|brown|gr[ae]y)$"
    r"|.*\s(?:up|down|on|off|over|away|and|or)$|.*\bto (?:face|look|show|see|be|make|get|reveal)\b"
    r"|.*\s(?:minutes|hours|days|weeks|months|years|decades|as)$|.*\b(?:later|ago|then)\b"
    r"|.*\b(?:not|never)$|.*\b(?<!the )(?<!new )looks?(?: (?!of\b)\w+)?$|.*\s\w+\s(?:cut|go|goes|be|fall)$"
    r"|(?:the |its |their )?sizes?$"
    r"|.*\b(?:but|while|until|unless|because|instead|when|so that|as an?)\b",
    re.IGNORECASE,
)
_SECOND_EDIT = re.compile(rf"\band\s+(?:then\s+)?(?:{OWN_VERBS}|{VERBS})(?:e?s)?\b", re.IGNORECASE)


def recognise(clause: str, first: bool = True) -> _Edit | None:
    """The edit of a clause, None if no rule knows it. In the `first` clause, "it" can mean the picture."""
    if len(clause) > LONGEST_CLAUSE:
        return None
    for command, rule in itertools.product(readings(clause), RULES):
        match = rule.pattern.fullmatch(command)
        more = rule.words(match) if match else None
        if more is None:
            continue
        # A group that occurs in several branches of a pattern is numbered there: x, x2, x3.
        words = {name.rstrip("23"): text for name, text in match.groupdict().items() if text} | more
        if _NO_THING.match(words.get("x", "")) or any(_SECOND_EDIT.search(text) for text in words.values()):
            continue
        if first and rule.family in ("focus", "time") and words.get("x", "").lower() in ("it", "this"):
            del words["x"]
        subject = thing(words.get("x") or rule.subject, rule.article)
        sentences = (fill(pattern, subject, words) for pattern in (rule.process, rule.end_state, rule.stays))
        return _Edit(rule.family, *sentences, rule.camera, subject, partial(_fill_end, rule.end_state, words))
    return None


def _fill_end(pattern: str, words: Mapping[str, str], subject: Thing) -> str:
    return fill(pattern, subject, words)


def not_understood(asked: str) -> _Edit:
    """The person's own words as the state that the scene reaches, which says nothing false."""
    asked = as_told(asked).rstrip(" .!?")
    moves = re.search(
        r"(?<!face the )(?<!to the )(?<!at the )(?<!into the )(?<!towards the )\bcamera\b"
        r"|\b(?:zoom|viewpoint|perspective|angle)\b",
        asked,
        re.IGNORECASE,
    )
    process, end_state = f"The scene gradually changes until: {asked}.", f"The scene shows: {asked}."
    return _Edit("unknown", process, end_state, REST_STAYS, "" if moves else CAMERA_STILL)


def write(edits: list[_Edit]) -> TemporalCaption:
    if len(edits) == 1:
        edit = edits[0]
        return TemporalCaption(_sentences(edit.process, edit.stays, edit.camera), edit.end_state, edit.family)
    stages = [edits[0].process] + [f"Then {_inside(edit.process, edit.subject)}" for edit in edits[1:]]
    camera = CAMERA_STILL if all(edit.camera for edit in edits) else ""
    return TemporalCaption(_sentences(*stages, REST_STAYS, camera), _joined_ends(edits), "several")


# What a later edit of the same thing undoes: its end state no longer holds.
_UNDONE = {
    "grow": "grow shrink break melt flatten",
    "shrink": "grow shrink break melt flatten",
    "open": "open close",
    "close": "open close",
    "switch": "switch",
    "move": "move",
    "recolour": "recolour material",
    "blur": "focus",
    "focus": "blur",
    "replace": "replace",
    "light": "light",
    "style": "style",
}


def _joined_ends(edits: list[_Edit]) -> str:
    """The end states that hold in the end, as one sentence."""
    subjects: list[Thing | None] = []  # "it" is what was named before
    for edit in edits:
        again = subjects and edit.subject and edit.subject.phrase.lower() in ("it", "he", "she", "they")
        subjects.append(subjects[-1] if again else edit.subject)
    phrases = [subject.phrase.lower() if subject else "" for subject in subjects]
    ends, told = [], set()
    for n, (edit, subject, phrase) in enumerate(zip(edits, subjects, phrases, strict=True)):
        undoing = {"vanish", *_UNDONE.get(edit.family, "").split()}
        if any(edits[m].family in undoing and phrases[m] == phrase for m in range(n + 1, len(edits))):
            continue
        end = edit.end_of(subject) if subject and edit.end_of and phrase not in told else edit.end_state
        ends.append((_inside(end, subject) if ends else end)[:-1])
        told.add(phrase)
    return f"{', '.join(ends[:-1])}, and {ends[-1]}." if len(ends) > 1 else f"{ends[0]}."


def _inside(sentence: str, subject: Thing | None) -> str:
    """A sentence that goes on inside another: without its capital, unless that is a name's."""
    if subject and subject.name and sentence.startswith(subject.phrase):
        return sentence
    return sentence[0].lower() + sentence[1:]


def _sentences(*sentences: str) -> str:
    return " ".join(sentence for sentence in sentences if sentence)
