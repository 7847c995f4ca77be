"""The edited image out of the frames of a video: measure them, choose one, and show why."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import torch
from PIL import Image

from ..images import as_rgb, join_batches, parse_frame_numbers, position_of_frame, split_videos
from ..vlm import LanguageModel
from .ask_vlm import ask_for_frame
from .choose import LANGUAGE_MODEL, SETTLED, FrameChoice, choose_frame, rank_frames
from .collage import collage_page, pictures_of, to_tensor
from .measures import Measures, measure_frames
from .plot import plot_measures

BEST_MEASURED, SOURCE, STOP = "best measured", "source", "stop"  # if a language model finds no frame
WHEN_NONE = (BEST_MEASURED, SOURCE, STOP)
COLLAGE_SIDE = 1536  # pixels
EMBEDDED_AT_A_TIME = 8  # frames

log = logging.getLogger(__name__)

Embed = Callable[[torch.Tensor], torch.Tensor]  # frames [N, H, W, 3] -> embeddings [N, D]


class NoFrameError(RuntimeError):
    """A language model found no frame that shows the edit, and the user wanted to stop in that case."""


@dataclass(frozen=True)
class Question:
    """What a language model is asked, and what happens if it finds nothing.

    instruction, end_state: what is edited, and what the finished image shows; one of them is enough. when_none: see
    `WHEN_NONE`. check_interrupt: called while the model writes; what it raises is passed on, and so are
    `interruptions`. report: told what is going on.
    """

    model: LanguageModel | None = None
    instruction: str = ""
    end_state: str = ""
    when_none: str = BEST_MEASURED
    check_interrupt: Callable[[], None] = lambda: None
    interruptions: tuple[type[BaseException], ...] = ()
    report: Callable[[str], None] = lambda text: None


@dataclass(frozen=True)
class SelectedFrame:
    """The frame chosen from one video.

    image: [1, H, W, 3], the chosen frame. number: its number in the full video, -1 for the source. automatic: the
    number that is chosen when the user names none. reason: why, in one line. best: indices of the best frames, the
    chosen one first. pictures: the frames as Pillow has them. collage: the source and all frames, the choice marked.
    plot: [1, h, w, 3], the measures over time. candidates: [n, H, W, 3], the best frames.
    """

    image: torch.Tensor
    number: int
    automatic: int
    reason: str
    best: list[int]
    measures: Measures
    pictures: list[Image.Image]
    collage: Image.Image
    plot: torch.Tensor
    candidates: torch.Tensor


@dataclass(frozen=True)
class Selection:
    """The frames chosen from V videos.

    videos: one entry for each. images: [V, H, W, 3]. reason: a line for each video. collages [V, ...], plots [V, ...]
    and candidates [n, H, W, 3] are those of all videos, scaled to the size of the first.
    """

    videos: list[SelectedFrame]
    images: torch.Tensor
    reason: str
    collages: torch.Tensor
    plots: torch.Tensor
    candidates: torch.Tensor


def select_frames(
    frames: torch.Tensor,
    frame_numbers: str = "",
    source: torch.Tensor | None = None,
    method: str = SETTLED,
    frame: int = -1,
    candidates: int = 3,
    question: Question = Question(),
    embed: Embed | None = None,
    on_step: Callable[[int, int], None] = lambda done, steps: None,
) -> Selection:
    """Choose a frame of each video in a batch.

    Args:
        frames: [N, H, W, C], 0..1, in the order of time, one video after the other.
        frame_numbers: their numbers in the full video, such as "0, 12, 24"; empty counts 0, 1, 2, ... Videos are told
            apart by them (see `images.split_videos`).
        source: [B, h, w, C], 0..1, the image before the edit, one for all videos or one for each; the first frame
            takes its place if it is None.
        method: one of `choose.METHODS`.
        frame: number of the frame to take from each video that has it, whatever the method; -1 lets the method choose.
        candidates: how many of the best frames to return for each video.
        question: for the method `LANGUAGE_MODEL`. Where the model gives no usable answer, the measures decide.
        embed: an image encoder such as CLIP, for a few frames at a time; see `choose.choose_frame`.
        on_step: told how many of how many steps are done. A frame is a step for each of those that look at it: the
            measures, the image encoder, the language model. What it raises is passed on.

    Raises:
        ValueError: for broken images or frame numbers, an unknown method, and a frame that is not there.
        NoFrameError: if the language model finds no frame and `question.when_none` is `STOP`.
    """
    numbers = parse_frame_numbers(frame_numbers, len(frames))
    frames = as_rgb(frames, "frames")
    source = None if source is None else as_rgb(source, "source")
    if frame >= 0:
        position_of_frame(frame, sorted(set(numbers)))  # its error names the frames that are there
    videos = split_videos(numbers)
    done, steps = 0, len(frames) * (1 + (embed is not None) + (method == LANGUAGE_MODEL))

    def advance(by: int) -> None:
        nonlocal done
        done += by
        on_step(done, steps)

    advance(0)
    selected = []
    for place, video in enumerate(videos):
        before = None if source is None else source[place if len(source) == len(videos) else 0][None]
        by_hand = frame if frame in numbers[video] else None
        selected.append(
            select_frame(frames[video], numbers[video], before, method, by_hand, candidates, question, embed, advance)
        )
    return Selection(
        videos=selected,
        images=join_batches([one.image for one in selected]),
        reason="\n".join(
            f"video {place}: {one.reason}" if len(videos) > 1 else one.reason
            for place, one in enumerate(selected, start=1)
        ),
        collages=join_batches([to_tensor(one.collage) for one in selected]),
        plots=torch.cat([one.plot for one in selected]),
        candidates=join_batches([one.candidates for one in selected]),
    )


def select_frame(
    frames: torch.Tensor,
    numbers: list[int],
    source: torch.Tensor | None = None,
    method: str = SETTLED,
    frame: int | None = None,
    candidates: int = 3,
    question: Question = Question(),
    embed: Embed | None = None,
    advance: Callable[[int], None] = lambda by: None,
) -> SelectedFrame:
    """Choose a frame of one video: `select_frames` with frames [N, H, W, 3] and source [1, h, w, 3] as `as_rgb` gives
    them, with None for no frame by hand, and with `advance`, which is told how many more steps are done.
    """
    embeddings = None if embed is None else _embed_frames(embed, frames, advance)
    measures = measure_frames(frames, numbers, source, embeddings, lambda: advance(1))
    pictures = pictures_of(frames)
    before = pictures[0] if source is None else pictures_of(source)[0]
    measured = choose_frame(measures, SETTLED if method == LANGUAGE_MODEL else method)
    choice = automatic = measured
    if frame is not None:
        choice = choose_frame(measures, frame=frame)  # a language model is not asked for what is known
    elif method == LANGUAGE_MODEL:
        choice = automatic = _ask_language_model(question, before, pictures, numbers, measured)
    if method == LANGUAGE_MODEL:
        advance(len(frames))
    leading = [one.position for one in (choice, automatic, measured) if one.position is not None]
    best = rank_frames(measures, candidates, leading)
    if choice.position is not None:
        image, marked = frames[choice.position][None], numbers[choice.position]
    else:
        image, marked = frames[:1] if source is None else source, None
    return SelectedFrame(
        image=image,
        number=_number_of(choice, numbers),
        automatic=_number_of(automatic, numbers),
        reason=choice.reason,
        best=best,
        measures=measures,
        pictures=pictures,
        collage=collage_page(before, pictures, numbers, max_side=COLLAGE_SIDE, chosen=marked),
        plot=plot_measures(measures, marked, [numbers[place] for place in best]),
        candidates=frames[best],
    )


def _embed_frames(embed: Embed, frames: torch.Tensor, advance: Callable[[int], None]) -> torch.Tensor:
    """The embeddings [N, D] of frames [N, H, W, 3]"""
    embeddings = []
    for some in frames.split(EMBEDDED_AT_A_TIME):
        embeddings.append(embed(some))
        advance(len(some))
    return torch.cat(embeddings)


def _number_of(choice: FrameChoice, numbers: list[int]) -> int:
    return -1 if choice.position is None else numbers[choice.position]


def _ask_language_model(
    question: Question, source: Image.Image, pictures: list[Image.Image], numbers: list[int], measured: FrameChoice
) -> FrameChoice:
    """The language model's choice, or the measured one with a warning."""
    if question.model is None:
        return _fall_back("The method language model needs one: connect one of the VLM nodes to vlm.", measured)
    if not question.instruction.strip() and not question.end_state.strip():
        return _fall_back(
            "The language model has to know the edit: fill in instruction, or connect end_state of Temporal Caption.",
            measured,
        )
    name = question.model.name
    asked = ask_for_frame(
        question.model,
        source,
        pictures,
        numbers,
        question.instruction,
        question.end_state,
        check_interrupt=question.check_interrupt,
        interruptions=question.interruptions,
        report=question.report,
    )
    if asked.problem:
        return _fall_back(asked.problem, measured)
    said = f" It said: {asked.said}" if asked.said else ""
    if asked.position is not None:
        if asked.note:
            log.warning("Frame Selector: %s", asked.note)
        note = f" {asked.note}" if asked.note else ""
        return FrameChoice(asked.position, f"frame {numbers[asked.position]}: chosen by {name}.{said}{note}")
    nothing = f"{name} found no frame that shows the edit.{said}"
    if question.when_none == STOP:
        raise NoFrameError(
            f"Frame Selector: {nothing} Try another seed, or describe the finished image in the instruction. To go on "
            f"anyway, set when_none to {BEST_MEASURED} or {SOURCE}, or type a number into frame."
        )
    if question.when_none == SOURCE:
        return FrameChoice(None, f"source: {nothing}")
    log.warning("Frame Selector: %s The best measured frame was taken.", nothing)
    return FrameChoice(measured.position, f"{measured.reason}. {nothing}")


def _fall_back(problem: str, measured: FrameChoice) -> FrameChoice:
    warning = f"{problem} The frame was chosen by measurement instead."
    log.warning("Frame Selector: %s", warning)
    return FrameChoice(measured.position, f"{measured.reason}. {warning}")
