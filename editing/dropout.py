"""Temporal latent dropout: fewer latent frames for the low-noise half of the sampling.

Once the layout of the edit is decided, most of the video in between is no longer needed. From the expert switch on
(sigma 0.9) only some latent frames are denoised further (`keep_sets` says which), and everything that has the video's
time axis is cut the same way (IF-Edit, arXiv 2511.19435, section "temporal latent dropout").

Latents are [B, C, F, H, W]. Latent frame 0 holds one image, every later one four: F = (images - 1) / 4 + 1. A LATENT
that was cut also carries `kept_latent_frames`, the kept indices in the undropped video, and `latent_frames`, the count
before; with references before the video (VACE), which both of them count too, also `reference_latent_frames`. Nothing
here changes its input, and no result shares memory with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

TIME_AXIS = 2  # of [B, C, F, H, W]

# Conditioning the model joins to the latent frame by frame: another length cannot be sampled at all.
_FRAME_BY_FRAME = ("concat_latent_image", "vace_frames", "vace_mask", "camera_conditions")
# Conditioning that may run along the video, but need not: a control video may be shorter, a pose starts at frame 1.
_ALONG_THE_VIDEO = ("control_video", "pose_video_latent", "noise_concat")
# Conditioning at the rate of sound or of single images: it would end up beside the wrong frame.
_CANNOT_BE_CUT = {"audio_embed": "sound (S2V, HuMo)", "face_video_pixels": "a face video (Animate)"}


class Record(NamedTuple):
    """What was dropped from a latent: the places of its frames in the undropped video, how many that video had, and
    how many of them are references that stand before the video (counted in both).
    """

    kept: list[int]
    latent_frames: int
    references: int


def check_video_latent(latent: dict, used_by: str) -> torch.Tensor:
    """The samples [B, C, F, H, W] of a LATENT; ValueError unless it is a video of at least two finite latent frames."""
    samples = latent["samples"]
    shape = list(samples.shape)
    if samples.ndim != 5:
        raise ValueError(
            f"{used_by} needs a video latent [B, C, F, H, W], got {shape}. Connect the latent of WanImageToVideo."
        )
    _check_is_video(shape[TIME_AXIS], used_by)
    if 0 in shape:
        raise ValueError(
            f"{used_by} got a latent {shape} with nothing in it; every side must be at least 1. Check the batch size "
            "and the picture size of the node that made it."
        )
    if not torch.isfinite(samples).all():
        raise ValueError(
            f"{used_by} got a latent {shape} with values that are not numbers (NaN or infinite). What made it went "
            "wrong: try another precision of the model or the VAE, or a lower CFG."
        )
    kept = record(latent).kept
    if len(kept) != shape[TIME_AXIS]:
        raise ValueError(
            f"{used_by} got a latent of {shape[TIME_AXIS]} latent frames that says it kept {len(kept)}: {kept}. "
            "Frames were added or removed after the temporal latent dropout; connect the latent without that step."
        )
    return samples


def record(latent: dict) -> Record:
    """What a LATENT says of the frames that were dropped from it; all are kept where it says nothing."""
    frames = latent["samples"].shape[TIME_AXIS]
    kept = latent.get("kept_latent_frames")
    if kept is None:
        return Record(list(range(frames)), frames, 0)
    kept, whole = [int(frame) for frame in kept], int(latent["latent_frames"])
    references = int(latent.get("reference_latent_frames", 0))
    if references and len(kept) == frames + references:  # TrimVideoLatent took the references away, but not our entries
        return Record([frame - references for frame in kept[references:]], whole - references, 0)
    return Record(kept, whole, references)


def without_references(latent: dict) -> dict:
    """The LATENT of the video alone, without the reference frames that a drop kept before it."""
    kept, whole, references = record(latent)
    if "reference_latent_frames" not in latent:
        return latent
    return {name: value for name, value in latent.items() if name != "reference_latent_frames"} | {
        "samples": latent["samples"][:, :, references:],
        "kept_latent_frames": [frame - references for frame in kept[references:]],
        "latent_frames": whole - references,
    }


def cut_latent(latent: dict, keep: Sequence[int], references: int = 0) -> dict:
    """A new LATENT with the latent frames `keep` (ascending indices into this latent) of samples and noise mask.

    Extra keys travel along as copies. `kept_latent_frames` and `latent_frames` refer to the undropped video, also where
    this is not the first cut. `references` says how many frames stand before the video. Raises ValueError for anything
    but a video latent and for frames the latent does not have.
    """
    samples = check_video_latent(latent, "Temporal latent dropout")  # [B, C, F, H, W]
    frames = samples.shape[TIME_AXIS]
    keep = _checked_keep(keep, frames)
    before = record(latent)
    replaced = ("samples", "noise_mask", "reference_latent_frames")
    cut = {name: _fresh(value) for name, value in latent.items() if name not in replaced}
    cut["samples"] = _take(samples, keep)
    if latent.get("noise_mask") is not None:
        cut["noise_mask"] = _cut_noise_mask(latent["noise_mask"], keep, frames)
    cut["kept_latent_frames"] = [before.kept[frame] for frame in keep]
    cut["latent_frames"] = before.latent_frames
    if references := max(references, before.references):
        cut["reference_latent_frames"] = references
    return cut


def cut_conditioning(conditioning: list, keep: Sequence[int], latent_frames: int) -> list:
    """A new CONDITIONING (list of [tensor, dict]): all that runs along the video keeps the latent frames `keep`.

    `latent_frames` is the length of the latent it belongs to, before the cut. Text, CLIP vision, reference latents and
    everything else without the video's time axis stay as they are. Raises ValueError where an entry has another length
    than the video or cannot be cut (sound, face video).
    """
    keep = _checked_keep(keep, latent_frames)
    check_can_be_cut(conditioning, latent_frames)
    return [
        [_fresh(text), {name: _cut_entry(name, value, keep, latent_frames) for name, value in entry.items()}]
        for text, entry in conditioning
    ]


def check_can_be_cut(conditioning: list, latent_frames: int) -> None:
    """Raise a ValueError where `cut_conditioning` could not cut the conditioning of a video of that many frames."""
    check_conditioning(conditioning, latent_frames)
    for _, entry in conditioning:
        for name, meaning in _CANNOT_BE_CUT.items():
            if entry.get(name) is not None:
                raise ValueError(
                    f"Temporal latent dropout cannot cut {meaning}: the conditioning has {name}. Turn the dropout off."
                )


def check_conditioning(conditioning: list, latent_frames: int) -> None:
    """Raise a ValueError that names both lengths where the conditioning was made for a video of another length."""
    for _, entry in conditioning:
        for name in _FRAME_BY_FRAME:
            for tensor in _tensors(entry.get(name)):
                if tensor.ndim != 5 or tensor.shape[TIME_AXIS] != latent_frames:
                    raise _other_length(name, tensor, latent_frames)
        for tensor in _tensors(entry.get("concat_mask")):
            if tensor.ndim == 5 and tensor.shape[TIME_AXIS] > latent_frames:
                raise _other_length("concat_mask", tensor, latent_frames)


def check_start_image(conditioning: list, socket: str, used_by: str) -> None:
    """Raise a ValueError if the conditioning brings no start image, for models that take it beside the noise."""
    if all(
        entry.get("concat_latent_image") is None and not entry.get("reference_latents") for _, entry in conditioning
    ):
        raise ValueError(
            f"{used_by}: the {socket} conditioning has no start image, but this image-to-video model needs one. "
            f"Connect the {socket} output of WanImageToVideo, with the source image as its start_image."
        )


def _check_is_video(latent_frames: int, used_by: str = "Temporal latent dropout") -> None:
    if latent_frames < 2:
        raise ValueError(
            f"{used_by} needs a video of at least 2 latent frames, got {latent_frames}. "
            "Set the length of WanImageToVideo to 5 or more images (33 is usual)."
        )


def _checked_keep(keep: Sequence[int], latent_frames: int) -> list[int]:
    keep = [int(frame) for frame in keep]
    if not keep or keep != sorted(set(keep)) or keep[0] < 0 or keep[-1] >= latent_frames:
        raise ValueError(
            f"The latent frames to keep are {keep}, but the video has the latent frames 0 to {latent_frames - 1}. "
            "Name each at most once, in ascending order."
        )
    return keep


def _other_length(name: str, tensor: torch.Tensor, latent_frames: int) -> ValueError:
    found = f"{tensor.shape[TIME_AXIS]} latent frames" if tensor.ndim == 5 else f"shape {list(tensor.shape)}"
    return ValueError(
        f"The conditioning ({name}) has {found}, but the latent has {latent_frames} latent frames. Connect positive, "
        "negative and latent of the same WanImageToVideo; its length must be a multiple of 4, plus 1 (33 is usual)."
    )


def _tensors(value: object) -> list[torch.Tensor]:
    """The tensors of a conditioning value, which is a tensor, a list of tensors or nothing of the kind."""
    values = value if isinstance(value, (list, tuple)) else [value]
    return [tensor for tensor in values if isinstance(tensor, torch.Tensor)]


def _take(tensor: torch.Tensor, keep: list[int], axis: int = TIME_AXIS) -> torch.Tensor:
    return tensor.index_select(axis, torch.tensor(keep, dtype=torch.long, device=tensor.device))


def _cut_entry(name: str, value: object, keep: list[int], latent_frames: int) -> object:
    if isinstance(value, (list, tuple)) and name in _FRAME_BY_FRAME:
        return [_cut_entry(name, item, keep, latent_frames) for item in value]
    if not isinstance(value, torch.Tensor):
        return _fresh(value)
    if name == "concat_mask" and value.ndim == 5:
        return _cut_concat_mask(value, keep, latent_frames)
    if name == "mask" and value.ndim >= 3 and value.shape[-3] == latent_frames:  # a region of the prompt, [F, H, W]
        return _take(value, keep, axis=value.ndim - 3)
    if name in _FRAME_BY_FRAME or (name in _ALONG_THE_VIDEO and value.ndim == 5):
        frames = value.shape[TIME_AXIS]
        if frames == latent_frames:
            return _take(value, keep)
        if name == "pose_video_latent" and frames == latent_frames - 1:  # latent frame 0 is the person, without a pose
            return _take(value, [frame - 1 for frame in keep if frame > 0])
    return _fresh(value)


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


def _fresh(value: object) -> object:
    """A copy of containers and tensors; other objects (ControlNets, hooks, CLIP vision) are shared, as in ComfyUI."""
    if isinstance(value, torch.Tensor):
        return value.clone()
    if type(value) in (list, tuple):
        return type(value)(_fresh(item) for item in value)
    if type(value) is dict:
        return {key: _fresh(item) for key, item in value.items()}
    return value
