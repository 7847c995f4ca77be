"""Words for scenes of world 2: instructions as a person types them, and captions of what happens.

Captions come in four kinds, all of which the model learns: our own wordings, the temporal captions that the pack's
rules make of an instruction, the bare instruction, and the edit told stage by stage. A tenth of them also describe the
first picture, so that the words of the held-out families mean something to the model before it meets such an edit.

Words say all that a scene tells, and nothing of what it leaves open: see `scenes.Scene`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from itertools import product

from ...demo.text_encoder import LENGTH, split_words
from ...editing.captions.rules import temporal_caption
from . import descriptions, names
from .families import COLORS, HELD_OUT, PALE, PLACES, STYLES
from .scenes import Scene

DESCRIBED = 0.1  # share of the captions that describe the first picture too
RULES, BARE, STAGED = 0.45, 0.12, 0.1  # shares of captions by rules, bare instructions, captions told stage by stage

_SIDES = {
    "left": ("to the left", "to the left", "left", "leftwards", "over to the left side", "to the left side"),
    "right": ("to the right", "to the right", "right", "rightwards", "over to the right side", "to the right side"),
    "up": ("up", "up", "upwards", "to the top"),
    "down": ("down", "down", "downwards", "to the bottom"),
}
_CAMERA_SIDES = {"left": ("to the left", "to the left", "left"), "right": ("to the right", "to the right", "right")}
_OTHER_SIDE = {"left": "to the right", "right": "to the left"}
_EDGES = {"left": "left", "right": "right", "up": "top", "down": "bottom"}

# Slots: {o} the thing that the edit concerns (the new one of "add", "one of the red balls" of "one of", both of
# "swap"), {c} the new color, {n} the new thing of "replace", {s} the side, {d} the same as a noun, {p} the place,
# {r} the side to which things drift when the camera pans, {t} the sense of rotation, {w} the wall or what is behind,
# {y} the style.
_INSTRUCTIONS = {
    "move": ("move {o} {s}", "move {o} {s}", "slide {o} {s}", "push {o} {s}", "shift {o} {s}"),
    "grow": ("make {o} bigger", "make {o} larger", "make {o} grow", "let {o} grow", "enlarge {o}", "inflate {o}"),
    "shrink": ("make {o} smaller", "shrink {o}", "make {o} shrink", "let {o} shrink", "deflate {o}"),
    "vanish": ("remove {o}", "make {o} disappear", "make {o} vanish", "delete {o}", "erase {o}", "let {o} disappear"),
    "recolor": (
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
    "zoom in": (
        "zoom in",
        "zoom in",
        "zoom in on the picture",
        "zoom into the middle",
        "let the camera zoom in",
        "move the camera closer",
    ),
    "pan": (
        "pan {s}",
        "pan the camera {s}",
        "move the camera {s}",
        "turn the camera {s}",
        "let the camera pan {s}",
    ),
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
    "shatter": (
        "shatter {o}",
        "break {o}",
        "break {o} apart",
        "smash {o}",
        "break {o} into pieces",
        "let {o} shatter",
        "let {o} break",
    ),
    "burst": ("burst {o}", "let {o} burst", "make {o} burst", "pop {o}", "let {o} burst into drops"),
    "spill": ("spill {o}", "let {o} spill", "make {o} spill", "spill {o} into a puddle", "let {o} spill into a puddle"),
    "tip over": (
        "tip {o} over",
        "tip over {o}",
        "knock {o} over",
        "knock over {o}",
        "topple {o}",
        "let {o} fall over",
        "make {o} topple",
    ),
    "roll": (
        "let {o} fall, bounce and roll",
        "let {o} bounce and roll",
        "drop {o} and let it bounce and roll",
        "make {o} bounce and roll",
        "let {o} drop, bounce and roll",
    ),
    "away": (
        "move {o} away",
        "move {o} somewhere else",
        "move {o} to another place",
        "put {o} somewhere else",
        "let {o} move away",
        "push {o} away",
    ),
    "one of": ("remove {o}", "make {o} disappear", "make {o} vanish", "delete {o}", "erase {o}", "let {o} disappear"),
    "add": ("add {o} {p}", "add {o} {p}", "put {o} {p}", "place {o} {p}", "insert {o} {p}", "draw {o} {p}"),
    "replace": (
        "replace {o} with {n}",
        "replace {o} with {n}",
        "turn {o} into {n}",
        "change {o} into {n}",
        "swap {o} for {n}",
        "exchange {o} for {n}",
    ),
    "swap": (
        "swap {o}",
        "swap the places of {o}",
        "exchange {o}",
        "let {o} trade places",
        "let {o} change places",
    ),
    "isolate": (
        "isolate {o}",
        "keep only {o}",
        "remove everything except {o}",
        "remove everything but {o}",
        "make everything except {o} disappear",
        "delete all things except {o}",
    ),
    "background": (
        "make {w} {c}",
        "turn {w} {c}",
        "paint {w} {c}",
        "change the color of {w} to {c}",
        "change the colour of {w} to {c}",
    ),
    "style": (
        "make it {y}",
        "make the picture {y}",
        "turn the picture {y}",
        "turn the image {y}",
        "make the photo {y}",
    ),
    "night": ("make it night", "turn day into night", "make it look like night", "turn the picture into night"),
}

# What one stage of two asks for; of the second stage {o} is "it".
_STAGE_INSTRUCTIONS = {
    "grow": ("make {o} bigger", "make {o} larger", "let {o} grow", "enlarge {o}"),
    "shrink": ("make {o} smaller", "shrink {o}", "let {o} shrink"),
    "recolor": ("make {o} {c}", "turn {o} {c}", "paint {o} {c}"),
    "move": ("move {o} {s}", "slide {o} {s}", "push {o} {s}"),
}
_STAGE_JOINTS = ("first {a}, then {b}", "first {a}, then {b}", "{a}, then {b}", "{a} and then {b}")

_CAPTIONS = {
    "move": (
        "{o} slides {s} and stops there",
        "{o} moves slowly {s} and comes to rest",
        "{o} glides {s}, then rests",
        "first {o} starts to move {s}, then it slows down and stays there",
    ),
    "grow": (
        "{o} grows and grows, then keeps its size",
        "{o} becomes larger and larger than before",
        "{o} starts to grow, swells up and in the end stays big",
        "{o} slowly inflates until it is much bigger",
    ),
    "shrink": (
        "{o} shrinks and then stays small",
        "{o} becomes smaller and smaller",
        "{o} starts to shrink, deflates and in the end stays small",
        "{o} gets tiny and stays so",
    ),
    "vanish": (
        "{o} fades away until it is gone",
        "{o} starts to fade and slowly disappears",
        "{o} vanishes, the empty background remains",
        "{o} becomes more and more transparent and disappears, nothing else changes",
    ),
    "recolor": (
        "{o} gradually turns {c}",
        "the color of {o} changes to {c}",
        "{o} slowly becomes more and more {c} and stays {c}",
        "{o} is painted {c} bit by bit",
    ),
    "rotate": (
        "{o} rotates {t} by a quarter turn",
        "{o} starts to turn {t}, then holds still",
        "{o} spins {t} in place, then stops",
        "{o} makes a quarter turn {t}",
    ),
    "fall": (
        "{o} falls down and lands on the ground",
        "{o} drops to the bottom and lies there",
        "{o} starts to fall, faster and faster until it lands",
    ),
    "melt": (
        "{o} melts until it is wide and flat",
        "{o} softens, slowly flattens and lies still",
        "{o} sinks down, lower and wider",
        "{o} is squashed flat and stays flat",
    ),
    "zoom in": (
        "the camera zooms in on the middle of the picture",
        "the camera starts to move closer, and everything becomes larger",
        "the camera moves closer to the middle, then it holds still",
        "the view zooms in slowly",
    ),
    "pan": (
        "the camera pans {s}",
        "the camera moves slowly {s} and then holds still",
        "the camera turns {s}, so that everything drifts {r} in the picture",
        "the view moves {s}, then it stops",
    ),
    "focus": (
        "the blurred picture slowly comes into focus",
        "the picture becomes sharper and sharper",
        "soft edges become sharp and clear",
        "the image comes into focus until every detail is crisp",
    ),
    "still": ("nothing moves", "everything stays still", "nothing moves and nothing changes", "a still picture"),
    "shatter": (
        "{o} cracks and breaks into pieces that fly apart",
        "{o} breaks apart, and the pieces come to rest",
        "{o} shatters and its pieces scatter, then lie still",
        "{o} breaks into shards, which fly apart",
    ),
    "burst": (
        "{o} bursts all at once into drops that fly apart",
        "{o} bursts, and round drops scatter and come to rest",
        "{o} pops, and only drops are left",
    ),
    "spill": (
        "{o} spills and spreads out into a puddle",
        "{o} runs out into a wide puddle, which then lies still",
        "{o} becomes liquid and spills",
    ),
    "tip over": (
        "{o} starts to lean, then it tips over and lies on its side",
        "{o} topples over, faster and faster, and lies still",
        "{o} falls over and comes to rest on its side",
    ),
    "roll": (
        "{o} falls down, bounces, lower each time, and rolls on",
        "{o} drops to the ground, bounces and rolls until it comes to rest",
        "{o} falls and bounces, then it rolls and stops",
    ),
    "away": (
        "{o} starts to move away and comes to rest at another place",
        "{o} slides on to somewhere else and stays there",
        "{o} glides away from its place, then rests",
    ),
    "one of": (
        "{o} fades away until it is gone, the others stay",
        "{o} starts to fade and slowly disappears",
        "{o} vanishes, and the others are left",
        "{o} becomes more and more transparent and disappears, nothing else changes",
    ),
    "add": (
        "{o} slowly appears {p} and stays there",
        "{o} fades in {p}, first faint, then clearly visible",
        "something new appears {p}: {o}",
    ),
    "replace": (
        "{o} shrinks away, and {n} grows in its place",
        "{o} becomes smaller and smaller until it is gone, then {n} grows there",
        "{o} is replaced by {n} in the same place",
    ),
    "swap": (
        "{o} trade places",
        "{o} slowly move past each other and change places",
        "{o} start to move, each to the place of the other",
    ),
    "isolate": (
        "everything except {o} fades away",
        "all other things slowly disappear, only {o} is left",
        "{o} stays, all other things become more and more transparent until they are gone",
    ),
    "background": (
        "{w} gradually turns {c}",
        "the color of {w} changes to {c}, the things in front of it stay the same",
        "{w} slowly becomes more and more {c}",
    ),
    "style": (
        "the whole picture slowly becomes {y}",
        "the picture gradually turns {y}, every object keeps its place",
        "the look of the picture changes until all of it is {y}",
    ),
    "night": (
        "the light fades until it is night",
        "day slowly turns into night, the picture becomes darker and darker",
        "it becomes night, every object keeps its place",
    ),
}
_STAGE_CAPTIONS = {
    "grow": ("{o} grows", "{o} becomes larger and larger", "{o} slowly swells up"),
    "shrink": ("{o} shrinks", "{o} becomes smaller and smaller", "{o} slowly deflates"),
    "recolor": ("{o} turns {c}", "{o} slowly becomes {c}", "{o} changes color until it is {c}"),
    "move": ("{o} slides {s}", "{o} moves slowly {s}", "{o} glides {s}"),
}
_CAPTION_JOINTS = (
    "first {a}, then {b}",
    "first {a}. then {b}",
    "{a}, and after that {b}",
    "at first {a}. after that {b}, and then nothing changes",
)

# How an edit begins, goes on, and ends.
_STAGED = {
    "move": ("{o} starts to move {s}", "it slides on and slows down", "it rests {p}"),
    "grow": ("{o} starts to grow", "it becomes larger and larger", "it is much larger and keeps its size"),
    "shrink": ("{o} starts to shrink", "it becomes smaller and smaller", "it is much smaller and keeps its size"),
    "vanish": (
        "{o} starts to fade",
        "it becomes more and more transparent",
        "it is gone, and only the background is left there",
    ),
    "recolor": ("{o} starts to change color", "it becomes more and more {c}", "it is completely {c}"),
    "rotate": (
        "{o} starts to turn {t}",
        "it rotates on in place",
        "it holds still after a quarter turn {t}",
    ),
    "fall": ("{o} starts to fall", "it falls faster and faster", "it lands on the ground and lies still"),
    "melt": ("{o} softens", "it sinks down, lower and wider", "it lies still, wide and flat"),
    "zoom in": (
        "the camera starts to move closer",
        "everything becomes larger and larger",
        "the camera holds still, closer than before",
    ),
    "pan": ("the camera starts to pan {s}", "the view slowly moves on {s}", "the camera holds still"),
    "focus": ("the picture is blurred", "the edges become sharper and sharper", "every detail is sharp and clear"),
    "still": ("nothing moves", "nothing changes", "everything stays exactly as it is"),
    "shatter": ("{o} cracks", "it breaks into pieces that fly apart", "the pieces lie still"),
    "burst": ("{o} bursts all at once", "drops fly apart and scatter", "the drops come to rest"),
    "spill": ("{o} softens", "it spills and spreads out", "it lies still as a wide puddle"),
    "tip over": ("{o} starts to lean", "it tips over, faster and faster", "it lies still on its side"),
    "roll": ("{o} falls down", "it bounces, lower each time, and rolls on", "it comes to rest on the ground"),
    "away": ("{o} starts to move away", "it slides on to another place", "it rests there"),
    "one of": ("{o} starts to fade", "it becomes more and more transparent", "it is gone, and the others are left"),
    "add": ("{o} starts to appear {p}", "it becomes more and more visible", "it is clearly visible and stays there"),
    "replace": ("{o} shrinks away until it is gone", "{n} grows in its place", "{n} is left there"),
    "swap": ("{o} start to move", "they move past each other", "they rest, each in the place of the other"),
    "isolate": (
        "everything except {o} starts to fade",
        "all other things become more and more transparent",
        "only {o} is left",
    ),
    "background": ("{w} starts to change color", "it becomes more and more {c}", "it is completely {c}"),
    "style": ("the look of the picture starts to change", "it becomes more and more {y}", "all of it is {y}"),
    "night": ("the light starts to fade", "the picture becomes darker and darker", "it is night"),
}
_STAGE_ENDS = {"grow": "larger", "shrink": "smaller", "recolor": "{c}", "move": "{p}"}
_STAGED_JOINTS = ("first {a}. then {b}. in the end {e}.", "at first {a}, then {b}, and in the end {e}.")

# What refinement asks for: the same picture, clearer.
STILL_CLEAR = (
    "a perfectly still video, enhanced clarity, fixed camera",
    "a perfectly still video, sharp and clear",
    "a perfectly still video, enhanced clarity, fixed camera",
    "nothing moves, the picture is sharp and clear",
    "a still video with enhanced clarity and sharp details, the camera is fixed",
)

# How people ask who have not seen the instructions above; only scores use them, training never.
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
        "please take {o} out of the picture",
        "I want {o} gone",
        "{o} should disappear from the picture",
        "can you remove {o} completely?",
        "make {o} fade away",
    ),
    "recolor": (
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
        "please melt {o} down",
        "I want {o} to melt",
        "{o} should melt",
        "squish {o} flat",
        "could you flatten {o}?",
        "make {o} look melted",
    ),
    "zoom in": (
        "could you zoom in a little?",
        "please zoom in on the center",
        "I want to see it closer",
        "bring the camera closer",
        "the camera should move closer to the middle",
        "dolly in",
    ),
    "pan": (
        "could you pan {s}, please?",
        "please swing the camera {s}",
        "the camera should pan {s}",
        "I'd like the camera to move {s}",
        "rotate the camera {s}",
        "have the camera look further {s}",
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
    "shatter": (
        "please smash {o} to pieces",
        "{o} should shatter",
        "I want {o} to break apart",
        "crack {o} into pieces",
        "could you break {o} to bits?",
        "make {o} fall apart",
    ),
    "burst": (
        "could you make {o} burst?",
        "{o} should burst",
        "I want {o} to pop",
        "please burst {o} like a balloon",
        "have {o} burst",
        "make {o} pop",
    ),
    "spill": (
        "please spill {o}",
        "{o} should spill",
        "I want {o} to spill out",
        "could you spill {o} all over the place?",
        "have {o} spill into a puddle",
        "make a puddle of {o}",
    ),
    "tip over": (
        "could you knock {o} over?",
        "{o} should tip over",
        "I want {o} to fall over",
        "please push {o} over",
        "have {o} topple",
        "make {o} tip over",
    ),
    "roll": (
        "could you let {o} bounce and roll?",
        "{o} should bounce and then roll",
        "I want {o} to fall and bounce",
        "please let {o} bounce on the floor and roll on",
        "{o} drops, bounces and rolls",
        "have {o} bounce and roll on the ground",
    ),
    "away": (
        "could you move {o} somewhere else?",
        "{o} should be somewhere else",
        "I want {o} in another place",
        "please find another place for {o}",
        "relocate {o}",
        "have {o} drift away from there",
    ),
    "one of": (
        "get rid of {o}",
        "please take {o} out of the picture",
        "I want {o} gone",
        "{o} should disappear",
        "can you remove {o}, no matter which?",
        "make {o} fade away",
    ),
    "add": (
        "could you add {o} {p}?",
        "I'd like to have {o} {p}",
        "there should be {o} {p}",
        "please include {o} {p}",
        "give me {o} {p}",
        "I want {o} {p}",
    ),
    "replace": (
        "could you replace {o} by {n}?",
        "I want {n} instead of {o}",
        "{o} should become {n}",
        "please transform {o} into {n}",
        "use {n} instead of {o}",
        "substitute {n} for {o}",
    ),
    "swap": (
        "could you swap {o}?",
        "{o} should switch places",
        "I want {o} to trade positions",
        "please switch {o} around",
        "have {o} swap positions",
        "switch the positions of {o}",
    ),
    "isolate": (
        "could you get rid of everything except {o}?",
        "I only want {o} to be left",
        "please clear everything away but {o}",
        "{o} should be the only thing left",
        "take everything except {o} out of the picture",
        "leave nothing but {o}",
    ),
    "background": (
        "could you make {w} {c}?",
        "I want {w} to be {c}",
        "{w} should turn {c}",
        "please dye {w} {c}",
        "give {w} a {c} colour",
        "I'd like a {c} color for {w}",
    ),
    "style": (
        "could you make this photo {y}?",
        "I want the picture to be {y}",
        "the whole image should be {y}",
        "please convert it to {y}",
        "render the picture in {y}",
        "I'd like it in {y}",
    ),
    "night": (
        "could you make it night?",
        "I want it to be night",
        "it should be night",
        "show it at night",
        "change the time of day to night",
        "let the night come",
    ),
}
_FREE_STAGES = {
    "grow": ("scale {o} up", "make {o} much bigger", "have {o} grow"),
    "shrink": ("scale {o} down", "make {o} much smaller", "reduce the size of {o}"),
    "recolor": ("dye {o} {c}", "have {o} turn {c}", "give {o} a {c} colour"),
    "move": ("shift {o} towards the {d}", "have {o} drift {s}", "push {o} all the way {s}"),
}
_FREE_JOINTS = (
    "could you first {a} and then {b}?",
    "please {a}, and afterwards {b}",
    "{a}; after that, {b}",
    "{a}. when that is done, {b}",
)

_ENDINGS = (
    "",
    "",
    ". the camera stays still",
    ", static camera",
    ". everything else stays as it is",
    ". the other objects do not move",
    ". nothing else changes. the camera stays still",
)
_WHOLE_ENDINGS = ("", "", ". the camera stays still", ", static camera")
_CAMERA_ENDINGS = ("", "", ". nothing else moves", ". the scene itself does not change")


def instruction(scene: Scene, rng: random.Random) -> str:
    """An instruction as a person might type it."""
    words = _words(scene, rng)
    if scene.family == "two stages":
        return _joined(scene, rng.choice(_STAGE_JOINTS), _STAGE_INSTRUCTIONS, words, rng)
    return rng.choice(_INSTRUCTIONS[_kind(scene)]).format(**words)


def free_instruction(scene: Scene, rng: random.Random) -> str:
    """An instruction in words that no training caption was made from."""
    words = _words(scene, rng)
    if scene.family == "two stages":
        return _joined(scene, rng.choice(_FREE_JOINTS), _FREE_STAGES, words, rng)
    return rng.choice(_FREE_INSTRUCTIONS[_kind(scene)]).format(**words)


def temporal(scene: Scene, rng: random.Random) -> str:
    """The temporal caption that the pack's rules make of an instruction."""
    return temporal_caption(instruction(scene, rng)).caption


def caption(scene: Scene, rng: random.Random) -> str:
    """A caption of what happens, as training shows it."""
    if "clearing" in scene.told:
        return rng.choice(STILL_CLEAR)
    kind = rng.random()
    if kind < RULES:
        text = temporal(scene, rng)
    elif kind < RULES + BARE:
        text = instruction(scene, rng)
    elif kind < RULES + BARE + STAGED:
        text = staged_caption(scene, rng)
    else:
        text = _own_caption(scene, rng)
    if scene.family not in HELD_OUT and rng.random() < DESCRIBED:
        described = f"{descriptions.describe(scene, rng)}. {text}"
        return described if len(split_words(described)) < LENGTH else text
    return text


def staged_caption(scene: Scene, rng: random.Random) -> str:
    """The edit stage by stage: how it begins, goes on, and ends. Of two stages, the first, the second, and the end."""
    words = _words(scene, rng)
    joint = rng.choice(_STAGED_JOINTS)
    if scene.family == "two stages":
        ends = (_STAGE_ENDS[stage].format(**words) for stage in _stages(scene))
        return _joined(scene, joint.replace("{e}", f"it is {' and '.join(ends)}"), _STAGE_CAPTIONS, words, rng)
    return joint.format(**{k: part.format(**words) for k, part in zip("abe", _STAGED[_kind(scene)], strict=True)})


def _own_caption(scene: Scene, rng: random.Random) -> str:
    words = _words(scene, rng)
    if scene.family == "two stages":
        return _joined(scene, rng.choice(_CAPTION_JOINTS), _STAGE_CAPTIONS, words, rng) + rng.choice(_ENDINGS)
    return rng.choice(_CAPTIONS[_kind(scene)]).format(**words) + rng.choice(_endings(scene.family))


def _endings(family: str) -> tuple[str, ...]:
    if family == "zoom in" or family.startswith("pan"):
        return _CAMERA_ENDINGS
    return _WHOLE_ENDINGS if family in ("focus", "still", "isolate", "background", "style") else _ENDINGS


def _kind(scene: Scene) -> str:
    """The key of a scene's wordings."""
    if scene.family.startswith(("move", "pan")):
        return scene.family.split()[0]
    return "night" if scene.told.get("target") == "night" else scene.family


def _stages(scene: Scene) -> list[str]:
    """The keys of the wordings of two stages, in order."""
    return [scene.told["size"] if stage == "size" else stage for stage in scene.told["stages"].split()]


def _joined(scene: Scene, joint: str, wordings: dict[str, tuple[str, ...]], words: dict[str, str], rng) -> str:
    first, second = (rng.choice(wordings[stage]) for stage in _stages(scene))
    return joint.format(a=first.format(**words), b=second.format(**{**words, "o": "it"}))


def _words(scene: Scene, rng: random.Random) -> dict[str, str]:
    """What fills the slots of the wordings of a scene's family."""
    family, told = scene.family, scene.told
    if family == "one of":
        return {"o": names.one_of_them(scene, rng)}
    if family == "add":
        new = names.new_name(told["shape"], told["color"], rng)
        return {"o": new, "p": rng.choice(descriptions.PLACE_WORDS[told["place"]])}
    if family == "swap":
        both = [names.hero_name(scene, rng), names.other_name(scene, rng)]
        rng.shuffle(both)
        return {"o": " and ".join(both)}
    if family == "style":
        return {"y": told["target"]}
    words = {"o": names.hero_name(scene, rng)}
    if family == "replace":
        words["n"] = names.new_name(told["target_shape"], told["target"], rng)
    elif "target" in told:
        words["c"] = names.color_word(told["target"], rng)
    if family == "background":
        words["w"] = f"the {descriptions.wall_word(scene)}"
    if family.startswith("pan"):
        side = family.split()[1]
        words |= {"s": rng.choice(_CAMERA_SIDES[side]), "r": _OTHER_SIDE[side]}
    elif "side" in told:
        edge = _EDGES[told["side"]]
        place = rng.choice(descriptions.PLACE_WORDS[edge])
        words |= {"s": rng.choice(_SIDES[told["side"]]), "d": edge, "p": place}
    if "turn" in told:
        clockwise = told["turn"] == "clockwise"
        words["t"] = "clockwise" if clockwise else rng.choice(("counterclockwise", "counterclockwise", "anticlockwise"))
    return words


# --- the word list --------------------------------------------------------------------------------------------------


@cache
def word_list() -> list[str]:
    """Every word that captions, instructions and staged captions of all families can have, sorted.

    Words that only `free_instruction` uses are not among them, unless a caption has them too.
    """
    slots = {slot: "" for slot in "abcdenoprstwy"}
    texts = [wording.format(**slots) for wording in _every_wording()]
    texts += [value for values in _every_filler().values() for value in values]
    texts += [temporal_caption(asked).caption for asked in _every_instruction()]
    return sorted({word for text in texts for word in split_words(text)})


def _every_wording() -> Iterator[str]:
    """All wordings with their slots."""
    yield from (*STILL_CLEAR, *_ENDINGS, *_WHOLE_ENDINGS, *_CAMERA_ENDINGS, *descriptions.PATTERNS)
    yield from (*_STAGE_JOINTS, *_CAPTION_JOINTS, *_STAGED_JOINTS, *_STAGE_ENDS.values(), "it is {a} and {b}")
    for wordings in (_INSTRUCTIONS, _STAGE_INSTRUCTIONS, _CAPTIONS, _STAGE_CAPTIONS, _STAGED):
        for several in wordings.values():
            yield from several


def _every_filler() -> dict[str, list[str]]:
    """What can stand in each slot: all names of one color, and one name in all colors."""
    shapes = sorted({word for words in names.SHAPE_WORDS.values() for word in words} | set(names.ANY_SHAPE))
    colors = [word for color in COLORS for word in dict.fromkeys(names.COLOR_WORDS.get(color, (color,)))]
    things = [f"the red {shape}" for shape in shapes] + [f"the {color} ball" for color in colors]
    some = [f"one of the {count} red {names.plural(shape)}" for count in names.COUNTS.values() for shape in shapes]
    new = [names.with_article(f"blue {shape}") for shape in shapes]
    new += [names.with_article(f"{color} star") for color in colors]
    pale = [word for color in PALE for word in dict.fromkeys(names.COLOR_WORDS.get(color, (color,)))]
    return {
        "o": things,
        "one of": some,
        "add": new,
        "swap": [f"{thing} and the green star" for thing in things],
        "n": new,
        "c": colors,
        "background": pale,
        "s": list(dict.fromkeys(side for sides in _SIDES.values() for side in sides)),
        "pan": list(dict.fromkeys(side for sides in _CAMERA_SIDES.values() for side in sides)),
        "p": [where for place in PLACES for where in descriptions.PLACE_WORDS[place]],
        "r": list(_OTHER_SIDE.values()),
        "t": ["clockwise", "counterclockwise", "anticlockwise"],
        "w": ["the wall", "the background"],
        "y": [style for style in STYLES if style != "night"],
    }


def _every_instruction() -> Iterator[str]:
    """All instructions with one filler, and with every filler in turn: names in one wording of a kind."""
    fillers = _every_filler()
    for kind, wordings in _INSTRUCTIONS.items():
        special = {"one of": "o", "add": "o", "swap": "o", "background": "c", "pan": "s"}.get(kind, "")
        slots = {**fillers, special: fillers.get(kind, [""])}
        usual = {slot: values[0] for slot, values in slots.items()}
        for wording in wordings:
            yield wording.format(**usual)
            for slot, values in slots.items():
                if slot and f"{{{slot}}}" in wording and (slot != "o" or wording == wordings[0]):
                    yield from (wording.format(**{**usual, slot: value}) for value in values[1:])
    usual = {slot: values[0] for slot, values in fillers.items()}
    for joint, first, second in product(sorted(set(_STAGE_JOINTS)), _STAGE_INSTRUCTIONS, _STAGE_INSTRUCTIONS):
        for a, b in zip(_STAGE_INSTRUCTIONS[first], _STAGE_INSTRUCTIONS[second], strict=False):
            if first != second and {first, second} != {"grow", "shrink"}:
                yield joint.format(a=a.format(**usual), b=b.format(**{**usual, "o": "it"}))
