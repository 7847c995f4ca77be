"""What is true of a scene's first picture, in words: the wall's color, where things are, what does not happen."""

from __future__ import annotations

import random
from itertools import combinations

from . import names
from .families import PALE, WHOLE_PICTURE
from .scenes import Scene, Seen

PLACE_WORDS = {
    "left": ("at the left", "on the left", "on the left side"),
    "right": ("at the right", "on the right", "on the right side"),
    "top": ("at the top",),
    "bottom": ("at the bottom",),
    "middle": ("in the middle", "in the center"),
}
HUE_REACH = 0.06  # farther from a named hue, a wall's color has no name
PALEST, GREYEST = 0.5, 0.15  # saturation from which a hue is clear, and up to which there is none
OUTER, INNER = 0.3, 0.1  # how near the edge, and how near the middle a place is clear

# {w} the wall or what is behind, {c} its color, {p} a place, {a} and {b} things, {s} a side.
_WALL = ("the {w} is {c}", "the color of the {w} is {c}", "there is a {c} {w} behind")
_PLACED = ("{p} is {a}", "there is {a} {p}")
_TOGETHER = {
    "picture": "{a} and {b} are in the picture",
    "table": "{a} and {b} are on the table",
    "wall": "{a} and {b} are in front of the {w}",
}
_BESIDE = ("the {a} is to the {s} of the {b}",)
# What an edit of one thing leaves alone.
_ONLY = (
    "only {a} changes",
    "everything except {a} is left as it is",
    "keep all things except {a} as they are",
    "{a} is not isolated, no other things are deleted",
    "everything but {a} stays",
)
# True of every edit that training shows, in the words of those that it does not.
_REMARKS = (
    "nothing is added and nothing is replaced",
    "do not add, insert or draw a thing",
    "do not replace, swap or exchange things, and do not isolate one",
    "no things trade places",
    "no new thing is inserted or drawn",
    "nothing is exchanged, changed into another thing or swapped for one",
    "no things move past each other",
    "nothing new appears, not even something faint",
    "all things are clearly visible from the start, none has yet to appear",
    "no subject changes step by step into another one",
    "the picture is not redrawn, area by area",
    "the light and the weather do not change",
    "it is day and not night",
    "it does not get darker, and does not look like night",
    "the picture is not black and white",
    "the whole picture is in color, not sepia",
)
PATTERNS = (*_WALL, *_PLACED, *_TOGETHER.values(), *_BESIDE, *_ONLY, *_REMARKS)  # all that can be said


def wall_word(scene: Scene) -> str:
    """What is behind the things: a wall where there is a table too."""
    return "wall" if _has_table(scene) else "background"


def wall_color(scene: Scene) -> str:
    """The name in PALE of the wall's color as first seen; empty where none clearly fits."""
    hue, saturation, _ = (float(number) for number in scene.background[0][:3])
    if saturation <= GREYEST:
        return "grey"
    for name, (named, strength, _) in PALE.items():
        apart = abs((hue - named + 0.5) % 1 - 0.5)
        if strength > 0 and saturation >= PALEST and apart <= HUE_REACH:
            return name
    return ""


def place(thing: Seen) -> str:
    """The key in PLACE_WORDS of where a thing clearly is; empty where none clearly fits."""
    aside, off = thing.x - 0.5, thing.y - 0.5
    if max(abs(aside), abs(off)) <= INNER:
        return "middle"
    if abs(aside) >= 0.5 - OUTER and abs(aside) >= 2 * abs(off):
        return "left" if aside < 0 else "right"
    if abs(off) >= 0.5 - OUTER and abs(off) >= 2 * abs(aside):
        return "top" if off < 0 else "bottom"
    return ""


def describe(scene: Scene, rng: random.Random) -> str:
    """A sentence that is true of the scene's first picture, or of the edit if it is not a held-out one."""
    ways = (_wall, _placed, _together, _beside, _only, lambda *_: rng.choice(_REMARKS))
    told = [sentence for way in rng.sample(ways, len(ways)) if (sentence := way(scene, rng))]
    return told[0]


def _has_table(scene: Scene) -> bool:
    return bool(scene.background[0][7] >= 0.2)


def _name(scene: Scene, thing: Seen, rng: random.Random) -> str:
    return names.bare_name(thing.shape, thing.color, names.shapes_of(scene), rng)


def _single(scene: Scene) -> list[Seen]:
    """The things that are like no other one."""
    return [thing for thing in scene.things if sum(thing.shape == other.shape for other in scene.things) == 1]


def _wall(scene: Scene, rng: random.Random) -> str:
    color = wall_color(scene)
    if not color:
        return ""
    return rng.choice(_WALL).format(w=wall_word(scene), c=names.color_word(color, rng))


def _placed(scene: Scene, rng: random.Random) -> str:
    placed = [(thing, where) for thing in scene.things if (where := place(thing))]
    if not placed:
        return ""
    thing, where = rng.choice(placed)
    name = names.with_article(_name(scene, thing, rng))
    return rng.choice(_PLACED).format(p=rng.choice(PLACE_WORDS[where]), a=name)


def _together(scene: Scene, rng: random.Random) -> str:
    """Two things, and whether both are seen before the table or both before the wall."""
    pairs = list(combinations(_single(scene), 2))
    if not pairs:
        return ""
    pair = rng.choice(pairs)
    horizon = 0.3 + 0.3 * float(scene.background[0][6])  # as drawing.py has it
    where = "picture"
    if _has_table(scene) and all(thing.y > horizon + 0.05 for thing in pair):
        where = "table"
    elif not _has_table(scene) or all(thing.y < horizon - 0.12 for thing in pair):
        where = "wall"
    one, two = (names.with_article(_name(scene, thing, rng)) for thing in pair)
    return _TOGETHER[where].format(a=one, b=two, w=wall_word(scene))


def _beside(scene: Scene, rng: random.Random) -> str:
    pairs = [(a, b) for a, b in combinations(_single(scene), 2) if abs(a.x - b.x) > max(0.2, abs(a.y - b.y))]
    if not pairs:
        return ""
    one, two = rng.sample(rng.choice(pairs), 2)
    side = "left" if one.x < two.x else "right"
    return rng.choice(_BESIDE).format(a=_name(scene, one, rng), b=_name(scene, two, rng), s=side)


def _only(scene: Scene, rng: random.Random) -> str:
    if scene.family in WHOLE_PICTURE or "alike" in scene.told:
        return ""
    return rng.choice(_ONLY).format(a=names.hero_name(scene, rng))
