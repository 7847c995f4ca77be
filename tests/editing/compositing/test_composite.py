"""What Composite Edit promises, kept on photographs with known changes."""

import pytest
import torch
import torch.nn.functional as F
from if_edit.editing.alignment import estimate_camera, estimate_exposure, gaussian
from if_edit.editing.compositing import composite
from if_edit.editing.compositing.blending import sample, soft_mask
from if_edit.editing.compositing.change_mask import became_sharper, fill_holes, find_change
from if_edit.editing.compositing.composite import (
    AUTOMATIC,
    LOCAL,
    WHOLE,
    Controls,
    composite_edit,
    composite_edits,
    photo_mask,
)
from if_edit.editing.compositing.detail import undo_softness
from if_edit.editing.compositing.fit import PAD_BLACK, REGION, Box, fit_images, fit_without_plan, plan_fit, resample
from if_edit.editing.images import psnr
from if_edit.research.benchmarks.compositing import (
    PASTED,
    REMOVED,
    Damage,
    damaged,
    edited_case,
    known_change,
    load_photo,
    measure_case,
    photo_names,
    seam,
    table,
)
from if_edit.research.evaluation.compositing import measure_compositing
from if_edit.research.evaluation.tables import compositing_table
from if_edit.research.world import world

NO_DAMAGE = Damage(blur=0, grain=0, gain=(1, 1, 1), offset=(0, 0, 0), camera=0)


def own_fit(photo):
    return fit_without_plan(photo.shape[1], photo.shape[0], photo.shape[1], photo.shape[0])


def first(image):
    """[H, W, 3] -> [3, H, W]"""
    return image.movedim(-1, 0).contiguous()


@pytest.mark.parametrize("kind", [PASTED, REMOVED])
@pytest.mark.parametrize("name", photo_names())
def test_a_known_change_of_a_photo_is_found_and_pasted(name, kind):
    case = known_change(name, kind)
    number = photo_names().index(name)
    edited, fit = edited_case(case, Damage(camera=1.0 + number % 3), seed=number)
    with torch.inference_mode():  # as ComfyUI runs nodes
        composited = composite_edit(case.photo, edited, fit)
    found = measure_case(case, edited, fit, composited)
    assert found["iou"] >= 0.85
    assert found["exact"]
    assert found["inside"] >= 29.8
    assert found["share"] < 0.1
    assert seam(case.photo, case.truth, composited) < 0.15
    assert not composited.whole


@pytest.mark.parametrize("name", ["chelsea", "rocket"])
def test_an_edit_that_changed_nothing_gives_the_photo_bit_for_bit(name):
    photo = load_photo(name)
    composited = composite_edit(photo, damaged(photo, Damage(), seed=3), own_fit(photo))
    assert torch.equal(composited.image, photo)
    assert composited.mask.max() == 0
    assert "No change was found" in composited.report


def test_float_values_and_alpha_outside_of_the_mask_are_the_photos_own():
    case = known_change("coffee", PASTED)
    alpha = torch.rand(*case.photo.shape[:2], 1)
    fine = torch.cat([case.photo * 0.99991 + 1e-5, alpha], dim=-1)
    fine[0, 0, :3] = torch.tensor([1.7, -0.2, 0.123456789])  # no picture of 255 steps holds these
    edited, fit = edited_case(case, Damage(), seed=1)
    composited = composite_edit(fine, edited, fit)
    outside = composited.mask == 0
    assert torch.equal(composited.image[outside], fine[outside])
    assert torch.equal(composited.image[..., 3:], alpha)
    assert not torch.equal(composited.image, fine)


def test_a_grey_photo_comes_back_with_three_equal_channels():
    photo = load_photo("camera")[::3, ::3, :1]
    edited = photo.expand(-1, -1, 3).clone()
    edited[20:60, 20:60] = torch.tensor([0.9, 0.2, 0.1])
    composited = composite_edit(photo, edited, own_fit(photo))
    outside = composited.mask == 0
    assert torch.equal(composited.image[outside], photo.expand(-1, -1, 3)[outside])
    assert composited.mask[40, 40] == 1 and not outside.all()
    assert torch.equal(composite_edit(photo, edited * float("nan"), own_fit(photo)).image, photo.expand(-1, -1, 3))


def test_a_region_of_a_large_photo_is_edited_at_full_resolution_and_nothing_else():
    small = known_change("astronaut", PASTED)
    photo, truth = (resample(one[None], 2048, 2048)[0] for one in (small.photo, small.truth))
    fit = plan_fit(2048, 2048, 0.25e6, method=REGION, region=Box(1120, 280, 400, 400), margin=0.3)
    edited = damaged(fit_images(truth[None], fit)[0], Damage(camera=1.5), seed=0)
    composited = composite_edit(photo, edited, fit)
    outside = composited.mask == 0
    assert torch.equal(composited.image[outside], photo[outside])
    box = torch.zeros(2048, 2048, dtype=torch.bool)
    box[fit.source_box.window] = True
    assert composited.mask[~box].max() == 0
    changed = (truth - photo).abs().amax(dim=-1) > 0.05
    assert psnr(composited.image[changed], truth[changed]) >= 30


@pytest.mark.parametrize("size", [(2000, 400), (400, 1600)], ids=["panorama", "portrait"])
def test_any_shape_of_photo_finds_its_way_back(size):
    width, height = size
    photo = resample(load_photo("china")[None], width, height)[0]
    fit = plan_fit(width, height, 0.2e6)
    changed = photo.clone()
    changed[height // 4 : height // 2, width // 4 : width // 2] = torch.tensor([0.9, 0.1, 0.7])
    composited = composite_edit(photo, fit_images(changed[None], fit)[0], fit)
    assert composited.image.shape == photo.shape
    assert composited.mask[height // 3, width // 3] == 1
    assert torch.equal(composited.image[composited.mask == 0], photo[composited.mask == 0])
    assert (composited.mask > 0).float().mean() < 0.1


def test_light_is_measured_on_what_did_not_change():
    case = known_change("flower", PASTED)
    drift = estimate_exposure(first(case.photo), first(case.truth) * 1.08 + 0.02)
    assert torch.allclose(drift.gain, torch.tensor(1.08), atol=0.02)
    assert torch.allclose(drift.offset, torch.tensor(0.02), atol=0.01)
    assert not drift.is_edit


@pytest.mark.parametrize("gain, offset", [(1.0, 0.15), (0.6, 0.2)], ids=["brighter", "flatter"])
def test_a_strong_change_of_light_is_no_drift(gain, offset):
    photo = 0.8 * first(load_photo("coffee"))
    assert estimate_exposure(photo, gain * photo + offset).is_edit


def test_the_light_of_a_picture_of_one_brightness_has_no_gain():
    grain = 0.01 * torch.randn(2, 3, 128, 128, generator=torch.Generator().manual_seed(1))
    drift = estimate_exposure(0.5 + grain[0], 0.55 + grain[1])
    assert torch.allclose(drift.gain, torch.tensor(1.0), atol=0.05)


def test_light_is_not_measured_where_it_is_clipped():
    photo = 0.8 * first(load_photo("china"))
    photo[:, :200] = 1.0
    assert torch.allclose(estimate_exposure(photo, (1.1 * photo).clamp(max=1)).gain, torch.tensor(1.1), atol=0.01)


def test_light_that_went_beyond_white_is_no_change():
    photo = 0.2 + 0.75 * load_photo("china")
    photo[:100] = photo[:100].clamp(max=0.6)
    photo[20:60, 50:150] = 0.95
    composited = composite_edit(photo, (1.2 * photo).clamp(max=1), own_fit(photo))
    assert torch.equal(composited.image, photo)


@pytest.mark.parametrize("pixels", [1.0, 2.0, 3.0])
def test_the_camera_is_found_to_a_tenth_of_a_pixel(pixels):
    case = known_change("coffee", REMOVED)
    drift = estimate_camera(
        first(case.photo), first(damaged(case.truth, Damage(gain=(1, 1, 1), offset=(0, 0, 0), camera=pixels), 5))
    )
    assert drift.pixels == pytest.approx(pixels, abs=0.1)
    assert estimate_camera(first(case.photo), first(case.truth)).pixels == 0


def test_a_camera_that_turned_came_nearer_and_moved_is_found_in_every_corner():
    photo = first(load_photo("coffee"))
    height, width = photo.shape[1:]
    half = torch.tensor([width / 2, height / 2, 1.0])  # pixels of a coordinate
    turned = torch.tensor([[0.99, -0.008, 2.0], [0.008, 0.99, -1.0], [0, 0, 1]])  # in pixels from the centre
    edited = sample(photo[None], height, width, (0, height, 0, width), turned * half / half[:, None])[0]
    drift = estimate_camera(photo, edited)
    found = drift.matrix * half[:, None] / half
    corners = torch.tensor([[1.0, 1, -1, -1], [1, -1, 1, -1], [1, 1, 1, 1]]) * half[:, None]
    assert (turned @ found @ corners - corners).abs().max() < 0.2


def test_more_than_a_slow_camera_and_another_picture_are_no_drift():
    photo = first(load_photo("coffee"))
    soft = gaussian(photo[None], 8.0)[0]  # in which as much as 30 pixels can be followed
    assert estimate_camera(soft[:, :, 30:], soft[:, :, :-30]).pixels == 0
    other = first(load_photo("china"))
    assert photo.shape == other.shape and estimate_camera(photo, other).pixels == 0


def moved_by(photo, pixels):
    """What a camera sees that moved right and down; something else comes into view there."""
    moved = torch.cat([photo[pixels:], photo[-pixels:].flip(0)])
    return torch.cat([moved[:, pixels:], moved[:, -pixels:].flip(1)], dim=1)


@pytest.mark.parametrize("name, pixels", [("china", 8), ("coffee", 8), ("chelsea", 11), ("astronaut", 14)])
def test_what_the_camera_left_behind_is_no_change(name, pixels):
    """Up to 4 % of the picture's longer side, in the diagonal."""
    photo = load_photo(name)
    composited = composite_edit(photo, moved_by(photo, pixels), own_fit(photo))
    assert "camera (" in composited.report and torch.equal(composited.image, photo)


def test_in_a_strip_that_is_too_narrow_to_tell_no_camera_is_found():
    strip = load_photo("china")[100:140].repeat(1, 3, 1)  # 16 pixels high where the camera is looked for
    assert estimate_camera(first(strip[:, 2:]), first(strip[:, :-2])).pixels == 0
    assert torch.equal(composite_edit(strip, strip, own_fit(strip)).image, strip)


def test_what_happens_to_a_thing_on_a_plain_ground_is_no_motion_of_the_camera():
    families = tuple(name for name in world.FAMILIES if name != "focus")
    scenes = world.sample_scenes(26, torch.Generator().manual_seed(102), families)
    frames = world.render(scenes, times=torch.tensor([0, 32])).frames
    edited = gaussian(frames[:, 1], 0.7)
    assert [estimate_camera(*pair).pixels for pair in zip(frames[:, 0], edited, strict=True)] == [0] * 26


def test_a_change_at_the_border_does_not_spread_along_what_the_camera_left_behind():
    photo = load_photo("coffee")
    truth = photo.clone()
    truth[150:200, :60] = torch.tensor([0.1, 0.8, 0.3])
    mask = composite_edit(photo, moved_by(truth, 8), own_fit(photo), Controls(feather=0)).mask
    assert mask[155:195, :55].min() == 1
    assert mask[:140].max() == mask[210:].max() == 0


def test_the_edit_is_taken_as_it_is_where_drift_is_not_corrected():
    case = known_change("rocket", PASTED)
    edited, fit = edited_case(case, Damage(), seed=1)
    composited = composite_edit(case.photo, edited, fit, Controls(correct_drift=False))
    taken = composited.mask == 1
    assert taken.any() and torch.equal(composited.image[taken], edited[taken])
    assert "Drift" not in composited.report


def test_another_light_is_a_change_where_drift_is_not_corrected():
    photo = 0.8 * load_photo("china")
    assert composite_edit(photo, 1.2 * photo, own_fit(photo)).mask.max() == 0
    assert composite_edit(photo, 1.2 * photo, own_fit(photo), Controls(correct_drift=False)).mask.mean() > 0.3


def test_drift_is_undone_in_an_edit_larger_than_what_is_measured(monkeypatch):
    case = known_change("coffee", PASTED)
    edited, fit = edited_case(case, Damage(blur=0, camera=3.0), seed=1)
    monkeypatch.setattr(composite, "WORK_PIXELS", 40_000)
    found = measure_case(case, edited, fit, composite_edit(case.photo, edited, fit))
    assert found["exact"] and found["inside"] >= 32  # 28 in the wrong light, less in the wrong place


def test_softness_is_undone_only_where_there_is_detail_to_learn_from():
    photo = first(load_photo("china"))
    soft, nothing = gaussian(photo[None], 0.8)[0], torch.zeros(photo.shape[1:], dtype=torch.bool)
    assert psnr(undo_softness(photo, soft, nothing), photo) > psnr(soft, photo) + 3
    assert undo_softness(torch.full((3, 256, 256), 0.5), torch.full((3, 256, 256), 0.5), nothing[:256, :256]) is None
    assert undo_softness(photo, photo.flip(-1), nothing) is None  # detail of its own


def test_sharpening_draws_no_outlines():
    """A value leaves the range of its neighbours by at most half of that range."""
    photo = first(load_photo("china"))
    soft = gaussian(photo[None], 1.2)[0]
    sharp = undo_softness(photo, soft, torch.zeros(photo.shape[1:], dtype=torch.bool))
    highest, lowest = (sign * F.max_pool2d(sign * soft, 3, 1, 1) for sign in (1, -1))
    beyond = torch.maximum(sharp - highest, lowest - sharp)
    assert (beyond <= 0.5 * (highest - lowest) + 1e-6).all() and beyond.max() > 0


def test_sharpening_learns_nothing_from_the_change():
    photo = first(load_photo("china"))
    soft, changed = gaussian(photo[None], 0.8)[0], torch.zeros(photo.shape[1:], dtype=torch.bool)
    changed[100:250, 100:350] = True
    edited = torch.where(changed, soft.roll(40, -1), soft)
    truth = torch.where(changed, photo.roll(40, -1), photo)
    found = undo_softness(photo, edited, changed)
    assert psnr(found[:, changed], truth[:, changed]) > psnr(edited[:, changed], truth[:, changed]) + 3


def test_a_speck_is_no_change_and_a_small_spot_is():
    photo = torch.full((3, 64, 64), 0.5)
    edited = photo.clone()
    edited[:, 20:23, 20:23] = 1.0
    assert not find_change(photo, edited).mask.any()
    edited[:, 40:45, 40:45] = 1.0
    mask = find_change(photo, edited).mask
    assert mask[40:45, 40:45].all() and not mask[:30].any()


def test_texture_that_vanished_from_a_place_belongs_to_its_change():
    texture = 0.3 * (torch.rand(1, 160, 160, generator=torch.Generator().manual_seed(1)) - 0.5)
    photo = (0.5 + texture).expand(3, -1, -1)
    edited = photo.clone()
    edited[:, 40:100, 40:100] = 0.5  # smooth, and in the middle of the texture's values
    edited[:, 40:100, 100:120] = torch.linspace(0.5, 0.85, 20)
    mask = find_change(photo, edited).mask
    assert mask[70, 110] and mask[70, 60]
    assert not mask[70, 20] and not mask[70, 140]


def test_an_edit_sharper_than_a_soft_photo_is_no_change():
    sharp = first(load_photo("china"))
    assert not find_change(gaussian(sharp[None], 0.8)[0], sharp).mask.any()


def test_neither_a_sharp_object_nor_grain_is_a_picture_that_came_into_focus():
    photo, sharp = gaussian(first(load_photo("china"))[None], 3.0)[0].movedim(0, -1), load_photo("coffee")
    edited = photo.clone()
    edited[100:230, 100:270] = sharp[100:230, 100:270]
    assert became_sharper(first(photo), first(edited), torch.zeros(photo.shape[:2], dtype=torch.bool))
    composited = composite_edit(photo, edited, own_fit(photo))
    assert not composited.whole and composited.mask[160, 160] == 1
    grain = 0.02 * torch.randn(3, 128, 128, generator=torch.Generator().manual_seed(1))
    flat = torch.full_like(grain, 0.5)
    assert not became_sharper(flat, flat + grain, torch.zeros(128, 128, dtype=torch.bool))


def test_a_soft_shadow_belongs_to_the_change():
    photo = torch.full((256, 256, 3), 0.6)
    edited = photo.clone()
    edited[100:140, 100:140] = 0.2
    shadow = torch.zeros(256, 256)
    shadow[140:160, 105:150] = 1
    edited = edited * (1 - 0.1 * gaussian(shadow[None, None], 2.0)[0, 0, ..., None])
    composited = composite_edit(photo, edited, own_fit(photo), Controls(correct_drift=False))
    assert composited.mask[150, 125] == 1
    assert composited.mask[200, 125] == 0


def test_threshold_grow_and_feather_do_what_they_say():
    case = known_change("rocket", PASTED)
    edited, fit = edited_case(case, Damage(), seed=1)

    def taken(**controls):
        return (composite_edit(case.photo, edited, fit, Controls(**controls)).mask > 0).sum()

    assert taken(threshold=1.0) < taken() < taken(threshold=0.0)
    assert taken(grow=-3) < taken() < taken(grow=6)
    hard = composite_edit(case.photo, edited, fit, Controls(feather=0)).mask
    assert set(hard.unique().tolist()) == {0.0, 1.0}
    assert taken(feather=0) < taken(feather=12)


def test_masks_overrule_the_estimate_and_keep_goes_first():
    case = known_change("camera", PASTED)
    edited, fit = edited_case(case, Damage(), seed=1)
    keep, edit = torch.zeros(2, *case.photo.shape[:2])
    keep[:, :110] = 1
    edit[400:440, 300:340] = 1
    edit[400:440, :60] = 1
    composited = composite_edit(case.photo, edited, fit, keep_mask=keep, edit_mask=edit)
    assert torch.equal(composited.image[:, :110], case.photo[:, :110])
    assert composited.mask[:, :110].max() == 0
    assert composited.mask[100, 140] == 1  # of the pasted object the other half
    assert composited.mask[420, 320] == 1


def test_masks_are_those_of_the_photo_where_a_part_of_it_is_edited():
    photo = load_photo("china")
    fit = plan_fit(photo.shape[1], photo.shape[0], 40_000, method=REGION, region=Box(280, 180, 160, 100), margin=0.2)
    keep, edit = torch.zeros(2, *photo.shape[:2])
    edit[180:200, 290:390] = 1
    keep[:, 340:] = 1
    composited = composite_edit(photo, fit_images(photo[None], fit)[0], fit, keep_mask=keep, edit_mask=edit)
    assert composited.mask[190, 300:330].min() == 1
    assert composited.mask[:, 340:].max() == 0
    assert composited.mask[:170].max() == composited.mask[210:].max() == composited.mask[:, :280].max() == 0


def test_a_half_marked_keep_mask_keeps_half_of_the_photo():
    photo = torch.full((64, 64, 3), 0.2)
    composited = composite_edit(photo, photo + 0.4, own_fit(photo), Controls(mode=WHOLE), torch.full((64, 64), 0.5))
    assert torch.allclose(composited.image, torch.tensor(0.4)) and torch.allclose(composited.mask, torch.tensor(0.5))


def test_the_whole_image_is_taken_whatever_grow_says():
    photo = torch.rand(64, 64, 3)
    assert composite_edit(photo, 1 - photo, own_fit(photo), Controls(mode=WHOLE, grow=-20)).mask.min() == 1


def test_the_change_is_taken_in_full_and_fades_outside_of_it():
    mask = torch.zeros(100, 100, dtype=torch.bool)
    mask[30:60, 30:60] = True
    soft = soft_mask(mask, plan_fit(100, 100, 10_000), 0, 16)
    assert soft[45, 30:60].min() == 1
    assert soft[45, 60] > soft[45, 66] > soft[45, 72] > 0
    assert soft[45, 80:].max() == 0


def test_the_edit_fades_towards_sides_beyond_which_the_photo_goes_on():
    """A region at the upper side of the photo ends on the left, on the right and below."""
    fit = plan_fit(400, 300, 128 * 96, method=REGION, region=Box(100, 0, 200, 150))
    soft = soft_mask(torch.ones(fit.height, fit.width, dtype=torch.bool), fit, 0, 8)
    assert soft[: fit.height // 2, 8:-8].min() == 1
    assert soft[-1].max() < 0.1 and soft[:, 0].max() < 0.1 and soft[:, -1].max() < 0.1


@pytest.mark.parametrize(
    "what, edit",
    [
        (
            "of the image changed",
            lambda photo: torch.where(torch.arange(512)[:, None] > 90, torch.tensor([0.8, 0.5, 0.3]), photo),
        ),
        ("exposure of the whole image", lambda photo: photo * 0.4),
        ("became sharper", None),
    ],
)
def test_an_edit_of_the_whole_image_is_noticed_offered_and_not_forced(what, edit):
    photo = load_photo("rocket") if edit else gaussian(first(load_photo("rocket"))[None], 3.0)[0].movedim(0, -1)
    edited = edit(photo) if edit else load_photo("rocket")
    drift = "exposure" in what
    automatic = composite_edit(photo, edited, own_fit(photo), Controls(correct_drift=drift))
    assert automatic.whole and what in automatic.report and LOCAL in automatic.report
    assert psnr(automatic.image, edited) > 50
    local = composite_edit(photo, edited, own_fit(photo), Controls(mode=LOCAL, correct_drift=drift))
    assert not local.whole and what in local.report and WHOLE in local.report
    asked = composite_edit(photo, edited, own_fit(photo), Controls(mode=WHOLE))
    assert asked.whole and asked.mask.min() == 1


def test_on_a_plain_ground_an_edit_that_is_the_photo_without_its_blur_came_into_focus():
    """There is no texture outside of the things to tell by."""
    y, x = torch.meshgrid(torch.arange(192), torch.arange(256), indexing="ij")
    things = [((x - 60).square() + (y - 50).square() < 900) * 1.0, ((x - 180).abs() + (y - 130).abs() < 40) * 1.0]
    sharp = torch.full((192, 256, 3), 0.6).lerp(torch.tensor([0.8, 0.2, 0.1]), (things[0] + things[1])[..., None])
    blurred = gaussian(first(sharp)[None], 3.5)[0].movedim(0, -1)
    focused = composite_edit(blurred, sharp, own_fit(sharp))
    assert focused.whole and "became sharper" in focused.report

    other = sharp.lerp(torch.tensor([0.1, 0.3, 0.7]), things[1][..., None])
    recoloured = composite_edit(sharp, other, own_fit(sharp))
    assert not recoloured.whole and 0.05 < recoloured.mask.mean() < 0.2


def test_a_model_that_sharpens_a_soft_photo_a_little_leaves_it_a_local_edit():
    photo = first(load_photo("coffee"))
    soft, sharper = (gaussian(photo[None], sigma)[0] for sigma in (1.3, 0.7))
    assert not became_sharper(soft, sharper, torch.zeros(photo.shape[1:], dtype=torch.bool))
    assert became_sharper(gaussian(photo[None], 2.0)[0], sharper, torch.zeros(photo.shape[1:], dtype=torch.bool))


def test_a_broken_edit_gives_the_photo_and_says_so():
    photo = load_photo("chelsea")
    edited = photo.clone()
    edited[0, 0, 0] = float("nan")
    composited = composite_edit(photo, edited, own_fit(photo))
    assert torch.equal(composited.image, photo)
    assert "NaN" in composited.report and "returned unchanged" in composited.report


def test_a_batch_of_edits_is_pasted_one_by_one_and_reduces_its_photo_once(monkeypatch):
    case = known_change("coffee", PASTED)
    edited, fit = edited_case(case, Damage(), smaller=2.0, seed=1)
    mirrored = edited.flip(0)
    alone = [composite_edit(case.photo, one, fit) for one in (edited, mirrored, edited)]
    reduced = []

    def count(images, *size_and_box):
        if images.shape[1:] == case.photo.shape:
            reduced.append(size_and_box)
        return resample(images, *size_and_box)

    monkeypatch.setattr(composite, "resample", count)
    images, masks, pairs, reports = composite_edits(case.photo[None], torch.stack([edited, mirrored, edited]), fit)
    assert reduced.count((fit.width, fit.height, fit.source_box)) == 1
    assert len(images) == len(masks) == len(pairs) == len(reports) == 3
    for place, one in enumerate(alone):
        assert torch.equal(images[place], one.image) and torch.equal(masks[place], one.mask)
        assert reports[place] == f"Image {place + 1}: {one.report}"


def test_wrong_sizes_and_modes_are_refused():
    photo = load_photo("chelsea")
    with pytest.raises(ValueError, match=r"source is 448 x 288, the fit was made of a photo of 100 x 100"):
        composite_edit(photo, photo, plan_fit(100, 100, 10_000))
    with pytest.raises(ValueError, match="another aspect"):
        composite_edit(photo, photo[:100], own_fit(photo))
    with pytest.raises(ValueError, match="Unknown mode"):
        composite_edit(photo, photo, own_fit(photo), Controls(mode="both"))
    with pytest.raises(ValueError, match="NaN"):
        composite_edit(photo * float("nan"), photo, own_fit(photo))


def test_an_upscale_model_gets_the_edit_and_only_where_the_photo_is_larger():
    small = known_change("coffee", PASTED)
    photo, truth = (resample(one[None], 1024, 672)[0] for one in (small.photo, small.truth))
    fit = plan_fit(1024, 672, 512 * 336)
    edited = fit_images(truth[None], fit)[0]
    asked = []

    def enlarge(images):
        asked.append(images.shape)
        return resample(truth[None], 1024, 672)  # a perfect one

    best = composite_edit(photo, edited, fit, enlarge=enlarge)
    plain = composite_edit(photo, edited, fit)
    changed = (truth - photo).abs().amax(dim=-1) > 0.05
    assert asked == [(1, fit.height, fit.width, 3)]
    assert psnr(best.image[changed], truth[changed]) > psnr(plain.image[changed], truth[changed]) + 3
    composite_edit(small.photo, small.truth, own_fit(small.photo), enlarge=enlarge)
    assert len(asked) == 1


def test_an_upscale_model_that_overshoots_makes_no_values_beyond_white():
    photo = load_photo("coffee")[:128, :192]
    fit = fit_without_plan(192, 128, 96, 64)
    small = fit_images(photo[None], fit)[0]
    composited = composite_edit(photo, small, fit, Controls(mode=WHOLE), enlarge=lambda images: photo[None] * 3 - 1)
    assert composited.image.min() == 0 and composited.image.max() == 1


def test_masks_may_be_drawn_on_the_photo_or_on_the_models_picture():
    fit = plan_fit(2000, 1000, 0.1e6, method=REGION, region=Box(100, 100, 400, 400))
    drawn = torch.zeros(1, fit.height, fit.width)
    drawn[0, : fit.height // 2] = 1
    mask, note = photo_mask(drawn, 0, fit, "keep_mask")
    assert mask.shape == (1000, 2000) and note == ""
    assert mask[fit.source_box.top + 10, fit.source_box.left + 10] == 1
    assert mask[fit.source_box.bottom + 10].max() == 0
    assert photo_mask(torch.zeros(1, 64, 64), 0, fit, "keep_mask") == (None, "keep_mask is empty and was ignored.")
    assert "stretched" in photo_mask(torch.ones(1, 64, 64), 0, fit, "keep_mask")[1]


def test_a_mask_drawn_on_a_padded_picture_follows_the_photo_in_it():
    fit = plan_fit(200, 200, 0.1e6, method=PAD_BLACK, aspect=16 / 9)
    drawn = torch.zeros(1, fit.height, fit.width)
    drawn[0, :, : fit.box.left + fit.box.width // 4] = 1
    mask, _ = photo_mask(drawn, 0, fit, "edit_mask")
    assert mask[:, :48].min() == 1 and mask[:, 52:].max() == 0


def test_a_smaller_mask_of_the_same_aspect_fits_without_a_warning_and_a_broken_one_marks_nothing():
    fit = plan_fit(400, 300, 0.1e6)
    assert photo_mask(torch.ones(1, 30, 40), 0, fit, "keep_mask")[1] == ""
    broken = torch.full((1, 300, 400), torch.nan)
    assert photo_mask(broken, 0, fit, "keep_mask")[0] is None
    broken[0, :100] = 1
    assert photo_mask(broken, 0, fit, "keep_mask")[0].mean() == pytest.approx(1 / 3)


def test_a_frame_around_the_picture_is_not_filled():
    frame = torch.ones(50, 50, dtype=torch.bool)
    frame[5:45, 5:45] = False
    frame[25, 25] = True
    assert not fill_holes(frame.numpy())[30, 30]
    ring = torch.zeros(50, 50, dtype=torch.bool)
    ring[10:40, 10:40] = True
    ring[20:30, 20:30] = False
    assert fill_holes(ring.numpy())[25, 25]


def test_what_a_small_picture_cannot_tell_is_left_alone():
    photo = torch.rand(8, 10, 3)
    assert composite_edit(photo, photo, own_fit(photo)).mask.max() == 0
    assert composite_edit(photo, 1 - photo, own_fit(photo), Controls(mode=AUTOMATIC)).image.shape == photo.shape


def test_the_table_of_the_embedded_model_counts_what_stayed_untouched():
    scenes = world.sample_scenes(14, torch.Generator().manual_seed(5))
    clips = world.render(scenes, times=torch.tensor([0, 32]))
    source, truth = clips.frames[:, 0], clips.frames[:, 1]
    family = [world.FAMILIES[index] for index in scenes.family.tolist()]
    rows, _ = measure_compositing(family, source, truth, truth, source, clips.coverage)
    assert all(row["outside"] is None or row["outside"] >= 50 for row in rows)
    assert all(row["success"] for row in rows)
    assert [row["family"] for row in rows if row["whole"]] == ["focus"]
    noisy = (truth + 0.1 * torch.randn(truth.shape, generator=torch.Generator().manual_seed(1))).clamp(0, 1)
    before, _ = measure_compositing(family[:2], source[:2], noisy[:2], truth[:2], source[:2], clips.coverage[:2])
    assert before[0]["before"] < 30
    lines = compositing_table(rows).splitlines()
    assert lines[-2].split()[:3] == ["all", "14", "100.0%"]


def test_the_benchmarks_table_names_what_is_not_exact():
    row = {
        "photo": "a",
        "kind": PASTED,
        "model": "photo",
        "camera": 1.0,
        "iou": 0.9,
        "inside": 31.0,
        "before": 20.0,
        "seam": 0.0,
        "share": 0.1,
    }
    assert "CHANGED" in table([{**row, "exact": 0.0}]) and "CHANGED" not in table([{**row, "exact": 1.0}])
