"""The embedded model in plain torch: all three parts together, encoding, conditioning and sampling in batches.

ComfyUI runs the same weights through its own modules; this is for training and for measuring many scenes at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from ...demo import weights
from ...demo.text_encoder import RESERVED, TextEncoder, Tokenizer
from ...editing.dropout import Drop, check_drops, first_step_at, sort_drops
from ...editing.refinement import light_schedule
from . import wan

SHIFT = 3.0  # flow shift of training, and the right one for sampling


class EditModel(nn.Module):
    """Transformer, VAE, text encoder and word list of the embedded model.

    Args:
        transformer: `dim`, `ffn_dim`, `layers` of `wan.Transformer`.
        vae: `dim` of `wan.VAE`.
        text_encoder: `words`, the word list.
    """

    def __init__(self, transformer: dict, vae: dict, text_encoder: dict):
        super().__init__()
        self.configs = {"transformer": transformer, "vae": vae, "text_encoder": text_encoder}
        self.transformer = wan.Transformer(**transformer)
        self.vae = wan.VAE(**vae)
        self.text_encoder = TextEncoder(RESERVED + len(text_encoder["words"]))
        self.tokenizer = Tokenizer(text_encoder["words"])
        mean, std = wan.latent_statistics()
        self.register_buffer("latent_mean", mean, persistent=False)
        self.register_buffer("latent_std", std, persistent=False)

    @classmethod
    def load(cls, folder: Path | None = None) -> EditModel:
        """The shipped model in float32, ready for inference. Raises `weights.WeightsError`."""
        parts = {part: weights.load_part(part, folder) for part in weights.PARTS}
        model = cls(**{part: config for part, (_, config) in parts.items()})
        for part, (state, _) in parts.items():
            model.fill(part, state)
        return model.eval().requires_grad_(False)

    def fill(self, part: str, state: dict[str, torch.Tensor]) -> None:
        """Gives one of `weights.PARTS` its stored tensors, in the precision that the model has."""
        getattr(self, part).load_state_dict(state)

    def save(self, folder: Path = weights.WEIGHTS) -> None:
        for part in weights.PARTS:
            weights.save_part(part, getattr(self, part).state_dict(), self.configs[part], folder)

    def encode(self, frames: torch.Tensor) -> torch.Tensor:
        """Normalised latents [B, 16, 1 + n, H/8, W/8] of frames [B, 1 + 4n, 3, H, W] in 0..1."""
        latent = self.vae.encode(frames.transpose(1, 2) * 2 - 1)[0]
        return (latent - self.latent_mean.to(latent)) / self.latent_std.to(latent)

    def decode(self, latent: torch.Tensor) -> torch.Tensor:
        """Frames [B, 1 + 4n, 3, H, W] in 0..1 of normalised latents [B, 16, 1 + n, H/8, W/8]."""
        frames = self.vae.decode(latent * self.latent_std.to(latent) + self.latent_mean.to(latent))
        return (frames.transpose(1, 2).float().clamp(-1, 1) + 1) / 2

    def image_latent(self, image: torch.Tensor, frames: int) -> torch.Tensor:
        """[B, 16, F, H/8, W/8]: latent of images [B, 3, H, W] as first frame of a clip that is mid-grey otherwise."""
        clip = torch.full((len(image), frames, *image.shape[1:]), 0.5, device=image.device)
        clip[:, 0] = image
        return self.encode(clip)

    def encode_text(self, texts: list[str]) -> torch.Tensor:
        """[B, 64, 4096]"""
        return self.text_encoder(self.tokenizer.batch(texts).to(self.latent_mean.device))

    @torch.no_grad()
    def sample(
        self,
        images: torch.Tensor,
        captions: list[str],
        frames: int = 33,
        steps: int = 20,
        cfg: float = 1.0,
        shift: float = SHIFT,
        seed: int = 0,
        noise: torch.Tensor | None = None,
        drops: Sequence[Drop] = (),
        positions: str = "compact",
        start_sigma: float | None = None,
    ) -> tuple[torch.Tensor, list[list[int]]]:
        """Normalised latents of the clips that begin with `images` and show `captions`, and which frames they kept.

        Euler steps over the "simple" schedule with classifier-free guidance against the empty caption; none at `cfg` 1,
        which takes half the time. Each drop is made before the first step at or below its noise level, for every clip
        by itself.

        Args:
            images: [B, 3, H, W] in 0..1, sides multiples of 16.
            frames: length of the clips, 4n + 1.
            noise: [B, 16, F, H/8, W/8] to start from, in place of the seed's.
            positions: "compact" or "kept", the time positions of the frames after a drop.
            start_sigma: noise level in which the image's own latent begins in every frame, in place of pure noise; only
                the steps at or below it are made.

        Returns:
            [B, 16, K, H/8, W/8], K = F without drops; for each clip the places of its K frames in the whole video.
        """
        condition = wan.image_condition(self.image_latent(images, frames))
        if noise is None:
            rng = torch.Generator().manual_seed(seed)
            noise = torch.randn((len(images), 16, *condition.shape[2:]), generator=rng)
        x = noise.to(condition)
        guided = cfg != 1
        context = self.encode_text(captions + [""] * len(captions) * guided).to(condition)
        sigmas = wan.shifted_sigmas(steps, shift, x.device)
        if start_sigma is not None:
            sigmas = light_schedule(sigmas, start_sigma)
            x = condition[:, -16:, :1].lerp(x, sigmas[0].to(x))
        whole = wan.rotation_for(x)
        rotation = whole  # for all clips; after a drop for each one, told and, if guided, untold
        latent_frames, clean = x.shape[2], None
        check_drops(drops, latent_frames)
        plan = [(first_step_at(sigmas, drop.sigma), drop) for drop in sort_drops(drops)]
        kept = [list(range(latent_frames)) for _ in images]
        for step, (now, then) in enumerate(zip(sigmas[:-1], sigmas[1:], strict=True)):
            for drop in (drop for at, drop in plan if at == step):
                chosen = [
                    drop.choose(kept[b], latent_frames, None if clean is None else clean[b : b + 1]).keep
                    for b in range(len(x))
                ]
                kept = [[places[index] for index in keep] for places, keep in zip(kept, chosen, strict=True)]
                x, condition = (
                    torch.stack([part[:, keep] for part, keep in zip(all_of, chosen, strict=True)])
                    for all_of in (x, condition)
                )
                clean = None if clean is None else torch.stack([c[:, k] for c, k in zip(clean, chosen, strict=True)])
                shown = kept if positions == "kept" else [list(range(x.shape[2]))] * len(x)
                rotation = tuple(_of_frames(part, shown * (1 + guided), latent_frames) for part in whole)
            timestep = (now * 1000).expand(len(context))
            copies = len(context) // len(x)
            out = self.transformer(
                x.repeat(copies, 1, 1, 1, 1), timestep, context, condition.repeat(copies, 1, 1, 1, 1), rotation
            )
            velocity = out if copies == 1 else out[len(x) :].lerp(out[: len(x)], cfg)
            clean = x - now * velocity
            x = x + (then - now) * velocity
        return x, kept


def _of_frames(rotation: torch.Tensor, places: list[list[int]], latent_frames: int) -> torch.Tensor:
    """[B, K * tokens of a frame, 1, 64]: what belongs to each clip's frames, of [F * tokens of a frame, 1, 64]."""
    by_frame = rotation.unflatten(0, (latent_frames, -1))
    return torch.stack([by_frame[of_clip].flatten(0, 1) for of_clip in places])
