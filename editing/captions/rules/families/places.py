"""Where a thing is: sides, places, orders, piles (move, stack)."""

from __future__ import annotations

import re

from ..english import participle, thing
from ..vocabulary import A_LITTLE, MAKE, MODAL, MOVE, SIDE, SOME_NEW
from .rule import Rule, Words, rule, several

_WAYS = {
    "left": ("to the left", "on the left side"),
    "right": ("to the right", "on the right side"),
    "up": ("up", "near the top"),
    "down": ("down", "near the bottom"),
    "top left": ("up and to the left", "in the top left corner"),
    "top right": ("up and to the right", "in the top right corner"),
    "bottom left": ("down and to the left", "in the bottom left corner"),
    "bottom right": ("down and to the right", "in the bottom right corner"),
}
_SIDE_NAMES = {"top": "up", "higher": "up", "bottom": "down", "lower": "down"}
_WHERE = (
    r"(?P<where>(?:to|towards?|onto|into|next to|beside|behind|in front of|under|underneath|below|over|above|near"
    r"|between|against|across|off|out of|down|up|closer to|nearer to|away from|around|left of|right of|from|back to"
    r"|back"
    r"|forwards?|backwards?|away|aside|closer|apart|together|through|along)(?:\s.+)?)"
)


def side_words(match: re.Match) -> Words:
    side = re.sub(r"wards?$", "", match["side"].lower().replace("-", " "))
    side = side.replace("upper ", "top ").replace("lower ", "bottom ")
    way, place = _WAYS[_SIDE_NAMES.get(side, side)]
    goes = "rolls" if re.match(r"roll\b", match[0], re.IGNORECASE) else "slides"
    if re.search(r"\b(?:slightly|a little|a bit)\b", match[0], re.IGNORECASE):
        return {"way": f"a little {way}", "place": "there", "end": f"a little further {way}", "goes": goes}
    return {"way": way, "place": place, "end": f"at rest {place}", "goes": goes}


def _known_to_a_side(match: re.Match) -> Words:
    return None if _puts_new(match) else side_words(match)


def _puts_new(match: re.Match) -> bool:
    """ "put a star in the middle" brings a new one; "put the star in the middle" moves the one that is there."""
    x = match["x"] or match.groupdict().get("x2") or ""
    return bool(re.match(r"(?:put|place)\s", match[0], re.IGNORECASE) and re.match(SOME_NEW, x, re.IGNORECASE))


_ROLLS = r"(?:,?\s+(?:and\s+)?(?:then\s+)?roll(?:\s+(?:on|away|along|around))?)"


def _bounces(match: re.Match) -> Words:
    x = match["x"] or match["x2"] or match["x3"]
    falls, rolls = ("fall", "roll") if thing(x).plural else ("falls", "rolls")
    return {
        "falls": "" if match["x3"] else f"{falls} down, ",
        "rolls": f"{rolls} on " if re.search(r"\broll\b", match[0]) else "",
    }


_NO_PLACE = r"\b(?:wind|breeze|air|circles?|slow motion|rhythm|time|way)$"


def _already_there(match: re.Match) -> Words:
    """Only for things that exist: "put the cup on the table", not "put a cup on the table"."""
    goes = {"roll": "rolls", "fly": "flies"}.get(match[0].split()[0].lower(), "moves")
    if re.search(_NO_PLACE, match["where"] if "where" in match.groupdict() else "", re.IGNORECASE):
        return None
    return None if re.match(SOME_NEW, match["x"], re.IGNORECASE) else {"goes": goes}


def _stack(match: re.Match) -> Words:
    where = (match["where"] or "").strip()
    if not where:
        way = "one on top of the other" if several(match) else "piece by piece"
        return {"way": way, "where": "in one pile"}
    way = "one after the other" if several(match) else "upwards and then across"
    return {"way": way, "where": re.sub(r"^on(?:to)?(?: top of)?\b", "on top of", where)}


# Asked before actions: "let the circle and the cross trade places" is no crossing.
TRADING_PLACES: tuple[Rule, ...] = (
    rule(
        "move",
        rf"(?:{MAKE})?(?P<x>(?:the|both|these|those|my|his|her)\s(?:.+?\sand\s.+?|(?:\w+\s)?\w+))"
        rf"\s+(?:to\s+|{MODAL}\s+)?(?:trade|change|swap|switch|exchange)\s+(?:their\s+)?(?:places|positions)"
        r"|change\s+(?P<x2>(?:the|both|these|those|my|his|her)\s.+?\sand\s.+?)\s+(?:places|positions)",
        process="{x} slowly [moves] past each other and [trades] places.",
        end_state="{x} [has] traded places.",
        words=lambda match: {} if several(match) else None,
    ),
)
RULES: tuple[Rule, ...] = (
    # Place.
    rule(
        "move",
        rf"(?:{MOVE}|put|place|rise|sink|raise|lift|lower)\s+(?P<x>.+?)\s+{A_LITTLE}{SIDE}",
        process="{x} slowly [{goes}] {way} and [comes] to rest {place}.",
        end_state="{x} [is] {end}.",
        words=_known_to_a_side,
    ),
    rule(
        "move",
        r"(?:raise|lift|rise)\s+(?:up\s+)?(?P<x>.+)",
        process="{x} slowly [rises] and [comes] to rest higher up.",
        end_state="{x} [is] higher up than before.",
    ),
    rule(
        "move",
        r"(?:lower|sink)\s+(?P<x>.+)",
        process="{x} slowly [sinks] and [comes] to rest lower down.",
        end_state="{x} [is] lower down than before.",
    ),
    rule(
        "move",
        r"(?:swap|switch|exchange)\s+(?:the (?:places|positions) of\s+)?(?P<x>.+?\sand\s.+?)(?:\s+around)?",
        process="{x} slowly [moves] past each other and [trades] places.",
        end_state="{x} [has] traded places.",
    ),
    rule(
        "move",
        r"(?:swap|switch|exchange)\s+(?:the (?:places|positions) of\s+)?(?P<x>(?:the|both|these|those|my|his"
        r"|her)\s[^,]+?)"
        r"(?:\s+around)?",
        process="{x} slowly [moves] past each other and [trades] places.",
        end_state="{x} [has] traded places.",
        words=lambda match: {} if several(match) and not re.search(r"\s(?:with|for|by)\s", match["x"]) else None,
    ),
    rule(
        "stack",
        r"(?:stack|pile)(?:\s+up)?\s+(?P<x>.+?)(?P<where>\s+on(?:to)?(?: top of)?\s+(?!top of each|each|one an).+)?"
        r"(?:\s+up)?(?:\s+(?:on top of|onto|on) (?:each other|one another))?(?:\s+in(?:to)? (?:a|one) (?:pile|stack"
        r"|tower))?",
        process="{x} slowly [moves] {way} until {it} <is> stacked {where}, and then [stands] still.",
        end_state="{x} [is] stacked {where}.",
        words=_stack,
    ),
    rule(
        "move",
        r"(?:line|queue) up\s+(?P<x>.+?)(?P<how>\s+(?:by|from|along|against|next to|on|in)\s.+)?|line"
        r"\s+(?P<x2>.+?)\s+up",
        process="{x} slowly [moves] one after the other until {it} <is> lined up {how}, and then [stays] there.",
        end_state="{x} [is] lined up {how}.",
        words=lambda match: {"how": (match["how"] or "").strip()} if several(match) else None,
    ),
    rule(
        "move",
        r"(?P<verb>arrange|sort|order|group|align)\s+(?P<x>.+?)\s+(?P<how>(?:in|into|by|from|along|on|around"
        r"|according to)\s.+)",
        process="{x} slowly [moves] one after the other until {it} <is> {done} {how}, and then [stays] there.",
        end_state="{x} [is] {done} {how}.",
        words=lambda match: {"done": participle(match["verb"].lower())} if several(match) else None,
    ),
    rule(
        "move",
        r"(?:center|centre)\s+(?P<x>.+)|(?:move|put|place|slide)\s+(?P<x2>.+?)\s+(?:to|in|into)\s+the (?:center"
        r"|centre|middle)",
        process="{x} slowly [slides] to the middle and [comes] to rest there.",
        end_state="{x} [is] in the middle.",
        words=lambda match: None if _puts_new(match) else {},
    ),
    rule(
        "move",
        rf"(?:fall|drop)\s+(?P<x>.+?)\s+and\s+(?:let|make)\s+(?:it|them)\s+bounce{_ROLLS}"
        rf"|(?:fall|drop)\s+(?:down\s+)?(?P<x2>.+?)(?:\s+down)?,?\s+(?:and\s+)?(?:then\s+)?bounce{_ROLLS}?"
        # How "let it bounce and roll" is read.
        rf"|roll\s+(?P<x3>.+?)(?:\s+{MODAL})?\s+bounce,?\s+and(?:\s+then)?(?:\s+(?:on|away|along|around))?",
        process="{x} {falls}[bounces], lower each time, {rolls}and then [comes] to rest.",
        end_state="{x} [has] bounced and [is] at rest.",
        words=_bounces,
    ),
    rule(
        "move",
        r"bounce\s+(?P<x>.+?)(?:\s+up and down)?",
        process="{x} [bounces] up and down, lower each time, and then [comes] to rest.",
        end_state="{x} [has] bounced and [is] at rest.",
    ),
    rule(
        "move",
        r"swing\s+(?P<x>.+?)\s+(?P<way>to the (?:left|right)|left|right|forwards?|backwards?|up|down)",
        process="{x} [swings] {way} in a smooth arc and then [holds] still there.",
        end_state="{x} [has] swung {way}.",
        words=lambda match: {"way": re.sub(r"^(?=left|right)", "to the ", match["way"].lower())},
    ),
    rule(
        "move",
        r"(?:throw|toss|fling)\s+(?P<x>.+?)\s+(?P<where>(?:into|onto|in|on|at|to|over|through|out of|against"
        r"|across)\s.+)",
        process="{x} [flies] {where} in a smooth arc and then [comes] to rest.",
        end_state="{x} [has] been thrown {where}.",
        article=False,
    ),
)
# What makes more of a move than its thing: "move the chair closer", "move the camera".
_NOT_IN_NAME = (
    r"camera|view|hands?|arms?|legs?|head|eyes|feet|to|in|on|at|by|and|or|like|with|as|so|it|not|fast|faster"
    r"|slow|slower"
    r"|quickly|slowly|more|less|closer|around|about|back|away|apart|together|somewhere|here|there|elsewhere|way"
    r"|\w+ly|\d+|times|percent"
)
TO_A_PLACE: tuple[Rule, ...] = (
    rule(
        "vanish",
        rf"{MOVE}\s+(?P<x>.+?)\s+out of (?:view|sight)",
        process="{x} slowly [{goes}] out of view until {it} <is> gone, and only the background is left there.",
        end_state="{x} [is] gone.",
        words=_already_there,
    ),
    rule(
        "move",
        rf"(?:{MOVE}|put|place)\s+(?P<x>.+?)\s+(?:to\s+)?"
        r"(?P<where>where\s.+?\s(?:is|are|was|were|stands?|lies|lie|sits?))(?: now)?",
        process="{x} slowly [moves] to {where} and [comes] to rest there.",
        end_state="{x} [has] moved to {where}.",
        words=_already_there,
    ),
    # Moving to a named place comes last, its wording is the widest.
    rule(
        "move",
        rf"(?:{MOVE}|put|place|fly)\s+(?P<x>.+?)\s+{_WHERE}",
        process="{x} slowly [{goes}] {where} and [comes] to rest there.",
        end_state="{x} [has] moved {where}.",
        words=_already_there,
    ),
    rule(
        "move",
        r"(?:put|place|move)\s+(?P<x>.+?)\s+(?P<where>(?:on|in|at|inside|by)\s.+)",
        process="{x} slowly [moves] until {it} <is> {where} and [comes] to rest there.",
        end_state="{x} [is] {where}.",
        words=_already_there,
    ),
    rule(
        "move",
        rf"(?:{MOVE}|put|place)\s+(?P<x>.+?)\s+(?:somewhere else|elsewhere)",
        process="{x} slowly [moves] to another place and [comes] to rest there.",
        end_state="{x} [is] in another place.",
        words=_already_there,
    ),
    rule(
        "move",
        r"(?:move|shift|relocate|nudge)\s+(?P<x>(?:the|this|that|both|all the)\s"
        rf"(?:(?!(?:{_NOT_IN_NAME})\b)[\w-]+\s){{0,2}}(?!(?:{_NOT_IN_NAME})\b)[\w-]+)",
        process="{x} slowly [moves] to another place and [comes] to rest there.",
        end_state="{x} [is] in another place.",
    ),
)
