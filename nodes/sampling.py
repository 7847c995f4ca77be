"""Edit Sampler and Temporal Latent Dropout: the noise levels above and below the expert switch."""

from __future__ import annotations

import logging
from types import MethodType

import comfy.model_management
import comfy.sample
import comfy.samplers
import comfy.utils
import latent_preview
import torch
from comfy.patcher_extension import WrapperExecutor, WrappersMP
from comfy_api.latest import io

from ..editing.dropout import (
    TIME_AXIS,
    check_conditioning,
    check_start_image,
    check_video_latent,
    cut_conditioning,
    cut_latent,
    kept_latent_frames,
    stride_keep,
)

EXPERT_SWITCH = 0.9  # sigma at which Wan 2.2 I2V changes from its high-noise to its low-noise expert
POSITIONS_WRAPPER = "if_edit_kept_positions"

POSITIONS_TOOLTIP = (
    "kept: every remaining frame keeps its place in time, which stays closest to the undropped video. "
    "compact: the remaining frames count as a shorter video, as in the published method."
)


def seed_input(tooltip: str) -> io.Int.Input:
    return io.Int.Input("seed", default=0, min=0, max=0xFFFFFFFFFFFFFFFF, control_after_generate=True, tooltip=tooltip)


def solver_inputs(*, steps: int, steps_tooltip: str, cfg: float, cfg_tooltip: str) -> list[io.Input]:
    """The inputs steps, cfg, sampler_name and scheduler, in KSampler's order, with these defaults."""
    return [
        io.Int.Input("steps", default=steps, min=1, max=10000, tooltip=steps_tooltip),
        io.Float.Input("cfg", default=cfg, min=0.0, max=100.0, step=0.1, round=0.01, tooltip=cfg_tooltip),
        io.Combo.Input(
            "sampler_name",
            options=comfy.samplers.KSampler.SAMPLERS,
            default="euler",
            tooltip="The solver. Ones that remember earlier steps start anew at the expert switch.",
        ),
        io.Combo.Input(
            "scheduler",
            options=comfy.samplers.KSampler.SCHEDULERS,
            default="simple",
            tooltip="How the noise levels are spread over the steps.",
        ),
    ]


class EditSampler(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IFEdit_EditSampler",
            display_name="Edit Sampler (Wan I2V)",
            category="IF-Edit",
            description=(
                "Denoises the video in which the edit happens. At the expert switch it changes to the low-noise model, "
                "if one is connected, and goes on with only some of the latent frames, which makes the rest several "
                "times faster."
            ),
            inputs=[
                io.Model.Input("model", tooltip="Wan image-to-video model; of Wan 2.2 14B the high-noise expert."),
                io.Conditioning.Input("positive", tooltip="What happens, from WanImageToVideo."),
                io.Conditioning.Input("negative", tooltip="What to avoid, from WanImageToVideo. Not used at CFG 1."),
                io.Latent.Input("latent_image", tooltip="The empty video latent, from WanImageToVideo."),
                seed_input("The random seed of the noise: another seed, another way for the edit to happen."),
                *solver_inputs(
                    steps=20,
                    steps_tooltip="Denoising steps, both stages together.",
                    cfg=3.5,
                    cfg_tooltip="How strictly the caption is followed: 3.5, or 1 with few-step LoRAs (half the time).",
                ),
                io.Float.Input(
                    "expert_switch",
                    default=EXPERT_SWITCH,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    round=0.001,
                    tooltip=(
                        "Noise level (sigma, 1 = pure noise) from which on the low-noise model works and frames are "
                        "dropped. 0.9 for Wan 2.2 image-to-video."
                    ),
                ),
                io.Int.Input(
                    "dropout_stride",
                    default=3,
                    min=0,
                    max=1000,
                    tooltip=(
                        "From the expert switch on keep every n-th latent frame, the first and the last. "
                        "Higher is faster, 0 keeps all."
                    ),
                ),
                io.Model.Input(
                    "model_low",
                    optional=True,
                    tooltip="Low-noise expert of Wan 2.2 14B. Without it, the one model does all steps.",
                ),
                io.Combo.Input(
                    "positions", options=["kept", "compact"], default="kept", optional=True, tooltip=POSITIONS_TOOLTIP
                ),
            ],
            outputs=[
                io.Latent.Output(
                    display_name="latent",
                    tooltip="The kept latent frames, denoised. Decode Keyframes turns them into pictures.",
                )
            ],
        )

    @classmethod
    def execute(
        cls,
        model,
        positive,
        negative,
        latent_image,
        seed,
        steps,
        cfg,
        sampler_name,
        scheduler,
        expert_switch,
        dropout_stride,
        model_low=None,
        positions="kept",
    ) -> io.NodeOutput:
        samples = check_video_latent(latent_image, "Edit Sampler")
        keep = stride_keep(samples.shape[TIME_AXIS], dropout_stride) if dropout_stride != 0 else None
        check_channels(model, samples, "Edit Sampler")
        if model_low is not None:
            check_channels(model_low, samples, "Edit Sampler (model_low)")
        check_start(model, positive, "positive", "Edit Sampler")
        if cfg != 1.0:  # at CFG 1 ComfyUI leaves the negative out
            check_start(model, negative, "negative", "Edit Sampler")
        sampled = sample_in_two_stages(
            model,
            model_low,
            positive,
            negative,
            latent_image,
            seed=seed,
            cfg=cfg,
            sampler_name=sampler_name,
            sigmas=schedule(model, steps, sampler_name, scheduler),
            expert_switch=expert_switch,
            keep=keep,
            positions=positions,
        )
        return io.NodeOutput(sampled)


class TemporalLatentDropout(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IFEdit_TemporalLatentDropout",
            display_name="Temporal Latent Dropout",
            category="IF-Edit",
            description=(
                "Drops latent frames of a half-denoised video, between two KSampler (Advanced): latent, masks and "
                "conditioning are cut alike. Connect the second sampler to these outputs, with add_noise off."
            ),
            inputs=[
                io.Model.Input("model", tooltip="The model of the second sampler."),
                io.Conditioning.Input("positive", tooltip="The positive conditioning of the first sampler."),
                io.Conditioning.Input("negative", tooltip="The negative conditioning of the first sampler."),
                io.Latent.Input(
                    "latent", tooltip="The latent of the first sampler, which returns it with leftover noise."
                ),
                io.Int.Input(
                    "stride",
                    default=3,
                    min=1,
                    max=1000,
                    tooltip="Keep every n-th latent frame, always with the first and the last. 1 keeps all.",
                ),
                io.Combo.Input(
                    "positions", options=["kept", "compact"], default="kept", optional=True, tooltip=POSITIONS_TOOLTIP
                ),
                io.Latent.Input(
                    "start_latent",
                    optional=True,
                    tooltip=(
                        "The latent that went into the first sampler. Needed only where it has a noise mask, as with "
                        "Wan 2.2 5B: the second sampler needs its start image without noise."
                    ),
                ),
            ],
            outputs=[
                io.Model.Output(
                    display_name="model", tooltip="For the second sampler; other users of the model see no change."
                ),
                io.Conditioning.Output(display_name="positive", tooltip="For the second sampler."),
                io.Conditioning.Output(display_name="negative", tooltip="For the second sampler."),
                io.Latent.Output(display_name="latent", tooltip="For the second sampler: only the kept latent frames."),
            ],
        )

    @classmethod
    def execute(cls, model, positive, negative, latent, stride, positions="kept", start_latent=None) -> io.NodeOutput:
        frames = check_video_latent(latent, "Temporal Latent Dropout").shape[TIME_AXIS]
        keep = stride_keep(frames, stride)
        check_channels(model, latent["samples"], "Temporal Latent Dropout")
        check_start(model, positive, "positive", "Temporal Latent Dropout")
        cut = cut_latent(with_clean_start(latent, start_latent), keep)
        return io.NodeOutput(
            with_positions(model, cut, positions),
            cut_conditioning(positive, keep, frames),
            cut_conditioning(negative, keep, frames),
            cut,
        )


def schedule(model, steps: int, sampler_name: str, scheduler: str) -> torch.Tensor:
    """The noise levels that KSampler would use: [steps + 1], from pure noise (1 for Wan) down to 0."""
    return comfy.samplers.KSampler(
        model,
        steps=steps,
        device=model.load_device,
        sampler=sampler_name,
        scheduler=scheduler,
        model_options=model.model_options,
    ).sigmas


def sample_in_two_stages(
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
    expert_switch: float = EXPERT_SWITCH,
    keep: list[int] | None = None,
    positions: str = "kept",
) -> dict:
    """Denoise a video LATENT over `sigmas`; from the first one <= `expert_switch` on as the second stage.

    The second stage runs `model_low` (None: the same model) on the latent frames `keep` (None: all) and starts from the
    first one's result with its leftover noise, so two stages over the same frames give what one would. Without a drop
    this is KSampler (one model) or the usual pair of KSampler (Advanced) (two models). If no step is at or below the
    switch, the finished latent is cut; if all are, the noise is cut before the first step.

    Returns a LATENT; after a drop with `kept_latent_frames` and `latent_frames`. Raises ValueError for conditioning of
    another length than the latent.
    """
    frames = latent["samples"].shape[TIME_AXIS]
    check_conditioning(positive, frames)
    check_conditioning(negative, frames)
    second = (positive, negative)
    if keep is not None:  # before the first stage, so that what cannot be cut is refused at once
        second = (cut_conditioning(positive, keep, frames), cut_conditioning(negative, keep, frames))

    steps = len(sigmas) - 1
    if model_low is None and keep is None:
        first_steps = steps
    else:
        first_steps = next((step for step, sigma in enumerate(sigmas) if sigma <= expert_switch + 1e-6), steps)

    noise = comfy.sample.prepare_noise(latent["samples"], seed, latent.get("batch_index"))
    callback = latent_preview.prepare_callback(model, steps)
    # The fields that both stages share; the second may replace the latent by a shorter one.
    run = {"seed": seed, "cfg": cfg, "sampler": comfy.samplers.sampler_object(sampler_name)}

    result = latent
    if first_steps > 0:
        result = _sample(
            with_positions(model, latent, positions),
            positive,
            negative,
            latent,
            noise,
            sigmas[: first_steps + 1],
            callback=_part_of(callback, 0, steps),
            **run,
        )
    if keep is not None:
        latent, result = cut_latent(latent, keep), cut_latent(result, keep)
        noise = noise.index_select(TIME_AXIS, torch.tensor(keep))
    if first_steps < steps:
        comfy.model_management.throw_exception_if_processing_interrupted()
        if first_steps > 0:
            run["sampler"], latent, noise = _continued(run["sampler"], latent, result, noise)
        result = _sample(
            with_positions(model_low or model, latent, positions),
            *second,
            latent,
            noise,
            sigmas[first_steps:],
            callback=_part_of(callback, first_steps, steps),
            **run,
        )
    elif model_low is not None or keep is not None:
        logging.warning(
            "Edit Sampler: no step starts at or below the expert switch %s; the noise levels are %s.",
            expert_switch,
            [round(float(sigma), 3) for sigma in sigmas],
        )
    return result


def _sample(model, positive, negative, latent, noise, sigmas, *, seed, cfg, sampler, callback) -> dict:
    """One run over `sigmas`, as comfy.sample.sample does it; the other keys of the LATENT pass through."""
    samples = comfy.sample.sample_custom(
        model,
        noise,
        cfg,
        sampler,
        sigmas,
        positive,
        negative,
        latent["samples"],
        noise_mask=latent.get("noise_mask"),
        callback=callback,
        disable_pbar=not comfy.utils.PROGRESS_BAR_ENABLED,
        seed=seed,
    )
    return {**latent, "samples": samples}


def _continued(sampler, latent: dict, result: dict, noise: torch.Tensor) -> tuple:
    """(sampler, latent, noise) for a second run that goes on where the first one left `result`.

    Without a noise mask that is the first result and no new noise. With one, the run must still know the original
    latent and noise, which ComfyUI puts back wherever the mask is 0, so only its starting point is replaced.
    """
    if latent.get("noise_mask") is None:
        return sampler, result, torch.zeros_like(noise)

    def from_result(model, x, sigmas, **options):
        base = model.inner_model.inner_model  # KSamplerX0Inpaint -> CFGGuider -> the model
        start = base.process_latent_in(result["samples"].to(x))
        start = base.model_sampling.noise_scaling(sigmas[0], torch.zeros_like(start), start)
        return sampler.sampler_function(model, start, sigmas, **options)

    return comfy.samplers.KSAMPLER(from_result, sampler.extra_options, sampler.inpaint_options), latent, noise


def _part_of(callback, first_step: int, steps: int):
    """A step callback of one stage: moves the bar of the whole and previews the last latent frame, the edit."""

    def on_step(step, denoised, x, stage_steps):
        callback(first_step + min(step, stage_steps - 1), denoised[:, :, -1:], x, steps)

    return on_step


def with_positions(model, latent: dict, positions: str):
    """The model for this latent: a clone that knows the places of kept latent frames, or the model if all are there.

    The choice lives in the options of the clone, so that no other user of the same weights sees it.
    """
    if "kept_latent_frames" not in latent:
        return model
    model = model.clone()
    model.remove_wrappers_with_key(WrappersMP.DIFFUSION_MODEL, POSITIONS_WRAPPER)
    if positions == "kept":
        diffusion_model = model.get_model_object("diffusion_model")
        if not hasattr(diffusion_model, "rope_encode"):
            raise ValueError(
                f"Positions can only be kept with Wan models, got {type(diffusion_model).__name__}. "
                "Set positions to compact."
            )
        wrapper = KeptPositions(kept_latent_frames(latent), latent["latent_frames"])
        model.add_wrapper_with_key(WrappersMP.DIFFUSION_MODEL, POSITIONS_WRAPPER, wrapper)
    return model


class KeptPositions:
    """Wrapper around a Wan model's forward: kept latent frames have the RoPE time positions of the whole video."""

    def __init__(self, keep: list[int], latent_frames: int):
        self.keep = keep
        self.latent_frames = latent_frames

    def __call__(self, executor: WrapperExecutor, x, *args, **kwargs):
        frames = x.shape[TIME_AXIS]  # x: [B, C, F, H, W]
        if frames != len(self.keep):
            raise ValueError(
                f"This model was prepared for the {len(self.keep)} latent frames {self.keep} that a temporal latent "
                f"dropout kept, but samples {frames}. Connect the latent of the same dropout; context windows need "
                "positions set to compact."
            )
        module = executor.class_obj
        before = int(getattr(module, "ref_conv", None) is not None and "reference_latent" in kwargs)
        view = _PositionsView(module, self, before)
        # The wrappers after this one still run; only what they end in sees the module through the view.
        original = MethodType(executor.original.__func__, view)
        following = WrapperExecutor.new_class_executor(original, module, executor.wrappers, executor.idx + 1)
        return following.execute(x, *args, **kwargs)


class _PositionsView:
    """A Wan module as it is, except for the time positions of its frames; the module itself is not touched."""

    def __init__(self, module, kept: KeptPositions, before: int):
        self._module = module
        self._kept = kept
        self._before = before  # reference frames that the model puts before the video

    def __getattr__(self, name):
        return getattr(self._module, name)

    def rope_encode(self, t, *args, **kwargs):
        """Positions for t frames: references before the video, the kept frames, references after it (Phantom)."""
        keep, whole = self._kept.keep, self._kept.latent_frames
        dropped = whole - len(keep)
        positions = self._module.rope_encode(t + dropped, *args, **kwargs)  # [1, F * tokens of a frame, ...]
        rows = [
            *range(self._before),
            *(self._before + frame for frame in keep),
            *range(self._before + whole, t + dropped),
        ]
        by_frame = positions.unflatten(1, (t + dropped, -1))
        return by_frame.index_select(1, torch.tensor(rows, device=positions.device)).flatten(1, 2)


def with_clean_start(latent: dict, start_latent: dict | None) -> dict:
    """The latent with what its noise mask protects as in `start_latent`; the first sampler left it covered in noise."""
    if latent.get("noise_mask") is None:
        return latent
    samples = latent["samples"]
    if start_latent is None:
        raise ValueError(
            "Temporal Latent Dropout: this latent has a noise mask (as the start image of Wan 2.2 5B has), and the "
            "first sampler leaves noise under it. Connect the latent that went into the first sampler to start_latent, "
            "or use the Edit Sampler."
        )
    start = start_latent["samples"]
    if start.shape != samples.shape:
        raise ValueError(
            f"Temporal Latent Dropout: start_latent is {list(start.shape)}, the latent is {list(samples.shape)}. "
            "Connect the latent that went into the first sampler."
        )
    mask = comfy.utils.reshape_mask(latent["noise_mask"], samples.shape).to(samples)  # 1 = denoise, 0 = protected
    return {**latent, "samples": samples * mask + start.to(samples) * (1.0 - mask)}


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


def needs_start_image(model) -> bool:
    """Whether the model takes channels beside the noise (36 in all for Wan I2V), which only conditioning can bring."""
    patch_embedding = getattr(model.get_model_object("diffusion_model"), "patch_embedding", None)
    if patch_embedding is None:
        return False
    return patch_embedding.weight.shape[1] > model.get_model_object("latent_format").latent_channels


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
