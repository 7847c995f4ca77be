"""What the things of world 2 are called, so that a name fits only one thing of a scene."""

from __future__ import annotations

import random
from collections.abc import Iterable

from ..world import phrases
from .scenes import Scene

SHAPE_WORDS = {
    **phrases.SHAPE_WORDS,
    "circle": ("circle", "circle", "ball", "ball", "disc", "sphere"),
    "bottle": ("bottle", "bottle", "flask"),
    "pillar": ("pillar", "pillar", "column", "post"),
}
NEW_SHAPE_WORDS = {**SHAPE_WORDS, "bar": ("bar",)}  # a stick that is not there yet could as well stand
COLOR_WORDS = {**phrases.COLOUR_WORDS, "grey": ("grey", "gray")}
ANY_SHAPE = ("object", "thing", "shape")
ALIKE = ({"bar", "pillar"}, {"circle", "ring"})  # a word for one of them may be taken for the other's: say the color
COUNTS = {"3": "three", "4": "four"}


def color_word(color: str, rng: random.Random) -> str:
    return rng.choice(COLOR_WORDS.get(color, (color,)))


def with_article(name: str) -> str:
    """ "orange ring" -> "an orange ring"."""
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def plural(name: str) -> str:
    """ "box" -> "boxes"."""
    return name + ("es" if name.endswith(("s", "x")) else "s")


def bare_name(shape: str, color: str, shapes: Iterable[str], rng: random.Random) -> str:
    """The name of a thing, without an article: its color and shape, or one of them.

    Args:
        shapes: all shapes of the scene.
    """
    confusable = any(shape in pair and len(pair & set(shapes)) > 1 for pair in ALIKE)
    kind = rng.random()
    word = rng.choice(ANY_SHAPE if kind >= 0.9 else SHAPE_WORDS[shape])
    return word if 0.8 <= kind < 0.9 and not confusable else f"{color_word(color, rng)} {word}"


def shapes_of(scene: Scene) -> set[str]:
    """All shapes that are or come to be in a scene."""
    told = (scene.told[key] for key in ("shape", "target_shape") if key in scene.told)
    return {*(thing.shape for thing in scene.things), *told}


def hero_name(scene: Scene, rng: random.Random) -> str:
    """ "the red ball" """
    return f"the {bare_name(scene.told['shape'], scene.told['color'], shapes_of(scene), rng)}"


def other_name(scene: Scene, rng: random.Random) -> str:
    """The other thing of a swap."""
    return f"the {bare_name(scene.told['other_shape'], scene.told['other_color'], shapes_of(scene), rng)}"


def one_of_them(scene: Scene, rng: random.Random) -> str:
    """ "one of the three red balls": some of several like things, whichever."""
    name = plural(bare_name(scene.told["shape"], scene.told["color"], shapes_of(scene), rng))
    return f"one of the {COUNTS[scene.told['alike']]} {name}" if rng.random() < 0.4 else f"one of the {name}"


def new_name(shape: str, color: str, rng: random.Random) -> str:
    """ "a blue star": what is not there yet, with its color and its shape."""
    return with_article(f"{color_word(color, rng)} {rng.choice(NEW_SHAPE_WORDS[shape])}")
