"""Scores of the embedded model, and of temporal latent dropout with it, on scenes that it never saw.

    nox -s evaluate -- --scenes 308 --json scores.json

An edit counts as a success when the last frame of full sampling shows it: over the region of the object before and
after the edit, the squared error against the truth is at most a quarter of what leaving the source unedited would cost
(an object of the usual size that lands 7 of 128 pixels beside its place fails), and outside that region the picture
still resembles the source (25 dB). The truth and the source are sent through the VAE first, so that its softness, which
the model cannot help, does not count. "still" and "focus" must keep the whole picture to 28 dB; "focus" must also halve
what the blurred picture lacks in detail (its squared error after subtracting a Gaussian blur of 2 pixels).

A second table compares schedules of temporal latent dropout with full sampling from the same noise: success,
background, how close the last frame is to that of full sampling (PSNR), and the time for sampling and decoding it as a
share of full sampling's.

Four more follow the edit to its end. Choosing (see `evaluate_selection`): how often the choice is within one latent
frame of the true end of rendered clips, and success, background and drift of the frame chosen from the model's videos.
Refining (see `evaluate_refinement`) that frame, and true frames with known flaws. Restoring (see
`evaluate_restoration`) the refined frame into the source. A last one looks at the same pictures where something was and
is gone (see `evaluate_ghost`).

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
import torch.nn.functional as F

from ..editing.captions import temporal_caption
from ..editing.keep_sets import FIRST_AND_LAST, FIRST_AND_SETTLED, FRAMES, STRIDE, Drop
from ..editing.keyframes import decoding_order
from ..editing.selection import SETTLED
from . import (
    evaluate_ghost,
    evaluate_refinement,
    evaluate_restoration,
    evaluate_selection,
    phrases,
    wan,
    weights,
    world,
)
from . import model as demo_model

HELD_OUT_SEED = 20_251_121  # training uses small seeds only
CFG = 1.0
ERROR_LEFT = 0.25
DETAIL_ERROR_LEFT = 0.5  # "focus"
WHOLE_PSNR = 28.0  # "focus" and "still"
BACKGROUND_PSNR = 25.0

CHAIN = {
    "selection": evaluate_selection,
    "refinement": evaluate_refinement,
    "restoration": evaluate_restoration,
    "ghost": evaluate_ghost,
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


def edit_region(coverage: torch.Tensor, margin: int = 5) -> torch.Tensor:
    """Where the object and its shadow are before or after the edit: boolean [B, 1, H, W] of coverage [B, T, H, W]."""
    ends = torch.maximum(coverage[:, 0], coverage[:, -1])[:, None]
    return F.max_pool2d(ends, 2 * margin + 1, stride=1, padding=margin) > 0.05


def _masked_error(a: torch.Tensor, b: torch.Tensor, region: torch.Tensor) -> torch.Tensor:
    """Mean squared error [B] of images [B, 3, H, W] over boolean regions [B, 1, H, W]."""
    return ((a - b).square() * region).sum((1, 2, 3)) / (3 * region.sum((1, 2, 3))).clamp(min=1)


def judge(
    family: list[str],
    last: torch.Tensor,
    truth: torch.Tensor,
    source: torch.Tensor,
    coverage: torch.Tensor,
    source_sharp: torch.Tensor,
) -> dict[str, torch.Tensor]:
    """Success [B] and its measures for the last frames of edits.

    Args:
        family: family name of each scene.
        last: [B, 3, H, W] what the model made, in 0..1.
        truth, source: [B, 3, H, W] the finished and the first frame, through the VAE.
        coverage: [B, T, H, W] of the edited object.
        source_sharp: [B, 3, H, W] the first frame as rendered; the background is compared with it.

    Returns:
        "success" bool; "error_left" as a fraction of the unedited source's error; "background" PSNR in dB outside the
        region (the whole picture for "still"; not a number for "focus", which has no background); "psnr" of the whole
        picture against the truth.
    """
    region = edit_region(coverage)
    focus = torch.tensor([name == "focus" for name in family], device=last.device)
    still = torch.tensor([name == "still" for name in family], device=last.device)
    region = region & ~still[:, None, None, None] | focus[:, None, None, None]
    left = _masked_error(last, truth, region) / _masked_error(source, truth, region).clamp(min=1e-8)
    everywhere = torch.ones_like(region)
    last_detail, truth_detail, source_detail = (_detail(image) for image in (last, truth, source))
    detail_left = _masked_error(last_detail, truth_detail, everywhere) / _masked_error(
        source_detail, truth_detail, everywhere
    ).clamp(min=1e-8)
    left = torch.where(focus, detail_left, left)
    background = -10 * torch.log10(_masked_error(last, source_sharp, ~region).clamp(min=1e-10))
    background[focus] = float("nan")
    whole = wan.image_psnr(last, truth)
    success = (left <= ERROR_LEFT) & (background >= BACKGROUND_PSNR)
    success = torch.where(focus, (left <= DETAIL_ERROR_LEFT) & (whole >= WHOLE_PSNR), success)
    success = torch.where(still, whole >= WHOLE_PSNR, success)
    return {"success": success, "error_left": left, "background": background, "psnr": whole}


def _detail(images: torch.Tensor) -> torch.Tensor:
    """What a blur of 2 pixels takes from images [B, 3, H, W]."""
    return images - world.gaussian_blur(images, torch.full((len(images),), 2.0, device=images.device))


def measure(
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
    goes on from the videos of full sampling: choosing, refining, restoring.
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
            vae = wan.image_psnr(rebuilt, frames)
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
                measures["vae_psnr"], measures["to_full"] = vae, wan.image_psnr(last, undropped)
                for k, family in enumerate(names):
                    values = {key: value[k].item() for key, value in measures.items()}
                    # Strict JSON knows no "not a number".
                    values = {key: None if value != value else value for key, value in values.items()}
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
            "to_full": _mean([r["to_full"] for r in of_run]),
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
    chosen = evaluate_selection.measure_selection(rebuilt, videos, clips.finish.tolist())
    picked = {}
    for method in evaluate_selection.METHODS:
        picked[method] = torch.stack([video[row[method]["frame"]] for video, row in zip(videos, chosen, strict=True)])
        judged = judge(families, picked[method], truth, before, clips.coverage, source)
        for k, row in enumerate(chosen):
            background = judged["background"][k].item()
            row["family"] = families[k]
            row[method] |= {
                "success": judged["success"][k].item(),
                "background": None if background != background else background,
            }
    refinement, refined = evaluate_refinement.measure(
        model, families, clips.frames, clips.coverage, picked[SETTLED], seed
    )
    refined = refined[evaluate_refinement.CHOSEN, evaluate_refinement.LIGHT_PASS]
    with torch.autocast(source.device.type, enabled=False):
        restoration, restored = evaluate_restoration.measure(families, source, refined, truth, before, clips.coverage)
        pictures = {"frame as chosen": picked[SETTLED], "refined": refined, "composited": restored}
        ghosts = evaluate_ghost.rows_of(families, pictures, clips.frames[:, -1], evaluate_ghost.find_gone(scenes))
    return {"selection": chosen, "refinement": refinement, "restoration": restoration, "ghost": ghosts}


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _summary(rows: list[dict]) -> dict:
    def of(some: list[dict]) -> dict:
        return {
            "scenes": len(some),
            "success": _mean([float(r["success"]) for r in some]),
            "background": _mean([r["background"] for r in some]),
            "psnr": _mean([r["psnr"] for r in some]),
            "vae_psnr": _mean([r["vae_psnr"] for r in some]),
        }

    families = {name: of([r for r in rows if r["family"] == name]) for name in world.FAMILIES}
    return {"all": of(rows), "families": {n: f for n, f in families.items() if f["scenes"]}}


def table(scores: dict) -> str:
    """The scores as lines of text, a line per family."""
    lines = [f"{'family':<12} {'scenes':>6} {'success':>8} {'background':>11} {'last frame':>11} {'VAE':>8}"]
    for name, of in [*scores["families"].items(), ("all", scores["all"])]:
        background = "-" if of["background"] is None else f"{of['background']:.1f} dB"
        lines.append(
            f"{name:<12} {of['scenes']:>6} {of['success']:>8.1%} {background:>11} "
            f"{of['psnr']:>8.1f} dB {of['vae_psnr']:>5.1f} dB"
        )
    return "\n".join(lines)


def schedule_table(scores: dict) -> str:
    """The schedules as lines of text, beside full sampling."""
    whole = scores["all"]
    lines = [
        f"{'schedule':<40} {'positions':<9} {'success':>8} {'background':>11} {'to full':>8} {'time':>6}",
        f"{'full sampling':<40} {'':<9} {whole['success']:>8.1%} {whole['background']:>8.1f} dB {'':>8} {1:>6.0%}",
    ]
    for of in scores["schedules"]:
        lines.append(
            f"{of['schedule']:<40} {of['positions']:<9} {of['success']:>8.1%} {of['background']:>8.1f} dB "
            f"{of['to_full']:>5.1f} dB {of['seconds'] / scores['seconds']:>6.0%}"
        )
    return "\n".join(lines)


def wording_line(scores: dict) -> str:
    """How free-worded instructions did, beside captions as in training."""
    free, trained = scores["free_worded"], scores["all"]["success"]
    worst = min(free["families"], key=lambda name: free["families"][name]["success"])
    return (
        f"free-worded instructions, captions by rules: {free['all']['success']:.1%} (captions as in training: "
        f"{trained:.1%}); the worst family is {worst}: {free['families'][worst]['success']:.1%} "
        f"({scores['families'][worst]['success']:.1%})"
    )


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
        help="also choose a frame, refine it and restore it into the source",
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
    scores = measure(
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
    print(table(scores))
    if args.free_worded:
        print(f"\n{wording_line(scores)}")
    if runs:
        print()
        print(schedule_table(scores))
    if args.chain:
        for link, module in CHAIN.items():
            print(f"\n{module.table(scores[link])}")
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(scores, indent=1) + "\n", encoding="utf-8")
        print(f"written to {args.json}")


if __name__ == "__main__":
    main()
