"""Fits the colors in which ComfyUI previews the embedded model's latents (latent2rgb): prints `demo/previews.py`'s.

    python tools/run.py research.training.fit_preview_colors

A preview is linear: factors times the 16 values of a latent pixel, plus a bias, gives red, green and blue in -1..1. The
least squares fit over clips of the tabletop world takes the latents of the encoder, and the mean color of the 8 x 8
pixels and of the images (one, later four) that each of their pixels stands for. A few minutes on two cores.
"""

from __future__ import annotations

import argparse

import torch
import torch.nn.functional as F

from ...editing.keyframes import IMAGES_PER_LATENT
from ..world import world
from ..world.model import EditModel

PIXELS = 8  # of an image a latent pixel, in both directions
CHUNK = 2  # clips encoded at a time


def collect_samples(model: EditModel, clips: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Latent pixels [N, 16], as the sampler has them, and the colors [N, 3] in -1..1 that they stand for."""
    scenes = world.sample_scenes(clips, torch.Generator().manual_seed(seed))
    latents, colors = [], []
    for frames in world.render(scenes).frames.split(CHUNK):  # [B, 33, 3, H, W]
        with torch.no_grad():
            latents.append(model.encode(frames).movedim(1, -1).flatten(0, -2))  # [B * F * h * w, 16]
        small = F.avg_pool2d(frames.flatten(0, 1), PIXELS).unflatten(0, frames.shape[:2])  # [B, 33, 3, h, w]
        later = small[:, 1:].unflatten(1, (-1, IMAGES_PER_LATENT)).mean(2)
        shown = torch.cat([small[:, :1], later], 1)  # [B, F, 3, h, w]
        colors.append(shown.movedim(2, -1).flatten(0, -2) * 2 - 1)
    return torch.cat(latents), torch.cat(colors)


def fit_colors(latents: torch.Tensor, colors: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(factors [16, 3], bias [3]) by least squares."""
    ones = torch.ones(len(latents), 1)
    solved = torch.linalg.lstsq(torch.cat([latents, ones], 1).double(), colors.double()).solution.float()
    return solved[:-1], solved[-1]


def mean_color_error(latents: torch.Tensor, colors: torch.Tensor, factors: torch.Tensor, bias: torch.Tensor) -> float:
    """How far the previewed colors are from the true ones, on the average, of 255."""
    shown = (latents @ factors + bias).clamp(-1, 1)
    return float((shown - colors).abs().mean() * 127.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=28, help="clips to fit; half as many others are the test")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    model = EditModel.load()
    factors, bias = fit_colors(*collect_samples(model, options.clips, options.seed))
    print("RGB_FACTORS = [")
    for row in factors.tolist():
        print(f"    [{', '.join(f'{value:.4f}' for value in row)}],")
    print("]")
    print(f"RGB_BIAS = [{', '.join(f'{value:.4f}' for value in bias.tolist())}]")
    unseen = collect_samples(model, options.clips // 2, options.seed + 1)
    print(f"# mean color error on other clips: {mean_color_error(*unseen, factors, bias):.1f} of 255")


if __name__ == "__main__":
    main()
