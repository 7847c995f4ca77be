"""Edit Sampler: denoises the video in which the edit happens."""

from __future__ import annotations

from comfy_api.latest import io, ui

from ..editing.dropout import STRIDE, Drop
from ..sampling.checks import check_edit_inputs, count_reference_frames
from ..sampling.report import Report
from ..sampling.stages import make_sigmas, sample_in_stages
from .dropout import DropoutScheduleType
from .inputs import (
    advanced,
    boundary_input,
    model_inputs,
    positions_input,
    reference_frames_input,
    seed_input,
    solver_inputs,
)
from .progress import text_under
from .search_words import also_found_as


class EditSampler(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        model_high_noise, model_low_noise = model_inputs()
        return io.Schema(
            node_id="IFEdit_EditSampler",
            display_name="Edit Sampler (Wan I2V)",
            category="IF-Edit",
            description=(
                "Makes the video in which the edit happens. It works on all frames while the layout forms. Then, at "
                "the boundary, it changes to the low-noise model, if one is connected, and drops most frames, which "
                "makes the remaining steps several times faster."
            ),
            **also_found_as(
                "instruction edit", "image edit", "ksampler", "wan 2.2 sampler", "moe sampler", "high noise low noise"
            ),
            inputs=[
                model_high_noise,
                io.Conditioning.Input("positive", tooltip="What happens (the caption), from Start Image to Video."),
                io.Conditioning.Input("negative", tooltip="What to avoid, from Start Image to Video. Unused at CFG 1."),
                io.Latent.Input("latent_image", tooltip="The empty video latent, from Start Image to Video."),
                seed_input("Random seed of the noise. Another seed lets the edit happen in another way."),
                *solver_inputs(
                    steps=20,
                    steps_tooltip=(
                        "Steps from pure noise to the video, both models together: 20, or 8 with few-step LoRAs."
                    ),
                    cfg=3.5,
                    cfg_tooltip="How strictly the caption is followed: 3.5, or 1 with few-step LoRAs (half the time).",
                ),
                boundary_input(),
                io.Int.Input(
                    "dropout_stride",
                    default=3,
                    min=0,
                    max=1000,
                    tooltip=(
                        "From the boundary on, keep only the first, every n-th and the last latent frame (each stands "
                        "for four images). Higher is faster; 0 keeps all. Ignored when a Dropout Schedule is "
                        "connected."
                    ),
                ),
                model_low_noise,
                DropoutScheduleType.Input(
                    "dropout",
                    optional=True,
                    tooltip="From Dropout Schedule: other rules for which frames are dropped, and when.",
                ),
                io.Sigmas.Input(
                    "sigmas",
                    optional=True,
                    tooltip="A list of noise levels (sigmas) to use instead of steps and scheduler.",
                ),
                *advanced(
                    positions_input(),
                    io.Float.Input(
                        "cfg_low_noise",
                        default=0.0,
                        min=0.0,
                        max=100.0,
                        step=0.1,
                        round=0.01,
                        optional=True,
                        tooltip="A different cfg from the boundary on. 0 keeps the same.",
                    ),
                    reference_frames_input(),
                ),
            ],
            outputs=[
                io.Latent.Output(
                    display_name="latent",
                    tooltip=(
                        "The video, still compressed: the latent frames that were kept. Connect it to Decode Keyframes."
                    ),
                ),
                io.String.Output(
                    display_name="report",
                    tooltip="Steps, latent frames and seconds of every stage; which frames were kept, and why.",
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        model_high_noise,
        positive,
        negative,
        latent_image,
        seed,
        steps,
        cfg,
        sampler_name,
        scheduler,
        boundary,
        dropout_stride,
        model_low_noise=None,
        dropout=None,
        sigmas=None,
        positions="compact",
        cfg_low_noise=0.0,
        reference_frames=0,
    ) -> io.NodeOutput:
        guided = cfg != 1.0 or cfg_low_noise not in (0.0, 1.0)  # at CFG 1 ComfyUI leaves the negative out
        check_edit_inputs(model_high_noise, model_low_noise, positive, negative, latent_image, guided)
        if dropout is None:
            dropout = (Drop(boundary, STRIDE, dropout_stride),) if dropout_stride else ()
        report = Report("Edit Sampler", text_under(cls))
        sampled = sample_in_stages(
            model_high_noise,
            model_low_noise,
            positive,
            negative,
            latent_image,
            seed=seed,
            cfg=cfg,
            cfg_low_noise=cfg_low_noise or None,
            sampler_name=sampler_name,
            sigmas=make_sigmas(model_high_noise, steps, sampler_name, scheduler) if sigmas is None else sigmas,
            boundary=boundary,
            drops=dropout,
            positions=positions,
            reference_frames=count_reference_frames(model_high_noise, positive, latent_image, reference_frames),
            report=report,
        )
        return io.NodeOutput(sampled, str(report), ui=ui.PreviewText(str(report)))
