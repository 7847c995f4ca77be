"""The edited image is one frame near the end: show the candidates, choose one."""

from __future__ import annotations

from collections.abc import Callable

import comfy.model_management
import torch
from comfy_api.latest import io

from ..editing.images import join_batches, parse_frame_numbers, split_videos
from ..editing.selection.choose import LANGUAGE_MODEL, SELECTION_METHODS
from ..editing.selection.collage import frame_collage
from ..editing.selection.select import BEST_MEASURED, COLLAGE_SIDE, WHEN_NONE, Question, select_frames
from .inputs import advanced
from .language_models import VLM
from .progress import FilmstripPreview, progress_bar, text_under
from .search_words import also_found_as

FRAMES_TOOLTIP = "The frames of the video in order, from Decode Keyframes or VAE Decode."
NUMBERS_TOOLTIP = (
    "The number of each frame in the full video, such as 0, 12, 24, 32. Connect frame_numbers of Decode Keyframes. "
    "If empty, frames are counted from 0."
)


class FrameCollage(io.ComfyNode):
    """Frame2Frame, arXiv 2411.16819, section 3.3: the source on top, numbered frames below."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IFEdit_FrameCollage",
            display_name="Frame Collage (Contact Sheet)",
            category="IF-Edit",
            description=(
                "Puts the source and all frames of the video on one page, each with its number. Use it to choose a "
                "frame, or to show how an edit came about."
            ),
            **also_found_as("image grid", "storyboard", "montage"),
            inputs=[
                io.Image.Input(
                    "source", tooltip="The image before the edit, shown at the top. Of a batch, the first is shown."
                ),
                io.Image.Input("frames", tooltip=FRAMES_TOOLTIP),
                io.String.Input("frame_numbers", default="", tooltip=NUMBERS_TOOLTIP),
                io.Int.Input(
                    "max_side",
                    default=COLLAGE_SIDE,
                    min=128,
                    max=8192,
                    tooltip="Maximum width and height of the page, in pixels.",
                ),
                io.Int.Input(
                    "chosen",
                    default=-1,
                    min=-1,
                    max=99999,
                    tooltip=(
                        "Number of the frame to highlight and show next to the source. -1 highlights none. Connect "
                        "frame_number of Frame Selector. Of several videos, it is the first one's."
                    ),
                ),
            ],
            outputs=[
                io.Image.Output(display_name="collage", tooltip="The page, as one image. Of several videos, one each.")
            ],
        )

    @classmethod
    def execute(
        cls, source: torch.Tensor, frames: torch.Tensor, frame_numbers: str, max_side: int, chosen: int
    ) -> io.NodeOutput:
        numbers = parse_frame_numbers(frame_numbers, len(frames))
        videos = split_videos(numbers)
        pages = []
        for place, video in enumerate(videos):
            own = place if len(source) == len(videos) else 0
            marked = chosen if chosen >= 0 and place == 0 else None
            pages.append(frame_collage(source[own : own + 1], frames[video], numbers[video], max_side, marked))
        return io.NodeOutput(join_batches(pages))


class FrameSelector(io.ComfyNode):
    """The earliest finished frame, measured or asked for (Frame2Frame, 2411.16819), or IF-Edit's late-stage frame."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IFEdit_FrameSelector",
            display_name="Frame Selector",
            category="IF-Edit",
            is_output_node=True,  # a page that was just opened is sent the filmstrip even if nothing had to run
            description=(
                "Picks the edited image from the video. By default it is the earliest frame after which nothing "
                "changes, because later frames drift. A connected language model can choose instead, or you can: "
                "click a frame in the filmstrip and run again. Only this node and those after it rerun."
            ),
            **also_found_as(
                "best frame", "pick frame", "choose frame", "extract frame", "frame picker", "image chooser"
            ),
            inputs=[
                io.Image.Input("frames", tooltip=FRAMES_TOOLTIP),
                io.Image.Input(
                    "source",
                    optional=True,
                    tooltip=(
                        "The image before the edit. The collage shows it, the language model compares with it, and "
                        "drift is measured against it. If not connected, the first frame is used."
                    ),
                ),
                io.String.Input("frame_numbers", default="", tooltip=NUMBERS_TOOLTIP),
                io.Combo.Input(
                    "method",
                    options=list(SELECTION_METHODS),
                    default=SELECTION_METHODS[0],
                    tooltip=(
                        "settled: the earliest frame after which nothing changes; among equivalent frames, the "
                        "sharpest. sharpest late: the sharpest of the last four frames, as in the IF-Edit paper. "
                        "last: the last frame. language model: the model connected to vlm chooses from the collage."
                    ),
                ),
                io.Int.Input(
                    "frame",
                    default=-1,
                    min=-1,
                    max=99999,
                    tooltip=(
                        "Number of the frame to use. It overrides the method. -1 lets the method choose. Of several "
                        "videos, the same frame of each."
                    ),
                ),
                VLM.Input(
                    "vlm",
                    optional=True,
                    tooltip="A language model from one of the VLM nodes. Used only by the method 'language model'.",
                ),
                io.String.Input(
                    "instruction",
                    default="",
                    optional=True,
                    tooltip="For the language model: what should change, as in Temporal Caption.",
                ),
                io.String.Input(
                    "end_state",
                    default="",
                    optional=True,
                    tooltip="For the language model: what the finished image shows. Connect it to Temporal Caption.",
                ),
                *advanced(
                    io.Combo.Input(
                        "when_none",
                        options=list(WHEN_NONE),
                        default=BEST_MEASURED,
                        optional=True,
                        tooltip=(
                            "What to do if the language model says that no frame shows the edit. best measured: use "
                            "the frame that 'settled' would choose. source: return the image before the edit. stop: "
                            "stop the workflow with an error."
                        ),
                    ),
                    io.Int.Input(
                        "candidates",
                        default=3,
                        min=1,
                        max=64,
                        optional=True,
                        tooltip="Number of frames in the candidates output.",
                    ),
                ),
                io.ClipVision.Input(
                    "clip_vision",
                    optional=True,
                    tooltip=(
                        "From Load CLIP Vision. Helps 'settled' if something keeps moving, such as falling snow: it "
                        "then chooses the earliest frame with the same content as the last one."
                    ),
                ),
            ],
            outputs=[
                io.Image.Output(display_name="image", tooltip="The chosen frame. Of several videos, one from each."),
                io.Int.Output(
                    display_name="frame_number",
                    tooltip="The number of the chosen frame in the full video. -1 means the source.",
                ),
                io.Image.Output(
                    display_name="collage",
                    tooltip="The source and all frames on one page, with the chosen one highlighted.",
                ),
                io.String.Output(display_name="reason", tooltip="Why this frame was chosen, in one line."),
                io.Image.Output(
                    display_name="measures",
                    tooltip=(
                        "Curves over time: how much is still to change, motion, sharpness, and drift (what should "
                        "stay but moved or changed its color)."
                    ),
                ),
                io.Image.Output(
                    display_name="candidates", tooltip="The best frames as a batch, starting with the chosen one."
                ),
            ],
            hidden=[io.Hidden.prompt, io.Hidden.extra_pnginfo, io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        frames: torch.Tensor,
        frame_numbers: str,
        method: str,
        frame: int,
        source: torch.Tensor | None = None,
        vlm=None,
        instruction: str = "",
        end_state: str = "",
        when_none: str = BEST_MEASURED,
        candidates: int = 3,
        clip_vision=None,
    ) -> io.NodeOutput:
        show = text_under(cls) if method == LANGUAGE_MODEL and frame < 0 else lambda text: None
        question = Question(
            vlm,
            instruction,
            end_state,
            when_none,
            check_interrupt=comfy.model_management.throw_exception_if_processing_interrupted,
            interruptions=(comfy.model_management.InterruptProcessingException,),  # ComfyUI's encoders raise it
            report=show,
        )
        embed = None if clip_vision is None else _embed_with(clip_vision)
        selection = select_frames(
            frames, frame_numbers, source, method, frame, candidates, question, embed, on_step=progress_bar()
        )
        show(selection.reason)  # the browser keeps this
        return io.NodeOutput(
            selection.images,
            selection.videos[0].number,
            selection.collages,
            selection.reason,
            selection.plots,
            selection.candidates,
            ui=FilmstripPreview(selection, cls),
        )


def _embed_with(clip_vision) -> Callable[[torch.Tensor], torch.Tensor]:
    """A function that gives the embeddings [N, D] of frames [N, H, W, 3], which the encoder sees whole, not cropped."""

    def embed(frames: torch.Tensor) -> torch.Tensor:
        return clip_vision.encode_image(frames, crop=False)["image_embeds"].float().cpu()

    return embed
