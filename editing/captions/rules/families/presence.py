"""What is there: things go, come, or become others (vanish, add, replace, connect)."""

from __future__ import annotations

import re

from ..vocabulary import BEINGS, COUNT, PLACE, SOME_NEW
from .rule import Rule, SentencesAndWords, Words, optional_place, rule


def _not_a_side(match: re.Match) -> Words:
    """ "turn the head to the left" makes it no other thing."""
    if re.search(r"\b(?:volume|dial|knob|page|key|handle|heat|temperature)\b", match["x2"] or ""):
        return None
    return None if re.match(r"(?:the|its) (?:left|right|side|top|bottom|back|front)\b", match["y2"] or "") else {}


def _instead(match: re.Match) -> Words:
    """ "a red car instead of the blue one": the one is a car."""
    old, new = match["x"], match["y"]
    if re.fullmatch(rf"(?:the )?{COUNT}", old, re.IGNORECASE) and not re.search(r"\bone$", old):
        return None
    if one := re.fullmatch(r"(.+\s)ones?", old, re.IGNORECASE):
        return {"x": one[1] + new.split()[-1]}
    return {}


def _known_thing(match: re.Match) -> Words:
    """ "add the lamp": unlike a new lamp, its end state must say where it is."""
    return {"where": (match["where"] or "there").strip()}


# "Give the ball a push" gives it nothing that stays.
_NO_GIFT = "push|pull|kick|shove|shake|shave|bath|wash|try|makeover|boost|rest|chance|break|hand|tone|feeling|size"
_VANISH: SentencesAndWords = {
    "process": "{x} slowly [fades] away {where} until {it} <is> completely gone, and only the background is left "
    "there.",
    "end_state": "{x} [is] gone {where}.",
    "words": optional_place,
}
REPLACE: tuple[Rule, ...] = (
    rule(
        "replace",
        r"(?:(?:use|put|show|have|i(?: want|'d like| would like))\s+)?(?P<y>(?:a|an|some|two|three|four|five"
        r"|\w+s$)\s?.+?)\s+"
        r"instead of\s+(?P<x>.+)",
        process="{x} slowly [changes] shape and look, step by step, until {it} <has> become {y} in the same place.",
        end_state="{x} [has] become {y}.",
        words=_instead,
    ),
    rule(
        "replace",
        r"substitute\s+(?P<y>(?:a|an|some)\s.+?)\s+for\s+(?P<x>(?:the|this|that|my|his|her|its|their)\s.+)",
        process="{x} slowly [changes] shape and look, step by step, until {it} <has> become {y} in the same place.",
        end_state="{x} [has] become {y}.",
    ),
    # Becoming something else.
    rule(
        "replace",
        r"(?:replace|swap|exchange|substitute|switch)\s+(?P<x>.+?)\s+(?:with|for|by)\s+(?P<y>.+)"
        r"|(?:turn|change|transform|convert|morph|make)\s+(?P<x2>.+?)\s+(?:in)?to\s+(?P<y2>(?:a|an|the)\s.+)"
        r"|(?:turn|change|transform|convert|morph)\s+(?P<x3>.+?)\s+into\s+(?P<y3>.+)",
        process="{x} slowly [changes] shape and look, step by step, until {it} <has> become {y} in the same place.",
        end_state="{x} [has] become {y}.",
        words=_not_a_side,
    ),
)
RULES: tuple[Rule, ...] = (
    rule(
        "vanish",
        r"(?P<y>(?:the|a|an|this|that|my|his|her)\s(?:\w+\s)?\w+)\s+without\s+(?:(?:the|a|an|any|his|her|its)"
        r"\s+)?(?P<x>(?:\w+\s)?\w+)",
        process="{x} slowly [fades] away until {it} <is> completely gone.",
        end_state="{x} [is] gone.",
        words=lambda match: None if re.search(r"ing\b", match["x"]) else {},
    ),
    rule(
        "add",
        rf"(?P<x>the\s(?:\w+\s)?\w+)\s+with\s+(?P<y>{SOME_NEW}.+)",
        process="{x} slowly [gets] {y}, first faint, then clearly visible and there to stay.",
        end_state="{x} [has] {y}.",
    ),
    rule(
        "add",
        rf"give\s+(?P<x>(?:the|all the|both|both the|these|those)\s+(?:\w+\s+)?(?:{BEINGS}))\s+(?P<y>(?:\w+\s)?\w+s)",
        process="{x} slowly [gets] {y}, first faint, then clearly visible and there to stay.",
        end_state="{x} [has] {y}.",
    ),
    rule(
        "light",
        r"add\s+(?P<x>(?:(?:some|a little|a lot of|more)\s+)?(?:\w+\s)?(?:rain|snow|snowfall|fog|mist|haze))",
        process="{x} slowly [sets] in, first faint, then clearly visible, and then [goes] on.",
        end_state="There [is] {x}.",
        article=False,
    ),
    rule(
        "add",
        rf"(?:add|insert|draw|include)\s+(?P<x>(?:the|his|her|its|their|my)\s.+?){PLACE}?",
        process="{x} slowly [appears] {where}, first faint, then clearly visible, and then [stays] there.",
        end_state="{x} [is] {where}.",
        words=_known_thing,
    ),
    # Presence.
    rule(
        "vanish",
        r"(?:remove|delete|erase|vanish|disappear|eliminate|get rid of|take away|fade (?:out|away)?)\s+"
        r"(?:everything|all)(?: else| (?:the )?(?:other )?(?:things|objects))?"
        r"\s+(?:except(?: for)?|but|apart from|other than)\s+(?P<x>.+)",
        process="Everything except {x} slowly fades away until only {x} [is] left.",
        end_state="Only {x} [is] left.",
        stays="{x} [stays] exactly as {it} <is>, in the same place.",
    ),
    rule(
        "move",
        rf"hide\s+(?P<x>.+?){PLACE}",
        process="{x} slowly [moves] {where} until {it} <is> hidden there.",
        end_state="{x} [is] hidden {where}.",
        words=optional_place,
    ),
    rule(
        "vanish",
        r"(?:remove|no(?: more)?(?= (?!one\b|way\b|idea\b|longer\b|need\b|matter\b)(?:\w+ ){0,2}\w+$)|delete|erase"
        r"|vanish|disappear|eliminate|hide|get rid of|take (?:away|off)|fade (?:out"
        r"|away)?|clear away|dissolve (?=.* into thin air$)|wipe (?:out|away)|make (?=.* (?:invisible"
        r"|gone|away|out of (?:view|sight))$)|take (?=.* out of (?:view|sight)$))\b\s*(?P<x>.+?)(?P<where>\s+from\s.+)?"
        r"(?:\s+(?:away|out|completely|invisible|gone|into thin air|out of (?:view|sight)))*",
        **_VANISH,
    ),
    rule("vanish", r"take\s+(?P<x>.+?)\s+(?P<where>)(?:away|off)", **_VANISH),
    rule(
        "vanish",
        r"take\s+(?:out\s+(?P<x>.+)|(?P<x2>.+?)\s+out)",
        process="{x} [is] slowly taken out until {it} <is> no longer in {its} place.",
        end_state="{x} [has] been taken out.",
    ),
    rule(
        "vanish",
        r"take\s+(?P<x>.+?)\s+(?P<where>out of\s.+)",
        process="{x} [is] slowly taken {where} until {it} <is> no longer in there.",
        end_state="{x} [has] been taken {where}.",
    ),
    rule(
        "vanish",
        r"take\s+(?P<x>.+?)\s+(?P<where>(?:off|from|away from)\s.+)",
        process="{x} [is] slowly taken {where} and out of view until {it} <is> gone.",
        end_state="{x} [is] gone.",
    ),
    rule(
        "add",
        r"(?:add|attach)\s+(?P<x>.+?)(?<!\snext)(?<!\sclose)\s+(?P<where>to\s.+)",
        process="{x} [is] slowly added {where}, first faint, then clearly visible, and then [stays] there.",
        end_state="{x} [has] been added {where}.",
        article=False,
    ),
    rule(
        "add",
        rf"(?:add|insert|draw|include|put|place|hang|set|cast)\s+(?P<x>{SOME_NEW}.+?|(?<=add )(?!up\b).+?"
        rf"|(?<=insert ).+?|(?<=draw ).+?){PLACE}?",
        process="{x} slowly [appears] {where}, first faint, then clearly visible, and then [stays] there.",
        end_state="There [is] {x} {where}.",
        words=optional_place,
        article=False,
    ),
    rule(
        "add",
        rf"give\s+(?P<x>.+?)\s+(?P<y>{SOME_NEW}(?!.*\b(?:{_NO_GIFT})$).+)"
        r"|make\s+(?P<x2>.+?)\s+(?:grow|wear|have)\s+(?P<y2>.+)"
        rf"|grow\s+(?P<x3>.+?)\s+(?P<y3>{SOME_NEW}.+)",
        process="{x} slowly [gets] {y}, first faint, then clearly visible and there to stay.",
        end_state="{x} [has] {y}.",
    ),
    rule(
        "add",
        r"decorate\s+(?P<x>.+?)(?:\s+with\s+(?P<y>.+))?",
        process="{x} [is] slowly decorated {y}, bit by bit, until {it} <is> decorated all over.",
        end_state="{x} [is] decorated {y}.",
        words=lambda match: {"y": f"with {match['y']}" if match["y"] else ""},
    ),
    rule(
        "connect",
        r"(?:connect|join|link)\s+(?P<x>.+?)(?:\s+(?:with|by) (?:a )?(?:straight )?lines?)?",
        process="Lines slowly appear between {x}, one after the other, until all are connected.",
        end_state="{x} [is] connected by lines.",
        words=lambda match: {} if re.search(r"\b(?:dots|points|stars|numbers)\b", match["x"]) else None,
    ),
)
