"""Seconds and memory of an edit at full size: our nodes against ComfyUI's plain workflow, in one process.

    python tools/run.py research.benchmarks.edit_speed                      # all cases that there is time for
    python tools/run.py research.benchmarks.edit_speed --cases 33f-8steps --minutes 5 --json speed.json
    python tools/run.py research.benchmarks.edit_speed --cases 33f-8steps --cap-memory 24
    python tools/run.py research.benchmarks.edit_speed --show speed.json other.json

With a GPU, Wan models of full size with random weights (speed does not depend on what they have learnt); without one,
the embedded model at its own size. The plain workflow is WanImageToVideo, two KSampler (Advanced) and VAE Decode, for
the 5B model Wan22ImageToVideoLatent and one KSampler; ours is Start Image to Video, Edit Sampler and Decode Keyframes.
Printed for each:

    sampling, encode, decode, total    seconds
    x                                  how many times faster than the plain workflow, sampling alone
    raw x                              the same ratio of nothing but the diffusion model's forwards, timed in this run
    over                               what sampling took beyond those forwards
    peak, reserved                     GiB of GPU memory while sampling: in tensors, and taken by PyTorch's allocator

and beside it the targets that the row meets or misses (those in seconds are for an H100).
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from . import random_models
from .random_models import A14B, GIB, TI2V_5B, Size

PLAIN, NONE, STRIDE, ENDS, TWICE = "plain", "none", "stride 3", "first + last", "stride 3, settled"
DROPS = (PLAIN, STRIDE, ENDS, TWICE, NONE)  # in the order of their importance
SWITCH, SECOND_DROP, STRIDE_LENGTH = 0.9, 0.6, 3
SEED = 7
RAW_SECONDS = 1.5  # for how long a raw forward is repeated

MAX_OVERHEAD = 0.03
RATIO_SLACK = 0.05
PEAK_SLACK = 1 / 1024  # GiB: the list of kept frames and the like
H100_SECONDS = {("33f-8steps", STRIDE): 4.7, ("33f-8steps", ENDS): 3.7}


@dataclass(frozen=True)
class Case:
    """One size of the edit. size: None is the embedded model."""

    name: str
    size: Size | None
    width: int
    height: int
    frames: int
    steps: int
    cfg: float
    costly: bool = False  # without a drop it takes so long that this row comes after all other cases

    @property
    def latent_frames(self) -> int:
        return (self.frames - 1) // 4 + 1


CASES = {
    case.name: case
    for case in (  # the most important first; the 5B model last, for which the other has to go
        Case("33f-8steps", A14B, 832, 480, 33, 8, 1.0),
        Case("81f-20steps", A14B, 832, 480, 81, 20, 3.5, costly=True),
        Case("33f-720p", A14B, 1280, 720, 33, 8, 1.0),
        Case("33f-20steps", A14B, 832, 480, 33, 20, 3.5, costly=True),
        Case("81f-8steps", A14B, 832, 480, 81, 8, 1.0, costly=True),
        Case("5b", TI2V_5B, 1280, 704, 33, 20, 5.0),
    )
}
DEMO = Case("demo", None, 128, 128, 33, 20, 1.0)


# --- measuring -------------------------------------------------------------------------------------------------------


def synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def timed(run: Callable[[], object]) -> tuple[float, object]:
    """(seconds until the device has finished, result)"""
    synchronize()
    began = time.perf_counter()
    result = run()
    synchronize()
    return time.perf_counter() - began, result


class Memory:
    """Peak of the GPU's memory within a `with` block, in GiB; None without a GPU."""

    used: float | None = None
    above: float | None = None  # what was there before
    reserved: float | None = None

    def __enter__(self) -> Memory:
        if torch.cuda.is_available():
            gc.collect()
            torch.cuda.reset_peak_memory_stats()
            self._before = torch.cuda.memory_allocated()
        return self

    def __exit__(self, *exception) -> None:
        if torch.cuda.is_available():
            self.used = torch.cuda.max_memory_allocated() / GIB
            self.above = (torch.cuda.max_memory_allocated() - self._before) / GIB
            self.reserved = torch.cuda.max_memory_reserved() / GIB


class OutOfTime(Exception):
    """Not enough is left of --minutes for the next run."""


class Clock:
    def __init__(self, minutes: float):
        self.end = time.monotonic() + 60 * minutes

    def check(self, seconds: float) -> None:
        if time.monotonic() + seconds > self.end:
            raise OutOfTime(f"{seconds:.0f} s more are needed")


class Forwards:
    """A wrapper around diffusion models that counts their forwards by input shape and can repeat them on their own."""

    def __init__(self):
        self.models: list = []  # MODELs that it is in
        self.calls: Counter = Counter()
        self.examples: dict[tuple, tuple[torch.nn.Module, Callable[[], object]]] = {}
        self.seconds: dict[tuple, float] = {}

    def __call__(self, executor, x, *args, **kwargs):
        shape = tuple(x.shape)
        self.calls[shape] += 1
        if shape not in self.examples:
            # Without the options, the model runs without any wrapper.
            bare = [{} if isinstance(value, dict) else value for value in args]
            bare_named = {name: {} if isinstance(value, dict) else value for name, value in kwargs.items()}
            module = executor.class_obj
            self.examples[shape] = (module, lambda: module(x, *bare, **bare_named))
        return executor(x, *args, **kwargs)

    def raw_seconds(self, shape: tuple) -> float:
        """Of one forward of that input shape, warmed up, with nothing around it."""
        if shape not in self.seconds:
            import comfy.model_management

            module, forward = self.examples[shape]
            owners = [model for model in self.models if model.get_model_object("diffusion_model") is module]
            comfy.model_management.load_models_gpu(owners)
            first, _ = timed(forward)
            repeats = max(1, int(RAW_SECONDS / first))
            rest, _ = timed(lambda: [forward() for _ in range(repeats)])
            self.seconds[shape] = rest / repeats
        return self.seconds[shape]

    def raw_total(self, calls: Counter) -> float:
        return sum(count * self.raw_seconds(shape) for shape, count in calls.items())


# --- the two workflows -----------------------------------------------------------------------------------------------


@dataclass
class Setup:
    """The models of a case, with a wrapper that watches their forwards."""

    model: object
    model_low_noise: object | None
    vae: object
    positive: list
    negative: list
    forwards: Forwards

    @property
    def start_image_in_latent(self) -> bool:
        return self.vae.latent_channels == 48  # Wan 2.2 5B


def watched(model, shift: float, forwards: Forwards):
    from comfy.patcher_extension import WrappersMP
    from comfy_extras.nodes_model_advanced import ModelSamplingSD3

    model = ModelSamplingSD3().patch(model, shift)[0]
    model.add_wrapper_with_key(WrappersMP.DIFFUSION_MODEL, "if_edit_benchmark", forwards)
    forwards.models.append(model)
    return model


def set_up(size: Size | None, dtype: torch.dtype, resident: bool) -> Setup:
    forwards = Forwards()
    if size is None:
        from ...nodes.demo_model import LoadDemoEditModel

        model, clip, vae = LoadDemoEditModel.execute().args
        texts = [
            clip.encode_from_tokens_scheduled(clip.tokenize(caption)) for caption in ("The red ball rolls away.", "")
        ]
        return Setup(watched(model, 3.0, forwards), None, vae, *texts, forwards)
    experts = [random_models.wan(size, SEED + expert, dtype, resident) for expert in range(size.experts)]
    models = [watched(expert, size.shift, forwards) for expert in experts]
    return Setup(
        models[0],
        models[1] if len(models) > 1 else None,
        random_models.vae(size, SEED),
        random_models.text(1),
        random_models.text(2),
        forwards,
    )


def drops_for(case: Case, drop: str) -> dict:
    """The inputs of Edit Sampler that make this drop."""
    from ...nodes.dropout import DropoutSchedule

    if drop == TWICE:
        first = DropoutSchedule.execute(SWITCH, "stride", STRIDE_LENGTH, "", 0.1)[0]
        both = DropoutSchedule.execute(SECOND_DROP, "first + settled", STRIDE_LENGTH, "", 0.1, previous=first)[0]
        return {"dropout_stride": 0, "dropout": both}
    return {"dropout_stride": {NONE: 0, STRIDE: STRIDE_LENGTH, ENDS: case.latent_frames - 1}[drop]}


def encode(case: Case, setup: Setup, core: bool) -> tuple:
    """(positive, negative, latent) of the start image, by ComfyUI's node or ours."""
    from comfy_extras.nodes_wan import Wan22ImageToVideoLatent, WanImageToVideo

    from ...nodes.start_image import StartImageToVideo

    image = torch.rand(1, case.height, case.width, 3, generator=torch.Generator().manual_seed(SEED))
    place = (setup.vae, case.width, case.height, case.frames, 1)
    if setup.start_image_in_latent:  # encodes the image alone: the same for both
        return setup.positive, setup.negative, Wan22ImageToVideoLatent.execute(*place, start_image=image)[0]
    node = WanImageToVideo if core else StartImageToVideo
    return node.execute(setup.positive, setup.negative, *place, start_image=image).args


def sample(case: Case, setup: Setup, start: tuple, drop: str, steps: int | None = None, switch: float = SWITCH) -> dict:
    """The denoised LATENT."""
    import nodes as core

    from ...nodes.edit_sampler import EditSampler
    from ...sampling.stages import make_sigmas

    positive, negative, latent = start
    steps = steps or case.steps
    solver = (SEED, steps, case.cfg, "euler", "simple")
    if drop != PLAIN:
        drops = drops_for(case, drop)
        return EditSampler.execute(
            setup.model, positive, negative, latent, *solver, switch, model_low_noise=setup.model_low_noise, **drops
        )[0]
    if setup.start_image_in_latent:  # the template of the 5B model
        return core.KSampler().sample(setup.model, *solver, positive, negative, latent)[0]
    sigmas = make_sigmas(setup.model, steps, "euler", "simple").tolist()
    border = next(step for step, sigma in enumerate(sigmas) if sigma <= switch)
    sampler = core.KSamplerAdvanced().sample
    latent = sampler(setup.model, "enable", *solver, positive, negative, latent, 0, border, "enable")[0]
    low = setup.model_low_noise or setup.model
    return sampler(low, "disable", *solver, positive, negative, latent, border, 10000, "disable")[0]


def decode(setup: Setup, latent: dict, core: bool) -> torch.Tensor:
    """Images [N, H, W, 3]: all of the video from ComfyUI's node, one for each latent frame from ours."""
    import nodes as core_nodes

    from ...nodes.keyframes import DecodeKeyframes

    if core:
        return core_nodes.VAEDecode().decode(setup.vae, latent)[0]
    return DecodeKeyframes.execute(latent, setup.vae)[0]


# --- a case ----------------------------------------------------------------------------------------------------------


def run_case(
    case: Case,
    setup: Setup,
    drops: list[str],
    clock: Clock,
    on_row: Callable[[dict], None],
    plain: dict | None = None,
    repeats: int = 1,
) -> dict:
    """Measures a case with the wanted drops; `on_row` gets each row when it is finished.

    Returns the row of the plain workflow, which is measured first unless it is given. Raises OutOfTime.
    """
    starts, encoding = {}, {}
    for core in (True, False):
        encode(replace(case, frames=min(case.frames, 9)), setup, core)  # warms up
        with Memory() as memory:
            runs = [timed(lambda core=core: encode(case, setup, core)) for _ in range(repeats + 1)]
        starts[core] = runs[0][1]
        encoding[core] = {"encode": min(seconds for seconds, _ in runs), "encode_peak": memory.used}
    same_condition = equal(starts[True], starts[False])

    for drop in ([PLAIN] if plain is None else []) + [drop for drop in drops if drop != PLAIN]:
        core = drop == PLAIN
        warm_up(case, setup, starts[core], drop)
        clock.check(1.2 * repeats * expected_seconds(case, setup, starts[core], drop))
        setup.forwards.calls.clear()
        with Memory() as memory:
            runs = [timed(lambda drop=drop, core=core: sample(case, setup, starts[core], drop)) for _ in range(repeats)]
        calls = {shape: count // repeats for shape, count in setup.forwards.calls.items()}
        latent = {**runs[-1][1], "samples": runs[-1][1]["samples"].nan_to_num()}  # what random weights can make
        decode(setup, {"samples": latent["samples"][:, :, :2]}, core)  # warms up
        with Memory() as decode_memory:
            decodings = [timed(lambda latent=latent, core=core: decode(setup, latent, core))[0] for _ in range(repeats)]
        row = {
            "case": case.name,
            "drop": drop,
            "size": f"{case.width}x{case.height}",
            "frames": case.frames,
            "steps": case.steps,
            "cfg": case.cfg,
            "kept": latent.get("kept_latent_frames", list(range(case.latent_frames))),
            "sampling": min(seconds for seconds, _ in runs),
            **encoding[core],
            "decode": min(decodings),
            "raw": setup.forwards.raw_total(calls),
            "forwards": [[shape[0], shape[2], count] for shape, count in calls.items()],  # batch, frames, how many
            "peak": memory.used,
            "peak_above": memory.above,
            "reserved": memory.reserved,
            "decode_peak": decode_memory.used,
            "same_condition": same_condition,
        }
        row["total"] = row["sampling"] + row["encode"] + row["decode"]
        row["overhead"] = row["sampling"] / row["raw"] - 1
        plain = plain or row
        row["ratio"] = plain["sampling"] / row["sampling"]
        row["raw_ratio"] = plain["raw"] / row["raw"]
        row["total_ratio"] = plain["total"] / row["total"]
        row["plain_peak_above"] = plain["peak_above"]
        on_row(row)
    return plain


def warm_up(case: Case, setup: Setup, start: tuple, drop: str) -> None:
    """One forward at the length that the drop leaves, if there was none yet of this shape: the first is slower."""
    latent_frames = {NONE: case.latent_frames, PLAIN: case.latent_frames, ENDS: 2}.get(drop)
    wanted = (1 if case.cfg == 1.0 else 2, latent_frames, *start[2]["samples"].shape[-2:])
    if wanted not in [(shape[0], *shape[2:]) for shape in setup.forwards.examples]:
        # One step, before which everything is dropped.
        once = {PLAIN: NONE, TWICE: STRIDE}.get(drop, drop)
        sample(case, setup, start, once, steps=1, switch=1.0)


def expected_seconds(case: Case, setup: Setup, start: tuple, drop: str) -> float:
    """Of the sampling, about, from a raw forward of the whole video."""
    branches = 1 if case.cfg == 1.0 else 2
    whole = min(
        setup.forwards.raw_seconds(shape) * branches / shape[0]
        for shape in setup.forwards.examples
        if shape[2:] == start[2]["samples"].shape[2:]
    )
    return case.steps * whole * {STRIDE: 0.65, TWICE: 0.65, ENDS: 0.55}.get(drop, 1.0)


def equal(one: tuple, other: tuple) -> bool:
    """Whether two (positive, negative, latent) hold the same condition, bit for bit."""
    conditions = [part[0][0][1].get("concat_latent_image") for part in (one, other)]
    if conditions[0] is None:
        return torch.equal(one[2]["samples"], other[2]["samples"])
    return torch.equal(*conditions)


# --- the table -------------------------------------------------------------------------------------------------------


def targets(row: dict, device: str) -> list[tuple[str, bool]]:
    """What a row of the full-size models is held to, and whether it gets there."""
    if row["case"] == DEMO.name:
        return []
    found = []
    if row.get("budget") is not None:
        return [(f"inside {row['budget']:g} GiB", row["reserved"] <= row["budget"])]
    if row["drop"] != PLAIN:
        found.append((f"over <= {MAX_OVERHEAD:.0%}", row["overhead"] <= MAX_OVERHEAD))
        slack = f"x >= {(1 - RATIO_SLACK) * row['raw_ratio']:.2f}"
        found.append((slack, row["ratio"] >= (1 - RATIO_SLACK) * row["raw_ratio"]))
        if not row["same_condition"]:
            found.append(("same condition as core", False))
    seconds = H100_SECONDS.get((row["case"], row["drop"]))
    if seconds is not None and "H100" in device:
        found.append((f"sampling <= {seconds} s", row["sampling"] <= seconds))
    if row["drop"] not in (PLAIN, NONE) and row["peak"] is not None:
        # Without what was there before, such as the inputs that the raw forwards are timed with.
        found.append(("peak <= plain", row["peak_above"] <= row["plain_peak_above"] + PEAK_SLACK))
    return found


COLUMNS = (
    ("sampling", "8.2f"),
    ("encode", "7.2f"),
    ("decode", "7.2f"),
    ("total", "8.2f"),
    ("ratio", "6.2f"),
    ("raw_ratio", "6.2f"),
    ("overhead", "7.1%"),
    ("peak", "6.1f"),
    ("reserved", "9.1f"),
)
TITLES = {"ratio": "x", "raw_ratio": "raw x", "overhead": "over"}


def table(results: dict) -> str:
    """The rows as text."""

    def width(form: str) -> int:
        return int(form.split(".")[0])

    lines = [
        f"{results['device']}, PyTorch {results['torch']}, ComfyUI {results['comfyui']}, weights {results['weights']}",
        f"{'case':12} {'drop':18} {'kept':>5} "
        + " ".join(f"{TITLES.get(name, name):>{width(form)}}" for name, form in COLUMNS)
        + "  targets",
    ]
    for row in results["rows"]:
        cells = [f"{'-':>{width(form)}}" if row[name] is None else f"{row[name]:{form}}" for name, form in COLUMNS]
        verdicts = [f"{text} {'ok' if met else 'MISSED'}" for text, met in targets(row, results["device"])]
        lines.append(
            f"{row['case']:12} {row['drop']:18} {len(row['kept']):5} {' '.join(cells)}  {', '.join(verdicts)}".rstrip()
        )
    lines += [f"not run: {reason}" for reason in results.get("left_out", [])]
    return "\n".join(lines)


# --- command line ----------------------------------------------------------------------------------------------------


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tools/run.py research.benchmarks.edit_speed", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--cases", nargs="+", choices=[*CASES, DEMO.name], help="default: all; without a GPU, demo")
    parser.add_argument("--drops", nargs="+", choices=DROPS, default=list(DROPS), help="rows of each case")
    parser.add_argument("--minutes", type=float, default=60.0, help="stop before this much time has passed")
    parser.add_argument("--weights", choices=["bf16", "fp8_e4m3fn"], help="default: bf16, with --cap-memory fp8")
    parser.add_argument(
        "--cap-memory", type=float, metavar="GIB", help="emulate a card of this size; experts wait in the CPU's memory"
    )
    parser.add_argument(
        "--experts", choices=["resident", "swapped"], help="both on the GPU, or moved by ComfyUI (default: what fits)"
    )
    add_result_arguments(parser)
    return parser.parse_args(arguments)


def add_result_arguments(parser: argparse.ArgumentParser) -> None:
    """What every benchmark of speed lets one say about its rows."""
    parser.add_argument("--repeats", type=int, default=1, help="runs of each row, of which the fastest counts")
    parser.add_argument("--json", type=Path, help="write the results there, after every row")
    parser.add_argument("--show", type=Path, nargs="+", metavar="JSON", help="only print the tables of such files")


def print_saved(paths: list[Path], table: Callable[[dict], str]) -> None:
    """The tables of results that --json wrote."""
    print("\n\n".join(table(json.loads(path.read_text(encoding="utf-8"))) for path in paths))


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    if options.show:
        print_saved(options.show, table)
        return 0
    comfyui = random_models.find_comfyui(options.cap_memory)
    weights = options.weights or ("fp8_e4m3fn" if options.cap_memory else "bf16")
    results = {**circumstances(comfyui, weights), "rows": [], "left_out": []}

    def on_row(row: dict) -> None:
        results["rows"].append({**row, "budget": options.cap_memory})
        save(results, options.json)
        print(table({**results, "rows": results["rows"][-1:], "left_out": []}).splitlines()[-1], flush=True)

    import comfy.utils

    comfy.utils.set_progress_bar_enabled(False)
    clock = Clock(options.minutes)
    with torch.inference_mode():
        run_cases(options, weights, clock, on_row, results["left_out"])
    save(results, options.json)
    print("\n" + table(results))
    return 0


def circumstances(comfyui: str, weights: str) -> dict[str, str]:
    """What times depend on: the device, the versions, and the weights' type (on a GPU)."""
    gpu = torch.cuda.is_available()
    return {
        "device": torch.cuda.get_device_name() if gpu else f"CPU, {torch.get_num_threads()} threads",
        "torch": torch.__version__,
        "comfyui": comfyui,
        "weights": weights if gpu else "of the embedded model",
    }


def save(results: dict, path: Path | None) -> None:
    """Write the results as JSON, if a path is given."""
    if path:
        path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def run_cases(
    options: argparse.Namespace, weights: str, clock: Clock, on_row: Callable[[dict], None], left_out: list[str]
) -> None:
    dtype = torch.float8_e4m3fn if weights == "fp8_e4m3fn" else torch.bfloat16
    names = options.cases or (list(CASES) if torch.cuda.is_available() else [DEMO.name])
    cases = [CASES.get(name, DEMO) for name in names]
    passes = [
        (case, [drop for drop in options.drops if (drop == NONE and case.costly) == last])
        for last in (False, True)
        for case in cases
    ]
    setup, built, plain = None, None, {}
    for case, drops in passes:
        if not drops:
            continue
        if built != [case.size]:
            setup = None
            clean_up()
            seconds, setup = timed(lambda case=case: set_up(case.size, dtype, is_resident(case.size, dtype, options)))
            built = [case.size]
            print(f"{case.name}: models made in {seconds:.1f} s", flush=True)
        try:
            plain[case] = run_case(case, setup, drops, clock, on_row, plain.get(case), options.repeats)
        except OutOfTime as reason:
            left_out.append(f"{case.name}, the rest of {', '.join(drops)}: {reason}")


def is_resident(size: Size | None, dtype: torch.dtype, options: argparse.Namespace) -> bool:
    """Whether all experts stay on the GPU: as asked, else if they leave 20 GiB for the work."""
    if size is None or not torch.cuda.is_available():
        return False
    if options.experts is not None:
        return options.experts == "resident"
    block = 4 * size.dim * size.dim * 2 + 2 * size.dim * size.ffn_dim  # two attentions and the feed-forward
    needed = size.experts * size.layers * block * dtype.itemsize / GIB
    total = options.cap_memory or torch.cuda.mem_get_info()[1] / GIB
    return needed + 20 <= total


def clean_up() -> None:
    """Frees the models that nothing refers to any more; ComfyUI's own way would bring them to the CPU first."""
    import comfy.model_management

    gc.collect()
    comfy.model_management.cleanup_models()
    comfy.model_management.soft_empty_cache()


if __name__ == "__main__":
    sys.exit(main())
