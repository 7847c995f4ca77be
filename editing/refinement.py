"""Still-video refinement: which frame of a perfectly still video replaces the chosen frame.

The chosen frame goes once more through the image-to-video model, as the start of a video in which nothing moves; the
sharpest frame that comes out is the result (IF-Edit, arXiv 2511.19435, "self-consistent post-refinement": the sharpest
wins). Video models do not always stand still, so frames whose structure or colors left the chosen frame are left out
here, and if none is clearly better, the chosen frame stays.

Published is the full still video: everything but the start image begins as noise. An img2img pass begins with the
frame's own latent in every latent frame, covered in only some noise (as SDEdit does, arXiv 2108.01073), and so needs
only the last steps of the schedule.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from .dropout import first_step_at
from .images import LUMA, SHARPNESS_SIDE, as_rgb, detail, gaussian, laplacian_sharpness, luma, reduce_to_side

STILL_CAPTION = (
    "A static shot from a tripod; nothing in the picture moves. The same scene in crisp focus, with clean edges and "
    "fine natural texture."
)
IMG2IMG_PASS, FULL_VIDEO = "img2img pass", "full still video"
REFINE_MODES = (IMG2IMG_PASS, FULL_VIDEO)
START_SIGMA = 0.63  # of the img2img pass, a quarter of 8 steps: two are at or below it at a shift of 3 and of 5
SKIP_ABOVE = 0.6  # of the source, from which on a frame is left as it is
MIN_GAIN = 2.5  # by which factor a frame must be sharper to be taken: what is sharp gains up to 2.5, and loses by it
DEBLUR, DENOISE = "deblur", "denoise"
TARGETS = (DEBLUR, DENOISE)
NOISE_LEFT = 0.5  # of the noise, at most, in a frame that counts as cleaner
SHARPNESS_LEFT = 0.9  # of what is sharp at a scale that noise does not reach, at least
NOISE_BLUR = 3.0  # pixels
NOISY = 0.02  # standard deviation in 0..1 from which on noise is taken for sharpness
AS_CLEAN = 1.25  # times the source's noise, up to which a picture is as clean

CONTENT_GRID = 12  # cells along the shorter side: coarse enough that sharpening does not count as change
MEAN_LIMIT = 0.04  # change of the whole picture, in 0..1: a shift of brightness or color that one sees side by side
CELL_LIMIT = 0.12  # change of one cell, in 0..1: an object that moved, came or went

STRUCTURE_BLUR = 0.03  # of the shorter side: a picture blurred by as much still has the structure of the sharp one
STRUCTURE_GRID = 24  # cells along the shorter side
STRUCTURE_WORST = 0.03  # share of the picture that counts: what moved may be small
STRUCTURE_LIMIT = 0.85

UNCHANGED_LIMIT = 0.03  # change of a cell, in 0..1, below which an edit left it alone
UNCHANGED_SHARE = 0.1  # of the picture, below which the whole picture is compared only


@dataclass(frozen=True)
class Refinement:
    """The winning frame (its index; None = the chosen frame stays), a sentence that says why, and the scores.

    before, after: Laplacian sharpness of the chosen frame and of what is the result; equal where it stays.
    """

    frame: int | None
    reason: str
    before: float | None = None
    after: float | None = None


def light_schedule(sigmas: torch.Tensor, start_sigma: float = START_SIGMA) -> torch.Tensor:
    """The noise levels [steps + 1] of a schedule from the first step at or below `start_sigma` on; at least one step.

    The steps themselves stay those of the schedule, for which few-step LoRAs are made.
    """
    first = min(first_step_at(sigmas, start_sigma), max(0, len(sigmas) - 2))
    return sigmas[first:]


def coarse_change(frames: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """How far each frame left the reference at low resolution: [N, H, W, C], [1, H, W, C] in 0..1 -> [N, 2].

    Both are averaged over square cells, 12 along the shorter side, so that sharper detail counts for nothing. Column 0
    is the mean difference over all cells, column 1 that of the most changed cell, both 0..1. Raises ValueError for
    other sizes than the reference.
    """
    _check_size(frames, reference)
    difference = (
        (_average_cells(frames, CONTENT_GRID) - _average_cells(reference, CONTENT_GRID)).abs().mean(dim=1).flatten(1)
    )  # [N, cells]
    return torch.stack([difference.mean(dim=1), difference.amax(dim=1)], dim=1)


def structural_similarity(frames: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """How well each frame kept the reference's structure: [N, H, W, C], [1, H, W, C] in 0..1 -> [N], at most 1.

    SSIM (Wang et al. 2004; kornia's) of both behind a Gaussian blur of 3 % of the shorter side, which takes from a
    sharpened frame what it gained, in a grid of 24 cells along that side; averaged over the 3 % that are least alike.
    Pictures of less than 8 pixels have no structure that could change: 1. Raises ValueError for other sizes.
    """
    from kornia.metrics import ssim  # takes a second to load

    _check_size(frames, reference)
    if min(reference.shape[1:3]) < 8:
        return torch.ones(len(frames))

    def blur(images: torch.Tensor) -> torch.Tensor:
        fine = _average_cells(images, 4 * STRUCTURE_GRID)  # so that a large picture is as quick as a small one
        soft = gaussian(fine, STRUCTURE_BLUR * min(fine.shape[-2:]))
        return _average_cells(soft.movedim(1, -1), STRUCTURE_GRID)

    like = blur(reference)
    alike = torch.cat([ssim(blur(frame[None]), like, window_size=7).mean(dim=1).flatten(1) for frame in frames])
    worst = max(1, round(STRUCTURE_WORST * alike.shape[1]))
    return alike.topk(worst, dim=1, largest=False).values.mean(dim=1)


def relative_sharpness(picture: torch.Tensor, source: torch.Tensor) -> float:
    """How sharp a picture is, with that of the source as 1: both [1, H, W, C] in 0..1.

    Compared is the variance of the Laplacian, over the whole picture and over the part that shows the same in both, and
    the lower ratio counts: new objects do not make up for a blurred background, nor the background for blurred objects.
    A source of another size is compared as a whole. A source without any detail is as sharp as anything.
    """
    picture, source = as_rgb(picture, "picture"), as_rgb(source, "source")
    ratios = [_ratio(laplacian_sharpness(picture)[0], laplacian_sharpness(source)[0])]
    if picture.shape == source.shape:
        before, after = (_average_cells(image, STRUCTURE_GRID) for image in (source, picture))
        change = (after - before).abs().amax(dim=1, keepdim=True)
        changed = F.max_pool2d(change, 3, stride=1, padding=1) > UNCHANGED_LIMIT  # and what is beside it
        details = [detail(image) for image in (picture, source)]  # [1, h, w]
        same = ~F.interpolate(changed.float(), size=details[0].shape[-2:]).bool()[0]
        if same.float().mean() >= UNCHANGED_SHARE:
            ratios.append(_ratio(*(one[same].var(unbiased=False) for one in details)))
    return min(ratios)


def noise_level(images: torch.Tensor) -> torch.Tensor:
    """Standard deviation of the white noise in images [N, H, W, C] in 0..1: [N].

    What is left of the luma behind the difference of two Laplacians, which edges and slopes hardly reach (Immerkaer,
    "Fast noise variance estimation", 1996), here by the median, so that texture counts only if it fills half of the
    picture. Fine texture everywhere, such as grass, is not told from noise.
    """
    kernel = torch.tensor([[1.0, -2.0, 1.0], [-2.0, 4.0, -2.0], [1.0, -2.0, 1.0]])
    gray = luma(as_rgb(images, "images"))[:, None] / 255
    left = F.conv2d(F.pad(gray, (1, 1, 1, 1), mode="replicate"), kernel[None, None])
    deviation = left.abs().flatten(1).median(dim=1).values / 0.6745  # of a normal distribution
    return deviation / (6 * torch.tensor(LUMA).norm())  # the kernel's weights, and the luma's for noise of all channels


def skip_reason(
    picture: torch.Tensor, source: torch.Tensor, threshold: float = SKIP_ABOVE, target: str = DEBLUR
) -> str | None:
    """Why a picture [1, H, W, C] needs no refinement when it is compared with its source, or None if it does.

    As sharp is a picture with `threshold` of the source's sharpness (see `relative_sharpness`). To compare like with
    like, the source should have gone through the VAE too, which alone takes a part of the finest detail.
    """
    if target == DENOISE:
        noise, of_source = (float(noise_level(one)[0]) for one in (picture, source))
        if noise > AS_CLEAN * of_source:
            return None
        return f"not refined: already as clean as the source (noise {noise:.3f}, source {of_source:.3f})"
    ratio = relative_sharpness(picture, source)
    if ratio < threshold:
        return None
    return f"not refined: already as sharp as the source ({ratio:.2f} of it, threshold {threshold:g})"


def choose_refined(
    frames: torch.Tensor, reference: torch.Tensor, min_gain: float = MIN_GAIN, target: str = DEBLUR
) -> Refinement:
    """The sharpest frame [N, H, W, C] that kept the content of the reference [1, H, W, C], if it is clearly better.

    sharper: by the factor `min_gain` (1: by anything at all), because a frame that is only a little sharper lost more
    on its way through the VAE than it gained. cleaner: the frame has at most half of the reference's noise and, behind
    a blur of 3 pixels, at least 90 % of its sharpness; noise itself counts as sharp, so `min_gain` does not apply.

    Frames that are no numbers count as changed. Raises ValueError for a reference that is no picture and for other
    sizes.
    """
    reference = as_rgb(reference, "reference")
    before = float(laplacian_sharpness(reference)[0])

    def stays(why: str) -> Refinement:
        return Refinement(None, f"not refined: {why}", before, before)

    finite = torch.tensor([bool(frame.isfinite().all()) for frame in frames])
    if not finite.any():
        return stays("no frame of the still video is made of numbers; try another sampler, or a VAE in float32")
    frames = as_rgb(frames if finite.all() else frames.nan_to_num(0.0, 1.0, 0.0), "frames")
    change, structure = coarse_change(frames, reference), structural_similarity(frames, reference)
    kept = finite & (change[:, 0] <= MEAN_LIMIT) & (change[:, 1] <= CELL_LIMIT) & (structure >= STRUCTURE_LIMIT)
    if not kept.any():
        mean, cell = change[change.sum(dim=1).argmin()].tolist()
        return stays(
            f"all {len(frames)} frames of the still video changed the content (structural similarity "
            f"{structure.max():.2f} at best, limit {STRUCTURE_LIMIT}; colors changed by {mean:.3f} on average, limit "
            f"{MEAN_LIMIT}, and {cell:.3f} in one place, limit {CELL_LIMIT})"
        )
    sharpness = laplacian_sharpness(frames)
    cleaned = ""
    if target == DENOISE:
        noise, noises = float(noise_level(reference)[0]), noise_level(frames)
        soft, soft_before = (_sharpness_without_noise(images) for images in (frames, reference))
        better = kept & (noises <= NOISE_LEFT * noise) & (soft >= SHARPNESS_LEFT * soft_before)
        if not better.any():
            return stays(
                f"no frame of the still video is cleaner (noise {noise:.3f} -> {noises[kept].min():.3f} at best, "
                f"wanted {NOISE_LEFT:g} times) and as sharp"
            )
        best = int(torch.where(better, sharpness, -torch.inf).argmax())
        cleaned = f", noise {noise:.3f} -> {noises[best]:.3f}"
    else:
        best = int(torch.where(kept, sharpness, -torch.inf).argmax())
    after = float(sharpness[best])
    if target == DEBLUR and (after <= before or after < min_gain * before):
        hint = f"; it is noisy, set target to {DENOISE}" if noise_level(reference) > NOISY else ""
        if after <= before:
            return stays(f"already sharper ({before:.1f}) than the best frame of the still video ({after:.1f}){hint}")
        return stays(
            f"the best frame of the still video is hardly sharper ({before:.1f} -> {after:.1f}, wanted {min_gain:g} "
            f"times){hint}"
        )
    return Refinement(
        best,
        f"frame {best} of {len(frames)}: sharpness {before:.1f} -> {after:.1f}{cleaned}, {int(kept.sum())} of "
        f"{len(frames)} frames kept the content (structural similarity {structure[best]:.2f})",
        before,
        after,
    )


def _sharpness_without_noise(images: torch.Tensor) -> torch.Tensor:
    """Laplacian sharpness of images [N, H, W, 3] behind a blur, less what their white noise still adds to it: [N]."""

    def sharpness(images: torch.Tensor) -> torch.Tensor:
        return laplacian_sharpness(gaussian(images.movedim(-1, 1), NOISE_BLUR).movedim(1, -1))

    point = torch.zeros(1, 33, 33, 3)
    point[:, 16, 16] = 1.0
    of_noise = sharpness(point) * 33**2 * torch.tensor(LUMA).norm() ** 2  # per variance of a channel
    # Before the noise is measured, since it shrinks with the picture.
    images = reduce_to_side(images.movedim(-1, 1), SHARPNESS_SIDE).movedim(1, -1)
    return (sharpness(images) - noise_level(images) ** 2 * of_noise).clamp(min=0.0)


def _check_size(frames: torch.Tensor, reference: torch.Tensor) -> None:
    if frames.shape[1:3] != reference.shape[1:3]:
        raise ValueError(
            f"Frames of {frames.shape[2]}x{frames.shape[1]} pixels cannot be compared with a reference of "
            f"{reference.shape[2]}x{reference.shape[1]}. Resize one to the other."
        )


def _average_cells(images: torch.Tensor, shorter: int) -> torch.Tensor:
    """[N, H, W, C] -> [N, C, h, w]: averages over square cells, as many along the shorter side."""
    height, width = images.shape[1:3]
    cell = max(1.0, min(height, width) / shorter)
    return F.adaptive_avg_pool2d(images.movedim(-1, 1), (max(1, round(height / cell)), max(1, round(width / cell))))


def _ratio(one: torch.Tensor, other: torch.Tensor) -> float:
    return float("inf") if other <= 0 else float(one / other)
