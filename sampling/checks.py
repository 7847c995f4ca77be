"""What else hangs on a MODEL or its conditioning, and how it gets along with a drop; asked before the first step."""

from __future__ import annotations

import inspect
from collections.abc import Iterable

import torch

from .cutting import TIME_AXIS


def check_context_windows(model, latent: dict, frames: int, used_by: str) -> None:
    """Raise a ValueError if this many latent frames would be sampled in context windows that ComfyUI cannot fill.

    0.3.75 gives every window the start image, the VACE frames and the noise mask of the whole video; newer versions cut
    them. None can sample a batch in windows.
    """
    handler = model.model_options.get("context_handler")
    if handler is None or getattr(handler, "dim", None) != TIME_AXIS or frames <= handler.context_length:
        return
    module = model.get_model_object("diffusion_model")
    extra_channels = module.patch_embedding.weight.shape[1] > latent["samples"].shape[1]
    along_the_video = extra_channels or hasattr(module, "vace_blocks") or latent.get("noise_mask") is not None
    core_cuts = hasattr(handler, "cond_retain_index_list")  # came with the cutting
    if latent["samples"].shape[0] > 1:
        reason = "ComfyUI cannot sample a batch in windows. Set batch_size to 1"
    elif along_the_video and not core_cuts:
        reason = "this version of ComfyUI does not cut the start image into windows. Update ComfyUI"
    else:
        return
    raise ValueError(
        f"{used_by}: the model has context windows of {handler.context_length} latent frames, for {frames} latent "
        f"frames: {reason}, choose longer windows, or leave them out."
    )


def check_guidance(stages: Iterable[tuple[object, int]], used_by: str) -> None:
    """Raise a ValueError if guidance remembers frames that a drop takes away; stages are (MODEL, latent frames)."""
    seen: dict[object, int] = {}
    for model, frames in stages:
        for function in model.model_options.get("sampler_pre_cfg_function", []):
            # Core's Adaptive Projected Guidance; the module's name depends on who imported it.
            if not getattr(function, "__qualname__", "").startswith("APG."):
                continue
            momentum = inspect.getclosurevars(function).nonlocals.get("momentum", 0)
            if momentum and seen.setdefault(function, frames) != frames:
                raise ValueError(
                    f"{used_by}: Adaptive Projected Guidance with momentum averages over all steps, so that it cannot "
                    "go on with fewer latent frames. Set its momentum to 0, or give each expert one of its own."
                )


def vace_references(conditioning: list, latent_format) -> int:
    """How many latent frames WanVaceToVideo put before the video, for its reference image; 0 for other conditioning.

    Such a frame has nothing to fill in: its mask is 0, and its second half is what an all-zero latent decodes from.
    """
    nothing = latent_format.process_out(torch.zeros(1, latent_format.latent_channels, 1, 1, 1))
    found = 0
    for _, entry in conditioning:
        for frames, mask in zip(entry.get("vace_frames", []), entry.get("vace_mask", []), strict=False):
            half = frames.shape[1] // 2
            if half != nothing.shape[1] or frames.ndim != 5 or mask.ndim != 5:
                continue  # of another model, or refused elsewhere
            empty = (frames[:, half:] == nothing.to(frames)).all(4).all(3).all(1).all(0)  # [F]
            given = (mask == 0).all(4).all(3).all(1).all(0)  # [F]
            both = (empty & given.to(empty.device)).tolist()
            found = max(found, both.index(False) if False in both else 0)
    return found
