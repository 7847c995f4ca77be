"""Images as ComfyUI hands them over, the numbers that frames carry, and what every step does with pixels."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
SHARPNESS_SIDE = 480  # pixels of the shorter side at which sharpness is compared


def as_rgb(images: torch.Tensor, name: str) -> torch.Tensor:
    """Images [N, H, W, C] with 1, 3 or 4 channels as RGB [N, H, W, 3]: float32, 0..1, on the CPU, no alpha (as core).

    `name` says in an error which input is meant. Raises ValueError for a wrong shape, no image at all, NaN or infinity.
    """
    shape = list(getattr(images, "shape", ()))
    if len(shape) != 4 or shape[-1] not in (1, 3, 4) or 0 in shape:
        raise ValueError(
            f"{name} must be images [number, height, width, channels] with 1, 3 or 4 channels, "
            f"got {shape or type(images).__name__}. Connect an IMAGE output."
        )
    rgb = images[..., :3].detach().to("cpu", torch.float32).expand(-1, -1, -1, 3)  # [N, H, W, 3]
    low, high = rgb.aminmax()  # NaN if there is any
    if not torch.isfinite(high - low):
        broken = [number for number, image in enumerate(rgb) if not torch.isfinite(image).all()]
        raise ValueError(
            f"{name} {shape} contains NaN or infinite values (in {len(broken)} of {len(rgb)} images, the first is "
            f"image {broken[0]}). Sampling or decoding went wrong; try another sampler, or a VAE in float32."
        )
    return rgb if 0 <= low and high <= 1 else rgb.clamp(0, 1)  # a long video is not copied without need


def parse_frame_numbers(text: str, count: int) -> list[int]:
    """The original numbers of `count` frames from "0, 12, 24, 32"; empty text counts 0, 1, 2, ...

    Of several videos in a batch, each is numbered on its own: "0, 12, 24, 32, 0, 12, 24, 32" (see `split_videos`).

    Raises ValueError where the text is not a list of whole numbers, one for each frame, that rise within each video.
    """
    entries = [entry for entry in re.split(r"[\s,;]+", text.strip().strip("[]()")) if entry]
    if not entries:
        return list(range(count))
    wrong = [entry for entry in entries if not re.fullmatch(r"[0-9]{1,9}", entry)]
    if wrong:
        raise ValueError(
            f"frame_numbers must be whole numbers such as 0, 12, 24, 32, got {wrong[0]!r}. "
            "Connect frame_numbers of Decode Keyframes or leave it empty to count from 0."
        )
    numbers = [int(entry) for entry in entries]
    if len(numbers) != count:
        raise ValueError(
            f"frame_numbers names {len(numbers)} frames ({_list_numbers(numbers)}), but {count} frames are connected. "
            "Connect both from the same Decode Keyframes or leave frame_numbers empty."
        )
    for video in split_videos(numbers):
        if any(later <= earlier for earlier, later in pairwise(numbers[video])):
            raise ValueError(f"frame_numbers must rise from frame to frame, got {_list_numbers(numbers)}.")
    return numbers


def split_videos(numbers: Sequence[int]) -> list[slice]:
    """Where each video lies among frames with these numbers, one slice for each.

    A video begins wherever the first number comes again. Without numbers a batch of videos looks like one long video.
    """
    starts = [place for place, number in enumerate(numbers) if number == numbers[0]]
    return [slice(start, end) for start, end in pairwise([*starts, len(numbers)])]


def position_of_frame(frame: int, numbers: list[int]) -> int:
    """Where the frame with this original number stands among `numbers`; ValueError names those that exist."""
    if frame not in numbers:
        raise ValueError(f"There is no frame {frame}. The frames here are {_list_numbers(numbers)}.")
    return numbers.index(frame)


def _list_numbers(numbers: list[int]) -> str:
    if len(numbers) > 16 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]} to {numbers[-1]}"
    return ", ".join(map(str, numbers))


# ---- pixels


def gaussian(images: torch.Tensor, sigma: float) -> torch.Tensor:
    """Images [N, C, H, W] blurred by a Gaussian of sigma pixels; the border repeats."""
    from kornia.filters import gaussian_blur2d  # takes a second to load

    size = 2 * math.ceil(3 * sigma) + 1
    down, across = (min(size, side - 1 + side % 2) for side in images.shape[2:])
    return gaussian_blur2d(images, (down, across), (sigma, sigma), border_type="replicate")


def resize(
    images: torch.Tensor, width: int, height: int, box: tuple[float, float, float, float] | None = None
) -> torch.Tensor:
    """A box (left, top, right, bottom; all of it if None) of images [N, H, W, C] at another size, by Lanczos, 0..1.

    Values stay floats. Where nothing is to be done, these are the very same values.
    """
    if box is None and images.shape[1:3] == (height, width):
        return images
    result = torch.empty((len(images), height, width, images.shape[-1]), dtype=torch.float32)
    for number, image in enumerate(images):
        for channel in range(images.shape[-1]):  # one at a time: a photo of 24 megapixels is not copied whole
            plane = Image.fromarray(np.ascontiguousarray(image[..., channel].to("cpu", torch.float32).numpy()))
            resized = plane.resize((width, height), Image.Resampling.LANCZOS, box=box)
            result[number, ..., channel] = torch.from_numpy(np.asarray(resized).copy())
    return result.clamp_(0, 1)


def resize_bilinear(images: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Images [N, H, W, C] at another size, in 0..1: quicker than `resize`, for what is only looked at."""
    planes = images.movedim(-1, 1).float()  # [N, C, H, W]
    return F.interpolate(planes, (height, width), mode="bilinear", antialias=True).movedim(1, -1).clamp(0, 1)


def join_batches(batches: Sequence[torch.Tensor]) -> torch.Tensor:
    """Images [N, H, W, C], several times, as one batch; what has another size than the first is scaled to it."""
    height, width = batches[0].shape[1:3]
    return torch.cat(
        [one if one.shape[1:3] == (height, width) else resize_bilinear(one, height, width) for one in batches]
    )


def reduce_to_side(images: torch.Tensor, shorter: int) -> torch.Tensor:
    """Images [N, C, H, W] scaled down until their shorter side has so many pixels; smaller ones stay as they are."""
    scale = shorter / min(images.shape[-2:])
    if scale >= 1:
        return images
    size = [max(1, round(side * scale)) for side in images.shape[-2:]]
    return F.interpolate(images, size=size, mode="bicubic", antialias=True)


def luma(images: torch.Tensor) -> torch.Tensor:
    """Images [..., H, W, 3] in 0..1 -> [..., H, W] in 0..255, ITU-R BT.601."""
    height, width = images.shape[-3:-1]
    together = 8 if height * width % 8 == 0 else 1  # pixels: wider products are faster
    weights = torch.kron(torch.eye(together), 255 * torch.tensor(LUMA)[:, None])  # [3 * together, together]
    return (images.reshape(-1, 3 * together) @ weights).view(images.shape[:-1])


def laplacian(values: torch.Tensor) -> torch.Tensor:
    """Values [N, H, W] less their four neighbours, which repeat at the border: [N, H, W]."""
    padded = F.pad(values, (1, 1, 1, 1), mode="replicate")
    beside = padded[:, 1:-1, :-2] + padded[:, 1:-1, 2:]
    return padded[:, :-2, 1:-1] + padded[:, 2:, 1:-1] + beside - 4 * values


def detail(images: torch.Tensor) -> torch.Tensor:
    """The Laplacian [N, h, w] of the luma of images [N, H, W, 3] in 0..1, at 480 pixels or less."""
    return laplacian(reduce_to_side(luma(images)[:, None], SHARPNESS_SIDE)[:, 0])


def laplacian_sharpness(frames: torch.Tensor) -> torch.Tensor:
    """Sharpness of each frame: [N, H, W, C] in 0..1 -> [N], 0 for an even picture, unbounded above.

        Y = 255 (0.299 R + 0.587 G + 0.114 B)
        L(y, x) = Y(y-1, x) + Y(y+1, x) + Y(y, x-1) + Y(y, x+1) - 4 Y(y, x)
        sharpness = var(L)

    The variance of the Laplacian of the luma, the score that IF-Edit maximises over the frames of the last latent frame
    (arXiv 2511.19435, late-stage frame). Frames whose shorter side exceeds 480 pixels are first scaled down to it, so
    that one scene scores alike at 480p and at 720p. Borders repeat, so the frame of the picture counts as no edge.

    Raises ValueError for anything but images with 1, 3 or 4 channels and finite values.
    """
    return torch.stack([sharpness_of(frame) for frame in as_rgb(frames, "frames")])


def sharpness_of(frame: torch.Tensor) -> torch.Tensor:
    """`laplacian_sharpness` of one frame [H, W, 3]; float32, 0..1."""
    return detail(frame[None]).var(unbiased=False)


def psnr(one: torch.Tensor, other: torch.Tensor) -> float:
    """Peak signal-to-noise ratio in dB of values in 0..1 of any shape, at most 120."""
    return -10 * math.log10(max(float((one - other).square().mean()), 1e-12))
