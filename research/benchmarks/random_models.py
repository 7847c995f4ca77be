"""Wan models of any size with random weights, made where they are used, in the ComfyUI of COMFYUI_PATH.

ComfyUI is imported inside the functions: `find_comfyui` first decides where it is and on what it runs.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import torch

TEXT_TOKENS, TEXT_WIDTH = 512, 4096  # of Wan's text encoder
GIB = 1024**3


@dataclass(frozen=True)
class Size:
    """The measures of a Wan model. channels: of the latent; condition: further input channels (mask, start image)."""

    dim: int
    ffn_dim: int
    layers: int
    channels: int = 16
    condition: int = 20
    vae_dim: int = 96
    experts: int = 1
    shift: float = 5.0


A14B = Size(dim=5120, ffn_dim=13824, layers=40, experts=2)
TI2V_5B = Size(dim=3072, ffn_dim=14336, layers=30, channels=48, condition=0, vae_dim=160, shift=8.0)


def find_comfyui(budget_gib: float | None = None) -> str:
    """Put ComfyUI on the path, on the CPU if there is no GPU; returns its version.

    With a budget, this process gets no more of the GPU's memory than that, and ComfyUI plans with it as with a card of
    that size (its own option --reserve-vram keeps the rest free).
    """
    from ...tools.comfyui import find_installation

    sys.path.insert(0, str(find_installation()))
    from comfy.cli_args import args  # before anything chooses a device

    if not torch.cuda.is_available():
        args.cpu = True
    elif budget_gib is not None:
        total = torch.cuda.mem_get_info()[1] / GIB
        torch.cuda.set_per_process_memory_fraction(min(1.0, budget_gib / total))
        args.reserve_vram = max(0.0, total - budget_gib)
    import comfyui_version

    return comfyui_version.__version__


def fill(module: torch.nn.Module, generator: torch.Generator) -> None:
    """Random weights with which every layer keeps the scale of its input; drawn where the generator is."""
    with torch.no_grad():
        for name, weight in module.named_parameters():
            # bfloat16 spares the GPU a second copy of 28 GB in float32.
            drawn = torch.bfloat16 if weight.dtype.itemsize < 4 else weight.dtype
            noise = torch.randn(weight.shape, generator=generator, device=generator.device, dtype=drawn)
            if "norm" in name or name.endswith("gamma"):
                noise = noise * 0.1 if name.endswith("bias") else 1.0 + noise * 0.1
            elif weight.ndim >= 2:
                noise = noise / weight[0].numel() ** 0.5
            else:
                noise = noise * 0.1
            weight.copy_(noise)  # also to another device and to fp8


def wan(size: Size, seed: int, dtype: torch.dtype, resident: bool):
    """A MODEL (ModelPatcher) as "Load Diffusion Model" makes it, with random weights.

    dtype: of the weights; float8_e4m3fn is that node's option of the same name. resident: the weights are made on the
    GPU and count as loaded; otherwise in the CPU's memory, and ComfyUI moves them to the GPU and back.
    """
    import comfy.ldm.wan.model
    import comfy.model_detection
    import comfy.model_management
    import comfy.model_patcher
    import comfy.ops

    with torch.device("meta"):
        shapes = comfy.ldm.wan.model.WanModel(
            model_type="t2v",
            in_dim=size.channels + size.condition,
            out_dim=size.channels,
            dim=size.dim,
            ffn_dim=size.ffn_dim,
            num_heads=size.dim // 128,
            num_layers=size.layers,
            operations=comfy.ops.disable_weight_init,
            device="meta",
            dtype=dtype,
        ).state_dict()
    gpu = comfy.model_management.get_torch_device()
    offload = comfy.model_management.unet_offload_device()
    config = comfy.model_detection.model_config_from_unet(shapes, "")
    cast = comfy.model_management.unet_manual_cast(dtype, gpu, config.supported_inference_dtypes)
    config.set_inference_dtype(dtype, cast)
    model = config.get_model(shapes, "", device=gpu if resident else offload)
    fill(model.diffusion_model, torch.Generator(gpu).manual_seed(seed))
    patcher = comfy.model_patcher.ModelPatcher(model, load_device=gpu, offload_device=offload)
    if resident:
        loaded = comfy.model_management.LoadedModel(patcher)
        loaded.model_load()
        comfy.model_management.current_loaded_models.insert(0, loaded)
    return patcher


def vae_module(dim: int, channels: int = 16) -> torch.nn.Module:
    """ComfyUI's module of Wan's VAE: the one of Wan 2.1 and 2.2 A14B, or with 48 channels that of Wan 2.2 5B."""
    import comfy.ldm.wan.vae
    import comfy.ldm.wan.vae2_2

    kind = comfy.ldm.wan.vae2_2.WanVAE if channels == 48 else comfy.ldm.wan.vae.WanVAE
    return kind(
        dim=dim,
        z_dim=channels,
        dim_mult=[1, 2, 4, 4],
        num_res_blocks=2,
        attn_scales=[],
        temperal_downsample=[False, True, True],
    )


def vae(size: Size, seed: int):
    """The VAE of the model, with random weights, loaded by ComfyUI (which alone decides about its precision)."""
    import comfy.model_management
    import comfy.sd

    module = vae_module(size.vae_dim, size.channels).to(torch.bfloat16)
    fill(module, torch.Generator(comfy.model_management.get_torch_device()).manual_seed(seed))
    return comfy.sd.VAE(sd=module.state_dict())


def text(seed: int) -> list:
    """CONDITIONING as long as Wan's text encoder makes it."""
    generator = torch.Generator().manual_seed(seed)
    return [[torch.randn(1, TEXT_TOKENS, TEXT_WIDTH, generator=generator), {}]]
