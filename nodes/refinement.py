"""Still-Video Refiner: the chosen frame once more through the model, as a video in which nothing moves."""

from __future__ import annotations

import logging

import comfy.utils
import torch
from comfy_api.latest import io, ui

from ..editing.images import as_rgb
from ..editing.refinement import choose_refined
from .sampling import needs_start_image, seed_input, solver_inputs
from .stages import Report, sample_in_stages, schedule

STILL_VIDEO_PROMPT = "A perfectly still video, enhanced clarity, fixed camera."


class StillVideoRefiner(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IFEdit_StillVideoRefiner",
            display_name="Still-Video Refiner",
            category="IF-Edit",
            description=(
                "Sharpens a picture by making a short still video of it and taking the sharpest frame that kept the "
                "content. If none did, or none is sharper, the picture comes out as it came in."
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
                    default=STILL_VIDEO_PROMPT,
                    multiline=True,
                    tooltip="What the still video shows. The default asks for nothing but standing still and clarity.",
                ),
                io.Int.Input(
                    "length",
                    default=5,
                    min=5,
                    max=81,
                    step=4,
                    tooltip="Images in the still video, a multiple of 4, plus 1. More to choose from, but slower.",
                ),
                *solver_inputs(
                    steps=8,
                    steps_tooltip="Denoising steps. Few change the picture least.",
                    cfg=1.0,
                    cfg_tooltip=(
                        "How strictly the prompt is followed. 1 changes the picture least and takes half the time."
                    ),
                ),
                io.Model.Input(
                    "model_low",
                    optional=True,
                    tooltip="Low-noise expert of Wan 2.2 14B. Without it, the one model does all steps.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="image", tooltip="The refined picture, at the size it came in."),
                io.Image.Output(display_name="frames", tooltip="All frames of the still video, to choose by hand."),
            ],
        )

    @classmethod
    def execute(
        cls, model, clip, vae, image, seed, prompt, length, steps, cfg, sampler_name, scheduler, model_low=None
    ) -> io.NodeOutput:
        check_length(length)
        positive = clip.encode_from_tokens_scheduled(clip.tokenize(prompt))
        negative = clip.encode_from_tokens_scheduled(clip.tokenize(""))
        sigmas = schedule(model, steps, sampler_name, scheduler)

        refined, frames, reasons = [], [], []
        for picture in as_rgb(image, "image").split(1):  # [1, H, W, 3]
            positive_still, negative_still, latent = still_video(model, vae, positive, negative, picture, length)
            sampled = sample_in_stages(
                model,
                model_low,
                positive_still,
                negative_still,
                latent,
                seed=seed,
                cfg=cfg,
                sampler_name=sampler_name,
                sigmas=sigmas,
                report=Report("Still-Video Refiner"),
            )
            video = vae.decode(sampled["samples"])[0]  # [T, H', W', 3]
            video = resize(video, picture.shape[2], picture.shape[1])
            choice = choose_refined(video, picture)
            logging.info("Still-Video Refiner: %s", choice.reason)
            refined.append(picture if choice.frame is None else video[choice.frame : choice.frame + 1])
            frames.append(video)
            reasons.append(choice.reason)
        return io.NodeOutput(torch.cat(refined), torch.cat(frames), ui=ui.PreviewText("\n".join(reasons)))


def still_video(model, vae, positive: list, negative: list, picture: torch.Tensor, length: int) -> tuple:
    """(positive, negative, latent) of a video that starts at the picture [1, H, W, 3], from ComfyUI's own nodes.

    The picture is resized to the nearest size that the model takes. Raises ValueError for a VAE of another kind than
    the model's and for a model that takes no start image.
    """
    from comfy_extras.nodes_wan import Wan22ImageToVideoLatent, WanImageToVideo  # core nodes, needed only here

    channels = model.get_model_object("latent_format").latent_channels
    if vae.latent_channels != channels:
        raise ValueError(
            f"Still-Video Refiner: the model denoises latents of {channels} channels, the VAE makes "
            f"{vae.latent_channels}. Connect wan_2.1_vae.safetensors for 14B models, wan2.2_vae.safetensors for 5B."
        )
    multiple = 2 * vae.spacial_compression_encode()  # pixels a token: 16 for the Wan 2.1 VAE, 32 for 2.2
    height, width = (max(multiple, multiple * round(side / multiple)) for side in picture.shape[1:3])
    picture = resize(picture, width, height)
    if channels == 48:  # TI2V-5B: the start image is the first latent frame, held by a noise mask
        latent = Wan22ImageToVideoLatent.execute(vae, width, height, length, 1, start_image=picture)[0]
        return positive, negative, latent
    if not needs_start_image(model):
        raise ValueError(
            f"Still-Video Refiner needs an image-to-video model, got one that takes only {channels} latent channels "
            "and no start image. Connect a Wan I2V model (36 channels) or Wan 2.2 TI2V 5B."
        )
    return WanImageToVideo.execute(positive, negative, vae, width, height, length, 1, start_image=picture).args


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
