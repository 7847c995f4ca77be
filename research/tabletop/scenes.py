"""What a scene of world 2 is: parts that are drawn back to front, and how they change over time.

Coordinates are fractions of the picture, x to the right and y down. Lengths of a part's own are in radii of its thing.
Angles are radians, clockwise on the screen. Times are in frames, and may be fractional.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from . import outlines

EASES = {
    "even": lambda p: p,
    "smooth": lambda p: p * p * (3 - 2 * p),
    "accelerate": lambda p: p * p,
    "slow down": lambda p: 1 - (1 - p) ** 2,
    "at once": lambda p: (p >= 1).astype(float),
}
MOST_CUTS = 6
TEXTURES = ("plain", "stripes", "dots", "checks")


@dataclass(frozen=True)
class Track:
    """A value over time: it stays at the first one until the first time, and at the last one after the last time.

    Attributes:
        values: numbers, or tuples of three for colors; one more than the eases.
        times: frames, as many as values; none for what never changes.
        eases: names in EASES, one for each way from a value to the next.
    """

    values: tuple
    times: tuple[float, ...] = ()
    eases: tuple[str, ...] = ()

    def at(self, times: np.ndarray) -> np.ndarray:
        """[T] or [T, 3] at times [T]."""
        values = np.asarray(self.values, dtype=np.float64)
        result = np.broadcast_to(values[0], (len(times), *values.shape[1:])).copy()
        for k, ease in enumerate(self.eases):
            begin, end = self.times[k], self.times[k + 1]
            way = EASES[ease](np.clip((times - begin) / max(end - begin, 1e-6), 0, 1))
            way = way.reshape(-1, *(1,) * (values.ndim - 1))
            result += way * (values[k + 1] - values[k])
        return result


def still(value) -> Track:
    return Track((value,))


def change(before, after, start: float, finish: float, ease: str = "smooth") -> Track:
    return Track((before, after), (start, finish), (ease,))


@dataclass
class Part:
    """One thing that is drawn, or a piece of one.

    Attributes:
        outline, outline_end: [outlines.STEPS] radius over the angle, before and after `morph`.
        hole: inner radius.
        cuts: [K, 3] half-planes x * nx + y * ny <= c of the part's own frame, inside of which it is.
        pivot: the point of its own frame that is at (x, y), and around which it turns.
        texture: kind in TEXTURES, waves per radius, strength in 0..1.
        hero: does the edit concern it?
        tracks: "x", "y", "size" (radius), "wide", "high" (factors on the screen), "angle", "alpha", "rgb", "morph".
    """

    outline: np.ndarray
    tracks: dict[str, Track]
    outline_end: np.ndarray | None = None
    hole: float = 0.0
    cuts: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)))
    pivot: tuple[float, float] = (0.0, 0.0)
    texture: tuple[str, float, float] = ("plain", 1.0, 0.0)
    hero: bool = False


DEFAULTS = {"wide": 1.0, "high": 1.0, "angle": 0.0, "alpha": 1.0, "morph": 0.0}


@dataclass
class Look:
    """A whole-picture style as a map of colors: `matrix` [3, 3] times the color plus `offset` [3]."""

    matrix: np.ndarray
    offset: np.ndarray


@dataclass
class Scene:
    """A clip: `frames` long; nothing changes before `start` nor from frame `finish` on.

    Attributes:
        told: what the words say of it, see phrases.py.
        free: what neither the first picture nor the words determine; empty for edits with one true end.
        background: two sets of uniform random numbers [2, BACKGROUND] and how much of the second is seen.
        camera: tracks "x", "y" of the point in the middle, and "zoom".
        blur: Gaussian sigma over time, as a fraction of the picture.
        look: a style, and how much of it is seen.
        light: unit vector away from the light.
    """

    family: str
    told: dict[str, str]
    free: dict
    parts: list[Part]
    background: np.ndarray
    background_mix: Track
    light: tuple[float, float]
    start: float
    finish: int
    frames: int
    camera: dict[str, Track] = field(default_factory=dict)
    blur: Track = still(0.0)
    look: Look | None = None
    look_mix: Track = still(0.0)

    def halfway(self) -> float:
        """The time at which the hero has gone half of its way, or half of the edit's time is over."""
        times = np.linspace(self.start, self.finish, 101)
        done = np.zeros(len(times))
        for part in self.parts:
            for name in ("x", "y", "size", "angle", "alpha", "rgb", "morph", "wide"):
                track = part.tracks.get(name)
                if part.hero and track and track.times and "at once" not in track.eases:
                    values = track.at(times).reshape(len(times), -1)
                    way = np.abs(np.diff(values, axis=0)).sum(1).cumsum()
                    done[1:] += way / max(way[-1], 1e-9)
        return float(times[np.searchsorted(done, done[-1] / 2)]) if done[-1] else (self.start + self.finish) / 2


BACKGROUND = 16


def frozen(scene: Scene, time: float) -> Scene:
    """The scene as it is at one time, as a clip of one frame in which nothing moves."""
    at = np.array([time])

    def stopped(track: Track) -> Track:
        value = track.at(at)[0]
        return still(tuple(value) if np.ndim(value) else float(value))

    parts = []
    for part in scene.parts:
        tracks = {name: stopped(track) for name, track in part.tracks.items()}
        parts.append(Part(**{**vars(part), "tracks": tracks}))
    return Scene(
        **{
            **vars(scene),
            "parts": parts,
            "background_mix": stopped(scene.background_mix),
            "camera": {name: stopped(track) for name, track in scene.camera.items()},
            "blur": stopped(scene.blur),
            "look_mix": stopped(scene.look_mix),
            "start": 0.0,
            "finish": 0,
            "frames": 1,
        }
    )


def radius_tables(parts: Sequence[Part]) -> np.ndarray:
    """[len(parts), 2, STEPS]: outlines before and after."""
    return np.stack([[part.outline, part.outline if part.outline_end is None else part.outline_end] for part in parts])


def without_hero(scene: Scene) -> Scene:
    return Scene(**{**vars(scene), "parts": [part for part in scene.parts if not part.hero]})
