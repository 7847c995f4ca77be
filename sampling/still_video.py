"""Still-video refinement: an image once more through the model, as a video in which nothing moves.

IF-Edit, arXiv 2511.19435, "self-consistent post-refinement"; `editing.refinement` chooses among the frames.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import comfy.utils
import torch

from ..demo.comfy import is_embedded
from ..demo.weights import CLEARING_CAPTION
from ..editing.images import as_rgb
from ..editing.refinement import (
    DEBLUR,
    FULL_VIDEO,
    MIN_GAIN,
    SKIP_ABOVE,
    STILL_CAPTION,
    Refinement,
    choose_refined,
    light_schedule,
    skip_reason,
)
from .report import Report
from .stages import BOUNDARY, make_sigmas, sample_in_stages
from .start_image import condition_on_start_image

NAME = "Still-Video Refiner"
SAME_ASPECT = 0.03  # by how much two aspect ratios may differ
TI2V_CHANNELS = 48  # of the latents of Wan 2.2 TI2V-5B


@dataclass(frozen=True)
class StillVideo:
    """Makes still videos of images, all with the same settings, which are those of the node.

    prompt: empty for words that suit the model. length: images in the video, 4n + 1. mode: one of
    `editing.refinement.STRENGTHS`. start_sigma: the noise level, 0..1, at which the img2img pass begins.
    """

    model_high_noise: Any
    model_low_noise: Any | None
    clip: Any
    vae: Any
    seed: int
    prompt: str
    length: int
    steps: int
    cfg: float
    sampler_name: str
    scheduler: str
    mode: str
    start_sigma: float
    report: Report

    def make(self, image: torch.Tensor) -> torch.Tensor:
        """The frames [length, H, W, 3] of the still video of an image [1, H, W, 3]."""
        positive, negative, latent = self._condition(image)
        models = self.model_high_noise, self.model_low_noise
        if self._is_light:
            models = self.model_low_noise or self.model_high_noise, None
            first = positive[0][1].get("concat_latent_image", latent["samples"])[:, :, :1]  # the image alone
            latent = {**latent, "samples": first.expand_as(latent["samples"]).clone()}
        sampled = sample_in_stages(
            *models,
            positive,
            negative,
            latent,
            seed=self.seed,
            cfg=self.cfg,
            sampler_name=self.sampler_name,
            sigmas=self._sigmas,
            report=self.report,
        )
        return resize(self.vae.decode(sampled["samples"])[0], image.shape[2], image.shape[1])

    @property
    def _is_light(self) -> bool:
        return self.mode != FULL_VIDEO

    @cached_property
    def _texts(self) -> tuple[list, list]:
        """Positive and negative CONDITIONING, encoded once for all images."""
        text = write_still_caption(self.prompt, self.clip)
        self.report.note(f"{self.mode}; caption: {text}")
        positive, negative = (self.clip.encode_from_tokens_scheduled(self.clip.tokenize(words)) for words in (text, ""))
        return positive, negative

    @cached_property
    def _sigmas(self) -> torch.Tensor:
        """The noise levels [steps + 1] of the steps that are made."""
        sigmas = make_sigmas(self.model_high_noise, self.steps, self.sampler_name, self.scheduler)
        if not self._is_light:
            return sigmas
        sigmas = light_schedule(sigmas, self.start_sigma)
        if self.model_low_noise is not None and sigmas[0] > BOUNDARY:
            self.report.warn(
                f"{self.mode} starts at {sigmas[0]:.3f}, above the low-noise expert's range ({BOUNDARY:g})"
            )
        return sigmas

    def _condition(self, image: torch.Tensor) -> tuple[list, list, dict]:
        """(positive, negative, LATENT) of a video that starts at the image, resized to what the model takes."""
        positive, negative = self._texts
        width, height = round_size(self.vae, image)
        image = resize(image, width, height)
        if self.vae.latent_channels == TI2V_CHANNELS:  # its start image is the first latent frame, held by a noise mask
            from comfy_extras.nodes_wan import Wan22ImageToVideoLatent  # a core node, needed only here

            latent = Wan22ImageToVideoLatent.execute(self.vae, width, height, self.length, 1, start_image=image)[0]
            return positive, negative, latent
        return condition_on_start_image(positive, negative, self.vae, width, height, self.length, start_image=image)


@dataclass(frozen=True)
class RefinedImages:
    """images: [B, H, W, 3], refined or as they were. frames: all frames of the still videos. verdicts: one a image."""

    images: torch.Tensor
    frames: torch.Tensor
    verdicts: list[str]


def refine_images(
    images: torch.Tensor, source: torch.Tensor | None, still_video: StillVideo, *, target: str, force: bool
) -> RefinedImages:
    """Refine images [B, H, W, C] one by one, each only if it needs it and only if a frame is better.

    Args:
        source: the images before the edit; an image that is already as sharp (or clean) is left as it is.
        target: one of `editing.refinement.GOALS`.
        force: refine every image, and take the best frame even if it is only a little better.
    """
    pictures = as_rgb(images, "image").split(1)  # [1, H, W, 3] each
    sources = [None] * len(pictures) if force else match_sources(source, len(pictures), still_video.report)
    refined, frames, verdicts = [], [], []
    for number, (picture, before) in enumerate(zip(pictures, sources, strict=True), 1):
        skipped = None if before is None else find_skip_reason(still_video.vae, picture, before, target)
        if skipped is not None:
            choice, video = Refinement(None, skipped), picture
        else:
            video = still_video.make(picture)
            choice = choose_refined(video, picture, 1.0 if force else MIN_GAIN, target)
        verdicts.append(f"image {number}: {choice.reason}" if len(pictures) > 1 else choice.reason)
        logging.info("%s: %s", NAME, verdicts[-1])
        refined.append(picture if choice.frame is None else video[choice.frame : choice.frame + 1])
        frames.append(video.nan_to_num())
    return RefinedImages(torch.cat(refined), torch.cat(frames), verdicts)


def write_still_caption(prompt: str, clip) -> str:
    """The person's own words, or else words that the model understands."""
    if prompt.strip():
        return prompt
    return CLEARING_CAPTION if is_embedded(clip) else STILL_CAPTION


def find_skip_reason(vae, image: torch.Tensor, source: torch.Tensor, target: str) -> str | None:
    """Why the image needs no refinement, see `skip_reason`; both [1, H, W, 3], compared at the model's size."""
    width, height = round_size(vae, image)
    image = resize(image, width, height)
    ratio = source.shape[2] / source.shape[1] * height / width
    if not 1 - SAME_ASPECT < ratio < 1 + SAME_ASPECT:  # as large, in its own shape
        scale = min(width, height) / min(source.shape[1:3])
        width, height = round_size(vae, source, scale)
    source = resize(source, width, height)
    if target == DEBLUR:  # through the VAE first, so that both lack the same fine detail
        source = vae.decode(vae.encode(source))
        source = source.reshape(-1, *source.shape[-3:])[:1]  # an image VAE gives no axis of time
        if not source.isfinite().all():
            return None
    return skip_reason(image, source, SKIP_ABOVE, target)


def match_sources(source: torch.Tensor | None, count: int, report: Report) -> Sequence[torch.Tensor | None]:
    """The source [1, H, W, 3] of each image; None where there is none to compare with, which the report says."""
    if source is None:
        return [None] * count
    try:
        sources = list(as_rgb(source, "source").split(1))
    except ValueError as error:
        report.warn(f"not compared with the source: {error}")
        return [None] * count
    if len(sources) not in (1, count):
        report.warn(f"{len(sources)} sources for {count} images: the last one is used for the missing ones")
    return (sources + sources[-1:] * count)[:count]


def round_size(vae, image: torch.Tensor, scale: float = 1.0) -> tuple[int, int]:
    """(width, height) nearest to that of the image [1, H, W, 3] that the model takes."""
    multiple = 2 * vae.spacial_compression_encode()  # pixels a token: 16 for the Wan 2.1 VAE, 32 for 2.2
    height, width = (max(multiple, multiple * round(scale * side / multiple)) for side in image.shape[1:3])
    return width, height


def resize(images: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """Images [N, H, W, 3] at another size, in 0..1; the very same ones where the size already fits."""
    if images.shape[1:3] == (height, width):
        return images
    resized = comfy.utils.common_upscale(images.movedim(-1, 1), width, height, "bicubic", "disabled")
    return resized.movedim(1, -1).clamp(0.0, 1.0)
