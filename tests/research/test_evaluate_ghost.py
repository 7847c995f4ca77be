"""The measure of what is left of a thing that is gone: it sees a faint ghost, and neither grain nor a tint."""

import pytest
import torch
from if_edit.research.evaluation import ghost
from if_edit.research.evaluation.ghost import LEAVING, VISIBLE
from if_edit.research.training import train_decoder
from if_edit.research.world import world


@pytest.fixture(scope="module")
def scenes():
    return world.sample_scenes(8, torch.Generator().manual_seed(8), ("vanish", "move left", "fall", "melt"))


@pytest.fixture(scope="module")
def ends(scenes):
    """The first and the last frames, [B, 3, 128, 128]."""
    return world.render(scenes, times=torch.tensor([0.0, 32.0])).frames.unbind(1)


@pytest.fixture(scope="module")
def gone(scenes):
    return ghost.find_gone(scenes)


def visible(pictures, ends, gone) -> float:
    families = ["vanish"] * len(pictures)
    rows = ghost.measure_ghosts(families, {"picture": pictures}, ends[1], gone)
    return sum(row["visible"] for row in rows) / len(rows)


def test_most_scenes_in_which_something_leaves_can_be_measured(gone):
    assert gone.measured.float().mean() >= 0.75
    assert not (gone.left & ~gone.ground).any()


def test_the_truth_has_no_ghost_and_two_steps_of_one_are_always_seen(scenes, ends, gone):
    assert visible(ends[1], ends, gone) == 0
    for sign in (1, -1):
        assert visible(ghost.add_ghost(ends[1], scenes, sign * VISIBLE), ends, gone) == 1
    assert visible(ghost.add_ghost(ends[1], scenes, VISIBLE / 2), ends, gone) == 0


def test_its_patch_is_that_of_the_ghost(scenes, ends, gone):
    square = gone.left & (gone.distance < -1)
    of_ghost = ghost.measure_edges(ghost.add_ghost(ends[1], scenes, 10), ends[1], gone)["patch"]
    share = square.sum((1, 2)) / gone.left.sum((1, 2)).clamp(min=1)
    assert torch.allclose(of_ghost[gone.measured] / 10, share[gone.measured], atol=0.2)


def test_neither_grain_nor_another_light_is_a_ghost(ends, gone):
    noise = torch.randn(ends[1].shape, generator=torch.Generator().manual_seed(1)) * 2 / 255
    assert visible(ends[1] + noise, ends, gone) == 0
    assert visible(ends[1] + 5 / 255, ends, gone) == 0


def test_scenes_in_which_nothing_leaves_have_no_row(ends, gone):
    assert not ghost.measure_ghosts(["grow"] * len(ends[0]), {"picture": ends[1]}, ends[1], gone)
    assert "no" in ghost.ghost_table([])


def test_what_is_gone_leaves_no_outline_in_a_composited_picture(ends, gone):
    """Cut off at the mask, the old shadow's end leaves 0.9 to 1.4 steps here, and 2.3 if the edit is a VAE's."""
    found = ghost.measure_edges(ghost.composite(*ends), ends[1], gone)["edge"]
    assert found[gone.measured].max() < 0.8


def test_the_table_has_a_line_for_each_picture(scenes, ends, gone):
    pictures = {"the truth": ends[1], "a ghost": ghost.add_ghost(ends[1], scenes, VISIBLE)}
    rows = ghost.measure_ghosts([LEAVING[0]] * len(scenes), pictures, ends[1], gone)
    head, truth, with_ghost, _ = ghost.ghost_table(rows).splitlines()
    assert head.startswith("ghost in") and truth.endswith(" 0.0%") and with_ghost.endswith("100.0%")


def test_the_decoder_is_held_to_the_ground_and_not_to_the_object(scenes, ends):
    weight = train_decoder.ground_weight(scenes)
    touched, _, _ = ghost.find_touched(scenes)
    assert (weight[:, 0][touched[:, 1]] == 0).all()
    freed = touched[:, 0] & ~touched[:, 1]
    assert weight[:, 0][freed].unique().tolist() in ([0.0, train_decoder.FREED], [train_decoder.FREED])
    target = ends[1][:, :, None] * 2 - 1
    haunted = ghost.add_ghost(ends[1], scenes, 4)[:, :, None] * 2 - 1
    loss = [
        train_decoder.ground_loss(out, target, weight).item() for out in (target, haunted, haunted.lerp(target, 0.5))
    ]
    assert loss[0] == 0 and loss[2] == pytest.approx(loss[1] / 2, rel=1e-3)
    drawn_otherwise = torch.where(weight[:, :, None] > 1, -target, target)
    assert train_decoder.ground_loss(drawn_otherwise, target, weight) < loss[1]
