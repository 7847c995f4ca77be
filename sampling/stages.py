"""Denoising in stages: one run of ComfyUI's own samplers for every stretch of steps over the same frames and model.

Two runs, of which the second starts from the result of the first with its leftover noise, give what one run would. So
changing the expert or dropping frames between two runs needs no solver of our own, and no solver ever sees tensors of
two shapes: one that remembers earlier steps starts anew.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace

import comfy.model_management
import comfy.sample
import comfy.samplers
import comfy.utils
import latent_preview
import torch
from tqdm.auto import tqdm

from ..editing.dropout import FIRST_AND_LAST, Drop, check_drops, first_step_at, sort_drops
from .checks import check_context_windows, check_guidance
from .cutting import TIME_AXIS, check_can_be_cut, check_conditioning, cut_conditioning, cut_latent, record
from .rope import POSITIONS, with_positions

EXPERT_SWITCH = 0.9  # sigma at which Wan 2.2 I2V changes from its high-noise to its low-noise expert


class Report:
    """What happened while sampling: a line for every stage, drop and warning, which the log shows at once.

    node: the name for the log. show: called with a short form, which fits under a node, whenever there is news.
    """

    def __init__(self, node: str, show: Callable[[str], None] = lambda text: None):
        self.node = node
        self.show = show
        self.lines: list[str] = []
        self.short: list[str] = []  # such as "0, 3, 6, 8: 2.3 s"

    def stage(
        self, first_step: int, steps: int, sigmas: torch.Tensor, model: str, latent: dict, seconds: float
    ) -> None:
        last_step = first_step + len(sigmas) - 1
        which = f"step {last_step}" if last_step == first_step + 1 else f"steps {first_step + 1} to {last_step}"
        kept, whole, _ = record(latent)
        frames = f"{whole} latent frames" if len(kept) == whole else f"{len(kept)} of {whole} latent frames"
        self.short.append(f"{frames if len(kept) == whole else _listed(latent)}: {seconds:.1f} s")
        self._add(f"{which} of {steps}: noise {sigmas[0]:.3f} to {sigmas[-1]:.3f}, {model}, {frames}, {seconds:.1f} s")

    def drop(self, what: str, latent: dict, reason: str) -> None:
        _, whole, references = record(latent)
        of_references = f" and {references} of reference" if references else ""
        video = f"{_listed(latent)} of {whole - references}{of_references}"
        self._add(f"drop by {what}: kept the latent frames {video} ({reason})")

    def note(self, text: str) -> None:
        self._add(text)

    def warn(self, text: str) -> None:
        self._add(text, logging.WARNING)

    def _add(self, line: str, level: int = logging.INFO) -> None:
        self.lines.append(line)
        logging.log(level, "%s: %s", self.node, line)
        self.show("; ".join(self.short) or line)

    def __str__(self) -> str:
        return "\n".join(self.lines)


def _listed(latent: dict) -> str:
    """The latent frames that a LATENT kept of its video, as people count them."""
    kept, _, references = record(latent)
    return ", ".join(str(frame - references) for frame in kept[references:])


def schedule(model, steps: int, sampler_name: str, scheduler: str, denoise: float = 1.0) -> torch.Tensor:
    """The noise levels that KSampler would use: [steps + 1], from pure noise (1 for Wan) down to 0.

    `denoise` below 1 takes the last `steps` of a longer schedule, and so begins at less noise.
    """
    return comfy.samplers.KSampler(
        model,
        steps=steps,
        device=model.load_device,
        sampler=sampler_name,
        scheduler=scheduler,
        denoise=denoise,
        model_options=model.model_options,
    ).sigmas


def part_of_schedule(sigmas: torch.Tensor, start_at_step: int, end_at_step: int, leftover_noise: bool) -> torch.Tensor:
    """The noise levels of some of the steps, as KSampler (Advanced) takes them."""
    if end_at_step < len(sigmas) - 1:
        sigmas = sigmas[: end_at_step + 1].clone()
        if not leftover_noise:
            sigmas[-1] = 0.0
    return sigmas[start_at_step:]


def sample_in_stages(
    model,
    model_low,
    positive: list,
    negative: list,
    latent: dict,
    *,
    seed: int,
    cfg: float,
    sampler_name: str,
    sigmas: torch.Tensor,
    cfg_low: float | None = None,
    expert_switch: float = EXPERT_SWITCH,
    drops: Sequence[Drop] = (),
    positions: str = POSITIONS[0],
    references: int = 0,
    add_noise: bool = True,
    report: Report | None = None,
) -> dict:
    """Denoise a video LATENT over `sigmas`, changing the expert and dropping latent frames on the way.

    From the first step at or below `expert_switch` on, `model_low` (None: the same model) works with `cfg_low` (None:
    the same CFG). Each drop is made before the first step at or below its sigma, on the latent, its noise mask and the
    conditioning alike. Where nothing is dropped this is KSampler (one model) or the usual pair of KSampler (Advanced)
    (two models), exactly. A drop below all noise levels cuts the finished latent, one above all of them the noise.

    Args:
        sigmas: noise levels [steps + 1], descending.
        references: how many latent frames stand before the video (VACE); they are never dropped.
        add_noise: False where the latent already has the noise of sigmas[0].
        report: is told of every stage and drop.

    Returns the LATENT, after a drop with `kept_latent_frames` and `latent_frames`. Raises ValueError for
    conditioning of another length than the latent and for drops that cannot be made; before the first step.
    """
    frames = latent["samples"].shape[TIME_AXIS]
    steps = max(0, len(sigmas) - 1)
    plan = _plan_drops(drops, latent, sigmas, references)
    for conditioning in (positive, negative):
        (check_can_be_cut if plan else check_conditioning)(conditioning, frames)
    switch = first_step_at(sigmas, expert_switch) if model_low is not None or cfg_low is not None else steps
    borders = sorted({0, steps, switch, *(step for step, _, _ in plan)})
    stages = []  # (MODEL, latent frames)
    for step in borders[:-1]:
        left = [left for at, _, left in plan if at <= step]
        stages.append((model_low if model_low is not None and step >= switch else model, left[-1] if left else frames))
        check_context_windows(stages[-1][0], latent, stages[-1][1], "Edit Sampler")
    check_guidance(stages, "Edit Sampler")

    noise = (
        comfy.sample.prepare_noise(latent["samples"], seed, latent.get("batch_index"))
        if add_noise
        else torch.zeros_like(latent["samples"], device="cpu")
    )
    sampler = comfy.samplers.sampler_object(sampler_name)
    report = report or Report("Edit Sampler")
    result, prediction = latent, None
    show_bar = comfy.utils.PROGRESS_BAR_ENABLED and steps > 0
    with tqdm(total=steps, desc="Edit Sampler") if show_bar else nullcontext() as bar:
        progress = _Progress(latent_preview.prepare_callback(model, max(1, steps)), bar, steps)
        for step, end in zip(borders, [*borders[1:], steps], strict=True):
            for drop in (drop for at, drop, _ in plan if at == step):
                kept, whole, _ = record(latent)
                if drop.needs_prediction and prediction is None:  # a solver of another pack may report no steps
                    report.warn(f"{sampler_name} shows no prediction to settle by: first + last instead")
                    drop = replace(drop, keep=FIRST_AND_LAST)
                choice = drop.choose(kept, whole, prediction, references)
                positive, negative = (
                    cut_conditioning(conditioning, choice.keep, len(kept)) for conditioning in (positive, negative)
                )
                latent, result = (cut_latent(it, choice.keep, references) for it in (latent, result))
                noise = noise.index_select(TIME_AXIS, torch.tensor(choice.keep))
                prediction = None if prediction is None else prediction[:, :, choice.keep]
                report.drop(str(drop), result, choice.reason)
                if step == steps:
                    report.warn(f"no step starts at or below the noise level of the drop by {drop}: it saved no time")
            if step == end:
                continue
            comfy.model_management.throw_exception_if_processing_interrupted()
            low = step >= switch
            stage_model = with_positions(model_low if low and model_low is not None else model, latent, positions)
            stage_sampler, stage_latent, stage_noise = sampler, latent, noise
            if step > 0:
                stage_sampler, stage_latent, stage_noise = _continued(sampler, latent, result, noise)
            # Only where a drop that looks at it comes next: it would be one more video in memory.
            progress.begin(step, keep_prediction=any(drop.needs_prediction for at, drop, _ in plan if at == end))
            started = time.perf_counter()
            samples = comfy.sample.sample_custom(
                stage_model,
                stage_noise,
                cfg_low if low and cfg_low is not None else cfg,
                stage_sampler,
                sigmas[step : end + 1],
                positive,
                negative,
                stage_latent["samples"],
                noise_mask=stage_latent.get("noise_mask"),
                callback=progress,
                disable_pbar=True,
                seed=seed,
            )
            result, prediction = {**stage_latent, "samples": samples}, progress.take_prediction()
            expert = "one model" if model_low is None else ("low-noise model" if low else "high-noise model")
            report.stage(step, steps, sigmas[step : end + 1], expert, result, time.perf_counter() - started)
    if model_low is not None and switch == steps:
        report.warn(f"no step starts at or below the expert switch {expert_switch:g}: the low-noise model did nothing")
    return result


def _plan_drops(drops, latent: dict, sigmas: torch.Tensor, references: int) -> list[tuple[int, Drop, int]]:
    """(step, drop, latent frames left) for all drops that change anything, in order; ValueError for impossible ones."""
    kept, whole, _ = record(latent)
    if drops:
        check_drops(drops, whole, references)
    plan, present = [], kept
    for drop in sort_drops(drops):
        step = first_step_at(sigmas, drop.sigma)
        if drop.needs_prediction:
            if step == 0:
                drop.choose(kept, whole, None, references)  # says that no step comes before it
            present = None
        elif present is not None:
            keep = drop.choose(present, whole, references=references).keep
            if len(keep) == len(present):
                continue  # so that a stride of 1 does not even restart the solver
            present = [present[index] for index in keep]
        plan.append((step, drop, references + 2 if present is None else len(present)))
    return plan


def _continued(sampler, latent: dict, result: dict, noise: torch.Tensor) -> tuple:
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
