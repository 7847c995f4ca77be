"""The instruction becomes a text that a video model can act on."""

from __future__ import annotations

import logging

import comfy.model_management
import torch
from comfy_api.latest import io, ui

from ..editing.captions.prompts import CHINESE, ENGLISH, MAY_MOVE, STILL
from ..editing.captions.writer import AUTOMATIC, STYLES, write_caption
from .inputs import advanced
from .language_models import VLM
from .progress import text_under
from .search_words import also_found_as

log = logging.getLogger(__name__)


class TemporalCaption(io.ComfyNode):
    """Temporal captions of IF-Edit, arXiv 2511.19435 (staged), and Frame2Frame, arXiv 2411.16819 (one sentence)."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IFEdit_TemporalCaption",
            display_name="Temporal Caption (Prompt Enhancer)",
            category="IF-Edit",
            description=(
                "Rewrites your instruction as a video caption: what happens step by step, what stays the same, and "
                "that the camera does not move. Connect the caption to CLIP Text Encode. If a language model is "
                "connected, it looks at the image and writes the caption. Otherwise built-in rules write it, in "
                "English."
            ),
            **also_found_as("prompt rewrite", "prompt expansion", "instruction edit", "edit by text", "llm prompt"),
            inputs=[
                io.String.Input(
                    "instruction",
                    multiline=True,
                    default="move the red circle to the left",
                    tooltip=(
                        "What should change, for example: make the balloon bigger; remove the cup; turn the car blue. "
                        "The rules read English; a language model reads any language it knows."
                    ),
                ),
                io.Image.Input(
                    "image",
                    optional=True,
                    tooltip="The image to edit. The language model looks at it; the rules do not.",
                ),
                VLM.Input(
                    "vlm",
                    optional=True,
                    tooltip=(
                        "A language model that looks at images, from one of the VLM nodes. Without one, the rules "
                        "write the caption."
                    ),
                ),
                io.Combo.Input(
                    "style",
                    options=list(STYLES),
                    default=AUTOMATIC,
                    optional=True,
                    tooltip=(
                        "automatic: staged reasoning if a language model is connected, otherwise rules. staged "
                        "reasoning: the model works out what happens first, next and last, then writes the caption. "
                        "one sentence: shorter and faster. rules: no language model, always the same caption."
                    ),
                ),
                io.Combo.Input(
                    "camera",
                    options=[STILL, MAY_MOVE],
                    default=STILL,
                    optional=True,
                    tooltip=(
                        "still: the caption says that the camera stays still, unless your instruction moves it (zoom, "
                        "pan, orbit). may move: the caption does not mention the camera."
                    ),
                ),
                *advanced(
                    io.Combo.Input(
                        "language",
                        options=[ENGLISH, CHINESE],
                        default=ENGLISH,
                        optional=True,
                        tooltip="Language that the language model writes in. Wan reads both. The rules write English.",
                    ),
                    io.Int.Input(
                        "max_words",
                        default=100,
                        min=20,
                        max=300,
                        optional=True,
                        tooltip=(
                            "Maximum length of a language model's caption. Two Chinese characters count as one word. "
                            "Wan reads about 350 words."
                        ),
                    ),
                    io.String.Input(
                        "guidance",
                        multiline=True,
                        default="",
                        optional=True,
                        tooltip=(
                            "Anything else the language model should know, for example: the cup is made of steel; it "
                            "happens fast."
                        ),
                    ),
                    io.Int.Input(
                        "seed",
                        default=0,
                        min=0,
                        max=2**64 - 1,
                        control_after_generate=False,  # a new seed each time would make every later node run again
                        optional=True,
                        tooltip="Change it to get a different caption, if the language model's temperature is above 0.",
                    ),
                    io.Boolean.Input(
                        "strict",
                        default=False,
                        optional=True,
                        tooltip=(
                            "Off: if the language model fails or writes nothing usable, the rules write the caption "
                            "and the node shows a warning. On: the workflow stops with an error instead."
                        ),
                    ),
                ),
            ],
            outputs=[
                io.String.Output(
                    display_name="caption", tooltip="The prompt for the video model. Connect it to CLIP Text Encode."
                ),
                io.String.Output(display_name="end_state", tooltip="One sentence that describes the finished image."),
                io.String.Output(
                    display_name="reasoning",
                    tooltip="How the caption was written: the language model's reasoning, or the rule that applied.",
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        instruction: str,
        image: torch.Tensor | None = None,
        vlm=None,
        style: str = AUTOMATIC,
        camera: str = STILL,
        language: str = ENGLISH,
        max_words: int = 100,
        guidance: str = "",
        seed: int = 0,
        strict: bool = False,
    ) -> io.NodeOutput:
        show = text_under(cls)
        written = write_caption(
            vlm,
            instruction,
            image,
            style=style,
            camera=camera,
            language=language,
            max_words=max_words,
            guidance=guidance,
            seed=seed,
            strict=strict,
            check_interrupt=comfy.model_management.throw_exception_if_processing_interrupted,
            interruptions=(comfy.model_management.InterruptProcessingException,),  # ComfyUI's encoders raise it
            report=show,
        )
        if written.warning:
            log.warning("Temporal Caption: %s", written.warning)
        # The browser draws no PreviewText under a node of ours. This it keeps, with room for two or three lines.
        show(written.warning or written.caption)
        shown = "\n\n".join(part for part in (written.caption, written.warning) if part)
        return io.NodeOutput(written.caption, written.end_state, written.reasoning, ui=ui.PreviewText(shown))
