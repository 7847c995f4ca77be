"""Trains the VAE of embedded model 2 on world 2: first on single images, then on clips, at last on whole pictures.

A causal convolution over one frame is a 2-D convolution with its last temporal tap. So images come first, which is
fast, with the other taps zero and the temporal convolutions of the resampling layers an identity: the result already
reconstructs every frame of a clip. Clips then teach it motion. Both are windows of pictures at full, three quarters or
half of their size; the last part of the time belongs to whole pictures, for the attention in the middle.

    python tools/run.py research.training.train_vae --minutes 9 --all-minutes 19 --work /tmp/if-edit

Out of time, the next call goes on where the last one ended, until all minutes are over; then latents get Wan's own
statistics. `--start-from` goes on from saved weights where the checkpoint, which is several times larger, could not be
kept. A GPU with 40 GB or more is assumed.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from ...demo import weights
from ..measures import image_psnr
from ..tabletop import drawing, families
from ..world import wan
from .loop import descend

SAVE_EVERY = 120.0  # seconds
# Name, share of all minutes at which it begins and ends, learning rate at both ends.
PHASES = (("images", 0.0, 0.35, 1e-3, 2e-4), ("clips", 0.35, 0.85, 5e-4, 5e-5), ("whole", 0.85, 1.0, 1e-4, 1e-6))


def make_pool(clips: int, seed: int, device: torch.device, size: int = drawing.SIZE) -> torch.Tensor:
    """[N, 33, 3, size, size] uint8: rendered clips of all families but those that are held out."""
    names = families.TOLD + families.FREE
    pool = torch.empty((clips, families.FRAMES, 3, size, size), dtype=torch.uint8, device=device)
    for first in range(0, clips, 48):
        count = min(48, clips - first)
        scenes = [families.sample_scene(seed + first + k, names[(first + k) % len(names)]) for k in range(count)]
        shown = drawing.render(scenes, size, device=device).frames
        pool[first : first + count] = (shown * 255).round().byte()
    return pool


def take_windows(clips: torch.Tensor, side: int) -> torch.Tensor:
    """A window [N, T, 3, side, side] in -1..1 of clips [N, T, 3, H, W] uint8, at a random size."""
    height = clips.shape[-1]
    scale = (1.0, 1.0, 0.75, side / height)[int(torch.randint(4, ()))]
    frames = clips.flatten(0, 1).float() / 127.5 - 1
    if scale < 1:
        small = max(side, round(height * scale))
        frames = F.interpolate(frames, (small, small), mode="bilinear", antialias=True)
    top, left = (int(torch.randint(frames.shape[-1] - side + 1, ())) for _ in range(2))
    return frames[..., top : top + side, left : left + side].unflatten(0, clips.shape[:2])


def start_as_images(model: wan.VAE) -> None:
    """Zeroes the taps that look back, and makes the resampling in time an identity."""
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, wan.CausalConv3d) and module.kernel_size[0] > 1:
                module.weight[:, :, :-1] = 0
        for module in model.modules():
            if isinstance(module, wan.Resample) and module.time:
                nn.init.zeros_(module.time_conv.weight)
                nn.init.zeros_(module.time_conv.bias)
                for out in range(module.time_conv.out_channels):
                    module.time_conv.weight[out, out % module.time_conv.in_channels, -1] = 1.0


def reconstruction_psnr(model: wan.VAE, frames: torch.Tensor) -> torch.Tensor:
    """Mean PSNR in dB of every frame number [T] for clips [B, T, 3, H, W] in 0..1."""
    with torch.no_grad(), torch.autocast(frames.device.type, torch.bfloat16, enabled=frames.is_cuda):
        out = model.decode(model.encode(frames.transpose(1, 2) * 2 - 1)[0])
    out = (out.float().clamp(-1, 1) + 1) / 2
    return torch.stack([image_psnr(out[:, :, t], frames[:, t]).mean() for t in range(frames.shape[1])])


def reconstruction_loss(out: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Of clips [B, 3, T, H, W] in -1..1: fine errors, and broad faint ones, which a person sees as a ghost."""
    error = out - target
    broad = F.avg_pool2d(error.transpose(1, 2).flatten(0, 1), 8)
    return error.abs().mean() + 4 * error.square().mean() + broad.abs().mean()


def phase_of(into: float) -> tuple[str, float]:
    """What is trained at this share of all minutes, and the learning rate."""
    for name, begin, end, high, low in PHASES:
        if into < end:
            way = (into - begin) / (end - begin)
            return name, low + (high - low) * 0.5 * (1 + math.cos(math.pi * way))
    return PHASES[-1][0], PHASES[-1][-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dim", type=int, default=24)
    parser.add_argument("--pool", type=int, default=4000, help="clips rendered for this call")
    parser.add_argument("--images", type=int, default=96, help="batch of windows of single images")
    parser.add_argument("--clips", type=int, default=6, help="batch of windows of clips; half as many whole pictures")
    parser.add_argument("--minutes", type=float, default=9.0, help="time for this call")
    parser.add_argument("--all-minutes", type=float, default=19.0, help="time for all calls")
    parser.add_argument("--start-from", type=Path, help="saved weights to train further (a checkpoint wins)")
    parser.add_argument("--spent", type=float, default=0.0, help="minutes of earlier calls, with --start-from")
    parser.add_argument("--size", type=int, default=drawing.SIZE, help="side of the pictures in pixels")
    parser.add_argument("--window", type=int, default=128, help="side of the windows in pixels")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", type=Path, default=Path("/tmp/if-edit"), help="folder of the checkpoint")
    parser.add_argument("--out", type=Path, required=True, help="folder of the weights")
    parser.add_argument("--no-compile", action="store_true")
    args = parser.parse_args()
    began = time.time()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(args.seed)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    torch._dynamo.config.recompile_limit = 128

    model = wan.VAE(args.dim).to(device)
    if args.start_from:
        model.load_state_dict(weights.load_part("vae", args.start_from)[0])
    else:
        start_as_images(model)
    average = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=1e-3, betas=(0.9, 0.98), weight_decay=1e-4, fused=device.type == "cuda"
    )
    step, spent = 0, args.spent
    args.work.mkdir(parents=True, exist_ok=True)
    checkpoint = args.work / "vae.pt"
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location=device)
        model.load_state_dict(saved["model"])
        optimiser.load_state_dict(saved["optimiser"])
        average, step, spent = saved["average"], saved["step"], saved["spent"]
        torch.manual_seed(args.seed + step)
        print(f"goes on at step {step} after {spent:.1f} minutes of {checkpoint}", flush=True)

    pool = make_pool(args.pool, args.seed * 1_000_003 + step + int(1000 * spent), device, args.size)
    took = time.time() - began
    print(f"VAE dim {args.dim}, {wan.parameter_count(model)}; {args.pool} clips in {took:.0f} s", flush=True)

    def autoencode(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        mean, log_variance = model.encode(x)
        log_variance = log_variance.float().clamp(-20, 10)
        z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp().to(mean.dtype)
        return model.decode(z), mean, log_variance

    if not args.no_compile and device.type == "cuda":
        # Norm, activation and padding fuse; blocks alike share their code.
        for module in model.modules():
            if isinstance(module, wan.ResidualBlock):
                module.compile(dynamic=False)

    def draw_batch(phase: str) -> torch.Tensor:
        """[B, 3, T, H, W] in -1..1."""
        if phase == "images":
            which = torch.randint(len(pool), (args.images,), device=device)
            frames = pool[which, torch.randint(families.FRAMES, (args.images,), device=device)][:, None]
            return take_windows(frames, args.window).transpose(1, 2)
        if phase == "clips":
            which = torch.randint(len(pool), (args.clips,), device=device)
            return take_windows(pool[which], args.window).transpose(1, 2)
        which = torch.randint(len(pool), (max(1, args.clips // 2),), device=device)
        return pool[which].transpose(1, 2).float() / 127.5 - 1

    parameters = dict(model.named_parameters())
    marked, marked_step, last_phase, saved_at = time.time(), step, "", time.time()
    going_on_at, now = step, (time.time() - began) / 60
    while step == going_on_at or (now < args.minutes and spent + now < args.all_minutes):
        phase, rate = phase_of((spent + now) / args.all_minutes)
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 100)
        x = draw_batch(phase)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            out, mean, log_variance = autoencode(x)
        out, mean = out.float(), mean.float()
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
        loss = reconstruction_loss(out, x) + 1e-5 * divergence
        step += 1
        descend(loss, optimiser, parameters, average, decay=min(0.999, step / (step + 20)))
        now = (time.time() - began) / 60
        if step % 250 == 0 or phase != last_phase:
            psnr = -10 * torch.log10((out - x).square().mean() / 4)
            per_second = (step - marked_step) / (time.time() - marked)
            print(
                f"{phase:6} step {step:6} psnr {psnr:.2f} dB  kl {divergence:.2f} {per_second:.1f} steps/s  "
                f"{now * 60:.0f} s",
                flush=True,
            )
            marked, marked_step, last_phase = time.time(), step, phase
        if time.time() - saved_at > SAVE_EVERY:  # so that a call which is cut off is not lost
            weights.save_part("vae", average, {"dim": args.dim}, args.out)
            saved_at = time.time()

    spent += (time.time() - began) / 60
    state = {"model": model.state_dict(), "optimiser": optimiser.state_dict()}
    torch.save({**state, "average": average, "step": step, "spent": spent}, checkpoint)
    weights.save_part("vae", average, {"dim": args.dim}, args.out)
    print(f"step {step}, {spent:.1f} minutes in all; saved after {time.time() - began:.0f} s", flush=True)
    model.load_state_dict(average, strict=False)
    model.eval()
    with torch.compiler.set_stance("force_eager"):  # no compiling anew for other shapes
        if spent >= args.all_minutes:
            set_statistics(model, pool)
            weights.save_part("vae", model.state_dict(), {"dim": args.dim}, args.out)
            print("finished; latents have Wan's statistics", flush=True)
        scores = score(model, args.size, device, args.out)
    (args.out / "vae_training.json").write_text(json.dumps({"step": step, "minutes": spent, **scores}))
    print(
        f"{scores['psnr']:.2f} dB, worst frame {min(scores['psnr_per_frame']):.2f} dB, worst scene "
        f"{min(scores['psnr_per_scene'].values()):.2f} dB; {time.time() - began:.0f} s",
        flush=True,
    )


def set_statistics(model: wan.VAE, pool: torch.Tensor, clips: int = 192) -> None:
    """Gives the latents of a pool's clips the mean and standard deviation of Wan's."""
    device = pool.device.type
    with torch.no_grad(), torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
        parts = pool[:clips].split(4)
        latents = torch.cat([model.encode(part.transpose(1, 2).float() / 127.5 - 1)[0].float() for part in parts])
    mean, std = latents.mean((0, 2, 3, 4)), latents.std((0, 2, 3, 4))
    print(f"latent std before rescaling {std.min():.2f} to {std.max():.2f}", flush=True)
    model.set_latent_statistics(mean, std)


def score(model: wan.VAE, size: int, device: torch.device, out: Path) -> dict:
    """PSNR in dB on clips of families that training never drew, and a picture of some of them beside what came back."""
    from torchvision.utils import save_image

    names = families.TOLD + families.FREE + families.HELD_OUT
    count = len(names) if device.type == "cuda" else 2
    scenes = [families.sample_scene(987_654_321 + k, names[k % len(names)]) for k in range(count)]
    test = drawing.render(scenes, size, device=device).frames
    per_clip = torch.stack([reconstruction_psnr(model, part[None]) for part in test])  # [B, T]
    some = test[torch.arange(0, count, max(1, count // 8))]
    with torch.no_grad():
        made = torch.cat(
            [model.decode(model.encode(part[None].transpose(1, 2) * 2 - 1)[0])[:, :, ::8] for part in some]
        )
    rows = torch.cat([some[:, ::8], (made.transpose(1, 2).float().clamp(-1, 1) + 1) / 2], 1)
    save_image(torch.cat([torch.cat(list(row), 2) for row in rows], 1), out / "vae_sample.png")
    return {
        "psnr": per_clip.mean().item(),
        "psnr_per_frame": per_clip.mean(0).tolist(),
        "psnr_per_scene": dict(zip([scene.family for scene in scenes], per_clip.mean(1).tolist(), strict=True)),
    }


if __name__ == "__main__":
    main()
