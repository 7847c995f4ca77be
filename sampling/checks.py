"""Checks that models, their patches, conditioning, latents and VAEs go together, and with dropping frames.

All of them are made before the first step. Each raises a ValueError that says what to connect instead.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

import torch
from comfy.patcher_extension import WrappersMP

from ..editing.dropout import check_is_video
from ..editing.keyframes import IMAGES_PER_LATENT
from .kept_frames import TIME_AXIS, kept_frames

VAE_FILES = {16: "wan_2.1_vae.safetensors", 48: "wan2.2_vae.safetensors"}  # by latent channels

# Conditioning that the model joins to the latent frame by frame: another length cannot be sampled at all.
FRAME_BY_FRAME = ("concat_latent_image", "vace_frames", "vace_mask", "camera_conditions")
# Conditioning at the rate of sound or of single images: it would end up beside the wrong frame.
CANNOT_BE_CUT = {"audio_embed": "sound (S2V, HuMo)", "face_video_pixels": "a face video (Animate)"}


def check_edit_inputs(
    model_high_noise,
    model_low_noise,
    positive: list,
    negative: list,
    latent: dict,
    guided: bool,
    used_by: str = "Edit Sampler",
) -> None:
    """Raise a ValueError unless models, conditioning and video LATENT go together; `guided`: the negative is used."""
    samples = check_video_latent(latent, used_by)
    check_channels(model_high_noise, samples, used_by)
    if model_low_noise is not None:
        check_channels(model_low_noise, samples, f"{used_by} (model_low_noise)")
    check_start(model_high_noise, positive, "positive", used_by)
    if guided:
        check_start(model_high_noise, negative, "negative", used_by)


def check_video_latent(latent: dict, used_by: str) -> torch.Tensor:
    """The samples [B, C, F, H, W] of a LATENT; ValueError unless it is a video of at least two finite latent frames."""
    samples = latent["samples"]
    shape = list(samples.shape)
    if samples.ndim != 5:
        raise ValueError(
            f"{used_by} needs a video latent [B, C, F, H, W], got {shape}. Connect the latent of WanImageToVideo."
        )
    check_is_video(shape[TIME_AXIS], used_by)
    if 0 in shape:
        raise ValueError(
            f"{used_by} got an empty latent {shape}: every side must be at least 1. Check the batch size and the image "
            "size of the node that made it."
        )
    if not torch.isfinite(samples).all():
        raise ValueError(
            f"{used_by} got a latent {shape} with values that are not numbers (NaN or infinite). What made it went "
            "wrong: try another precision of the model or the VAE, or a lower CFG."
        )
    kept = kept_frames(latent).kept
    if len(kept) != shape[TIME_AXIS]:
        raise ValueError(
            f"{used_by} got a latent of {shape[TIME_AXIS]} latent frames that says it kept {len(kept)}: {kept}. "
            "Frames were added or removed after the temporal latent dropout; connect the latent without that step."
        )
    return samples


def check_channels(model, samples: torch.Tensor, used_by: str) -> None:
    """Raise a ValueError if the latent [B, C, F, H, W] has not the channels that the model denoises."""
    expected, found = model.get_model_object("latent_format").latent_channels, samples.shape[1]
    if expected == found:
        return
    source = {
        16: "WanImageToVideo with the Wan 2.1 VAE",
        48: "Wan22ImageToVideoLatent with the Wan 2.2 VAE",
    }.get(expected, "the node that belongs to this model")
    raise ValueError(
        f"{used_by}: the model denoises latents of {expected} channels, got {list(samples.shape)} with {found}. "
        f"Connect the latent of {source}, or the model that belongs to this latent."
    )


def check_start(model, conditioning: list, socket: str, used_by: str) -> None:
    """Raise a ValueError if the model needs a start image that is not there, or would ignore the one that is."""
    if needs_start_image(model):
        check_start_image(conditioning, socket, used_by)
    elif any(entry.get("concat_latent_image") is not None for _, entry in conditioning):
        channels = model.get_model_object("latent_format").latent_channels
        raise ValueError(
            f"{used_by}: the {socket} conditioning brings a start image as extra channels, but this model takes only "
            f"its {channels} latent channels and would ignore it. Connect a Wan image-to-video model (36 channels)."
        )


def check_start_image(conditioning: list, socket: str, used_by: str) -> None:
    """Raise a ValueError if the conditioning brings no start image, for models that take it beside the noise."""
    if all(
        entry.get("concat_latent_image") is None and not entry.get("reference_latents") for _, entry in conditioning
    ):
        raise ValueError(
            f"{used_by}: the {socket} conditioning has no start image, but this image-to-video model needs one. "
            f"Connect the {socket} output of WanImageToVideo, with the source image as its start_image."
        )


def needs_start_image(model) -> bool:
    """Whether the model takes channels beside the noise (36 in all for Wan I2V), which only conditioning can bring."""
    patch_embedding = getattr(model.get_model_object("diffusion_model"), "patch_embedding", None)
    if patch_embedding is None:
        return False
    return patch_embedding.weight.shape[1] > model.get_model_object("latent_format").latent_channels


def check_conditioning(conditioning: list, latent_frames: int) -> None:
    """Raise a ValueError that names both lengths where the conditioning was made for a video of another length."""
    for _, entry in conditioning:
        for name in FRAME_BY_FRAME:
            for tensor in _list_tensors(entry.get(name)):
                if tensor.ndim != 5 or tensor.shape[TIME_AXIS] != latent_frames:
                    raise _other_length(name, tensor, latent_frames)
        for tensor in _list_tensors(entry.get("concat_mask")):
            if tensor.ndim == 5 and tensor.shape[TIME_AXIS] > latent_frames:
                raise _other_length("concat_mask", tensor, latent_frames)


def check_can_be_cut(conditioning: list, latent_frames: int) -> None:
    """Raise a ValueError where `cut_conditioning` could not cut the conditioning of a video of that many frames."""
    check_conditioning(conditioning, latent_frames)
    for _, entry in conditioning:
        for name, meaning in CANNOT_BE_CUT.items():
            if entry.get(name) is not None:
                raise ValueError(
                    f"Temporal latent dropout cannot cut {meaning}: the conditioning has {name}. Turn the dropout off."
                )


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


def check_caches(model, used_by: str) -> None:
    """Raise a ValueError if the model has EasyCache and LazyCache: in ComfyUI, each takes the other's memory."""
    wrappers = model.wrappers.get(WrappersMP.OUTER_SAMPLE, {})
    if wrappers.get("easycache") and wrappers.get("lazycache"):
        raise ValueError(
            f"{used_by}: the model has both EasyCache and LazyCache, which cannot work together. Remove one of them."
        )


def check_guidance(stages: Iterable[tuple[Any, int]], used_by: str) -> None:
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


def count_reference_frames(model, positive: list, latent: dict, named: int) -> int:
    """How many latent frames stand before the video: as named, as an earlier drop noted, or as VACE put them there."""
    return max(
        named,
        kept_frames(latent).reference_frames,
        count_vace_references(positive, model.get_model_object("latent_format")),
    )


def count_vace_references(conditioning: list, latent_format) -> int:
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


def check_keyframe_vae(vae, channels: int) -> None:
    """Raise a ValueError if the VAE does not decode video latents of that many channels, four images a latent frame."""
    if vae.latent_channels != channels:
        raise ValueError(
            f"Decode Keyframes: the latent has {channels} channels, but the VAE decodes {vae.latent_channels}. "
            f"Connect {VAE_FILES.get(channels, 'the VAE of the model')}."
        )
    if vae.latent_dim != 3 or vae.temporal_compression_decode() != IMAGES_PER_LATENT:
        raise ValueError(
            f"Decode Keyframes needs a video VAE with {IMAGES_PER_LATENT} images a latent frame, got one with "
            f"{vae.temporal_compression_decode() or 'none (an image VAE)'}. Connect {VAE_FILES[16]}."
        )


def check_still_video_model(model, vae) -> None:
    """Raise a ValueError for a VAE of another kind than the model's and for a model that takes no start image."""
    channels = model.get_model_object("latent_format").latent_channels
    if vae.latent_channels != channels:
        raise ValueError(
            f"Still-Video Refiner: the model denoises latents of {channels} channels, but the VAE makes "
            f"{vae.latent_channels}. Connect {VAE_FILES[16]} for 14B models, {VAE_FILES[48]} for 5B."
        )
    if channels != 48 and not needs_start_image(model):
        raise ValueError(
            f"Still-Video Refiner needs an image-to-video model, got one that takes only {channels} latent channels "
            "and no start image. Connect a Wan I2V model (36 channels) or Wan 2.2 TI2V 5B."
        )


def check_still_video_length(length: int) -> None:
    """Raise a ValueError unless the length is 4n + 1 with at least two latent frames."""
    if length < 5 or length % 4 != 1:
        below = max(5, length - (length - 1) % 4)
        raise ValueError(
            f"Still-Video Refiner: a length of {length} images does not fit the VAE, which takes 4 images a latent "
            f"frame after the first. Use a multiple of 4, plus 1, such as {below} or {below + 4}."
        )


def _other_length(name: str, tensor: torch.Tensor, latent_frames: int) -> ValueError:
    found = f"{tensor.shape[TIME_AXIS]} latent frames" if tensor.ndim == 5 else f"shape {list(tensor.shape)}"
    return ValueError(
        f"The conditioning ({name}) has {found}, but the latent has {latent_frames} latent frames. Connect positive, "
        "negative and latent of the same WanImageToVideo; its length must be a multiple of 4, plus 1 (33 is usual)."
    )


def _list_tensors(value: object) -> list[torch.Tensor]:
    """The tensors of a conditioning value, which is a tensor, a list of tensors or nothing of the kind."""
    values = value if isinstance(value, (list, tuple)) else [value]
    return [tensor for tensor in values if isinstance(tensor, torch.Tensor)]
