"""The edits of world 2: scenes in which one happens, drawn at random.

`told` families have one true end, which follows from the first picture and the words. `free` ones have many: what is
left open is drawn from a second source of randomness, so that the same first picture can be given other ends. Of
`held_out` families the base model never sees one: later work learns them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from ..world.world import COLOURS as COLORS
from . import outlines
from .scenes import BACKGROUND, DEFAULTS, TEXTURES, Look, Part, Scene, Seen, Track, change, still

FRAMES = 33
PALE = {  # of walls, for "background": hue, saturation and value as three of the background's numbers
    "blue": (0.60, 0.9, 0.7),
    "green": (0.36, 0.8, 0.6),
    "pink": (0.94, 0.8, 0.9),
    "grey": (0.60, 0.0, 0.5),
}
STYLES = {
    "black and white": Look(np.full((3, 3), 1 / 3) * np.array([[0.897, 1.761, 0.342]]), np.zeros(3)),
    "sepia": Look(np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]]) * 0.8, np.zeros(3)),
    "night": Look(np.diag([0.28, 0.34, 0.5]), np.array([0.0, 0.0, 0.03])),
}

SMALLEST, LARGEST = 0.085, 0.125
CONTRAST = 0.3  # of a thing's color to wall and table, in the channel that differs most
CLEAR_CONTRAST = 0.15  # the same of what is measured piece by piece, as a distance, under any light and in any shadow
LIT_THING, LIT_GROUND = (0.62, 1.1), (0.45, 1.15)  # darkest and lightest, of plain colors
SHINE = 0.3  # how much lighter a thing is in its spot of light
CLEAR_TEXTURE = 0.5  # of the usual strength, for the same things: dark stripes would look like others' shade
GROWN, SHRUNK = 1.6, 0.5
FLAT_WIDTH, FLAT_HEIGHT = 1.5, 0.4
SIDE = 0.16  # where a thing that moves to a side comes to rest
FLOOR = 0.92  # the lower edge of a thing that has fallen
ZOOM, PAN = 1.4, 0.14
NO_WALL = 0.2  # share of pictures that show the table alone
LEAST_ROLL = 0.12
AWAY = (0.32, 0.5)  # the way of a thing that is moved away, as a fraction of the picture: half of it is never enough
SPREAD = (1.45, 1.95)  # root mean square distance of the matter of shards and drops from the middle, in radii
HALF_SPREAD = 1.25  # the same half of the way, at most
PUDDLE_WIDE = (1.8, 2.1)  # factor on the width of a round puddle; halfway to it, 1.55 at most
PUDDLE_WAVES = np.arange(3, 8)  # around a puddle's outline; two would make it wider or narrower
PUDDLE_STRENGTH = 0.25  # of the strongest wave, if it were the second, as a share of the mean radius


class NoRoom(Exception):
    """No place was found for what a scene needs; another one is drawn."""


@dataclass
class Thing:
    """An object as the first picture shows it."""

    shape: str
    color: str
    rgb: tuple[float, float, float]
    x: float
    y: float
    radius: float
    angle: float
    texture: tuple[str, float, float]

    def part(self, **changes) -> Part:
        """Its picture. changes: fields of Part, or tracks and constant values of its tracks."""
        tracks = {"x": self.x, "y": self.y, "size": self.radius, "rgb": self.rgb, **DEFAULTS, "angle": self.angle}
        fields = {
            name: changes.pop(name) for name in ("outline", "outline_end", "cuts", "pivot", "hero") if name in changes
        }
        tracks |= changes
        hole = outlines.RING_HOLE if self.shape == "ring" else 0.0
        return Part(
            **{"outline": outlines.outline(self.shape), "texture": self.texture, "hole": hole, **fields},
            tracks={name: value if isinstance(value, Track) else still(value) for name, value in tracks.items()},
        )

    @property
    def below(self) -> float:
        """How far it reaches below its middle, in radii."""
        return float((outlines.outline(self.shape) * np.sin(outlines.ANGLES + self.angle)).max())


@dataclass
class Draft:
    """What a family's function gets: the things, the hero first, and where randomness comes from."""

    things: list[Thing]
    start: float
    finish: int
    rng: np.random.Generator  # of what the first picture and the words say
    open_rng: np.random.Generator  # of what they leave open
    told: dict[str, str]
    taken: list[tuple[float, float, float]]  # circles in which the hero is at some end: x, y, radius

    @property
    def hero(self) -> Thing:
        return self.things[0]

    def over_time(self, before, after, ease: str = "smooth") -> Track:
        return change(before, after, self.start, self.finish, ease)

    def at_start(self, before: float, after: float) -> Track:
        return change(before, after, self.start, self.start + 1e-3, "at once")


@dataclass(frozen=True)
class Family:
    """An edit.

    Attributes:
        prepare: draws what is told and where the hero is; says in draft.taken what room its ends need.
        animate: the hero's parts, and what is free; None where the whole picture changes, see _SCENES.
        free, held_out: see the module.
        radius: factor on the hero's usual size.
        others: least and most number of other things.
        clear: is the end told from its matter's color alone? Then the hero looks like nothing else in the picture, not
            even in its shade or a shadow, and the picture is never blurred.
    """

    prepare: Callable[[Draft], None]
    animate: Callable[[Draft], tuple[list[Part], dict]]
    free: bool = False
    held_out: bool = False
    radius: float = 1.0
    others: tuple[int, int] = (1, 4)
    shapes: tuple[str, ...] = outlines.SHAPES
    clear: bool = False


# --- told -----------------------------------------------------------------------------------------------------------


def _anywhere(draft: Draft, reach: float = 1.0) -> None:
    """The hero anywhere, with so many radii of room around it."""
    hero, margin = draft.hero, 0.03
    room = hero.radius * reach * 1.12 + margin
    hero.x, hero.y = draft.rng.uniform(room, 1 - room, 2)
    draft.taken.append((hero.x, hero.y, hero.radius * reach * 1.1))


def _prepare_move(axis: str, low: bool):
    def prepare(draft: Draft) -> None:
        hero, rng = draft.hero, draft.rng
        across, along = rng.uniform(0.16, 0.84), rng.uniform(0.46, 0.85)
        along = along if low else 1 - along
        hero.x, hero.y = (along, across) if axis == "x" else (across, along)
        end = SIDE if low else 1 - SIDE
        place = (end, across) if axis == "x" else (across, end)
        draft.taken += [(hero.x, hero.y, hero.radius * 1.1), (*place, hero.radius * 1.1)]
        draft.told["side"] = {("x", True): "left", ("x", False): "right", ("y", True): "up", ("y", False): "down"}[
            axis, low
        ]

    return prepare


def _move(draft: Draft):
    x, y, _ = draft.taken[1]
    hero = draft.hero
    return [hero.part(x=draft.over_time(hero.x, x), y=draft.over_time(hero.y, y), hero=True)], {}


def _scale(factor: float):
    def animate(draft: Draft):
        radius = draft.hero.radius
        return [draft.hero.part(size=draft.over_time(radius, radius * factor), hero=True)], {}

    return animate


def _vanish(draft: Draft):
    return [draft.hero.part(alpha=draft.over_time(1.0, 0.0), hero=True)], {}


def _new_color(draft: Draft) -> str:
    used = {thing.color for thing in draft.things}
    return draft.rng.choice([color for color in COLORS if color not in used])


def _prepare_recolor(draft: Draft) -> None:
    _anywhere(draft)
    draft.told["target"] = _new_color(draft)


def _recolor(draft: Draft):
    hero, target = draft.hero, COLORS[draft.told["target"]]
    return [hero.part(rgb=draft.over_time(hero.rgb, target), hero=True)], {}


def _prepare_rotate(draft: Draft) -> None:
    _anywhere(draft, 1.1)
    draft.hero.angle += draft.rng.integers(4) * math.pi / 2
    draft.told["turn"] = draft.rng.choice(("clockwise", "counterclockwise"))


def _rotate(draft: Draft):
    hero = draft.hero
    turn = math.pi / 2 if draft.told["turn"] == "clockwise" else -math.pi / 2
    return [hero.part(angle=draft.over_time(hero.angle, hero.angle + turn), hero=True)], {}


def _prepare_fall(draft: Draft) -> None:
    hero = draft.hero
    hero.x, hero.y = draft.rng.uniform(0.16, 0.84), draft.rng.uniform(0.15, 0.45)
    landed = FLOOR - hero.below * hero.radius
    draft.taken += [(hero.x, hero.y, hero.radius * 1.1), (hero.x, landed, hero.radius * 1.1)]


def _fall(draft: Draft):
    hero = draft.hero
    return [hero.part(y=draft.over_time(hero.y, draft.taken[1][1], "accelerate"), hero=True)], {}


def _melt(draft: Draft):
    hero = draft.hero
    sunk = hero.y + hero.radius * hero.below * (1 - FLAT_HEIGHT)
    tracks = {"y": (hero.y, sunk), "wide": (1.0, FLAT_WIDTH), "high": (1.0, FLAT_HEIGHT)}
    return [hero.part(**{name: draft.over_time(*ends) for name, ends in tracks.items()}, hero=True)], {}


def _unchanged(draft: Draft):
    return [draft.hero.part(hero=True)], {}


def _prepare_two_stages(draft: Draft) -> None:
    """Two different of: grow or shrink, recolor, move to the left or right."""
    rng, hero = draft.rng, draft.hero
    first, second = rng.permutation(("size", "recolor", "move"))[:2]
    kinds = {first, second}
    draft.told["stages"] = f"{first} {second}"
    draft.told["size"] = rng.choice(("grow", "shrink"))
    draft.told["target"] = _new_color(draft)
    largest = GROWN if "size" in kinds and draft.told["size"] == "grow" else 1.0
    _anywhere(draft, largest)
    draft.told["side"] = "right" if hero.x < 0.5 else "left"
    if "move" in kinds:
        end = max(SIDE, hero.radius * largest * 1.12 + 0.02)
        draft.taken.append((1 - end if hero.x < 0.5 else end, hero.y, hero.radius * largest * 1.1))


def _two_stages(draft: Draft):
    hero, told = draft.hero, draft.told
    middle = (draft.start + draft.finish) / 2
    spans = ((draft.start, middle), (middle, float(draft.finish)))
    tracks = {}
    for stage, span in zip(told["stages"].split(), spans, strict=True):
        if stage == "move":
            tracks["x"] = change(hero.x, draft.taken[-1][0], *span)
        elif stage == "recolor":
            tracks["rgb"] = change(hero.rgb, COLORS[told["target"]], *span)
        else:
            factor = GROWN if told["size"] == "grow" else SHRUNK
            tracks["size"] = change(hero.radius, hero.radius * factor, *span)
    return [hero.part(**tracks, hero=True)], {}


# --- free -----------------------------------------------------------------------------------------------------------


def _shards(count: int, radius: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, list[np.ndarray], list]:
    """`count` cells of a Voronoi diagram inside an outline, none smaller than half of an equal share.

    Returns:
        middles [count, 2]; cuts of each, [count - 1, 3]; points inside of each, [N, 2].
    """
    points = outlines.filled(radius, rng, 1500)
    for _ in range(60):
        sites = outlines.filled(radius * 0.85, rng, count)
        owner = ((points[:, None] - sites) ** 2).sum(-1).argmin(1)
        shares = np.bincount(owner, minlength=count) / len(points)
        if shares.min() >= 1 / (2 * count):
            break
    else:
        raise NoRoom
    cuts = []
    for i in range(count):
        other = np.delete(sites, i, 0)
        normal = (other - sites[i]) / np.linalg.norm(other - sites[i], axis=1)[:, None]
        cuts.append(np.concatenate([normal, (normal * (other + sites[i]) / 2).sum(1)[:, None]], 1))
    inside = [points[owner == i] for i in range(count)]
    return np.stack([part.mean(0) for part in inside]), cuts, inside


def _turned(points: np.ndarray, angle: float) -> np.ndarray:
    c, s = math.cos(angle), math.sin(angle)
    return points @ np.array([[c, s], [-s, c]])


def _scattered(draft: Draft, middles: np.ndarray, reach: np.ndarray, spread: Callable[[np.ndarray], float]):
    """[N, 2] where pieces come to rest, in radii from the hero's middle; apart, and inside of the picture.

    Args:
        middles: [N, 2] where they begin. reach: [N] their own radii.
        spread: root mean square distance of all matter for such places.
    """
    hero, rng = draft.hero, draft.open_rng
    for _ in range(400):
        angle = np.arctan2(middles[:, 1], middles[:, 0]) + rng.normal(0, 0.5, len(middles))
        far = np.sqrt(rng.uniform(1.0, 2.4**2, len(middles)))
        ends = np.stack([far * np.cos(angle), far * np.sin(angle)], 1)
        apart = np.linalg.norm(ends[:, None] - ends, axis=-1) - (reach[:, None] + reach) * 0.9
        if apart[np.triu_indices(len(ends), 1)].min(initial=1.0) < 0.05:
            continue
        on_screen = np.array([hero.x, hero.y]) + ends * hero.radius
        edge = reach[:, None] * hero.radius + 0.01
        if (on_screen < edge).any() or (on_screen > 1 - edge).any():
            continue
        if SPREAD[0] <= spread(ends) <= SPREAD[1] and spread((middles + ends) / 2) <= HALF_SPREAD:
            return ends
    raise NoRoom


def _shatter(draft: Draft):
    hero, rng = draft.hero, draft.open_rng
    count = int(rng.integers(3, 8))
    middles, cuts, inside = _shards(count, outlines.outline(hero.shape), rng)
    begin = _turned(middles, hero.angle)
    around = [(points - middle) for points, middle in zip(inside, middles, strict=True)]
    reach = np.array([np.linalg.norm(points, axis=1).max() for points in around])
    own = np.array([(points**2).sum(1).mean() for points in around])
    share = np.array([len(points) for points in around]) / sum(map(len, around))

    def spread(ends: np.ndarray) -> float:
        return math.sqrt((share * ((ends**2).sum(1) + own)).sum())

    ends = _scattered(draft, begin, reach, spread)
    turns = rng.uniform(-0.9, 0.9, count)
    parts = [hero.part(alpha=draft.at_start(1.0, 0.0), hero=True)]
    for k in range(count):
        x, y = (hero.x + begin[k, 0] * hero.radius, hero.y + begin[k, 1] * hero.radius)
        to_x, to_y = (hero.x + ends[k, 0] * hero.radius, hero.y + ends[k, 1] * hero.radius)
        parts.append(
            hero.part(
                cuts=cuts[k],
                pivot=tuple(middles[k]),
                x=draft.over_time(x, to_x, "slow down"),
                y=draft.over_time(y, to_y, "slow down"),
                angle=draft.over_time(hero.angle, hero.angle + turns[k], "slow down"),
                alpha=draft.at_start(0.0, 1.0),
                hero=True,
            )
        )
    return parts, {"pieces": count}


def _burst(draft: Draft):
    """Round drops that together are as large as the hero."""
    hero, rng = draft.hero, draft.open_rng
    hole = outlines.RING_HOLE if hero.shape == "ring" else 0.0
    whole = outlines.area(outlines.outline(hero.shape), hole) / math.pi
    count = int(rng.integers(7, 12))
    share = rng.dirichlet(np.full(count, 6.0))
    reach = np.sqrt(share * whole)
    at = np.sqrt(rng.uniform(0, 1, count)) * (1 - reach)
    angle = np.arange(count) * 2.4 + rng.uniform(0, 7)
    begin = np.stack([at * np.cos(angle), at * np.sin(angle)], 1) * 0.7

    def spread(ends: np.ndarray) -> float:
        return math.sqrt((share * ((ends**2).sum(1) + reach**2 / 2)).sum())

    ends = _scattered(draft, begin, reach, spread)
    parts = [hero.part(alpha=draft.at_start(1.0, 0.0), hero=True)]
    for k in range(count):
        ways = [(hero.x, 0), (hero.y, 1)]
        x, y = (
            draft.over_time(c + begin[k, i] * hero.radius, c + ends[k, i] * hero.radius, "slow down") for c, i in ways
        )
        drop = Thing("circle", hero.color, hero.rgb, 0, 0, hero.radius * reach[k], hero.angle, ("plain", 1.0, 0.0))
        round_ = np.ones(outlines.STEPS)
        parts.append(drop.part(outline=round_, x=x, y=y, alpha=draft.at_start(0.0, 1.0), hero=True))
    return parts, {"pieces": count}


def _spill(draft: Draft):
    """A flat puddle of random outline below where it was, as large as the hero."""
    hero, rng = draft.hero, draft.open_rng
    own = outlines.outline(hero.shape)
    waves = PUDDLE_WAVES
    strength, phase = rng.uniform(0.05, PUDDLE_STRENGTH, 5) * 2 / waves, rng.uniform(0, 7, 5)
    puddle = 1 + (strength * np.cos(waves * outlines.ANGLES[:, None] + phase)).sum(1)
    puddle *= math.sqrt(outlines.area(own) / outlines.area(puddle))
    wide = rng.uniform(*PUDDLE_WIDE)
    aside = rng.uniform(-0.9, 0.9) * hero.radius
    reach = (puddle * np.abs(np.cos(outlines.ANGLES))).max() * wide * hero.radius
    x = min(max(hero.x + aside, reach + 0.01), 1 - reach - 0.01)
    down = (puddle * np.sin(outlines.ANGLES)).max() / wide
    y = hero.y + hero.radius * (hero.below - down)
    tracks = {
        "x": draft.over_time(hero.x, x),
        "y": draft.over_time(hero.y, y),
        "wide": draft.over_time(1.0, wide),
        "high": draft.over_time(1.0, 1 / wide),
        "angle": draft.over_time(hero.angle, 0.0),
        "morph": draft.over_time(0.0, 1.0),
    }
    return [hero.part(outline_end=puddle, **tracks, hero=True)], {"outline": puddle}


def _prepare_tip(draft: Draft) -> None:
    hero, rng = draft.hero, draft.rng
    hero.angle = 0.0
    hero.y = FLOOR - hero.below * hero.radius
    room = 3.3 * hero.radius
    hero.x = rng.uniform(min(room, 0.45), max(1 - room, 0.55))
    draft.taken += [
        (hero.x + k * hero.radius, hero.y + hero.radius * 0.3, hero.radius * 1.1) for k in (-2, -1, 0, 1, 2)
    ]


def tipped(hero: Thing, side: str, slid: float) -> tuple[float, float, float]:
    """Where a standing thing lies after it has tipped over its lower edge: x, y, angle. slid: radii."""
    sign = 1 if side == "right" else -1
    radius = outlines.outline(hero.shape)
    low = radius * np.sin(outlines.ANGLES) >= hero.below - 0.02
    corner = (radius * np.cos(outlines.ANGLES))[low].max()
    lying = (radius * np.cos(outlines.ANGLES)).max()
    x = hero.x + sign * hero.radius * (corner + hero.below + slid)
    return x, FLOOR - lying * hero.radius, sign * math.pi / 2


def _tip(draft: Draft):
    hero, rng = draft.hero, draft.open_rng
    free = {"side": str(rng.choice(("left", "right"))), "slid": float(rng.uniform(0.0, 0.5))}
    x, y, angle = tipped(hero, **free)
    tracks = {"x": (hero.x, x), "y": (hero.y, y), "angle": (hero.angle, angle)}
    return [hero.part(**{name: draft.over_time(*ends, "accelerate") for name, ends in tracks.items()}, hero=True)], free


def _prepare_roll(draft: Draft) -> None:
    hero, rng = draft.hero, draft.rng
    hero.x, hero.y = rng.uniform(0.35, 0.65), rng.uniform(0.15, 0.4)
    floor = FLOOR - hero.below * hero.radius
    draft.taken.append((hero.x, hero.y, hero.radius * 1.1))
    draft.taken += [(x, floor, hero.radius * 1.1) for x in np.arange(0.1, 0.95, 0.1)]


def rolled(hero: Thing, x: float) -> tuple[float, float, float]:
    """Where a ball rests that has rolled to x: x, y, angle."""
    return x, FLOOR - hero.below * hero.radius, hero.angle + (x - hero.x) / (hero.radius * hero.below)


def may_have_rolled(hero: Thing, x: float) -> bool:
    """May a ball have rolled to x: far enough, and inside?"""
    edge, far = hero.radius + 0.02, abs(x - hero.x)
    most = 0.5 - hero.radius - 0.03 + abs(hero.x - 0.5)
    return LEAST_ROLL <= far <= most + 1e-9 and edge - 1e-9 <= x <= 1 - edge + 1e-9


def _roll(draft: Draft):
    """Falls, bounces twice, and rolls on to one side."""
    hero, rng = draft.hero, draft.open_rng
    side = rng.choice((-1, 1))
    far = rng.uniform(LEAST_ROLL, 0.5 - hero.radius - 0.03 + abs(hero.x - 0.5))
    edge = hero.radius + 0.02
    x, floor, angle = rolled(hero, float(np.clip(hero.x + side * far, edge, 1 - edge)))
    high, span = floor - hero.y, draft.finish - draft.start
    at = draft.start + span * np.array([0.0, 0.32, 0.46, 0.6, 0.68, 0.76, 1.0])
    ys = (hero.y, floor, floor - 0.25 * high, floor, floor - 0.06 * high, floor, floor)
    eases = ("accelerate", "slow down", "accelerate", "slow down", "accelerate", "even")
    y = Track(tuple(float(v) for v in ys), tuple(float(t) for t in at), eases)
    along = {"x": (hero.x, x), "angle": (hero.angle, angle)}
    tracks = {name: change(*ends, float(at[1]), draft.finish, "slow down") for name, ends in along.items()}
    return [hero.part(y=y, **tracks, hero=True)], {"x": x}


def _prepare_away(draft: Draft) -> None:
    _anywhere(draft)


def may_be_at(things: list[Thing], x: float, y: float) -> bool:
    """May the hero be moved away to there: inside, far enough from where it was, and beside the others?"""
    hero, *others = things
    edge = hero.radius * 1.1 + 0.015
    if not (edge <= x <= 1 - edge and edge <= y <= 1 - edge):
        return False
    if not AWAY[0] <= math.hypot(x - hero.x, y - hero.y) <= AWAY[1]:
        return False
    return all(math.hypot(x - o.x, y - o.y) > (hero.radius + o.radius) * 1.1 + 0.01 for o in others)


def _away(draft: Draft):
    hero, rng = draft.hero, draft.open_rng
    for _ in range(200):
        x, y = rng.uniform(0, 1, 2)
        if may_be_at(draft.things, x, y):
            return [hero.part(x=draft.over_time(hero.x, x), y=draft.over_time(hero.y, y), hero=True)], {"x": x, "y": y}
    raise NoRoom


def _prepare_one_of(draft: Draft) -> None:
    """Three or four like things, of which one will vanish. They are the first ones of the draft's."""
    _anywhere(draft)
    rng, hero = draft.rng, draft.hero
    count = int(rng.integers(3, 5))
    draft.told["alike"] = str(count)
    for k in range(1, count):
        twin = Thing(**{**vars(hero), "angle": rng.uniform(-0.25, 0.25)})
        for _ in range(100):
            room = hero.radius * 1.12 + 0.03
            twin.x, twin.y = rng.uniform(room, 1 - room, 2)
            if all(math.hypot(twin.x - x, twin.y - y) > hero.radius + r + 0.02 for x, y, r in draft.taken):
                break
        else:
            raise NoRoom
        draft.things.insert(k, twin)
        draft.taken.append((twin.x, twin.y, hero.radius * 1.1))


def _one_of(draft: Draft):
    count = int(draft.told["alike"])
    gone = int(draft.open_rng.integers(count))
    parts = [
        thing.part(alpha=draft.over_time(1.0, 0.0 if k == gone else 1.0), hero=k == gone)
        for k, thing in enumerate(draft.things[:count])
    ]
    return parts, {"gone": gone}


# --- held out -------------------------------------------------------------------------------------------------------

PLACES = {"left": (0.18, 0.5), "right": (0.82, 0.5), "top": (0.5, 0.18), "bottom": (0.5, 0.82), "middle": (0.5, 0.5)}


def _prepare_add(draft: Draft) -> None:
    """The hero is not there yet: upright, of a set size, at a named place."""
    place = str(draft.rng.choice(list(PLACES)))
    hero = draft.hero
    hero.x, hero.y = PLACES[place]
    hero.radius, hero.angle, hero.rgb, hero.texture = 0.1, 0.0, COLORS[hero.color], ("plain", 1.0, 0.0)
    draft.told["place"] = place
    draft.taken.append((hero.x, hero.y, hero.radius * 1.1))


def _add(draft: Draft):
    return [draft.hero.part(alpha=draft.over_time(0.0, 1.0), hero=True)], {}


def _prepare_replace(draft: Draft) -> None:
    _anywhere(draft)
    used = {thing.shape for thing in draft.things}
    draft.told["target"] = _new_color(draft)
    draft.told["target_shape"] = str(draft.rng.choice([shape for shape in outlines.SHAPES if shape not in used]))


def _replace(draft: Draft):
    hero, told = draft.hero, draft.told
    middle = (draft.start + draft.finish) / 2
    new = Thing(
        told["target_shape"],
        told["target"],
        COLORS[told["target"]],
        hero.x,
        hero.y,
        hero.radius,
        0.0,
        ("plain", 1.0, 0.0),
    )
    small = 1e-3
    return [
        hero.part(
            size=change(hero.radius, small, draft.start, middle), alpha=change(1.0, 0.0, middle - 1, middle), hero=True
        ),
        new.part(
            size=change(small, hero.radius, middle, draft.finish), alpha=change(0.0, 1.0, middle, middle + 1), hero=True
        ),
    ], {}


def _prepare_swap(draft: Draft) -> None:
    """The hero and the next thing change places on two arcs."""
    _anywhere(draft, 1.1)
    hero, other, rng = draft.hero, draft.things[1], draft.rng
    for _ in range(100):
        room = other.radius * 1.12 + 0.03
        other.x, other.y = rng.uniform(room, 1 - room, 2)
        if math.hypot(other.x - hero.x, other.y - hero.y) > 2.4 * max(hero.radius, other.radius) + 0.05:
            break
    else:
        raise NoRoom
    wide = max(hero.radius, other.radius) * 1.1
    draft.taken += [(hero.x, hero.y, wide), (other.x, other.y, wide)]
    draft.told |= {"other_shape": other.shape, "other_color": other.color}


def _swap(draft: Draft):
    parts = []
    for one, two in ((draft.hero, draft.things[1]), (draft.things[1], draft.hero)):
        parts.append(one.part(x=draft.over_time(one.x, two.x), y=draft.over_time(one.y, two.y), hero=True))
    return parts, {}


def _prepare_background(draft: Draft) -> None:
    _anywhere(draft)
    draft.told["target"] = str(draft.rng.choice(list(PALE)))


def _prepare_style(draft: Draft) -> None:
    _anywhere(draft)
    draft.told["target"] = str(draft.rng.choice(list(STYLES)))


FULL = tuple(shape for shape in outlines.SHAPES if shape != "ring")  # a puddle has no hole
FAMILIES: dict[str, Family] = {
    "move left": Family(_prepare_move("x", True), _move),
    "move right": Family(_prepare_move("x", False), _move),
    "move up": Family(_prepare_move("y", True), _move),
    "move down": Family(_prepare_move("y", False), _move),
    "grow": Family(lambda draft: _anywhere(draft, GROWN), _scale(GROWN), radius=0.9),
    "shrink": Family(_anywhere, _scale(SHRUNK), radius=1.2),
    "vanish": Family(_anywhere, _vanish),
    "recolor": Family(_prepare_recolor, _recolor),
    "rotate": Family(_prepare_rotate, _rotate, shapes=outlines.TURNABLE),
    "fall": Family(_prepare_fall, _fall, others=(1, 3)),
    "melt": Family(lambda draft: _anywhere(draft, FLAT_WIDTH), _melt),
    "two stages": Family(_prepare_two_stages, _two_stages, radius=0.9, others=(1, 3)),
    "zoom in": Family(_anywhere, _unchanged),
    "pan left": Family(_anywhere, _unchanged),
    "pan right": Family(_anywhere, _unchanged),
    "focus": Family(_anywhere, _unchanged),
    "still": Family(_anywhere, _unchanged),
    "shatter": Family(lambda draft: _anywhere(draft, 2.5), _shatter, free=True, others=(1, 3), clear=True),
    "burst": Family(lambda draft: _anywhere(draft, 2.5), _burst, free=True, others=(1, 3), clear=True),
    "spill": Family(lambda draft: _anywhere(draft, 2.3), _spill, free=True, others=(1, 3), shapes=FULL, clear=True),
    "tip over": Family(_prepare_tip, _tip, free=True, others=(1, 3), shapes=outlines.STANDING),
    "roll": Family(_prepare_roll, _roll, free=True, others=(1, 2), shapes=("circle",)),
    "away": Family(_prepare_away, _away, free=True, others=(1, 3)),
    "one of": Family(_prepare_one_of, _one_of, free=True, others=(1, 2), radius=0.85),
    "add": Family(_prepare_add, _add, held_out=True, others=(1, 3)),
    "replace": Family(_prepare_replace, _replace, held_out=True),
    "swap": Family(_prepare_swap, _swap, held_out=True),
    "isolate": Family(_anywhere, _unchanged, held_out=True),
    "background": Family(_prepare_background, _unchanged, held_out=True),
    "style": Family(_prepare_style, _unchanged, held_out=True),
}
TOLD = tuple(name for name, family in FAMILIES.items() if not (family.free or family.held_out))
FREE = tuple(name for name, family in FAMILIES.items() if family.free)
HELD_OUT = tuple(name for name, family in FAMILIES.items() if family.held_out)
WHOLE_PICTURE = ("zoom in", "pan left", "pan right", "focus", "still", "background", "style")


def quiet_color(hue, saturation, value) -> np.ndarray:
    """[3] of three of a background's uniform numbers."""
    k = (np.array([5.0, 3.0, 1.0]) + hue * 6) % 6
    return (0.42 + 0.38 * value) * (1 - (0.05 + 0.3 * saturation) * np.clip(np.minimum(k, 4 - k), 0, 1))


def has_wall(background: np.ndarray) -> bool:
    """Is there a wall behind the table? In the others all of the picture is table, as drawing.py has it."""
    return bool(background[7] >= NO_WALL)


def ground_colors(background: np.ndarray) -> np.ndarray:
    """[2, 3]: wall and table."""
    return np.stack([quiet_color(*background[:3]), quiet_color(*background[3:6])])


def sample_scene(seed: int, family: str, open_seed: int | None = None, frames: int = FRAMES) -> Scene:
    """The scene of a number.

    Args:
        seed: of everything; the same number gives the same scene everywhere.
        family: one of FAMILIES.
        open_seed: of what the family leaves open; another one gives the same first picture another end.
        frames: length, 4n + 1. Shorter clips show the same edits at a faster pace.
    """
    kind = FAMILIES[family]
    for attempt in range(1000):
        number = [seed, list(FAMILIES).index(family), attempt]
        try:
            draft, background, light = _draft(kind, np.random.default_rng(number), frames)
            if family == "background" and not has_wall(background[0]):
                raise NoRoom
            _animate(kind, draft, [*number, 0], 20)  # is there room? whatever is left open then, the picture stays
        except NoRoom:
            continue
        parts, free = _animate(kind, draft, [*number, open_seed or 0], 1000)
        return _scene(family, draft, parts, free, background, light, frames)
    raise AssertionError(f"no scene of {family} could be drawn from the seed {seed}")


def _animate(kind: Family, draft: Draft, number: list[int], tries: int) -> tuple[list[Part], dict]:
    """The hero's parts and what is free, of the first try for which there is room. Raises NoRoom."""
    for again in range(tries):
        draft.open_rng = np.random.default_rng([*number, again])
        with suppress(NoRoom):
            return kind.animate(draft)
    raise NoRoom


def _contrast(hero: Thing, behind: Sequence[np.ndarray | tuple]) -> float:
    """The least distance of a color that the hero may have under its light to one that may be behind it.

    behind: the plain colors [3] of wall, table and other things.
    """
    kind, _, strength = hero.texture
    darkest = LIT_THING[0] * (1 - strength * (kind != "plain"))
    shaded = np.linspace(darkest, LIT_THING[1], 24)[:, None] * np.array(hero.rgb)
    own = np.concatenate([shaded, *(shaded[-8:] + shine * SHINE for shine in (0.33, 0.67, 1))]).clip(0, 1)
    ground = np.linspace(*LIT_GROUND, 24)[:, None, None] * np.array(behind)
    return float(np.linalg.norm(own[:, None] - ground.reshape(-1, 1, 3).swapaxes(0, 1), axis=-1).min())


def _draft(kind: Family, rng: np.random.Generator, frames: int) -> tuple[Draft, np.ndarray, tuple[float, float]]:
    background = rng.uniform(0, 1, (2, BACKGROUND))
    others = int(rng.integers(kind.others[0], kind.others[1] + 1))
    shape = str(rng.choice(kind.shapes))
    shapes = [shape, *rng.permutation([name for name in outlines.SHAPES if name != shape])[:others]]
    grounds = ground_colors(background[0])
    clear = [name for name, rgb in COLORS.items() if np.abs(grounds - rgb).max(1).min() >= CONTRAST]
    colors = rng.permutation(clear)[: others + 1]
    if len(colors) <= others:
        raise NoRoom
    things = []
    for k, (name, color) in enumerate(zip(shapes, colors, strict=True)):
        rgb = np.clip(np.array(COLORS[color]) + rng.uniform(-0.05, 0.05, 3), 0.04, 0.98)
        texture = str(rng.choice(TEXTURES, p=(0.55, 0.15, 0.15, 0.15)))
        radius = rng.uniform(SMALLEST, LARGEST) * (kind.radius if k == 0 else 1.0)
        waves, strength = rng.uniform(1.6, 2.6), rng.uniform(0.25, 0.5)
        angle = rng.uniform(-0.25, 0.25)
        things.append(
            Thing(str(name), str(color), tuple(rgb.tolist()), 0.5, 0.5, radius, angle, (texture, waves, strength))
        )
    if kind.clear:
        name, waves, strength = things[0].texture
        things[0].texture = (name, waves, strength * CLEAR_TEXTURE)
        if _contrast(things[0], [*grounds, *(thing.rgb for thing in things[1:])]) < CLEAR_CONTRAST:
            raise NoRoom
    start = float(rng.uniform(0.0, 0.12) * (frames - 1))
    finish = int(round(rng.uniform(0.4, 0.88) * (frames - 1)))
    told = {"shape": things[0].shape, "color": things[0].color}
    draft = Draft(things, start, finish, rng, rng, told, [])
    kind.prepare(draft)
    placed = {id(thing) for thing in things[: len(things) - others]}
    if "other_shape" in told:
        placed.add(id(draft.things[1]))
    placed.add(id(draft.hero))
    crowded = rng.random() < 0.5  # others may overlap each other
    circles: list[tuple[float, float, float]] = []
    for thing in draft.things:
        if id(thing) in placed or (told.get("alike") and thing.shape == told["shape"]):
            continue
        for _ in range(60):
            room = thing.radius * 1.1 + 0.02
            thing.x, thing.y = rng.uniform(room, 1 - room, 2)
            free = all(math.hypot(thing.x - x, thing.y - y) > thing.radius + r + 0.012 for x, y, r in draft.taken)
            near = 0.62 if crowded else 1.1
            free &= all(math.hypot(thing.x - x, thing.y - y) > (thing.radius + r) * near for x, y, r in circles)
            if free:
                break
        else:
            raise NoRoom
        circles.append((thing.x, thing.y, thing.radius))
    shine = rng.uniform(0.15, 0.85) * math.pi  # from above
    return draft, background, (math.cos(shine), math.sin(shine))


def _scene(family, draft, parts, free, background, light, frames) -> Scene:
    """The hero's parts among the others, and what changes the whole picture."""
    rng = draft.rng
    heroes = int(draft.told.get("alike", 2 if family == "swap" else 1))
    others = [thing.part() for thing in draft.things[heroes:]]
    start, finish, told = draft.start, draft.finish, draft.told
    seen = draft.things[1:] if family == "add" else draft.things
    scene = Scene(family, told, free, [*others, *parts], background, still(0.0), light, start, finish, frames)
    scene.things = [Seen(thing.shape, thing.color, float(thing.x), float(thing.y)) for thing in seen]
    if family == "isolate":
        for part in others:
            part.tracks["alpha"], part.hero = draft.over_time(1.0, 0.0), True
        parts[0].hero = False
    elif family == "background":
        target = background[0].copy()
        target[:3] = PALE[told["target"]]
        scene.background = np.stack([background[0], target])
        scene.background_mix = draft.over_time(0.0, 1.0)
    elif family == "style":
        scene.look, scene.look_mix = STYLES[told["target"]], draft.over_time(0.0, 1.0)
    elif family == "zoom in":
        scene.camera = {"zoom": draft.over_time(1.0, ZOOM)}
    elif family.startswith("pan"):
        scene.camera = {"x": draft.over_time(0.5, 0.5 + (PAN if family.endswith("right") else -PAN))}
    pixel = 1 / 192
    if family == "focus":
        scene.blur = draft.over_time(rng.uniform(2.5, 6.0) * pixel, 0.0)
    elif family == "still":
        scene.start, scene.finish = 0.0, 0
        if rng.random() < 0.5:  # what refinement asks for: a little soft at first
            scene.finish = max(2, round(0.12 * (frames - 1)))
            scene.blur = change(rng.uniform(0.3, 1.5) * pixel, 0.0, 0.0, scene.finish)
            told["clearing"] = "yes"
    elif rng.random() < 0.1 and not FAMILIES[family].clear:
        scene.blur = still(rng.uniform(0.8, 2.0) * pixel)
    return scene
