"""The outlines of the world's things: a radius over the angle, the farthest point about 1.

Angles run clockwise on the screen, from the right.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

STEPS = 720
ANGLES = np.arange(STEPS) * (2 * math.pi / STEPS)
RING_HOLE = 0.5  # inner radius of the ring, as a fraction of the outer one
FROM_BELOW = math.pi / 2


def from_points(points: np.ndarray) -> np.ndarray:
    """[STEPS] radius at each of ANGLES of a closed outline [N, 2] that is seen whole from the origin."""
    angle = np.arctan2(points[:, 1], points[:, 0]) % (2 * math.pi)
    order = angle.argsort()
    return np.interp(ANGLES, angle[order], np.hypot(*points.T)[order], period=2 * math.pi)


def from_corners(corners: list[tuple[float, float]]) -> np.ndarray:
    """The same of a polygon."""
    ends = np.roll(corners, -1, 0)
    weight = np.linspace(0, 1, 64, endpoint=False)[:, None]
    return from_points(np.concatenate([a + (b - a) * weight for a, b in zip(np.array(corners), ends, strict=True)]))


def regular(corners: int, turned: float) -> np.ndarray:
    sector = 2 * math.pi / corners
    return math.cos(sector / 2) / np.cos((ANGLES - turned) % sector - sector / 2)


def _star() -> np.ndarray:
    at = -math.pi / 2 + np.arange(10) * math.pi / 5
    radius = np.where(np.arange(10) % 2, 0.5, 1.0)
    return from_corners(list(zip(radius * np.cos(at), radius * np.sin(at), strict=True)))


def _heart() -> np.ndarray:
    t = np.linspace(0, 2 * math.pi, 720, endpoint=False)
    y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)) - 1.5
    return from_points(np.stack([16 * np.sin(t) ** 3, y], 1) / 17)


def _teardrop() -> np.ndarray:
    t = np.linspace(0, 2 * math.pi, 720, endpoint=False)
    return from_points(np.stack([0.62 * np.sin(t) * np.sin(t / 2) ** 1.2, -0.95 * np.cos(t) + 0.12], 1))


def _cross(third: float = 0.36) -> np.ndarray:
    quarter = [(third, -1), (third, -third), (1, -third)]
    corners = [
        (math.cos(a) * x - math.sin(a) * y, math.sin(a) * x + math.cos(a) * y)
        for a in np.arange(4) * math.pi / 2
        for x, y in quarter
    ]
    return from_corners(corners)


def _bottle() -> np.ndarray:
    half = [(0.16, -1.0), (0.16, -0.5), (0.4, -0.22), (0.4, 1.0)]
    return from_corners(half + [(-x, y) for x, y in reversed(half)])


# Each as large as it looks beside the others.
OUTLINES = {
    "circle": lambda: np.full(STEPS, 0.95),
    "square": lambda: regular(4, math.pi / 4) * 1.1,
    "triangle": lambda: regular(3, -math.pi / 2) * 1.15,
    "star": lambda: _star() * 1.12,
    "heart": lambda: _heart() / _heart().max() * 1.1,
    "hexagon": lambda: regular(6, 0.0) * 1.03,
    "cross": lambda: _cross() / _cross().max() * 1.1,
    "diamond": lambda: from_corners([(0, -1.12), (0.72, 0), (0, 1.12), (-0.72, 0)]) * 1.12,
    "bar": lambda: from_corners([(-1, -0.38), (1, -0.38), (1, 0.38), (-1, 0.38)]) * 1.07,
    "teardrop": lambda: _teardrop() * 1.15,
    "ring": lambda: np.ones(STEPS),
    "bottle": lambda: _bottle() * 1.15,
    "pillar": lambda: from_corners([(-0.34, -1.0), (0.34, -1.0), (0.34, 1.0), (-0.34, 1.0)]) * 1.1,
}
SHAPES = tuple(OUTLINES)
TURNABLE = ("triangle", "heart", "bar", "teardrop", "bottle")  # a quarter turn changes how these look
STANDING = ("bottle", "pillar", "triangle")  # these can tip over; their lower edge is straight


@cache
def outline(shape: str) -> np.ndarray:
    """[STEPS] radius over the angle of one of SHAPES."""
    return OUTLINES[shape]()


def area(radius: np.ndarray, hole: float = 0.0) -> float:
    """Of an outline, in its own units; pi for a circle of radius 1."""
    return float((radius**2).mean() * math.pi - math.pi * hole**2)


def filled(radius: np.ndarray, rng: np.random.Generator, count: int) -> np.ndarray:
    """[count, 2] points spread evenly inside an outline."""
    step = rng.choice(STEPS, count, p=radius**2 / (radius**2).sum())
    distance = radius[step] * np.sqrt(rng.random(count))
    return np.stack([distance * np.cos(ANGLES[step]), distance * np.sin(ANGLES[step])], 1)


def corrections(radius: np.ndarray) -> np.ndarray:
    """[STEPS] factors that turn the distance to the outline along the radius into the true one, nearly."""
    slope = (np.roll(radius, -1) - np.roll(radius, 1)) / (4 * math.pi / STEPS)
    return np.maximum(1 / np.sqrt(1 + (slope / radius) ** 2), 0.6)  # bounded: beyond a corner the radius is right
