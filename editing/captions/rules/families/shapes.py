"""What shape a thing has: it melts, breaks, bends, is pressed, folded, tied, straightened
(melt, flatten, break, bend, straighten, fold, crumple, open).
"""

from __future__ import annotations

from .rule import Rule, Sentences, rule

_PIECES = (
    r"(?:in)?to (?:many |small |tiny |a thousand |a million |a hundred )*(?:pieces|bits|fragments|shards|dust|shreds)"
)
_BREAK: Sentences = {
    "process": "{x} [cracks] and [breaks] apart into pieces, which scatter and come to rest.",
    "end_state": "{x} [is] broken into pieces.",
}
# Asked before falling: to fall apart is no fall.
FALLING_APART: tuple[Rule, ...] = (
    rule("break", rf"(?:fall|come|go|break)\s+(?P<x>.+?)\s+(?:apart|{_PIECES})", **_BREAK),
    rule("break", r"make\s+(?P<x>.+?)\s+in (?:many |small |tiny |a thousand )*(?:pieces|bits|shards)", **_BREAK),
)
RULES: tuple[Rule, ...] = (
    rule(
        "straighten",
        r"(?:straighten|unbend|uncurl)(?:\s+(?:out|up))?\s+(?P<x>.+?)(?:\s+(?:out|up))?",
        process="{x} slowly [straightens], bit by bit, until {it} <is> straight, and then [stays] that way.",
        end_state="{x} [is] straight.",
    ),
    rule(
        "open",
        r"(?:unroll|roll out)\s+(?P<x>.+)",
        process="{x} slowly [unrolls] until {it} <lies> open and flat.",
        end_state="{x} [is] unrolled and [lies] flat.",
    ),
    rule(
        "fold",
        r"(?P<verb>tie|untie|knot)(?:\s+up)?\s+(?P<x>.+)",
        process="{x} [is] slowly {done}, loop by loop, and then [stays] that way.",
        end_state="{x} [is] {done}.",
        words=lambda match: {"done": {"tie": "tied", "untie": "untied", "knot": "knotted"}[match["verb"].lower()]},
    ),
    rule(
        "crumple",
        r"(?:crumple|crinkle|scrunch)(?:\s+up)?\s+(?P<x>.+?)(?:\s+(?:up|into a ball))*",
        process="{x} [is] slowly crumpled, crease by crease, until {it} <is> creased all over, and then [stays] so.",
        end_state="{x} [is] crumpled.",
    ),
    # Shape.
    rule(
        "melt",
        r"(?:melt|liquefy|liquify|dissolve)\s+(?:down\s+)?(?P<x>.+?)"
        r"(?:\s+(?:down|away|like \w+|into (?:a |the )?\w+))?",
        process="{x} slowly [softens], [sinks] down and [melts] into a flat puddle, which then lies still.",
        end_state="{x} [has] melted into a flat puddle.",
    ),
    rule(
        "flatten",
        r"(?:flatten|squash|squish|squeeze|crush|compress|press(?: down)?|make (?=.* (?:as )?flat(?: as a pancake)?$))"
        r"\b\s*(?P<x>.+?)"
        r"(?:\s+(?:(?:as )?flat|down|out|together|(?:into|like|as) a pancake))*",
        process="{x} [is] slowly pressed down, lower and wider, until {it} <is> flat, and then [stays] flat.",
        end_state="{x} [is] flat and wide.",
    ),
    rule(
        "break",
        r"(?:tear|rip)\s+(?:up\s+|apart\s+)?(?P<x>.+?)(?:\s+(?:up|apart|in (?:half|two)|(?:in)?to (?:pieces|bits"
        r"|shreds)))?",
        process="{x} [tears] apart: a rip opens and grows until {it} <is> in torn pieces, which come to rest.",
        end_state="{x} [is] torn into pieces.",
    ),
    rule(
        "break",
        r"(?:cut|slice|split|chop|saw)\s+(?:up\s+)?(?P<x>.+?)"
        r"(?:\s+(?:up|apart|open|in (?:half|two)|into (?:two|halves|two halves|pieces|slices)))?",
        process="{x} [is] cut through and slowly [splits] apart, and the parts come to rest beside each other.",
        end_state="{x} [is] split into parts.",
    ),
    rule(
        "break",
        r"(?:pop|burst)\s+(?P<x>.+?)(?:\s+(?:open|apart|(?:in)?to (?:\w+ )?(?:drops|droplets|bits|pieces|scraps)"
        r"|like an? \w+))*",
        process="{x} [bursts] all at once, and only small scraps are left, which come to rest.",
        end_state="{x} [has] burst.",
    ),
    rule(
        "break",
        r"(?:explode|blow up)\s+(?P<x>.+?)(?:\s+up)?",
        process="{x} [explodes] into flying pieces, which scatter and come to rest.",
        end_state="{x} [has] exploded into pieces.",
    ),
    rule(
        "break",
        r"(?:break|shatter|smash|crack|destroy|demolish|crumble|wreck)\s+(?:up\s+)?(?P<x>.+?)"
        rf"(?:\s+(?:up|apart|open|down|{_PIECES}))*",
        **_BREAK,
    ),
    rule(
        "bend",
        r"bend\s+(?P<x>.+?)(?:\s+(?:over|down|up|to the (?:left|right)))?",
        process="{x} slowly [bends], further and further, and then [holds] that shape.",
        end_state="{x} [is] clearly bent.",
    ),
    rule(
        "break",
        r"snap\s+(?P<x>.+?)(?:\s+(?:in (?:half|two)|apart|off))?",
        process="{x} [bends] and [snaps] in two, and the parts come to rest.",
        end_state="{x} [is] snapped in two.",
    ),
    rule(
        "fold",
        r"fold\s+(?:up\s+)?(?P<x>.+?)(?P<how>\s+(?:in half|in two|over|together))?(?:\s+up)?",
        process="{x} [is] slowly folded {way}, edge over edge, and then [stays] folded.",
        end_state="{x} [is] folded {way}.",
        words=lambda match: {"way": match["how"] or ""},
    ),
)
