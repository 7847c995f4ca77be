"""The edit beside the photo: one picture with a slider between before and after."""

from __future__ import annotations

import torch
from comfy_api.latest import io, ui

from .search_words import also_found_as


class CompareImages(io.ComfyNode):
    """Photo and edit in one picture, with a slider between them."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IFEdit_CompareImages",
            display_name="Before and After",
            category="IF-Edit",
            description="Shows the photo and its edit in one picture, with a slider between them. Nothing is saved.",
            is_output_node=True,
            **also_found_as("compare images", "image slider", "before after", "side by side", "difference"),
            inputs=[
                io.Image.Input("before", tooltip="The original photo. One photo serves several edits."),
                io.Image.Input(
                    "after", tooltip="The edited image. It may have another size, it is shown equally large."
                ),
            ],
            outputs=[],
        )

    @classmethod
    def execute(cls, before: torch.Tensor, after: torch.Tensor) -> io.NodeOutput:
        if len(before) != len(after) and 1 not in (len(before), len(after)):
            raise ValueError(
                f"{len(before)} images before and {len(after)} after. Connect the same number, or one for all others."
            )
        return io.NodeOutput(ui=ComparisonPreview(before, after, cls))


class ComparisonPreview(ui.PreviewImage):
    """What ui.PreviewImage shows of the images after, and the images before beside them for the slider.

    The browser's results, ComfyUI's app mode and its history know only the former. The latter are saved in the same
    way, in ComfyUI's folder for temporary files.
    """

    def __init__(self, before: torch.Tensor, after: torch.Tensor, cls: type[io.ComfyNode]):
        super().__init__(after, cls=cls)
        self.before = ui.PreviewImage(before, cls=cls).values

    def as_dict(self) -> dict:
        return super().as_dict() | {"if_edit_comparison": [{"before": self.before, "after": self.values}]}
