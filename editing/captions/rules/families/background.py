"""What is behind: another scene, a plain color, nothing, while the subject stays (background)."""

from __future__ import annotations

import re

from ..vocabulary import BACKGROUND, BEINGS, COLOR, DAYTIME, LANDSCAPE, SHARPNESS, SIZE_OR_STATE, SOME_NEW
from .rule import Rule, Sentences, Words, rule


def _unnamed(pattern: str) -> str:
    return re.sub(r"\?P<\w+>", "?:", pattern)


_PLAIN = re.compile(
    r"(?:an?\s+)?(?:(?:plain|pure|solid|simple|uniform|flat|completely|all)\s+)*"
    rf"{COLOR}(?:\s+(?:one|background|backdrop|studio|wall|screen|void))?",
    re.IGNORECASE,
)
_WEATHER = re.compile(r"(?:rainy|raining|snowy|snowing|foggy|misty|sunny|cloudy|overcast|stormy|windy)", re.IGNORECASE)
_LIKENESS = re.compile(r"^(?:look(?:s|ing)? like|be|become|show(?:ing)?|something like|that of|one of|one with)\s+")
# Of a background this asks for no other scene: it has rules of its own, or says too little.
_NO_SCENE = re.compile(
    rf"(?:an?\s+|the\s+)?(?:{_unnamed(SIZE_OR_STATE.pattern)}|{SHARPNESS}|blur\w*|blurry|bokeh|out of focus|unfocused"
    r"|gone|invisible|new|other|another|different|better|nicer?|beautiful|good|cool|same|left|right|top|bottom)"
    r"(?:\s+(?:one|background))?|.*\b(?:and|but)\s+(?:the|an?|my|his|her)\s.*\bto\b.*|more|less|music|noise"
    r"|.*\bcolou?rs?",
    re.IGNORECASE,
)
_FADES_INTO: Sentences = {
    "process": "The scene behind {x} gradually turns {y}, bit by bit, until {end}.",
    "end_state": "The background {is_now}.",
    "stays": "{x} [stays] exactly as {it} <is>, in the same place.",
    "subject": "the subject",
}


def _scene(match: re.Match) -> Words:
    told = next(text for name, text in match.groupdict().items() if text and name.startswith("y"))
    told = _LIKENESS.sub("", told.strip(" ,:="))
    if plain := _PLAIN.fullmatch(told):
        return None if plain["color"].lower() == "transparent" else _turn(plain["color"])
    if weather := re.fullmatch(rf"(?:an?\s+)?({_WEATHER.pattern})", told, re.IGNORECASE):
        return _turn(weather[1])
    if _NO_SCENE.fullmatch(told) or re.search(r"\b(?:in|on|to|of|at|for|behind)(?: the| a)?$", told, re.IGNORECASE):
        return None
    told = re.sub(r"\s+(?:background|backdrop|scenery)$", "", told, flags=re.IGNORECASE)
    if re.fullmatch(LANDSCAPE, told, re.IGNORECASE) and not re.match(
        rf"{SOME_NEW}|(?:the|this|my|outer|space|deep|snow|underwater)\b|.*(?:s|snow)$", told, re.IGNORECASE
    ):
        told = f"{'an' if told[0].lower() in 'aeiou' else 'a'} {told}"
    return {"y": f"into {told}", "end": "nothing of the old background is left", "is_now": f"shows {told}"}


def _turn(look: str) -> Words:
    look = re.sub(r"^an? ", "", look, flags=re.IGNORECASE)
    return {"y": look, "end": f"all of it is {look}", "is_now": f"is completely {look}"}


_NOBODY = re.compile(r"it|this|that|(?:the |this |my )?(?:scene|picture|image|photo|subject|story|action)|everything")
_PRONOUNS = {"him": "the person", "her": "the person", "me": "the person", "them": "the subjects", "us": "the people"}


def _scene_around(match: re.Match) -> Words:
    """ "put the dog in a forest": a forest is no place of the picture, it has to become the background."""
    x = next(text for name, text in match.groupdict().items() if text and name.startswith("x")).lower()
    y = next(text for name, text in match.groupdict().items() if text and name.startswith("y"))
    named = _PRONOUNS.get(x, "the subject" if _NOBODY.fullmatch(x) else "")
    if re.match(r"the\b", y, re.IGNORECASE) and not named:
        return None  # the beach that is there already
    if re.match(SOME_NEW, x):
        return None  # "put a cat in a garden" adds a cat
    words = _scene(match)
    return words and words | ({"x": named} if named else {})


_INTO = r"(?:(?:in)?to|as|with|for|by)"
_ONE_COLOR = rf"(?:(?:plain|pure|solid|simple|completely)\s+)?{_unnamed(COLOR)}"
_SETTING = r"(?:the\s+)?(?:setting|location|place|scene)"
RULES: tuple[Rule, ...] = (
    rule(
        "background",
        r"(?:remove|delete|erase|hide|eliminate|vanish|disappear|get rid of|take (?:away|out)|cut out|clear"
        r"|no(?: more)?)"
        rf"\s+{BACKGROUND}|make\s+{BACKGROUND}\s+(?:gone|invisible|transparent|disappear|vanish)"
        rf"|(?:change|turn|set)\s+{BACKGROUND}\s+{_INTO}\s+(?:nothing|transparent|transparency)"
        r"|(?:with\s+)?(?:an?\s+)?(?:transparent|no) background",
        process="The scene behind {x} slowly fades away until only a plain, empty backdrop is left.",
        end_state="The background is plain and empty.",
        stays=_FADES_INTO["stays"],
        subject="the subject",
    ),
    rule(
        "background",
        rf"(?:change|turn|transform|convert|alter|switch|set|make|morph|replace|swap|exchange|substitute)"
        rf"\s+(?:out\s+)?{BACKGROUND}"
        rf"\s+(?:from\s+.+?\s+)?{_INTO}\s+(?P<y>.+)"
        rf"|make\s+{BACKGROUND}\s+(?P<y2>(?:(?:be|look like|become)\s+)?(?:{SOME_NEW}|the\s).+|look like .+)"
        rf"|(?:make|turn|paint|dye|tint|colou?r|recolou?r|change)\s+{BACKGROUND}"
        rf"\s+(?P<y3>{_ONE_COLOR}|{_unnamed(DAYTIME)})"
        rf"|(?:change|turn|set|make)\s+(?:(?:the\s+)?colou?r\s+of\s+{BACKGROUND}|{BACKGROUND}(?:'s)?\s+colou?r)"
        rf"\s+(?:{_INTO}\s+)?(?P<y5>{_ONE_COLOR})"
        rf"|(?:change|turn|set|transform)\s+{_SETTING}\s+(?:from\s+.+?\s+)?{_INTO}\s+(?P<y4>(?:an?\s+)?{LANDSCAPE})",
        **_FADES_INTO,
        words=_scene,
    ),
    rule(
        "background",
        rf"(?:new\s+)?{BACKGROUND}\s*[:=]\s*(?P<y>.+)|(?:new\s+)?{BACKGROUND}\s+(?P<y2>{LANDSCAPE}|{_ONE_COLOR})"
        r"|(?:(?:use|set|put|make|add|have|give it|with|place)\s+)?(?P<y3>.+?)\s+(?:as|for)\s+(?:(?:the|a|its|my)\s+)?"
        r"(?:new\s+)?background"
        r"|(?:(?:use|add|put|have|insert|(?:give|put|place|set)\s+(?:it|this|him|her|them|the \w+))\s+)?"
        rf"(?:(?:with|on|against|onto)\s+)?(?P<y4>(?:an?\s+)?(?:{LANDSCAPE}|{_ONE_COLOR}"
        rf"|{_WEATHER.pattern}))\s+background",
        **_FADES_INTO,
        words=_scene,
    ),
    rule(
        "background",
        r"(?:put|place|set|move|transport|teleport|bring|send|drop)\s+(?P<x>.+?)\s+(?:in|on|at|into|onto|to|inside)\s+"
        rf"(?P<y>(?:an?|the)\s+{LANDSCAPE}|(?:outer )?space)"
        r"|(?:transport|teleport)\s+(?P<x2>.+?)\s+(?:in)?to\s+(?P<y2>.+)"
        rf"|(?:put|place)\s+(?P<x3>him|her|me|us|them|the (?:{BEINGS}))\s+in front of\s+(?P<y3>an?\s.+)",
        **_FADES_INTO,
        words=_scene_around,
    ),
    rule(
        "background",
        r"make\s+.+?\s+look (?:like|as if|as though)\s+(?:it|he|she|they|we)(?:'s|'re|\s+(?:is|are|was"
        r"|were))\s+(?:in|on|at)"
        rf"\s+(?P<y>(?:an?|the)\s+{LANDSCAPE}|(?:outer )?space)",
        **_FADES_INTO,
        words=_scene,
    ),
    rule(
        "background",
        rf"(?:change|replace|swap|switch|exchange)\s+(?:out\s+)?{BACKGROUND}"
        r"|(?:(?:use|give it|give me)\s+)?(?:an?\s+)?(?:new|another|different) background",
        **_FADES_INTO,
        words=lambda match: {
            "y": "into another scene",
            "end": "nothing of the old background is left",
            "is_now": "shows another scene",
        },
    ),
    rule(
        "blur",
        r"(?:(?:add|use|give it|with)\s+)?(?:an?\s+)?(?:blurry|blurred|bokeh|unfocused"
        r"|out[- ]of[- ]focus)\s+background",
        process="{x} slowly [goes] out of focus until {it} <is> soft and blurry.",
        end_state="{x} [is] soft and blurry.",
        subject="the background",
    ),
)
