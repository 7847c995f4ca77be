"""World 2: its scenes are what their words say, and free ends are all the same edit of the same first picture."""

import comfy.model_base
import numpy as np
import pytest
import torch
from comfy_extras.nodes_wan import WanFirstLastFrameToVideo, WanImageToVideo
from if_edit.research.tabletop import conditions, families, outlines
from if_edit.research.tabletop.drawing import render
from if_edit.research.tabletop.scenes import frozen, without_hero
from if_edit.research.training import train_base
from if_edit.tests.support.small_models import small_wan_vae

SIZE = 48
LAST = families.FRAMES - 1
EQUAL = 1e-5


def pictures(scenes, times, size=SIZE):
    return render(scenes, size, times, exposures=1).frames


@pytest.mark.parametrize("family", families.FAMILIES)
def test_the_same_number_is_the_same_scene_and_nothing_moves_before_and_after_its_edit(family):
    scene, again, other = (families.sample_scene(seed, family) for seed in (3, 3, 4))
    times = [0, scene.start, scene.finish, LAST]
    first, begin, end, last = pictures([scene], times)[0]
    assert torch.equal(pictures([again], times)[0, 3], last)
    assert not torch.allclose(pictures([other], [0])[0, 0], first, atol=0.05)
    assert torch.allclose(first, begin, atol=EQUAL) and torch.allclose(end, last, atol=EQUAL)
    assert torch.allclose(pictures([frozen(scene, LAST)], [0])[0, 0], last, atol=EQUAL)
    if family != "still":
        assert (last - first).abs().max() > 0.15
    colors = [(thing.shape, thing.color) for thing in scene.things]
    alike = int(scene.told.get("alike", 1))
    assert len(set(colors)) == len(colors) - alike + 1 and len(colors) <= 6


@pytest.mark.parametrize("family", families.FREE)
def test_other_free_ends_begin_with_the_same_picture_and_words(family):
    ends = [families.sample_scene(8, family, open_seed=seed) for seed in range(4)]
    shown = pictures(ends, [0, LAST])
    assert all(torch.allclose(shown[0, 0], first, atol=EQUAL) for first in shown[1:, 0])
    assert all(end.told == ends[0].told and end.finish == ends[0].finish for end in ends)
    apart = [(shown[0, 1] - last).abs().max() for last in shown[1:, 1]]
    assert max(apart) > 0.2


@pytest.mark.parametrize("family", ["shatter", "burst", "spill", "tip over", "roll", "away"])
def test_matter_is_conserved(family):
    scenes = [families.sample_scene(seed, family) for seed in range(4)]
    shown = render(scenes, 192, [0, LAST], exposures=1).coverage.sum((2, 3))
    assert ((shown[:, 1] / shown[:, 0] - 1).abs() < 0.06).all(), shown


def test_told_ends_are_where_the_words_say():
    left = families.sample_scene(1, "move left").parts[-1].tracks
    assert left["x"].at(np.array([LAST]))[0] == pytest.approx(families.SIDE)
    grown = families.sample_scene(1, "grow").parts[-1].tracks["size"].values
    assert grown[1] / grown[0] == pytest.approx(families.GROWN)
    fallen = families.sample_scene(1, "fall")
    covered = render([fallen], 192, [LAST], exposures=1).coverage[0, 0]
    assert covered.amax(1).nonzero().max().item() / 192 == pytest.approx(families.FLOOR, abs=0.015)
    tipped = families.sample_scene(1, "tip over")
    assert abs(tipped.parts[-1].tracks["angle"].values[1]) == pytest.approx(np.pi / 2)


def test_half_of_the_way_is_neither_the_beginning_nor_the_end():
    for family in ("move left", "vanish", "shatter", "roll"):
        scene = families.sample_scene(2, family)
        first, half, last = pictures([scene], [0, scene.halfway(), LAST])[0]
        assert min((half - first).abs().max(), (half - last).abs().max()) > 0.15


def test_a_smaller_picture_shows_the_same_scene():
    scene = families.sample_scene(5, "shatter")
    large, small = (pictures([scene], [LAST], size)[0, 0] for size in (192, 96))
    assert torch.nn.functional.mse_loss(torch.nn.functional.avg_pool2d(large, 2), small) < 1e-3
    short = families.sample_scene(5, "shatter", frames=5)
    assert torch.nn.functional.mse_loss(pictures([short], [4], 96)[0, 0], small) < 1e-4


def test_without_the_hero_only_the_ground_is_left():
    scene = families.sample_scene(6, "vanish")
    assert torch.allclose(pictures([without_hero(scene)], [0])[0, 0], pictures([scene], [LAST])[0, 0], atol=EQUAL)


def test_held_out_families_are_not_trained():
    assert not set(train_base.TRAINED) & set(families.HELD_OUT)
    assert len(families.FREE) >= 6 and {"add", "replace", "swap", "isolate"} <= set(families.HELD_OUT)
    assert all(outlines.area(outlines.outline(shape)) > 0.5 for shape in outlines.SHAPES)


# --- conditions ------------------------------------------------------------------------------------------------------


def comfyui_mask(frames: int, start: int, end: int) -> torch.Tensor:
    """The mask channels [4, F, h, w] that ComfyUI gives a model of the Wan 2.1 kind."""
    image = torch.rand(max(start, end, 1), 32, 32, 3)
    positive = [[torch.zeros(1, 4, 4096), {}]]
    node = WanFirstLastFrameToVideo if end else WanImageToVideo
    given = {"start_image": image[:start], **({"end_image": image[:end]} if end else {})}
    out = node.execute(positive, positive, small_wan_vae(), 32, 32, frames, 1, **given).args[0][0][1]
    noise = torch.zeros(1, 16, 1 + (frames - 1) // 4, 4, 4)

    class Kind:
        latent_format = type("Format", (), {"latent_channels": 16})

        class diffusion_model:
            class patch_embedding:
                weight = torch.zeros(1, 36)

        image_to_video = True

        @staticmethod
        def process_latent_in(latent):
            return latent

    return comfy.model_base.WAN21.concat_cond(Kind, noise=noise, device="cpu", **out)[0, :4]


@pytest.mark.parametrize(
    ("kind", "count", "start", "end"),
    [(conditions.FIRST, 1, 1, 0), (conditions.FIRST_AND_LAST, 1, 1, 1), (conditions.SEVERAL, 9, 9, 0)],
)
def test_mask_channels_are_comfyuis(kind, count, start, end):
    given = conditions.given_frames(kind, 17, count)[None, :, None, None].expand(1, -1, 4, 4)
    assert torch.equal(conditions.mask_channels(given)[0], comfyui_mask(17, start, end))


def test_what_is_given_is_seen_and_the_rest_is_grey():
    scenes = [families.sample_scene(seed, "fall", frames=9) for seed in range(4)]
    shown = render(scenes, 64)
    given = conditions.draw_given(list(conditions.KINDS), shown.coverage, torch.Generator().manual_seed(1))
    hidden = conditions.hide(shown.frames, given)
    first, both, several, region = hidden
    assert torch.equal(hidden[:, 0], shown.frames[:, 0])
    assert (first[1:] == 0.5).all() and (both[1:-1] == 0.5).all() and torch.equal(both[-1], shown.frames[1, -1])
    assert torch.equal(several[4], shown.frames[2, 4]) and given[2, :, 0, 0].sum() % 4 == 1
    kept = given[3, 1:]
    assert 0 < kept.mean() < 1 and torch.equal(kept[0], kept[-1])
    covered = torch.nn.functional.max_pool2d(shown.coverage[3], 8) > 0.05
    assert not (covered[1:] & (kept > 0)).any()  # all of the hero's way is to be made anew
    assert torch.equal(region[-1][:, 0, 0], shown.frames[3, -1][:, 0, 0]) or kept[0, 0, 0] == 0
