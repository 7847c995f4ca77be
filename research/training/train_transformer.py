"""Trains the embedded model's transformer and text encoder on the latents of rendered clips.

Rectified flow (arXiv 2209.03003) with a shift of 3, a tenth of the captions left out for classifier-free guidance, and
an average of the weights. Each call renders clips of its own, encodes them with the finished VAE, and trains on them
until its time is over; the next call goes on where it ended. The learning rate stays up until `--decay-from`, and falls
to zero at `--steps`; in a call with `--finish` it falls over the time that is left instead.

    python tools/run.py research.training.train_transformer --minutes 9 --steps 24000 --decay-from 17000

With several GPUs, each process renders `--clips` clips and takes `--batch` of them at every step:

    torchrun --nproc-per-node 2 tools/run.py research.training.train_transformer ...
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path

import torch
from torch.nn import functional as F

from ...demo import weights
from ...demo.text_encoder import split_words
from ..evaluation import tables
from ..evaluation.run import CFG, measure_model
from ..world import phrases, wan, world
from ..world.model import SHIFT, EditModel
from .loop import Clock, descend, join_processes, last_word, rank

# Clip length: share of the batches, share of clips for refinement, families. What is hard to learn is dealt more often.
LENGTHS = {
    33: (0.80, 0.0, (*world.FAMILIES, *("rotate",) * 5, *("focus",) * 4, "grow", "break")),
    17: (0.07, 0.5, (*world.FAMILIES, "rotate", "focus")),
    9: (0.06, 0.6, (*world.FAMILIES, "focus", "focus")),
    5: (0.07, 0.7, (*world.FAMILIES, "focus", "focus", "still", "still")),
}
WORDINGS = 4  # captions per clip


def word_list() -> list[str]:
    """Every word that captions of the tabletop world use."""
    scenes = world.sample_scenes(20000, torch.Generator().manual_seed(0))
    rng = random.Random(0)
    texts = [phrases.caption(scene, rng) for scene in phrases.describe(scenes)]
    return sorted({word for text in texts for word in split_words(text)})


def refinement_clips(
    model: EditModel, frames: torch.Tensor, finish: torch.Tensor, rng: torch.Generator
) -> torch.Tensor:
    """What the still-video refiner asks for: a flawed picture of the finished scene, then the same, flawless.

    The flaws are those of frames chosen from a video that a model made: the softness of the VAE in all of them, and
    in a third each nothing more, a blur, or a remainder of an earlier frame.

    Args:
        frames: [B, T, 3, H, W] of clips that end sharp.
        finish: [B] first frame in which the edit is complete.

    Returns:
        [B, T, 3, H, W]
    """
    rows = torch.arange(len(frames), device=frames.device)
    finished = frames[:, -1]

    def uniform(low: float, high: float) -> torch.Tensor:
        return low + (high - low) * torch.rand(len(frames), generator=rng, device=frames.device)

    blurred = world.gaussian_blur(finished, uniform(0.4, 2.0))
    earlier = frames[rows, (finish * uniform(0.3, 1.0)).long()]
    ghosted = finished.lerp(earlier, uniform(0.05, 0.4)[:, None, None, None])
    kind = uniform(0, 3)[:, None, None, None]
    flawed = torch.where(kind < 1, finished, torch.where(kind < 2, blurred, ghosted))
    flawed = model.decode(model.encode(flawed[:, None]))
    return torch.cat([flawed, finished[:, None].expand(-1, frames.shape[1] - 1, -1, -1, -1)], 1)


class Latents:
    """Clips of one length as the model sees them, on the GPU.

    video, condition: [N, 16, F, 16, 16] float16, normalised; weight: [N, 1, 1, 16, 16], more where the edit happens;
    tokens: [N, WORDINGS, 64] int16.
    """

    def __init__(
        self, model: EditModel, clips: int, frames: int, refined: float, families, seed: int, device: torch.device
    ):
        rng, words = torch.Generator(device).manual_seed(seed), random.Random(seed)
        video, condition, weight, tokens = [], [], [], []
        chunk = min(64, clips)
        for _ in range(0, clips, chunk):
            scenes = world.sample_scenes(chunk, rng, families, frames)
            refining = torch.rand(chunk, generator=rng, device=device) < refined
            scenes.blur[refining, 1] = 0.0
            rendered = world.render(scenes, chunk=16)
            shown = rendered.frames
            with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                if bool(refining.any()):
                    shown[refining] = refinement_clips(model, shown[refining], rendered.finish[refining], rng)
                video.append(torch.cat([model.encode(p) for p in shown.split(32)]).half())
                # After some grey frames the condition no longer knows its picture (checked: 0.03 of a deviation).
                start = torch.cat([model.image_latent(p, min(frames, 17)) for p in shown[:, 0].split(32)])
            missing = video[-1].shape[2] - start.shape[2]
            condition.append(torch.cat([start] + [start[:, :, -1:]] * missing, 2).half())
            region = F.max_pool2d(rendered.coverage.amax(1, keepdim=True), 8)
            weight.append(1 + 3 * F.max_pool2d(region, 3, stride=1, padding=1)[:, :, None])
            described = zip(phrases.describe(scenes), refining.tolist(), strict=True)
            texts = [
                words.choice(phrases.STILL_CLEAR) if still else phrases.caption(scene, words)
                for scene, still in described
                for _ in range(WORDINGS)
            ]
            tokens.append(model.tokenizer.batch(texts).unflatten(0, (-1, WORDINGS)).short())
        self.video, self.condition, self.weight = (torch.cat(t)[:clips] for t in (video, condition, weight))
        self.tokens = torch.cat(tokens)[:clips].to(device)
        self.rotation = wan.rotation_for(self.video)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--ffn-dim", type=int, default=768)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--clips", type=int, default=24000, help="clips of 33 frames rendered for this call")
    parser.add_argument("--batch", type=int, default=160)
    parser.add_argument("--rate", type=float, default=8e-4, help="learning rate before it falls")
    parser.add_argument("--steps", type=int, default=24000)
    parser.add_argument("--decay-from", type=int, default=17000)
    parser.add_argument("--minutes", type=float, default=9.0, help="time for this call")
    parser.add_argument("--finish", action="store_true", help="the last call: the rate falls from 40 %% of its time on")
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--vae", type=Path, default=weights.WEIGHTS, help="folder with the finished VAE")
    parser.add_argument("--start-from", type=Path, help="finished weights to train further (a checkpoint wins)")
    parser.add_argument("--work", type=Path, default=Path("/tmp/if-edit"), help="folder of the checkpoint")
    parser.add_argument("--out", type=Path, default=weights.WEIGHTS, help="folder of the finished weights")
    parser.add_argument("--scenes", type=int, default=154, help="scenes for the scores at the end; 0 for none")
    parser.add_argument("--no-compile", action="store_true")
    args = parser.parse_args()
    device, began = join_processes(), time.time()
    clock = Clock(began, device)
    torch.manual_seed(args.seed)  # the same first weights in every process
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch._dynamo.config.recompile_limit = 128

    vae_state, vae_config = weights.load_part("vae", args.vae)
    text_config = {"words": word_list()}
    transformer_config = {"dim": args.dim, "ffn_dim": args.ffn_dim, "layers": args.layers}
    finished = {}
    if args.start_from:
        finished["transformer"], transformer_config = weights.load_part("transformer", args.start_from)
        finished["text_encoder"], text_config = weights.load_part("text_encoder", args.start_from)
    model = EditModel(transformer_config, vae_config, text_config).to(device)
    for part, state in {"vae": vae_state, **finished}.items():
        model.fill(part, state)
    model.vae.requires_grad_(False)
    trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
    average = {name: p.detach().clone() for name, p in trained.items()}
    matrices = [p for p in trained.values() if p.ndim > 1]
    others = [p for p in trained.values() if p.ndim <= 1]
    optimiser = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.02}, {"params": others, "weight_decay": 0.0}],
        lr=args.rate,
        betas=(0.9, 0.98),
        fused=device.type == "cuda",
    )
    step = 0
    args.work.mkdir(parents=True, exist_ok=True)
    checkpoint = args.work / "transformer.pt"
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location=device)
        model.load_state_dict(saved["model"], strict=False)
        optimiser.load_state_dict(saved["optimiser"])
        average, step = saved["average"], saved["step"]
        print(f"goes on at step {step} of {checkpoint}", flush=True)
    data = {}
    for length, (_, refined, families) in LENGTHS.items():
        count = args.clips if length == 33 else max(1, args.clips // 8)
        seed = args.seed * 100_003 + step + length + 1_000_003 * rank()
        data[length] = Latents(model, count, length, refined, families, seed, device)
        some = data[length].video[:4096].float()
        print(
            f"{count} clips of {length} frames after {time.time() - began:.0f} s; latent mean {some.mean():.2f} "
            f"std {some.std():.2f}",
            flush=True,
        )
    print(
        f"transformer {wan.parameter_count(model.transformer)}, text encoder "
        f"{wan.parameter_count(model.text_encoder)}, {len(model.tokenizer.words)} words",
        flush=True,
    )
    if not args.no_compile and device.type == "cuda":
        for block in model.transformer.blocks:
            block.compile(dynamic=False)

    empty = model.tokenizer.batch([""]).to(device)
    torch.manual_seed(args.seed + step + 1_000_003 * rank())  # other clips and noise in every process
    lengths = random.Random(args.seed + step)  # but clips of the same length
    recent = torch.zeros((), device=device)
    marked, marked_step = time.time(), step
    ends = args.minutes * 60
    decays_for = 0.6 * (ends - clock())
    while step < args.steps and (now := clock()) < ends:
        rate = args.rate * min(1.0, (step + 1) / 500)
        if args.finish:
            rate *= min(1.0, (ends - now) / decays_for)
        elif step >= args.decay_from:
            rate *= max(0.0, (args.steps - step) / (args.steps - args.decay_from))
        for group in optimiser.param_groups:
            group["lr"] = rate
        length = lengths.choices(list(LENGTHS), [share for share, *_ in LENGTHS.values()])[0]
        clips = data[length]
        which = torch.randint(len(clips.video), (args.batch,), device=device)
        clean, condition, weight = clips.video[which].float(), clips.condition[which], clips.weight[which].float()
        tokens = clips.tokens[which, torch.randint(WORDINGS, (args.batch,), device=device)].long()
        chance = torch.rand(args.batch, 1, device=device)
        tokens = torch.where(chance < 0.1, empty, tokens)
        unknown = (torch.rand(tokens.shape, device=device) < 0.02) & (tokens > 2)
        tokens = torch.where(unknown, 2, tokens)
        # Evenly spread levels give a steadier loss than independent ones.
        levels = (torch.arange(args.batch, device=device) + torch.rand((), device=device)) / args.batch
        sigma = wan.sigma_at(levels, SHIFT).view(-1, 1, 1, 1, 1)
        noise = torch.randn_like(clean)
        noisy = (1 - sigma) * clean + sigma * noise
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            context = model.text_encoder(tokens)
            out = model.transformer(
                noisy, sigma.flatten() * 1000, context, wan.image_condition(condition.float()), clips.rotation
            )
        loss = (weight * (out.float() - (noise - clean)).square()).mean() / weight.mean()
        step += 1
        descend(loss, optimiser, trained, average, decay=min(0.9995, step / (step + 50)))
        mixed = recent.lerp(loss.detach(), 0.01) if step > marked_step + 1 else loss.detach()
        recent = torch.where(mixed.isfinite(), mixed, recent)
        if step % 500 == 0 and rank() == 0:
            print(
                f"step {step:6} loss {recent.item():.4f} {(step - marked_step) / (time.time() - marked):.1f} steps/s "
                f"{now:.0f} s",
                flush=True,
            )
            marked, marked_step = time.time(), step
        if step % 5000 == 0 and rank() == 0:  # so that a call which is cut off is not lost
            _save_average(model, average, args.out)

    if not last_word():
        return
    torch.save(
        {
            "model": {n: p.detach() for n, p in trained.items()},
            "optimiser": optimiser.state_dict(),
            "average": average,
            "step": step,
        },
        checkpoint,
    )
    model.save(args.out)
    _save_average(model, average, args.out)
    print(f"step {step}, saved after {time.time() - began:.0f} s", flush=True)
    if args.scenes:
        fresh = EditModel.load(args.out).to(device)  # what was saved, at the precision it was saved with
        scores = measure_model(fresh, args.scenes, 20, CFG, 77, device)
        print(tables.scores_table(scores), flush=True)
        (args.out / "scores.json").write_text(json.dumps(scores))
        _show(fresh, args.out / "samples.png", device)
    print(f"done after {time.time() - began:.0f} s", flush=True)


def _save_average(model: EditModel, average: dict[str, torch.Tensor], folder: Path) -> None:
    """Writes the averaged weights of the two parts that are trained here."""
    for part in ("transformer", "text_encoder"):
        state = getattr(model, part).state_dict()
        state |= {name: average[f"{part}.{name}"] for name in state if f"{part}.{name}" in average}
        weights.save_part(part, state, model.configs[part], folder)


def _show(model: EditModel, path: Path, device: torch.device) -> None:
    """A picture with, per family, frames of a sampled clip and the true last frame at the right."""
    from torchvision.utils import save_image

    scenes = world.sample_scenes(28, torch.Generator(device).manual_seed(77))
    words = random.Random(77)
    truth = world.render(scenes).frames
    captions = [phrases.caption(scene, words) for scene in phrases.describe(scenes)]
    made = model.decode(model.sample(truth[:, 0], captions)[0])
    rows = torch.cat([truth[:, :1], made[:, [4, 8, 12, 16, 24, 32]], truth[:, -1:]], 1)
    save_image(torch.cat([torch.cat(list(row), 2) for row in rows], 1), path)


if __name__ == "__main__":
    main()
