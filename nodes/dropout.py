"""Dropout Schedule and Temporal Latent Dropout: which latent frames go on at which noise level."""

from __future__ import annotations

from comfy_api.latest import io, ui

from ..editing.dropout import FRAMES, KEEP_RULES, SETTLED_TOLERANCE, STRIDE, Drop, parse_frames, sort_drops
from ..sampling.dropout import NAME, drop_latent_frames, pick_drop
from ..sampling.report import Report
from ..sampling.stages import BOUNDARY
from .inputs import advanced, positions_input, reference_frames_input, sigma_input
from .progress import text_under
from .search_words import also_found_as

DropoutScheduleType = io.Custom("IFEDIT_DROPOUT_SCHEDULE")  # tuple[Drop, ...], from the highest noise level down


class DropoutSchedule(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IFEdit_DropoutSchedule",
            display_name="Dropout Schedule",
            category="IF-Edit",
            description=(
                "Sets which frames of the video are dropped while it is sampled, and when. Fewer frames are faster. A "
                "latent frame stands for four images. Chain several nodes for several drops, such as stride 3 at 0.9 "
                "and first + settled at 0.6."
            ),
            **also_found_as("drop frames", "skip frames", "keep frames"),
            inputs=[
                sigma_input(
                    "sigma",
                    BOUNDARY,
                    "When to drop, as the noise that is left: 1 is pure noise, 0 the finished video. The drop is made "
                    "before the first step at or below it. 0.9 is the boundary of Wan 2.2.",
                ),
                io.Combo.Input(
                    "keep",
                    options=list(KEEP_RULES),
                    default=STRIDE,
                    tooltip=(
                        "stride: the first, every n-th and the last frame. frames: the ones listed below. first + "
                        "settled: the first, and the earliest in which the model already sees the edit done."
                    ),
                ),
                io.Int.Input(
                    "stride", default=3, min=1, max=1000, tooltip="For stride: keep every n-th of the remaining frames."
                ),
                io.String.Input(
                    "frames",
                    default="0, 4, 8",
                    tooltip=(
                        "For frames: numbers of the latent frames to keep. 0 is the first image; 1 stands for the "
                        "images 1 to 4, 2 for 5 to 8, and so on; -1 is the last."
                    ),
                ),
                io.Float.Input(
                    "tolerance",
                    default=SETTLED_TOLERANCE,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    round=0.001,
                    tooltip=(
                        "For first + settled: how much of the change may still be missing. Lower is safer and keeps a "
                        "later frame."
                    ),
                ),
                DropoutScheduleType.Input(
                    "previous", optional=True, tooltip="Another Dropout Schedule to chain: its drops are made as well."
                ),
            ],
            outputs=[
                DropoutScheduleType.Output(
                    display_name="dropout", tooltip="Connect to Edit Sampler or Temporal Latent Dropout."
                )
            ],
        )

    @classmethod
    def execute(cls, sigma, keep, stride, frames, tolerance, previous=()) -> io.NodeOutput:
        drop = Drop(sigma, keep, stride, parse_frames(frames) if keep == FRAMES else (), tolerance)
        return io.NodeOutput(sort_drops((*previous, drop)))


class TemporalLatentDropout(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IFEdit_TemporalLatentDropout",
            display_name="Temporal Latent Dropout",
            category="IF-Edit",
            description=(
                "Drops frames of the video between two KSampler (Advanced), so that the second one is faster: latent, "
                "masks and conditioning are cut alike. Connect the second sampler to these outputs and switch its "
                "add_noise off. Edit Sampler does all of this in one node."
            ),
            **also_found_as("drop frames", "skip frames", "keep frames", "trim latent"),
            inputs=[
                io.Model.Input("model", tooltip="The model of the second sampler."),
                io.Conditioning.Input(
                    "positive", tooltip="What happens: the positive conditioning of the first sampler."
                ),
                io.Conditioning.Input(
                    "negative", tooltip="What to avoid: the negative conditioning of the first sampler."
                ),
                io.Latent.Input(
                    "latent",
                    tooltip="The unfinished video of the first sampler: enable its return_with_leftover_noise.",
                ),
                io.Int.Input(
                    "stride",
                    default=3,
                    min=1,
                    max=1000,
                    tooltip=(
                        "Keep the first, every n-th and the last latent frame. Higher is faster; 1 keeps all. Ignored "
                        "when a Dropout Schedule is connected."
                    ),
                ),
                io.Latent.Input(
                    "start_latent",
                    optional=True,
                    tooltip=(
                        "The latent that went into the first sampler. Only for Wan 2.2 5B and whatever else has a "
                        "noise mask: the second sampler needs the start image without noise."
                    ),
                ),
                DropoutScheduleType.Input(
                    "dropout",
                    optional=True,
                    tooltip=(
                        "Keep what a Dropout Schedule says. End the first sampler at the first step at or below its "
                        "noise level."
                    ),
                ),
                io.Latent.Input(
                    "denoised",
                    optional=True,
                    tooltip=(
                        "The finished video as the first sampler expects it: denoised_output of SamplerCustomAdvanced. "
                        "Only first + settled needs it."
                    ),
                ),
                *advanced(
                    positions_input(),
                    io.Int.Input(
                        "drop",
                        default=1,
                        min=1,
                        max=100,
                        optional=True,
                        tooltip="Which drop of the schedule this is: 1 is the one at the highest noise level.",
                    ),
                    reference_frames_input(),
                ),
            ],
            outputs=[
                io.Model.Output(
                    display_name="model",
                    tooltip="For the second sampler. Other nodes that use this model are not affected.",
                ),
                io.Conditioning.Output(display_name="positive", tooltip="For the second sampler."),
                io.Conditioning.Output(display_name="negative", tooltip="For the second sampler."),
                io.Latent.Output(display_name="latent", tooltip="For the second sampler: only the kept latent frames."),
                io.String.Output(display_name="report", tooltip="Which frames were kept, and why."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        model,
        positive,
        negative,
        latent,
        stride,
        positions="compact",
        start_latent=None,
        dropout=None,
        denoised=None,
        drop=1,
        reference_frames=0,
    ) -> io.NodeOutput:
        report = Report(NAME, text_under(cls))
        dropped = drop_latent_frames(
            model,
            positive,
            negative,
            latent,
            Drop(1.0, STRIDE, stride) if dropout is None else pick_drop(dropout, drop),
            positions=positions,
            start_latent=start_latent,
            denoised=denoised,
            reference_frames=reference_frames,
            report=report,
        )
        return io.NodeOutput(*dropped, str(report), ui=ui.PreviewText(str(report)))
