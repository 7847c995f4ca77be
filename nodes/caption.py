"""The instruction becomes a text that a video model can act on."""

from __future__ import annotations

import logging

import comfy.model_management
import torch
from comfy_api.latest import io, ui

from ..editing.captions.prompts import CHINESE, ENGLISH, MAY_MOVE, ONE_SENTENCE, STAGED, STILL
from ..editing.captions.writer import WrittenCaption, by_rules, write_caption
from .inputs import advanced
from .language_models import VLM
from .progress import text_under

AUTOMATIC, RULES = "automatic", "rules"
STYLES = (AUTOMATIC, STAGED, ONE_SENTENCE, RULES)

log = logging.getLogger(__name__)


class TemporalCaption(io.ComfyNode):
    """Temporal captions of IF-Edit, arXiv 2511.19435 (staged), and Frame2Frame, arXiv 2411.16819 (one sentence)."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IFEdit_TemporalCaption",
            display_name="Temporal Caption",
            category="IF-Edit",
            description=(
                "Rewrites an edit instruction as something that happens in a video: what changes step by step, what "
                "stays, and that the camera stays still unless the edit moves it. Connect the caption to CLIP Text "
                "Encode. A connected language model looks at the image and writes the caption; without one it is "
                "written by rules, for English."
            ),
            inputs=[
                io.String.Input(
                    "instruction",
                    multiline=True,
                    default="move the red circle to the left",
                    tooltip=(
                        "What should change, in plain English (a language model understands its own languages). "
                        "Examples: make the balloon bigger; remove the cup; turn the car blue."
                    ),
                ),
                io.Image.Input(
                    "image",
                    optional=True,
                    tooltip="The image to edit. A language model looks at it; the rules do not.",
                ),
                VLM.Input(
                    "vlm",
                    optional=True,
                    tooltip="A language model from one of the VLM nodes. Without it the caption is written by rules.",
                ),
                io.Combo.Input(
                    "style",
                    options=list(STYLES),
                    default=AUTOMATIC,
                    optional=True,
                    tooltip=(
                        "automatic: staged reasoning if a language model is connected, else rules. staged reasoning: "
                        "the model thinks through what happens first, then and finally. one sentence: shorter and "
                        "faster. rules: no language model, and the same caption every time."
                    ),
                ),
                io.Combo.Input(
                    "camera",
                    options=[STILL, MAY_MOVE],
                    default=STILL,
                    optional=True,
                    tooltip=(
                        "still: the caption says that the camera stays still, unless the instruction itself moves it "
                        "(zoom, pan, orbit). may move: nothing is said about it."
                    ),
                ),
                *advanced(
                    io.Combo.Input(
                        "language",
                        options=[ENGLISH, CHINESE],
                        default=ENGLISH,
                        optional=True,
                        tooltip="Language of a caption by a language model; Wan reads both. The rules write English.",
                    ),
                    io.Int.Input(
                        "max_words",
                        default=100,
                        min=20,
                        max=300,
                        optional=True,
                        tooltip=(
                            "Longest caption of a language model, in words; two Chinese characters count as one. Wan "
                            "reads about 350."
                        ),
                    ),
                    io.String.Input(
                        "guidance",
                        multiline=True,
                        default="",
                        optional=True,
                        tooltip=(
                            "What else the language model should consider, such as: the cup is made of steel; it "
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
                        tooltip="Another seed makes a language model with a temperature above 0 write another caption.",
                    ),
                    io.Boolean.Input(
                        "strict",
                        default=False,
                        optional=True,
                        tooltip=(
                            "Off: if the language model cannot be reached or writes nothing usable, the rules write "
                            "the caption, and the node says so. On: that stops the graph."
                        ),
                    ),
                ),
            ],
            outputs=[
                io.String.Output(
                    display_name="caption", tooltip="The text for the video model: connect it to CLIP Text Encode."
                ),
                io.String.Output(
                    display_name="end_state", tooltip="One sentence that says what the finished picture shows."
                ),
                io.String.Output(
                    display_name="reasoning",
                    tooltip="How the caption came about: the language model's stages and thoughts, or the rule.",
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
        if style == RULES or (style == AUTOMATIC and vlm is None):
            written = by_rules(instruction, camera)
        elif vlm is None:
            written = cls._without_model(by_rules(instruction, camera), style, strict)
        else:
            written = write_caption(
                vlm,
                instruction,
                image,
                style=STAGED if style == AUTOMATIC else style,
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

    @staticmethod
    def _without_model(ruled: WrittenCaption, style: str, strict: bool) -> WrittenCaption:
        missing = f'The style "{style}" needs a language model: connect one of the VLM nodes to vlm.'
        if strict:
            raise ValueError(f"{missing} Or choose the style {RULES}, or switch strict off.")
        warning = f"{missing} The rules wrote this caption instead."
        return WrittenCaption(ruled.caption, ruled.end_state, f"{warning}\n\n{ruled.reasoning}", warning)
