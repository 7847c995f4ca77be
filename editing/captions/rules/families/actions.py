"""What people and animals do: poses, gestures, actions, and what follows when they hit something (pose, cause)."""

from __future__ import annotations

import re
from functools import partial

from ..english import participle, past, progressive, thing, third_person
from ..vocabulary import ACTIONS, DEEDS, GOING_ON, MAKE, MEETS, SIZE_OR_STATE, SOMEBODY, WHO, bare_verbs
from .rule import REST_STAYS, Rule, Words, rule

_LIMB = r"(?:hand|arm|leg|knee|foot|feet|paw|head|tail|wing|finger|eyebrow|chin|elbow|shoulder|ear)s?"
# How an action goes and how it ends: some are held, some come to an end, some go on.
_SMOOTH = "in one smooth, natural movement"
_ACTION_KINDS = (
    # family, verbs, process, end state, what stays
    (
        "pose",
        r"stop \w+ing\b.*",
        "{x} slowly [stops] {rest} and then [stays] that way.",
        "{x} [is] no longer {rest}.",
        REST_STAYS,
    ),
    (
        "pose",
        "hold",
        f"{{x}} [takes] hold of {{rest}} {_SMOOTH} and then [holds] the pose.",
        "{x} [is] holding {rest}.",
        REST_STAYS,
    ),
    (
        "cause",
        MEETS,
        "{x} [{does}] {rest}, and what naturally follows from that happens step by step.",
        "{x} [has] {done} {rest}.",
        "Everything that is not touched stays exactly as it is.",
    ),
    (
        "pose",
        DEEDS,
        f"{{x}} [{{does}}] {{rest}} {_SMOOTH} from start to finish.",
        "{x} [has] {done} {rest}.",
        REST_STAYS,
    ),
    (
        "pose",
        GOING_ON,
        "{x} [{does}] {rest} with smooth, natural movements, which go on until the end.",
        "{x} [is] {doing} {rest}.",
        REST_STAYS,
    ),
    (
        "pose",
        r"(?!stop\b).*",
        f"{{x}} [{{does}}] {{rest}} {_SMOOTH} and then [holds] the pose.",
        "{x} [is] {doing} {ends}.",
        REST_STAYS,
    ),
)
# "The man sat down" is told of the end, and asks for the same as "the man sits down".
_PASTS = {
    past(verb): verb
    for verb in "bow wave sit stand jump smile laugh cry wink blink nod kneel dance run walk sleep squat crouch fly"
    " swim climb crawl hop yawn frown grin crash bump".split()
}
_TOLD_OF_ONE = {third_person(verb): verb for verb in bare_verbs(ACTIONS)}
_TOLD_OF_MANY = {verb: verb for verb in bare_verbs(ACTIONS)}


def _action_words(verb: str, rest: str, verbs: str) -> Words:
    rest = rest.strip()
    more = re.search(rf"[,;:]|\b(?:and|then)\s+(?:.+\s)?(?:{ACTIONS})(?:e?s)?\b", rest)
    if more or not re.match(rf"(?:{verbs})(?:\s|$)", f"{verb} {rest}"):  # more: not one movement
        return None
    ends = re.sub(r"^(?:down|up)$", "", rest) if re.fullmatch("sit|lie|stand|kneel|squat|crouch", verb) else rest
    return {
        "does": third_person(verb),
        "doing": progressive(verb),
        "done": participle(verb),
        "rest": rest,
        "ends": ends,
    }


def _action(match: re.Match, verbs: str) -> Words:
    rest = match["rest"].strip()
    if re.fullmatch(r"(?:the )?camera", match["x"], re.IGNORECASE):
        return None
    if SIZE_OR_STATE.fullmatch(rest) and rest.lower() not in ("higher", "lower", "faster", "slower", "closer"):
        return None  # "make the blue drink bigger" tells of a thing, not of drinking
    return _action_words(match["verb"].lower(), rest, verbs)


def _action_told(match: re.Match, verbs: str) -> Words:
    """ "the old man waves", "the girls wave": the verb must agree, which singles it out from "the big wave"."""
    told = match[0]
    if re.match(r"(?:the )?camera\b", told, re.IGNORECASE):
        return None
    for word in re.finditer(r"(?<=\s)[a-z]+\b", told, re.IGNORECASE):
        x, verb, rest = told[: word.start()].rstrip(), word[0].lower(), told[word.end() :]
        if "camera" in x or not re.fullmatch(rf"(?:{WHO}|he|she|they)(?<!\bthe)(?<!\ba)", x, re.IGNORECASE):
            continue
        known = _TOLD_OF_MANY.get(verb) if thing(x).plural else _TOLD_OF_ONE.get(verb)
        if not known and not re.match(r"\s+(?:by|in (?:a|the) \w+ style|with)\b", rest):
            known = _PASTS.get(verb)
        if known:
            words = _action_words(known, rest, verbs)
            return words and words | {"x": x}
    return None


RULES: tuple[Rule, ...] = (
    # Poses of people and animals.
    rule(
        "pose",
        rf"(?:raise|lift|put up|move)(?: up)?\s+(?P<x>.*\b{_LIMB})(?:\s+up)?",
        process="{x} slowly [moves] up in one smooth, natural movement and then [holds] the pose.",
        end_state="{x} [is] raised.",
    ),
    rule(
        "pose",
        rf"(?:lower|put down)\s+(?P<x>.*\b{_LIMB})(?:\s+down)?",
        process="{x} slowly [moves] down in one smooth, natural movement and then [holds] the pose.",
        end_state="{x} [is] lowered.",
    ),
    *(
        rule(family, pattern, process=process, end_state=end_state, stays=stays, words=partial(words, verbs=verbs))
        for family, verbs, process, end_state, stays in _ACTION_KINDS
        for pattern, words in (
            (rf"{MAKE}{SOMEBODY}\s+(?:to\s+)?(?P<verb>{ACTIONS})\b(?!\s+(?:{ACTIONS})\b)(?P<rest>.*)", _action),
            (rf"(?P<x>{WHO}|he|she|they)\s+(?P<verb>[a-z]+)\b(?P<rest>.*)", _action_told),
        )
    ),
)
