"""Draws scenes of world 2 in batches, on any device.

Things are signed distances to outlines with light from above, a shadow on what is behind them, and textures; behind
them are a wall and a table in perspective. A frame is the mean of several exposures, so that motion blurs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from ..world.world import gaussian_blur
from . import families, outlines
from .scenes import DEFAULTS, MOST_CUTS, TEXTURES, Part, Scene, radius_tables

SIZE = 192
SCALARS = ("x", "y", "size", *DEFAULTS)
SHUTTER = 0.7  # of a frame's time, during which the shutter is open
EXPOSURES = 3
FAR = 1e3  # cuts that cut nothing off
SHADOW = 0.34  # how much darker it is in a thing's shadow
SHADOW_ASIDE, SHADOW_BELOW = 0.022, 0.03  # where the shadow falls: along the light, and down
SHADOW_SOFTNESS = 0.02


@dataclass
class Clips:
    """Rendered scenes.

    frames: [B, T, 3, H, W] in 0..1. coverage: [B, T, H, W] how much of a pixel the hero covers, in 0..1.
    """

    frames: torch.Tensor
    coverage: torch.Tensor


def render(
    scenes: Sequence[Scene],
    size: int = SIZE,
    times: Sequence[float] | None = None,
    device: torch.device | str = "cpu",
    exposures: int = EXPOSURES,
    chunk: int = 8,
) -> Clips:
    """Renders scenes of equal length.

    Args:
        size: side of the square pictures in pixels.
        times: frame numbers to render, the same for all; all frames if None.
        exposures: pictures averaged for a frame; with 1 nothing is blurred by motion.
        chunk: scenes drawn at a time, bounds memory.
    """
    times = np.arange(scenes[0].frames) if times is None else np.asarray(times, dtype=np.float64)
    # The last exposure of a frame is at its own time, so that the finished frame is sharp.
    open_at = np.arange(1 - exposures, 1) * (SHUTTER / exposures)
    exposed = (times[:, None] + open_at).ravel()
    # Alike ones go together: as many parts, or a camera that moves.
    order = sorted(range(len(scenes)), key=lambda i: (bool(scenes[i].camera), len(scenes[i].parts)))
    frames, coverage = [None] * len(scenes), [None] * len(scenes)
    for first in range(0, len(order), chunk):
        which = order[first : first + chunk]
        some = [scenes[i] for i in which]
        picture, cover = _draw(some, exposed, size, torch.device(device))
        picture = picture.unflatten(1, (-1, exposures)).mean(2)
        cover = cover.unflatten(1, (-1, exposures)).amax(2)
        picture = _blurred(some, times, picture)
        picture = _styled(some, times, picture)
        for k, i in enumerate(which):
            frames[i], coverage[i] = picture[k], cover[k]
    return Clips(torch.stack(frames), torch.stack(coverage))


def _tensor(values, device) -> torch.Tensor:
    return torch.as_tensor(np.asarray(values), dtype=torch.float32, device=device)


def _draw(scenes, times: np.ndarray, size: int, device) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures [B, T, 3, H, W] and coverage of the heroes [B, T, H, W] at times [T]."""
    moving = any(scene.camera for scene in scenes)
    at = (torch.arange(size, device=device) + 0.5) / size
    camera = {
        name: _tensor(
            [scene.camera[name].at(times) if name in scene.camera else np.full(len(times), usual) for scene in scenes],
            device,
        )
        for name, usual in (("x", 0.5), ("y", 0.5), ("zoom", 1.0))
    }
    if not moving:
        camera = {name: track[:, :1] for name, track in camera.items()}
    zoom = camera["zoom"][..., None, None]
    xs = camera["x"][..., None, None] + (at[None, None, None, :] - 0.5) / zoom  # [B, T or 1, 1, W]
    ys = camera["y"][..., None, None] + (at[None, None, :, None] - 0.5) / zoom  # [B, T or 1, H, 1]
    pixel = 1 / (size * zoom)
    picture = _backgrounds(scenes, times, xs, ys, pixel, device)  # [B, T or 1, 3, H, W]
    coverage = torch.zeros(1, 1, 1, 1, device=device)
    light = _tensor([scene.light for scene in scenes], device)
    for k in range(max(len(scene.parts) for scene in scenes)):
        values = _pack([scene.parts[k] if k < len(scene.parts) else None for scene in scenes], times, device)
        picture, cover = _draw_part(picture, xs, ys, pixel, light, values)
        hero = _tensor([k < len(scene.parts) and scene.parts[k].hero for scene in scenes], device)
        coverage = torch.maximum(coverage * (1 - cover * (1 - hero.view(-1, 1, 1, 1))), cover * hero.view(-1, 1, 1, 1))
    whole = (len(scenes), len(times))
    return picture.clamp(0, 1).expand(*whole, -1, -1, -1), coverage.expand(*whole, size, size)


def _pack(parts: list[Part | None], times: np.ndarray, device) -> dict[str, torch.Tensor]:
    """The parts' values at these times as tensors; None is drawn nowhere. One time where none of them changes."""
    usual = families.Thing("circle", "red", (0, 0, 0), 0.5, 0.5, 0.1, 0.0, ("plain", 1.0, 0.0)).part(alpha=0.0)
    parts = [part or usual for part in parts]
    if not any(track.times for part in parts for track in part.tracks.values()):
        times = times[:1]
    values = {name: _tensor([part.tracks[name].at(times) for part in parts], device) for name in SCALARS}
    values["rgb"] = _tensor([part.tracks["rgb"].at(times) for part in parts], device)
    tables = radius_tables(parts)
    values["radius"] = _tensor(tables, device)
    values["correction"] = _tensor([[outlines.corrections(radius) for radius in both] for both in tables], device)
    cuts = np.zeros((len(parts), MOST_CUTS, 3))
    cuts[..., 2] = FAR
    for row, part in zip(cuts, parts, strict=True):
        row[: len(part.cuts)] = part.cuts
    values["cuts"] = _tensor(cuts, device)
    values["hole"] = _tensor([part.hole for part in parts], device)
    values["pivot"] = _tensor([part.pivot for part in parts], device)
    kinds = [TEXTURES.index(part.texture[0]) for part in parts]
    values["texture"] = _tensor(np.eye(len(TEXTURES))[kinds], device)
    values["waves"], values["strength"] = (_tensor([part.texture[k] for part in parts], device) for k in (1, 2))
    return values


def _draw_part(picture, xs, ys, pixel, light, v) -> tuple[torch.Tensor, torch.Tensor]:
    """`picture` [B, T, 3, H, W] with one part over it, and what the part covers [B, T, H, W]."""
    batch = len(light)
    column = {name: v[name][..., None, None] for name in SCALARS}  # [B, T, 1, 1]
    single = {name: v[name].view(batch, 1, 1, 1) for name in ("hole", "waves", "strength")}
    light_x, light_y = (light[:, i].view(batch, 1, 1, 1) for i in (0, 1))
    cos, sin = column["angle"].cos(), column["angle"].sin()
    pivot_x, pivot_y = (v["pivot"][:, i].view(batch, 1, 1, 1) for i in (0, 1))
    table = v["radius"].flatten()
    correction = v["correction"].flatten()
    row = (torch.arange(batch, device=xs.device) * 2 * outlines.STEPS).view(batch, 1, 1, 1)

    def look_up(some: torch.Tensor, slot: torch.Tensor) -> torch.Tensor:
        before, after = some[slot], some[slot + outlines.STEPS]
        return before + (after - before) * column["morph"]

    def distance(shift_x, shift_y):
        """To the outline and to the outline with its cuts, in radii on the screen; places, in radii."""
        u = (xs - shift_x - column["x"]) / (column["size"] * column["wide"])
        w = (ys - shift_y - column["y"]) / (column["size"] * column["high"])
        own_x, own_y = cos * u + sin * w + pivot_x, cos * w - sin * u + pivot_y
        away = (own_x * own_x + own_y * own_y).sqrt().clamp(min=1e-4)
        turn = torch.atan2(own_y, own_x) / (2 * math.pi)
        slot = ((turn - turn.floor()) * outlines.STEPS).long().clamp(max=outlines.STEPS - 1) + row
        edge = (away - look_up(table, slot)) * look_up(correction, slot)
        edge = torch.maximum(edge, torch.where(single["hole"] > 0, single["hole"] - away, edge))
        cut = edge
        for k in range(MOST_CUTS):
            n_x, n_y, c = (v["cuts"][:, k, i].view(batch, 1, 1, 1) for i in range(3))
            cut = torch.maximum(cut, n_x * own_x + n_y * own_y - c)
        # A step along the outline's normal in squeezed space is this long on the screen.
        screen_x, screen_y = u + cos * pivot_x - sin * pivot_y, w + sin * pivot_x + cos * pivot_y
        length = (screen_x**2 + screen_y**2).sqrt().clamp(min=1e-4)
        squeezed = ((screen_x / column["wide"]) ** 2 + (screen_y / column["high"]) ** 2).sqrt().clamp(min=1e-4)
        stretch = length / squeezed
        return edge * stretch, cut * stretch, own_x, own_y, screen_x, screen_y

    alpha = column["alpha"]
    _, shade, *_ = distance(SHADOW_ASIDE * light_x, SHADOW_BELOW)
    softness = SHADOW_SOFTNESS + pixel
    dark = SHADOW * alpha * torch.sigmoid(-shade * column["size"] / softness * 2.2)
    picture = picture * (1 - dark[:, :, None])
    rim, edge, own_x, own_y, screen_x, screen_y = distance(0.0, 0.0)
    cover = alpha * (0.5 - edge * column["size"] / pixel).clamp(0, 1)
    lit = 0.86 - 0.24 * (screen_x * light_x + screen_y * light_y)
    lit = lit * (1 - 0.22 * torch.exp(-((rim / 0.10) ** 2)))
    kind = v["texture"]
    wave_x, wave_y = (torch.sin(math.pi * single["waves"] * own) for own in (own_x, own_y))
    sharp = 2.5
    patterns = (wave_y, wave_x * wave_y * 1.6 - 0.5, wave_x * wave_y * 2)
    dimmed = sum(
        kind[:, k + 1].view(batch, 1, 1, 1) * torch.sigmoid(pattern * sharp * 2) for k, pattern in enumerate(patterns)
    )
    lit = lit * (1 - single["strength"] * dimmed)
    shine = families.SHINE * torch.exp(-((screen_x + 0.42 * light_x) ** 2 + (screen_y + 0.42 * light_y) ** 2) / 0.045)
    body = v["rgb"][..., None, None] * lit[:, :, None] + shine[:, :, None]
    return picture + cover[:, :, None] * (body - picture), cover


def _backgrounds(scenes, times: np.ndarray, xs, ys, pixel, device) -> torch.Tensor:
    """[B, T, 3, H, W]; T is 1 if nothing changes."""
    first = _background(_tensor([scene.background[0] for scene in scenes], device), xs, ys, pixel)
    mixes = [scene.background_mix for scene in scenes]
    if not any(mix.times or mix.values[0] for mix in mixes):
        return first
    second = _background(_tensor([scene.background[1] for scene in scenes], device), xs, ys, pixel)
    return first.lerp(second, _tensor([mix.at(times) for mix in mixes], device)[:, :, None, None, None])


def _background(u: torch.Tensor, xs, ys, pixel) -> torch.Tensor:
    """A wall with a quiet pattern, and a table whose planks and tiles run to a point behind it.

    u: [B, BACKGROUND] uniform random numbers.
    """
    u = u[:, :, None, None, None]  # [B, N, 1, 1, 1]

    def quiet(hue, saturation, value):  # [B, 1, 1, 1] each -> [B, 1, 3, 1, 1]
        k = torch.stack([(5 + hue * 6) % 6, (3 + hue * 6) % 6, (1 + hue * 6) % 6], 2)
        color = (0.42 + 0.38 * value)[:, :, None] * (
            1 - (0.05 + 0.3 * saturation)[:, :, None] * torch.minimum(k, 4 - k).clamp(0, 1)
        )
        return color

    wall, table = (quiet(*(u[:, k + i] for i in range(3))) for k in (0, 3))
    horizon = 0.3 + 0.3 * u[:, 6]
    plain = (u[:, 7] < families.NO_WALL).float()
    below = torch.sigmoid((ys - horizon) / pixel).expand(-1, -1, -1, xs.shape[-1])
    below = plain + (1 - plain) * below
    depth = 0.35 / (ys - horizon + 0.25).clamp(min=0.05)  # of a point of the table: 1 in front, more behind
    side = (xs - 0.5) * depth
    scale, phase = 5 + 5 * u[:, 9], 6.28 * u[:, 10]
    planks, rows = torch.sin(side * scale * 6.28 + phase), torch.sin(depth * scale * 5 + phase)
    kind = u[:, 8]
    on_table = torch.where(kind < 0.3, 0 * planks * rows, torch.where(kind < 0.65, planks + 0 * rows, planks * rows))
    on_table = (on_table * 3).tanh()
    wall_scale, wall_kind = 3 + 5 * u[:, 13], u[:, 12]
    stripes, lines = torch.sin(xs * wall_scale * 6.28 + phase), torch.sin(ys * wall_scale * 6.28 + phase)
    on_wall = torch.where(
        wall_kind < 0.5, 0 * stripes * lines, torch.where(wall_kind < 0.75, stripes + 0 * lines, stripes * lines)
    )
    strength = 0.02 + 0.05 * u[:, 14]
    pattern = strength * (on_table * below * (1 - plain) + on_wall * (1 - below + plain).clamp(max=1))
    lit = 1 + pattern + 0.12 * (0.5 - ys) + 0.12 * (u[:, 11] - 0.5) * (xs - 0.5)
    # The wall darkens towards the table, which stands before it.
    lit = lit * (1 - 0.10 * (1 - plain) * (1 - below) * torch.exp(-(((ys - horizon) / 0.06) ** 2)))
    below = below[:, :, None]
    return (wall * (1 - below) + table * below) * lit[:, :, None]


def _blurred(scenes, times: np.ndarray, picture: torch.Tensor) -> torch.Tensor:
    """`picture` [B, T, 3, H, W] with each scene's blur."""
    sigma = _tensor([scene.blur.at(times) for scene in scenes], picture.device) * picture.shape[-1]
    soft = sigma > 0.05
    if not bool(soft.any()):
        return picture
    flat = picture.flatten(0, 1).clone()
    flat[soft.flatten()] = gaussian_blur(flat[soft.flatten()], sigma[soft])
    return flat.unflatten(0, picture.shape[:2])


def _styled(scenes, times: np.ndarray, picture: torch.Tensor) -> torch.Tensor:
    for k, scene in enumerate(scenes):
        if scene.look:
            matrix, offset = (_tensor(part, picture.device) for part in (scene.look.matrix, scene.look.offset))
            styled = torch.einsum("ij,tjhw->tihw", matrix, picture[k]) + offset[:, None, None]
            mix = _tensor(scene.look_mix.at(times), picture.device)[:, None, None, None]
            picture = picture.clone()
            picture[k] = picture[k].lerp(styled.clamp(0, 1), mix)
    return F.hardtanh(picture, 0.0, 1.0)
