"""Language models that look at pictures, behind one small interface: ask a question, get a text.

Nothing is imported or loaded before the first question, and nothing here knows ComfyUI.
"""

from __future__ import annotations

import base64
import io
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from PIL import Image


class LanguageModelError(RuntimeError):
    """A language model gave no text. The message is for people: what failed, what was expected, what to do."""


class LanguageModel(ABC):
    """What the socket IFEDIT_VLM carries. Making one is cheap: loading and connecting happen in `ask`."""

    name: str  # for logs and messages; never holds a key

    @abstractmethod
    def ask(
        self,
        system: str,
        prompt: str,
        images: Sequence[torch.Tensor],
        *,
        seed: int,
        max_tokens: int,
        check_interrupt: Callable[[], None],
    ) -> str:
        """The model's reply, as it wrote it but without special tokens and surrounding space; never empty.

        `system` may be empty; `images` are [1, H, W, C], 0..1, shown in this order before the prompt. `max_tokens`
        is the longest reply. `check_interrupt` is called several times a second while the model writes; what it
        raises ends the question and is passed on. Raises `LanguageModelError` for everything that went wrong.
        """


def to_pil(image: torch.Tensor, max_side: int) -> Image.Image:
    """One image [1, H, W, C], 0..1, as an RGB image of Pillow with no side longer than `max_side` pixels."""
    from PIL import Image

    from ..images import as_rgb

    rgb = as_rgb(image[:1], "image")[0]  # [H, W, 3]
    shown = Image.fromarray((rgb * 255).round().byte().numpy(), "RGB")
    shown.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)  # keeps the proportions, never enlarges
    return shown


def jpeg_data_url(image: torch.Tensor, max_side: int, quality: int = 90) -> str:
    """One image [1, H, W, C], 0..1, as a `data:image/jpeg;base64,` address without any metadata."""
    file = io.BytesIO()
    to_pil(image, max_side).save(file, "JPEG", quality=quality)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode("ascii")
