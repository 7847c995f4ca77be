"""A language model that is a video or image model's text encoder: ComfyUI's CLIP socket where it can write."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..images import join_batches, resize_bilinear
from . import LanguageModel, LanguageModelError

if TYPE_CHECKING:
    import torch

ENCODERS_THAT_WRITE = "Qwen3-VL, Qwen3.5, Gemma 3 or Gemma 4"


class TextEncoderLanguageModel(LanguageModel):
    """The `clip` object of a ComfyUI of version `core`; `temperature` 0 always takes the most likely word.

    `tokenize`, `generate` and `decode` are called only with the keyword arguments that they have: these differ between
    versions.
    """

    def __init__(self, clip: Any, core: str, temperature: float = 0.0, max_side: int = 1024):
        self.clip, self.core = clip, core
        self.temperature, self.max_side = temperature, max_side
        self.name = _encoder_name(clip)

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
        self._check_can_write()
        check_interrupt()
        tokens = self._tokenize(system, prompt, images)
        wanted = {
            "do_sample": self.temperature > 0,
            "max_length": max_tokens,
            "temperature": self.temperature or 1.0,
            "top_k": 64,
            "top_p": 0.95,
            "min_p": 0.05,
            "repetition_penalty": 1.05,
            "seed": seed,
        }
        try:
            # ComfyUI's own loop looks at the interrupt with every word, through its progress bar.
            written = self.clip.generate(tokens, **_select_accepted(wanted, self.clip.generate))
        except (AttributeError, NotImplementedError) as error:
            if isinstance(error, AttributeError) and getattr(error, "name", "") not in (
                "generate",
                "logits",
                "lm_head",
            ):
                raise
            raise LanguageModelError(self._explain_cannot_write()) from error
        check_interrupt()
        special = _select_accepted({"skip_special_tokens": True}, self.clip.decode)
        text = self.clip.decode(written, **special).strip()
        if not text:
            raise LanguageModelError(
                f"The text encoder {self.name} wrote nothing. Try another seed with a temperature of 0.7, or another "
                "encoder."
            )
        return text

    def _check_can_write(self) -> None:
        if not all(callable(getattr(self.clip, call, None)) for call in ("tokenize", "generate", "decode")):
            raise LanguageModelError(
                f"ComfyUI {self.core} cannot write text with a text encoder. Update ComfyUI and load "
                f"{ENCODERS_THAT_WRITE}, or use VLM from Transformers or VLM from Server."
            )
        encoder = getattr(self.clip, "cond_stage_model", None)
        if encoder is not None and not callable(getattr(encoder, "generate", None)):
            raise LanguageModelError(self._explain_cannot_write())

    def _explain_cannot_write(self) -> str:
        return (
            f"The text encoder {self.name} cannot write text (ComfyUI {self.core}). Load {ENCODERS_THAT_WRITE} with "
            "Load CLIP, or use VLM from Transformers or VLM from Server."
        )

    def _tokenize(self, system: str, prompt: str, images: Sequence[torch.Tensor]) -> Any:
        # CLIP.tokenize hands its keyword arguments on to the tokenizer, which says what it knows.
        tokenizer = getattr(getattr(self.clip, "tokenizer", None), "tokenize_with_weights", self.clip.tokenize)
        known = inspect.signature(tokenizer).parameters
        options: dict[str, Any] = {"skip_template": False, "thinking": False}
        if "system_prompt" in known:
            options["system_prompt"] = system
        elif system:
            prompt = f"{system}\n\n{prompt}"
        if images:
            if "images" not in known and "image" not in known:
                raise LanguageModelError(
                    f"The text encoder {self.name} cannot look at images. Load {ENCODERS_THAT_WRITE}."
                )
            shown = [_shrink(image[:1, ..., :3], self.max_side) for image in images]
            if "images" in known:
                options["images"] = shown
            else:
                options["image"] = join_batches(shown)
        # Some tokenizers know skip_template only among their **kwargs, and it is harmless to those who do not.
        return self.clip.tokenize(prompt, **_select_accepted(options, self.clip.tokenize))


def _encoder_name(clip: Any) -> str:
    """The class of the encoder, as far as ComfyUI tells."""
    return type(getattr(clip, "cond_stage_model", clip)).__name__.strip("_")


def _select_accepted(options: dict, call: Callable) -> dict:
    """The options that the call accepts, by name or because it takes any."""
    known = inspect.signature(call).parameters
    takes_any = any(entry.kind is entry.VAR_KEYWORD for entry in known.values())
    return {name: value for name, value in options.items() if takes_any or name in known}


def _shrink(image: torch.Tensor, max_side: int) -> torch.Tensor:
    """One image [1, H, W, 3] with no side longer than `max_side` pixels."""
    height, width = image.shape[1:3]
    scale = max_side / max(height, width)
    if scale >= 1:
        return image
    return resize_bilinear(image, max(1, round(height * scale)), max(1, round(width * scale)))
