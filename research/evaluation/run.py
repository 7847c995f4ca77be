"""Scores of the embedded model, and of temporal latent dropout with it, on scenes that it never saw.

    nox -s evaluate -- --scenes 308 --json scores.json

The first table says how often full sampling succeeds; what counts as a success is in judging.py.

A second table compares schedules of temporal latent dropout with full sampling from the same noise: success,
background, how close the last frame is to that of full sampling (PSNR), and the time for sampling and decoding it as a
share of full sampling's.

Four more follow the edit to its end. Choosing (selection.py): how often the choice is within one latent frame of the
true end of rendered clips, and success, background and drift of the frame chosen from the model's videos. Refining
(refinement.py) that frame, and true frames with known flaws. Compositing (compositing.py) the refined frame into the
source. Ghosts (ghost.py): what those images still show of a thing that is gone.

A line compares free-worded instructions, from which the rules wrote captions, with captions as in training.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from ...demo import weights
from ...editing.captions.rules import temporal_caption
from ...editing.dropout import FIRST_AND_LAST, FIRST_AND_SETTLED, FRAMES, STRIDE, Drop
from ...editing.keyframes import decoding_order
from ...editing.selection.choose import SETTLED
from ..measures import image_psnr, mean
from ..world import model as demo_model
from ..world import phrases, world
from . import tables
from .compositing import measure_compositing
from .ghost import find_gone, ghost_table, measure_ghosts
from .judging import judge
from .refinement import CHOSEN, IMG2IMG_PASS, measure_refinement
from .selection import METHODS, measure_selection

HELD_OUT_SEED = 20_251_121  # training uses small seeds only
CFG = 1.0

CHAIN = {  # what follows the sampling, and how it is printed
    "selection": tables.selection_table,
    "refinement": tables.refinement_table,
    "compositing": tables.compositing_table,
    "ghost": ghost_table,
}
FREE_WORDED = ("free-worded", "")
SCHEDULES = {
    "stride 3 at 0.9": (Drop(0.9, STRIDE, 3),),
    "stride 3 at 0.9, first + settled at 0.6": (Drop(0.9, STRIDE, 3), Drop(0.6, FIRST_AND_SETTLED)),
    "stride 3 at 0.7": (Drop(0.7, STRIDE, 3),),
    "frames 0, 3, 6, 7, 8 at 0.9": (Drop(0.9, FRAMES, frames=(0, 3, 6, 7, 8)),),
    "first + last at 0.9": (Drop(0.9, FIRST_AND_LAST),),
    "first + settled at 0.8": (Drop(0.8, FIRST_AND_SETTLED),),
    "first + settled at 0.6": (Drop(0.6, FIRST_AND_SETTLED),),
}


def measure_model(
    model: demo_model.EditModel,
    scenes: int,
    steps: int,
    cfg: float,
    batch: int,
    device: torch.device,
    seed: int = HELD_OUT_SEED,
    precision: str = "float32",
    report=lambda text: None,
    runs: Sequence[tuple[str, str]] = (),
    free_worded: bool = False,
    chain: bool = False,
) -> dict:
    """Scores over `scenes` scenes dealt evenly over the families; see the module's text for what they mean.

    `runs` are pairs of a name in `SCHEDULES` and positions, which are sampled and judged beside full sampling.
    `free_worded` does the same with the rules' captions of free-worded instructions, without a drop. `chain`
    goes on from the videos of full sampling: choosing, refining, compositing.
    """
    rng = torch.Generator().manual_seed(seed)  # on the CPU, so that every machine judges the same scenes
    words, free_words = random.Random(seed), random.Random(seed)
    all_scenes = world.sample_scenes(scenes, rng)
    described = phrases.describe(all_scenes)
    full = ("full sampling", "")
    free = [FREE_WORDED] if free_worded else []
    rows: dict[tuple[str, str], list[dict]] = {run: [] for run in (full, *free, *runs)}
    seconds = dict.fromkeys(rows, 0.0)
    links: dict[str, list[dict]] = {name: [] for name in CHAIN} if chain else {}
    began = time.time()
    for first in range(0, scenes, batch):
        index = torch.arange(first, min(first + batch, scenes))
        clips = world.render(all_scenes.select(index).to(device))
        trained = [phrases.caption(described[i], words) for i in index.tolist()]
        asked = [phrases.free_instruction(described[i], free_words) for i in index.tolist()]
        names = [world.FAMILIES[i] for i in all_scenes.family[index].tolist()]
        frames, undropped = clips.frames, None
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            rebuilt = torch.cat([model.decode(model.encode(part)) for part in frames.split(8)])
            vae = image_psnr(rebuilt, frames)
            for run, of_run in rows.items():
                name, positions = run
                captions = [temporal_caption(text).caption for text in asked] if run == FREE_WORDED else trained
                started = time.time()
                made, kept = model.sample(
                    frames[:, 0],
                    captions,
                    steps=steps,
                    cfg=cfg,
                    seed=seed + first,
                    drops=SCHEDULES.get(name, ()),
                    positions=positions,
                )
                last = _last_images(model, made, kept)  # waits for the sampling, too
                seconds[run] += time.time() - started
                undropped = last if undropped is None else undropped
                if run == full and chain:
                    followed = _follow(model, made, names, all_scenes.select(index), clips, rebuilt, seed + first)
                    for link, of_link in followed.items():
                        links[link] += of_link
                measures = judge(names, last, rebuilt[:, -1], rebuilt[:, 0], clips.coverage, frames[:, 0])
                measures["vae_psnr"], measures["to_full"] = vae, image_psnr(last, undropped)
                for k, family in enumerate(names):
                    values = {key: _for_json(value[k]) for key, value in measures.items()}
                    values["instruction"] = asked[k] if run == FREE_WORDED else None
                    of_run.append({"family": family, "caption": captions[k], "kept": kept[k]} | values)
        done = rows[full]
        report(
            f"{len(done)} of {scenes} scenes, {sum(r['success'] for r in done) / len(done):.1%} succeeded, "
            f"{time.time() - began:.0f} s"
        )
    schedules = [
        {
            "schedule": name,
            "positions": positions,
            "to_full": mean([r["to_full"] for r in of_run]),
            "seconds": seconds[name, positions],
            **_summary(of_run)["all"],
            "rows": of_run,
        }
        for (name, positions), of_run in rows.items()
        if (name, positions) in runs
    ]
    worded = {"free_worded": _summary(rows[FREE_WORDED]) | {"rows": rows[FREE_WORDED]}} if free_worded else {}
    return _summary(rows[full]) | {
        "steps": steps,
        "cfg": cfg,
        "seed": seed,
        "rows": rows[full],
        **worded,
        **links,
        "schedules": schedules,
        "seconds": seconds[full],
    }


def _last_images(model: demo_model.EditModel, latent: torch.Tensor, kept: list[list[int]]) -> torch.Tensor:
    """The last image [B, 3, H, W] of latents [B, 16, K, H/8, W/8] whose frames have these places in their videos."""
    orders = [decoding_order(places)[0] for places in kept]
    images: list[torch.Tensor | None] = [None] * len(latent)
    for length in sorted({len(order) for order in orders}):
        alike = [b for b, order in enumerate(orders) if len(order) == length]
        for some in (alike[i : i + 8] for i in range(0, len(alike), 8)):
            decoded = model.decode(torch.stack([latent[b][:, orders[b]] for b in some]))[:, -1]
            for b, image in zip(some, decoded, strict=True):
                images[b] = image
    return torch.stack(images)


def _follow(
    model: demo_model.EditModel,
    made: torch.Tensor,
    families: list[str],
    scenes: world.Scenes,
    clips: world.Clips,
    rebuilt: torch.Tensor,
    seed: int,
) -> dict[str, list[dict]]:
    """The rest of the chain from these videos' latents: rows of each of CHAIN."""
    videos = torch.cat([model.decode(part) for part in made.split(8)])
    source, before, truth = clips.frames[:, 0], rebuilt[:, 0], rebuilt[:, -1]
    chosen = measure_selection(rebuilt, videos, clips.finish.tolist())
    picked = {}
    for method in METHODS:
        picked[method] = torch.stack([video[row[method]["frame"]] for video, row in zip(videos, chosen, strict=True)])
        judged = judge(families, picked[method], truth, before, clips.coverage, source)
        for k, row in enumerate(chosen):
            row["family"] = families[k]
            row[method] |= {key: _for_json(judged[key][k]) for key in ("success", "background")}
    refinement, refined = measure_refinement(model, families, clips.frames, clips.coverage, picked[SETTLED], seed)
    refined = refined[CHOSEN, IMG2IMG_PASS]
    with torch.autocast(source.device.type, enabled=False):
        compositing, composites = measure_compositing(families, source, refined, truth, before, clips.coverage)
        images = {"frame as chosen": picked[SETTLED], "refined": refined, "composited": composites}
        ghosts = measure_ghosts(families, images, clips.frames[:, -1], find_gone(scenes))
    return {"selection": chosen, "refinement": refinement, "compositing": compositing, "ghost": ghosts}


def _for_json(value: torch.Tensor) -> float | bool | None:
    """The one value; strict JSON knows no "not a number"."""
    return None if value.isnan() else value.item()


def _summary(rows: list[dict]) -> dict:
    def of(some: list[dict]) -> dict:
        return {
            "scenes": len(some),
            "success": mean([float(r["success"]) for r in some]),
            "background": mean([r["background"] for r in some]),
            "psnr": mean([r["psnr"] for r in some]),
            "vae_psnr": mean([r["vae_psnr"] for r in some]),
        }

    families = {name: of([r for r in rows if r["family"] == name]) for name in world.FAMILIES}
    return {"all": of(rows), "families": {n: f for n, f in families.items() if f["scenes"]}}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="nox -s evaluate --", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scenes", type=int, default=308, help="dealt evenly over the 14 families (default 308)")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--cfg", type=float, default=CFG)
    parser.add_argument("--batch", type=int, default=None, help="scenes at a time (default 77 on a GPU, 14 without)")
    parser.add_argument(
        "--precision",
        choices=["float32", "bfloat16"],
        default="float32",
        help="bfloat16 is several times faster on CPUs that have it",
    )
    parser.add_argument("--seed", type=int, default=HELD_OUT_SEED)
    parser.add_argument("--weights", type=Path, default=weights.WEIGHTS)
    parser.add_argument(
        "--schedules",
        choices=["no", "compact", "both"],
        default="compact",
        help="dropout schedules: none, with compact positions, or with both kinds",
    )
    parser.add_argument(
        "--free-worded",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="also sample the rules' captions of free-worded instructions",
    )
    parser.add_argument(
        "--chain",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="also choose a frame, refine it and composite it into the source",
    )
    parser.add_argument("--json", type=Path, help="write the scores and every scene's row here")
    args = parser.parse_args()
    if args.scenes < 1:
        parser.error(f"--scenes must be at least 1, got {args.scenes}")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        model = demo_model.EditModel.load(args.weights).to(device)
    except weights.WeightsError as error:
        parser.exit(2, f"{error}\n")
    batch = args.batch or (77 if device.type == "cuda" else 14)
    positions = {"no": (), "compact": ("compact",), "both": ("compact", "kept")}[args.schedules]
    runs = [(name, how) for name in SCHEDULES for how in positions]
    scores = measure_model(
        model,
        args.scenes,
        args.steps,
        args.cfg,
        batch,
        device,
        args.seed,
        args.precision,
        report=lambda text: print(text, flush=True),
        runs=runs,
        free_worded=args.free_worded,
        chain=args.chain,
    )
    print(tables.scores_table(scores))
    if args.free_worded:
        print(f"\n{tables.wording_line(scores)}")
    if runs:
        print()
        print(tables.schedules_table(scores))
    if args.chain:
        for link, table in CHAIN.items():
            print(f"\n{table(scores[link])}")
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(scores, indent=1) + "\n", encoding="utf-8")
        print(f"written to {args.json}")


if __name__ == "__main__":
    main()
