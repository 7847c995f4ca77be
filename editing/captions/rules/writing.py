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
from .imperative import as_told, is_verb_of, readings
from .spelling import is_known
from .vocabulary import MODAL, OWN_VERBS, TIME, VERBS

NOT_UNDERSTOOD = "unknown"  # the family of what no rule knows
LONGEST_ADDITION = 400  # characters that a caption may be longer than the instruction


@dataclass(frozen=True)
class TemporalCaption:
    """What happens (`caption`), how it ends (`end_state`, one sentence), and the kind of edit recognised (`family`).

    The family is `NOT_UNDERSTOOD` where no rule understood the instruction. `corrections`: the misspelt words, as
    written and as read.
    """

    caption: str
    end_state: str
    family: str
    corrections: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Edit:
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
    r"|(?:the |its |their )?sizes?$|.*\b\d+ (?:percent|times)$|.*\s(?:\d+/\d+|half|halfway)$"
    r"|.*\b(?:but|while|until|unless|because|instead|when|so that|as an?)\b",
    re.IGNORECASE,
)
_SECOND_EDIT = re.compile(rf"\band\s+(?:then\s+)?(?:{OWN_VERBS}|{VERBS})(?:e?s)?\b", re.IGNORECASE)


def recognise(clause: str, first: bool = True) -> Edit | None:
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
        process, end_state, stays = (fill(each, subject, words) for each in (rule.process, rule.end_state, rule.stays))
        fill_end = partial(_fill_end, rule.end_state, words)
        return Edit(rule.family, process, end_state, stays, rule.camera, subject, fill_end)
    return None


def _fill_end(pattern: str, words: Mapping[str, str], subject: Thing) -> str:
    return fill(pattern, subject, words)


# What tells of a fact: "the robot should not move", "the man has broken glasses".
_FACT = re.compile(rf".*\b(?:is|are|was|were|has|have|had|does|do|did|not|never|{MODAL}|\w+n't)\b.*", re.IGNORECASE)
_NOUN_PHRASE = re.compile(
    r"(?:a|an|the|this|that|these|those|some|two|three|four|five|six|several|many|another|my|his|her|their|one)\s.+"
    r"|(?!nothing|nobody|no one)(?:some|any|every)(?:thing|one|body)\b.*",
    re.IGNORECASE,
)
_DOES_SO = re.compile(  # "the dog wears a hat": a verb that no rule knows
    r"(?:the|a|an|this|that|my|his|her|their)\s(?:\w+\s){1,2}?\w+s\s(?:a|an|the|his|her|its|their|some)\s",
    re.IGNORECASE,
)
_STARTS_FACT = re.compile(r"(?:it|he|she|they|i|we|there|nothing|nobody|everything|everyone)\s", re.IGNORECASE)
# What follows a name at the start: more of it, or what it is and does; "solve this" and "fix its wheel" have no name.
_AFTER_NAME = re.compile(
    rf"[A-Z]|(?i:(?:and|is|are|was|were|has|had|does|did|{MODAL}|in|at|on|with)\b"
    r"|(?!this\b|its\b|his\b|us\b)\w+s\b)"
)
_CAMERA = re.compile(
    r"(?<!face the )(?<!to the )(?<!at the )(?<!into the )(?<!towards the )\bcamera\b"
    r"|\b(?:zoom|viewpoint|perspective|angle)\b",
    re.IGNORECASE,
)


def not_understood(asked: str) -> Edit:
    """The wish as a plain sentence, which says nothing false: of what comes to be seen, of what is so, or as it is."""
    told = re.sub(r"\s*-+>\s*", " to ", as_told(asked)).strip(" .!?")  # an arrow that no rule could follow
    camera = "" if _CAMERA.search(told) else CAMERA_STILL
    stated = told != asked.strip(" .!?") or (len(told) <= LONGEST_CLAUSE and _tells(told))
    if stated:
        process = end_state = _sentence(told)
    elif len(told) <= LONGEST_CLAUSE and _NOUN_PHRASE.fullmatch(told) and not re.search(r"[.;:!?]", told):
        shown = _without_capital(told)
        process, end_state = f"The scene gradually comes to show {shown}.", f"The scene shows {shown}."
    else:
        process, end_state = _sentence(told), f"This has been done: {_without_capital(told)}."
    return Edit(NOT_UNDERSTOOD, process, end_state, REST_STAYS, camera)


def _tells(text: str) -> bool:
    """Whether a text is a whole statement: "the man sits down", unlike "a dog wearing a hat" and "solve the maze"."""
    if _STARTS_FACT.match(text):
        return True
    if not _NOUN_PHRASE.fullmatch(text):
        return False
    if _FACT.fullmatch(text) or _DOES_SO.match(text) or re.match(rf"{TIME}\b", text, re.IGNORECASE):
        return True
    words = text.split()
    return any(
        is_verb_of(words[n], thing(" ".join(words[:n])).plural) and words[n - 1].lower() not in ("who", "that", "which")
        for n in range(2, len(words))
    )


def _without_capital(text: str) -> str:
    """ "Solve the maze" -> "solve the maze"; "John argues", "Van Gogh", "I see" and "HDR look" stay."""
    first, _, rest = text.partition(" ")
    if first == "I" or not first.isalpha() or not first.istitle():
        return text
    known = is_known(first.lower()) and not rest[:1].isupper()
    if not (known or _NOUN_PHRASE.fullmatch(text)) and (not rest or _AFTER_NAME.match(rest)):
        return text
    return text[0].lower() + text[1:]


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def write(edits: list[Edit], corrections: tuple[tuple[str, str], ...] = ()) -> TemporalCaption:
    if len(edits) == 1:
        edit = edits[0]
        caption = _sentences(edit.process, edit.stays, edit.camera)
        return TemporalCaption(caption, edit.end_state, edit.family, corrections)
    stages = [edits[0].process] + [f"Then {_inside(edit.process, edit.subject)}" for edit in edits[1:]]
    camera = CAMERA_STILL if all(edit.camera for edit in edits) else ""
    return TemporalCaption(_sentences(*stages, REST_STAYS, camera), _joined_ends(edits), "several", corrections)


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


def _joined_ends(edits: list[Edit]) -> str:
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
