"""Temporal latent dropout: fewer latent frames for the low-noise half of the sampling.

Once the layout of the edit is decided, most of the video in between is no longer needed. From the boundary on (sigma
0.9) only some latent frames are denoised further (`editing.dropout` says which), and everything that has the video's
time axis is cut the same way (IF-Edit, arXiv 2511.19435, section "temporal latent dropout").

Latents are [B, C, F, H, W]. Latent frame 0 holds one image, every later one four: F = (images - 1) / 4 + 1. Nothing
here changes its input, and no result shares memory with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from .checks import FRAME_BY_FRAME, check_can_be_cut, check_video_latent
from .kept_frames import TIME_AXIS, kept_frames

# Conditioning that may run along the video, but need not: a control video may be shorter, a pose starts at frame 1.
_ALONG_THE_VIDEO = ("control_video", "pose_video_latent", "noise_concat")


def cut_latent(latent: dict, keep: Sequence[int], reference_frames: int = 0) -> dict:
    """A new LATENT with the latent frames `keep` (ascending indices into this latent) of samples and noise mask.

    Extra keys travel along as copies. `kept_latent_frames` and `latent_frames` refer to the undropped video, also where
    this is not the first cut. `reference_frames` says how many latent frames stand in front of the video. Raises
    ValueError for anything but a video latent and for frames the latent does not have.
    """
    samples = check_video_latent(latent, "Temporal latent dropout")  # [B, C, F, H, W]
    frames = samples.shape[TIME_AXIS]
    keep = _check_keep(keep, frames)
    before = kept_frames(latent)
    replaced = ("samples", "noise_mask", "reference_latent_frames")
    cut = {name: _copy(value) for name, value in latent.items() if name not in replaced}
    cut["samples"] = _take(samples, keep)
    if latent.get("noise_mask") is not None:
        cut["noise_mask"] = _cut_noise_mask(latent["noise_mask"], keep, frames)
    cut["kept_latent_frames"] = [before.kept[frame] for frame in keep]
    cut["latent_frames"] = before.latent_frames
    if count := max(reference_frames, before.reference_frames):
        cut["reference_latent_frames"] = count
    return cut


def cut_conditioning(conditioning: list, keep: Sequence[int], latent_frames: int) -> list:
    """A new CONDITIONING (list of [tensor, dict]): all that runs along the video keeps the latent frames `keep`.

    `latent_frames` is the length of the latent it belongs to, before the cut. Text, CLIP vision, reference latents and
    everything else without the video's time axis stay as they are. Raises ValueError where an entry has another length
    than the video or cannot be cut (sound, face video).
    """
    keep = _check_keep(keep, latent_frames)
    check_can_be_cut(conditioning, latent_frames)
    return [
        [_copy(text), {name: _cut_entry(name, value, keep, latent_frames) for name, value in entry.items()}]
        for text, entry in conditioning
    ]


def _check_keep(keep: Sequence[int], latent_frames: int) -> list[int]:
    keep = [int(frame) for frame in keep]
    if not keep or keep != sorted(set(keep)) or keep[0] < 0 or keep[-1] >= latent_frames:
        raise ValueError(
            f"The latent frames to keep are {keep}, but the video has the latent frames 0 to {latent_frames - 1}. "
            "Name each at most once, in ascending order."
        )
    return keep


def _take(tensor: torch.Tensor, keep: list[int], axis: int = TIME_AXIS) -> torch.Tensor:
    return tensor.index_select(axis, torch.tensor(keep, dtype=torch.long, device=tensor.device))


def _cut_entry(name: str, value: object, keep: list[int], latent_frames: int) -> object:
    if isinstance(value, (list, tuple)) and name in FRAME_BY_FRAME:
        return [_cut_entry(name, item, keep, latent_frames) for item in value]
    if not isinstance(value, torch.Tensor):
        return _copy(value)
    if name == "concat_mask" and value.ndim == 5:
        return _cut_concat_mask(value, keep, latent_frames)
    if name == "mask" and value.ndim >= 3 and value.shape[-3] == latent_frames:  # a region of the prompt, [F, H, W]
        return _take(value, keep, axis=value.ndim - 3)
    if name in FRAME_BY_FRAME or (name in _ALONG_THE_VIDEO and value.ndim == 5):
        frames = value.shape[TIME_AXIS]
        if frames == latent_frames:
            return _take(value, keep)
        if name == "pose_video_latent" and frames == latent_frames - 1:  # latent frame 0 is the person, without a pose
            return _take(value, [frame - 1 for frame in keep if frame > 0])
    return _copy(value)


def _cut_concat_mask(mask: torch.Tensor, keep: list[int], latent_frames: int) -> torch.Tensor:
    """Cut a mask [B, 1 or 4, F, H, W], 1 = generate; ComfyUI reads what is missing at the end of the video as 1."""
    missing = latent_frames - mask.shape[TIME_AXIS]
    return _take(torch.nn.functional.pad(mask, (0, 0, 0, 0, 0, missing), value=1.0), keep)


def _cut_noise_mask(mask: torch.Tensor, keep: list[int], latent_frames: int) -> torch.Tensor:
    """Cut a noise mask of any shape that ComfyUI accepts for a video latent; the result is [B, 1 or C, K, H, W]."""
    if mask.ndim < 5:
        mask = mask.reshape(1, 1, -1, *mask.shape[-2:])  # as comfy.utils.reshape_mask reads it
    if mask.shape[TIME_AXIS] == 1:  # one mask for every frame
        return mask.clone()
    if mask.shape[TIME_AXIS] != latent_frames:  # stretched over the video, as ComfyUI would when it samples
        mask = torch.nn.functional.interpolate(mask.float(), size=(latent_frames, *mask.shape[-2:]), mode="trilinear")
    return _take(mask, keep)


def _copy(value: Any) -> Any:
    """A copy of containers and tensors; other objects (ControlNets, hooks, CLIP vision) are shared, as in ComfyUI."""
    if isinstance(value, torch.Tensor):
        return value.clone()
    if type(value) in (list, tuple):
        return type(value)(_copy(item) for item in value)
    if type(value) is dict:
        return {key: _copy(item) for key, item in value.items()}
    return value
