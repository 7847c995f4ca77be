"""The part of `nox -s evaluate` about the Frame Selector, on clips whose end is known."""

import pytest
import torch
from if_edit.editing.selection.choose import LAST, SETTLED
from if_edit.research.evaluation import selection as evaluate_selection
from if_edit.research.evaluation import tables
from if_edit.tests.support.clips import moving_ball


@pytest.fixture(scope="module")
def rows():
    clip = moving_ball(settles=12).movedim(-1, 1)  # [33, 3, H, W]
    video = moving_ball(settles=20).movedim(-1, 1)
    rows = evaluate_selection.measure_selection(torch.stack([clip, clip]), torch.stack([video, video]), [12, 21])
    for row, success in zip(rows, (True, False), strict=True):
        for method in evaluate_selection.METHODS:
            row[method] |= {"success": success, "background": 30.0 if success else None}
    return rows


def test_timing_is_judged_on_the_rendered_clip_and_the_picture_on_the_models_video(rows):
    assert [row["finish"] for row in rows] == [12, 21]
    assert [row[SETTLED]["timed"] for row in rows] == [12, 12]
    assert [row[SETTLED]["frame"] for row in rows] == [20, 20]
    assert [(row[LAST]["timed"], row[LAST]["frame"]) for row in rows] == [(32, 32)] * 2
    assert rows[0][SETTLED]["drift"] < 1


def test_the_summary_counts_choices_within_a_latent_frame_of_the_true_end(rows):
    of = evaluate_selection.summary(rows)
    assert of[SETTLED]["beside"] == 0.5  # images 12 and 21 are in the latent frames 3 and 6
    assert of[LAST]["beside"] == 0.0
    beside = [{**row, "finish": finish} for row, finish in zip(rows, (16, 8), strict=True)]
    assert evaluate_selection.summary(beside)[SETTLED]["beside"] == 1.0
    assert evaluate_selection.summary([{**rows[0], "finish": 17}])[SETTLED]["beside"] == 0.0
    assert of[SETTLED]["success"] == 0.5
    assert of[SETTLED]["background"] == 30.0  # where there is one
    assert [evaluate_selection.latent_frame(image) for image in (0, 1, 4, 5, 8, 9)] == [0, 1, 1, 2, 2, 3]


def test_the_table_has_a_line_for_each_method(rows):
    header, *lines = tables.selection_table(rows).splitlines()
    assert len(lines) == len(evaluate_selection.METHODS)
    assert "50.0%" in lines[0] and lines[0].startswith(SETTLED) and header.startswith("frame chosen")
