"""How a thing looks: its color, what it is made of, its state (recolour, material, become)."""

from __future__ import annotations

import re

from ..vocabulary import COLOR, MATERIAL, PERCENT, STATES, TWICE_AS
from .rule import REST_STAYS, Rule, Sentences, Words, rule

# A thing in front of a color: "the" takes one word at least, so that the sky can be made purple.
_COLORED = (
    r"(?P<x>(?:(?:the|a|an|this|that|these|those|my|your)\s+)*(?!(?:the|a|an|this|that|these|those|my|your)\b)\S.*?)"
)
_INSTEAD = r"(?:\s+(?:rather than|instead of)\s+\w+)?"


def _not_the_color(match: re.Match) -> Words:
    """ "change the color of the ball to red" is about the ball; "the ball blue and the cube red" are two edits."""
    two = re.search(rf"(?:the|a|my|his|her) (?:\w+ )+{COLOR} and (?:the|a|my|his|her) \w+", match["x"], re.IGNORECASE)
    if two or re.search(r"\bcolou?r\b", match["x"]):
        return None
    lamp = re.search(r"\b(?:traffic|street|stop|brake|head|tail|ceiling|night)$", match["x"], re.IGNORECASE)
    if lamp and match["color"].lower().startswith("light "):  # "the traffic light turns green"
        return {"x": match["x"] + " light", "color": match["color"][6:]}
    return {"color": re.sub(r"^an? ", "", match["color"], flags=re.IGNORECASE)}


_RECOLOR: Sentences = {
    "process": "{x} slowly [changes] color, bit by bit, until {it} <is> completely {color}.",
    "end_state": "{x} [has] become completely {color}.",
    "stays": "{its} shape and place stay the same. " + REST_STAYS,
}
RULES: tuple[Rule, ...] = (
    rule(
        "become",
        rf"make\s+(?P<x>.+?)\s+(?P<y>(?:half|semi|partly|{PERCENT})[- ](?:transparent|translucent|see-through))",
        process="{x} slowly [changes], and what is behind shows through more and more, until {it} <is> {y}.",
        end_state="{x} [is] {y}.",
        stays="{its} shape and place stay the same. " + REST_STAYS,
    ),
    # Color.
    rule(
        "material",
        rf"(?:make|turn|change|transform|convert)\s+(?P<x>.+?)\s+(?:(?:look\s+)?(?:out\s+|made\s+)+of|of"
        rf"|into)\s+{MATERIAL}",
        process="{x} slowly [changes], from one side to the other, until {it} <is> made of {y}.",
        end_state="{x} [is] made of {y}.",
        stays="{its} shape and place stay the same. " + REST_STAYS,
    ),
    rule(
        "recolour",
        rf"(?:make|turn|paint|dye|tint|colou?r|recolou?r|change|become|set|render)\s+{_COLORED}"
        rf"(?:\s+(?:from\s+\w+\s+)?(?:to|in|into|with|as|be|look))?\s+{COLOR}(?:\s+ones?)?{_INSTEAD}",
        words=_not_the_color,
        **_RECOLOR,
    ),
    rule(
        "recolour",
        rf"(?:change|set|make|turn|switch|alter)\s+(?:the\s+)?colou?r\s+of\s+(?P<x>.+?)\s+(?:from\s+\w+\s+)?"
        rf"(?:to|into|be)?\s*{COLOR}",
        **_RECOLOR,
    ),
    rule(
        "recolour",
        rf"(?:change|set|make|turn|switch|alter)\s+(?P<x>.+?)(?:'s|'|\s+(?:its|their|his|her))?"
        rf"\s+colou?r\s+(?:from\s+\w+\s+)?(?:to|into|be)?\s*{COLOR}",
        **_RECOLOR,
    ),
    rule(
        "recolour",
        rf"give\s+(?P<x>.+?)\s+(?:a|the)\s+(?:colou?r\s+(?:of\s+)?)?{COLOR}(?:\s+(?:tint|tone|coat|look))?",
        **_RECOLOR,
    ),
)
BECOMING: tuple[Rule, ...] = (
    # What remains of "make": states, comparisons, likeness.
    rule(
        "become",
        rf"(?:make|turn|become)\s+(?P<x>.+?)\s+(?:look\s+|become\s+|be\s+)?(?:{STATES}"
        rf"|{TWICE_AS.replace('<y>', '<y2>')})",
        process="{x} slowly [changes], bit by bit, until {it} <is> {y}, and then [stays] that way.",
        end_state="{x} [is] {y}.",
    ),
    rule(
        "become",
        r"make\s+(?P<x>.+?)\s+look\s+like\s+(?P<y>.+)",
        process="{x} slowly [changes], bit by bit, until {it} <looks> like {y}.",
        end_state="{x} [looks] like {y}.",
    ),
)
