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
            tooltip="The video model (Wan image-to-video). For Wan 2.2 14B, the file with high_noise in its name.",
        ),
        io.Model.Input(
            "model_low_noise",
            optional=True,
            tooltip=(
                "For Wan 2.2 14B, the file with low_noise in its name: it does the last steps. Leave it empty for "
                "models that are one file."
            ),
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
            tooltip=(
                "How noise is turned into an image; euler is a safe choice. Multistep samplers restart at the "
                "boundary and at every drop."
            ),
        ),
        io.Combo.Input(
            "scheduler",
            options=comfy.samplers.KSampler.SCHEDULERS,
            default="simple",
            tooltip="How much noise each step takes away; simple is a safe choice.",
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
        "When the low-noise model takes over and frames are dropped, as the noise that is left (sigma): 1 is pure "
        "noise, 0 the finished video. 0.9 for Wan 2.2 image-to-video.",
        display_name="boundary (sigma)",
    )


def positions_input() -> io.Combo.Input:
    return io.Combo.Input(
        "positions",
        options=list(POSITIONS),
        default=POSITIONS[0],
        optional=True,
        tooltip=(
            "How the model counts time after a drop (RoPE). compact: the remaining frames count as a shorter video, "
            "as published. kept: every remaining frame keeps its place in time."
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
            "Only for VACE: how many reference images stand in front of the video. They are always kept. 0 counts "
            "those of WanVaceToVideo by itself."
        ),
    )
