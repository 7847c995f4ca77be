"""Where the hero's matter is in a picture, from its colors alone: against the empty scene, which is known.

A pixel is ground if its color is the empty scene's there, at most as dark as shadows make it, and matter if it is one
that the hero has under its light and texture. Which of both it is nearer to decides; at edges, how far it is on the way
from the ground beside it to the matter beside it says how much of it is covered.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage

from . import drawing
from .scenes import Scene

DARKEST = 0.5  # of the ground, where two shadows meet
NOISE = 0.02  # of a picture's colors
PALETTE = 96
SPECK = 8  # pixels of 192 x 192; less is none of the hero's matter
SOFTENED = 0.5  # pixels, against noise


@dataclass
class Matter:
    """Of one picture: opacity [H, W]; `solid` bool [H, W], inside of edges; `rebuilt` [3, H, W], see rebuild()."""

    opacity: np.ndarray
    solid: np.ndarray
    rebuilt: torch.Tensor

    @property
    def mask(self) -> np.ndarray:
        return self.opacity > 0.5


def soften(pictures: torch.Tensor, sigma: float) -> torch.Tensor:
    """Pictures [B, 3, H, W], blurred by so many pixels."""
    reach = math.ceil(3 * sigma)
    weight = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, device=pictures.device) / sigma) ** 2)
    weight = (weight / weight.sum()).to(pictures.dtype)
    wide = F.pad(pictures, (reach,) * 4, mode="replicate")
    height, width = pictures.shape[2:]
    rows = sum(w * wide[:, :, k : k + height] for k, w in enumerate(weight))
    return sum(w * rows[..., k : k + width] for k, w in enumerate(weight))


def shifts(pictures: torch.Tensor) -> torch.Tensor:
    """[9, B, 3, H, W]: pictures moved by -1, 0 and 1 pixels in both ways."""
    height, width = pictures.shape[2:]
    wide = F.pad(pictures, (1, 1, 1, 1), mode="replicate")
    return torch.stack([wide[..., i : i + height, j : j + width] for i in range(3) for j in range(3)])


def palettes(scenes: Sequence[Scene], size: int) -> list[torch.Tensor]:
    """Colors [PALETTE, 3] that the heroes have at their true ends."""
    clips = drawing.render(scenes, size, [scenes[0].frames - 1], exposures=1)
    return [
        _spread_colors(frame[:, cover > 0.99].T)
        for frame, cover in zip(clips.frames[:, 0], clips.coverage[:, 0], strict=True)
    ]


def _spread_colors(colors: torch.Tensor) -> torch.Tensor:
    """[PALETTE, 3] of colors [N, 3], each as far as it can be from those before."""
    chosen, gap = [0], (colors - colors[0]).square().sum(1)
    for _ in range(PALETTE - 1):
        chosen.append(int(gap.argmax()))
        gap = torch.minimum(gap, (colors - colors[chosen[-1]]).square().sum(1))
    return colors[chosen]


def find_matter(picture: torch.Tensor, empty: torch.Tensor, palette: torch.Tensor, scene: Scene) -> Matter:
    """The hero's matter in a picture [3, H, W] of a scene whose empty last frame is `empty`."""
    size = picture.shape[-1]
    picture, empty = soften(picture[None], SOFTENED), soften(empty[None], 0.8)
    from_matter, nearest = torch.cdist(picture[0].flatten(1).T, palette).min(1)
    grounds = shifts(empty)[:, 0]  # of other things, edges may be a pixel off
    from_ground = (picture - grounds * _darkness(picture, grounds)).square().sum(1).sqrt().amin(0)
    from_ground = (from_ground - NOISE).clamp(min=0)
    mask = (from_ground > from_matter.view(size, size) + 1e-3).numpy()
    pieces, _ = ndimage.label(mask)
    enough = np.bincount(pieces.ravel()) >= SPECK * (size / 192) ** 2
    mask = enough[pieces] & (pieces > 0)
    opacity, solid = _measure_edges(picture, empty, mask)
    colors = palette[nearest].T.reshape(3, size, size)
    return Matter(opacity, solid, rebuild(opacity, colors, empty[0], scene))


def _darkness(picture: torch.Tensor, ground: torch.Tensor) -> torch.Tensor:
    """[..., 1, H, W]: how dark shadows would have to make the ground."""
    share = (picture * ground).sum(-3, keepdim=True) / ground.square().sum(-3, keepdim=True).clamp(min=1e-4)
    return share.clamp(DARKEST, 1.0)


def _measure_edges(picture: torch.Tensor, empty: torch.Tensor, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(opacity, solid) [H, W] of pictures [1, 3, H, W]: between solid matter and ground, a share of their way."""
    dark = _darkness(picture, empty)[0, 0].numpy()
    colors, ground = picture[0].numpy(), empty[0].numpy()
    opacity, solid = np.zeros(mask.shape), np.zeros_like(mask)
    for _ in range(2):
        solid, free = ndimage.binary_erosion(mask), ~ndimage.binary_dilation(mask, iterations=2)
        if not (solid.any() and free.any()):
            return np.zeros(mask.shape), np.zeros_like(mask)
        inner, outer = (
            ndimage.distance_transform_edt(~part, return_distances=False, return_indices=True) for part in (solid, free)
        )
        body, around = colors[:, inner[0], inner[1]], ground * dark[outer[0], outer[1]]
        way = body - around
        opacity = ((colors - around) * way).sum(0) / np.maximum((way**2).sum(0), 1e-3)
        opacity = np.where(solid, 1.0, np.where(free, 0.0, opacity.clip(0, 1)))
        mask = opacity > 0.5
    return opacity, solid


def count_half_covered(pictures: torch.Tensor, empty: torch.Tensor, cover: np.ndarray) -> list[int]:
    """In how many pixels of each picture [N, 3, H, W] half of the hero is seen: along sharp edges, in few.

    The last picture is a valid end; `cover` [H, W] is what the hero covers in it. It gives the colors to compare with.
    """
    pictures, empty = soften(pictures, 1.0).numpy(), soften(empty[None], 1.0)[0].numpy()
    solid, free = ndimage.binary_erosion(cover > 0.5, iterations=2), ~ndimage.binary_dilation(cover > 0.5, iterations=3)
    if not solid.any():
        return [0] * len(pictures)
    inner, outer = (
        ndimage.distance_transform_edt(~part, return_distances=False, return_indices=True) for part in (solid, free)
    )
    dark = _darkness(torch.from_numpy(pictures[-1]), torch.from_numpy(empty))[0].numpy()
    ground = empty * dark[outer[0], outer[1]]
    way = pictures[-1][:, inner[0], inner[1]] - ground
    share = ((pictures - ground) * way).sum(1) / np.maximum((way**2).sum(0), 1e-3)
    return ((share > 0.25) & (share < 0.75)).sum((1, 2)).tolist()


def rebuild(opacity: np.ndarray, colors: torch.Tensor, empty: torch.Tensor, scene: Scene) -> torch.Tensor:
    """[3, H, W]: the empty scene with matter of such opacity and colors [3, H, W] in it, and with its shadows."""
    size = empty.shape[-1]
    pieces, count = ndimage.label(opacity > 0.5)
    reach = 2.2 / (drawing.SHADOW_SOFTNESS + 1 / size) / size
    bright = np.ones((size, size))
    for k in range(1, count + 1):
        inside = pieces == k
        depth = ndimage.distance_transform_edt(inside) - ndimage.distance_transform_edt(~inside)
        move = (drawing.SHADOW_BELOW * size, drawing.SHADOW_ASIDE * scene.light[0] * size)
        depth = ndimage.shift(depth, move, order=1, mode="nearest")
        bright *= 1 - drawing.SHADOW / (1 + np.exp((-depth * reach).clip(-50, 50)))
    ground = empty * torch.from_numpy(bright).to(empty)
    return ground + torch.from_numpy(opacity).to(empty) * (colors - ground)
