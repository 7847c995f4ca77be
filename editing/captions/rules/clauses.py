"""From a text to the single edits that it names: "remove the cup and turn the ball blue" are two."""

from __future__ import annotations

import re

from .english import thing
from .imperative import OWN_PASTS, imperative, own_verb
from .vocabulary import ACTIONS, COLOR, MAKE, MOVE, OWN_VERBS, PARTICIPLES, SIDE, SIZE_OR_STATE, SOMEBODY, VERBS, WHO

LONGEST_CLAUSE = 200  # characters; a longer text tells a story of its own and is passed on
_THEN = r"(?:then|afterwards|after that)"
_NEXT_EDIT = re.compile(
    rf"(?:\s*[,;.]\s*(?:and\s+)?(?:{_THEN},?\s+)?|\s+and\s+(?:{_THEN}\s+)?|\s+{_THEN}\s+)(?=(?:{VERBS})\b)",
    re.IGNORECASE,
)
_FIRST = re.compile(rf"first(?:ly|\s+of\s+all)?,?\s+(?=(?:{VERBS})\b)", re.IGNORECASE)


def single_edits(text: str) -> list[str]:
    """The edits that a text names, in their order."""
    first = _FIRST.match(text)
    parts = [part for clause in _clauses(text[first.end() :] if first else text) for part in _parts(clause)]
    return parts if len(parts) > 1 or not first else [text]  # "first" of one edit orders nothing


def _clauses(text: str) -> list[str]:
    """The edits named together; a bare verb goes on with the same thing: "make the cup fall and break"."""
    clauses = [clause for clause in _NEXT_EDIT.split(text) if clause.strip()]
    bare = re.compile(OWN_VERBS, re.IGNORECASE)
    if not any(bare.fullmatch(clause) for clause in clauses[1:]):
        return clauses
    same = _again(imperative(clauses[0]).partition(" ")[2])
    return clauses[:1] + [f"{clause} {same}" if bare.fullmatch(clause) else clause for clause in clauses[1:]]


def _again(words: str) -> str:
    """How the same thing is named a second time: it, him, her, them."""
    pronoun = thing(words or "it").pronoun
    return {"he": "him", "she": "her", "they": "them"}.get(pronoun, pronoun)


_BOTH_ACTIONS = re.compile(
    rf"{MAKE}{SOMEBODY}\s+(?:to\s+)?(?P<first>(?:{ACTIONS})\b(?!\s+(?:{ACTIONS})\b)(?:(?!\sand\s).)*?),?"
    rf"\s+(?:and\s+then|and|then)\s+(?P<second>(?:{ACTIONS})\b.*)",
    re.IGNORECASE,
)
_PASTS = "|".join(OWN_PASTS)
_BOTH_HAPPEN = re.compile(  # "the glass falls off the table and breaks"
    rf"(?P<x>{WHO}|it|they)\s+(?P<first>(?:{OWN_VERBS})(?:e?s)?|{_PASTS})(?P<rest>(?:\s(?!and\b)[^\s,]+)*?)"
    rf"\s+and\s+(?:then\s+)?(?P<second>(?:{OWN_VERBS})(?:e?s)?|{_PASTS})",
    re.IGNORECASE,
)
_PARTICIPLE = rf"(?:{'|'.join(PARTICIPLES)})\b(?:\s(?!and\b)[^\s,]+)*?"
_BOTH_DONE = re.compile(  # "the cup has fallen over and broken"
    rf"(?P<x>{WHO}|it|they)\s+(?P<has>(?:has|have|is|are)(?:\s+been)?)\s+(?P<first>{_PARTICIPLE})"
    rf"\s+and\s+(?:then\s+)?(?P<second>{_PARTICIPLE})",
    re.IGNORECASE,
)
_PART = r"(?P<x>(?:(?:the|a|an|this|that|these|those|my|his|her|its|their|our|both)\s)\S.*?)"
_THING = r"(?P<x>(?:(?:the|a|an)\s)?(?!(?:the|a|an|to|it|up|down)\b)\S.*?)"
# What several things can share: the verb, and what each of them then says.
_SHARED = tuple(
    (verbs, re.compile(pattern, re.IGNORECASE))
    for verbs, pattern in (
        ("make", rf"{_THING}\s+(?P<y>{COLOR}|{SIZE_OR_STATE.pattern.replace('(?P<y>', '(?:')})"),
        ("turn|paint|dye|tint|colou?r|recolou?r", rf"{_PART}\s+(?P<y>{COLOR})"),
        (f"{MOVE}|put|place", rf"{_PART}\s+(?P<y>{SIDE})"),
        ("replace", rf"{_PART}\s+(?P<y>with\s.+)"),
        ("remove|delete|erase", rf"{_PART}\s+(?P<y>(?:on|in|at|near|by|under|behind)\s(?:the|a)\s.+)"),
    )
)


def _parts(clause: str) -> list[str]:
    """What one verb asks of several things or of one: "make the door red and the walls white" is two edits."""
    if len(clause) > LONGEST_CLAUSE:
        return [clause]
    if both := _BOTH_ACTIONS.fullmatch(clause):
        return [f"make {both['x']} {both['first']}", f"make {_again(both['x'])} {both['second']}"]
    if both := _BOTH_HAPPEN.fullmatch(clause):
        first, second = own_verb(both["first"]), own_verb(both["second"])
        return [f"{first} {both['x']}{both['rest']}", f"{second} {_again(both['x'])}"]
    if both := _BOTH_DONE.fullmatch(clause):
        return [f"{both['x']} {both['has']} {both['first']}", f"{_again(both['x'])} {both['has']} {both['second']}"]
    verb, _, rest = clause.partition(" ")
    shape = next((shape for verbs, shape in _SHARED if re.fullmatch(verbs, verb, re.IGNORECASE)), None)
    parts = re.split(r"\s*,\s*(?:and\s+)?|\s+and\s+", rest)
    if not shape or not 1 < len(parts) < 6:
        return [clause]
    matches = [match for part in parts if (match := shape.fullmatch(part))]
    if len(matches) < len(parts):
        return [clause]
    named = {word for match in matches for word in match["x"].lower().split()}
    wanted = {match["y"].lower() for match in matches}
    # "the red ball blue and the blue ball red": one after the other would not be what is meant
    return [clause] if named & wanted else [f"{verb} {part}" for part in parts]
