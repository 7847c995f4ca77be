"""The scores of world 2: what they say of pictures whose worth is known."""

import pytest
import torch
from if_edit.research.tabletop import evaluate, families
from if_edit.research.tabletop.evaluate import BASELINES, SETS, Way, difference, draw_scenes, share

FAMILIES = ("vanish", "recolor", "one of", "still")


class Clairvoyant:
    """Stands for a model whose videos end as the test says: with the true end, or as they began."""

    latent_mean = torch.zeros(1)

    def __init__(self, knows):
        self.knows = knows  # by number of steps, guidance
        self.asked = []

    def encode(self, frames):
        return frames

    decode = encode

    def condition(self, images, frames):
        return images

    def sample(self, condition, captions, **options):
        self.asked.append((captions, options))
        return condition, [[0]] * len(condition)

    def decode_last(self, latent, kept):
        return self.knows(latent, self.asked[-1])


@pytest.fixture(scope="module")
def scenes():
    return draw_scenes(4, SETS["tuning"], FAMILIES)


def true_ends(scenes, size):
    from if_edit.research.tabletop.drawing import render

    return render(scenes, size, [scenes[0].frames - 1], exposures=1).frames[:, 0]


def test_a_model_that_knows_the_end_succeeds_and_one_that_does_nothing_fails(scenes):
    size = 96
    ends = true_ends(scenes, size)
    model = Clairvoyant(lambda latent, asked: ends if asked[1]["steps"] > 1 else latent)
    ways = [Way("20 steps"), Way("1 step", 1), *BASELINES]
    rows = evaluate.measure(model, scenes, ways, batch=4, precision=torch.float32, size=size)
    full, one, vae, unedited = (rows[way] for way in ways)
    assert full.success == [True] * 4 and set(full.failed) == {""} and vae.success == [True] * 4
    assert one.success == unedited.success == [False, False, False, True]  # "still" wants nothing
    assert one.failed[0]
    table = evaluate.ways_table(scenes, rows)
    assert "| told | free |" in table and "held out" not in table
    assert "| unedited | 33.3%" in table
    assert "| vanish | 100.0%" in evaluate.families_table(scenes, rows)


def test_any_of_several_seeds_is_enough_and_each_is_another(scenes):
    size = 96
    ends = true_ends(scenes[:1], size)
    model = Clairvoyant(lambda latent, asked: ends if asked[1]["seed"] > 2_000_000 else latent)
    ways = [Way("one"), Way("any of 4", seeds=4)]
    rows = evaluate.measure(model, scenes[:1], ways, batch=4, precision=torch.float32, size=size)
    assert rows[ways[0]].success == [False] and rows[ways[1]].success == [True]
    assert len({options["seed"] for _, options in model.asked}) == 4


def test_each_kind_of_caption_reaches_the_model(scenes):
    model = Clairvoyant(lambda latent, asked: latent)
    ways = evaluate.TABLES["captions"]
    evaluate.measure(model, scenes[:2], ways, batch=2, precision=torch.float32, size=96)
    first = [captions[0] for captions, _ in model.asked]
    assert len(set(first)) >= 4 and all(first)


def test_the_sets_share_no_scene_with_each_other_or_with_training():
    tuning, reported = (draw_scenes(3, seed, families.TOLD) for seed in SETS.values())
    assert all(a.parts[0].tracks["x"] != b.parts[0].tracks["x"] for a, b in zip(tuning, reported, strict=True))


def test_shares_and_differences_have_intervals():
    assert share([True] * 98 + [False] * 2) == "98.0% (93.0 to 99.4)"
    assert share([]) == "-"
    assert difference([True] * 50, [True] * 50) == "+0.0 (+0.0 to +0.0)"
    low, high = difference([True] * 60 + [False] * 40, [False] * 20 + [True] * 40 + [False] * 40)[7:-1].split(" to ")
    assert 10 < float(low) < 20 < float(high) < 30
