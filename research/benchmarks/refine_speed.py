"""Seconds of still-video refinement at full size, and of a whole edit with it.

    python tools/run.py research.benchmarks.refine_speed
    python tools/run.py research.benchmarks.refine_speed --repeats 3 --json refine.json
    python tools/run.py research.benchmarks.refine_speed --show refine.json

With a GPU, Wan 2.2 A14B at 480x832 with random weights (speed does not depend on what they have learnt); without one,
the embedded model at its own size. Steps and CFG are those of few-step LoRAs: 8 and 1. Rows:

    img2img pass          Still-Video Refiner, 5 images, from sigma 0.63 with the low-noise expert only
    full still video    Still-Video Refiner, 9 images, all steps with both experts
    whole edit          Start Image to Video, Edit Sampler (33 frames, stride 3), Decode Keyframes, choosing the frame
                        by measurement, and the img2img pass

Every row is everything that the nodes do: encoding, sampling, decoding and choosing; text encoders and the loading of
models are left out. Beside it the targets that the row meets or misses (those in seconds are for an H100). No picture
is skipped, and with random weights none is ever good enough to be taken, which costs the same time.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass

import torch

from . import edit_speed, random_models
from .edit_speed import SEED, STRIDE, Case, Memory, Setup, timed

LIGHT, FULL, EDIT = "img2img pass", "full still video", "whole edit"
ROWS = (LIGHT, FULL, EDIT)
FULL_LENGTH, LIGHT_LENGTH = 9, 5  # images

H100_SECONDS = {LIGHT: 1.0, FULL: 3.0, EDIT: 8.0}
PUBLISHED_EDIT = 12.0  # seconds on one H100, IF-Edit, arXiv 2511.19435
CHEAPER = 4.0  # times, of the img2img pass


@dataclass
class GivenText:
    """Stands in for a CLIP socket: text conditioning that is there already."""

    conditioning: list

    def tokenize(self, text: str) -> str:
        return text

    def encode_from_tokens_scheduled(self, tokens: str) -> list:
        return [[tensor, dict(options)] for tensor, options in self.conditioning]


def refine(case: Case, setup: Setup, picture: torch.Tensor, mode: str) -> str:
    """The Still-Video Refiner's report on a picture [1, H, W, 3]."""
    from ...nodes.refinement import StillVideoRefiner

    length = {LIGHT: LIGHT_LENGTH, FULL: FULL_LENGTH}[mode]
    return StillVideoRefiner.execute(
        setup.model,
        GivenText(setup.positive),
        setup.vae,
        picture,
        SEED,
        case.steps,
        case.cfg,
        "euler",
        "simple",
        model_low_noise=setup.model_low_noise,
        mode=mode,
        prompt="a still image",
        length=length,
    )[2]


def edit(case: Case, setup: Setup) -> str:
    """Makes and refines an edit; the refiner's report."""
    from ...editing.selection.choose import choose_frame
    from ...editing.selection.measures import measure_frames

    latent = edit_speed.sample(case, setup, edit_speed.encode(case, setup, core=False), STRIDE)
    latent = {**latent, "samples": latent["samples"].nan_to_num()}  # what random weights can make
    frames = edit_speed.decode(setup, latent, core=False).nan_to_num()
    chosen = choose_frame(measure_frames(frames, range(len(frames)))).position
    return refine(case, setup, frames[chosen : chosen + 1], LIGHT)


def run_case(case: Case, setup: Setup, rows: list[str], on_row: Callable[[dict], None], repeats: int = 1) -> None:
    """Measures a case after one run of each row that warms up; `on_row` gets each row when it is finished."""
    picture = torch.rand(1, case.height, case.width, 3, generator=torch.Generator().manual_seed(SEED))
    light = None
    for name in rows:

        def run(name=name) -> str:
            return edit(case, setup) if name == EDIT else refine(case, setup, picture, name)

        run()
        setup.forwards.calls.clear()
        with Memory() as memory:
            runs = [timed(run) for _ in range(repeats)]
        calls = {shape: count // repeats for shape, count in setup.forwards.calls.items()}
        seconds = min(seconds for seconds, _ in runs)
        light = seconds if name == LIGHT else light
        on_row(
            {
                "case": case.name,
                "row": name,
                "size": f"{case.width}x{case.height}",
                "steps": case.steps,
                "seconds": seconds,
                "raw": setup.forwards.raw_total(calls),
                "forwards": [[shape[2], count] for shape, count in calls.items()],  # latent frames, how many
                "times_light": None if light is None else seconds / light,
                "peak": memory.used,
                "report": runs[-1][1].splitlines(),
            }
        )


def targets(row: dict, device: str) -> list[tuple[str, bool]]:
    """What a row of the full-size models is held to, and whether it gets there."""
    if row["case"] == edit_speed.DEMO.name:
        return []
    found = []
    if "H100" in device:
        limit = H100_SECONDS[row["row"]]
        published = f" (published: {PUBLISHED_EDIT:g} s)" if row["row"] == EDIT else ""
        found.append((f"<= {limit:g} s{published}", row["seconds"] <= limit))
    if row["row"] == FULL and row["times_light"] is not None:
        found.append((f"img2img pass {CHEAPER:g} times cheaper", row["times_light"] >= CHEAPER))
    return found


def table(results: dict) -> str:
    """The rows as text. `forwards` alone: seconds that the diffusion model's forwards take, timed in the same run."""
    lines = [
        f"{results['device']}, PyTorch {results['torch']}, ComfyUI {results['comfyui']}, weights {results['weights']}",
        f"{'row':18} {'seconds':>8} {'forwards':>9} {'x light':>8} {'peak GiB':>9}  latent frames x forwards, targets",
    ]
    for row in results["rows"]:
        times = "-" if row["times_light"] is None else f"{row['times_light']:.1f}"
        peak = "-" if row["peak"] is None else f"{row['peak']:.1f}"
        forwards = " + ".join(f"{frames} x {count}" for frames, count in row["forwards"])
        verdicts = [f"{text} {'ok' if met else 'MISSED'}" for text, met in targets(row, results["device"])]
        lines.append(
            f"{row['row']:18} {row['seconds']:8.2f} {row['raw']:9.2f} {times:>8} {peak:>9}  "
            + ", ".join([forwards, *verdicts])
        )
    return "\n".join(lines)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tools/run.py research.benchmarks.refine_speed", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--experts", choices=["resident", "swapped"], help="as for research.benchmarks.edit_speed")
    edit_speed.add_result_arguments(parser)
    parser.set_defaults(cap_memory=None)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    if options.show:
        edit_speed.print_saved(options.show, table)
        return 0
    comfyui = random_models.find_comfyui()
    case = edit_speed.CASES["33f-8steps"] if torch.cuda.is_available() else Case("demo", None, 128, 128, 33, 8, 1.0)
    results = {**edit_speed.circumstances(comfyui, "bf16"), "rows": []}

    def on_row(row: dict) -> None:
        results["rows"].append(row)
        edit_speed.save(results, options.json)
        print(table({**results, "rows": [row]}).splitlines()[-1], flush=True)

    import comfy.utils

    comfy.utils.set_progress_bar_enabled(False)
    with torch.inference_mode():
        resident = edit_speed.is_resident(case.size, torch.bfloat16, options)
        seconds, setup = timed(lambda: edit_speed.set_up(case.size, torch.bfloat16, resident))
        print(f"{case.name}: models made in {seconds:.1f} s", flush=True)
        run_case(case, setup, options.rows, on_row, options.repeats)
    print("\n" + table(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
