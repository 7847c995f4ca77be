"""The edited image is one frame near the end: show the candidates, choose one."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import comfy.model_management
import torch
import torch.nn.functional as F
from comfy_api.latest import io
from PIL import Image

from ..editing.images import as_rgb, parse_frame_numbers, position_of_frame
from ..editing.selection.ask_vlm import ask_for_frame
from ..editing.selection.choose import (
    LANGUAGE_MODEL,
    METHODS,
    SETTLED,
    FrameChoice,
    choose_frame,
    rank_frames,
    videos_in,
)
from ..editing.selection.collage import collage_page, frame_collage, pictures_of, to_tensor
from ..editing.selection.measures import Measures, measure
from ..editing.selection.plot import curves, plot_measures
from ..editing.vlm import LanguageModel
from .filmstrip import Filmstrip, FilmstripPreview
from .inputs import advanced
from .language_models import VLM
from .progress_text import text_under

FRAMES_TOOLTIP = "The video's frames in the order of time, from Decode Keyframes or VAE Decode."
NUMBERS_TOOLTIP = (
    "The frames' numbers in the full video, such as 0, 12, 24, 32: from Decode Keyframes. Empty counts 0, 1, 2, ..."
)
MAX_SIDE = 1536
BEST_MEASURED, SOURCE, STOP = "best measured", "source", "stop"
CURVES = ("change", "motion", "sharpness", "drift")  # that the browser draws
ENCODED_AT_A_TIME = 8  # frames

log = logging.getLogger(__name__)


class NoFrameError(RuntimeError):
    """A language model found no frame that shows the edit, and the person wanted the graph to stop then."""


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
    """The earliest finished frame, measured or asked for (Frame2Frame, 2411.16819), or IF-Edit's late-stage frame."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IFEdit_FrameSelector",
            display_name="Frame Selector",
            category="IF-Edit",
            is_output_node=True,  # a page that was just opened is sent the filmstrip even if nothing had to run
            description=(
                "Takes the edited image out of the video: by default the earliest frame after which nothing changes "
                "any more, because later frames drift. A connected language model can choose instead. To take another "
                "one, click it in the filmstrip; only this node and what follows run again."
            ),
            inputs=[
                io.Image.Input("frames", tooltip=FRAMES_TOOLTIP),
                io.Image.Input(
                    "source",
                    optional=True,
                    tooltip=(
                        "The image before the edit, for the collage, the language model and the drift. Without it the "
                        "first frame takes its place."
                    ),
                ),
                io.String.Input("frame_numbers", default="", tooltip=NUMBERS_TOOLTIP),
                io.Combo.Input(
                    "method",
                    options=list(METHODS),
                    default=METHODS[0],
                    tooltip=(
                        "settled: the earliest frame after which nothing changes, sharpest among its equals. "
                        "sharpest late: the sharpest of the last four frames, as published for IF-Edit. "
                        "last: the last frame. language model: the model in vlm looks at the collage and chooses."
                    ),
                ),
                io.Int.Input(
                    "frame",
                    default=-1,
                    min=-1,
                    max=99999,
                    tooltip="Number of the frame to take, as shown in the collage. -1 lets the method choose.",
                ),
                VLM.Input(
                    "vlm",
                    optional=True,
                    tooltip="A language model from one of the VLM nodes. Only the method language model asks it.",
                ),
                io.String.Input(
                    "instruction",
                    default="",
                    optional=True,
                    tooltip="What should change, for the language model: the same as in Temporal Caption.",
                ),
                io.String.Input(
                    "end_state",
                    default="",
                    optional=True,
                    tooltip="What the finished picture shows, for the language model: from Temporal Caption.",
                ),
                *advanced(
                    io.Combo.Input(
                        "when_none",
                        options=[BEST_MEASURED, SOURCE, STOP],
                        default=BEST_MEASURED,
                        optional=True,
                        tooltip=(
                            "If the language model finds no frame that shows the edit. best measured: the frame that "
                            "settled takes. source: the image before the edit. stop: the graph stops with a message."
                        ),
                    ),
                    io.Int.Input(
                        "candidates",
                        default=3,
                        min=1,
                        max=64,
                        optional=True,
                        tooltip="How many of the best frames the output candidates holds, the chosen one first.",
                    ),
                ),
                io.ClipVision.Input(
                    "clip_vision",
                    optional=True,
                    tooltip=(
                        "From Load CLIP Vision. Helps settled where something moves until the end, such as falling "
                        "snow: then it takes the earliest frame that shows what the last one shows."
                    ),
                ),
            ],
            outputs=[
                io.Image.Output(display_name="image", tooltip="The chosen frame; of several videos, one of each."),
                io.Int.Output(display_name="frame_number", tooltip="Its number in the full video; -1 is the source."),
                io.Image.Output(
                    display_name="collage", tooltip="The source and all frames on one page, the choice marked."
                ),
                io.String.Output(display_name="reason", tooltip="One line that says why this frame."),
                io.Image.Output(
                    display_name="measures",
                    tooltip="A plot over time: what is still to change, motion, sharpness, drift.",
                ),
                io.Image.Output(display_name="candidates", tooltip="The best frames as a batch, the chosen one first."),
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
        numbers = parse_frame_numbers(frame_numbers, len(frames))
        frames = as_rgb(frames, "frames")
        source = None if source is None else as_rgb(source, "source")
        if frame >= 0:
            position_of_frame(frame, numbers)  # names the frames that are there
        show = text_under(cls) if method == LANGUAGE_MODEL and frame < 0 else lambda text: None
        question = _Question(vlm, instruction, end_state, when_none, show)
        videos = videos_in(numbers)
        selected = [
            _select(
                frames[video],
                numbers[video],
                None if source is None else source[place if len(source) == len(videos) else 0][None],
                method,
                frame if frame in numbers[video] else None,
                question,
                clip_vision,
                candidates,
            )
            for place, video in enumerate(videos)
        ]
        reason = "\n".join(
            f"video {place}: {each.choice.reason}" if len(videos) > 1 else each.choice.reason
            for place, each in enumerate(selected, start=1)
        )
        show(reason)  # the browser keeps this
        image = _as_batch([each.image for each in selected])
        first = selected[0]
        shown = Filmstrip(
            numbers=first.measures.numbers,
            pictures=first.pictures,
            curves={name: values for name, values in curves(first.measures).items() if name in CURVES},
            chosen=first.number,
            automatic=first.automatic,
            candidates=[first.measures.numbers[place] for place in first.best],
            reason=reason,
            batch=len(videos),
        )
        return io.NodeOutput(
            image,
            first.number,
            _as_batch([to_tensor(each.page) for each in selected]),
            reason,
            torch.cat([each.plot for each in selected]),
            _as_batch([each.frames[each.best] for each in selected]),
            ui=FilmstripPreview(image, shown, cls),
        )


@dataclass(frozen=True)
class _Question:
    """What the language model is asked, and what happens if it finds nothing."""

    vlm: LanguageModel | None
    instruction: str
    end_state: str
    when_none: str
    show: Callable[[str], None]


@dataclass(frozen=True)
class _Selected:
    """What came out for one video. automatic: the number that is taken where no hand has typed one."""

    frames: torch.Tensor
    pictures: list[Image.Image]
    measures: Measures
    choice: FrameChoice
    number: int
    automatic: int
    best: list[int]
    image: torch.Tensor
    page: Image.Image
    plot: torch.Tensor


def _select(
    frames: torch.Tensor,
    numbers: list[int],
    source: torch.Tensor | None,
    method: str,
    frame: int | None,
    question: _Question,
    clip_vision,
    candidates: int,
) -> _Selected:
    """One video: frames [N, H, W, 3], source [1, h, w, 3]."""
    measures = measure(frames, numbers, source, None if clip_vision is None else _embeddings(clip_vision, frames))
    pictures = pictures_of(frames)
    before = pictures[0] if source is None else pictures_of(source)[0]
    measured = choose_frame(measures, SETTLED if method == LANGUAGE_MODEL else method)
    if frame is not None:
        choice, automatic = choose_frame(measures, frame=frame), measured  # no question for what is known
    elif method == LANGUAGE_MODEL:
        choice = automatic = _asked(question, before, pictures, numbers, measured)
    else:
        choice = automatic = measured
    number, automatic_number = (-1 if one.position is None else numbers[one.position] for one in (choice, automatic))
    leading = [one.position for one in (choice, automatic, measured) if one.position is not None]
    best = rank_frames(measures, candidates, leading)
    marked = number if number >= 0 else None
    image = frames[choice.position][None] if choice.position is not None else frames[:1] if source is None else source
    return _Selected(
        frames,
        pictures,
        measures,
        choice,
        number,
        automatic_number,
        best,
        image,
        collage_page(before, pictures, numbers, max_side=MAX_SIDE, chosen=marked),
        plot_measures(measures, marked, [numbers[place] for place in best]),
    )


def _asked(
    question: _Question, source: Image.Image, pictures: list[Image.Image], numbers: list[int], measured: FrameChoice
) -> FrameChoice:
    """The language model's choice, or the measured one with a warning."""
    if question.vlm is None:
        return _warned("The method language model needs one: connect one of the VLM nodes to vlm.", measured)
    if not question.instruction.strip() and not question.end_state.strip():
        return _warned(
            "The language model has to know the edit: fill in instruction, or connect end_state of Temporal Caption.",
            measured,
        )
    name = question.vlm.name
    asked = ask_for_frame(
        question.vlm,
        source,
        pictures,
        numbers,
        question.instruction,
        question.end_state,
        check_interrupt=comfy.model_management.throw_exception_if_processing_interrupted,
        interruptions=(comfy.model_management.InterruptProcessingException,),
        report=question.show,
    )
    if asked.problem:
        return _warned(asked.problem, measured)
    said = f" It said: {asked.said}" if asked.said else ""
    if asked.position is not None:
        if asked.note:
            log.warning("Frame Selector: %s", asked.note)
        note = f" {asked.note}" if asked.note else ""
        return FrameChoice(asked.position, f"frame {numbers[asked.position]}: chosen by {name}.{said}{note}")
    nothing = f"{name} found no frame that shows the edit.{said}"
    if question.when_none == STOP:
        raise NoFrameError(
            f"Frame Selector: {nothing} Try another seed, or say in the instruction what the picture shows in the end. "
            f"To go on in such a case, set when_none to {BEST_MEASURED} or {SOURCE}, or type a number into frame."
        )
    if question.when_none == SOURCE:
        return FrameChoice(None, f"source: {nothing}")
    log.warning("Frame Selector: %s The best measured frame was taken.", nothing)
    return FrameChoice(measured.position, f"{measured.reason}. {nothing}")


def _warned(problem: str, measured: FrameChoice) -> FrameChoice:
    warning = f"{problem} The frame was chosen by measurement instead."
    log.warning("Frame Selector: %s", warning)
    return FrameChoice(measured.position, f"{measured.reason}. {warning}")


def _embeddings(clip_vision, frames: torch.Tensor) -> torch.Tensor:
    """What the encoder sees in each frame [N, H, W, 3]: [N, D]. The whole picture is looked at, not its middle."""
    seen = []
    for some in frames.split(ENCODED_AT_A_TIME):
        comfy.model_management.throw_exception_if_processing_interrupted()
        seen.append(clip_vision.encode_image(some, crop=False)["image_embeds"].float().cpu())
    return torch.cat(seen)


def _as_batch(images: list[torch.Tensor]) -> torch.Tensor:
    """Images [N, H, W, 3] of several videos as one batch; what has another size than the first is scaled to it."""
    size = images[0].shape[1:3]
    alike = [
        one
        if one.shape[1:3] == size
        else F.interpolate(one.movedim(-1, 1), size, mode="bilinear", antialias=True).movedim(1, -1)
        for one in images
    ]
    return torch.cat(alike)
