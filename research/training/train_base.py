"""Trains the base model of world 2: its transformer and text encoder, on the latents of rendered clips.

Rectified flow (arXiv 2209.03003) with a shift of 3, a tenth of the captions left out for classifier-free guidance, and
an average of the weights. The clips are of several sizes and lengths, and their conditions mixed as in Wan's own
pre-training: the first frame, the first and the last, several, or all but a region (research/tabletop/conditions.py).
Families that are held out are never seen.

    python tools/run.py research.training.train_base --vae /tmp/vae --minutes 9 --all-minutes 50 --out /tmp/base

A call renders clips of its own, encodes them with the finished VAE, and trains on them until its time is over. The next
call goes on where it ended, with the same clips if they are still in `--work`, else with others; the learning rate
falls to zero over the last part of all minutes. `--start-from` goes on from saved weights where the checkpoint, which
is several times larger, could not be kept.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F

from ...demo import weights
from ..tabletop import conditions, drawing, families, phrases
from ..tabletop.scenes import still
from ..world import wan
from ..world.model import SHIFT, EditModel
from .loop import Clock, descend, join_processes, last_word, rank
from .train_transformer import refinement_clips

TRAINED = families.TOLD + families.FREE
WORDINGS = 4  # captions a clip
DECAY = 0.3  # share of all minutes, the last, over which the learning rate falls
WARM = 500  # steps


@dataclass(frozen=True)
class Kind:
    """Clips of one size and length.

    Attributes:
        share: of the steps. clips: as a share of those of full size and length. batch: the same of the batch.
        refined: share of clips that show what refinement asks for, see `refinement_clips`.
    """

    size: int
    frames: int
    share: float
    clips: float
    batch: float
    refined: float = 0.0


KINDS = (
    Kind(drawing.SIZE, 33, 0.58, 1.0, 1.0),
    Kind(drawing.SIZE * 3 // 4, 33, 0.12, 0.3, 1.75),
    Kind(drawing.SIZE // 2, 33, 0.12, 0.3, 4.0),
    Kind(drawing.SIZE, 17, 0.06, 0.2, 1.75, 0.3),
    Kind(drawing.SIZE, 9, 0.06, 0.2, 3.0, 0.5),
    Kind(drawing.SIZE, 5, 0.06, 0.3, 4.0, 0.5),
)


class Latents:
    """Clips of one kind as the model sees them.

    video: [N, 16, F, h, w] float16, normalised. condition: [N, 20, F, h, w] float16, masks first. weight: [N, 1, F,
    h, w] float16, more where the hero is. tokens: [N, WORDINGS, 64] int16.
    """

    def __init__(self, model: EditModel, kind: Kind, clips: int, seed: int, device: torch.device, chunk: int = 48):
        rng, words = torch.Generator(device).manual_seed(seed), random.Random(seed)
        parts: dict[str, list[torch.Tensor]] = {"video": [], "condition": [], "weight": [], "tokens": []}
        for first in range(0, clips, chunk):
            numbers = range(first, min(first + chunk, clips))
            scenes = [families.sample_scene(seed + k, TRAINED[k % len(TRAINED)], None, kind.frames) for k in numbers]
            refining = torch.rand(len(scenes), generator=rng, device=device) < kind.refined
            for scene, refined in zip(scenes, refining.tolist(), strict=True):
                if refined and not scene.blur.times:
                    scene.blur = still(0.0)
            shown = drawing.render(scenes, kind.size, device=device)
            frames, coverage = shown.frames, shown.coverage
            given_kinds = words.choices(conditions.KINDS, conditions.SHARES, k=len(scenes))
            with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                if bool(refining.any()):
                    ends = torch.tensor([scene.finish for scene in scenes], device=device)
                    frames = frames.clone()
                    frames[refining] = refinement_clips(model, frames[refining], ends[refining], rng)
                    for k in refining.nonzero().flatten().tolist():
                        given_kinds[k] = conditions.FIRST
                given = conditions.draw_given(given_kinds, coverage, rng)
                parts["video"].append(torch.cat([model.encode(some) for some in frames.split(16)]).half())
                hidden = self._encode_hidden(model, frames, given, given_kinds)
            parts["condition"].append(torch.cat([conditions.mask_channels(given).half(), hidden.half()], 1))
            region = F.max_pool2d(coverage, conditions.CELL)
            region = F.max_pool2d(region.amax(1, keepdim=True), 3, stride=1, padding=1)[:, :, None]
            parts["weight"].append((1 + 3 * region).expand(-1, -1, parts["video"][-1].shape[2], -1, -1).half())
            texts = [
                words.choice(phrases.STILL_CLEAR) if refined else phrases.caption(scene, words)
                for scene, refined in zip(scenes, refining.tolist(), strict=True)
                for _ in range(WORDINGS)
            ]
            parts["tokens"].append(model.tokenizer.batch(texts).unflatten(0, (-1, WORDINGS)).short().to(device))
        for name, some in parts.items():
            setattr(self, name, torch.cat(some))
        self.rotation = wan.rotation_for(self.video)

    @staticmethod
    def _encode_hidden(model, frames: torch.Tensor, given: torch.Tensor, kinds: list[str]) -> torch.Tensor:
        """Latents [B, 16, F, h, w] of what is given. Where only the first frame is, 17 frames are enough to encode:
        after some grey ones nothing changes (checked: 0.03 of a deviation)."""
        hidden = conditions.hide(frames, given)
        latent_frames = 1 + (frames.shape[1] - 1) // 4
        alone = torch.tensor([kind == conditions.FIRST for kind in kinds], device=frames.device)
        result = None
        for which, length in ((alone, min(17, frames.shape[1])), (~alone, frames.shape[1])):
            if not bool(which.any()):
                continue
            made = torch.cat([model.encode(some) for some in hidden[which][:, :length].split(16)])
            made = torch.cat([made, made[:, :, -1:].expand(-1, -1, latent_frames - made.shape[2], -1, -1)], 2)
            if result is None:
                result = made.new_zeros(len(frames), *made.shape[1:])
            result[which] = made
        assert result is not None
        return result


def build_model(args: argparse.Namespace, device: torch.device) -> EditModel:
    vae_state, vae_config = weights.load_part("vae", args.vae)
    config = {"dim": args.dim, "ffn_dim": args.ffn_dim, "layers": args.layers}
    text_config, finished = {"words": phrases.word_list()}, {}
    if args.start_from:
        finished["transformer"], config = weights.load_part("transformer", args.start_from)
        finished["text_encoder"], text_config = weights.load_part("text_encoder", args.start_from)
    model = EditModel(config, vae_config, text_config)
    for part, state in {"vae": vae_state, **finished}.items():
        model.fill(part, state)
    model.vae.requires_grad_(False)
    return model.to(device)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--ffn-dim", type=int, default=1536)
    parser.add_argument("--layers", type=int, default=8)
    parser.add_argument("--clips", type=int, default=6000, help="clips of full size and length rendered for this call")
    parser.add_argument("--batch", type=int, default=64, help="of those clips; of smaller ones more")
    parser.add_argument("--rate", type=float, default=8e-4, help="learning rate before it falls")
    parser.add_argument("--minutes", type=float, default=9.0, help="time for this call")
    parser.add_argument("--all-minutes", type=float, default=50.0, help="time for all calls")
    parser.add_argument("--spent", type=float, default=0.0, help="minutes of earlier calls, with --start-from")
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--vae", type=Path, required=True, help="folder with the finished VAE")
    parser.add_argument("--start-from", type=Path, help="saved weights to train further (a checkpoint wins)")
    parser.add_argument("--work", type=Path, default=Path("/tmp/if-edit"), help="folder of checkpoint and clips")
    parser.add_argument("--out", type=Path, required=True, help="folder of the weights")
    parser.add_argument("--no-compile", action="store_true")
    args = parser.parse_args()
    device, began = join_processes(), time.time()
    clock = Clock(began, device)
    torch.manual_seed(args.seed)  # the same first weights in every process
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch._dynamo.config.recompile_limit = 128

    model = build_model(args, device)
    trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
    average = {name: p.detach().clone() for name, p in trained.items()}
    groups = [
        {"params": [p for p in trained.values() if p.ndim > 1], "weight_decay": 0.02},
        {"params": [p for p in trained.values() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=args.rate, betas=(0.9, 0.98), fused=device.type == "cuda")
    step, spent = 0, args.spent
    args.work.mkdir(parents=True, exist_ok=True)
    checkpoint, stored = args.work / "base.pt", args.work / f"clips-{rank()}.pt"
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location=device)
        model.load_state_dict(saved["model"], strict=False)
        optimiser.load_state_dict(saved["optimiser"])
        average, step, spent = saved["average"], saved["step"], saved["spent"]
        print(f"goes on at step {step} after {spent:.1f} minutes of {checkpoint}", flush=True)
    if stored.exists():
        data = torch.load(stored, map_location=device, weights_only=False)
    else:
        data = []
        for number, kind in enumerate(KINDS):
            count = max(args.batch, round(args.clips * kind.clips))
            seed = args.seed * 100_000_007 + int(spent * 1000) * 10_007 + number * 1_000_003 + 20_000_003 * rank()
            data.append(Latents(model, kind, count, seed, device))
            print(f"{count} clips of {kind.frames} frames, {kind.size} px: {time.time() - began:.0f} s", flush=True)
        torch.save(data, stored)
    sizes = f"{wan.parameter_count(model.transformer)}, text encoder {wan.parameter_count(model.text_encoder)}"
    print(f"transformer {sizes}, {len(model.tokenizer.words)} words", flush=True)
    if not args.no_compile and device.type == "cuda":
        for block in model.transformer.blocks:
            block.compile(dynamic=False)

    empty = model.tokenizer.batch([""]).to(device)
    torch.manual_seed(args.seed + step + 1_000_003 * rank())  # other clips and noise in every process
    chosen = random.Random(args.seed + step)  # but clips of the same kind
    recent: dict[int, torch.Tensor] = {}
    marked, marked_step = time.time(), step
    going_on_at, now = step, clock() / 60
    while step == going_on_at or (now < args.minutes and spent + now < args.all_minutes):
        left = (args.all_minutes - spent - now) / (DECAY * args.all_minutes)
        for group in optimiser.param_groups:
            group["lr"] = args.rate * min(1.0, (step + 1) / WARM) * min(1.0, max(left, 0.0))
        number = chosen.choices(range(len(KINDS)), [kind.share for kind in KINDS])[0]
        clips, batch = data[number], round(args.batch * KINDS[number].batch)
        loss = flow_loss(model, clips, batch, empty, device)
        step += 1
        descend(loss, optimiser, trained, average, decay=min(0.9995, step / (step + 50)))
        last = recent.get(number, loss.detach())
        mixed = last.lerp(loss.detach(), 0.02)
        recent[number] = torch.where(mixed.isfinite(), mixed, last)
        now = clock() / 60
        if step % 500 == 0 and rank() == 0:
            losses = " ".join(f"{recent[k].item():.4f}" for k in sorted(recent))
            per_second = (step - marked_step) / (time.time() - marked)
            print(f"step {step:6} losses {losses}  {per_second:.1f} steps/s  {now * 60:.0f} s", flush=True)
            marked, marked_step = time.time(), step
    spent += clock() / 60
    if not last_word():
        return
    state = {"model": {n: p.detach() for n, p in trained.items()}, "optimiser": optimiser.state_dict()}
    torch.save({**state, "average": average, "step": step, "spent": spent}, checkpoint)
    for part in ("transformer", "text_encoder"):
        state = getattr(model, part).state_dict()
        state |= {name: average[f"{part}.{name}"] for name in state if f"{part}.{name}" in average}
        weights.save_part(part, state, model.configs[part], args.out)
    weights.save_part("vae", model.vae.state_dict(), model.configs["vae"], args.out)
    (args.out / "training.json").write_text(json.dumps({"step": step, "minutes": spent}))
    print(f"step {step}, {spent:.1f} minutes in all; saved after {time.time() - began:.0f} s", flush=True)
    show_samples(EditModel.load(args.out).to(device), args.out / "samples.png", device)
    print(f"done after {time.time() - began:.0f} s", flush=True)


def flow_loss(model: EditModel, clips: Latents, batch: int, empty: torch.Tensor, device: torch.device) -> torch.Tensor:
    """The weighted squared error of the velocity, of `batch` random clips at levels spread evenly."""
    which = torch.randint(len(clips.video), (batch,), device=device)
    clean, condition, weight = (part[which].float() for part in (clips.video, clips.condition, clips.weight))
    tokens = clips.tokens[which, torch.randint(WORDINGS, (batch,), device=device)].long()
    tokens = torch.where(torch.rand(batch, 1, device=device) < 0.1, empty, tokens)
    tokens = torch.where((torch.rand(tokens.shape, device=device) < 0.02) & (tokens > 2), 2, tokens)  # unknown words
    # Evenly spread levels give a steadier loss than independent ones.
    levels = (torch.arange(batch, device=device) + torch.rand((), device=device)) / batch
    sigma = wan.sigma_at(levels, SHIFT).view(-1, 1, 1, 1, 1)
    noise = torch.randn_like(clean)
    with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
        context = model.text_encoder(tokens)
        out = model.transformer(clean.lerp(noise, sigma), sigma.flatten() * 1000, context, condition, clips.rotation)
    return (weight * (out.float() - (noise - clean)).square()).mean() / weight.mean()


def show_samples(model: EditModel, path: Path, device: torch.device) -> None:
    """A picture with, per family, frames of a sampled clip and the true last frame at the right."""
    from torchvision.utils import save_image

    words = random.Random(77)
    scenes = [families.sample_scene(771_000_000 + k, family) for k, family in enumerate(TRAINED)]
    truth = drawing.render(scenes, times=[0, families.FRAMES - 1], device=device).frames
    captions = [phrases.caption(scene, words) for scene in scenes]
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
        made = model.sample(truth[:, 0], captions)[0]
        shown = torch.cat([model.decode(some)[:, [6, 12, 20, 32]] for some in made.split(4)])
    rows = torch.cat([truth[:, :1], shown.float(), truth[:, 1:]], 1)
    rows = [torch.cat(list(row), 2) for row in rows]
    pairs = [torch.cat(rows[k : k + 2], 2) for k in range(0, len(rows) - 1, 2)]
    save_image(torch.cat(pairs, 1), path)


if __name__ == "__main__":
    main()
