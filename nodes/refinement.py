"""Still-Video Refiner: the chosen frame once more through the model, as a video in which nothing moves."""

from __future__ import annotations

import logging

import comfy.utils
import torch
from comfy_api.latest import io, ui

from ..editing.images import as_rgb
from ..editing.refinement import (
    AS_SHARP,
    FULL_VIDEO,
    GAIN,
    GOALS,
    LIGHT_PASS,
    SHARPER,
    START_SIGMA,
    STILL_CAPTION,
    STRENGTHS,
    Refinement,
    choose_refined,
    light_schedule,
    skip_reason,
)
from ..research.world.model import CLEARING_CAPTION
from ..sampling.stages import EXPERT_SWITCH, Report, sample_in_stages, schedule
from .demo_model import is_embedded
from .edit_sampler import needs_start_image, seed_input, solver_inputs
from .inputs import advanced
from .progress import text_under
from .start_image import StartImageToVideo

FORMER_DEFAULT = "A perfectly still video, enhanced clarity, fixed camera."  # of the prompt, still in saved workflows
SAME_ASPECT = 0.03  # by how much two aspect ratios may differ


class StillVideoRefiner(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IFEdit_StillVideoRefiner",
            display_name="Still-Video Refiner",
            category="IF-Edit",
            description=(
                "Sharpens a picture by making a short still video of it and taking the sharpest frame that kept the "
                "content. If none did, or none is clearly sharper, the picture comes out as it came in. Takes the "
                "frame of an edit as well as any other blurred or noisy picture."
            ),
            inputs=[
                io.Model.Input("model", tooltip="Wan image-to-video model; of Wan 2.2 14B the high-noise expert."),
                io.Clip.Input("clip", tooltip="The text encoder of the model."),
                io.Vae.Input("vae", tooltip="The video VAE of the model."),
                io.Image.Input(
                    "image", tooltip="The picture to refine, from the Frame Selector. A batch is refined one by one."
                ),
                seed_input("The random seed of the noise."),
                io.String.Input(
                    "prompt",
                    default="",
                    multiline=True,
                    tooltip=(
                        "What the still video shows. Empty: words that suit the model, which ask for nothing but "
                        "standing still and clarity. The report tells which."
                    ),
                ),
                io.Int.Input(
                    "length",
                    default=5,
                    min=5,
                    max=81,
                    step=4,
                    tooltip=(
                        "Images in the still video, a multiple of 4, plus 1: 5, 9 or 17. More to choose from, but "
                        "slower."
                    ),
                ),
                *solver_inputs(
                    steps=8,
                    steps_tooltip=(
                        "Denoising steps of the full still video, as in the Edit Sampler. The light pass makes only "
                        "the last of them, from start_sigma on."
                    ),
                    cfg=1.0,
                    cfg_tooltip=(
                        "How strictly the prompt is followed. 1 changes the picture least and takes half the time."
                    ),
                ),
                io.Model.Input(
                    "model_low",
                    optional=True,
                    tooltip=(
                        "Low-noise expert of Wan 2.2 14B. It alone makes the light pass. Without it, the one model "
                        "does all steps."
                    ),
                ),
                io.Image.Input(
                    "source",
                    optional=True,
                    tooltip=(
                        "The image before the edit. With it, a picture that is already as sharp is left as it is, "
                        "which takes no time."
                    ),
                ),
                io.Combo.Input(
                    "strength",
                    options=list(STRENGTHS),
                    default=LIGHT_PASS,
                    optional=True,
                    tooltip=(
                        "light pass: begins with the picture itself in every frame, under some noise; quick, and stays "
                        "close. full still video: only the start image is given, all else begins as noise, as "
                        "published; for strong blur, may change more."
                    ),
                ),
                io.Float.Input(
                    "start_sigma",
                    default=START_SIGMA,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    round=0.001,
                    optional=True,
                    tooltip=(
                        "For the light pass: it makes the steps that start at or below this noise level (1 = pure "
                        "noise), at least one. Higher changes more. Above 0.9 the low-noise expert is out of its range."
                    ),
                ),
                io.Combo.Input(
                    "goal",
                    options=list(GOALS),
                    default=SHARPER,
                    optional=True,
                    tooltip=(
                        "sharper: against blur. cleaner: against noise and grain, which count as sharpness otherwise; "
                        "takes a frame with at most half of the noise that is no softer."
                    ),
                ),
                io.Float.Input(
                    "as_sharp",
                    default=AS_SHARP,
                    min=0.01,
                    max=10.0,
                    step=0.01,
                    round=0.001,
                    optional=True,
                    tooltip=(
                        "With a source: a picture with this share of the source's sharpness is left as it is. The "
                        "source is sent through the VAE first, so that both lack the same fine detail."
                    ),
                ),
                io.Boolean.Input(
                    "force",
                    default=False,
                    optional=True,
                    tooltip=(
                        "On: refine also what is as sharp as the source, and take the best frame even if it is only a "
                        "little sharper. Frames with changed content are still left out."
                    ),
                ),
                *advanced(
                    io.Float.Input(
                        "gain",
                        default=GAIN,
                        min=1.0,
                        max=100.0,
                        step=0.1,
                        round=0.01,
                        optional=True,
                        tooltip=(
                            "How many times sharper a frame must be to be taken. Below 2.5, sharp pictures are taken "
                            "once more through the VAE for nothing, which costs them 1 to 3 dB."
                        ),
                    ),
                ),
            ],
            outputs=[
                io.Image.Output(display_name="image", tooltip="The refined picture, at the size it came in."),
                io.Image.Output(
                    display_name="frames",
                    tooltip="All frames of the still video, to choose by hand; the picture itself where it was left.",
                ),
                io.String.Output(
                    display_name="report",
                    tooltip="Sharpness before and after and which frame won, or why none did; steps and seconds.",
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        model,
        clip,
        vae,
        image,
        seed,
        prompt,
        length,
        steps,
        cfg,
        sampler_name,
        scheduler,
        model_low=None,
        source=None,
        strength=LIGHT_PASS,
        start_sigma=START_SIGMA,
        goal=SHARPER,
        as_sharp=AS_SHARP,
        force=False,
        gain=GAIN,
    ) -> io.NodeOutput:
        check_length(length)
        check_model(model, vae)
        pictures = as_rgb(image, "image").split(1)  # [1, H, W, 3] each
        report = Report("Still-Video Refiner", text_under(cls))
        sources = sources_for(source, len(pictures), report) if not force else [None] * len(pictures)
        still_video = None  # made when the first picture needs it

        refined, frames, verdicts = [], [], []
        for number, (picture, before) in enumerate(zip(pictures, sources, strict=True), 1):
            name = f"picture {number}: " if len(pictures) > 1 else ""
            why = None if before is None else compare(vae, picture, before, as_sharp, goal)
            if why is not None:
                choice, video = Refinement(None, why), picture
            else:
                still_video = still_video or StillVideo(
                    model,
                    model_low,
                    clip,
                    vae,
                    seed,
                    prompt,
                    length,
                    steps,
                    cfg,
                    sampler_name,
                    scheduler,
                    strength,
                    start_sigma,
                    report,
                )
                video = resize(still_video(picture), picture.shape[2], picture.shape[1])
                choice = choose_refined(video, picture, 1.0 if force else gain, goal)
            verdicts.append(name + choice.reason)
            logging.info("Still-Video Refiner: %s", verdicts[-1])
            refined.append(picture if choice.frame is None else video[choice.frame : choice.frame + 1])
            frames.append(video.nan_to_num())
        short = "\n".join(verdicts)
        report.show(short)
        return io.NodeOutput(
            torch.cat(refined), torch.cat(frames), "\n".join([short, *report.lines]), ui=ui.PreviewText(short)
        )


class StillVideo:
    """Makes still videos of pictures, all with the same settings; see the node's inputs."""

    def __init__(
        self,
        model,
        model_low,
        clip,
        vae,
        seed: int,
        prompt: str,
        length: int,
        steps: int,
        cfg: float,
        sampler_name: str,
        scheduler: str,
        strength: str,
        start_sigma: float,
        report: Report,
    ):
        self.model, self.model_low, self.vae, self.length = model, model_low, vae, length
        self.light = strength != FULL_VIDEO
        text = caption(prompt, clip)
        report.note(f"{strength}; caption: {text}")
        self.positive, self.negative = (clip.encode_from_tokens_scheduled(clip.tokenize(words)) for words in (text, ""))
        sigmas = schedule(model, steps, sampler_name, scheduler)
        if self.light:
            sigmas = light_schedule(sigmas, start_sigma)
            self.model, self.model_low = model_low or model, None
            if model_low is not None and sigmas[0] > EXPERT_SWITCH:
                report.warn(f"the light pass begins at {sigmas[0]:.3f}, the low-noise expert knows {EXPERT_SWITCH:g}")
        self.options = dict(seed=seed, cfg=cfg, sampler_name=sampler_name, sigmas=sigmas, report=report)

    def __call__(self, picture: torch.Tensor) -> torch.Tensor:
        """Frames [length, H', W', 3] of the video of a picture [1, H, W, 3], at the nearest size for the model."""
        positive, negative, latent = start(self.vae, self.positive, self.negative, picture, self.length)
        if self.light:
            first = positive[0][1].get("concat_latent_image", latent["samples"])[:, :, :1]  # the picture alone
            latent = {**latent, "samples": first.expand_as(latent["samples"]).clone()}
        sampled = sample_in_stages(self.model, self.model_low, positive, negative, latent, **self.options)
        return self.vae.decode(sampled["samples"])[0]


def caption(prompt: str, clip) -> str:
    """What the person wrote, or else words that the model understands."""
    if prompt.strip() and prompt.strip() != FORMER_DEFAULT:
        return prompt
    return CLEARING_CAPTION if is_embedded(clip) else STILL_CAPTION


def start(vae, positive: list, negative: list, picture: torch.Tensor, length: int) -> tuple:
    """(positive, negative, latent) of a video that starts at the picture [1, H, W, 3].

    The picture is resized to the nearest size that the model takes.
    """
    width, height = size_for(vae, picture)
    picture = resize(picture, width, height)
    if vae.latent_channels == 48:  # TI2V-5B: the start image is the first latent frame, held by a noise mask
        from comfy_extras.nodes_wan import Wan22ImageToVideoLatent  # a core node, needed only here

        latent = Wan22ImageToVideoLatent.execute(vae, width, height, length, 1, start_image=picture)[0]
        return positive, negative, latent
    return StartImageToVideo.execute(positive, negative, vae, width, height, length, 1, start_image=picture).args


def compare(vae, picture: torch.Tensor, source: torch.Tensor, threshold: float, goal: str) -> str | None:
    """Why the picture needs no refinement, see `skip_reason`; both [1, H, W, 3], compared at the model's size."""
    width, height = size_for(vae, picture)
    picture = resize(picture, width, height)
    ratio = source.shape[2] / source.shape[1] * height / width
    if not 1 - SAME_ASPECT < ratio < 1 + SAME_ASPECT:  # as large, in its own shape
        scale = min(width, height) / min(source.shape[1:3])
        width, height = size_for(vae, source, scale)
    source = resize(source, width, height)
    if goal == SHARPER:
        source = vae.decode(vae.encode(source))
        source = source.reshape(-1, *source.shape[-3:])[:1]  # an image VAE gives no axis of time
        if not source.isfinite().all():
            return None
    return skip_reason(picture, source, threshold, goal)


def sources_for(source: torch.Tensor | None, count: int, report: Report) -> list[torch.Tensor | None]:
    """The source [1, H, W, 3] of each picture; None where there is none to compare with, which the report says."""
    if source is None:
        return [None] * count
    try:
        sources = list(as_rgb(source, "source").split(1))
    except ValueError as error:
        report.warn(f"not compared with the source: {error}")
        return [None] * count
    if len(sources) not in (1, count):
        report.warn(f"{len(sources)} sources for {count} pictures: the last one stands for those that are missing")
    return (sources + sources[-1:] * count)[:count]


def size_for(vae, picture: torch.Tensor, scale: float = 1.0) -> tuple[int, int]:
    """(width, height) nearest to the picture [1, H, W, 3] of what the model takes."""
    multiple = 2 * vae.spacial_compression_encode()  # pixels a token: 16 for the Wan 2.1 VAE, 32 for 2.2
    height, width = (max(multiple, multiple * round(scale * side / multiple)) for side in picture.shape[1:3])
    return width, height


def check_model(model, vae) -> None:
    """Raise a ValueError for a VAE of another kind than the model's and for a model that takes no start image."""
    channels = model.get_model_object("latent_format").latent_channels
    if vae.latent_channels != channels:
        raise ValueError(
            f"Still-Video Refiner: the model denoises latents of {channels} channels, the VAE makes "
            f"{vae.latent_channels}. Connect wan_2.1_vae.safetensors for 14B models, wan2.2_vae.safetensors for 5B."
        )
    if channels != 48 and not needs_start_image(model):
        raise ValueError(
            f"Still-Video Refiner needs an image-to-video model, got one that takes only {channels} latent channels "
            "and no start image. Connect a Wan I2V model (36 channels) or Wan 2.2 TI2V 5B."
        )


def resize(images: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """Images [N, H, W, 3] at another size, in 0..1; the very same ones where the size already fits."""
    if images.shape[1:3] == (height, width):
        return images
    resized = comfy.utils.common_upscale(images.movedim(-1, 1), width, height, "bicubic", "disabled")
    return resized.movedim(1, -1).clamp(0.0, 1.0)


def check_length(length: int) -> None:
    """Raise a ValueError unless the length is 4n + 1 with at least two latent frames."""
    if length < 5 or length % 4 != 1:
        below = max(5, length - (length - 1) % 4)
        raise ValueError(
            f"Still-Video Refiner: a length of {length} images does not fit the VAE, which takes 4 images a latent "
            f"frame after the first. Use a multiple of 4, plus 1, such as {below} or {below + 4}."
        )
