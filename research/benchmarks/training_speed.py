"""Times of the embedded model in plain torch (research/world/wan.py) and in diffusers' Wan classes, in one run.

    python tools/run.py research.benchmarks.training_speed

A training step of the transformer, and what the VAE takes to encode and decode, on clips of world 2, with the same
random weights in both. On a GPU with bfloat16 and compiled blocks, as in training. A ratio above 1 says that diffusers
takes longer.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median

import torch

from ..tabletop.drawing import SIZE
from ..tabletop.sampling import build_transformer, build_vae
from ..world import wan

TEXT_LENGTH = 64


def time_of(work: Callable[[], object], device: torch.device, repeats: int) -> float:
    """Median seconds."""

    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize()

    taken = []
    for _ in range(repeats + 2):  # the first ones compile
        wait()
        began = time.perf_counter()
        work()
        wait()
        taken.append(time.perf_counter() - began)
    return median(taken[2:])


def compare_steps(args: argparse.Namespace, device: torch.device) -> list[float]:
    """Seconds of a training step, ours and diffusers'; prints how far apart the results are in float32."""
    ours = wan.Transformer(args.dim, args.ffn_dim, args.layers).to(device)
    torch.nn.init.normal_(ours.head.head.weight, std=0.02)
    theirs = build_transformer(ours.state_dict()).train().to(device)
    side = args.size // 8
    x = torch.randn(args.batch, 16, 9, side, side, device=device)
    condition = torch.randn(args.batch, 20, 9, side, side, device=device)
    text, when = torch.randn(args.batch, TEXT_LENGTH, 4096, device=device), torch.full((args.batch,), 500.0).to(device)
    rotation = wan.rotation_for(x)

    def run_ours() -> torch.Tensor:
        return ours(x, when, text, condition, rotation)

    def run_theirs() -> torch.Tensor:
        return theirs(torch.cat([x, condition], 1), when, text, return_dict=False)[0]

    def step(run: Callable[[], torch.Tensor]) -> None:
        with torch.autocast(device.type, torch.bfloat16):
            run().float().square().mean().backward()

    with torch.no_grad():
        print(f"transformer: relative difference {relative_difference(run_ours(), run_theirs()):.1e}")
    if device.type == "cuda":
        for block in [*ours.blocks, *theirs.blocks]:
            block.compile(dynamic=False)
    return [time_of(lambda run=run: step(run), device, args.repeats) for run in (run_ours, run_theirs)]


def compare_vaes(args: argparse.Namespace, device: torch.device) -> dict[str, list[float]]:
    """The same of encoding and decoding."""
    ours = wan.VAE(args.vae_dim).to(device).eval()
    theirs = build_vae(ours.state_dict()).to(device)
    clips = torch.rand(args.clips, 3, 33, args.size, args.size, device=device) * 2 - 1
    seconds = {}
    with torch.no_grad():
        latent = ours.encode(clips)[0]
        work = {
            "VAE encode": (lambda: ours.encode(clips)[0], lambda: theirs.encode(clips).latent_dist.mean),
            "VAE decode": (
                lambda: ours.decode(latent).clamp(-1, 1),
                lambda: theirs.decode(latent, return_dict=False)[0],
            ),
        }
        for name, both in work.items():
            print(f"{name}: relative difference {relative_difference(*(run() for run in both)):.1e}")
            with torch.autocast(device.type, torch.bfloat16):
                seconds[name] = [time_of(run, device, args.repeats) for run in both]
    return seconds


def relative_difference(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).norm() / a.norm())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--ffn-dim", type=int, default=1536)
    parser.add_argument("--layers", type=int, default=8)
    parser.add_argument("--vae-dim", type=int, default=24)
    parser.add_argument("--size", type=int, default=SIZE)
    parser.add_argument("--batch", type=int, default=64, help="clips of 33 frames in a step")
    parser.add_argument("--clips", type=int, default=8, help="clips that the VAE takes at once")
    parser.add_argument("--repeats", type=int, default=8)
    args = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch.manual_seed(0)
    seconds = {"training step": compare_steps(args, device), **compare_vaes(args, device)}
    where = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    print(f"| on {where} | plain torch | diffusers | ratio |\n|---|---|---|---|")
    for name, (a, b) in seconds.items():
        print(f"| {name} | {a * 1000:.0f} ms | {b * 1000:.0f} ms | {b / a:.2f} |")


if __name__ == "__main__":
    main()
