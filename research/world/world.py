"""The tabletop world: scenes with a known edit, rendered in batches on any device.

A scene is 2 or 3 objects of different shape and colour before a background, and one edit of one of them. Everything
an edit does follows from the first picture and the words: "to the left" ends at the left side, "grow" ends at 1.6 times
the size, and so on. Only the pace is free. So each clip has one true finished frame, and success can be measured.

Coordinates are fractions of the picture, x to the right and y down; times are in frames, and may be fractional.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import lru_cache

import torch
import torch.nn.functional as F

SIZE = 128
FRAMES = 33

FAMILIES = (
    "move left",
    "move right",
    "move up",
    "move down",
    "grow",
    "shrink",
    "vanish",
    "recolour",
    "rotate",
    "fall",
    "melt",
    "break",
    "focus",
    "still",
)

COLOURS = {
    "red": (0.86, 0.14, 0.13),
    "orange": (0.95, 0.52, 0.10),
    "yellow": (0.96, 0.86, 0.20),
    "green": (0.16, 0.62, 0.22),
    "teal": (0.10, 0.66, 0.68),
    "blue": (0.15, 0.30, 0.85),
    "purple": (0.52, 0.20, 0.70),
    "pink": (0.96, 0.52, 0.72),
    "white": (0.95, 0.95, 0.94),
    "black": (0.09, 0.09, 0.10),
}
COLOUR_NAMES = tuple(COLOURS)

SHAPES = ("circle", "square", "triangle", "star", "heart", "hexagon", "cross", "diamond", "bar", "teardrop", "ring")
# A quarter turn changes how these look, whatever the direction.
TURNABLE = ("triangle", "heart", "bar", "teardrop")
RING_HOLE = 0.5  # inner radius of the ring, as a fraction of the outer one

GROWN, SHRUNK = 1.6, 0.5
FLAT_WIDTH, FLAT_HEIGHT = 1.5, 0.4
SIDE = 0.17  # where an object that moves to a side comes to rest
FLOOR = 0.90  # the lower edge of an object that has fallen
PIECE_SPREAD, PIECE_TURN = 0.55, 0.45  # radii, radians


@dataclass
class Scenes:
    """A batch of B scenes with O = 3 objects, of which number 0 is the one that the edit is about.

    Angles in radians, clockwise on the screen. `start` and `finish` are frame times: before `start` nothing has begun,
    and from frame `finish` on (a whole number) nothing changes any more.
    """

    family: torch.Tensor  # [B] index into FAMILIES
    shape: torch.Tensor  # [B, O] index into SHAPES
    colour: torch.Tensor  # [B, O] index into COLOURS
    rgb: torch.Tensor  # [B, O, 3] the colour with its variation
    present: torch.Tensor  # [B, O] bool
    centre: torch.Tensor  # [B, O, 2]
    radius: torch.Tensor  # [B, O]
    angle: torch.Tensor  # [B, O]
    target: torch.Tensor  # [B, 2] centre of object 0 when the edit is complete
    target_colour: torch.Tensor  # [B] index into COLOURS, used by "recolour"
    target_rgb: torch.Tensor  # [B, 3]
    turn: torch.Tensor  # [B] angle that "rotate" adds
    start: torch.Tensor  # [B]
    finish: torch.Tensor  # [B]
    blur: torch.Tensor  # [B, 2] Gaussian sigma of the whole picture at the first and last frame, as a fraction of it
    light: torch.Tensor  # [B, 2] unit vector away from the light
    background: torch.Tensor  # [B, 12] uniform random numbers that the background is drawn from
    frames: int

    def __len__(self) -> int:
        return self.family.shape[0]

    def select(self, index: torch.Tensor) -> Scenes:
        """The scenes at `index` (an index or boolean tensor over the batch)."""
        return Scenes(
            **{f.name: v if f.name == "frames" else v[index] for f in fields(self) for v in [getattr(self, f.name)]}
        )

    def to(self, device: torch.device) -> Scenes:
        return Scenes(**{name: v.to(device) if isinstance(v, torch.Tensor) else v for name, v in vars(self).items()})


def _uniform(low: float, high: float, shape: tuple[int, ...], rng: torch.Generator) -> torch.Tensor:
    return torch.rand(shape, generator=rng, device=rng.device) * (high - low) + low


def _distinct(choices: int, batch: int, count: int, rng: torch.Generator) -> torch.Tensor:
    """[batch, count] different numbers below `choices` in each row."""
    return torch.rand((batch, choices), generator=rng, device=rng.device).argsort(1)[:, :count]


def sample_scenes(
    batch: int, rng: torch.Generator, families: tuple[str, ...] = FAMILIES, frames: int = FRAMES, size: int = SIZE
) -> Scenes:
    """Draws scenes with edits of the named families, on the generator's device.

    Args:
        batch: number of scenes; families are dealt round robin, so that each is as frequent as the others.
        rng: the source of all randomness; the same state gives the same scenes on the same device.
        frames: length of the clips, 4n + 1. Shorter clips show the same edits at a faster pace.
        size: picture side in pixels that blur is meant for.
    """
    device = rng.device
    names = [FAMILIES.index(f) for f in families]
    family = torch.tensor(names, device=device)[torch.arange(batch, device=device) % len(names)]

    def is_family(*which: str) -> torch.Tensor:
        return torch.isin(family, torch.tensor([FAMILIES.index(w) for w in which], device=device))

    shape = _distinct(len(SHAPES), batch, 3, rng)
    turnable = torch.tensor([SHAPES.index(s) for s in TURNABLE], device=device)
    chosen = turnable[torch.randint(len(TURNABLE), (batch,), generator=rng, device=device)]
    # A rotating object takes a turnable shape; whoever had that shape takes the one it gives away.
    swapped = torch.where(shape == chosen[:, None], shape[:, :1], shape)
    swapped[:, 0] = chosen
    shape = torch.where(is_family("rotate")[:, None], swapped, shape)

    colour = _distinct(len(COLOURS), batch, 4, rng)  # the fourth is what "recolour" turns to
    palette = torch.tensor(list(COLOURS.values()), device=device)
    rgb = (palette[colour] + _uniform(-0.05, 0.05, (batch, 4, 3), rng)).clamp(0.04, 0.98)

    present = torch.ones((batch, 3), dtype=torch.bool, device=device)
    present[:, 2] = torch.rand(batch, generator=rng, device=device) < 0.6

    radius = _uniform(0.105, 0.15, (batch, 3), rng)
    radius[:, 0] = torch.where(is_family("grow"), radius[:, 0] * 0.86, radius[:, 0])
    radius[:, 0] = torch.where(is_family("shrink"), radius[:, 0] * 1.2, radius[:, 0])
    extent = radius.clone()  # how far the object reaches at any time
    for name, factor in (("grow", GROWN), ("melt", FLAT_WIDTH), ("break", 1.0 + PIECE_SPREAD)):
        extent[:, 0] = torch.where(is_family(name), radius[:, 0] * factor, extent[:, 0])

    centre, target = _layout(batch, is_family, radius, extent, present, rng)

    # Upright or slightly tilted; a bar may lie or stand.
    angle = _uniform(-0.25, 0.25, (batch, 3), rng)
    quarter = torch.randint(4, (batch,), generator=rng, device=device) * (math.pi / 2)
    angle[:, 0] = torch.where(is_family("rotate"), angle[:, 0] + quarter, angle[:, 0])
    clockwise = torch.where(torch.rand(batch, generator=rng, device=device) < 0.5, 1.0, -1.0)

    start = _uniform(0.0, 0.12, (batch,), rng) * (frames - 1)
    finish = (_uniform(0.3, 0.88, (batch,), rng) * (frames - 1)).round()
    # Half of the still scenes start a little soft and clear up at once: what refinement asks for.
    unchanging = is_family("still")
    clearing = unchanging & (torch.rand(batch, generator=rng, device=device) < 0.5)
    start = torch.where(unchanging, 0.0, start)
    finish = torch.where(unchanging, clearing.float() * max(2, round(0.12 * (frames - 1))), finish)

    soft = _uniform(0.6, 1.4, (batch,), rng) / size
    blurred = torch.rand(batch, generator=rng, device=device)
    blur = torch.stack([torch.where((blurred < 0.1) & ~unchanging, soft, 0.0)] * 2, 1)
    slight = torch.stack([clearing * _uniform(0.2, 1.0, (batch,), rng) / size, torch.zeros(batch, device=device)], 1)
    blur = torch.where(unchanging[:, None], slight, blur)
    focus = torch.stack([_uniform(1.8, 4.2, (batch,), rng) / size, torch.zeros(batch, device=device)], 1)
    blur = torch.where(is_family("focus")[:, None], focus, blur)

    light_angle = _uniform(0.15, 0.85, (batch,), rng) * math.pi  # shines from above
    return Scenes(
        family=family,
        shape=shape,
        colour=colour[:, :3],
        rgb=rgb[:, :3],
        present=present,
        centre=centre,
        radius=radius,
        angle=angle,
        target=target,
        target_colour=colour[:, 3],
        target_rgb=rgb[:, 3],
        turn=clockwise * (math.pi / 2),
        start=start,
        finish=finish,
        blur=blur,
        light=torch.stack([light_angle.cos(), light_angle.sin()], 1),
        background=_uniform(0.0, 1.0, (batch, 12), rng),
        frames=frames,
    )


def _layout(batch, is_family, radius, extent, present, rng, candidates: int = 64):
    """Centres [B, 3, 2] and the target of object 0 [B, 2], with all objects apart before and after the edit."""
    device = rng.device
    margin = extent[:, None, :, None] + 0.02
    centre = torch.rand((batch, candidates, 3, 2), generator=rng, device=device) * (1 - 2 * margin) + margin
    first = centre[:, :, 0].clone()  # [B, K, 2]
    far = torch.rand((batch, candidates), generator=rng, device=device)
    # An object that travels starts far enough from where it will rest for the travel to show.
    for name, axis, low, high in (
        ("move left", 0, 0.48, 0.85),
        ("move right", 0, 0.15, 0.52),
        ("move up", 1, 0.48, 0.85),
        ("move down", 1, 0.15, 0.52),
        ("fall", 1, 0.15, 0.42),
    ):
        inside = (low + far * (high - low)).clamp(0.13, 0.87)
        first[..., axis] = torch.where(is_family(name)[:, None], inside, first[..., axis])
    centre[:, :, 0] = first

    target = first.clone()
    for name, axis, value in (
        ("move left", 0, SIDE),
        ("move right", 0, 1 - SIDE),
        ("move up", 1, SIDE),
        ("move down", 1, 1 - SIDE),
    ):
        target[..., axis] = torch.where(is_family(name)[:, None], value, target[..., axis])
    landed = (FLOOR - radius[:, :1]).expand(-1, candidates)
    target[..., 1] = torch.where(is_family("fall")[:, None], landed, target[..., 1])

    def gap(a, b, reach):  # [B, K]
        return (a - b).norm(dim=-1) - reach[:, None]

    clearance = torch.full((batch, candidates), 1.0, device=device)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        reach = extent[:, i] + extent[:, j] + 0.02
        gaps = [gap(centre[:, :, i], centre[:, :, j], reach)]
        if i == 0:
            gaps.append(gap(target, centre[:, :, j], reach))
        both = (present[:, i] & present[:, j])[:, None]
        clearance = torch.where(both, torch.stack([clearance, *gaps]).amin(0), clearance)
    # The first candidate with room, or else the roomiest.
    best = (clearance.clamp(max=0.0) - 1e-6 * torch.arange(candidates, device=device)).argmax(1)
    rows = torch.arange(batch, device=device)
    return centre[rows, best], target[rows, best]


@lru_cache
def _radial_tables(device: torch.device, steps: int = 720) -> tuple[torch.Tensor, torch.Tensor]:
    """Every shape as a radius over the angle [S, steps], and the factor that turns radial into true distance."""
    theta = torch.arange(steps, dtype=torch.float64) * (2 * math.pi / steps)  # clockwise from the right

    def polygon(corners: int, turned: float) -> torch.Tensor:
        sector = 2 * math.pi / corners
        local = torch.remainder(theta - turned, sector) - sector / 2
        return math.cos(sector / 2) / local.cos()

    def from_outline(points: torch.Tensor) -> torch.Tensor:
        # points [N, 2] along a closed star-shaped outline -> radius at each theta, the largest distance being 1
        angles = torch.remainder(torch.atan2(points[:, 1], points[:, 0]), 2 * math.pi)
        order = angles.argsort()
        angles, distance = angles[order], points.norm(dim=1)[order]
        angles = torch.cat([angles[-1:] - 2 * math.pi, angles, angles[:1] + 2 * math.pi])
        distance = torch.cat([distance[-1:], distance, distance[:1]])
        right = torch.searchsorted(angles, theta).clamp(1, len(angles) - 1)
        span = (angles[right] - angles[right - 1]).clamp(min=1e-9)
        weight = (theta - angles[right - 1]) / span
        radius = distance[right - 1] * (1 - weight) + distance[right] * weight
        return radius / radius.max()

    def outline(corners: list[tuple[float, float]]) -> torch.Tensor:
        points = torch.tensor(corners, dtype=torch.float64)
        weight = torch.linspace(0, 1, 64, dtype=torch.float64)[:-1, None]
        return torch.cat([a + (b - a) * weight for a, b in zip(points, points.roll(-1, 0), strict=True)])

    def star() -> torch.Tensor:
        corners = []
        for k in range(10):
            radius, at = (1.0, 0.5)[k % 2], -math.pi / 2 + k * math.pi / 5
            corners.append((radius * math.cos(at), radius * math.sin(at)))
        return from_outline(outline(corners))

    t = torch.linspace(0, 2 * math.pi, 721, dtype=torch.float64)[:-1]
    heart = torch.stack(
        [16 * t.sin() ** 3, -(13 * t.cos() - 5 * (2 * t).cos() - 2 * (3 * t).cos() - (4 * t).cos()) - 1.5], 1
    )
    drop = torch.stack([0.62 * t.sin() * (t / 2).sin() ** 1.2, 0.95 * -t.cos() + 0.12], 1)
    third = 0.36
    cross = outline(
        [
            (-third, -1),
            (third, -1),
            (third, -third),
            (1, -third),
            (1, third),
            (third, third),
            (third, 1),
            (-third, 1),
            (-third, third),
            (-1, third),
            (-1, -third),
            (-third, -third),
        ]
    )
    tables = {
        "circle": torch.full_like(theta, 0.95),
        "square": polygon(4, 0.0) * 1.1,
        "triangle": polygon(3, -math.pi / 2) * 1.15,
        "star": star() * 1.12,
        "heart": from_outline(heart) * 1.1,
        "hexagon": polygon(6, 0.0) * 1.03,
        "cross": from_outline(cross) * 1.1,
        "diamond": from_outline(outline([(0, -1.12), (0.72, 0), (0, 1.12), (-0.72, 0)])) * 1.12,
        "bar": from_outline(outline([(-1, -0.38), (1, -0.38), (1, 0.38), (-1, 0.38)])) * 1.15,
        "teardrop": from_outline(drop) * 1.15,
        "ring": torch.full_like(theta, 1.0),
    }
    # "square" above stands on a corner; an upright square is what people draw.
    tables["square"] = tables["square"].roll(steps // 8)
    radius = torch.stack([tables[s] for s in SHAPES])
    slope = (radius.roll(-1, 1) - radius.roll(1, 1)) / (2 * 2 * math.pi / steps)
    # Bounded, because beyond a sharp corner the radial distance is the true one.
    correction = (1 / (1 + (slope / radius) ** 2).sqrt()).clamp(min=0.6)
    return radius.float().to(device), correction.float().to(device)


def _ease(p: torch.Tensor) -> torch.Tensor:
    return p * p * (3 - 2 * p)


def _background(scenes: Scenes, xs: torch.Tensor, ys: torch.Tensor) -> torch.Tensor:
    """[B, 3, H, W]: a wall and a table in quiet colours, with a quiet pattern."""
    u = scenes.background[:, :, None, None]  # [B, 12, 1, 1]

    def quiet(hue, saturation, value):  # -> [B, 3, 1, 1]
        k = torch.stack([(5 + hue * 6) % 6, (3 + hue * 6) % 6, (1 + hue * 6) % 6], 1)
        return value[:, None] * (1 - saturation[:, None] * torch.minimum(k, 4 - k).clamp(0, 1))

    wall = quiet(u[:, 0], 0.05 + 0.3 * u[:, 1], 0.42 + 0.38 * u[:, 2])
    table = quiet(u[:, 3], 0.05 + 0.3 * u[:, 4], 0.42 + 0.38 * u[:, 5])
    horizon = 0.3 + 0.35 * u[:, 6]
    plain = u[:, 7] < 0.25
    below = torch.where(plain, torch.ones_like(ys), torch.sigmoid((ys - horizon) * 150))[:, None]  # [B, 1, H, W]

    kind, scale, phase = u[:, 8], 5 + 5 * u[:, 9], 6.28 * u[:, 10]
    stripes = torch.sin(xs * scale * 6.28 / 2 + phase)
    planks = torch.sin(ys * scale * 6.28 / 1.5 + phase)
    tiles = torch.sin(xs * scale * 3.14 + phase) * torch.sin(ys * scale * 3.14 + phase)
    pattern = torch.where(
        kind < 0.3,
        torch.zeros_like(tiles),
        torch.where(kind < 0.55, stripes, torch.where(kind < 0.8, planks, (tiles * 4).tanh())),
    )
    lit = 1 + 0.035 * pattern[:, None] + 0.10 * (0.5 - ys) + 0.10 * (u[:, 11:12] - 0.5) * (xs - 0.5)
    return (wall * (1 - below) + table * below) * lit


def _states(scenes: Scenes, times: torch.Tensor) -> list[dict[str, torch.Tensor]]:
    """What is drawn at times [B, T], back to front: one dict per object or piece, with [B, T] values.

    The two objects that the edit leaves alone come first, with [B, 1] values.
    """
    span = (scenes.finish - scenes.start).clamp(min=1e-3)[:, None]
    linear = ((times - scenes.start[:, None]) / span).clamp(0, 1)
    progress = _ease(linear)  # [B, T]

    def during(name: str) -> torch.Tensor:
        return (scenes.family == FAMILIES.index(name)).float()[:, None]

    drawn = []
    for o in (2, 1):
        one = torch.ones_like(scenes.radius[:, :1])
        drawn.append(
            {
                "x": scenes.centre[:, o, :1],
                "y": scenes.centre[:, o, 1:],
                "radius": scenes.radius[:, o, None],
                "wide": one,
                "high": one,
                "angle": scenes.angle[:, o, None],
                "alpha": scenes.present[:, o, None] * one,
                "rgb": scenes.rgb[:, o, :, None],
                "shape": scenes.shape[:, o],
                "piece": None,
            }
        )
    travel = torch.where(scenes.family[:, None] == FAMILIES.index("fall"), linear**2, progress)
    melting = during("melt") * progress
    high = 1 - (1 - FLAT_HEIGHT) * melting
    radius = scenes.radius[:, :1] * (
        1 + (GROWN - 1) * during("grow") * progress - (1 - SHRUNK) * during("shrink") * progress
    )
    recolour = (during("recolour") * progress)[:, None]
    hero = {
        "x": scenes.centre[:, 0, :1] + (scenes.target - scenes.centre[:, 0])[:, :1] * travel,
        "y": scenes.centre[:, 0, 1:] + (scenes.target - scenes.centre[:, 0])[:, 1:] * travel + radius * (1 - high),
        "radius": radius,
        "wide": 1 + (FLAT_WIDTH - 1) * melting,
        "high": high,
        "angle": scenes.angle[:, :1] + scenes.turn[:, None] * during("rotate") * progress,
        "alpha": 1 - during("vanish") * progress,
        "shape": scenes.shape[:, 0],
        "piece": None,
        "rgb": scenes.rgb[:, 0, :, None] * (1 - recolour) + scenes.target_rgb[:, :, None] * recolour,
    }
    if not bool((scenes.family == FAMILIES.index("break")).any()):
        return [*drawn, hero]
    apart = during("break") * (1 - (1 - linear) ** 2)  # bursts, then slows down
    for k, (px, py, turned) in enumerate(((1, 1, 1), (-1, 1, -1), (-1, -1, 1), (1, -1, -1))):
        drawn.append(
            hero
            | {
                "x": hero["x"] + 0.71 * px * PIECE_SPREAD * radius * apart,
                "y": hero["y"] + 0.71 * py * PIECE_SPREAD * radius * apart,
                "angle": hero["angle"] + turned * PIECE_TURN * apart,
                "piece": (k, turned * PIECE_TURN * apart),
                "apart": apart,
            }
        )
    return drawn


def _draw(scenes: Scenes, times: torch.Tensor, size: int, tables) -> tuple[torch.Tensor, torch.Tensor]:
    """Sharp pictures [B, T, 3, H, W] at times [B, T], and the coverage [B, T, H, W] of the edited object."""
    device = times.device
    at = (torch.arange(size, device=device) + 0.5) / size
    ys, xs = at[None, :, None], at[None, None, :]
    batch, steps = times.shape
    picture = _background(scenes, xs, ys)[:, None]  # [B, 1, 3, H, W] until something moves
    coverage = torch.zeros((batch, steps, size, size), device=device)
    xs, ys = xs[None], ys[None]  # [1, 1, 1, W], [1, 1, H, 1]
    light = scenes.light[:, :, None, None, None]  # [B, 2, 1, 1, 1]
    pixel = 1.0 / size
    radii, corrections = tables
    table_steps = radii.shape[1]

    def distance(state, shift_x=0.0, shift_y=0.0):
        """Signed distance [B, T, H, W] to the outline, in picture widths, and the position in radii."""
        r, wide, high = (state[k][..., None, None] for k in ("radius", "wide", "high"))
        dx = (xs - shift_x - state["x"][..., None, None]) / r
        dy = (ys - shift_y - state["y"][..., None, None]) / r
        ux, uy = dx / wide, dy / high
        away = (ux * ux + uy * uy).sqrt().clamp(min=1e-4)
        turned = (torch.atan2(uy, ux) - state["angle"][..., None, None]) / (2 * math.pi)
        slot = ((turned - turned.floor()) * table_steps).long().clamp(max=table_steps - 1)
        slot = slot + (state["shape"] * table_steps)[:, None, None, None]
        edge = away - radii.flatten()[slot]
        ring = (state["shape"] == SHAPES.index("ring"))[:, None, None, None]
        edge = torch.where(ring, torch.maximum(edge, RING_HOLE - away), edge * corrections.flatten()[slot])
        # A step along the outline's normal in squeezed space is this long on the screen.
        stretch = away / ((ux / wide) ** 2 + (uy / high) ** 2).sqrt().clamp(min=1e-4)
        if state["piece"] is not None:
            quarter, turn = state["piece"]
            c, s = turn.cos()[..., None, None], turn.sin()[..., None, None]
            lx, ly = c * dx + s * dy, -s * dx + c * dy  # the piece in its own frame
            px, py = ((1, 1), (-1, 1), (-1, -1), (1, -1))[quarter]
            cut = torch.maximum(-px * lx, -py * ly) - pixel / r  # overlaps by a pixel, so that no seam shows
            whole = (state["apart"] <= 0)[..., None, None]
            cut = torch.where(whole, torch.full_like(cut, -1.0), cut)
            edge = torch.maximum(edge, cut)
        return edge * stretch * r, dx, dy, r

    for index, state in enumerate(_states(scenes, times)):
        alpha = state["alpha"][..., None, None]
        shadow, *_ = distance(state, shift_x=0.02 * light[:, 0], shift_y=0.03)
        dark = 0.32 * alpha * torch.sigmoid(-(shadow / (2.2 * pixel)))
        if state["piece"] is not None and state["piece"][0] > 0:  # what is still whole has one shadow
            dark = torch.where((state["apart"] > 0)[..., None, None], dark, torch.zeros_like(dark))
        picture = picture * (1 - dark[:, :, None])
        edge, dx, dy, r = distance(state)
        cover = alpha * (0.5 - edge / pixel).clamp(0, 1)
        lit = 0.86 - 0.24 * (dx * light[:, 0] + dy * light[:, 1])
        lit = lit * (1 - 0.22 * torch.exp(-((edge / (0.10 * r)) ** 2)))
        shine = 0.35 * torch.exp(-((dx + 0.42 * light[:, 0]) ** 2 + (dy + 0.42 * light[:, 1]) ** 2) / 0.045)
        body = state["rgb"].movedim(1, 2)[..., None, None] * lit[:, :, None] + shine[:, :, None]
        picture = picture + cover[:, :, None] * (body - picture)
        if index >= 2:
            coverage = torch.maximum(coverage, cover)
    return picture.clamp(0, 1), coverage


def gaussian_blur(frames: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """Blurs frames [N, 3, H, W], each by its own sigma [N] in pixels."""
    reach = 13
    offset = torch.arange(-reach, reach + 1, device=frames.device, dtype=frames.dtype)
    kernel = torch.exp(-0.5 * (offset / sigma.clamp(min=1e-3)[:, None]) ** 2)
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(3, 0)  # [3N, K]
    flat = frames.reshape(1, -1, *frames.shape[2:])
    flat = F.pad(flat, (reach,) * 4, mode="replicate")
    flat = F.conv2d(flat, kernel[:, None, None, :], groups=kernel.shape[0])
    flat = F.conv2d(flat, kernel[:, None, :, None], groups=kernel.shape[0])
    return flat.reshape(frames.shape)


@dataclass
class Clips:
    """Rendered scenes and their ground truth.

    frames: [B, T, 3, H, W] in 0..1. coverage: [B, T, H, W] how much of a pixel the edited object covers, in 0..1.
    finish: [B] the first frame in which the edit is complete; `frames[b, finish[b]]` is the finished frame.
    """

    frames: torch.Tensor
    coverage: torch.Tensor
    finish: torch.Tensor


def render(
    scenes: Scenes,
    size: int = SIZE,
    times: torch.Tensor | None = None,
    shutter: float = 0.7,
    exposures: int = 4,
    chunk: int = 8,
) -> Clips:
    """Renders scenes on the device that they are on.

    Args:
        times: [T] frame numbers to render; all of the clip if None.
        shutter: how much of a frame's time the shutter is open; makes motion blur.
        exposures: pictures averaged for one frame with motion.
        chunk: scenes rendered at a time, bounds memory.
    """
    device = scenes.family.device
    tables = _radial_tables(device)
    if times is None:
        times = torch.arange(scenes.frames, device=device)
    times = times.float()
    frames, coverage = [], []
    breaking = scenes.family == FAMILIES.index("break")
    # Breaking scenes draw more parts, so they go together.
    order = breaking.long().argsort(stable=True)
    for index in order.split(chunk):
        part = scenes.select(index)
        shape = (len(part), len(times))
        # The exposures of a frame end at its own time, so that the finished frame is sharp.
        open_at = torch.arange(exposures, device=device) * (-shutter / exposures)
        exposed = (times[:, None] + open_at).flatten().expand(len(part), -1)
        picture, cover = _draw(part, exposed, size, tables)
        picture = picture.unflatten(1, (-1, exposures)).mean(2)
        cover = cover.unflatten(1, (-1, exposures)).amax(2)
        # Blur fades out until the edit is complete, or stays as it is.
        span = (part.finish - part.start).clamp(min=1e-3)[:, None]
        progress = ((times[None] - part.start[:, None]) / span).clamp(0, 1)
        sigma = (part.blur[:, :1] + (part.blur[:, 1:] - part.blur[:, :1]) * progress) * size  # [B, T]
        soft = sigma > 0.05
        if bool(soft.any()):
            flat = picture.flatten(0, 1).clone()
            flat[soft.flatten()] = gaussian_blur(flat[soft.flatten()], sigma[soft])
            picture = flat.unflatten(0, shape)
        frames.append(picture)
        coverage.append(cover)
    back = order.argsort()
    return Clips(torch.cat(frames)[back], torch.cat(coverage)[back], scenes.finish.long())
