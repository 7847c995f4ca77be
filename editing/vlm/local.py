"""A language model from a folder, run by transformers in this process."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import LanguageModel, LanguageModelError, to_pil

if TYPE_CHECKING:
    import torch

# Weights without pickles, and no code: *.py is left where it is.
DOWNLOADED_FILES = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]


def check_repository(repository: str) -> str:
    """The Hugging Face repository id without spaces; ValueError where it is none."""
    repository = repository.strip()
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", repository, re.ASCII) or ".." in repository:
        raise ValueError(
            "download must be the name of a Hugging Face repository, such as Qwen/Qwen2.5-VL-3B-Instruct, or empty; "
            f"got {repository!r}."
        )
    return repository


class TransformersLanguageModel(LanguageModel):
    """Any AutoModelForImageTextToText in `folder`; dtype and quantization are the folder's.

    `place` puts the model where it can run and gives the device; it is called before every question, so that the
    model may have been moved away in between. `temperature` 0 always takes the most likely word. `max_side` is the
    longest side of the images in pixels. If `download` names a Hugging Face repository, the folder is filled from it
    when it does not exist.
    """

    def __init__(
        self,
        folder: Path,
        place: Callable[[torch.nn.Module], torch.device],
        temperature: float = 0.0,
        max_side: int = 1024,
        download: str = "",
    ):
        self.folder = Path(folder)
        self.download = check_repository(download) if download else ""
        self.name = self.folder.name
        self.temperature, self.max_side = temperature, max_side
        self._place = place
        self._loaded: tuple[Any, Any] | None = None  # processor and model

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
        import torch

        raised: list[BaseException] = []

        def check() -> None:
            try:
                check_interrupt()
            except BaseException as interrupt:
                raised.append(interrupt)
                raise

        check()
        self._download(check)
        processor, model = self._load()
        check()
        try:
            shown = [to_pil(image, self.max_side) for image in images]
            inputs = self._tokenize(processor, system, prompt, shown)
            device = self._place(model)
            inputs = inputs.to(device, dtype=model.dtype)  # [1, tokens]; only what is floating point changes its dtype
            check()
            with torch.no_grad(), torch.random.fork_rng([device] if device.type == "cuda" else []):
                torch.manual_seed(seed)
                written = model.generate(
                    **inputs,
                    **self._sampling_options(),
                    max_new_tokens=max_tokens,
                    stopping_criteria=[_make_interrupt_check(check)],
                )  # [1, tokens]
        except torch.cuda.OutOfMemoryError:
            raise  # ComfyUI frees its memory when it sees this one
        except Exception as error:
            if error in raised or isinstance(error, LanguageModelError):
                raise
            raise LanguageModelError(
                f"The language model {self.name} could not answer ({type(error).__name__}: {_shorten(error)}). "
                "Is it a model for images and chat (an -Instruct or -it model)?"
            ) from error
        if not model.config.is_encoder_decoder:
            written = written[:, inputs["input_ids"].shape[1] :]
        text = processor.batch_decode(written, skip_special_tokens=True)[0].strip()
        if not text:
            raise LanguageModelError(
                f"The language model {self.name} wrote nothing. Try another seed with a temperature of 0.7, or "
                "another model."
            )
        return text

    def _sampling_options(self) -> dict:
        if self.temperature > 0:
            return {"do_sample": True, "temperature": self.temperature}
        return {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}

    def _tokenize(self, processor: Any, system: str, prompt: str, shown: list) -> Any:
        if not getattr(processor, "chat_template", None):
            raise LanguageModelError(
                f"The language model {self.name} has no chat template. Take a model that was made for chat (an "
                "-Instruct or -it model)."
            )

        def chat(system: str, prompt: str) -> Any:
            content = [{"type": "image", "image": image} for image in shown] + [{"type": "text", "text": prompt}]
            messages: list[dict] = [{"role": "user", "content": content}]
            if system:
                messages.insert(0, {"role": "system", "content": [{"type": "text", "text": system}]})
            return processor.apply_chat_template(
                messages, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
            )

        try:
            return chat(system, prompt)
        except Exception as error:
            if not system or type(error).__name__ != "TemplateError":
                raise
            return chat("", f"{system}\n\n{prompt}")  # templates say so when they know no system role

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            from transformers import AutoModelForImageTextToText, AutoProcessor

            try:
                safe = {"trust_remote_code": False, "local_files_only": True}
                processor = AutoProcessor.from_pretrained(self.folder, **safe)
                model = AutoModelForImageTextToText.from_pretrained(
                    self.folder, **safe, torch_dtype="auto", use_safetensors=True
                )
            except Exception as error:
                raise LanguageModelError(self._explain_load_error(error)) from error
            self._loaded = processor, model.eval()
        return self._loaded

    def _explain_load_error(self, error: Exception) -> str:
        text = str(error)
        if "trust_remote_code" in text or "custom code" in text:
            advice = (
                "It brings Python code of its own, which this node never runs. Take a model that transformers knows "
                "by itself, such as Qwen2.5-VL, or serve it with its own program and use VLM from Server."
            )
        elif isinstance(error, ValueError) and re.search("unrecognized|does not recognize", text, re.I):
            advice = "Either it cannot look at images, or it is newer than the transformers that is installed here."
        elif "safetensors" in text:
            advice = "Its weights must be .safetensors files, and none may be missing."
        elif isinstance(error, ImportError):
            advice = "It needs a library that is not installed in ComfyUI's Python."
        else:
            advice = "Are all its files there? Compare the folder with the model's page."
        return (
            f"Cannot load the language model {self.name} from {self.folder}. {advice} "
            f"({type(error).__name__}: {_shorten(error)})"
        )

    def _download(self, check_interrupt: Callable[[], None]) -> None:
        """Download the model if that was asked for and has not happened yet, into the folder and nowhere else."""
        if not self.download or self.folder.exists():
            return
        from huggingface_hub import snapshot_download

        partial = self.folder.with_name(f".{self.folder.name}.partial")  # so that half a model is never listed
        failed: list[BaseException] = []

        def download() -> None:
            try:
                snapshot_download(self.download, local_dir=partial, allow_patterns=DOWNLOADED_FILES)
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=download, name="IF-Edit download", daemon=True)
        thread.start()
        while thread.is_alive():
            check_interrupt()  # the files that are under way still arrive; the next attempt goes on from there
            thread.join(0.1)
        if failed:
            raise LanguageModelError(
                f"Cannot download {self.download} from Hugging Face ({type(failed[0]).__name__}: "
                f"{_shorten(failed[0])}). Check the name and the connection, or download the model yourself into "
                f"{self.folder}."
            ) from failed[0]
        partial.rename(self.folder)


def _make_interrupt_check(check: Callable[[], None]) -> Any:
    import torch
    from transformers import StoppingCriteria

    class CheckEachWord(StoppingCriteria):
        def __call__(self, input_ids, scores, **kwargs) -> Any:
            check()
            return torch.zeros(input_ids.shape[0], dtype=torch.bool, device=input_ids.device)

    return CheckEachWord()


def _shorten(error: BaseException, length: int = 300) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= length else text[: length - 3] + "..."
