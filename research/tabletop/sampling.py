"""The embedded model in diffusers: its classes hold the shipped weights, and its scheduler makes the steps.

This is what scores come from. Only the text encoder, which is our own, and temporal latent dropout are added; the
tests compare the results with ComfyUI's, which users run, and with the plain torch model that training is faster with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from diffusers import AutoencoderKLWan, FlowMatchEulerDiscreteScheduler, WanTransformer3DModel
from diffusers.loaders.single_file_utils import convert_wan_transformer_to_diffusers, convert_wan_vae_to_diffusers
from torch import nn

from ...demo import weights
from ...demo.text_encoder import RESERVED, TextEncoder, Tokenizer
from ...editing.dropout import Drop, check_drops, first_step_at, sort_drops
from ...editing.keyframes import decoding_order
from ..world import wan
from ..world.model import SHIFT
from .conditions import CELL, FIRST, given_frames, hide, mask_channels

HEAD_WIDTH = 128  # of every Wan model
AT_ONCE = 8  # clips that the VAE takes


def build_transformer(state: Mapping[str, torch.Tensor], kind=WanTransformer3DModel, **config):
    """diffusers' transformer of a kind with weights under ComfyUI's names, which also say how large it is."""
    dim, in_channels = state["patch_embedding.weight"].shape[:2]
    model = kind(
        in_channels=in_channels,
        out_channels=state["head.head.weight"].shape[0] // 4,  # a token holds 2 x 2 latent pixels
        num_attention_heads=dim // HEAD_WIDTH,
        attention_head_dim=HEAD_WIDTH,
        text_dim=state["text_embedding.0.weight"].shape[1],
        ffn_dim=state["blocks.0.ffn.0.weight"].shape[0],
        num_layers=len({name.split(".")[1] for name in state if name.startswith("blocks.")}),
        **config,
    )
    model.load_state_dict(convert_wan_transformer_to_diffusers(dict(state)))  # it empties what it is given
    return model.eval()


def build_vae(state: Mapping[str, torch.Tensor]) -> AutoencoderKLWan:
    """The same of the VAE."""
    width = state["encoder.conv1.weight"].shape[0]
    model = AutoencoderKLWan(base_dim=width, temperal_downsample=[False, True, True])
    model.load_state_dict(convert_wan_vae_to_diffusers(dict(state)))
    return model.eval()


class Sampler(nn.Module):
    """Transformer, VAE and text encoder, and how an edit is sampled with them.

    Args:
        transformer, vae, text_encoder: tensors under ComfyUI's names.
        words: the word list of the text encoder.
    """

    def __init__(self, transformer: dict, vae: dict, text_encoder: dict, words: list[str]):
        super().__init__()
        self.transformer, self.vae = build_transformer(transformer), build_vae(vae)
        self.text_encoder, self.tokenizer = TextEncoder(RESERVED + len(words)), Tokenizer(words)
        self.text_encoder.load_state_dict(text_encoder)
        shape = (1, -1, 1, 1, 1)
        for name in ("mean", "std"):
            values = torch.tensor(getattr(self.vae.config, f"latents_{name}")).view(shape)
            self.register_buffer(f"latent_{name}", values, persistent=False)
        self.eval().requires_grad_(False)

    @classmethod
    def load(cls, folder: Path | None = None) -> Sampler:
        """The shipped weights, or those of a folder, in float32. Raises `weights.WeightsError`."""
        parts = {part: weights.load_part(part, folder) for part in weights.PARTS}
        state = {part: {name: tensor.float() for name, tensor in of[0].items()} for part, of in parts.items()}
        return cls(**state, words=parts["text_encoder"][1]["words"])

    def encode(self, frames: torch.Tensor) -> torch.Tensor:
        """Normalised latents [B, 16, 1 + n, H/8, W/8] of frames [B, 1 + 4n, 3, H, W] in 0..1."""
        clips = (frames.transpose(1, 2) * 2 - 1).split(AT_ONCE)
        latent = torch.cat([self.vae.encode(some).latent_dist.mode() for some in clips])
        return (latent - self.latent_mean) / self.latent_std

    def decode(self, latent: torch.Tensor) -> torch.Tensor:
        """Frames [B, 1 + 4n, 3, H, W] in 0..1 of normalised latents [B, 16, 1 + n, H/8, W/8]."""
        latent = (latent * self.latent_std + self.latent_mean).split(AT_ONCE)
        frames = torch.cat([self.vae.decode(some, return_dict=False)[0] for some in latent])
        return (frames.transpose(1, 2).float() + 1) / 2

    def decode_last(self, latent: torch.Tensor, kept: list[list[int]]) -> torch.Tensor:
        """The last image [B, 3, H, W] of latents [B, 16, K, h, w] whose frames have these places in their videos."""
        orders = [decoding_order(places)[0] for places in kept]
        images: list[torch.Tensor] = [torch.empty(0)] * len(latent)
        for length in {len(order) for order in orders}:
            alike = [b for b, order in enumerate(orders) if len(order) == length]
            decoded = self.decode(torch.stack([latent[b][:, orders[b]] for b in alike]))[:, -1]
            for b, image in zip(alike, decoded, strict=True):
                images[b] = image
        return torch.stack(images)

    def encode_text(self, texts: list[str]) -> torch.Tensor:
        """[B, 64, 4096]"""
        return self.text_encoder(self.tokenizer.batch(texts).to(self.latent_mean.device))

    def condition(self, images: torch.Tensor, frames: int) -> torch.Tensor:
        """[B, 20, F, h, w]: mask channels and latent of clips of which the first frame [B, 3, H, W] is given."""
        height, width = (side // CELL for side in images.shape[2:])
        given = (
            given_frames(FIRST, frames).to(images.device)[None, :, None, None].expand(len(images), -1, height, width)
        )
        clip = hide(images[:, None].expand(-1, frames, -1, -1, -1), given)
        return torch.cat([mask_channels(given), self.encode(clip)], 1)

    @torch.no_grad()
    def sample(
        self,
        condition: torch.Tensor,
        captions: list[str],
        steps: int = 20,
        cfg: float = 1.0,
        shift: float = SHIFT,
        seed: int = 0,
        drops: Sequence[Drop] = (),
        positions: str = "compact",
    ) -> tuple[torch.Tensor, list[list[int]]]:
        """Normalised latents of the clips that show `captions`, and which of their latent frames they kept.

        Args:
            condition: [B, 20, F, h, w], see `condition`.
            cfg: guidance against the empty caption; none at 1, which takes half the time.
            drops: each is made before the first step at or below its noise level, for every clip by itself.
            positions: "compact" or "kept", the time positions of the frames after a drop.

        Returns:
            [B, 16, K, h, w], K = F without drops; for each clip the places of its K frames in the whole video.
        """
        batch, latent_frames = len(condition), condition.shape[2]
        noise = torch.randn(
            (batch, wan.LATENT_CHANNELS, *condition.shape[2:]), generator=torch.Generator().manual_seed(seed)
        )
        x = noise.to(condition)
        context, empty = self.encode_text(captions), self.encode_text([""])
        sigmas = wan.shifted_sigmas(steps, shift)
        scheduler = FlowMatchEulerDiscreteScheduler()
        scheduler.set_timesteps(sigmas=sigmas[:-1].tolist(), device=x.device)
        check_drops(drops, latent_frames)
        plan = [(first_step_at(sigmas, drop.sigma), drop) for drop in sort_drops(drops)]
        kept, clean = [list(range(latent_frames)) for _ in range(batch)], None
        for step, timestep in enumerate(scheduler.timesteps):
            for drop in (drop for at, drop in plan if at == step):
                chosen = [
                    drop.choose(kept[b], latent_frames, None if clean is None else clean[b : b + 1]).keep
                    for b in range(batch)
                ]
                kept = [[places[index] for index in keep] for places, keep in zip(kept, chosen, strict=True)]
                x, condition = (_keep(part, chosen) for part in (x, condition))
                clean = None if clean is None else _keep(clean, chosen)
            shown = kept if positions == "kept" else [list(range(x.shape[2]))] * batch
            velocity = self._velocity(x, condition, timestep, context, shown)
            if cfg != 1:
                untold = self._velocity(x, condition, timestep, empty.expand(batch, -1, -1), shown)
                velocity = untold.lerp(velocity, cfg)
            clean = x - sigmas[step].to(x) * velocity
            x = scheduler.step(velocity, timestep, x, return_dict=False)[0]
        return x, kept

    def _velocity(self, x, condition, timestep, context, places: list[list[int]]) -> torch.Tensor:
        """[B, 16, K, h, w] of clips whose frames are at these places in time."""
        out = torch.empty_like(x)
        for alike in {tuple(of_clip) for of_clip in places}:
            which = [b for b, of_clip in enumerate(places) if tuple(of_clip) == alike]
            tables, rope = _moved_frames(self.transformer, alike), self.transformer.rope
            before = rope.freqs_cos, rope.freqs_sin
            rope.freqs_cos, rope.freqs_sin = tables
            try:
                model_input = torch.cat([x[which], condition[which]], 1)
                timesteps = timestep.expand(len(which))
                out[which] = self.transformer(model_input, timesteps, context[which], return_dict=False)[0].to(x)
            finally:
                rope.freqs_cos, rope.freqs_sin = before
        return out


def _keep(part: torch.Tensor, chosen: list[list[int]]) -> torch.Tensor:
    return torch.stack([of_clip[:, keep] for of_clip, keep in zip(part, chosen, strict=True)])


def _moved_frames(model: WanTransformer3DModel, places: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """diffusers' tables of rotations with the n-th latent frame where the `places[n]`-th one is."""
    rope = model.rope
    moved = []
    for table in (rope.freqs_cos, rope.freqs_sin):  # [position, width of time + of height + of width]
        table = table.clone()
        table[: len(places), : rope.t_dim] = table[list(places), : rope.t_dim]
        moved.append(table)
    return moved[0], moved[1]
