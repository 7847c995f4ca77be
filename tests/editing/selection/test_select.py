"""Choosing the edited image needs no ComfyUI: what it would bring comes in as functions."""

import re

import pytest
import torch
from if_edit.editing.selection.choose import LANGUAGE_MODEL
from if_edit.editing.selection.select import Question, select_frame, select_frames
from if_edit.tests.support.clips import moving_ball
from if_edit.tests.support.scripted_vlm import Scripted

KEYFRAMES = [0, 12, 24, 32]


class Interrupted(Exception):
    pass


@pytest.fixture(scope="module")
def clip():
    """Of a ball that comes to rest at frame 20."""
    return moving_ball(settles=20)[KEYFRAMES]


def test_one_video_gives_the_chosen_frame_and_what_shows_why(clip):
    chosen = select_frame(clip, KEYFRAMES)
    assert chosen.number == chosen.automatic == 24 and torch.equal(chosen.image, clip[2:3])
    assert chosen.reason.startswith("frame 24: ") and chosen.best[0] == 2
    assert torch.equal(chosen.candidates, clip[chosen.best]) and len(chosen.pictures) == 4
    assert max(chosen.collage.size) <= 1536 and chosen.plot.shape[2:] == (1024, 3)


def test_the_reason_says_how_sharp_the_frame_is_among_the_others(clip):
    blurred, grainy = clip.clone(), clip.clone()
    blurred[[0, 1, 3]] = blurred[[0, 1, 3]] * 0.9 + 0.05
    grainy[0] = (grainy[0] + 0.1 * torch.rand(grainy[0].shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    assert select_frame(blurred, KEYFRAMES).reason.endswith("(sharpest of all)")
    assert re.search(r"\(\d\d? % as sharp as the sharpest\)$", select_frame(grainy, KEYFRAMES).reason)


def test_every_video_is_embedded_on_its_own(clip):
    seen = []

    def embed(frames):
        seen.append(len(frames))
        return torch.eye(len(frames))

    selection = select_frames(torch.cat([clip, clip]), "0, 12, 24, 32, 0, 12, 24, 32", embed=embed)
    assert seen == [4, 4] and [one.number for one in selection.videos] == [24, 24]
    assert selection.images.shape[0] == selection.collages.shape[0] == selection.plots.shape[0] == 2


def test_an_interrupt_is_passed_on_and_the_report_is_told_who_is_asked(clip):
    def check():
        raise Interrupted

    told = []
    question = Question(Scripted("CHOICE: 1"), "tip it over", check_interrupt=check, report=told.append)
    with pytest.raises(Interrupted):
        select_frames(clip, method=LANGUAGE_MODEL, question=question)
    assert "the scripted model" in told[0]
    question = Question(Scripted(Interrupted()), "tip it over", interruptions=(Interrupted,))
    with pytest.raises(Interrupted):
        select_frames(clip, method=LANGUAGE_MODEL, question=question)
