"""Language models that look at the image: from a text encoder, from a local folder, from a server."""

from __future__ import annotations

import os
from pathlib import Path

import comfy.model_management
import comfy.model_patcher
import folder_paths
import torch
from comfy_api.latest import io

from ..editing.vlm.address import check_address, check_key_may_go, check_key_variable
from ..editing.vlm.local import TransformersLanguageModel, check_repository
from ..editing.vlm.server import ServerLanguageModel
from ..editing.vlm.text_encoder import TextEncoderLanguageModel
from .search_words import also_found_as

VLM = io.Custom("IFEDIT_VLM")
CATEGORY = "IF-Edit/language models"
NO_FOLDER = "(nothing in models/LLM yet)"

# Adds to what extra_model_paths.yaml or another pack may have said already.
folder_paths.add_model_folder_path("LLM", os.path.join(folder_paths.models_dir, "LLM"))


def _vlm_output() -> io.Output:
    return VLM.Output(display_name="vlm", tooltip="Connect to Temporal Caption or Frame Selector.")


def _temperature_input() -> io.Float.Input:
    return io.Float.Input(
        "temperature",
        default=0.0,
        min=0.0,
        max=2.0,
        step=0.05,
        tooltip=(
            "0 always takes the most likely word, whatever the seed. Above 0 words are drawn with the caption node's "
            "seed: 0.7 adds variety; higher values become erratic."
        ),
    )


def _image_size_input(tooltip: str) -> io.Int.Input:
    return io.Int.Input("image_size", default=1024, min=64, max=4096, step=64, tooltip=tooltip)


class VLMFromTextEncoder(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IFEdit_VLMFromTextEncoder",
            display_name="VLM from Text Encoder",
            category=CATEGORY,
            description=(
                "A language model that looks at images (VLM), from a text encoder that can also write text: Qwen3-VL, "
                "Qwen3.5, Gemma 3 and Gemma 4 in newer versions of ComfyUI. Nothing to install. Wan's text encoder "
                "(umT5) cannot write."
            ),
            **also_found_as("llm", "vision language model", "qwen3-vl", "gemma", "local llm"),
            inputs=[
                io.Clip.Input(
                    "clip",
                    tooltip="From Load CLIP, with Qwen3-VL, Qwen3.5, Gemma 3 or Gemma 4. Not Wan's text encoder.",
                ),
                _temperature_input(),
                _image_size_input("Longest side of the image that the model sees, in pixels. Smaller is faster."),
            ],
            outputs=[_vlm_output()],
        )

    @classmethod
    def execute(cls, clip, temperature: float, image_size: int) -> io.NodeOutput:
        import comfyui_version

        return io.NodeOutput(TextEncoderLanguageModel(clip, comfyui_version.__version__, temperature, image_size))


class VLMFromTransformers(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IFEdit_VLMFromTransformers",
            display_name="VLM from Transformers",
            category=CATEGORY,
            description=(
                "A language model that looks at images (VLM), from a folder in ComfyUI's models/LLM, run with "
                "transformers. It is loaded when the caption node asks, and leaves the GPU when sampling needs the "
                "memory. Nothing is downloaded unless you ask for it."
            ),
            **also_found_as("llm", "vision language model", "qwen2.5-vl", "hugging face", "local llm"),
            inputs=[
                io.Combo.Input(
                    "folder",
                    options=list(model_folders()) or [NO_FOLDER],
                    tooltip=(
                        "A folder in models/LLM with all files of the model's page: config.json, the .safetensors "
                        "weights and the processor. Ignored when download is filled in."
                    ),
                ),
                _temperature_input(),
                _image_size_input("Longest side of the image that the model sees, in pixels. Smaller is faster."),
                io.String.Input(
                    "download",
                    default="",
                    tooltip=(
                        "Leave empty to download nothing. If you type a Hugging Face name, such as "
                        "Qwen/Qwen2.5-VL-3B-Instruct, that model is downloaded once into models/LLM (several GB) and "
                        "used."
                    ),
                ),
            ],
            outputs=[_vlm_output()],
        )

    @classmethod
    def validate_inputs(cls, folder: str | None = None) -> bool:
        return True  # with it ComfyUI does not look into its list: the folder is not used for a download

    @classmethod
    def execute(cls, folder: str, temperature: float, image_size: int, download: str = "") -> io.NodeOutput:
        if download.strip():
            repository = check_repository(download)
            place = Path(folder_paths.get_folder_paths("LLM")[0]) / repository.partition("/")[2]
        else:
            repository, place = "", model_folders().get(folder)
            if place is None:
                raise ValueError(
                    f"There is no model folder {folder!r} with a config.json in models/LLM. There are: "
                    f"{', '.join(model_folders()) or 'none'}. Put one there, or type a Hugging Face name into download."
                )
        return io.NodeOutput(
            TransformersLanguageModel(place, _Placement().load, temperature, image_size, download=repository)
        )


def model_folders() -> dict[str, Path]:
    """The folders with a config.json at most two levels deep in models/LLM, by their names there."""
    found = {}
    for top in map(Path, folder_paths.get_folder_paths("LLM")):
        for config in sorted([*top.glob("*/config.json"), *top.glob("*/*/config.json")]):
            name = config.parent.relative_to(top).as_posix()
            if not name.startswith("."):  # half a download
                found.setdefault(name, config.parent)
    return found


class _Placement:
    """Puts one transformers model on the GPU through ComfyUI, which may take it off again for the next step."""

    def __init__(self):
        self.patcher: comfy.model_patcher.ModelPatcher | None = None

    def load(self, model: torch.nn.Module) -> torch.device:
        patcher = self.patcher
        if patcher is None:
            # Around the model, because ModelPatcher sets `device`, which a transformers model only lets be read.
            self.patcher = patcher = comfy.model_patcher.ModelPatcher(
                torch.nn.ModuleList([model]),
                load_device=comfy.model_management.text_encoder_device(),
                offload_device=comfy.model_management.text_encoder_offload_device(),
            )
        # In full: the layers are not ComfyUI's, so they cannot fetch weights that stayed behind.
        comfy.model_management.load_models_gpu([patcher], force_full_load=True)
        return patcher.load_device


class VLMFromServer(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IFEdit_VLMFromServer",
            display_name="VLM from Server",
            category=CATEGORY,
            description=(
                "A language model that looks at images (VLM), behind any OpenAI-compatible server: Ollama, LM Studio, "
                'vLLM, llama.cpp, transformers serve, OpenAI. Needs the openai client (pip install "openai>=1.52.1"). '
                "Nothing is sent before the caption node asks."
            ),
            **also_found_as("ollama", "llm", "vision language model", "qwen2.5-vl", "lm studio", "llama.cpp", "openai"),
            inputs=[
                io.String.Input(
                    "address",
                    default="http://127.0.0.1:11434/v1",
                    tooltip=(
                        "The server's base address, usually ending in /v1. Ollama: http://127.0.0.1:11434/v1, LM "
                        "Studio: http://127.0.0.1:1234/v1, vLLM: http://127.0.0.1:8000/v1."
                    ),
                ),
                io.String.Input(
                    "model",
                    default="qwen2.5vl:7b",
                    tooltip="The model's name as the server lists it. It must be a model that can look at images.",
                ),
                io.String.Input(
                    "key_variable",
                    default="",
                    tooltip=(
                        "The NAME of the environment variable that holds the key, such as OPENAI_API_KEY; it must end "
                        "in API_KEY. Leave empty if the server needs no key. Never type the key itself."
                    ),
                ),
                _image_size_input(
                    "Longest side of the JPEG images that are sent, in pixels. Smaller is faster and cheaper."
                ),
                io.Float.Input(
                    "timeout",
                    default=120.0,
                    min=1.0,
                    max=3600.0,
                    step=1.0,
                    tooltip="Seconds to wait for one complete answer, including the time to load the model.",
                ),
                io.Int.Input(
                    "retries",
                    default=2,
                    min=0,
                    max=10,
                    tooltip=(
                        "How many times to try again, with growing pauses, when the server cannot be reached, is busy "
                        "or drops the connection."
                    ),
                ),
            ],
            outputs=[_vlm_output()],
        )

    @classmethod
    def validate_inputs(cls, address: str | None = None, key_variable: str | None = None) -> bool | str:
        # Before the graph is queued: what is refused here is in no history and no picture. None: connected.
        try:
            if address is not None:
                check_address(address)
            if key_variable is not None:
                check_key_variable(key_variable)
            if address is not None and key_variable is not None:
                check_key_may_go(check_key_variable(key_variable), check_address(address))
        except ValueError as wrong:
            return str(wrong)
        return True

    @classmethod
    def execute(
        cls, address: str, model: str, key_variable: str, image_size: int, timeout: float, retries: int
    ) -> io.NodeOutput:
        return io.NodeOutput(ServerLanguageModel(address, model, key_variable, timeout, retries, image_size))
