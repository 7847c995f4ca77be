"""What becomes of a thing: switches and doors, food, fire and ice, plants, vessels, dirt.

Families: switch, open, close, eat, spill, hatch, heat, burn, freeze, cook, bloom, wither, ripen, fill, empty, pour,
peel, clean.
"""

from __future__ import annotations

import re

from ..vocabulary import PERCENT
from .rule import Rule, Words, optional_place, rule, several

_COOKED = {
    "cook": "cooked",
    "bake": "baked",
    "fry": "fried",
    "grill": "grilled",
    "roast": "roasted",
    "toast": "toasted",
    "boil": "boiled",
}


def _part_full(match: re.Match) -> Words:
    content = match["with"] or ""
    part = (match["y"] or match["y2"]).replace("halfway", "half")
    return {"y": part, "content": content, "held": content.replace("with", "of", 1)}


SWITCHES_AND_DOORS: tuple[Rule, ...] = (
    # Switches and doors, before turning.
    rule(
        "switch",
        r"(?:turn|switch|put(?=.*\b(?:light|lamp|lantern|tv|television|radio|screen|heater|fan)s?\b))\s+"
        r"(?:on\s+(?P<x>.+)|(?P<x2>.+?)\s+on)",
        process="{x} [turns] on, brighter and stronger, and then [stays] on.",
        end_state="{x} [is] on.",
    ),
    rule(
        "switch",
        r"(?:turn|switch)\s+(?:off\s+(?P<x>.+)|(?P<x2>.+?)\s+off)",
        process="{x} slowly [turns] off, weaker and weaker, and then [stays] off.",
        end_state="{x} [is] off.",
    ),
    rule(
        "open",
        rf"open\s+(?:up\s+)?(?P<x>.+?)\s+(?:by\s+)?(?P<y>half|halfway|{PERCENT})(?:[- ](?:way|open))?",
        process="{x} slowly [opens], wider and wider, until {it} <is> {y} open, and then [stays] that way.",
        end_state="{x} [is] {y} open.",
        words=lambda match: {"y": match["y"].replace("halfway", "half")},
    ),
    rule(
        "open",
        r"(?:open|unfold|unlock|unwrap)\s+(?:up\s+)?(?P<x>.+?)(?:\s+(?:up|wide))*",
        process="{x} slowly [opens], wider and wider, until {it} <is> fully open.",
        end_state="{x} [is] fully open.",
    ),
    rule(
        "close",
        r"(?:close|shut)\s+(?P<x>.+?)(?:\s+(?:up|tight))*",
        process="{x} slowly [closes], further and further, until {it} <is> fully closed.",
        end_state="{x} [is] fully closed.",
    ),
)
RULES: tuple[Rule, ...] = (
    rule(
        "eat",
        r"(?:bite(?: into)?|take a bite (?:out of|of|from))\s+(?P<x>.+)",
        process="A bite is taken out of {x}, and a clear bite mark is left.",
        end_state="A bite is missing from {x}.",
    ),
    rule(
        "eat",
        r"eat(?:\s+up)?\s+(?P<x>.+)",
        process="{x} [is] eaten, bite by bite, until nothing of {x} is left.",
        end_state="{x} [has] been eaten.",
    ),
    rule(
        "spill",
        r"spill\s+(?P<x>.+?)(?:\s+out)?(?P<where>\s+(?:on|onto|(?:all\s+)?over|across|into)\s.+)?",
        process="{x} [spills] {where}, [spreads] out and then [lies] still.",
        end_state="{x} [has] been spilled {where}.",
        words=optional_place,
    ),
    rule(
        "hatch",
        r"hatch\s+(?P<x>.*\beggs?)",
        process="{x} slowly [cracks] open, the shell falls away and what is inside comes out.",
        end_state="{x} [has] hatched.",
    ),
    rule(
        "heat",
        r"heat(?:\s+up)?\s+(?P<x>.+?)(?:\s+up)?",
        process="{x} slowly [gets] hotter and hotter until {it} <is> clearly hot.",
        end_state="{x} [is] hot.",
    ),
    rule(
        "burn",
        r"burn\s+(?P<x>.*\b(?:toasts?|bread|steaks?|meat|cakes?|cookies|pizzas?|pancakes?|eggs?|food|dinner|cookie"
        r"|bun|buns))",
        process="{x} slowly [turns] dark brown and then black until {it} <is> burnt.",
        end_state="{x} [is] burnt.",
    ),
    # Fire, ice, water and what time does to living things.
    rule(
        "burn",
        r"(?:burn|ignite|set fire to|set (?=.* on fire$))\s*(?:down\s+)?(?P<x>.+?)(?:\s+(?:on fire|down))?",
        process="{x} [catches] fire, and the flames spread until {it} <is> burning all over.",
        end_state="{x} [is] burning.",
    ),
    rule(
        "burn",
        r"light\s+(?:up\s+)?(?P<x>.*\b(?:candle|match|torch|lantern|fire|bonfire|campfire|fireplace|stove"
        r"|cigarette)e?s?)",
        process="{x} [is] lit: a small flame appears {on_each}, grows and then burns steadily.",
        end_state="{x} [is] lit and [burns] steadily.",
        words=lambda match: {"on_each": "on each" if several(match) else ""},
    ),
    rule(
        "burn",
        r"(?:extinguish|blow out|put out)\s+(?P<x>.+)"
        r"|(?:blow|put)\s+(?P<x2>.*\b(?:candles?|fires?|flames?|match|torch))\s+out",
        process="{x} [goes] out: {flame} gone and only a little smoke is left.",
        end_state="{x} [is] out.",
        words=lambda match: {
            "flame": "the flames get smaller and smaller until they are"
            if several(match)
            else "the flame gets smaller and smaller until it is"
        },
    ),
    rule(
        "freeze",
        r"freeze\s+(?P<x>.+?)(?:\s+(?:over|solid))?",
        process="Ice slowly spreads over {x} until {it} <is> frozen solid.",
        end_state="{x} [is] frozen solid.",
    ),
    rule(
        "cook",
        r"boil\s+(?P<x>.*\b(?:water|milk|soup|kettle|stew))",
        process="{x} slowly [heats] up until bubbles rise all over and {it} <boils>.",
        end_state="{x} [is] boiling.",
    ),
    rule(
        "cook",
        r"(?P<verb>cook|bake|fry|grill|roast|toast|boil)\s+(?P<x>.+?)(?:\s+(?:until|till)\s+(?:it is |they are |it's )?"
        r"(?P<y>(?:\w+ )?\w+))?",
        process="{x} slowly [cooks]: the surface changes bit by bit until {it} <is> {y}.",
        end_state="{x} [is] {done}.",
        words=lambda match: {"y": match["y"] or "done", "done": match["y"] or _COOKED[match["verb"].lower()]},
    ),
    rule(
        "bloom",
        r"bloom\s+(?P<x>.+)",
        process="{x} slowly [opens], petal by petal, until {it} <is> in full bloom.",
        end_state="{x} [is] in full bloom.",
    ),
    rule(
        "wither",
        r"(?:wilt|wither|rot|decay|spoil)\s+(?P<x>.+)",
        process="{x} slowly [withers]: {it} <loses> color and firmness, bit by bit, until no freshness is left.",
        end_state="{x} [is] withered.",
    ),
    rule(
        "wither",
        r"rust\s+(?P<x>.+)",
        process="Rust slowly spreads over {x} until {it} <is> covered with it.",
        end_state="{x} [is] covered with rust.",
    ),
    rule(
        "ripen",
        r"ripen\s+(?P<x>.+)",
        process="{x} slowly [ripens], changing color bit by bit, until {it} <is> fully ripe.",
        end_state="{x} [is] fully ripe.",
    ),
    rule(
        "fill",
        rf"fill\s+(?:up\s+)?(?P<x>.+?)\s+(?:to\s+|up to\s+)?(?P<y>half|halfway|{PERCENT})(?:\s+(?:full|way|up))?"
        r"(?:\s+(?P<with>with\s.+))?|make\s+(?P<x2>.+?)\s+(?P<y2>half|" + PERCENT + r")[- ]full",
        process="{x} slowly [fills] {content} until {it} <is> {y} full.",
        end_state="{x} [is] {y} full {held}.",
        words=_part_full,
    ),
    rule(
        "fill",
        r"fill\s+(?:up\s+)?(?P<x>.+?)(?:\s+up)?(?:\s+(?P<with>with\s.+))?",
        process="{x} slowly [fills] {content} until {it} <is> full.",
        end_state="{x} [is] full {held}.",
        words=lambda match: {"content": match["with"] or "", "held": (match["with"] or "").replace("with", "of", 1)},
    ),
    rule(
        "empty",
        r"(?:empty|drain)\s+(?P<x>.+)",
        process="{x} slowly [empties] until nothing is left inside.",
        end_state="{x} [is] empty.",
    ),
    rule(
        "pour",
        r"pour\s+(?P<x>.+?)\s+(?P<where>(?:into|in|onto|on|over|out of|out)\b.*)",
        process="{x} [is] poured {where} in a steady stream, which then stops.",
        end_state="{x} [has] been poured {where}.",
    ),
    rule(
        "peel",
        r"peel\s+(?P<x>.+)",
        process="The peel slowly comes off {x}, strip by strip, until {it} <is> completely peeled.",
        end_state="{x} [is] peeled.",
    ),
    rule(
        "clean",
        r"(?:clean|wash|wipe)\s+(?:up\s+|off\s+)?(?P<x>.+?)(?:\s+up)?",
        process="{x} slowly [gets] cleaner and cleaner, as dirt and litter disappear, until {it} <is> clean.",
        end_state="{x} [is] clean.",
    ),
    rule(
        "clean",
        r"(?:tidy|tidy up|clear up|declutter)\s+(?P<x>(?:the|my|his|her|this|that)\s.+?)(?:\s+up)?",
        process="{x} slowly [gets] tidier and tidier, as all that lies about goes to its place, until {it} <is> tidy.",
        end_state="{x} [is] tidy.",
    ),
)
