"""Trains the embedded model's VAE: first on single images, then on clips.

A causal convolution over one frame is a 2-D convolution with its last temporal tap. So images come first, which is
fast, with the other taps zero and the temporal convolutions of the resampling layers an identity: the result already
reconstructs every frame of a clip. Clips then teach it motion.

    python tools/run.py research.training.train_vae --minutes 9 --work /tmp/if-edit

Stopped or out of time, the next call goes on where the last one ended. A GPU with 40 GB or more is assumed.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import torch
from torch import nn

from ...demo import weights
from ..measures import image_psnr
from ..world import wan, world
from .loop import descend


def make_pool(clips: int, seed: int, device: torch.device) -> torch.Tensor:
    """[N, 33, 3, 128, 128] uint8: rendered clips of all families."""
    rng = torch.Generator(device).manual_seed(seed)
    pool = torch.empty((clips, world.FRAMES, 3, world.SIZE, world.SIZE), dtype=torch.uint8, device=device)
    for first in range(0, clips, 56):
        scenes = world.sample_scenes(min(56, clips - first), rng)
        pool[first : first + 56] = (world.render(scenes).frames * 255).round().byte()
    return pool


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dim", type=int, default=24)
    parser.add_argument("--pool", type=int, default=10000, help="clips rendered for this call")
    parser.add_argument("--image-steps", type=int, default=6000)
    parser.add_argument("--clip-steps", type=int, default=3000)
    parser.add_argument("--images", type=int, default=96, help="batch of single images")
    parser.add_argument("--clips", type=int, default=4, help="batch of clips of 33 frames")
    parser.add_argument("--minutes", type=float, default=9.0, help="time for this call")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", type=Path, default=Path("/tmp/if-edit"), help="folder of the checkpoint")
    parser.add_argument("--out", type=Path, default=weights.WEIGHTS, help="folder of the finished weights")
    parser.add_argument("--no-compile", action="store_true")
    args = parser.parse_args()
    began = time.time()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(args.seed)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    torch._dynamo.config.recompile_limit = 128

    model = wan.VAE(args.dim).to(device)
    start_as_images(model)
    average = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=1e-3, betas=(0.9, 0.98), weight_decay=1e-4, fused=device.type == "cuda"
    )
    step = 0
    args.work.mkdir(parents=True, exist_ok=True)
    checkpoint = args.work / "vae.pt"
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location=device)
        model.load_state_dict(saved["model"])
        optimiser.load_state_dict(saved["optimiser"])
        average, step = saved["average"], saved["step"]
        print(f"goes on at step {step} of {checkpoint}", flush=True)

    pool = make_pool(args.pool, args.seed * 1000 + step, device)
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
    total = args.image_steps + args.clip_steps
    marked, marked_step = time.time(), step
    while step < total and time.time() - began < args.minutes * 60:
        in_images = step < args.image_steps
        into = step / args.image_steps if in_images else (step - args.image_steps) / args.clip_steps
        peak, low = (1e-3, 1e-4) if in_images else (4e-4, 1e-6)
        warm = min(1.0, ((step if in_images else step - args.image_steps) + 1) / 100)
        for group in optimiser.param_groups:
            group["lr"] = warm * (low + (peak - low) * 0.5 * (1 + math.cos(math.pi * into)))
        if in_images:
            which = torch.randint(len(pool), (args.images,), device=device)
            batch = pool[which, torch.randint(world.FRAMES, (args.images,), device=device)][:, None]
        else:
            batch = pool[torch.randint(len(pool), (args.clips,), device=device)]
        x = batch.transpose(1, 2).float() / 127.5 - 1  # [B, 3, T, H, W]
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            out, mean, log_variance = autoencode(x)
        out, mean = out.float(), mean.float()
        error = out - x
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
        loss = error.abs().mean() + 4 * error.square().mean() + 1e-5 * divergence
        step += 1
        descend(loss, optimiser, dict(model.named_parameters()), average, decay=min(0.999, step / (step + 20)))
        if step % 250 == 0:
            psnr = -10 * torch.log10(error.square().mean() / 4)
            rate = (step - marked_step) / (time.time() - marked)
            print(
                f"{'image' if in_images else 'clip '} step {step:6} psnr {psnr:.2f} dB  kl {divergence:.2f} "
                f"{rate:.1f} steps/s  {time.time() - began:.0f} s",
                flush=True,
            )
            marked, marked_step = time.time(), step

    torch.save(
        {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "average": average, "step": step}, checkpoint
    )
    model.load_state_dict(average, strict=False)
    model.eval()
    rng = torch.Generator(device).manual_seed(987654321)
    test = world.render(world.sample_scenes(56 if device.type == "cuda" else 2, rng)).frames
    per_frame = torch.stack([reconstruction_psnr(model, part) for part in test.split(4)]).mean(0)
    with torch.no_grad():
        latents = torch.cat(
            [
                model.encode(pool[i : i + 4].transpose(1, 2).float() / 127.5 - 1)[0].float()
                for i in range(0, min(256, len(pool)), 4)
            ]
        )
        mean, std = latents.mean((0, 2, 3, 4)), latents.std((0, 2, 3, 4))
        model.set_latent_statistics(mean, std)
    scores = {
        "step": step,
        "psnr": per_frame.mean().item(),
        "psnr_per_frame": per_frame.tolist(),
        "seconds": time.time() - began,
    }
    print(
        f"step {step}: {scores['psnr']:.2f} dB over 33 frames, worst frame {per_frame.min():.2f} dB; "
        f"latent std before rescaling {std.min():.2f} to {std.max():.2f}",
        flush=True,
    )
    weights.save_part("vae", model.state_dict(), {"dim": args.dim}, args.out)
    (args.out / "vae_training.json").write_text(json.dumps(scores))
    sample = test[:8, ::8]
    with torch.no_grad():
        out = (model.decode(model.encode(test[:8].transpose(1, 2) * 2 - 1)[0]).transpose(1, 2).clamp(-1, 1) + 1) / 2
    sheet = torch.cat([sample, out[:, ::8].float()], 1).transpose(0, 1)  # [T, B, 3, H, W]
    rows = torch.cat([torch.cat(list(row), 2) for row in sheet], 1)
    from torchvision.utils import save_image

    save_image(rows, args.out / "vae_sample.png")


if __name__ == "__main__":
    main()
