"""One drop between two of anyone's samplers: the latent, its masks, the conditioning and the model are cut alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import comfy.utils
import torch

from ..editing.dropout import Drop
from .checks import check_channels, check_context_windows, check_start, check_video_latent, count_reference_frames
from .cutting import cut_conditioning, cut_latent
from .kept_frames import kept_frames
from .report import Report
from .rope import set_positions

NAME = "Temporal Latent Dropout"


class Dropped(NamedTuple):
    """What the sampler after a drop goes on with."""

    model: Any
    positive: list
    negative: list
    latent: dict


def drop_latent_frames(
    model,
    positive: list,
    negative: list,
    latent: dict,
    drop: Drop,
    *,
    positions: str,
    start_latent: dict | None = None,
    denoised: dict | None = None,
    reference_frames: int = 0,
    report: Report,
) -> Dropped:
    """Drop latent frames of a half-denoised video LATENT.

    Args:
        positions: one of `rope.POSITIONS`, the time positions of the frames that stay.
        start_latent: what went into the first sampler; needed only where the latent has a noise mask.
        denoised: the clean latent that the first sampler predicted, for rules that look at it.
        reference_frames: how many latent frames stand in front of the video, if that cannot be seen from the rest.

    Raises ValueError where the drop cannot be made, or the inputs do not belong together.
    """
    samples = check_video_latent(latent, NAME)
    check_channels(model, samples, NAME)
    check_start(model, positive, "positive", NAME)
    kept, latent_frames, _ = kept_frames(latent)
    references = count_reference_frames(model, positive, latent, reference_frames)
    drop.check(latent_frames, references)
    choice = drop.choose(kept, latent_frames, _read_prediction(denoised, model, samples), references)
    check_context_windows(model, latent, len(choice.keep), NAME)
    cut = cut_latent(_restore_clean_start(latent, start_latent), choice.keep, references)
    report.drop(drop.rule, cut, choice.reason)
    positive, negative = (cut_conditioning(each, choice.keep, len(kept)) for each in (positive, negative))
    return Dropped(set_positions(model, cut, positions), positive, negative, cut)


def pick_drop(drops: Sequence[Drop], number: int) -> Drop:
    """Drop 1, 2, ... of a schedule; ValueError if it has fewer."""
    if number > len(drops):
        raise ValueError(
            f"{NAME}: drop {number} was asked for, but the schedule has {len(drops)}: {'; '.join(map(str, drops))}."
        )
    return drops[number - 1]


def _read_prediction(denoised: dict | None, model, samples: torch.Tensor) -> torch.Tensor | None:
    """The clean latent that a sampler predicted, as the model sees it: [B, C, F, H, W] like the samples."""
    if denoised is None:
        return None
    prediction = denoised["samples"]
    if prediction.shape != samples.shape:
        raise ValueError(
            f"{NAME}: denoised is {list(prediction.shape)}, the latent is {list(samples.shape)}. "
            "Connect both outputs of the same SamplerCustomAdvanced."
        )
    return model.get_model_object("latent_format").process_in(prediction)


def _restore_clean_start(latent: dict, start_latent: dict | None) -> dict:
    """The latent with what its noise mask protects as in `start_latent`; the first sampler left it covered in noise."""
    if latent.get("noise_mask") is None:
        return latent
    samples = latent["samples"]
    if start_latent is None:
        raise ValueError(
            f"{NAME}: this latent has a noise mask (as the start image of Wan 2.2 5B has), and the first sampler "
            "leaves noise under it. Connect the latent that went into the first sampler to start_latent, or use the "
            "Edit Sampler."
        )
    start = start_latent["samples"]
    if start.shape != samples.shape:
        raise ValueError(
            f"{NAME}: start_latent is {list(start.shape)}, the latent is {list(samples.shape)}. "
            "Connect the latent that went into the first sampler."
        )
    mask = comfy.utils.reshape_mask(latent["noise_mask"], samples.shape).to(samples)  # 1 = denoise, 0 = protected
    return {**latent, "samples": samples * mask + start.to(samples) * (1.0 - mask)}
