"""Denoising in stages: one run of ComfyUI's own samplers for every stretch of steps over the same frames and model.

Two runs, of which the second starts from the result of the first with its leftover noise, give what one run would. So
changing the expert or dropping frames between two runs needs no solver of our own, and no solver ever sees tensors of
two shapes: one that remembers earlier steps starts anew.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import comfy.model_management
import comfy.sample
import comfy.samplers
import comfy.utils
import latent_preview
import torch
from tqdm.auto import tqdm

from ..editing.dropout import FIRST_AND_LAST, Drop, check_drops, first_step_at, sort_drops
from .checks import check_caches, check_can_be_cut, check_conditioning, check_context_windows, check_guidance
from .cutting import cut_conditioning, cut_latent
from .kept_frames import TIME_AXIS, kept_frames
from .report import Report
from .rope import POSITIONS, set_positions

BOUNDARY = 0.9  # sigma at which Wan 2.2 I2V changes from its high-noise to its low-noise expert


@dataclass(frozen=True)
class Stage:
    """A stretch of steps over the same latent frames with the same model, and the drops that are made before it.

    first_step, last_step: the steps first_step <= step < last_step; none where a drop cuts the finished latent.
    latent_frames: how many latent frames are left while it runs. expert: the model in words, for the report.
    keep_prediction: whether the drops that follow look at what the model predicts.
    """

    first_step: int
    last_step: int
    drops: tuple[Drop, ...]
    latent_frames: int
    model: Any
    cfg: float
    expert: str
    keep_prediction: bool


def make_sigmas(model, steps: int, sampler_name: str, scheduler: str) -> torch.Tensor:
    """The noise levels that KSampler would use: [steps + 1], from pure noise (1 for Wan) down to 0."""
    return comfy.samplers.KSampler(
        model,
        steps=steps,
        device=model.load_device,
        sampler=sampler_name,
        scheduler=scheduler,
        model_options=model.model_options,
    ).sigmas


def plan_stages(
    model_high_noise,
    model_low_noise,
    latent: dict,
    sigmas: torch.Tensor,
    *,
    cfg: float,
    cfg_low_noise: float | None = None,
    boundary: float = BOUNDARY,
    drops: Sequence[Drop] = (),
    reference_frames: int = 0,
) -> list[Stage]:
    """The stages in which `sample_in_stages` denoises; see there. Raises ValueError for drops that cannot be made."""
    steps = max(0, len(sigmas) - 1)
    dropping = _plan_drops(drops, latent, sigmas, reference_frames)
    two_parts = model_low_noise is not None or cfg_low_noise is not None
    change = first_step_at(sigmas, boundary) if two_parts else steps
    starts = sorted({0, change, *(step for step, _, _ in dropping)})
    stages = []
    latent_frames = latent["samples"].shape[TIME_AXIS]
    for start, end in zip(starts, [*starts[1:], steps], strict=True):
        low = start >= change
        made = [(drop, left) for step, drop, left in dropping if step == start]
        latent_frames = made[-1][1] if made else latent_frames
        stages.append(
            Stage(
                first_step=start,
                last_step=end,
                drops=tuple(drop for drop, _ in made),
                latent_frames=latent_frames,
                model=model_low_noise if low and model_low_noise is not None else model_high_noise,
                cfg=cfg_low_noise if low and cfg_low_noise is not None else cfg,
                expert="one model" if model_low_noise is None else f"{'low' if low else 'high'}-noise model",
                # Only where a drop that looks at it comes next: it would be one more video in memory.
                keep_prediction=any(drop.needs_prediction for step, drop, _ in dropping if step == end),
            )
        )
    return stages


def sample_in_stages(
    model_high_noise,
    model_low_noise,
    positive: list,
    negative: list,
    latent: dict,
    *,
    seed: int,
    cfg: float,
    sampler_name: str,
    sigmas: torch.Tensor,
    cfg_low_noise: float | None = None,
    boundary: float = BOUNDARY,
    drops: Sequence[Drop] = (),
    positions: str = POSITIONS[0],
    reference_frames: int = 0,
    report: Report | None = None,
) -> dict:
    """Denoise a video LATENT over `sigmas`, changing the expert and dropping latent frames on the way.

    From the first step at or below `boundary` on, `model_low_noise` (None: the same model) works with `cfg_low_noise`
    (None: the same CFG). Each drop is made before the first step at or below its sigma, on the latent, its noise mask
    and the conditioning alike. Where nothing is dropped this is KSampler (one model) or the usual pair of KSampler
    (Advanced) (two models), exactly. A drop below all noise levels cuts the finished latent, one above all of them the
    noise.

    Args:
        sigmas: noise levels [steps + 1], descending.
        reference_frames: how many latent frames stand in front of the video (VACE); they are never dropped.
        report: is told of every stage and drop.

    Returns the LATENT, after a drop with `kept_latent_frames` and `latent_frames`. Raises ValueError for
    conditioning of another length than the latent and for drops that cannot be made; before the first step.
    """
    steps = max(0, len(sigmas) - 1)
    stages = plan_stages(
        model_high_noise,
        model_low_noise,
        latent,
        sigmas,
        cfg=cfg,
        cfg_low_noise=cfg_low_noise,
        boundary=boundary,
        drops=drops,
        reference_frames=reference_frames,
    )
    _check_stages(stages, positive, negative, latent)
    report = report or Report("Edit Sampler")
    noise = comfy.sample.prepare_noise(latent["samples"], seed, latent.get("batch_index"))
    sampler = comfy.samplers.sampler_object(sampler_name)
    result, prediction = latent, None
    show_bar = comfy.utils.PROGRESS_BAR_ENABLED and steps > 0
    with tqdm(total=steps, desc="Edit Sampler") if show_bar else nullcontext() as bar:
        progress = _Progress(latent_preview.prepare_callback(model_high_noise, max(1, steps)), bar, steps)
        for stage in stages:
            for drop in stage.drops:
                kept, latent_frames, _ = kept_frames(latent)
                if drop.needs_prediction and prediction is None:  # a solver of another pack may report no steps
                    report.warn(f"{sampler_name} reports no prediction to settle by: first + last instead")
                    drop = replace(drop, keep=FIRST_AND_LAST)
                choice = drop.choose(kept, latent_frames, prediction, reference_frames)
                positive, negative = (cut_conditioning(each, choice.keep, len(kept)) for each in (positive, negative))
                latent, result = (cut_latent(each, choice.keep, reference_frames) for each in (latent, result))
                noise = noise.index_select(TIME_AXIS, torch.tensor(choice.keep))
                prediction = None if prediction is None else prediction[:, :, choice.keep]
                report.drop(str(drop), result, choice.reason)
                if stage.first_step == steps:
                    report.warn(f"no step starts at or below the noise level of the drop by {drop}: it saved no time")
            if stage.first_step == stage.last_step:
                continue
            comfy.model_management.throw_exception_if_processing_interrupted()
            stage_sigmas = sigmas[stage.first_step : stage.last_step + 1]
            stage_sampler, stage_latent, stage_noise = sampler, latent, noise
            if stage.first_step > 0:
                stage_sampler, stage_latent, stage_noise = _continue_from(result, sampler, latent, noise)
            progress.begin(stage.first_step, stage.keep_prediction)
            started = time.perf_counter()
            samples = comfy.sample.sample_custom(
                set_positions(stage.model, latent, positions),
                stage_noise,
                stage.cfg,
                stage_sampler,
                stage_sigmas,
                positive,
                negative,
                stage_latent["samples"],
                noise_mask=stage_latent.get("noise_mask"),
                callback=progress,
                disable_pbar=True,
                seed=seed,
            )
            result, prediction = {**stage_latent, "samples": samples}, progress.take_prediction()
            seconds = time.perf_counter() - started
            report.stage(stage.first_step, steps, stage_sigmas, stage.expert, result, seconds)
    if model_low_noise is not None and first_step_at(sigmas, boundary) == steps:
        report.warn(f"no step starts at or below the boundary {boundary:g}: the low-noise model did nothing")
    return result


def _check_stages(stages: list[Stage], positive: list, negative: list, latent: dict) -> None:
    """Raise a ValueError, before the first step, if conditioning or models do not go together with the stages."""
    frames = latent["samples"].shape[TIME_AXIS]
    dropping = any(stage.drops for stage in stages)
    for conditioning in (positive, negative):
        (check_can_be_cut if dropping else check_conditioning)(conditioning, frames)
    sampling = [(stage.model, stage.latent_frames) for stage in stages if stage.first_step < stage.last_step]
    for model, latent_frames in sampling:
        check_caches(model, "Edit Sampler")
        check_context_windows(model, latent, latent_frames, "Edit Sampler")
    check_guidance(sampling, "Edit Sampler")


def _plan_drops(drops, latent: dict, sigmas: torch.Tensor, reference_frames: int) -> list[tuple[int, Drop, int]]:
    """(step, drop, latent frames left) for all drops that change anything, in order; ValueError for impossible ones."""
    kept, whole, _ = kept_frames(latent)
    if drops:
        check_drops(drops, whole, reference_frames)
    plan, present = [], kept
    for drop in sort_drops(drops):
        step = first_step_at(sigmas, drop.sigma)
        if drop.needs_prediction:
            if step == 0:
                drop.choose(kept, whole, None, reference_frames)  # says that no step comes before it
            present = None
        elif present is not None:
            keep = drop.choose(present, whole, reference_frames=reference_frames).keep
            if len(keep) == len(present):
                continue  # so that a stride of 1 does not even restart the solver
            present = [present[index] for index in keep]
        plan.append((step, drop, reference_frames + 2 if present is None else len(present)))
    return plan


def _continue_from(result: dict, sampler, latent: dict, noise: torch.Tensor) -> tuple:
    """(sampler, latent, noise) for a run that goes on where the one before left `result`.

    Without a noise mask that is the result and no new noise. With one, the run must still know the original latent and
    noise, which ComfyUI puts back wherever the mask is 0, so only its starting point is replaced.
    """
    if latent.get("noise_mask") is None:
        return sampler, result, torch.zeros_like(noise)

    def from_result(model, x, sigmas, **options):
        base = model.inner_model.inner_model  # KSamplerX0Inpaint -> CFGGuider -> the model
        start = base.process_latent_in(result["samples"].to(x))
        start = base.model_sampling.noise_scaling(sigmas[0], torch.zeros_like(start), start)
        return sampler.sampler_function(model, start, sigmas, **options)

    return comfy.samplers.KSAMPLER(from_result, sampler.extra_options, sampler.inpaint_options), latent, noise


class _Progress:
    """Step callback of all stages: moves the one bar, previews the last latent frame, keeps the last prediction."""

    def __init__(self, preview, bar: tqdm | None, steps: int):
        self.preview = preview
        self.bar = bar
        self.steps = steps
        self.begin(0, keep_prediction=False)

    def begin(self, first_step: int, keep_prediction: bool) -> None:
        """A stage begins; the newest prediction is kept for `take_prediction`, if so wished."""
        self.first_step = first_step
        self.keep_prediction = keep_prediction
        self.prediction: torch.Tensor | None = None

    def __call__(self, step: int, denoised: torch.Tensor, x: torch.Tensor, stage_steps: int) -> None:
        if self.keep_prediction:
            self.prediction = denoised
        step = self.first_step + min(step, stage_steps - 1)
        self.preview(step, denoised[:, :, -1:], x, self.steps)
        if self.bar is not None:
            self.bar.update(step + 1 - self.bar.n)

    def take_prediction(self) -> torch.Tensor | None:
        prediction, self.prediction = self.prediction, None
        return prediction
