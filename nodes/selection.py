"""The edited image is one frame near the end: show the candidates, choose one."""

from __future__ import annotations

import torch
from comfy_api.latest import io, ui

from ..editing.collage import frame_collage
from ..editing.images import as_rgb, parse_frame_numbers
from ..editing.selection import METHODS, choose_frame

FRAMES_TOOLTIP = "The video's frames in the order of time, from Decode Keyframes or VAE Decode."
NUMBERS_TOOLTIP = (
    "The frames' numbers in the full video, such as 0, 12, 24, 32: from Decode Keyframes. Empty counts 0, 1, 2, ..."
)
MAX_SIDE = 1536


class FrameCollage(io.ComfyNode):
    """Frame2Frame, arXiv 2411.16819, section 3.3: the source on top, numbered frames below."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IFEdit_FrameCollage",
            display_name="Frame Collage",
            category="IF-Edit",
            description=(
                "Puts the source and all frames of the video on one page, with their numbers. "
                "Good for choosing a frame and for showing an edit."
            ),
            inputs=[
                io.Image.Input(
                    "source", tooltip="The image before the edit, shown on top. Of a batch, the first one is shown."
                ),
                io.Image.Input("frames", tooltip=FRAMES_TOOLTIP),
                io.String.Input("frame_numbers", default="", tooltip=NUMBERS_TOOLTIP),
                io.Int.Input(
                    "columns",
                    default=0,
                    min=0,
                    max=64,
                    tooltip="Frames beside each other. 0 takes what makes the pictures largest.",
                ),
                io.Int.Input(
                    "max_side", default=MAX_SIDE, min=128, max=8192, tooltip="Longest side of the page in pixels."
                ),
                io.Int.Input(
                    "chosen",
                    default=-1,
                    min=-1,
                    max=99999,
                    tooltip="Number of the frame to mark and to show beside the source. -1 marks none.",
                ),
            ],
            outputs=[io.Image.Output(display_name="collage", tooltip="The page, as one image.")],
        )

    @classmethod
    def execute(
        cls, source: torch.Tensor, frames: torch.Tensor, frame_numbers: str, columns: int, max_side: int, chosen: int
    ) -> io.NodeOutput:
        numbers = parse_frame_numbers(frame_numbers, len(frames))
        return io.NodeOutput(frame_collage(source, frames, numbers, columns, max_side, chosen if chosen >= 0 else None))


class FrameSelector(io.ComfyNode):
    """The earliest finished frame, measured (as Frame2Frame asks for), or IF-Edit's late-stage frame (2511.19435)."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IFEdit_FrameSelector",
            display_name="Frame Selector",
            category="IF-Edit",
            description=(
                "Takes the edited image out of the video: by default the earliest frame after which nothing changes "
                "any more, because later frames drift. Look at the collage and type a number into frame to take "
                "another one; only this node and what follows run again."
            ),
            inputs=[
                io.Image.Input("frames", tooltip=FRAMES_TOOLTIP),
                io.Image.Input(
                    "source",
                    optional=True,
                    tooltip="The image before the edit, for the collage. Without it the first frame takes its place.",
                ),
                io.String.Input("frame_numbers", default="", tooltip=NUMBERS_TOOLTIP),
                io.Combo.Input(
                    "method",
                    options=list(METHODS),
                    default=METHODS[0],
                    tooltip=(
                        "settled: the earliest frame after which nothing changes, sharpest among its equals. "
                        "sharpest late: the sharpest of the last four frames, as published for IF-Edit. "
                        "last: the last frame."
                    ),
                ),
                io.Int.Input(
                    "frame",
                    default=-1,
                    min=-1,
                    max=99999,
                    tooltip="Number of the frame to take, as shown in the collage. -1 lets the method choose.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="image", tooltip="The chosen frame."),
                io.Int.Output(display_name="frame_number", tooltip="Its number in the full video."),
                io.Image.Output(
                    display_name="collage", tooltip="The source and all frames on one page, the choice marked."
                ),
                io.String.Output(display_name="reason", tooltip="One line that says why this frame."),
            ],
            hidden=[io.Hidden.prompt, io.Hidden.extra_pnginfo],
        )

    @classmethod
    def execute(
        cls,
        frames: torch.Tensor,
        frame_numbers: str,
        method: str,
        frame: int,
        source: torch.Tensor | None = None,
    ) -> io.NodeOutput:
        numbers = parse_frame_numbers(frame_numbers, len(frames))
        choice = choose_frame(frames, numbers, method, frame if frame >= 0 else None)
        image = as_rgb(frames[choice.position : choice.position + 1], "frames")
        number = numbers[choice.position]
        collage = frame_collage(
            frames[:1] if source is None else source, frames, numbers, max_side=MAX_SIDE, chosen=number
        )
        return io.NodeOutput(image, number, collage, choice.reason, ui=ui.PreviewImage(image, cls=cls))
