"""The small random Wan models of small_models.py in diffusers: an implementation of Wan that owes nothing to ComfyUI.

Weights go through diffusers' own converters and into diffusers' own pipelines. What is added here only tells them what
they otherwise look up or do not offer: the noise levels, and a step callback that drops latent frames.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from diffusers import (
    AutoencoderKLWan,
    ChronoEditPipeline,
    ChronoEditTransformer3DModel,
    FlowMatchEulerDiscreteScheduler,
    WanImageToVideoPipeline,
    WanTransformer3DModel,
)
from if_edit.research.tabletop.sampling import build_transformer, build_vae
from if_edit.tests.support.small_models import TEMPORAL_DOWNSAMPLE
from PIL import Image
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModel

IMAGE_WIDTH = 1280  # CLIP vision features, of Wan 2.1 I2V and ChronoEdit


transformer, vae = build_transformer, build_vae  # of wan_state_dict and small_wan_vae_state_dict


def wan22_vae(seed: int = 0) -> AutoencoderKLWan:
    """A small random Wan 2.2 VAE (48 channels, 16 pixels a latent) of diffusers' own: it cannot convert weights."""
    import comfy.latent_formats

    scale = comfy.latent_formats.Wan22()
    torch.manual_seed(seed)
    return AutoencoderKLWan(
        base_dim=8,
        decoder_base_dim=8,
        z_dim=48,
        temperal_downsample=TEMPORAL_DOWNSAMPLE,
        latents_mean=scale.latents_mean.flatten().tolist(),
        latents_std=scale.latents_std.flatten().tolist(),
        is_residual=True,
        in_channels=12,
        out_channels=12,
        patch_size=2,
        scale_factor_spatial=16,
    ).eval()


def image_encoder(seed: int = 0) -> tuple[CLIPVisionModel, CLIPImageProcessor]:
    """A CLIP vision model of two layers with features as wide as Wan's, and what prepares images for it."""
    torch.manual_seed(seed)
    config = CLIPVisionConfig(
        hidden_size=IMAGE_WIDTH,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=16,
        image_size=28,
        patch_size=14,
    )
    processor = CLIPImageProcessor(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28})
    return CLIPVisionModel(config).eval(), processor


def euler(sigmas: torch.Tensor) -> FlowMatchEulerDiscreteScheduler:
    """diffusers' Euler solver over exactly these noise levels [steps + 1]; the last, 0, it adds by itself."""
    scheduler = FlowMatchEulerDiscreteScheduler()
    choose_levels = scheduler.set_timesteps
    scheduler.set_timesteps = lambda steps, device: choose_levels(steps, device, sigmas=sigmas[:-1].tolist())
    # ChronoEditPipeline cuts the history of a multistep solver. Euler has none.
    scheduler.model_outputs, scheduler.last_sample = [], None
    return scheduler


class ImageToVideo(WanImageToVideoPipeline):
    """diffusers' pipeline, only that its step callback may also see what belongs to the start image."""

    _callback_tensor_inputs = [*WanImageToVideoPipeline._callback_tensor_inputs, "condition", "first_frame_mask"]


def image_to_video(sigmas: torch.Tensor, vae_weights, high, low=None, boundary: float | None = None):
    """WanImageToVideoPipeline with one model (36 channels), or with two that change at noise level `boundary`."""
    return ImageToVideo(
        tokenizer=None,
        text_encoder=None,
        vae=vae(vae_weights),
        scheduler=euler(sigmas),
        transformer=transformer(high),
        transformer_2=None if low is None else transformer(low),
        boundary_ratio=None if low is None else boundary,
    )


def image_to_video_5b(sigmas: torch.Tensor, weights) -> WanImageToVideoPipeline:
    """WanImageToVideoPipeline of the TI2V-5B kind: the first latent frame is the start image, at timestep 0."""
    return ImageToVideo(
        tokenizer=None,
        text_encoder=None,
        vae=wan22_vae(),
        scheduler=euler(sigmas),
        transformer=transformer(weights),
        expand_timesteps=True,
    )


def chrono_edit(sigmas: torch.Tensor, vae_weights, weights, latent_frames: int) -> ChronoEditPipeline:
    """ChronoEditPipeline, whose transformer puts two latent frames at the first and last place of `latent_frames`."""
    encoder, processor = image_encoder()
    return ChronoEditPipeline(
        tokenizer=None,
        text_encoder=None,
        image_encoder=encoder,
        image_processor=processor,
        transformer=transformer(
            weights,
            ChronoEditTransformer3DModel,
            image_dim=IMAGE_WIDTH,
            added_kv_proj_dim=weights["patch_embedding.weight"].shape[0],
            rope_temporal_skip_len=latent_frames,
        ),
        vae=vae(vae_weights),
        scheduler=euler(sigmas),
    )


class Drops:
    """A step callback of ImageToVideo that drops latent frames.

    `keep` says after how many steps which of the latent frames that are there then stay. `seen` has the tensors of the
    first call.
    """

    def __init__(self, keep: Mapping[int, Sequence[int]], positions: str = "compact"):
        self.keep = keep
        self.positions = positions
        self.seen = None

    def __call__(self, pipeline, step: int, timestep, tensors: dict) -> dict:
        if self.seen is None:
            self.seen = {name: tensor.clone() for name, tensor in tensors.items()}
        keep = self.keep.get(step + 1)
        if keep is None:
            return {}
        if self.positions == "kept":
            for expert in (pipeline.transformer, pipeline.transformer_2):
                if expert is not None:
                    move_frames(expert, keep)
        latents = tensors.pop("latents")  # [B, C, F, H, W]
        for tensor in tensors.values():
            # The pipeline takes back latents, but goes on with its own condition and mask: they change in place.
            if tensor.shape[2] == latents.shape[2]:
                tensor.set_(tensor[:, :, keep])
        return {"latents": latents[:, :, keep]}


def move_frames(model: WanTransformer3DModel, places: Sequence[int]) -> None:
    """From now on the n-th latent frame is where the `places[n]`-th one was: those rows of the RoPE tables change."""
    rope = model.rope
    for table in (rope.freqs_cos, rope.freqs_sin):  # [position, width of time + of height + of width]
        table[: len(places), : rope.t_dim] = table[list(places), : rope.t_dim]


def sample(pipeline, image: Image.Image, noise: torch.Tensor, steps: int, cfg: float, positive, negative, **options):
    """The pipeline's latents [B, C, F, H, W], scaled as for its VAE, which is how ComfyUI's LATENT is.

    `noise` is [B, C, F, H, W], `positive` and `negative` are text embeddings [B, 512, 4096].
    """
    pipeline.set_progress_bar_config(disable=True)
    latents = pipeline(
        image=image,
        height=image.height,
        width=image.width,
        num_frames=4 * (noise.shape[2] - 1) + 1,
        num_inference_steps=steps,
        guidance_scale=cfg,
        latents=noise,
        prompt_embeds=positive,
        negative_prompt_embeds=negative,
        output_type="latent",
        **options,
    ).frames
    config = pipeline.vae.config
    mean, std = (torch.tensor(values).view(1, -1, 1, 1, 1) for values in (config.latents_mean, config.latents_std))
    return latents * std + mean
