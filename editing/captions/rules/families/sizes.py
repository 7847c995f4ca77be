"""How big a thing is: it grows, swells, shrinks, gets longer (grow, shrink, stretch)."""

from __future__ import annotations

import re

from ..vocabulary import MUCH, PERCENT, SOME_NEW, TIMES, TWICE
from .rule import Rule, SentencesAndWords, Words, rule

# What grows and shrinks without a size that a picture shows.
_NO_SIZE = r"\b(?:volume|brightness|contrast|temperature|number|saturation|noise|exposure|opacity|speed|price)\b"


def _size(match: re.Match) -> Words:
    told = match[0]
    x = next(text for name, text in match.groupdict().items() if text and name.startswith("x"))
    if re.search(_NO_SIZE, x, re.IGNORECASE) or re.match(SOME_NEW, x, re.IGNORECASE):
        return None
    percent = re.search(rf"\s({PERCENT})\s+{MUCH}\w+$", told, re.IGNORECASE)
    a_little = re.search(r"\b(?:slightly|a little|a bit)\b", told, re.IGNORECASE)
    return {"much": percent[1] if percent else "a little" if a_little else "much"}


# "twice as big", "to half its size": either way the picture shows the same change
_HALF = r"(?:to |by )?(?:about )?(?:half|one half|a half|a third|a quarter)\b"
_TWICE_AS_SMALL = rf"{TIMES}\s+(?:as\s+)?small\b"
_LARGER = rf"(?!{_HALF}|{_TWICE_AS_SMALL}){TWICE}"
_SMALLER = (
    rf"(?={_HALF}|{_TWICE_AS_SMALL}){TWICE}|(?:by|to) (?:a |one )?(?:half|third|quarter)"
    r"|to (?:a )?(?:tiny|small|smaller)(?: size)?"
)
_GROW: SentencesAndWords = {
    "process": "{x} slowly [grows] bigger and bigger until {it} <is> {much} larger, then [holds] {its} size.",
    "end_state": "{x} [is] {much} larger than before.",
    "words": _size,
}
RULES: tuple[Rule, ...] = (
    rule(
        "grow",
        r"grow\s+(?P<x>.+?)\s+(?:in)?to\s+(?P<y>(?:a|an)\s.+|\w+s)",
        process="{x} slowly [grows], bigger and bigger, until {it} <has> become {y} in the same place.",
        end_state="{x} [has] grown into {y}.",
    ),
    rule(
        "grow",
        rf"grow\s+(?P<x>.+?)\s+{MUCH}(?P<y>longer|taller|higher|thicker|wider|denser)",
        process="{x} slowly [grows] until {it} <is> clearly {y}, and then [stays] that way.",
        end_state="{x} [is] {y} than before.",
    ),
    # Size.
    rule(
        "grow",
        r"(?:inflate|pump up|blow up(?=.*\b(?:balloon|ball|tire|tyre|bubble|ring|mattress))"
        r"|(?:blow|pump)(?=.* up\b)|swell)\s+(?P<x>.+?)"
        r"(?:\s+(?:up|with air|like a balloon|a bit|a little|slightly))*",
        process="{x} slowly [inflates] and [grows] bigger and bigger until {it} <is> {much} larger, "
        "then [holds] {its} size.",
        end_state="{x} [is] inflated and {much} larger than before.",
        words=_size,
    ),
    rule(
        "grow",
        r"(?:grow|enlarge|expand|magnify|upscale|(?:scale|size) up|(?:scale|size) (?=.* up$)|increase the size of"
        r"|(?:double|triple) the size of|(?:increase|double|triple) (?=.* in size$)"
        rf"|make (?=.* (?:bigger|larger|huge|giant|big|large|{_LARGER})$))\b\s*(?P<x>.+?)"
        rf"(?:\s+{MUCH}(?:bigger|larger|huge|giant|big|large|up|in size|a bit|a little|slightly|a lot|{_LARGER}))*"
        r"|(?:increase|double|triple)\s+(?P<x2>.+?)(?:'s|')\s+size|give\s+(?P<x3>.+?)\s+a (?:bigger|larger) size",
        **_GROW,
    ),
    rule(
        "shrink",
        r"(?:deflate|let the air out of)\s+(?P<x>.+?)(?:\s+(?:a bit|a little|slightly))?",
        process="{x} slowly [deflates] and [shrinks] smaller and smaller until {it} <is> {much} smaller, "
        "then [holds] {its} size.",
        end_state="{x} [is] deflated and {much} smaller than before.",
        words=_size,
    ),
    rule(
        "shrink",
        r"(?:shrink|downscale|(?:scale|size) down|(?:scale|size) (?=.* down$)|minimi[sz]e"
        r"|(?:reduce|decrease|halve|half) the size of|cut the size of (?=.* in half$)|(?:reduce"
        r"|decrease) (?=.* in size)"
        rf"|make (?=.* (?:smaller|tiny|little|small|tinier|{_SMALLER})$))\b\s*(?P<x>.+?)"
        rf"(?:\s+{MUCH}(?:smaller|tiny|tinier|little|small|down|in size|in half|a bit|a little|slightly|a lot"
        rf"|{_SMALLER}))*"
        r"|(?:reduce|decrease|halve)\s+(?P<x2>.+?)(?:'s|')\s+size|give\s+(?P<x3>.+?)\s+a smaller size",
        process="{x} slowly [shrinks] smaller and smaller until {it} <is> {much} smaller, then [holds] {its} size.",
        end_state="{x} [is] {much} smaller than before.",
        words=_size,
    ),
    rule(
        "stretch",
        r"(?:stretch|lengthen|elongate)(?:\s+out)?\s+(?P<x>.+?)(?:\s+out)?",
        process="{x} slowly [stretches], longer and longer, until {it} <is> clearly longer, and then [stays] that way.",
        end_state="{x} [is] longer than before.",
    ),
)
