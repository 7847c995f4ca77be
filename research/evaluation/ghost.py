"""What pictures still show of a thing that is gone, in steps of 1/255 against the true ground.

    python tools/run.py research.evaluation.ghost --scenes 56

prints how much each link of the chain leaves; `nox -s evaluate` prints the frame that was chosen, the same refined, and
composited into its source.

Where something vanished, moved away, fell or melted, the true last frame shows the ground alone. A picture may differ
from it there by the softness and grain of a VAE, which nobody sees, or by a ghost, which follows the old outline. So
the difference to the truth is averaged along that outline, a quarter of a turn at a time, in lines one pixel wide and
up to 8 pixels away from it: grain averages out, and so does what the VAE makes of the ground itself. The strongest step
between three such lines and three others, in any quarter and channel, is the edge that a person may see.

Only plain ground counts: the true picture changes by at most 12 steps within 9 x 9 pixels, and nothing else is near. A
step has to be seen along some 13 pixels of outline on both sides; scenes without that much are left out. "Visible" is
an edge of two steps. The patch is the mean difference over the ground that came free, less that of the ground around.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F

from ...demo import weights
from ...editing.compositing.composite import composite_edit
from ...editing.compositing.fit import fit_without_plan
from ...editing.dropout import STRIDE, Drop
from ...editing.keyframes import decoding_order
from ..world import model as demo_model
from ..world import phrases, world

LEAVING = ("vanish", "move left", "fall", "melt", "vanish", "move right", "shrink", "move up", "vanish", "move down")
SEED = 31_000_000  # tuning; what is reported has the seed of `run.py`
VISIBLE = 2.0  # steps of 255
ROUNDING = 0.05  # steps that a mean may miss of a true step
REACH = 8  # pixels on both sides of the outline
LINES, GAP = 3, 2  # lines on each side of a step, and between the two sides, where pixels are half covered
FEWEST = 40  # pixels within those lines
PLAIN, PLAIN_SIDE = 12.0, 9  # steps, pixels
MARGIN = 4  # pixels around what is there at the end, over which a VAE spreads its edges
QUARTERS = 8  # overlapping ones


@dataclass(frozen=True)
class Gone:
    """Where B scenes had an object and have none at the end; tensors [B, H, W].

    Attributes:
        distance: pixels to the outline of the object in the first frame, negative inside.
        angle: around the object's middle, in radians.
        ground: bool, plain ground at the end.
        left: bool, ground that the object or its shadow touched in the first frame.
        measured: [B] bool, did enough plain ground come free along the outline?
    """

    distance: torch.Tensor
    angle: torch.Tensor
    ground: torch.Tensor
    left: torch.Tensor
    measured: torch.Tensor


def remove_edited(scenes: world.Scenes) -> world.Scenes:
    """The same scenes with the edited object and its shadow far outside of the picture."""
    centre = scenes.centre.clone()
    centre[:, 0] = -9.0
    return replace(scenes, centre=centre, target=centre[:, 0])


def find_touched(scenes: world.Scenes, size: int = world.SIZE) -> tuple[torch.Tensor, torch.Tensor, world.Clips]:
    """Where the edited object and its shadow change the first and the last frame.

    Returns:
        bool [B, 2, H, W]; the two frames without the object, [B, 2, 3, H, W]; the two frames with it.
    """
    ends = torch.tensor([0.0, scenes.frames - 1.0], device=scenes.family.device)
    clips = world.render(scenes, size, ends)
    empty = world.render(remove_edited(scenes), size, ends).frames
    return (clips.frames - empty).abs().amax(2) > 0.5 / 255, empty, clips


def find_gone(scenes: world.Scenes, size: int = world.SIZE) -> Gone:
    """Where the edited objects of scenes were in the first frame, and neither they nor their shadows are in the last.

    Computed on the CPU, whatever the scenes are on.
    """
    touched, empty, clips = find_touched(scenes.to(torch.device("cpu")), size)
    return find_free_ground(clips.coverage[:, 0], touched[:, 0], touched[:, 1], empty[:, 1])


def find_free_ground(coverage: torch.Tensor, before: torch.Tensor, after: torch.Tensor, empty: torch.Tensor) -> Gone:
    """What `find_gone` tells, of tensors on the CPU.

    Args:
        coverage: [B, H, W] of the objects in the first frames.
        before, after: bool [B, H, W], what they and their shadows touch in the first and the last frames.
        empty: [B, 3, H, W] the last frames without them, in 0..1.
    """
    from scipy import ndimage

    occupied = F.max_pool2d(after[:, None].float(), 2 * MARGIN + 1, 1, MARGIN)[:, 0] > 0
    steps, reach = empty * 255, PLAIN_SIDE // 2
    spread = F.max_pool2d(steps, PLAIN_SIDE, 1, reach) + F.max_pool2d(-steps, PLAIN_SIDE, 1, reach)
    ground = (spread.amax(1) <= PLAIN) & ~occupied
    at = torch.arange(coverage.shape[-1]) + 0.5
    distance, angle = torch.empty(ground.shape), torch.empty(ground.shape)
    for b, cover in enumerate(coverage):
        inside = (cover > 0.5).numpy()
        outwards, inwards = (ndimage.distance_transform_edt(part) for part in (~inside, inside))
        distance[b] = torch.from_numpy((outwards - 0.5).clip(0) - (inwards - 0.5).clip(0))
        middle = torch.stack([(cover.sum(axis) * at).sum() for axis in (0, 1)]) / cover.sum().clamp(min=1)
        angle[b] = torch.atan2(at[:, None] - middle[1], at[None, :] - middle[0])
    gone = Gone(distance, angle, ground, ground & before, torch.zeros(len(ground), dtype=torch.bool))
    _, enough = steps_along_outline(torch.zeros_like(empty), gone)
    return replace(gone, measured=enough.flatten(1).any(1))


def _line_sums(difference: torch.Tensor, gone: Gone) -> torch.Tensor:
    """[B, QUARTERS, 2 * REACH, 4]: sums of differences [B, 3, H, W] along the lines, and how many pixels they have."""
    line = (gone.distance + REACH).floor().long()
    near = gone.ground & (line >= 0) & (line < 2 * REACH)
    turn = 2 * torch.pi
    sums = torch.zeros(len(difference), QUARTERS, 2 * REACH, 4)
    for b, quarter in ((b, quarter) for b in range(len(difference)) for quarter in range(QUARTERS)):
        here = near[b] & (torch.remainder(gone.angle[b] - quarter * turn / QUARTERS, turn) < turn / 4)
        values = F.pad(difference[b][:, here].T, (0, 1), value=1.0)
        sums[b, quarter].index_add_(0, line[b][here], values)
    return sums


def steps_along_outline(difference: torch.Tensor, gone: Gone) -> tuple[torch.Tensor, torch.Tensor]:
    """(steps [B, QUARTERS, places, 3] of the mean difference along the outline, bool [B, QUARTERS, places]: enough?)"""
    sides = _line_sums(difference, gone).unfold(2, LINES, 1).sum(-1)  # [B, QUARTERS, places, 4]
    count = sides[..., 3]
    mean = sides[..., :3] / count.clamp(min=1)[..., None]
    enough = (count[:, :, LINES + GAP :] >= FEWEST) & (count[:, :, : -LINES - GAP] >= FEWEST)
    return mean[:, :, LINES + GAP :] - mean[:, :, : -LINES - GAP], enough


def measure_edges(pictures: torch.Tensor, truth: torch.Tensor, gone: Gone) -> dict[str, torch.Tensor]:
    """ "edge" and "patch" [B] in steps of 255, of pictures [B, 3, H, W] in 0..1 against the true last frames."""
    difference = (pictures.detach().to("cpu", torch.float32) - truth) * 255
    steps, enough = steps_along_outline(difference, gone)
    edge = torch.where(enough, steps.abs().amax(-1), 0.0).flatten(1).amax(1)
    around = gone.ground & ~gone.left & (gone.distance < 3 * REACH)
    inside, outside = (
        (difference * where[:, None]).sum((2, 3)) / where.sum((1, 2)).clamp(min=1)[:, None]
        for where in (gone.left, around)
    )
    return {"edge": edge, "patch": (inside - outside).abs().amax(1)}


def measure_ghosts(
    families: Sequence[str], pictures: dict[str, torch.Tensor], truth: torch.Tensor, gone: Gone
) -> list[dict]:
    """A row for each scene of LEAVING that can be measured and each of the named pictures [B, 3, H, W].

    truth: [B, 3, H, W] the finished frames as rendered.
    """
    measured = [b for b in gone.measured.nonzero().flatten().tolist() if families[b] in LEAVING]
    truth, rows = truth.detach().to("cpu", torch.float32), []
    for name, images in pictures.items():
        found = measure_edges(images, truth, gone)
        rows += [
            {
                "family": families[b],
                "picture": name,
                **{key: values[b].item() for key, values in found.items()},
                "visible": found["edge"][b].item() >= VISIBLE - ROUNDING,
            }
            for b in measured
        ]
    return rows


def ghost_table(rows: list[dict]) -> str:
    """The rows as lines of text, a line per kind of picture."""
    if not rows:
        return "ghosts: in none of these scenes did enough plain ground come free"
    names = list(dict.fromkeys(row["picture"] for row in rows))
    width = max([len("ghost in"), *map(len, names)])
    lines = [f"{'ghost in':<{width}} {'scenes':>6} {'edge':>6} {'9 of 10':>8} {'worst':>6} {'patch':>6} {'visible':>8}"]
    for name in names:
        some = [row for row in rows if row["picture"] == name]
        edge = torch.tensor([row["edge"] for row in some])
        patch = torch.tensor([row["patch"] for row in some])
        visible = sum(row["visible"] for row in some) / len(some)
        lines.append(
            f"{name:<{width}} {len(some):>6} {edge.mean():>6.2f} {edge.quantile(0.9):>8.2f} {edge.max():>6.2f} "
            f"{patch.mean():>6.2f} {visible:>8.1%}"
        )
    lines.append(
        "edge, patch: steps of 255 on the ground that came free (mean, and the edge that 9 of 10 scenes stay below); "
        f"visible: scenes with an edge of {VISIBLE:g} steps"
    )
    return "\n".join(lines)


def add_ghost(truth: torch.Tensor, scenes: world.Scenes, steps: float) -> torch.Tensor:
    """True last frames [B, 3, H, W] that are so many steps lighter where the first frame has the object."""
    first = world.render(scenes, times=torch.zeros(1, device=scenes.family.device)).coverage[:, 0]
    return truth + steps / 255 * first[:, None].to(truth)


def follow_links(
    model: demo_model.EditModel, scenes: world.Scenes, captions: list[str], steps: int, seed: int
) -> Iterator[tuple[str, torch.Tensor]]:
    """The last picture of scenes after each link of the chain, named: [B, 3, H, W] in 0..1."""
    clips = world.render(scenes)
    source, truth = clips.frames[:, 0], clips.frames[:, -1]
    yield "the truth", truth
    yield "the truth with a ghost of two steps", add_ghost(truth, scenes, VISIBLE)
    latent = model.encode(clips.frames)
    last = latent.shape[2] - 1

    def decode(video: torch.Tensor, order: Sequence[int]) -> torch.Tensor:
        return torch.cat([model.decode(part[:, :, order])[:, -1] for part in video.split(8)])

    whole = list(range(last + 1))
    yield "VAE: the true end as a still", decode(model.encode(truth[:, None]), [0])
    yield "VAE: the true clip", decode(latent, whole)
    yield "VAE: its last latent frame twice more", decode(latent, [*whole, last, last])
    full, _ = model.sample(source, captions, steps=steps, seed=seed)
    yield "full sampling", decode(full, whole)
    yield "full sampling: last latent frame twice more", decode(full, [*whole, last, last])
    yield "full sampling: last latent frame alone", decode(full, [last])
    dropped, kept = model.sample(source, captions, steps=steps, seed=seed, drops=(Drop(0.9, STRIDE, 3),))
    yield "stride 3 at 0.9, decoded plainly", decode(dropped, list(range(len(kept[0]))))
    edited = decode(dropped, decoding_order(kept[0])[0])
    yield "stride 3 at 0.9, in the sparse order", edited
    yield "the same, composited", composite(source, edited)
    yield "full sampling, composited", composite(source, decode(full, whole))


def composite(source: torch.Tensor, edited: torch.Tensor) -> torch.Tensor:
    """Edits [B, 3, H, W] put into the first frames that they were made of."""
    height, width = source.shape[2:]
    fit = fit_without_plan(width, height, width, height)
    pairs = zip(source.detach().cpu().float(), edited.detach().cpu().float(), strict=True)
    return torch.stack(
        [composite_edit(one.movedim(0, -1), other.movedim(0, -1), fit).image.movedim(-1, 0) for one, other in pairs]
    )


def measure_links(
    model: demo_model.EditModel, scenes: int, steps: int, seed: int, batch: int, device: torch.device
) -> list[dict]:
    """The rows of `follow_links` on scenes in which something leaves its place."""
    all_scenes = world.sample_scenes(scenes, torch.Generator().manual_seed(seed), LEAVING)
    words, rows = random.Random(seed), []
    captions = [phrases.caption(scene, words) for scene in phrases.describe(all_scenes)]
    for index in torch.arange(scenes).split(batch):
        some = all_scenes.select(index)
        gone, families = find_gone(some), [world.FAMILIES[i] for i in some.family.tolist()]
        told = [captions[i] for i in index.tolist()]
        truth = world.render(some, times=torch.tensor([some.frames - 1.0])).frames[:, 0]
        with torch.no_grad():
            for name, picture in follow_links(model, some.to(device), told, steps, seed + int(index[0])):
                rows += measure_ghosts(families, {name: picture.float().cpu()}, truth, gone)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=50)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch", type=int, default=None, help="scenes at a time (default 50 on a GPU, 5 without)")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--weights", type=Path, default=weights.WEIGHTS)
    args = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = demo_model.EditModel.load(args.weights).to(device)
    batch = args.batch or (50 if device.type == "cuda" else 5)
    print(ghost_table(measure_links(model, args.scenes, args.steps, args.seed, batch, device)))


if __name__ == "__main__":
    main()
