"""A photo becomes the model's picture and finds its way back."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from if_edit.editing.compositing.fit import (
    CROP,
    PAD_BLACK,
    PAD_BLURRED,
    REGION,
    RESOLUTIONS,
    Box,
    fit_images,
    fit_without_plan,
    mask_box,
    model_size,
    plan_fit,
    resample,
    shown_part,
)

PIXELS = RESOLUTIONS["480p"]


def photo(height, width, count=1, channels=3):
    """Smooth, so that resampling can be undone."""
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    planes = [x, y, (x + y) / 2, 1 - x][:channels]
    return torch.stack(planes, dim=-1)[None].repeat(count, 1, 1, 1) * 0.8 + 0.1


@pytest.mark.parametrize(
    "aspect, resolution, multiple_of, size",
    [
        (16 / 9, "480p", 16, (832, 480)),
        (9 / 16, "480p", 16, (480, 832)),
        (16 / 9, "720p", 16, (1280, 720)),
        (16 / 9, "720p", 32, (1280, 704)),
        (1.0, "480p", 16, (624, 624)),
    ],
)
def test_sizes_that_wan_was_made_for_are_taken_where_they_are_near(aspect, resolution, multiple_of, size):
    assert model_size(aspect, RESOLUTIONS[resolution], multiple_of) == size


@settings(max_examples=80, deadline=None)
@given(
    width=st.integers(40, 9000),
    height=st.integers(40, 9000),
    megapixels=st.floats(0.05, 2.0),
    multiple=st.sampled_from([16, 32]),
    method=st.sampled_from([CROP, PAD_BLACK, PAD_BLURRED, REGION]),
    aspect=st.sampled_from([None, 1.0, 16 / 9]),
    corner=st.tuples(st.floats(0, 0.9), st.floats(0, 0.9)),
)
def test_every_fit_keeps_its_multiples_its_resolution_and_the_photos_shape(
    width, height, megapixels, multiple, method, aspect, corner
):
    pixels = megapixels * 1024 * 1024
    region = Box(int(corner[0] * width), int(corner[1] * height), max(1, width // 8), max(1, height // 6))
    fit = plan_fit(width, height, pixels, multiple, method, aspect, region, margin=0.2)
    assert fit.width % multiple == 0 and fit.height % multiple == 0
    assert fit.width * fit.height <= 1.05 * pixels or multiple in (fit.width, fit.height)
    source, box = fit.source_box, fit.box
    assert 0 <= source.left and 0 <= source.top and source.right <= width and source.bottom <= height
    assert 0 <= box.left and 0 <= box.top and box.right <= fit.width and box.bottom <= fit.height
    across, down = source.width / box.width, source.height / box.height
    slack = 1 / min(source.width, source.height) + 1 / min(box.width, box.height)  # whole pixels
    assert abs(math.log(across / down)) <= 0.03 + 2 * slack
    if method == REGION:
        inside = Box(region.left, region.top, min(width, region.right) - region.left, 1)
        assert source.left <= inside.left and inside.right <= source.right
    elif method != CROP:
        assert (source.width, source.height) == (width, height)


def test_a_photo_of_the_models_size_goes_through_unchanged_and_back():
    image = torch.rand(2, 480, 832, 3)
    fit = plan_fit(832, 480, PIXELS)
    assert torch.equal(fit_images(image, fit), image)
    assert torch.equal(shown_part(image, fit), image)


@pytest.mark.parametrize("size", [(300, 451), (451, 300), (200, 1200), (999, 1001)])
@pytest.mark.parametrize("method", [CROP, PAD_BLACK, PAD_BLURRED])
def test_the_way_back_ends_where_it_began(size, method):
    image = photo(*size)
    fit = plan_fit(size[1], size[0], PIXELS, method=method, aspect=16 / 9)
    fitted = fit_images(image, fit, method)
    assert fitted.shape == (1, fit.height, fit.width, 3)
    box = fit.source_box
    back = resample(shown_part(fitted, fit), box.width, box.height)
    inner = (slice(None), slice(4, -4), slice(4, -4))
    assert (back - image[:, box.window[0], box.window[1]])[inner].abs().max() < 2e-3


@pytest.mark.parametrize("width, height", [(900, 400), (500, 400)], ids=["padded above", "padded beside"])
def test_an_enlarged_edit_finds_its_way_back_as_well(width, height):
    image = photo(height, width)
    fit = plan_fit(width, height, PIXELS, method=PAD_BLACK, aspect=16 / 9)
    enlarged = resample(fit_images(image, fit, PAD_BLACK), 2 * fit.width, 2 * fit.height)
    back = resample(shown_part(enlarged, fit), width, height)
    assert (back - image)[:, 8:-8, 8:-8].abs().max() < 5e-3


def test_a_small_difference_of_aspect_is_squeezed_and_not_cut_off():
    fit = plan_fit(512, 341, 512 * 341)
    assert (fit.source_box.width, fit.source_box.height) == (512, 341)
    assert (fit.box.width, fit.box.height) == (fit.width, fit.height)


@pytest.mark.parametrize(
    "photo_size, size, part",
    [((1200, 400), (832, 480), Box(253, 0, 693, 400)), ((400, 1200), (480, 832), Box(0, 253, 400, 693))],
    ids=["landscape", "portrait"],
)
def test_crop_cuts_the_ends_off_evenly_and_an_aspect_stands_upright_with_the_photo(photo_size, size, part):
    fit = plan_fit(*photo_size, PIXELS, aspect=16 / 9)
    assert (fit.width, fit.height) == size
    assert fit.source_box == part


def test_padding_is_black_or_the_blurred_edge():
    image = photo(300, 300) * 0 + 0.6
    fit = plan_fit(300, 300, PIXELS, method=PAD_BLACK, aspect=16 / 9)
    assert fit.box.left == (fit.width - fit.box.width) // 2 > 0
    assert fit_images(image, fit, PAD_BLACK)[:, :, : fit.box.left].abs().max() == 0
    assert torch.allclose(fit_images(image, fit, PAD_BLURRED), torch.tensor(0.6), atol=1e-5)


def test_a_blurred_edge_is_blurred():
    stripes = photo(300, 300) * 0 + (torch.arange(300) // 10 % 2)[:, None, None]
    fit = plan_fit(300, 300, PIXELS, method=PAD_BLURRED, aspect=16 / 9)
    fitted = fit_images(stripes, fit, PAD_BLURRED)
    assert fitted[:, :, fit.box.left].std() > 0.4  # the photo's own first column
    assert fitted[:, :, 0].std() < 0.1


def test_a_photo_of_another_size_than_the_fits_is_refused_with_both_sizes():
    with pytest.raises(ValueError, match="image is 60 x 100, the fit was made of a photo of 100 x 60"):
        fit_images(torch.zeros(1, 100, 60, 3), plan_fit(100, 60, PIXELS))


def test_each_photo_of_a_batch_becomes_its_own_picture():
    images = torch.cat([photo(300, 451), photo(300, 451).flip(2)])
    fit = plan_fit(451, 300, PIXELS)
    assert torch.equal(fit_images(images, fit)[1:], fit_images(images[1:], fit))


def test_a_region_of_a_large_photo_is_shown_at_the_models_full_size():
    fit = plan_fit(6000, 4000, PIXELS, method=REGION, region=Box(4000, 3000, 700, 400), margin=0.1)
    assert fit.scale < 1.2  # nearly a pixel of the photo for a pixel of the model
    assert fit.source_box.left <= 3930 and fit.source_box.right >= 4770


def test_a_region_at_the_corner_stays_inside_of_the_photo():
    fit = plan_fit(1000, 1000, PIXELS, method=REGION, region=Box(990, 0, 10, 200), margin=0.5)
    assert fit.source_box.right == 1000 and fit.source_box.top == 0
    assert max(fit.width / fit.height, fit.height / fit.width) < 2.2


@pytest.mark.parametrize("region", [None, Box(10, 10, 0, 0), Box(10, 10, 5, -1)])
def test_a_region_without_a_size_is_refused(region):
    with pytest.raises(ValueError, match="Connect a mask that marks what to edit"):
        plan_fit(100, 100, PIXELS, method=REGION, region=region)


def test_a_region_outside_of_the_photo_is_refused_with_both_sizes():
    with pytest.raises(ValueError, match=r"x 200, y 0, 50 x 50 pixels, lies outside of the photo of 100 x 100"):
        plan_fit(100, 100, PIXELS, method=REGION, region=Box(200, 0, 50, 50))


def test_the_box_of_a_mask_is_in_pixels_of_the_photo():
    mask = torch.zeros(1, 50, 100)
    mask[0, 10:20, 30:60] = 1
    assert mask_box(mask, 1000, 250) == Box(300, 50, 300, 50)
    assert mask_box(torch.zeros(1, 64, 64), 1000, 500) is None


def test_the_box_goes_around_all_masks_but_not_around_what_is_hardly_marked():
    masks = torch.zeros(2, 50, 100)
    masks[0, 10:20, 30:60] = 1
    masks[1, 15:25, 55:70] = 1
    masks[:, 40:, 90:] = 0.05  # what a soft brush leaves
    assert mask_box(masks, 100, 50) == Box(30, 10, 40, 15)


def test_without_a_fit_another_aspect_is_refused_with_both_sizes():
    with pytest.raises(ValueError, match=r"6000 x 4000 .*832 x 480 .*Fit Image for Wan"):
        fit_without_plan(6000, 4000, 832, 480)
    assert fit_without_plan(3000, 2000, 768, 512).source_box == Box(0, 0, 3000, 2000)
    assert fit_without_plan(512, 341, 512, 336).source_box.width == 512  # as near as multiples of 16 come


def test_values_between_the_steps_of_255_survive():
    image = torch.full((1, 64, 64, 3), 0.123456)
    assert torch.allclose(resample(image, 100, 90), torch.tensor(0.123456), atol=1e-6)


def test_a_sharp_edge_stays_between_black_and_white_at_every_size():
    edge = torch.zeros(1, 32, 32, 3)
    edge[:, :, 16:] = 1
    enlarged = resample(edge, 80, 80)  # Lanczos rings at edges
    assert enlarged.min() == 0 and enlarged.max() == 1


def test_enlarging_keeps_fine_waves():
    def waves(width):  # of 5 pixels at a width of 100
        across = 0.5 + 0.4 * torch.sin(2 * math.pi * 20 * (torch.arange(width) + 0.5) / width)
        return across[None, None, :, None].expand(1, 8, -1, 3)

    wrong = (resample(waves(100), 200, 8) - waves(200))[:, :, 10:-10].abs().max()
    assert wrong < 0.012  # bicubic is wrong by 0.017, bilinear by 0.056


@pytest.mark.parametrize("values", [{"aspect": 0}, {"pixels": -1}, {"aspect": float("nan")}])
def test_a_size_without_measure_is_refused(values):
    with pytest.raises(ValueError, match="positive"):
        model_size(**{"aspect": 1.5, "pixels": PIXELS, **values})
