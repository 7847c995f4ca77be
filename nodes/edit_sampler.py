"""Edit Sampler, Temporal Latent Dropout and Dropout Schedule: which frames go on at which noise level."""

from __future__ import annotations

import comfy.samplers
import comfy.utils
import torch
from comfy_api.latest import io, ui

from ..editing.dropout import FRAMES, KEEP_SETS, SETTLED_TOLERANCE, STRIDE, Drop, parse_frames, sort_drops
from ..sampling.checks import check_context_windows, vace_references
from ..sampling.cutting import check_start_image, check_video_latent, cut_conditioning, cut_latent, record
from ..sampling.rope import POSITIONS, with_positions
from ..sampling.stages import EXPERT_SWITCH, Report, part_of_schedule, sample_in_stages, schedule
from .inputs import advanced
from .progress import text_under

DropoutScheduleType = io.Custom("IFEDIT_DROPOUT_SCHEDULE")  # tuple[Drop, ...], from the highest noise level down

POSITIONS_TOOLTIP = (
    "compact: the remaining frames count as a shorter video, as in the published method. kept: every remaining frame "
    "keeps its place in time. The help page has a table of both."
)
REFERENCES_TOOLTIP = (
    "Latent frames that stand before the video and are never dropped: connect trim_latent of WanVaceToVideo, where it "
    "has a reference image."
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
            tooltip="The solver. Ones that remember earlier steps start anew at the expert switch and at every drop.",
        ),
        io.Combo.Input(
            "scheduler",
            options=comfy.samplers.KSampler.SCHEDULERS,
            default="simple",
            tooltip="How the noise levels are spread over the steps.",
        ),
    ]


def positions_input() -> io.Combo.Input:
    return io.Combo.Input(
        "positions", options=list(POSITIONS), default=POSITIONS[0], optional=True, tooltip=POSITIONS_TOOLTIP
    )


class DropoutSchedule(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IFEdit_DropoutSchedule",
            display_name="Dropout Schedule",
            category="IF-Edit",
            description=(
                "Says at which noise level latent frames are dropped, and which stay. Chain several of these for "
                "several drops, such as stride 3 at 0.9 and then first + settled at 0.6."
            ),
            inputs=[
                io.Float.Input(
                    "sigma",
                    default=EXPERT_SWITCH,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    round=0.001,
                    tooltip=(
                        "Noise level (1 = pure noise) of the drop: it is made before the first step at or below it, "
                        "however many steps there are. 0.9 is the expert switch of Wan 2.2."
                    ),
                ),
                io.Combo.Input(
                    "keep",
                    options=list(KEEP_SETS),
                    default=STRIDE,
                    tooltip=(
                        "stride: every n-th frame, the first and the last. frames: the ones named below. first + "
                        "settled: the first, and the earliest in which the model's own prediction shows the end."
                    ),
                ),
                io.Int.Input(
                    "stride", default=3, min=1, max=1000, tooltip="For stride: keep every n-th of the frames left."
                ),
                io.String.Input(
                    "frames",
                    default="0, 4, 8",
                    tooltip=(
                        "For frames: latent frame numbers in the whole video. Latent frame 0 is the first image, n the "
                        "images 4n-3 to 4n; -1 is the last."
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
                        "For first + settled: how much of the whole change may still be to come. Lower is safer, and "
                        "chooses a later frame."
                    ),
                ),
                DropoutScheduleType.Input(
                    "previous", optional=True, tooltip="Another Dropout Schedule, whose drops are made too."
                ),
            ],
            outputs=[
                DropoutScheduleType.Output(
                    display_name="dropout", tooltip="For the Edit Sampler and Temporal Latent Dropout."
                )
            ],
        )

    @classmethod
    def execute(cls, sigma, keep, stride, frames, tolerance, previous=()) -> io.NodeOutput:
        drop = Drop(sigma, keep, stride, parse_frames(frames) if keep == FRAMES else (), tolerance)
        return io.NodeOutput(sort_drops((*previous, drop)))


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
                    steps_tooltip="Denoising steps, all stages together.",
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
                        "Noise level (sigma, 1 = pure noise) from which on the low-noise model works and, with a "
                        "dropout stride, frames are dropped. 0.9 for Wan 2.2 image-to-video."
                    ),
                ),
                io.Int.Input(
                    "dropout_stride",
                    default=3,
                    min=0,
                    max=1000,
                    tooltip=(
                        "From the expert switch on keep every n-th latent frame, the first and the last. "
                        "Higher is faster, 0 keeps all. A Dropout Schedule takes its place."
                    ),
                ),
                io.Model.Input(
                    "model_low",
                    optional=True,
                    tooltip="Low-noise expert of Wan 2.2 14B. Without it, the one model does all steps.",
                ),
                positions_input(),
                DropoutScheduleType.Input(
                    "dropout",
                    optional=True,
                    tooltip="One or several drops, from a Dropout Schedule, instead of the one by dropout_stride.",
                ),
                io.Sigmas.Input(
                    "sigmas", optional=True, tooltip="Noise levels to use instead of steps, scheduler and denoise."
                ),
                io.Latent.Input(
                    "starting_latent",
                    optional=True,
                    tooltip=(
                        "A video to start from instead of an empty one, as long and large as latent_image. Use it with "
                        "a denoise below 1."
                    ),
                ),
                *advanced(
                    io.Float.Input(
                        "cfg_low",
                        default=0.0,
                        min=0.0,
                        max=100.0,
                        step=0.1,
                        round=0.01,
                        optional=True,
                        tooltip="CFG from the expert switch on. 0 takes the same as above.",
                    ),
                    io.Float.Input(
                        "denoise",
                        default=1.0,
                        min=0.01,
                        max=1.0,
                        step=0.01,
                        optional=True,
                        tooltip="How much of the start is replaced: 1 all of it, less keeps more. As in KSampler.",
                    ),
                    io.Int.Input(
                        "start_at_step", default=0, min=0, max=10000, optional=True, tooltip="The first step to do."
                    ),
                    io.Int.Input(
                        "end_at_step",
                        default=10000,
                        min=0,
                        max=10000,
                        optional=True,
                        tooltip="The step to stop before.",
                    ),
                    io.Boolean.Input(
                        "add_noise",
                        default=True,
                        optional=True,
                        tooltip="Off if another sampler has already left its noise in the latent.",
                    ),
                    io.Boolean.Input(
                        "return_with_leftover_noise",
                        default=False,
                        optional=True,
                        tooltip="On if another sampler goes on after end_at_step.",
                    ),
                    io.Int.Input(
                        "reference_frames", default=0, min=0, max=1000, optional=True, tooltip=REFERENCES_TOOLTIP
                    ),
                ),
            ],
            outputs=[
                io.Latent.Output(
                    display_name="latent",
                    tooltip="The kept latent frames, denoised. Decode Keyframes turns them into pictures.",
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
        positions=POSITIONS[0],
        dropout=None,
        sigmas=None,
        starting_latent=None,
        cfg_low=0.0,
        denoise=1.0,
        start_at_step=0,
        end_at_step=10000,
        add_noise=True,
        return_with_leftover_noise=False,
        reference_frames=0,
    ) -> io.NodeOutput:
        samples = check_video_latent(latent_image, "Edit Sampler")
        drops = dropout if dropout is not None else _stride_drops(dropout_stride, expert_switch)
        check_channels(model, samples, "Edit Sampler")
        if model_low is not None:
            check_channels(model_low, samples, "Edit Sampler (model_low)")
        check_start(model, positive, "positive", "Edit Sampler")
        if cfg != 1.0 or cfg_low not in (0.0, 1.0):  # at CFG 1 ComfyUI leaves the negative out
            check_start(model, negative, "negative", "Edit Sampler")
        references = references_of(model, positive, latent_image, reference_frames)
        if starting_latent is not None:
            latent_image = started_from(latent_image, starting_latent)
        if sigmas is None:
            sigmas = schedule(model, steps, sampler_name, scheduler, denoise)
        report = Report("Edit Sampler", text_under(cls))
        sampled = sample_in_stages(
            model,
            model_low,
            positive,
            negative,
            latent_image,
            seed=seed,
            cfg=cfg,
            cfg_low=cfg_low or None,
            sampler_name=sampler_name,
            sigmas=part_of_schedule(sigmas, start_at_step, end_at_step, return_with_leftover_noise),
            expert_switch=expert_switch,
            drops=drops,
            positions=positions,
            references=references,
            add_noise=add_noise,
            report=report,
        )
        return io.NodeOutput(sampled, str(report), ui=ui.PreviewText(str(report)))


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
                    tooltip=(
                        "Keep every n-th latent frame, always with the first and the last. 1 keeps all. A Dropout "
                        "Schedule takes its place."
                    ),
                ),
                positions_input(),
                io.Latent.Input(
                    "start_latent",
                    optional=True,
                    tooltip=(
                        "The latent that went into the first sampler. Needed only where it has a noise mask, as with "
                        "Wan 2.2 5B: the second sampler needs its start image without noise."
                    ),
                ),
                DropoutScheduleType.Input(
                    "dropout",
                    optional=True,
                    tooltip=(
                        "Keep what a Dropout Schedule says. Its noise level is where you end the first sampler: the "
                        "first step at or below it."
                    ),
                ),
                io.Latent.Input(
                    "denoised",
                    optional=True,
                    tooltip=(
                        "The denoised_output of SamplerCustomAdvanced, which first + settled looks at. Other keep-sets "
                        "do not need it."
                    ),
                ),
                *advanced(
                    io.Int.Input(
                        "drop",
                        default=1,
                        min=1,
                        max=100,
                        optional=True,
                        tooltip="Which drop of the schedule this is: 1 is the one at the highest noise level.",
                    ),
                    io.Int.Input(
                        "reference_frames", default=0, min=0, max=1000, optional=True, tooltip=REFERENCES_TOOLTIP
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
        positions=POSITIONS[0],
        start_latent=None,
        dropout=None,
        denoised=None,
        drop=1,
        reference_frames=0,
    ) -> io.NodeOutput:
        samples = check_video_latent(latent, "Temporal Latent Dropout")
        kept, whole, _ = record(latent)
        check_channels(model, samples, "Temporal Latent Dropout")
        check_start(model, positive, "positive", "Temporal Latent Dropout")
        references = references_of(model, positive, latent, reference_frames)
        rule = drop_of_schedule(dropout, drop) if dropout is not None else Drop(1.0, STRIDE, stride)
        rule.check(whole, references)
        choice = rule.choose(kept, whole, prediction_of(denoised, model, samples), references)
        check_context_windows(model, latent, len(choice.keep), "Temporal Latent Dropout")
        cut = cut_latent(with_clean_start(latent, start_latent), choice.keep, references)
        report = Report("Temporal Latent Dropout", text_under(cls))
        report.drop(rule.rule, cut, choice.reason)
        return io.NodeOutput(
            with_positions(model, cut, positions),
            cut_conditioning(positive, choice.keep, len(kept)),
            cut_conditioning(negative, choice.keep, len(kept)),
            cut,
            str(report),
            ui=ui.PreviewText(str(report)),
        )


def references_of(model, positive: list, latent: dict, named: int) -> int:
    """How many latent frames stand before the video: as named, as an earlier drop noted, or as VACE put them there."""
    return max(named, record(latent).references, vace_references(positive, model.get_model_object("latent_format")))


def _stride_drops(stride: int, sigma: float) -> tuple[Drop, ...]:
    """The drop that the Edit Sampler's own inputs stand for; a stride of 0 is none."""
    return (Drop(sigma, STRIDE, stride),) if stride else ()


def drop_of_schedule(drops: tuple[Drop, ...], number: int) -> Drop:
    """Drop 1, 2, ... of a schedule; ValueError if it has fewer."""
    if number > len(drops):
        raise ValueError(
            f"Temporal Latent Dropout: drop {number} is asked for, but the schedule has {len(drops)}: "
            f"{'; '.join(map(str, drops))}."
        )
    return drops[number - 1]


def prediction_of(denoised: dict | None, model, samples: torch.Tensor) -> torch.Tensor | None:
    """The clean latent that a sampler predicted, as the model sees it: [B, C, F, H, W] like the samples."""
    if denoised is None:
        return None
    prediction = denoised["samples"]
    if prediction.shape != samples.shape:
        raise ValueError(
            f"Temporal Latent Dropout: denoised is {list(prediction.shape)}, the latent is {list(samples.shape)}. "
            "Connect both outputs of the same SamplerCustomAdvanced."
        )
    return model.get_model_object("latent_format").process_in(prediction)


def started_from(latent_image: dict, starting_latent: dict) -> dict:
    """The LATENT with the samples of another one, which must have its shape."""
    start = check_video_latent(starting_latent, "Edit Sampler (starting_latent)")
    expected = list(latent_image["samples"].shape)
    if list(start.shape) != expected:
        raise ValueError(
            f"Edit Sampler: starting_latent is {list(start.shape)}, latent_image is {expected}. Encode a video of the "
            "width, height and length that WanImageToVideo makes."
        )
    return {**latent_image, "samples": start}


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
