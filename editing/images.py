"""Pictures as ComfyUI hands them over, and the numbers that frames carry."""

from __future__ import annotations

import re

import torch


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

    Raises ValueError where the text is not a rising list of whole numbers, one for each frame.
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
            f"frame_numbers names {len(numbers)} frames ({_listed(numbers)}), but {count} frames are connected. "
            "Connect both from the same Decode Keyframes or leave frame_numbers empty."
        )
    if any(later <= earlier for earlier, later in zip(numbers, numbers[1:], strict=False)):
        raise ValueError(f"frame_numbers must rise from frame to frame, got {_listed(numbers)}.")
    return numbers


def position_of_frame(frame: int, numbers: list[int]) -> int:
    """Where the frame with this original number stands among `numbers`; ValueError names those that exist."""
    if frame not in numbers:
        raise ValueError(f"There is no frame {frame}. The frames here are {_listed(numbers)}.")
    return numbers.index(frame)


def _listed(numbers: list[int]) -> str:
    if len(numbers) > 16 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]} to {numbers[-1]}"
    return ", ".join(map(str, numbers))
