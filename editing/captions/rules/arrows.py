"""Edits told by an arrow: "blue square -> left", "cat => dog", "background -> beach"."""

from __future__ import annotations

import re

from .english import progressive, thing
from .vocabulary import (
    ACTIONS,
    BACKGROUND,
    COLOR,
    DAYTIME,
    MATERIAL,
    MOVE,
    OWN_VERBS,
    PARTICIPLES,
    PERCENT,
    SHARPNESS,
    SIDE,
    SIZE_OR_STATE,
    TIMES,
    TWICE,
    TWICE_AS,
    VERBS,
    bare_verbs,
)

_ARROW = re.compile(r"\s*(?:[-=~\u2013\u2014]+>+|>{2,})\s*")
BACKWARDS = re.compile(r"\s*(?:<+[-=~\u2013\u2014]+|<{2,})(?=\s|$)")
_NEXT = re.compile(r"\s*[;,]\s*(?:and\s+|then\s+)*|\s+and\s+(?:then\s+)?", re.IGNORECASE)


def _compile(pattern: str) -> re.Pattern:
    return re.compile(re.sub(r"\?P<\w+>", "?:", pattern), re.IGNORECASE)


_STATE = _compile(rf"{COLOR}|{SIZE_OR_STATE.pattern}|{SHARPNESS}|{TWICE}|{TWICE_AS}|{DAYTIME}")
_SIDE = _compile(SIDE)
_HAS_SIDE = _compile(r"\b(?:left|right|up|down|top|bottom)(?:wards?)?\b")
_PLACE = _compile(
    r"(?:to|into|onto|on|in|next to|beside|behind|in front of|under|below|over|above|near|between|at|inside"
    r"|out of)\s.+|(?:the )?(?:middle|center|centre)"
)
_DONE = _compile(rf"(?:{'|'.join(PARTICIPLES)}|on|off|shut)(?:\s.*)?")
_DOES = _compile(rf"(?:{OWN_VERBS}|{ACTIONS})(?:e?s)?(?:\s.*)?")
_COMMAND = re.compile(rf"(?:{VERBS})\s+(?P<x>.+)", re.IGNORECASE)
_DETERMINED = _compile(
    r"(?:a|an|the|this|that|my|his|her|its|their|some|another|many|two|three|four|five|six|\d+|something|someone)\b.*"
    rf"|{MATERIAL}"
)
_DOING = {progressive(verb) for verb in bare_verbs(f"{OWN_VERBS}|{ACTIONS}")} - {"painting", "drawing"}


def spell_out_arrows(text: str) -> str:
    """Each "X -> Y" as the edit it stands for: a move, a change of looks, or a turning into something else."""
    if not _ARROW.search(text):
        return text
    parts = _NEXT.split(text)
    return ", ".join(map(_spell_out, parts)) if all(map(_ARROW.search, parts)) else _spell_out(text)


def _spell_out(part: str) -> str:
    sides = _ARROW.split(part)
    if len(sides) != 2:  # a chain
        return part
    x, y = (side.strip(" ,;.:") for side in sides)
    if not x:
        return y
    if command := _COMMAND.fullmatch(x):
        return _commanded(command, y)
    if not y:  # the arrow itself points
        return f"move {x} right"
    if re.fullmatch(BACKGROUND, x, re.IGNORECASE):
        return f"change {x} to {y}"
    if _SIDE.fullmatch(y) or _PLACE.fullmatch(y):
        return f"move {x} {'to the ' if re.match('(?:middle|cent)', y, re.IGNORECASE) else ''}{y}"
    if re.fullmatch(r"nothing|none|gone|x|0", y, re.IGNORECASE):
        return f"remove {x}"
    if re.fullmatch(TIMES, y, re.IGNORECASE):
        return f"make {x} {y} bigger"
    if re.fullmatch(PERCENT, y, re.IGNORECASE):
        return f"scale {x} to {y}"
    if _STATE.fullmatch(y):
        return f"make {x} {y}"
    if _DONE.fullmatch(y) or y.split()[0].lower() in _DOING:
        return f"the {_without_article(x)} is {y}"
    if _DOES.fullmatch(y):
        return f"make {x} {y}"
    return f"turn {x} into {_with_article(y)}"


def _commanded(command: re.Match, y: str) -> str:
    """ "move the ball -> left", "change the cat -> dog", "replace cat -> dog": the verb says what the arrow means."""
    told, verb = command[0], command[0].split()[0].lower()
    if not y or _SIDE.fullmatch(y):
        moves = re.fullmatch(MOVE, verb) and not _HAS_SIDE.search(told)
        return f"{told} {y or 'right'}" if moves else told  # else it only decorates
    if verb in ("replace", "swap", "exchange"):
        return f"{told} with {_with_article(y)}"
    if verb in ("turn", "change", "transform", "convert", "morph"):
        known = _STATE.fullmatch(y) or re.fullmatch(BACKGROUND, command["x"], re.IGNORECASE)
        return f"{told} to {y}" if known else f"{told} into {_with_article(y)}"
    return f"{told} {y}"


def _with_article(noun: str) -> str:
    if _DETERMINED.fullmatch(noun) or noun[:1].isupper() or thing(noun).plural:
        return noun
    return f"{'an' if noun[0].lower() in 'aeiou' else 'a'} {noun}"


def _without_article(noun: str) -> str:
    return re.sub(r"^the\s+", "", noun, flags=re.IGNORECASE)
