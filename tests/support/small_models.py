"""Small random Wan models in the real ComfyUI: the real classes and loaders, only with few and narrow layers.

Everything is built from a seed, so that a test can build the same weights twice. ComfyUI is imported inside the
functions, because tests/conftest.py first decides whether it runs on the CPU.
"""

from __future__ import annotations

from unittest import mock

import torch

TEXT_WIDTH = 4096  # Wan's text encoder; ComfyUI's loader expects it
CLIP_VISION_TOKENS, CLIP_VISION_WIDTH = 257, 1280  # of CLIP ViT-H, the image encoder of Wan 2.1
TEMPORAL_DOWNSAMPLE = [False, True, True]


def wan_state_dict(
    seed: int = 0,
    in_dim: int = 36,
    out_dim: int = 16,
    layers: int = 2,
    dim: int = 128,
    kind: str = "t2v",
    ref_conv: bool = False,
    first_last: bool = False,
) -> dict[str, torch.Tensor]:
    """Random weights of a Wan diffusion model; 36/16 channels are the A14B kind, 48/48 the TI2V-5B kind.

    kind is one of t2v (also every model without CLIP vision), i2v (with it), vace, camera (Wan 2.1, with CLIP vision)
    and camera_2.2 (without). `ref_conv` adds the reference image of Fun Control, `first_last` the CLIP vision of both
    ends of the Wan 2.1 first-last-frame model.
    """
    import comfy.ldm.wan.model
    import comfy.ops

    config = {
        "in_dim": in_dim,
        "out_dim": out_dim,
        "dim": dim,
        "ffn_dim": 2 * dim,
        "num_heads": dim // 128,
        "num_layers": layers,
        "operations": comfy.ops.disable_weight_init,
        "device": "cpu",
        "dtype": torch.float32,
    }
    if kind == "vace":
        module = comfy.ldm.wan.model.VaceWanModel(**config, vace_layers=layers, vace_in_dim=96)
    elif kind in ("camera", "camera_2.2"):
        module = comfy.ldm.wan.model.CameraWanModel(**config, model_type=kind)
    else:
        module = comfy.ldm.wan.model.WanModel(
            **config,
            model_type=kind,
            in_dim_ref_conv=out_dim if ref_conv else None,
            flf_pos_embed_token_number=2 * CLIP_VISION_TOKENS if first_last else None,
        )
    return random_weights(module, seed)


def random_weights(module: torch.nn.Module, seed: int) -> dict[str, torch.Tensor]:
    """A state dict for the module in which every layer keeps the scale of its input, so that every input matters."""
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for name, tensor in module.state_dict().items():
        noise = torch.randn(tensor.shape, generator=generator)
        if "norm" in name or name.endswith("gamma"):
            weights[name] = 1.0 + 0.1 * noise if not name.endswith("bias") else 0.1 * noise
        elif tensor.ndim >= 2:
            weights[name] = noise / (tensor[0].numel() ** 0.5)
        else:
            weights[name] = 0.1 * noise
    return weights


def small_wan(seed: int = 0, **config):
    """A MODEL (ModelPatcher) around wan_state_dict, loaded the way ComfyUI's "Load Diffusion Model" does."""
    import comfy.sd

    model = comfy.sd.load_diffusion_model_state_dict(
        wan_state_dict(seed, **config), model_options={"dtype": torch.float32}
    )
    if model is None:
        raise AssertionError(f"ComfyUI does not recognise the small Wan model {config}")
    return model


def small_wan_5b(seed: int = 0):
    """A MODEL of the TI2V-5B kind: 48 latent channels, the start image comes in the latent."""
    return small_wan(seed, in_dim=48, out_dim=48)


def small_wan_vae_state_dict(seed: int = 0, dim: int = 8) -> dict[str, torch.Tensor]:
    """Random weights of a Wan 2.1 VAE (16 channels, 8 pixels and 4 frames a latent); ComfyUI reads `dim` off them."""
    import comfy.ldm.wan.vae

    vae = comfy.ldm.wan.vae.WanVAE(
        dim=dim,
        z_dim=16,
        dim_mult=[1, 2, 4, 4],
        num_res_blocks=2,
        attn_scales=[],
        temperal_downsample=TEMPORAL_DOWNSAMPLE,
    )
    return random_weights(vae, seed)


def small_wan_vae(seed: int = 0, dim: int = 8):
    """A VAE of the Wan 2.1 kind."""
    import comfy.sd

    return comfy.sd.VAE(sd=small_wan_vae_state_dict(seed, dim))


def small_wan22_vae(seed: int = 0, dim: int = 8):
    """A VAE of the Wan 2.2 kind (48 channels, 16 pixels a latent). ComfyUI fixes its width, so it is narrowed while it
    is built.
    """
    import comfy.ldm.wan.vae2_2
    import comfy.sd

    full_size = comfy.ldm.wan.vae2_2.WanVAE

    def narrow(**config):
        return full_size(**{**config, "dim": dim, "dec_dim": dim})

    weights = random_weights(
        narrow(
            z_dim=48, dim_mult=[1, 2, 4, 4], num_res_blocks=2, attn_scales=[], temperal_downsample=TEMPORAL_DOWNSAMPLE
        ),
        seed,
    )
    with mock.patch.object(comfy.ldm.wan.vae2_2, "WanVAE", narrow):
        return comfy.sd.VAE(sd=weights)


class SmallClip:
    """Stands in for a CLIP socket: every text gets its own fixed random tokens [1, 8, 4096]."""

    def tokenize(self, text: str) -> str:
        return text

    def encode_from_tokens_scheduled(self, tokens: str) -> list:
        return text_conditioning(tokens)


def text_conditioning(text: str) -> list:
    """CONDITIONING for a text, without a text encoder."""
    seed = sum((place + 1) * ord(letter) for place, letter in enumerate(text))
    return [[torch.randn(1, 8, TEXT_WIDTH, generator=torch.Generator().manual_seed(seed)), {}]]


def clip_vision_output(seed: int = 0):
    """What CLIP Vision Encode returns, without an image encoder."""
    import comfy.clip_vision

    output = comfy.clip_vision.Output()
    output.penultimate_hidden_states = torch.randn(
        1, CLIP_VISION_TOKENS, CLIP_VISION_WIDTH, generator=torch.Generator().manual_seed(seed)
    )
    return output


def image_to_video(vae, length: int = 33, size: int = 32, batch_size: int = 1, start_image: torch.Tensor | None = None):
    """(positive, negative, latent) from ComfyUI's own WanImageToVideo; start_image is [1, H, W, 3], random if not
    given.
    """
    from comfy_extras.nodes_wan import WanImageToVideo

    if start_image is None:
        start_image = torch.rand(1, size, size, 3, generator=torch.Generator().manual_seed(7))
    return WanImageToVideo.execute(
        text_conditioning("a red ball rolls away"),
        text_conditioning(""),
        vae,
        size,
        size,
        length,
        batch_size,
        start_image=start_image,
    ).args
