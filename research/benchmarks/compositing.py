"""Composite Edit measured on real photographs with known changes, and timed on a photo of 24 megapixels.

    python tools/run.py research.benchmarks.compositing [--pictures FOLDER] [--no-speed] [--no-detail]

Each photo of tests/photos is changed in a known way: an object with its shadow is pasted in, or a part is removed. The
changed photo then goes through what a video model does to a picture: the softness of a VAE, grain, a drift of exposure
and color, and a camera that moves 1 to 3 pixels. Composite Edit gets the photo and this, and its result is compared
with the truth:

    IoU        of the mask (above 0.5) with what truly changed (more than 0.05 in a channel, holes filled)
    outside    bit-exact: are all values outside of the mask the photo's own?
    inside     PSNR against the truth where it changed; beside it that of the edit as it was
    share      how much of the picture comes from the edit

Two sizes of the model's picture: as large as the photo, and half as wide.
"""

from __future__ import annotations

import argparse
import math
import resource
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from ...editing.compositing import composite
from ...editing.compositing.change_mask import fill_holes
from ...editing.compositing.composite import Composited, Controls, composite_edit
from ...editing.compositing.fit import Fit, fit_images, plan_fit, resample
from ...editing.images import gaussian, psnr
from ..measures import new_steps

PHOTOS = Path(__file__).parents[2] / "tests" / "photos"
PASTED, REMOVED = "pasted", "removed"
VISIBLE = 0.05
# Ellipses: centre x, y, half width, half height in pixels. What is pasted is cut out of the photo named first.
FLOWER = ("flower", (246, 178, 108, 108))
CUP = ("coffee", (236, 168, 170, 155))
PASTES = {
    "astronaut": (FLOWER, (330, 120, 48, 48)),
    "camera": (FLOWER, (110, 100, 52, 52)),
    "chelsea": (FLOWER, (380, 205, 46, 46)),
    "china": (CUP, (75, 80, 56, 51)),
    "coffee": (FLOWER, (430, 75, 46, 46)),
    "flower": (CUP, (430, 95, 60, 54)),
    "rocket": (CUP, (390, 150, 52, 47)),
}
REMOVALS = {
    "astronaut": (171, 372, 44, 42),
    "camera": (292, 165, 55, 42),
    "chelsea": (171, 115, 48, 42),
    "china": (163, 67, 62, 56),
    "coffee": (311, 236, 48, 48),
    "flower": (300, 332, 76, 42),
    "rocket": (257, 200, 24, 112),
}
SPEED_SIZE = (6000, 4000)


@dataclass(frozen=True)
class Case:
    """A photo and its known change, [H, W, 3] in 0..1; changed: [H, W] bool, where they truly differ."""

    name: str
    kind: str
    photo: torch.Tensor
    truth: torch.Tensor
    changed: torch.Tensor


@dataclass(frozen=True)
class Damage:
    """What a video model does to a whole picture besides the edit. blur: pixels. camera: pixels."""

    blur: float = 0.7
    grain: float = 0.012
    gain: tuple[float, float, float] = (1.06, 1.02, 0.97)
    offset: tuple[float, float, float] = (0.015, -0.01, 0.012)
    camera: float = 2.0


def photo_names() -> list[str]:
    return sorted(PASTES)


def load_photo(name: str) -> torch.Tensor:
    """[H, W, 3] in 0..1; grey ones have three equal channels."""
    with Image.open(PHOTOS / f"{name}.jpg") as picture:
        return torch.from_numpy(np.asarray(picture.convert("RGB"), dtype=np.float32) / 255)


def known_change(name: str, kind: str) -> Case:
    """The photo with something pasted in, or with something removed."""
    photo = load_photo(name)
    truth = _paste(photo, *PASTES[name]) if kind == PASTED else _remove(photo, REMOVALS[name])
    differs = (truth - photo).abs().amax(dim=-1) > VISIBLE
    return Case(name, kind, photo, truth, torch.from_numpy(fill_holes(differs.numpy())))


def damaged(picture: torch.Tensor, damage: Damage, seed: int) -> torch.Tensor:
    """A picture [H, W, 3] as a video model would give it back, rounded to 255 steps."""
    generator = torch.Generator().manual_seed(seed)
    height, width = picture.shape[:2]
    angle = 2 * math.pi * float(torch.rand((), generator=generator))
    shift = [damage.camera * math.cos(angle) * 2 / width, damage.camera * math.sin(angle) * 2 / height]
    moved = torch.tensor([[[1.0, 0, shift[0]], [0, 1, shift[1]]]])
    image = picture.movedim(-1, 0)[None]
    if damage.camera:
        grid = F.affine_grid(moved, list(image.shape), align_corners=False)
        image = F.grid_sample(image, grid, mode="bicubic", padding_mode="border", align_corners=False).clamp(0, 1)
    if damage.blur:
        image = gaussian(image, damage.blur)
    image = image * torch.tensor(damage.gain)[:, None, None] + torch.tensor(damage.offset)[:, None, None]
    image = image + damage.grain * torch.randn(image.shape, generator=generator)
    return (image.clamp(0, 1) * 255).round()[0].movedim(0, -1) / 255


def edited_case(case: Case, damage: Damage, smaller: float = 1.0, seed: int = 0) -> tuple[torch.Tensor, Fit]:
    """(edited image [h, w, 3], fit): the truth at the model's size, damaged."""
    height, width = case.photo.shape[:2]
    fit = plan_fit(width, height, width * height / smaller**2)
    return damaged(fit_images(case.truth[None], fit)[0], damage, seed), fit


def paste_back(photo: torch.Tensor, edited: torch.Tensor, fit: Fit) -> torch.Tensor:
    """The photo [H, W, 3] with the edited image [h, w, 3] as it is where that was taken from."""
    pasted, box = photo.clone(), fit.source_box
    pasted[box.window] = resample(edited[None], box.width, box.height)[0]
    return pasted


def measure_case(case: Case, edited: torch.Tensor, fit: Fit, composited: Composited) -> dict[str, float]:
    """IoU, outside exact (1 or 0), inside and the plain edit inside in dB, share of the picture that was taken."""
    shown = torch.zeros_like(case.changed)
    shown[fit.source_box.window] = True
    mask, changed = composited.mask > 0.5, case.changed & shown
    outside = composited.mask == 0
    plain = paste_back(case.photo, edited, fit)
    return {
        "iou": float((mask & changed).sum() / (mask | changed).sum().clamp(min=1)),
        "recall": float((mask & changed).sum() / changed.sum().clamp(min=1)),
        "exact": float(torch.equal(composited.image[outside], case.photo[outside])),
        "inside": psnr(composited.image[changed], case.truth[changed]),
        "before": psnr(plain[changed], case.truth[changed]),
        "share": float((composited.mask > 0).float().mean()),
    }


def seam(photo: torch.Tensor, truth: torch.Tensor, composited: Composited) -> float:
    """The strongest step that the composited picture has in the mask's edge and neither picture has there, 0..1.

    photo, truth: [H, W, 3]. The 99.9th percentile over the pixels of the edge.
    """
    steps = new_steps(composited.image[..., :3], photo, truth, composited.mask)
    return float(steps.quantile(0.999)) if len(steps) else 0.0


def _ellipse(height: int, width: int, at: tuple[float, float, float, float], soft: float = 1.0) -> torch.Tensor:
    """[H, W]: 1 inside of an ellipse, 0 outside, with an edge of about `soft` pixels."""
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    away = (((x - at[0]) / at[2]) ** 2 + ((y - at[1]) / at[3]) ** 2).sqrt()
    return ((1 - away) * min(at[2], at[3]) / soft + 0.5).clamp(0, 1)


def _paste(photo: torch.Tensor, object_: tuple[str, tuple], at: tuple[int, int, int, int]) -> torch.Tensor:
    """The photo with an ellipse of another one at a place, and its soft shadow to the lower right."""
    name, (x, y, half_width, half_height) = object_
    other = load_photo(name)
    cut = other[y - half_height : y + half_height, x - half_width : x + half_width]
    cut = resample(cut[None], 2 * at[2], 2 * at[3])[0]
    height, width = photo.shape[:2]
    layer = photo.clone()
    layer[at[1] - at[3] : at[1] + at[3], at[0] - at[2] : at[0] + at[2]] = cut
    shadow = gaussian(_ellipse(height, width, (at[0] + 6, at[1] + 9, at[2], at[3]))[None, None], 5.0)[0, 0]
    return torch.lerp(photo * (1 - 0.35 * shadow[..., None]), layer, _ellipse(height, width, at)[..., None])


def _remove(photo: torch.Tensor, at: tuple[int, int, int, int]) -> torch.Tensor:
    """The photo with an ellipse filled smoothly from its rim (Laplace's equation)."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.linalg import splu

    height, width = photo.shape[:2]
    hole = (_ellipse(height, width, at) > 0.5).numpy()
    number = np.full(hole.shape, -1)
    number[hole] = np.arange(hole.sum())
    rows, columns, values = [], [], []
    known = np.zeros((hole.sum(), 3))
    picture = photo.numpy()
    for row, column in np.argwhere(hole):
        here = number[row, column]
        around = [(row + a, column + b) for a, b in ((0, 1), (0, -1), (1, 0), (-1, 0))]
        around = [place for place in around if 0 <= place[0] < height and 0 <= place[1] < width]
        rows.append(here), columns.append(here), values.append(len(around))
        for place in around:
            if hole[place]:
                rows.append(here), columns.append(number[place]), values.append(-1)
            else:
                known[here] += picture[place]
    solved = splu(csr_matrix((values, (rows, columns))).tocsc().astype(np.float64)).solve(known)
    filled = photo.clone()
    filled[torch.from_numpy(hole)] = torch.from_numpy(solved).float()
    return filled


def table(rows: list[dict]) -> str:
    lines = [
        f"{'photo':<10} {'change':<8} {'model':<6} {'camera':>6} {'IoU':>5} {'outside':>8} {'inside':>8} "
        f"{'before':>8} {'seam':>6} {'share':>6}"
    ]
    for row in rows:
        exact = "exact" if row["exact"] else "CHANGED"
        lines.append(
            f"{row['photo']:<10} {row['kind']:<8} {row['model']:<6} {row['camera']:>3.1f} px "
            f"{row['iou']:>5.2f} {exact:>8} {row['inside']:>5.1f} dB {row['before']:>5.1f} dB "
            f"{row['seam']:>6.3f} {row['share']:>6.1%}"
        )
    return "\n".join(lines)


def measure_photos(pictures: Path | None = None, sizes=((1.0, "photo"), (2.0, "half"))) -> list[dict]:
    """A row for each photo, change and size of the model's picture; the camera moves 1, 2 or 3 pixels in turn."""
    rows = []
    for number, name in enumerate(photo_names()):
        for kind in (PASTED, REMOVED):
            case = known_change(name, kind)
            for smaller, model in sizes:
                damage = Damage(camera=1.0 + number % 3)
                edited, fit = edited_case(case, damage, smaller, seed=number)
                composited = composite_edit(case.photo, edited, fit, Controls())
                rows.append(
                    {
                        "photo": name,
                        "kind": kind,
                        "model": model,
                        "camera": damage.camera,
                        **measure_case(case, edited, fit, composited),
                        "seam": seam(case.photo, case.truth, composited),
                    }
                )
                if pictures is not None:
                    shown = [
                        case.photo,
                        paste_back(case.photo, edited, fit),
                        composited.image,
                        composited.mask[..., None].expand(-1, -1, 3),
                        case.changed[..., None].expand(-1, -1, 3).float(),
                    ]
                    save(torch.cat(shown, dim=1), pictures / f"{name}-{kind}-{model}.jpg")
    return rows


def save(image: torch.Tensor, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((image.clamp(0, 1) * 255).round().byte().numpy()).save(path, quality=92)


def measure_speed() -> dict:
    """Seconds and peak memory (MiB, of the whole process) of an edit pasted into a photo of 24 megapixels."""
    width, height = SPEED_SIZE
    case = known_change("astronaut", PASTED)
    photo, truth = (resample(one[None], width, height)[0] for one in (case.photo, case.truth))
    fit = plan_fit(width, height, 832 * 480)
    edited = damaged(fit_images(truth[None], fit)[0], Damage(), seed=0)
    del truth
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    start = time.perf_counter()
    composited = composite_edit(photo, edited, fit, Controls())
    seconds = time.perf_counter() - start
    return {
        "seconds": seconds,
        "before": before,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "report": composited.report,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, help="write photo, edit, result, mask and true mask here")
    parser.add_argument("--detail", action=argparse.BooleanOptionalAction, default=True, help="undo softness")
    parser.add_argument("--speed", action=argparse.BooleanOptionalAction, default=True, help="time 24 megapixels")
    args = parser.parse_args()
    without_detail = patch.object(composite, "undo_softness", return_value=None)
    with torch.inference_mode(), nullcontext() if args.detail else without_detail:
        if args.speed:
            speed = measure_speed()
            print(
                f"24 megapixels ({SPEED_SIZE[0]} x {SPEED_SIZE[1]}), {torch.get_num_threads()} threads: "
                f"{speed['seconds']:.1f} s, peak memory {speed['peak']:.0f} MiB"
            )
            print(speed["report"], end="\n\n")
        rows = measure_photos(args.pictures)
    print(table(rows))


if __name__ == "__main__":
    main()
