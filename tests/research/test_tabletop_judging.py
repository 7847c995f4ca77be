"""World 2's judge lets every valid end pass and nothing else, and its measure of ghosts sees faint ones."""

import pytest
import torch
from if_edit.research.tabletop import ghosts, judge_the_judge
from if_edit.research.tabletop.drawing import render
from if_edit.research.tabletop.families import sample_scene
from if_edit.research.tabletop.judging import Judge
from if_edit.research.tabletop.matter import soften
from if_edit.research.tabletop.scenes import without_hero

SEED = 77  # neither tuned on nor reported
FAMILIES = ("move left", "focus", "two stages", "tip over", "one of", "away", "shatter")


@pytest.mark.parametrize("family", FAMILIES)
def test_valid_ends_pass_and_nothing_else(family):
    """Half-transparent, half-finished, wrong thing or color, lost matter: each fails; soft or a pixel off passes."""
    passed, _, wrong = judge_the_judge.measure_family(family, 1, SEED)
    assert {"truth", "soft", "source", "mean", "half", "wrong thing"} <= passed.keys()
    assert not wrong, "\n".join(wrong)


def test_drops_pass_and_fail_with_one_missing():
    scene = sample_scene(SEED, "burst")
    judge = Judge([scene])
    fewer = render([judge_the_judge.lose_matter(scene)], times=[scene.frames - 1], exposures=1).frames[:, 0]
    right, wrong = judge.judge(judge.truth), judge.judge(fewer)
    assert right.success.all() and right.free[0]["pieces"] == scene.free["pieces"]
    assert wrong.failed[0] in ("matter", "pieces")


def test_two_puddles_at_once_have_too_long_an_edge():
    """In this scene both are so near that one between them explains nearly everything."""
    seed = 51_000_002
    scene = sample_scene(seed, "spill")
    judge, made = Judge([scene]), judge_the_judge.pictures_of(scene, seed)
    right, wrong = judge.judge(made["soft"][None]), judge.judge(made["mean"][None])
    assert right.success.all()
    assert wrong.failed == ["edges"] and wrong.error_left[0] < 0.08


@pytest.mark.parametrize("family", ["shatter", "burst", "spill"])
def test_what_has_to_be_measured_looks_like_nothing_behind_it(family):
    """Not even where the hero is in its own shade, or the ground in a shadow."""
    scenes = [sample_scene(SEED + k, family) for k in range(12)]
    empty = render([without_hero(scene) for scene in scenes], 96, [0], exposures=1).frames[:, 0]
    first = render(scenes, 96, [0], exposures=1)
    for behind, picture, cover in zip(empty, first.frames[:, 0], first.coverage[:, 0], strict=True):
        shades = torch.linspace(0.5, 1.0, 6)[:, None, None] * behind.flatten(1).T[::7]
        assert torch.cdist(picture[:, cover > 0.99].T, shades.flatten(0, 1)).min() > 0.06


def test_a_verdict_says_what_failed_and_which_end_was_nearest():
    scene = sample_scene(SEED, "tip over")
    judge = Judge([scene])
    right, wrong = judge.judge(judge.truth), judge.judge(judge.source)
    assert right.failed == [""] and wrong.failed[0]
    assert right.free[0]["side"] == scene.free["side"]
    assert right.free[0]["slid"] == pytest.approx(scene.free["slid"], abs=0.05)
    assert right.error_left[0] < 0.05


def test_still_must_not_get_soft():
    judge = Judge([sample_scene(SEED, "still")])
    assert judge.judge(judge.truth).success.all()
    assert judge.judge(soften(judge.truth, 2.0)).failed == ["soft"]


@pytest.fixture(scope="module")
def vanished():
    """(true ends [B, 3, 192, 192], what the heroes covered at first, Gone) of scenes in which something vanishes."""
    scenes = [sample_scene(SEED + k, "vanish") for k in range(8)]
    clips = render(scenes, times=[0, scenes[0].frames - 1], exposures=1)
    truth = clips.frames[:, 1]
    return clips.frames[:, 0], truth, ghosts.find_gone(scenes, truth)


def test_a_ghost_of_three_percent_is_found(vanished):
    """In scenes in which it makes a difference of three steps or more between the thing and its ground."""
    source, truth, gone = vanished
    found = ghosts.measure_ghosts(truth.lerp(source, 0.03), truth, gone)
    strength = torch.stack(
        [((a - b).abs() * 255 * 0.03)[:, c].amax() for a, b, c in zip(source, truth, gone.left, strict=True)]
    )
    clear = gone.measured & (strength >= 3)
    assert clear.sum() >= 4
    assert found["visible"][clear].all()


def test_a_softened_truth_has_no_ghost(vanished):
    _, truth, gone = vanished
    noise = torch.randn(truth.shape, generator=torch.Generator().manual_seed(1)) * 2 / 255
    found = ghosts.measure_ghosts(soften(truth, 0.7) + noise, truth, gone)
    assert not found["visible"].any()
    assert gone.measured.sum() >= 5


def test_where_nothing_leaves_nothing_is_measured():
    scenes = [sample_scene(SEED, "recolor")]
    truth = render(scenes, times=[scenes[0].frames - 1], exposures=1).frames[:, 0]
    assert not ghosts.find_gone(scenes, truth).measured.any()
