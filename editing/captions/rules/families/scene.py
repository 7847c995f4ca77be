"""The whole picture: style, time that passes, light and weather (style, time, light)."""

from __future__ import annotations

import re

from ..vocabulary import DAYTIME, TIME, VERBS, WHOLE
from .rule import LAYOUT_STAYS, Rule, Sentences, SentencesAndWords, Words, rule

_STYLE = (
    r"(?P<style>.*\b(?:painting|sketch|drawing|cartoon|anime|manga|watercolou?r|comic(?: book)?|pixel art|style"
    r"|illustration|3d render(?:ing)?|claymation|mosaic|poster|black and white|black-and-white|sepia|monochrome|vintage"
    r"|pop art|engraving|woodcut|origami|low poly)\b.*?|.*\w look)"
)


def _style(match: re.Match) -> Words:
    style = match["style"].strip()
    if re.match(r"(?:a|an|the) (?!style|look)", style, re.IGNORECASE) and not re.search(r"(?:style|look)$", style):
        return {"look": f"looks like {style}"}
    if re.match(r"(?:black|sepia|monochrome|vintage)", style, re.IGNORECASE) and not style.endswith("style"):
        return {"look": f"is {style}"}
    if re.search(r"\b(?:style|look)\b", style, re.IGNORECASE):
        return {"look": f"has {style}" if re.match(r"(?:a|an|the)\s", style) else f"is in {style}"}
    return {"look": f"looks like {style}"}


_STYLED: SentencesAndWords = {
    "process": "The whole picture is slowly redrawn, area by area, until all of it {look}.",
    "end_state": "The whole picture {look}.",
    "stays": LAYOUT_STAYS,
    "words": _style,
}
_TIME_PASSES: Sentences = {
    "process": "Time passes quickly: {x} [changes] step by step, as {it} <does> within {time}, and then [holds] still.",
    "end_state": "{x} [looks] as {it} <does> after {time}.",
    "stays": "Everything that time does not touch stays as it is.",
    "subject": "the scene",
}


def _daytime(match: re.Match) -> Words:
    named: str = match["y"] or match["y2"]
    return {"y": {"rain": "raining", "snow": "snowing"}.get(named.lower(), named)}


_DAY_PASSES: SentencesAndWords = {
    "process": "The light and the weather slowly change until it is {y}.",
    "end_state": "It is {y}.",
    "stays": LAYOUT_STAYS,
    "words": _daytime,
}
_BRIGHTNESS = {"brighten": "brighter", "lighten": "brighter", "darken": "darker", "dim": "dimmer"}
RULES: tuple[Rule, ...] = (
    # Style, light and time, before colors and changes of single things.
    rule(
        "style",
        rf"(?:make|turn|convert|transform|change|redraw|repaint|render|paint|draw|show|restyle|stylize|give|edit)\s+"
        rf"{WHOLE}\s+(?:look\s+)?(?:like|into|to|as|in|with)?\s*{_STYLE}",
        **_STYLED,
    ),
    rule(
        "style",
        rf"(?:(?:change|set) the style(?: of {WHOLE})? (?:in)?to|(?:convert|turn|change|restyle|render|redraw|apply)"
        rf"(?:\s+{WHOLE})?\s*(?:to|into|in|as)?|in|as)\s+{_STYLE}",
        **_STYLED,
    ),
    rule(
        "style",
        rf"(?P<style>(?!(?:{VERBS}|the|same|keep|my|her|his)\b)(?:[\w-]+\s){{1,3}}style|black[- ]and[- ]white"
        rf"|sepia|monochrome)",
        **_STYLED,
    ),
    rule(
        "time",
        rf"(?:let\s+)?(?P<time>{TIME})\s+(?:pass(?:es)?|go(?:es)? by|later)"
        rf"|(?:fast[- ]forward|wait)(?: by| for)?\s+(?P<time2>{TIME})|age\s+(?P<x>.+?)\s+(?:by\s+)?(?P<time3>{TIME})",
        **_TIME_PASSES,
    ),
    rule(
        "time",
        r"(?:(?:show|make|draw|imagine|see|let)\s+)?(?:(?:what|how)\s+)?"
        r"(?:(?:does|do|would|will|happens to)\s+)?(?P<x>.*?)\s*(?:\b(?:will|would|should)\s+)?"
        r"(?:\b(?:look|looks|be|become|is|are|happens|age|ages)\b)?(?:\s+like)?\s*"
        rf"(?:\b(?:after|in)\s+(?P<time>{TIME})(?:\s+(?:later|have passed|has passed|from now))?"
        rf"|\b(?P<time2>{TIME})\s+(?:later|from now|older))",
        **_TIME_PASSES,
    ),
    rule(
        "light",
        r"(?:make|turn|change|set|let|show)\s+(?:(?:it|the (?:scene|picture|image|photo|time of day|season|weather"
        r"|lighting|light|sky|day|night|time|summer|winter|spring|autumn)|day|night|summer|winter|spring|autumn)\s+)?"
        rf"(?:look like\s+|(?:from \w+ )?(?:in)?to\s+|be\s+|at\s+|in\s+)*{DAYTIME}"
        rf"|show\s+.+?\s+(?:at|in|during)\s+{DAYTIME.replace('<y>', '<y2>')}",
        **_DAY_PASSES,
    ),
    rule("light", r"fall\s+(?:the\s+)?(?P<y>night)|(?:the\s+)?(?P<y2>night)\s+falls", **_DAY_PASSES),
    rule(
        "light",
        r"(?:(?:make|let|have)\s+)?the sun\s+(?:to\s+)?(?:sets?|go(?:es)? down)",
        process="The sun slowly sinks below the horizon while the light turns warm and then fades.",
        end_state="The sun has set.",
        stays=LAYOUT_STAYS,
    ),
    rule(
        "light",
        r"(?P<verb>brighten|lighten|darken|dim)(?:\s+up)?\s+(?P<x>.+?)(?:\s+(?:up|down))?(?:\s+(?:a bit|a little"
        r"|slightly))?",
        process="{x} slowly [gets] {y} and {y}, bit by bit, and then [stays] that way.",
        end_state="{x} [is] {y} than before.",
        words=lambda match: {"y": _BRIGHTNESS[match["verb"].lower()]},
    ),
)
AFTER_ACTIONS: tuple[Rule, ...] = (
    rule(
        "light",
        rf"(?:the|this|my)\s+(?:\w+\s+)?\w+\s+(?:at|in|during)\s+{DAYTIME}",
        **_DAY_PASSES,
    ),
    rule(
        "time",
        r"(?:set|change)\s+(?P<x>(?:the\s)?(?:\w+\s)?(?:clock|watch|timer|time(?= on| to)).*?)\s+to\s+(?P<y>.+)",
        process="The time on {x} slowly changes until {it} <shows> {y}, and then [stays] there.",
        end_state="{x} [shows] {y}.",
        words=lambda match: None if re.search(r"\bcolou?r|\b(?:left|right|top|bottom)$", match[0]) else {},
    ),
)
