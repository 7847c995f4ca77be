"""Falling and turning: what tips over, drops, tilts, rotates (fall, rotate)."""

from __future__ import annotations

import re

from .rule import Rule, Words, optional_place, rule, several

_TURN_WORDS = (
    r"(?P<rest>(?:[\s-]+(?:by|around|about|in place|in|a|an|one|to|towards?|on|onto|its|the|their|left|right|side|over"
    r"|upside|down|counter[- ]?clockwise|anti[- ]?clockwise|clockwise|quarter|half|full|complete|whole|turn|\d+"
    r"\s?\u00b0?|degrees?|deg|little|bit|slightly|direction|axis|halfway|round|own|itself))*)"
)


def _turn(match: re.Match) -> Words:
    """The direction and amount of a rotation in plain words, empty where none is given."""
    rest = match["rest"].lower()
    # "turn the volume to the max", "turn the sky dark"
    if re.search(r"\sto\s|\s(?:dark|bright|pale|cold|warm|old|young|sad|happy|angry)$", match["x"], re.IGNORECASE):
        return None
    if re.fullmatch(r"\s*(?:on|to|up|down|a|the)", rest):
        return None
    way = []
    if re.search(r"(?:counter|anti)[- ]?clockwise", rest):
        way.append("counterclockwise")
    elif "clockwise" in rest:
        way.append("clockwise")
    elif "upside down" in rest or "over" in rest.split():
        way.append("upside down")
    elif "left" in rest or "right" in rest:
        way.append("to the left" if "left" in rest else "to the right")
    elif "to the side" in rest:
        way.append("to the side")
    elif "side" in rest.split():
        way.append("onto its side")
    if degrees := re.search(r"(\d+)[- ]*(?:deg|\u00b0)", rest):
        way.append(f"by {degrees[1]} degrees")
    elif part := re.search(r"\b(quarter|half|full|complete|whole)\b.*\bturn\b", rest):
        way.append(f"by a {part[1].replace('complete', 'full').replace('whole', 'full')} turn")
    return {"way": " ".join(way)}


RULES: tuple[Rule, ...] = (
    rule(
        "rotate",
        r"lean\s+(?P<x>.+?)\s+(?P<where>(?:against|on)\s.+)",
        process="{x} slowly [leans] over until {it} <rests> {where}.",
        end_state="{x} [is] leaning {where}.",
    ),
    # Falling and turning.
    rule(
        "fall",
        r"(?:fall|topple|tip|knock|push|tumble|turn)\s+(?P<x>.+?)\s+over(?:\s(?!and\b).*)?"
        r"|(?:topple|tip over|knock over|push over|knock down)\s+(?P<x2>.+)",
        process="{x} [tips] over, [falls] onto {its} {side} and then [lies] still.",
        end_state="{x} [lies] on {its} {side}.",
        words=lambda match: {"side": "sides" if several(match) else "side"},
    ),
    rule(
        "fall",
        r"(?:fall|drop|tumble|let go of)\s+(?:down\s+)?(?P<x>.+?)(?P<where>\s+(?:off|from|to|onto|on|into|out of)\s.+)?"
        r"(?:\s+down)?",
        process="{x} [falls] down {where}, [lands] and then [lies] still.",
        end_state="{x} [has] fallen down {where} and [lies] still.",
        words=optional_place,
    ),
    rule(
        "fall",
        r"collapse\s+(?P<x>.+)",
        process="{x} [gives] way, [collapses] from the top down and then [lies] still.",
        end_state="{x} [has] collapsed and [lies] still.",
    ),
    rule(
        "rotate",
        rf"(?:tilt|lean)\s+(?P<x>.+?){_TURN_WORDS}",
        process="{x} slowly [tilts] {way} in place and then [holds] that tilt.",
        end_state="{x} [is] tilted {way}.",
        words=_turn,
    ),
    rule(
        "rotate",
        r"(?:tilt|set|put|turn|pull|stand|push|straighten)\s+(?:up\s+)?(?P<x>.+?)\s+(?:back\s+)?upright",
        process="{x} slowly [tilts] back until {it} <stands> upright, and then [holds] still.",
        end_state="{x} [stands] upright.",
    ),
    rule(
        "rotate",
        r"turn\s+(?!.*\b(?:volume|dial|knob|page|key|handle|heat|temperature)\b)(?P<x>.+?)\s+(?:to|towards?)"
        r"\s+(?P<y>(?:the|his|her|my)\s+(?!(?:far |very )?(?:left|right|side|top|bottom|back"
        r"|front|color|colour)\b).+)",
        process="{x} slowly [turns] in place until {it} <faces> {y}, and then [holds] still.",
        end_state="{x} [faces] {y}.",
    ),
)
ROTATE: tuple[Rule, ...] = (
    rule(
        "rotate",
        rf"(?:rotate|turn|spin|twist|flip|swivel|pivot|revolve)\s+(?:around\s+)?(?P<x>.+?){_TURN_WORDS}",
        process="{x} slowly [rotates] {way} in place and then [holds] still in {its} new direction.",
        end_state="{x} [has] turned {way} and [holds] still.",
        words=_turn,
    ),
)
