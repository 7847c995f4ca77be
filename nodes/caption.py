"""The instruction becomes a text that a video model can act on."""

from __future__ import annotations

import torch
from comfy_api.latest import io

from ..editing.captions import temporal_caption


class TemporalCaption(io.ComfyNode):
    """IF-Edit, arXiv 2511.19435, temporal caption: written by rules, without a language model."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IFEdit_TemporalCaption",
            display_name="Temporal Caption",
            category="IF-Edit",
            description=(
                "Rewrites an edit instruction as something that happens in a video: what changes step by step, what "
                "stays, and that the camera stays still unless the edit moves it. Connect the caption to CLIP Text "
                "Encode. Works by rules for English; what it does not understand it passes on as it is."
            ),
            inputs=[
                io.String.Input(
                    "instruction",
                    multiline=True,
                    default="move the red circle to the left",
                    tooltip=(
                        "What should change, in plain English. "
                        "Examples: make the balloon bigger; remove the cup; turn the car blue."
                    ),
                ),
                io.Image.Input(
                    "image",
                    optional=True,
                    tooltip=(
                        "The image to edit. The rules do not look at it; captions written by a language model will."
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
            ],
        )

    @classmethod
    def execute(cls, instruction: str, image: torch.Tensor | None = None) -> io.NodeOutput:
        caption = temporal_caption(instruction)
        return io.NodeOutput(caption.caption, caption.end_state)
