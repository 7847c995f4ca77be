"""Trains the decoder of the finished VAE further, so that it shows no remains of what is gone.

What the transformer samples still holds a little of an object that left its place, above all after a temporal latent
dropout, and the decoder shows it faithfully (`research.evaluation.ghost` prints how much). So the decoder
meets the transformer's own latents here, whole and dropped, and is held to the true ground of the finished scene. For
what the encoder makes of clips it is held to the clips. Encoder and latents stay what they are, so the transformer
stays valid.

    python tools/run.py research.training.train_decoder --minutes 9 --out /tmp/if-edit/weights

A GPU with 40 GB or more is assumed. A further call goes on from `--start-from`; its learning rate rises and falls anew.
"""

from __future__ import annotations

import argparse
import math
import random
import shutil
import time
from pathlib import Path

import torch
import torch.nn.functional as F

from ...demo import weights
from ...editing.dropout import FIRST_AND_LAST, STRIDE, Drop
from ..evaluation import ghost
from ..world import phrases, wan, world
from ..world.model import EditModel
from .loop import descend
from .train_vae import reconstruction_psnr

LATENT_FRAMES = 1 + (world.FRAMES - 1) // 4
LAST_IMAGES = 4  # of a clip: its last latent frame
FREED = 4.0  # weight of ground that came free
MARGIN = 3  # pixels around the edited object that the transformer may draw otherwise
CONTENT = 20 / 127.5  # differences from here on are no ghost
STEPS = (4, 8, 20)
# The transformer's videos: how frames are dropped, and as how many copies the kept ones are decoded.
WHOLE = ((), tuple(range(LATENT_FRAMES)))
DROPPED = (
    ((Drop(0.9, STRIDE, 3),), (0, 1, 1, 1, 2, 2, 2, 3, 3)),  # frames 0, 3, 6, 8
    ((Drop(0.9, FIRST_AND_LAST),), (0, 0, 0, 0, 0, 0, 1, 1, 1)),
)


class Pool:
    """Rendered clips and what the model made of their first frames, on the device.

    frames: [N, 33, 3, 128, 128] uint8. latent: [N, 16, 9, 16, 16] half, of the encoder. whole, dropped: the same, of
    the transformer, in the order in which they are decoded. ground: [N, 1, 128, 128], see `ground_weight`.
    """

    def __init__(self, model: EditModel, clips: int, seed: int, device: torch.device, chunk: int = 64):
        rng, words = torch.Generator(device).manual_seed(seed), random.Random(seed)
        frames, latent, whole, dropped, ground = [], [], [], [], []
        families = (*world.FAMILIES, *ghost.LEAVING)
        for number, first in enumerate(range(0, clips, chunk)):
            scenes = world.sample_scenes(min(chunk, clips - first), rng, families)
            shown = world.render(scenes, chunk=16).frames
            captions = [phrases.caption(scene, words) for scene in phrases.describe(scenes)]
            steps = STEPS[number % len(STEPS)]
            with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"), torch.no_grad():
                latent.append(torch.cat([model.encode(part) for part in shown.split(32)]).half())
                for kind, into in ((WHOLE, whole), (DROPPED[number % len(DROPPED)], dropped)):
                    drops, order = kind
                    made, _ = model.sample(shown[:, 0], captions, steps=steps, seed=seed + first, drops=drops)
                    into.append(made[:, :, list(order)].half())
            frames.append((shown * 255).round().byte())
            ground.append(ground_weight(scenes))
        self.frames, self.latent, self.whole, self.dropped, self.ground = (
            torch.cat(parts) for parts in (frames, latent, whole, dropped, ground)
        )


def ground_weight(scenes: world.Scenes) -> torch.Tensor:
    """[B, 1, H, W]: 0 where the edited object or its shadow is at the end, 1 on the rest, more where either was."""
    touched, _, _ = ghost.find_touched(scenes)
    there = F.max_pool2d(touched[:, 1:].float(), 2 * MARGIN + 1, 1, MARGIN)
    was = F.max_pool2d(touched[:, :1].float(), 2 * MARGIN + 1, 1, MARGIN)
    unfocused = (scenes.family == world.FAMILIES.index("focus")).view(-1, 1, 1, 1)
    return torch.where(unfocused, 0.0, (1 - there) * (1 + (FREED - 1) * was))


def reconstruction_loss(out: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """As the VAE was trained, of clips [B, 3, T, H, W] in -1..1."""
    error = out - target
    return error.abs().mean() + 4 * error.square().mean()


def ground_loss(out: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Weighted L1 of last images [B, 3, T, H, W] in -1..1 against finished frames [B, 3, 1, H, W].

    Half of it is of images at a quarter of the size: a ghost is broad and faint, and grain must not hide it. What
    differs by more than a ghost does is something that the transformer drew otherwise, and does not count.
    """
    error = out - target
    ghostly = error.detach().abs().amax(1, keepdim=True) < CONTENT  # [B, 1, T, H, W]
    weight = (weight[:, :, None] * ghostly).expand_as(error).flatten(0, 1)  # [B * 3, T, H, W]
    error = error.flatten(0, 1)
    fine = (error.abs() * weight).mean() / weight.mean().clamp(min=1e-3)
    kept = F.avg_pool2d(weight, 4)
    broad = F.avg_pool2d(error * weight, 4) / kept.clamp(min=1e-3)
    return fine + (broad.abs() * kept).mean() / kept.mean().clamp(min=1e-3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=3000, help="clips rendered and sampled for this call")
    parser.add_argument("--batch", type=int, default=4, help="clips of each of the three kinds")
    parser.add_argument("--rate", type=float, default=3e-4, help="learning rate at its highest")
    parser.add_argument("--share", type=float, default=1.0, help="weight of the loss on the transformer's latents")
    parser.add_argument("--minutes", type=float, default=9.0, help="time for this call")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--start-from", type=Path, default=weights.WEIGHTS, help="folder with finished weights")
    parser.add_argument("--out", type=Path, required=True, help="folder of the new weights")
    parser.add_argument("--scenes", type=int, default=50, help="for the ghosts before and after; 0: none")
    parser.add_argument("--no-compile", action="store_true")
    args = parser.parse_args()
    began = time.time()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(args.seed)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    torch._dynamo.config.recompile_limit = 128

    model = EditModel.load(args.start_from).to(device)
    pool = Pool(model, args.clips, args.seed * 100_003, device)
    print(f"{args.clips} clips after {time.time() - began:.0f} s", flush=True)
    test = world.render(world.sample_scenes(min(56, args.clips), torch.Generator(device).manual_seed(987654321))).frames

    def report(folder: Path) -> float:
        """Prints the scores of a folder's weights; the seconds that it took."""
        started, judged = time.time(), EditModel.load(folder).to(device)
        psnr = torch.stack([reconstruction_psnr(judged.vae, part) for part in test.split(4)]).mean(0)
        print(f"{folder}: VAE {psnr.mean():.2f} dB, worst frame {psnr.min():.2f} dB")
        if args.scenes:
            rows = ghost.measure_links(judged, args.scenes, 20, ghost.SEED, 50, device)
            print(ghost.ghost_table(rows), flush=True)
        return time.time() - started

    reporting = report(args.start_from)
    decoder = {
        name: parameter.requires_grad_()
        for name, parameter in model.vae.named_parameters()
        if name.startswith(("decoder.", "conv2."))
    }
    average = {name: parameter.detach().clone() for name, parameter in decoder.items()}
    optimiser = torch.optim.AdamW(decoder.values(), lr=args.rate, betas=(0.9, 0.98), weight_decay=1e-4)
    if not args.no_compile and device.type == "cuda":
        for module in model.vae.decoder.modules():
            if isinstance(module, wan.ResidualBlock):
                module.compile(dynamic=False)
    mean, std = model.latent_mean, model.latent_std
    step, starts, ends = 0, time.time() - began, args.minutes * 60 - reporting
    while (now := time.time() - began) < ends:
        into = (now - starts) / (ends - starts)
        rate = min(1.0, (step + 1) / 100) * args.rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * into)))
        for group in optimiser.param_groups:
            group["lr"] = rate
        true, whole, dropped = torch.randint(len(pool.frames), (3, args.batch), device=device)
        latents = torch.cat([pool.latent[true], pool.whole[whole], pool.dropped[dropped]]).float()
        latents[: args.batch] += 0.02 * torch.randn_like(latents[: args.batch])
        made = torch.cat([whole, dropped])
        clips = pool.frames[true].transpose(1, 2).float() / 127.5 - 1  # [B, 3, T, H, W]
        ends_of = pool.frames[made, -1][:, :, None].float() / 127.5 - 1  # [2 B, 3, 1, H, W]
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            out = model.vae.decode(latents * std + mean).float()
        reconstruction = reconstruction_loss(out[: args.batch], clips)
        remains = ground_loss(out[args.batch :, :, -LAST_IMAGES:], ends_of, pool.ground[made])
        step += 1
        descend(reconstruction + args.share * remains, optimiser, decoder, average, min(0.998, step / (step + 20)))
        if step % 250 == 0 or step == 1:
            print(
                f"step {step:6} clips {reconstruction.item():.4f} ground {remains.item():.4f} {now:.0f} s", flush=True
            )

    model.vae.load_state_dict(average, strict=False)
    model.vae.requires_grad_(False)
    if args.out.resolve() != args.start_from.resolve():
        shutil.copytree(args.start_from, args.out, dirs_exist_ok=True)
    weights.save_part("vae", model.vae.state_dict(), model.configs["vae"], args.out)
    print(f"step {step}, saved in {args.out} after {time.time() - began:.0f} s", flush=True)
    report(args.out)


if __name__ == "__main__":
    main()
