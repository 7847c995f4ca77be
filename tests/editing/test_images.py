"""The Laplacian score orders frames as the eye does, at every resolution."""

import pytest
import torch
import torch.nn.functional as F
from if_edit.editing.images import laplacian_sharpness, parse_frame_numbers, split_videos
from if_edit.tests.support.clips import ball, moving_ball


def blurred(picture, width):
    pictures = F.pad(picture.movedim(-1, 1), (width // 2,) * 4, mode="replicate")
    return F.avg_pool2d(pictures, width, stride=1).movedim(1, -1)


@pytest.fixture(scope="module")
def picture():
    return torch.from_numpy(ball(0.5)).float()[None]


def test_the_more_blur_the_lower_the_score(picture):
    scores = [float(laplacian_sharpness(blurred(picture, width))) for width in (1, 3, 5, 9)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 2 * scores[1] > 0


def test_motion_blur_lowers_the_score_and_rest_restores_it():
    scores = laplacian_sharpness(moving_ball(settles=12, radius=0.25))
    assert scores[3] < 0.9 * scores[12]
    assert scores[12:].std() < 1e-3


def test_the_score_is_the_variance_of_the_laplacian_of_the_luma():
    image = torch.zeros(1, 5, 5, 3)
    image[0, 2, 2, 1] = 1.0  # one green pixel: luma 255 * 0.587
    peak = 255 * 0.587
    expected = (16 + 4) * peak**2 / 25  # the sum of L is 0
    assert float(laplacian_sharpness(image)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("shape", [(2, 1, 1, 3), (1, 1, 40, 3), (1, 40, 1, 1)])
def test_even_and_tiny_pictures_have_no_sharpness(shape):
    assert laplacian_sharpness(torch.full(shape, 0.3)).abs().max() < 1e-6


def test_a_gradient_scores_almost_nothing_at_its_borders_too():
    gradient = torch.linspace(0, 1, 64)[None, None, :, None].expand(1, 64, 64, 3)
    assert float(laplacian_sharpness(gradient)) < 1


def test_720p_scores_like_480p():
    def scene(height, width):
        pattern = torch.rand(1, 3, 60, 104, generator=torch.Generator().manual_seed(0))
        return F.interpolate(pattern, (height, width), mode="bicubic").clamp(0, 1).movedim(1, -1)

    small, large = (float(laplacian_sharpness(scene(*size))) for size in ((480, 832), (720, 1248)))
    assert large == pytest.approx(small, rel=0.1)


def test_one_score_for_each_frame_and_nan_is_refused(picture):
    clip = picture.repeat(5, 1, 1, 1)
    assert laplacian_sharpness(clip).shape == (5,)
    clip[2] = float("nan")
    with pytest.raises(ValueError, match="NaN"):
        laplacian_sharpness(clip)


# ---- the numbers of frames


@pytest.mark.parametrize(
    ("numbers", "videos"),
    [
        ("0, 12, 24, 32, 0, 12, 24, 32", [(0, 4), (4, 8)]),
        ("0, 32, 0, 32, 0, 32", [(0, 2), (2, 4), (4, 6)]),
        ("0, 4, 8, 0, 4", [(0, 3), (3, 5)]),  # of different lengths
        ("4, 8, 4, 8", [(0, 2), (2, 4)]),  # without their first frames
        ("0, 0", [(0, 1), (1, 2)]),
        ("0, 12, 24, 32", [(0, 4)]),
        ("7", [(0, 1)]),
        ("", [(0, 8)]),
    ],
)
def test_a_video_begins_where_the_first_number_comes_again(numbers, videos):
    parsed = parse_frame_numbers(numbers, videos[-1][1])
    assert [(video.start, video.stop) for video in split_videos(parsed)] == videos


@pytest.mark.parametrize("numbers", ["0, 24, 12", "0, 12, 12", "0, 4, 0, 8, 4"])
def test_within_a_video_the_numbers_rise(numbers):
    with pytest.raises(ValueError, match=f"must rise from frame to frame, got {numbers}"):
        parse_frame_numbers(numbers, numbers.count(",") + 1)
