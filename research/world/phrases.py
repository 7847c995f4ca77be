"""Words for scenes of the tabletop world: instructions as a person types them, and captions of what happens.

Captions come in three kinds, all of which the model learns: our own wordings, the temporal captions that the pack's
rules make of an instruction, and the bare instruction.
"""

from __future__ import annotations

import random

from ...editing.captions.rules import temporal_caption
from .world import COLOUR_NAMES, FAMILIES, SHAPES, Scenes

SHAPE_WORDS = {
    "circle": ("circle", "circle", "ball", "disc", "sphere"),
    "square": ("square", "square", "cube", "block", "box"),
    "triangle": ("triangle", "triangle", "cone", "pyramid"),
    "star": ("star",),
    "heart": ("heart",),
    "hexagon": ("hexagon",),
    "cross": ("cross", "cross", "plus"),
    "diamond": ("diamond", "diamond", "gem", "rhombus"),
    "bar": ("bar", "bar", "rectangle", "stick"),
    "teardrop": ("teardrop", "teardrop", "droplet"),
    "ring": ("ring", "ring", "donut", "hoop"),
}
COLOUR_WORDS = {
    "teal": ("teal", "teal", "turquoise", "cyan"),
    "purple": ("purple", "purple", "violet"),
}

_SIDES = {
    "left": ("to the left", "to the left", "left", "leftwards", "over to the left side", "to the left side"),
    "right": ("to the right", "to the right", "right", "rightwards", "over to the right side", "to the right side"),
    "up": ("up", "up", "upwards", "to the top"),
    "down": ("down", "down", "downwards", "to the bottom"),
}

# {o} the object, {c} the new colour, {s} the side, {t} the sense of rotation
_INSTRUCTIONS = {
    "move": ("move {o} {s}", "move {o} {s}", "slide {o} {s}", "push {o} {s}", "shift {o} {s}"),
    "grow": ("make {o} bigger", "make {o} larger", "make {o} grow", "let {o} grow", "enlarge {o}", "inflate {o}"),
    "shrink": ("make {o} smaller", "shrink {o}", "make {o} shrink", "let {o} shrink", "deflate {o}"),
    "vanish": ("remove {o}", "make {o} disappear", "make {o} vanish", "delete {o}", "erase {o}", "let {o} disappear"),
    "recolour": (
        "make {o} {c}",
        "turn {o} {c}",
        "paint {o} {c}",
        "change the color of {o} to {c}",
        "change the colour of {o} to {c}",
        "recolor {o} {c}",
    ),
    "rotate": (
        "rotate {o} {t}",
        "turn {o} {t}",
        "spin {o} {t}",
        "rotate {o} a quarter turn {t}",
        "turn {o} a quarter turn {t}",
    ),
    "fall": ("let {o} fall", "drop {o}", "make {o} fall", "let {o} fall to the ground", "make {o} fall down"),
    "melt": ("melt {o}", "let {o} melt", "make {o} melt", "flatten {o}", "squash {o}", "make {o} flat"),
    "break": ("break {o}", "break {o} apart", "shatter {o}", "smash {o}", "break {o} into pieces", "let {o} break"),
    "focus": (
        "bring the picture into focus",
        "sharpen the image",
        "make the picture sharp",
        "focus the image",
        "make the image come into focus",
        "deblur the picture",
        "make the photo sharp",
    ),
    "still": (
        "keep everything still",
        "nothing moves",
        "everything stays still",
        "a perfectly still video",
        "keep the picture as it is",
    ),
}

_CAPTIONS = {
    "move": (
        "{o} slides {s} and stops there",
        "{o} moves slowly {s} and comes to rest",
        "{o} glides {s}, then rests",
        "first {o} starts to move {s}, then it slows down and stays there",
    ),
    "grow": (
        "{o} grows and grows, then keeps its size",
        "{o} becomes larger and larger",
        "{o} swells up, then stays big",
        "{o} slowly inflates until it is much bigger",
    ),
    "shrink": (
        "{o} shrinks and then stays small",
        "{o} becomes smaller and smaller",
        "{o} slowly deflates until it is small",
        "{o} gets tiny and stays so",
    ),
    "vanish": (
        "{o} fades away until it is gone",
        "{o} slowly disappears",
        "{o} vanishes, the empty background remains",
        "{o} becomes transparent and disappears, nothing else changes",
    ),
    "recolour": (
        "{o} gradually turns {c}",
        "the color of {o} changes to {c}",
        "{o} slowly becomes {c} and stays {c}",
        "{o} is painted {c} bit by bit",
    ),
    "rotate": (
        "{o} rotates {t} by a quarter turn",
        "{o} turns {t} and then stays still",
        "{o} spins {t} in place, then stops",
    ),
    "fall": (
        "{o} falls down and lands on the ground",
        "{o} drops to the bottom and lies there",
        "{o} falls faster and faster until it lands",
    ),
    "melt": (
        "{o} melts into a flat puddle",
        "{o} slowly flattens and spreads",
        "{o} sinks down, wide and flat",
        "{o} is squashed flat and stays flat",
    ),
    "break": (
        "{o} breaks into pieces that drift apart",
        "{o} bursts apart into four pieces",
        "{o} shatters and its pieces scatter, then lie still",
    ),
    "focus": (
        "the blurred picture slowly comes into focus",
        "the picture becomes sharp and clear",
        "the image comes into focus until every detail is crisp",
    ),
    "still": ("nothing moves", "everything stays still", "nothing moves and nothing changes", "a still picture"),
}

# What refinement asks for: the same picture, clearer.
STILL_CLEAR = (
    "a perfectly still video, enhanced clarity, fixed camera",
    "a perfectly still video, sharp and clear",
    "a perfectly still video, enhanced clarity, fixed camera",
    "nothing moves, the picture is sharp and clear",
    "a still video with enhanced clarity and sharp details, the camera is fixed",
)

# How people ask who have not seen the instructions above; only scores use them, training never.
# {d} is left, right, top or bottom.
_FREE_INSTRUCTIONS = {
    "move": (
        "could you move {o} {s}, please?",
        "I want {o} to slide all the way {s}",
        "{o} should move {s}",
        "please push {o} towards the {d}",
        "have {o} drift to the {d} of the picture",
        "shift {o} further {s}, and keep everything else as it is",
    ),
    "grow": (
        "please make {o} much bigger",
        "{o} should be larger",
        "can you enlarge {o}?",
        "I'd like {o} to grow",
        "scale {o} up",
        "blow up {o} like a balloon",
    ),
    "shrink": (
        "please make {o} much smaller",
        "{o} should be smaller",
        "can you shrink {o} down?",
        "I'd like {o} to shrink to half its size",
        "scale {o} down",
        "reduce the size of {o}",
    ),
    "vanish": (
        "get rid of {o}",
        "please take {o} away",
        "I want {o} gone",
        "{o} should disappear from the picture",
        "can you remove {o} completely?",
        "make {o} fade away",
    ),
    "recolour": (
        "could you make {o} {c} instead?",
        "I want {o} to be {c}",
        "{o} should turn {c}",
        "please dye {o} {c}",
        "give {o} a {c} colour",
        "change {o}'s color to {c}",
    ),
    "rotate": (
        "please rotate {o} {t} by 90 degrees",
        "{o} should turn {t}",
        "could you spin {o} {t}?",
        "twist {o} {t}",
        "give {o} a quarter turn {t}",
        "I want {o} rotated {t}",
    ),
    "fall": (
        "could you let {o} drop to the floor?",
        "{o} falls down",
        "make {o} drop",
        "I want {o} to fall onto the table",
        "{o} should fall to the ground",
        "have {o} tumble down",
    ),
    "melt": (
        "please melt {o} into a puddle",
        "{o} melts",
        "I want {o} to melt",
        "squish {o} flat",
        "could you flatten {o}?",
        "make {o} look melted",
    ),
    "break": (
        "please smash {o} to pieces",
        "{o} should shatter",
        "I want {o} to break apart",
        "crack {o} into pieces",
        "could you make {o} burst?",
        "make {o} fall apart",
    ),
    "focus": (
        "please sharpen this photo",
        "get rid of the blur",
        "make it sharp",
        "the picture should be in focus",
        "unblur the image",
        "can you make everything crisp and clear?",
    ),
    "still": (
        "please keep everything exactly as it is",
        "don't change anything",
        "nothing should move",
        "leave the picture as it is",
        "everything should stay still",
        "do nothing",
    ),
}
_FREE_DIRECTIONS = {"up": "top", "down": "bottom"}

_ENDINGS = (
    "",
    "",
    ". the camera stays still",
    ", static camera",
    ". everything else stays as it is",
    ". the other objects do not move",
    ". nothing else changes. the camera stays still",
)


def describe(scenes: Scenes) -> list[dict[str, str]]:
    """What phrases need to know of each scene: names of family, shape, colours and directions."""
    columns = zip(
        scenes.family.tolist(),
        scenes.shape[:, 0].tolist(),
        scenes.colour[:, 0].tolist(),
        scenes.target_colour.tolist(),
        scenes.turn.tolist(),
        scenes.blur.tolist(),
        strict=True,
    )
    described = []
    for family, shape, colour, target, turn, blur in columns:
        name = FAMILIES[family]
        described.append(
            {
                "family": name.split()[0],
                "side": name.split()[-1],
                "shape": SHAPES[shape],
                "colour": COLOUR_NAMES[colour],
                "target": COLOUR_NAMES[target],
                "turn": "clockwise" if turn > 0 else "counterclockwise",
                "clearing": "yes" if name == "still" and blur[0] > blur[1] else "",
            }
        )
    return described


def _words(scene: dict[str, str], rng: random.Random) -> dict[str, str]:
    shape = rng.choice(SHAPE_WORDS[scene["shape"]])
    colour = rng.choice(COLOUR_WORDS.get(scene["colour"], (scene["colour"],)))
    named = rng.random()
    if named < 0.8:
        thing = f"the {colour} {shape}"
    elif named < 0.9:
        thing = f"the {shape}"
    else:
        thing = f"the {colour} {rng.choice(('object', 'thing', 'shape'))}"
    turn = scene["turn"]
    if turn == "counterclockwise":
        turn = rng.choice(("counterclockwise", "counterclockwise", "anticlockwise"))
    side = rng.choice(_SIDES[scene["side"]]) if scene["family"] == "move" else ""
    direction = _FREE_DIRECTIONS.get(scene["side"], scene["side"])
    target = rng.choice(COLOUR_WORDS.get(scene["target"], (scene["target"],)))
    return {"o": thing, "c": target, "s": side, "d": direction, "t": turn}


def instruction(scene: dict[str, str], rng: random.Random) -> str:
    """An instruction as a person might type it, for a scene of `describe`."""
    return rng.choice(_INSTRUCTIONS[scene["family"]]).format(**_words(scene, rng))


def free_instruction(scene: dict[str, str], rng: random.Random) -> str:
    """An instruction in words that no training caption was made from, for a scene of `describe`."""
    return rng.choice(_FREE_INSTRUCTIONS[scene["family"]]).format(**_words(scene, rng))


def caption(scene: dict[str, str], rng: random.Random) -> str:
    """A caption of what happens in the scene."""
    if scene["clearing"]:
        return rng.choice(STILL_CLEAR)
    kind = rng.random()
    if kind < 0.5:
        return temporal_caption(instruction(scene, rng)).caption
    if kind < 0.62:
        return instruction(scene, rng)
    return rng.choice(_CAPTIONS[scene["family"]]).format(**_words(scene, rng)) + rng.choice(_ENDINGS)
