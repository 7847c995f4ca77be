"""Inputs that several nodes share."""

from __future__ import annotations

import comfy.samplers
from comfy_api.latest import io

from ..sampling.rope import POSITIONS
from ..sampling.stages import BOUNDARY


def advanced(*inputs: io.Input) -> list[io.Input]:
    """The inputs, shown only where a person asks for all; ComfyUI 0.3.75 has no parameter for that yet."""
    for one in inputs:
        one.extra_dict["advanced"] = True
    return list(inputs)


def model_inputs() -> tuple[io.Input, io.Input]:
    """The inputs model_high_noise, and model_low_noise, which is optional."""
    return (
        io.Model.Input(
            "model_high_noise",
            tooltip="Wan image-to-video model. For Wan 2.2 14B, the high-noise expert.",
        ),
        io.Model.Input(
            "model_low_noise",
            optional=True,
            tooltip="Low-noise expert of Wan 2.2 14B. Without it, one model does all steps.",
        ),
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
            tooltip="Sampler. Multistep samplers restart at the boundary and at every drop.",
        ),
        io.Combo.Input(
            "scheduler",
            options=comfy.samplers.KSampler.SCHEDULERS,
            default="simple",
            tooltip="How the noise levels are spread over the steps.",
        ),
    ]


def sigma_input(name: str, default: float, tooltip: str, *, display_name: str | None = None, **options) -> io.Input:
    """A noise level, 0..1; 1 is pure noise."""
    return io.Float.Input(
        name,
        display_name=display_name,
        default=default,
        min=0.0,
        max=1.0,
        step=0.01,
        round=0.001,
        tooltip=tooltip,
        **options,
    )


def boundary_input() -> io.Input:
    return sigma_input(
        "boundary",
        BOUNDARY,
        "Noise level (1 = pure noise) at which the low-noise model takes over and frames are dropped. 0.9 for Wan 2.2 "
        "image-to-video.",
        display_name="boundary (sigma)",
    )


def positions_input() -> io.Combo.Input:
    return io.Combo.Input(
        "positions",
        options=list(POSITIONS),
        default=POSITIONS[0],
        optional=True,
        tooltip=(
            "Time positions (RoPE) after a drop. compact: the remaining frames count as a shorter video, as published. "
            "kept: every remaining frame keeps its place in time."
        ),
    )


def reference_frames_input() -> io.Int.Input:
    return io.Int.Input(
        "reference_frames",
        default=0,
        min=0,
        max=1000,
        optional=True,
        tooltip=(
            "Number of reference latents in front of the video (VACE). They are always kept. 0 finds those of "
            "WanVaceToVideo by itself."
        ),
    )
