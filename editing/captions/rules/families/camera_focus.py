"""The camera (zoom, pan, viewpoint, follow), sharpness (focus, blur), and the video of a still picture (still)."""

from __future__ import annotations

import re

from ..vocabulary import A_LITTLE, MODAL, SHARPNESS, SIDE
from .places import side_words
from .rule import Rule, Sentences, Words, rule


def _not_the_weather(match: re.Match) -> Words:
    """ "make the sky clear" asks for no sharper picture."""
    clear = re.fullmatch(r"make .*\bclear(?:er)?", match[0], re.IGNORECASE)
    return None if clear and re.search(rf"\b(?:{_CLEARS})\b", match["x"], re.IGNORECASE) else {}


_CLEARS = "sky|water|weather|air|road|path|street|table|desk|skin|lake|river|sea|ocean|window|glass|voice|sound"
_FOCUS: Sentences = {
    "process": "{x} slowly [comes] into focus: soft, blurry edges turn crisp until every detail is sharp and clear.",
    "end_state": "{x} [is] sharp and clear.",
    "stays": "Nothing moves and nothing else changes.",
}
_ALL = r"(?:everything|all|it|this|the (?:whole |entire )?(?:picture|scene|image|photo|video))"
_STILL = "|".join(
    (
        r"nothing\b(?!.*\b(?:but|except|other than|besides|apart from|until|unless)\b).*",
        r"(?:keep|hold|leave)(?: \w+){0,4}? (?:(?:still|unchanged|alone|fixed|static|steady|in place|the same)\b.*"
        r"|as .*|the way .*|like (?:this|that|it is))",
        r"(?:keep|hold|stay|remain)(?: (?:perfectly|completely))? (?:still|unchanged|the same|put|as .*)",
        rf"(?:(?:make|let|have)\s+)?{_ALL} (?:{MODAL} )?(?:stays?|remains?|keeps?|holds?|is|be)\b.*"
        r"\b(?:still|same|is|was|unchanged|motionless|put)",
        rf"{_ALL} (?:{MODAL} not|shouldn't|mustn't|won't|does not|doesn't) (?:change|move)(?: at all)?",
        r"make everything still",
        r"(?:a |an )?(?:(?:perfectly|completely) )?(?:still|static|frozen)"
        r"(?: (?:video|image|picture|scene|frame|shot))?(?:,.*)?",
        r"do nothing|no (?:changes?|motion|movement)|freeze",
        r"(?:do not|don't|never) (?:(?:move|change|touch|do)\b.*|let (?:anything|it) (?:move|change))",
    )
)
_BLUR = r"(?:(?:the|any|this|its|all(?: of)?(?: the)?)\s+)*(?:blur|blurriness|fuzziness)\b"
_FOCUSING = (
    r"(?:sharpen|deblur|de-blur|unblur|un-blur|focus(?: on)?|refocus|(?:bring|put|get|come) (?=.* (?:in|into) focus)"
    rf"|make (?=.* {SHARPNESS}$)"
    rf"|(?:remove|fix|undo|clear(?: up| away)?|clean(?: up)?|get rid of|take away|reduce|eliminate|erase|delete|correct"
    rf"|vanish|disappear|no more|no|make(?=.* gone$)) {_BLUR}(?: (?:of|from|in|on))?"
    r"|(?:enhance|improve|increase|boost) the (?:clarity|sharpness|focus)(?: of)?)"
)
RULES: tuple[Rule, ...] = (
    # The still video of the refinement step.
    rule(
        "still",
        _STILL,
        process="Nothing moves and nothing changes.",
        end_state="The picture looks exactly as it did at the start.",
        stays="Everything stays exactly as it is, sharp and clear.",
    ),
    # The camera: the one edit that does not hold it still.
    rule(
        "zoom",
        r"(?:zoom|dolly) (?:in(?:to)?\b|closer)(?: (?:a (?:little|bit)(?: bit| more)?|slightly|further|more)\b)?\s*"
        r"(?:on|to|onto|at)?\s*(?P<x>.+)?"
        r"|(?:move|bring) the camera (?:closer|nearer|forwards?|in)(?: to (?P<x2>.+))?",
        process="The camera slowly moves closer to {x}, which [fills] more and more of the view, and then it holds.",
        end_state="{x} [is] seen from close up.",
        stays="Nothing else moves.",
        camera="",
        subject="the middle of the scene",
    ),
    rule(
        "zoom",
        r"(?:zoom|dolly) out\b.*|(?:move|pull) the camera (?:back|away|backwards?|out)\b.*",
        process="The camera slowly moves back, more and more of the surroundings come into view, and then it holds.",
        end_state="The scene is seen from further away, with more of its surroundings.",
        stays="Nothing else moves.",
        camera="",
    ),
    rule(
        "pan",
        rf"(?:(?:pan|tilt|turn|move|rotate|swing)(?: the)? (?:camera|view)|pan)\s+{A_LITTLE}{SIDE}",
        process="The camera slowly pans {way} and then holds.",
        end_state="The view has moved {way}.",
        stays="The scene itself does not change.",
        camera="",
        words=side_words,
    ),
    rule(
        "viewpoint",
        r"(?:show|view|see|look at)\s+(?:me\s+)?(?P<x>.+?)\s+(?P<where>from (?:above|below|behind|the \w+"
        r"|an? \w+ angle|up close).*)|(?:move|rotate|orbit|swing|turn) the camera (?P<where2>around|behind|above"
        r"|below)(?:\s+(?P<x2>.+))?",
        process="The camera slowly moves around {x} until {x} [is] seen {view}, and then it holds.",
        end_state="{x} [is] seen {view}.",
        stays="The scene itself does not change.",
        camera="",
        words=lambda match: {"view": match["where"] or "from a new side"},
        subject="the scene",
    ),
    rule(
        "zoom",
        r"(?:pull|zoom) (?:back|out|away)(?: (?:to (?:reveal|show|see)|and (?:reveal|show)|from)\s+.+)?",
        process="The camera slowly moves back, more and more of the surroundings come into view, and then it holds.",
        end_state="The scene is seen from further away, with more of its surroundings.",
        stays="Nothing else moves.",
        camera="",
    ),
    rule(
        "viewpoint",
        r"(?:orbit(?: the camera)?(?: around)?|circle(?: the camera)? around)\s+(?P<x>.+)",
        process="The camera slowly moves around {x} until {x} [is] seen from a new side, and then it holds.",
        end_state="{x} [is] seen from a new side.",
        stays="The scene itself does not change.",
        camera="",
    ),
    rule(
        "pan",
        r"(?:turn|pan|point|aim|swing)(?: the camera)? (?:to|towards?|onto|over to)\s+(?P<x>(?!the (?:left|right|top"
        r"|bottom)\b).+)"
        r"|point the camera at (?P<x2>.+)",
        process="The camera slowly pans until {x} [is] in the middle of the view, and then it holds.",
        end_state="{x} [is] in the middle of the view.",
        stays="The scene itself does not change.",
        camera="",
        words=lambda match: {} if re.match(r"pan\b|\w+ the camera\b", match[0], re.IGNORECASE) else None,
    ),
    rule(
        "follow",
        r"(?:the )?camera (?:follows|tracks)\s+(?P<x>.+)|(?:follow|track) (?P<x2>.+) with the camera",
        process="The camera slowly moves along with {x}, which [stays] in the middle of the view.",
        end_state="{x} [is] in the middle of the view.",
        stays="Nothing else changes.",
        camera="",
    ),
    # Sharpness.
    rule("focus", r"(?:come|get) (?:back )?(?:in|into) focus", **_FOCUS),
    rule(
        "focus",
        rf"{_FOCUSING}\b\s*(?P<x>(?!gone$).*?)(?:(?: (?:look|be|come|get|much|very|really|back|more))*"
        rf" (?:in focus|into focus|gone|{SHARPNESS}))?",
        **_FOCUS,
        words=_not_the_weather,
    ),
    rule(
        "blur",
        r"(?:blur|defocus|make (?=.* (?:blurry|blurred|out of focus)$))\b\s*(?P<x>.+?)(?: (?:blurry|blurred|out of "
        r"focus))?",
        process="{x} slowly [goes] out of focus until {it} <is> soft and blurry.",
        end_state="{x} [is] soft and blurry.",
    ),
)
