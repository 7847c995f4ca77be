"""The part of `nox -s evaluate` about the Still-Video Refiner, on pictures whose finished, sharp truth is known.

For each scene the frame that was chosen is refined, and so are the true finished frame with a known flaw: a slight
blur (Gaussian, 1 pixel of 128), a blur (1.5 to 3.5 pixels), a motion blur (6 to 12 pixels) and noise (5 % of the
range, to be denoised). As in judging.py, the truth went through the VAE, so that its softness does not count; the
flawed pictures are made of it. The column "rendered" compares with the frame as it was drawn instead, which is some
36 dB from what the VAE makes of it. Printed are PSNR before and after (mean over scenes), the gain and its smallest
value, how many pictures were taken, edits that count as a success, and seconds for each picture that was not skipped
(the median, for the first of a kind takes longer): of sampling alone, and with encoding, decoding and choosing. A GPU
only waits for so small a model, whatever it has to compute: what the img2img pass saves is seen without one, and at
full size in `research.benchmarks.refine_speed`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import torch
import torch.nn.functional as F

from ...demo import weights
from ...editing.refinement import (
    DEBLUR,
    DENOISE,
    FULL_VIDEO,
    IMG2IMG_PASS,
    MIN_GAIN,
    SKIP_ABOVE,
    START_SIGMA,
    Refinement,
    choose_refined,
    skip_reason,
)
from ..measures import image_psnr
from ..world import model as demo_model
from ..world import world
from .judging import judge

CHOSEN, SLIGHT, BLUR, MOTION, NOISE = "as chosen", "slight blur", "blur", "motion blur", "noise"
FLAWS = (SLIGHT, BLUR, MOTION, NOISE)
BLURS = (BLUR, MOTION)
NOISE_LEVEL = 0.05
FRAMES = {IMG2IMG_PASS: 5, FULL_VIDEO: 9}
STEPS = 8
RUNS = (*((kind, IMG2IMG_PASS) for kind in (CHOSEN, *FLAWS)), (BLUR, FULL_VIDEO), (MOTION, FULL_VIDEO))


def refine(
    model: demo_model.EditModel,
    pictures: torch.Tensor,
    sources: torch.Tensor | None = None,
    strength: str = IMG2IMG_PASS,
    frames: int | None = None,
    steps: int = STEPS,
    start_sigma: float = START_SIGMA,
    caption: str = weights.CLEARING_CAPTION,
    goal: str = DEBLUR,
    as_sharp: float = SKIP_ABOVE,
    gain: float = MIN_GAIN,
    seed: int = 0,
    seconds: dict[str, float] | None = None,
) -> tuple[torch.Tensor, list[Refinement]]:
    """What the Still-Video Refiner makes of pictures, all at once: [B, 3, H, W] in 0..1, and why.

    Args:
        pictures, sources: [B, 3, H, W] in 0..1; a picture as sharp as its source is left alone.
        frames: of the still video; None: 5 for the img2img pass, 9 for the full still video.
        seconds: gets "sampling" and "total" of one picture, where any had to be refined.
    """
    refined, choices = pictures.clone(), [Refinement(None, "")] * len(pictures)
    todo = list(range(len(pictures)))
    if sources is not None:
        like = model.decode(model.encode(sources[:, None]))[:, 0] if goal == DEBLUR else sources
        with torch.autocast("cpu", enabled=False):  # where pictures are compared, which needs all digits
            reasons = [skip_reason(_image(pictures[b]), _image(like[b]), as_sharp, goal) for b in todo]
        choices = [Refinement(None, reason or "") for reason in reasons]
        todo = [b for b in todo if reasons[b] is None]
    if not todo:
        return refined, choices
    start, frames = pictures[todo], frames or FRAMES[strength]
    began = _now(pictures)
    with _Forwards(model) as forwards:
        made, _ = model.sample(
            start,
            [caption] * len(todo),
            frames=frames,
            steps=steps,
            seed=seed,
            start_sigma=start_sigma if strength == IMG2IMG_PASS else None,
        )
    videos = torch.cat([model.decode(part) for part in made.split(32)])
    for b, video in zip(todo, videos, strict=True):
        with torch.autocast("cpu", enabled=False):
            choices[b] = choose_refined(video.movedim(1, -1), _image(pictures[b]), gain, goal)
        if choices[b].frame is not None:
            refined[b] = video[choices[b].frame]
    if seconds is not None:
        seconds |= {"sampling": forwards.seconds / len(todo), "total": (_now(pictures) - began) / len(todo)}
    return refined, choices


class _Forwards:
    """Seconds of the transformer's forwards within a `with` block."""

    def __init__(self, model: demo_model.EditModel):
        self.transformer = model.transformer
        self.seconds = 0.0

    def __enter__(self) -> _Forwards:
        def begin(module, inputs):
            self.began = _now(inputs[0])

        def end(module, inputs, output):
            self.seconds += _now(output) - self.began

        self.hooks = [self.transformer.register_forward_pre_hook(begin), self.transformer.register_forward_hook(end)]
        return self

    def __exit__(self, *exception) -> None:
        for hook in self.hooks:
            hook.remove()


def _now(on: torch.Tensor) -> float:
    if on.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter()


def _image(picture: torch.Tensor) -> torch.Tensor:
    """[3, H, W] -> [1, H, W, 3]"""
    return picture.movedim(0, -1)[None]


def flawed(kind: str, pictures: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """Pictures [B, 3, H, W] in 0..1 with one of `FLAWS`; `rng` is on the CPU, so that every machine has the same."""
    count, device = len(pictures), pictures.device

    def uniform(low: float, high: float) -> torch.Tensor:
        return (low + (high - low) * torch.rand(count, generator=rng)).to(device)

    if kind == NOISE:
        return (pictures + NOISE_LEVEL * torch.randn(pictures.shape, generator=rng).to(device)).clamp(0, 1)
    if kind == MOTION:
        return motion_blur(pictures, uniform(6, 12), uniform(0, math.pi))
    return world.gaussian_blur(pictures, uniform(1, 1) if kind == SLIGHT else uniform(1.5, 3.5))


def motion_blur(pictures: torch.Tensor, length: torch.Tensor, angle: torch.Tensor) -> torch.Tensor:
    """Pictures [B, 3, H, W] averaged along a line of `length` [B] pixels, at most 13, at an `angle` [B]."""
    reach = 7
    along = torch.linspace(-0.5, 0.5, 61, device=pictures.device) * length[:, None]  # [B, 61]
    offset = torch.arange(-reach, reach + 1, device=pictures.device)

    def weights(at: torch.Tensor) -> torch.Tensor:  # linear interpolation: [B, 61, 15]
        return (1 - (at[..., None] - offset).abs()).clamp(min=0)

    kernel = torch.einsum("bsy,bsx->byx", weights(along * angle.sin()[:, None]), weights(along * angle.cos()[:, None]))
    kernel = (kernel / kernel.sum((1, 2), keepdim=True)).repeat_interleave(3, 0)[:, None]  # [3B, 1, 15, 15]
    padded = F.pad(pictures, (reach,) * 4, mode="replicate").flatten(0, 1)[None]
    return F.conv2d(padded, kernel.to(pictures), groups=len(kernel))[0].unflatten(0, pictures.shape[:2])


def measure_refinement(
    model: demo_model.EditModel,
    families: list[str],
    frames: torch.Tensor,
    coverage: torch.Tensor,
    chosen: torch.Tensor,
    seed: int = 0,
    runs: Sequence[tuple[str, str]] = RUNS,
    steps: int = STEPS,
) -> tuple[list[dict], dict[tuple[str, str], torch.Tensor]]:
    """A row for each scene and run of a batch; call it as the model is to be run (autocast, no gradients).

    Args:
        families: family name of each scene.
        frames, coverage: [B, T, 3, H, W] and [B, T, H, W] of the scenes' true clips.
        chosen: [B, 3, H, W] the frames that sampling made and that were chosen.

    Returns:
        The rows, and what each of the runs made of its pictures, [B, 3, H, W].
    """
    source, rendered = frames[:, 0].float(), frames[:, -1].float()
    source_seen, truth = (model.decode(model.encode(image[:, None]))[:, 0].float() for image in (source, rendered))
    judged = dict(source=source_seen, truth=truth, coverage=coverage, source_sharp=source)
    rows, refined, pictures = [], {}, {CHOSEN: chosen.float()}
    for kind, strength in runs:
        if kind not in pictures:
            rng = torch.Generator().manual_seed(1000 * seed + FLAWS.index(kind))
            with torch.autocast(frames.device.type, enabled=False):
                pictures[kind] = flawed(kind, truth, rng)
        before, seconds = pictures[kind], {}
        after, choices = refine(
            model,
            before,
            source,
            strength,
            steps=steps,
            seed=seed,
            goal=DENOISE if kind == NOISE else DEBLUR,
            seconds=seconds,
        )
        refined[kind, strength] = after
        images = {"before": before, "after": after}
        with torch.autocast(frames.device.type, enabled=False):
            measures = {
                when: {
                    "": image_psnr(image, truth),
                    "rendered_": image_psnr(image, rendered),
                    "success_": judge(families, image, **judged)["success"],
                }
                for when, image in images.items()
            }
        for b, choice in enumerate(choices):
            rows.append(
                {
                    "family": families[b],
                    "kind": kind,
                    "strength": strength,
                    "taken": choice.frame is not None,
                    "reason": choice.reason,
                    "sharpness": [choice.before, choice.after],
                    "seconds": None if choice.before is None else seconds,
                    **{what + when: of[what][b].item() for when, of in measures.items() for what in of},
                }
            )
    return rows, refined
