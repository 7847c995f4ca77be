"""Scores of the embedded model in world 2, on scenes that it never saw.

    python tools/run.py research.tabletop.evaluate --weights demo/weights --set reported --json scores.json

Each table samples the same scenes in several ways and judges the last image (judging.py). Shares come with 95 %
intervals (Wilson), differences to the first row with intervals from paired resampling of scenes. "told" are edits with
one true end, "free" those with many; the held-out families, which the model was never trained on, have a row of their
own. "VAE" is what the judge says of the true end after the VAE, "unedited" of the source: what a perfect model could
reach, and what one that does nothing gets.

There are two sets of scenes. Decisions are taken on "tuning"; "reported" is for what is published.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from scipy.stats import binomtest

from ...demo import weights
from ...editing.captions.rules import temporal_caption
from ...editing.dropout import FIRST_AND_LAST, FIRST_AND_SETTLED, STRIDE, Drop
from . import drawing, families, phrases
from .ghosts import find_gone, measure_ghosts
from .judging import Judge
from .sampling import Sampler
from .scenes import Scene

SETS = {"tuning": 41_000_000, "reported": 42_000_000}  # training and tests use other seeds
SEED = 7
GROUPS = {"told": families.TOLD, "free": families.FREE, "held out": families.HELD_OUT}


@dataclass(frozen=True)
class Way:
    """How a table's row is sampled.

    Attributes:
        caption: one of CAPTIONS.
        seeds: how many are sampled; a scene succeeds if any of them does.
        size: side of the pictures as a share of the full one.
        baseline: sample nothing, judge "vae" (the true end through the VAE) or "unedited".
    """

    name: str
    steps: int = 20
    frames: int = families.FRAMES
    cfg: float = 1.0
    drops: tuple[Drop, ...] = ()
    positions: str = "compact"
    caption: str = "as in training"
    seeds: int = 1
    size: float = 1.0
    baseline: str = ""


CAPTIONS: dict[str, Callable[[Scene, random.Random], str]] = {
    "as in training": phrases.caption,
    "bare instruction": phrases.instruction,
    "by the rules": phrases.temporal,
    "staged": phrases.staged_caption,
    "free-worded, by the rules": lambda scene, rng: temporal_caption(phrases.free_instruction(scene, rng)).caption,
}
FULL = Way("20 steps")
BASELINES = (Way("VAE", baseline="vae"), Way("unedited", baseline="unedited"))
_SCHEDULES = {
    "stride 3 at 0.9": (Drop(0.9, STRIDE, 3),),
    "stride 3 at 0.7": (Drop(0.7, STRIDE, 3),),
    "stride 3 at 0.9, first + settled at 0.6": (Drop(0.9, STRIDE, 3), Drop(0.6, FIRST_AND_SETTLED)),
    "first + last at 0.9": (Drop(0.9, FIRST_AND_LAST),),
    "first + settled at 0.6": (Drop(0.6, FIRST_AND_SETTLED),),
}
TABLES: dict[str, tuple[Way, ...]] = {
    "families": (FULL, *BASELINES),
    "steps": (FULL, *(Way(f"{steps} steps" if steps > 1 else "1 step", steps) for steps in (8, 4, 2, 1))),
    "schedules": (
        FULL,
        *(
            Way(f"{name}, {positions}", drops=drops, positions=positions)
            for name, drops in _SCHEDULES.items()
            for positions in ("compact", "kept")
        ),
    ),
    "seeds": (FULL, Way("any of 4 seeds", seeds=4), Way("any of 4 seeds, 4 steps", 4, seeds=4)),
    "captions": tuple(Way(caption, caption=caption) for caption in CAPTIONS),
    "lengths": (FULL, *(Way(f"{frames} frames", frames=frames) for frames in (17, 9, 5))),
    "sizes": (FULL, Way("0.75 of the size", size=0.75), Way("half of the size", size=0.5)),
    "guidance": (FULL, Way("CFG 1.5", cfg=1.5), Way("CFG 2.5", cfg=2.5)),
}


@dataclass
class Rows:
    """What was measured in one way, in the order of the scenes."""

    success: list[bool] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    ghost: list[bool | None] = field(default_factory=list)  # visible? None where nothing leaves plain ground
    seconds: float = 0.0


def draw_scenes(count: int, seed: int, names: Sequence[str]) -> list[Scene]:
    """`count` scenes dealt evenly over families."""
    return [families.sample_scene(seed + k, names[k % len(names)]) for k in range(count)]


def measure(
    sampler: Sampler,
    scenes: Sequence[Scene],
    ways: Iterable[Way],
    batch: int,
    precision: torch.dtype,
    report: Callable[[str], None] = lambda text: None,
    size: int = drawing.SIZE,
) -> dict[Way, Rows]:
    """Samples and judges all scenes in all ways. size: side of the full pictures in pixels."""
    device = sampler.latent_mean.device
    rows = {way: Rows() for way in ways}
    began = time.time()
    for first in range(0, len(scenes), batch):
        some = scenes[first : first + batch]
        judges: dict[int, Judge] = {}
        conditions: dict[tuple[int, int], torch.Tensor] = {}  # by size and length: the same for most ways, not timed
        for way, of_way in rows.items():
            side = round(size * way.size / 16) * 16
            if side not in judges:
                judges[side] = Judge(some, side, device)
            judge, key = judges[side], (side, way.frames)
            if not way.baseline and key not in conditions:
                with torch.no_grad(), torch.autocast(device.type, precision, enabled=precision != torch.float32):
                    conditions[key] = sampler.condition(judge.source, way.frames)
            success, failed, ghost = [False] * len(some), [""] * len(some), [None] * len(some)
            for attempt in range(way.seeds):
                started = time.time()
                with torch.no_grad(), torch.autocast(device.type, precision, enabled=precision != torch.float32):
                    pictures = _pictures(sampler, judge, conditions.get(key), some, way, first, attempt)
                if device.type == "cuda":
                    torch.cuda.synchronize()
                of_way.seconds += time.time() - started
                verdicts = judge.judge(pictures)
                for b, won in enumerate(verdicts.success.tolist()):
                    if not attempt:
                        failed[b] = verdicts.failed[b]
                    success[b] = success[b] or won
                if not attempt:
                    ghost = _ghosts(some, pictures, verdicts.ends, side)
            of_way.success += success
            of_way.failed += failed
            of_way.ghost += ghost
        report(f"{first + len(some)} of {len(scenes)} scenes, {time.time() - began:.0f} s")
    return rows


def _pictures(sampler, judge: Judge, condition, scenes, way: Way, first: int, attempt: int) -> torch.Tensor:
    """[B, 3, H, W]: last images. condition: of the first frames; None for a baseline."""
    if way.baseline == "unedited":
        return judge.source
    if way.baseline == "vae":
        still = judge.truth[:, None].expand(-1, 5, -1, -1, -1)
        return sampler.decode(sampler.encode(still))[:, -1]
    words = random.Random(SEED + first)
    captions = [CAPTIONS[way.caption](scene, words) for scene in scenes]
    latent, kept = sampler.sample(
        condition,
        captions,
        steps=way.steps,
        cfg=way.cfg,
        seed=SEED + first + 1_000_000 * attempt,
        drops=way.drops,
        positions=way.positions,
    )
    return sampler.decode_last(latent, kept)


def _ghosts(scenes, pictures: torch.Tensor, ends: torch.Tensor, size: int) -> list[bool | None]:
    """Whether something is seen of what is gone; None where nothing leaves plain ground."""
    gone = find_gone(scenes, ends, size)
    visible = measure_ghosts(pictures, ends, gone)["visible"]
    return [seen if measured else None for seen, measured in zip(visible.tolist(), gone.measured.tolist(), strict=True)]


def share(wins: Sequence[bool]) -> str:
    """ "93.1 % (90.0 to 95.4)" """
    if not wins:
        return "-"
    low, high = binomtest(sum(wins), len(wins)).proportion_ci(method="wilson")
    return f"{sum(wins) / len(wins):.1%} ({low * 100:.1f} to {high * 100:.1f})"


def difference(wins: Sequence[bool], others: Sequence[bool], draws: int = 4000) -> str:
    """How many points more often `wins` than `others`, of the same scenes, with an interval."""
    apart = np.array(wins, dtype=float) - np.array(others, dtype=float)
    rng = np.random.default_rng(0)
    means = apart[rng.integers(0, len(apart), (draws, len(apart)))].mean(1) * 100
    low, high = np.quantile(means, (0.025, 0.975))
    return f"{apart.mean() * 100:+.1f} ({low:+.1f} to {high:+.1f})"


def ways_table(scenes: Sequence[Scene], rows: dict[Way, Rows]) -> str:
    """A line for each way: shares of the groups, the difference to the first way, ghosts and time."""
    groups = {name: [k for k, scene in enumerate(scenes) if scene.family in of] for name, of in GROUPS.items()}
    groups = {name: which for name, which in groups.items() if which}
    base = next(iter(rows.values()))
    lines = [
        f"| {' | '.join(['', *groups, 'to the first row, points', 'visible ghosts', 'time'])} |",
        f"|{'---|' * (len(groups) + 4)}",
    ]
    for way, of_way in rows.items():
        seen = [visible for visible in of_way.ghost if visible is not None]
        cells = [share([of_way.success[k] for k in which]) for which in groups.values()]
        apart = "" if of_way is base else difference(of_way.success, base.success)
        taken = f"{of_way.seconds / max(base.seconds, 1e-9):.0%}"
        lines.append(f"| {' | '.join([way.name, *cells, apart, share(seen), taken])} |")
    return "\n".join(lines)


def families_table(scenes: Sequence[Scene], rows: dict[Way, Rows]) -> str:
    """A line for each family: shares in all ways, and which rules the first way failed."""
    names = list(dict.fromkeys(scene.family for scene in scenes))
    lines = [f"| family | {' | '.join(way.name for way in rows)} | failed |", f"|{'---|' * (len(rows) + 2)}"]
    base = next(iter(rows.values()))
    for name in names:
        which = [k for k, scene in enumerate(scenes) if scene.family == name]
        cells = [share([of_way.success[k] for k in which]) for of_way in rows.values()]
        rules = [base.failed[k] for k in which if base.failed[k]]
        failed = ", ".join(f"{rule} {rules.count(rule)}" for rule in dict.fromkeys(rules))
        lines.append(f"| {name} | {' | '.join(cells)} | {failed} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, required=True, help="folder of the weights")
    parser.add_argument("--set", choices=list(SETS), default="tuning")
    parser.add_argument("--scenes", type=int, default=312, help="dealt evenly over the families")
    parser.add_argument("--held-out", action="store_true", help="the families that were never trained, too")
    parser.add_argument("--tables", default="families,steps", help=f"of {', '.join(TABLES)}; or all")
    parser.add_argument("--batch", type=int, help="scenes at a time (default 52 on a GPU, 6 without)")
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--json", type=Path, help="write every scene's row here")
    args = parser.parse_args()
    chosen = list(TABLES) if args.tables == "all" else args.tables.split(",")
    if unknown := [name for name in chosen if name not in TABLES]:
        parser.error(f"--tables knows {', '.join(TABLES)}; got {', '.join(unknown)}")
    if args.scenes < 1:
        parser.error(f"--scenes must be at least 1, got {args.scenes}")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        sampler = Sampler.load(args.weights).to(device)
    except weights.WeightsError as error:
        parser.exit(2, f"{error}\n")
    names = families.TOLD + families.FREE + (families.HELD_OUT if args.held_out else ())
    scenes = draw_scenes(args.scenes, SETS[args.set], names)
    ways = list(dict.fromkeys(way for name in chosen for way in TABLES[name]))
    batch = args.batch or (52 if device.type == "cuda" else 6)
    precision = getattr(torch, args.precision)
    rows = measure(sampler, scenes, ways, batch, precision, lambda text: print(text, flush=True))
    for name in chosen:
        of_table = {way: rows[way] for way in TABLES[name]}
        print(f"\n{name}, {len(scenes)} scenes of the set {args.set!r}\n")
        print((families_table if name == "families" else ways_table)(scenes, of_table))
        if name == "families":
            print(f"\n{ways_table(scenes, of_table)}")
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        written = {way.name: vars(of_way) for way, of_way in rows.items()}
        families_ = [scene.family for scene in scenes]
        args.json.write_text(json.dumps({"set": args.set, "families": families_, "ways": written}) + "\n")
        print(f"written to {args.json}")


if __name__ == "__main__":
    main()
