"""The valid end of a scene that is nearest to a picture, where picture and words leave some of it open."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage

from . import families, outlines
from .drawing import render
from .families import Thing
from .matter import Matter, count_half_covered, find_matter, palettes, soften
from .scenes import Part, Scene, frozen, still

SLACK = 0.06  # in radii, of the spread
LEAST_SPREAD = 1.385  # shards and drops farther than this have gone more than half of their way, see HALF_SPREAD
AREA = 0.08  # by which matter may differ
FAR_FROM = 0.25  # of area or spread, by which no measuring is wrong
DROP_AREA = 0.06  # drops are fitted, and known better
SHARDS, DROPS = (3, 7), (7, 11)
TOUCHING = 0.78  # of two drops' radii, between their middles; they are at least 0.9 of them apart
MISFIT = 0.07  # mean difference in a small window, of drops that are not quite right
LEAST_DROP = 0.1  # of the hero's radius
CELLS = 3  # pieces more than shards: a shard of a star or a ring can be in two
PUDDLE_AREA = 0.15
HALF_COVERED = 1.55  # times as many pixels as along the edge of one that is whole
WAVES = families.PUDDLE_WAVES
WAVINESS = families.PUDDLE_STRENGTH * 2 / WAVES


@dataclass
class End:
    """A valid end [3, H, W], the free numbers that give it, and a word for what keeps it from being valid, if any."""

    picture: torch.Tensor
    flaw: str = ""
    free: dict = field(default_factory=dict)


def hero_of(scene: Scene) -> Thing:
    """The scene's hero as the first picture shows it."""
    part = next(part for part in scene.parts if part.hero)
    return thing_of(part, scene.told["shape"], scene.told["color"])


def thing_of(part: Part, shape: str = "", color: str = "") -> Thing:
    x, y, radius, angle = (float(part.tracks[name].values[0]) for name in ("x", "y", "size", "angle"))
    return Thing(shape, color, part.tracks["rgb"].values[0], x, y, radius, angle, part.texture)


def changed(part: Part, values: dict, **fields) -> Part:
    """A part with other constant values of tracks, and other fields."""
    return replace(part, tracks={**part.tracks, **{name: still(value) for name, value in values.items()}}, **fields)


class Finder:
    """Finds the nearest valid ends of scenes with free outcomes.

    Args:
        scenes: of equal length. empty: [B, 3, H, W] their last frames without the hero. truth: those with it.
    """

    def __init__(self, scenes: Sequence[Scene], empty: torch.Tensor, truth: torch.Tensor) -> None:
        self.scenes, self.empty, self.truth = list(scenes), empty, truth
        self.size, self.device = empty.shape[-1], empty.device
        self.ended = [frozen(scene, scene.frames - 1) for scene in scenes]
        self.heroes = [hero_of(scene) for scene in scenes]
        self.many = [b for b, scene in enumerate(scenes) if scene.family in ("shatter", "burst", "spill")]
        if self.many:
            self.palettes = dict(zip(self.many, palettes([scenes[b] for b in self.many], self.size), strict=True))
            # What measuring makes of an end that is known: the same is asked of every other.
            known = {b: self._matter(b, soften(truth[b : b + 1], 0.7)[0].cpu()) for b in self.many}
            self.areas = {b: matter.mask.sum() for b, matter in known.items()}

    def find(self, pictures: torch.Tensor) -> list[End]:
        """The ends for pictures [B, 3, H, W]."""
        found: dict[int, End] = {}
        ends = self._search(pictures)
        for b in self.many:
            matter = self._matter(b, pictures[b].cpu())
            find = {"shatter": self._shards, "burst": self._drops, "spill": self._puddle}[self.scenes[b].family]
            found[b] = find(b, matter, pictures[b])
        return [found.get(b) or ends[b] for b in range(len(pictures))]

    def _matter(self, b: int, picture: torch.Tensor) -> Matter:
        return find_matter(picture, self.empty[b].cpu(), self.palettes[b], self.scenes[b])

    def _render(self, scenes: Sequence[Scene], size: int | None = None) -> torch.Tensor:
        return render(scenes, size or self.size, [0], self.device, exposures=1).frames[:, 0]

    def _with_hero(self, b: int, parts: list[Part]) -> Scene:
        """The ended scene with other parts as its hero."""
        return replace(self.ended[b], parts=[part for part in self.ended[b].parts if not part.hero] + parts)

    # --- a few numbers ------------------------------------------------------------------------------------------

    def _search(self, pictures: torch.Tensor) -> dict[int, End]:
        """The ends of the scenes with few free numbers: a search that is coarse first."""
        best: dict[int, tuple] = {}
        trials = {b: self._starts(b, pictures[b]) for b in range(len(pictures)) if b not in self.many}
        for size, step, rounds in ((64, 0.0, 1), (96, 1.5, 3), (192, 0.7, 2), (192, 0.35, 1)):
            size = min(round(size * self.size / 192), self.size)
            small = F.interpolate(pictures, (size, size), mode="area")
            scores: dict[tuple, float] = {}
            for _ in range(rounds):
                if step:
                    trials = {b: self._around(b, numbers, step) for b, numbers in best.items()}
                asked = [(b, one) for b, some in trials.items() for one in some if (size, b, one) not in scores]
                if not asked:
                    break
                drawn = self._render([self._end(b, numbers) for b, numbers in asked], size)
                errors = (drawn - small[[b for b, _ in asked]]).square().mean((1, 2, 3)).tolist()
                scores |= {(size, *key): error for key, error in zip(asked, errors, strict=True)}
                best = {b: min(some, key=lambda one: scores[size, b, one]) for b, some in trials.items()}
        if not best:
            return {}
        clips = render([self._end(b, numbers) for b, numbers in best.items()], self.size, [0], self.device, exposures=1)
        ends = {}
        for (b, numbers), drawn, cover in zip(best.items(), clips.frames[:, 0], clips.coverage[:, 0], strict=True):
            # Two near ends at once; what turns has stripes a little aside, which look half covered.
            twice = self.scenes[b].family == "away" and self._edge_length(b, pictures[b], drawn, cover) > HALF_COVERED
            ends[b] = End(drawn, "edges" if twice else "", self._free(b, numbers))
        return ends

    def _edge_length(self, b: int, picture: torch.Tensor, drawn: torch.Tensor, cover: torch.Tensor) -> float:
        """How many times as many pixels show half of the hero as along the edge of a valid end."""
        shown = torch.stack([picture, drawn]).cpu()
        half, its = count_half_covered(shown, self.empty[b].cpu(), cover.cpu().numpy())
        return half / max(its, 1)

    def _starts(self, b: int, picture: torch.Tensor) -> list[tuple]:
        """Free numbers to begin with, spread over all that are valid."""
        scene, hero = self.scenes[b], self.heroes[b]
        if scene.family == "one of":
            return [(k,) for k in range(int(scene.told["alike"]))]
        if scene.family == "tip over":
            return list(itertools.product((-1, 1), np.linspace(0, 0.5, 6).tolist()))
        if scene.family == "roll":
            return [(x,) for x in np.linspace(0, 1, 41).tolist() if self._valid(b, (x,))]
        # Away: where there is most that the empty scene has not.
        matter = (picture - self.empty[b]).abs().amax(0).cpu().numpy()
        density = ndimage.gaussian_filter(matter, hero.radius * self.size / 2)
        grid = (np.arange(2, self.size, 4) + 0.5) / self.size
        places = [(x, y) for x in grid.tolist() for y in grid.tolist() if self._valid(b, (x, y))]
        places.sort(key=lambda at: -density[int(at[1] * self.size), int(at[0] * self.size)])
        return places[:12]

    def _valid(self, b: int, numbers: tuple) -> bool:
        scene, hero = self.scenes[b], self.heroes[b]
        if scene.family == "tip over":
            return 0 <= numbers[1] <= 0.5
        if scene.family == "roll":
            return families.may_have_rolled(hero, numbers[0])
        others = [thing_of(part) for part in scene.parts if not part.hero]
        return families.may_be_at([hero, *others], *numbers)

    def _around(self, b: int, numbers: tuple, pixels: float) -> list[tuple]:
        """Valid numbers a step of so many pixels from some, and these."""
        family, step = self.scenes[b].family, pixels / 192
        if family == "one of":
            return [numbers]
        steps = [(0.0, step / self.heroes[b].radius)] if family == "tip over" else np.eye(len(numbers)) * step
        moved = [tuple(n + sign * s for n, s in zip(numbers, one, strict=True)) for one in steps for sign in (-1, 1)]
        if family == "tip over":
            moved = [(side, min(max(slid, 0.0), 0.5)) for side, slid in moved]
        return [numbers, *(one for one in moved if self._valid(b, one))]

    def _end(self, b: int, numbers: tuple) -> Scene:
        """The ended scene with such free numbers."""
        scene, ended, hero = self.scenes[b], self.ended[b], self.heroes[b]
        if scene.family == "one of":
            alike = ended.parts[-int(scene.told["alike"]) :]
            gone = [changed(part, {"alpha": float(k != numbers[0])}) for k, part in enumerate(alike)]
            return replace(ended, parts=ended.parts[: -len(alike)] + gone)
        if scene.family == "tip over":
            x, y, angle = families.tipped(hero, "right" if numbers[0] > 0 else "left", numbers[1])
        elif scene.family == "roll":
            x, y, angle = families.rolled(hero, numbers[0])
        else:
            x, y, angle = (*numbers, hero.angle)
        part = next(part for part in ended.parts if part.hero)
        return self._with_hero(b, [changed(part, {"x": x, "y": y, "angle": angle})])

    def _free(self, b: int, numbers: tuple) -> dict:
        family = self.scenes[b].family
        if family == "tip over":
            return {"side": "right" if numbers[0] > 0 else "left", "slid": numbers[1]}
        return dict(zip({"one of": ("gone",), "roll": ("x",), "away": ("x", "y")}[family], numbers, strict=True))

    # --- many numbers -------------------------------------------------------------------------------------------

    def _flaw_of_area(self, b: int, matter: Matter, allowed: float) -> str:
        return "matter" if abs(matter.mask.sum() / max(self.areas[b], 1) - 1) > allowed else ""

    def _spread_of(self, b: int, mask: np.ndarray) -> float:
        """Root mean square distance of matter from where the hero's middle was, in radii."""
        hero = self.heroes[b]
        at = (np.argwhere(mask) + 0.5) / self.size - (hero.y, hero.x)
        return math.sqrt((at**2).sum(1).mean()) / hero.radius if len(at) else 0.0

    def _shards(self, b: int, matter: Matter, picture: torch.Tensor) -> End:
        pieces = int(ndimage.label(matter.mask)[1])
        spread = self._spread_of(b, matter.mask)
        flaw = self._flaw_of_area(b, matter, AREA)
        if not SHARDS[0] <= pieces <= SHARDS[1] + CELLS:
            flaw = flaw or "pieces"
        if not LEAST_SPREAD <= spread <= families.SPREAD[1] + 2 * SLACK:
            flaw = flaw or "spread"
        return End(matter.rebuilt.to(self.device), flaw, {"pieces": pieces, "spread": spread})

    def _drops(self, b: int, matter: Matter, picture: torch.Tensor) -> End:
        """Drops are circles: found where matter is thickest, then fitted by drawing them."""
        hero = self.heroes[b]
        if self._flaw_of_area(b, matter, FAR_FROM):  # then fitting takes long, and is no use
            return End(matter.rebuilt.to(self.device), "matter")
        spread = self._spread_of(b, matter.mask)
        if spread < LEAST_SPREAD - FAR_FROM:
            return End(matter.rebuilt.to(self.device), "spread", {"spread": spread})
        drops = _find_circles(matter.mask, 1.6 * self.size / 192) / self.size
        if not 3 <= len(drops) <= 2 * DROPS[1]:
            return End(matter.rebuilt.to(self.device), "pieces", {"pieces": len(drops)})
        for _ in range(2):  # what was found twice goes, what was hidden by its neighbor comes
            drops = _apart(self._fit_drops(b, drops, picture), hero.radius)
            missed = _find_circles(_beside(matter.mask, drops * self.size), 1.6 * self.size / 192) / self.size
            drops = _apart(np.concatenate([drops, missed]), hero.radius)
        drops = self._try_other_counts(b, _apart(self._fit_drops(b, drops, picture), hero.radius), picture)
        if not len(drops):
            return End(matter.rebuilt.to(self.device), "pieces", {"pieces": 0})
        drawn = self._draw_drops(b, [drops])[0]
        ways = drops[:, :2] - (hero.x, hero.y)
        area = (drops[:, 2] ** 2).sum()
        spread = math.sqrt((drops[:, 2] ** 2 * ((ways**2).sum(1) + drops[:, 2] ** 2 / 2)).sum() / area) / hero.radius
        hole = outlines.RING_HOLE if hero.shape == "ring" else 0.0
        area /= outlines.area(outlines.outline(hero.shape), hole) / math.pi * hero.radius**2
        flaw = ""
        if abs(area - 1) > DROP_AREA:
            flaw = "matter"
        elif not DROPS[0] <= len(drops) <= DROPS[1]:
            flaw = "pieces"
        elif not LEAST_SPREAD <= spread <= families.SPREAD[1] + SLACK:
            flaw = "spread"
        return End(drawn, flaw, {"pieces": len(drops), "spread": spread, "area": area})

    def _draw_drops(self, b: int, sets: Sequence[np.ndarray]) -> torch.Tensor:
        """[N, 3, H, W] of N sets of drops [K, 3]: x, y and radius."""
        drop = self.ended[b].parts[-1]
        scenes = [
            self._with_hero(b, [changed(drop, {"x": float(x), "y": float(y), "size": float(r)}) for x, y, r in drops])
            for drops in sets
        ]
        return self._render(scenes)

    def _fit_drops(self, b: int, drops: np.ndarray, picture: torch.Tensor) -> np.ndarray:
        """The drops [K, 3] whose picture is nearest, by Gauss-Newton for each.

        How a picture changes with a drop follows from its edge, nearly: light and shadow go with it.
        """
        at = ((torch.arange(self.size, device=self.device) + 0.5) / self.size).double()
        most, sigma = 1.5 / self.size, math.hypot(0.7, 0.3) / self.size
        picture, empty, drops = soften(picture[None], 0.7), self.empty[b].double(), drops.copy()
        for _ in range(2):
            drawn = soften(self._draw_drops(b, [drops]), 0.7)
            left = (picture - drawn)[0].double()
            for k, (x, y, r) in enumerate(drops):
                away_x, away_y = (at[None] - x).expand(self.size, -1), (at[:, None] - y).expand(-1, self.size)
                away = torch.hypot(away_x, away_y).clamp(min=1e-6)
                near = away < r + 2.5 / self.size
                inside = away < max(r - 1.5 * sigma, 0.5 / self.size, away.min() + 1e-9)
                color = drawn[0, :, inside].mean(1, dtype=torch.double)[:, None] - empty[:, near]
                edge = torch.exp(-0.5 * ((away[near] - r) / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi))
                ways = torch.stack([away_x[near] / away[near], away_y[near] / away[near], torch.ones_like(edge)])
                matrix, rest = (ways[:, None] * (color * edge)).flatten(1), left[:, near].flatten()
                square = matrix @ matrix.T
                square += (1e-3 * square.trace() + 1e-9) * torch.eye(3, device=square.device)
                drops[k] += torch.linalg.solve(square, matrix @ rest).clamp(-most, most).cpu().numpy()
            drops[:, 2] = drops[:, 2].clip(0.5 / self.size)
        return drops

    def _try_other_counts(self, b: int, drops: np.ndarray, picture: torch.Tensor) -> np.ndarray:
        """The drops, or if they fit badly, ones with one more where they do, or without one that touches another."""
        size, radius = self.size, self.heroes[b].radius
        if not len(drops):
            return drops
        for _ in range(2):
            left = (picture - self._draw_drops(b, [drops])[0]).abs().amax(0).cpu().numpy()
            left = ndimage.uniform_filter(left, max(3, round(7 * size / 192)))
            wrong = (left > MISFIT).sum()
            if not 0 < wrong < 2 * math.pi * (0.5 * radius * size) ** 2:  # well, or not for one drop's sake
                break
            row, column = np.unravel_index(left.argmax(), left.shape)
            new = ((column + 0.5) / size, (row + 0.5) / size, 0.25 * radius)
            sets = [np.concatenate([drops, [new]])]
            for k, (x, y, r) in enumerate(drops):
                rest = np.delete(drops, k, 0)
                if (np.hypot(rest[:, 0] - x, rest[:, 1] - y) < rest[:, 2] + r).any():
                    sets.append(rest)
            tried = [self._fit_drops(b, self._fit_drops(b, one, picture), picture) for one in sets[:5]]
            errors = (self._draw_drops(b, [drops, *tried]) - picture).square().mean((1, 2, 3)).tolist()
            best = int(np.argmin(errors))
            if errors[best] > 0.9 * errors[0]:
                break
            drops = tried[best - 1]
        while DROPS[1] < len(drops) <= DROPS[1] + 3:  # those that explain least were none
            sets = [np.delete(drops, k, 0) for k in range(len(drops))]
            errors = (self._draw_drops(b, sets) - picture).square().mean((1, 2, 3))
            drops = self._fit_drops(b, sets[int(errors.argmin())], picture)
        return drops

    def _puddle(self, b: int, matter: Matter, picture: torch.Tensor) -> End:
        """A puddle is waves around a flat circle: fitted to its outline, then drawn as large and low as it must be."""
        # Stripes may look like the ground's shadow: what they divide is closed.
        closed = ndimage.binary_closing(matter.mask, iterations=4) | matter.mask
        pieces, count = ndimage.label(closed)
        if not count:
            return End(matter.rebuilt.to(self.device), "matter")
        sizes = np.bincount(pieces.ravel())[1:]
        flaw = self._flaw_of_area(b, matter, PUDDLE_AREA)
        if sizes.max() < 0.93 * sizes.sum():
            flaw = flaw or "pieces"
        if flaw:
            return End(matter.rebuilt.to(self.device), flaw)
        opacity = np.where(pieces == sizes.argmax() + 1, np.where(closed & ~matter.mask, 1.0, matter.opacity), 0)
        flat = [_fit_puddle(opacity, wide) for wide in np.linspace(*families.PUDDLE_WIDE, 5)]
        misfit, wide, (x, _), cosine, sine = min(flat, key=lambda one: one[0])
        numbers = self._fit_puddle(b, np.array([x, wide, *cosine, *sine]), picture)
        clips = render([self._puddle_scene(b, numbers)], self.size, [0], self.device, exposures=1)
        drawn = clips.frames[0, 0]
        edges = self._edge_length(b, picture, drawn, clips.coverage[0, 0])
        free = {"x": numbers[0], "wide": numbers[1], "misfit": misfit, "edges": edges}
        return End(drawn, "edges" if edges > HALF_COVERED else "", free)

    def _puddle_scene(self, b: int, numbers: np.ndarray) -> Scene:
        """The end with a puddle: x, width, cosines and sines of the waves. As large and low as it has to be."""
        hero = self.heroes[b]
        area = outlines.area(outlines.outline(hero.shape))
        x, wide, *waves = numbers
        turned = WAVES * outlines.ANGLES[:, None]
        puddle = 1 + np.cos(turned) @ np.array(waves[: len(WAVES)]) + np.sin(turned) @ np.array(waves[len(WAVES) :])
        puddle *= math.sqrt(area / outlines.area(puddle))
        y = hero.y + hero.radius * (hero.below - (puddle * np.sin(outlines.ANGLES)).max() / wide)
        part = next(part for part in self.ended[b].parts if part.hero)
        values = {"x": x, "y": y, "wide": wide, "high": 1 / wide}
        return self._with_hero(b, [changed(part, values, outline_end=puddle)])

    def _draw_puddles(self, b: int, sets: Sequence[np.ndarray]) -> torch.Tensor:
        """[N, 3, H, W] of the numbers of N puddles."""
        return self._render([self._puddle_scene(b, numbers) for numbers in sets])

    def _fit_puddle(self, b: int, numbers: np.ndarray, picture: torch.Tensor) -> np.ndarray:
        """The numbers of a puddle whose picture is nearer, by Gauss-Newton, unless it is near already."""
        picture = soften(picture[None], 0.7)
        steps = np.array([0.5 / self.size, 0.02, *[0.02] * 2 * len(WAVES)])
        for _ in range(3):
            drawn = soften(self._draw_puddles(b, [numbers, *(numbers + np.diag(steps))]), 0.7)
            left = (picture - drawn[:1])[0]
            if ndimage.uniform_filter(left.abs().amax(0).cpu().numpy(), 7 * self.size // 192).max() < MISFIT:
                break
            matrix = (drawn[1:] - drawn[:1]).flatten(1).double()
            square = matrix @ matrix.T
            square += 1e-2 * square.trace() / len(square) * torch.eye(len(square), device=square.device)
            way = torch.linalg.solve(square, matrix @ left.flatten().double()).clamp(-3, 3)
            numbers = numbers + way.cpu().numpy() * steps
            numbers[1] = numbers[1].clip(*families.PUDDLE_WIDE)
            numbers[2:] = np.concatenate(_bounded(*np.split(numbers[2:], 2)))
        return numbers


def _bounded(cosine: np.ndarray, sine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Waves no stronger than puddles have."""
    share = np.minimum(1, WAVINESS * 1.1 / np.hypot(cosine, sine).clip(1e-6))
    return cosine * share, sine * share


def _find_circles(mask: np.ndarray, least: float) -> np.ndarray:
    """[K, 3] x, y and radius in pixels of the circles that fill a mask [H, W], each piece's thickest first."""
    pieces, count = ndimage.label(mask)
    rows, columns = np.indices(mask.shape) + 0.5
    found = []
    for k in range(1, count + 1):
        whole = inside = pieces == k
        circles: list[tuple[float, float, float]] = []
        depth = ndimage.distance_transform_edt(inside)
        while depth.max() - 0.5 >= least:
            row, column = np.unravel_index(depth.argmax(), depth.shape)
            x, y, radius = column + 0.5, row + 0.5, depth[row, column] - 0.3
            if all(math.hypot(x - other[0], y - other[1]) > TOUCHING * (radius + other[2]) for other in circles):
                circles.append((x, y, radius))
            inside = inside & ((columns - x) ** 2 + (rows - y) ** 2 > (radius + 0.8) ** 2)
            depth = ndimage.distance_transform_edt(inside)
        if len(circles) == 1:
            circles = [(columns[whole].mean(), rows[whole].mean(), math.sqrt(whole.sum() / math.pi))]
        found += circles
    return np.array(found).reshape(-1, 3)


def _apart(drops: np.ndarray, radius: float) -> np.ndarray:
    """Those of drops [K, 3] that are more than specks of a hero, and are not in a larger one."""
    kept: list[np.ndarray] = []
    for drop in drops[drops[:, 2].argsort()[::-1]]:
        apart = all(math.dist(drop[:2], other[:2]) > TOUCHING * (drop[2] + other[2]) for other in kept)
        if apart and drop[2] > LEAST_DROP * radius:
            kept.append(drop)
    return np.array(kept).reshape(-1, 3)


def _beside(mask: np.ndarray, drops: np.ndarray) -> np.ndarray:
    """What of a mask [H, W] is in none of the drops [K, 3], in pixels."""
    rows, columns = np.indices(mask.shape) + 0.5
    for x, y, radius in drops:
        mask = mask & ((columns - x) ** 2 + (rows - y) ** 2 > (radius + 0.8) ** 2)
    return mask


def _fit_puddle(opacity: np.ndarray, wide: float) -> tuple[float, float, tuple, np.ndarray, np.ndarray]:
    """The valid outline of a given width that is nearest to a puddle [H, W].

    Returns:
        root mean square misfit in shares of the radius; the width; the middle as fractions of the picture; cosines and
        sines [5] of the waves, as shares of the mean radius.
    """
    size = len(opacity)
    rows, columns = np.nonzero(opacity > 0.5)
    middle = np.array([columns.mean() + 0.5, rows.mean() + 0.5])
    reach = np.arange(0, 0.75 * size, 0.25)
    angles = outlines.ANGLES[::8]
    waves = np.cos(WAVES * angles[:, None]), np.sin(WAVES * angles[:, None])
    for _ in range(6):
        x = middle[0] + reach * np.cos(angles)[:, None] * wide
        y = middle[1] + reach * np.sin(angles)[:, None] / wide
        along = ndimage.map_coordinates(opacity, (y - 0.5, x - 0.5), order=1)
        last = along.shape[1] - 1 - (along[:, ::-1] > 0.5).argmax(1)
        radius = reach[np.where((along > 0.5).any(1), last, 0)] + 0.125
        mean = radius.mean()
        aside = 2 * np.array([(radius * np.cos(angles)).mean() * wide, (radius * np.sin(angles)).mean() / wide])
        middle = middle + 0.7 * aside
    cosine, sine = (2 * (part * (radius / mean - 1)[:, None]).mean(0) for part in waves)
    cosine, sine = _bounded(cosine, sine)
    misfit = math.sqrt(((radius / mean - 1 - waves[0] @ cosine - waves[1] @ sine) ** 2).mean())
    return misfit, wide, tuple((middle / size).tolist()), cosine, sine
