"""The earliest frame after which nothing changes, on clips whose moment of completion is known."""

import pytest
import torch
from if_edit.editing.selection.settling import settle, settled_frame
from if_edit.tests.support.clips import ball, moving_ball, with_grain, with_vae_flicker


def fade(start, end, settles, frames=33):
    return torch.stack([start + (end - start) * min(1, frame / settles) for frame in range(frames)])


@pytest.fixture(scope="module")
def with_ball():
    return torch.from_numpy(ball(0.5)).float()


@pytest.fixture(scope="module")
def without_ball():
    return torch.from_numpy(ball(0.5, radius=-1)).float()


@pytest.mark.parametrize("settles", [4, 11, 18, 26])
def test_a_blurred_motion_is_done_when_the_ball_rests(settles):
    assert settled_frame(moving_ball(settles=settles)) == settles


@pytest.mark.parametrize("settles", [4, 18, 26])
def test_grain_does_not_hide_the_moment(settles):
    assert abs(settled_frame(with_grain(moving_ball(settles=settles), 0.02)) - settles) <= 1


@pytest.mark.parametrize("settles", [8, 18])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_flicker_of_a_vae_moves_it_by_no_more_than_a_latent_frame(settles, seed):
    clip = with_vae_flicker(moving_ball(settles=settles), 0.02, seed)
    assert abs(settled_frame(clip) - settles) <= 4


def test_heavy_flicker_is_not_taken_for_a_change_that_goes_on_until_the_end():
    assert settled_frame(with_vae_flicker(moving_ball(settles=20), 0.08, 0)) <= 28


def test_a_small_ball_counts_as_much_as_a_large_one():
    assert abs(settled_frame(moving_ball(settles=15, radius=0.03)) - 15) <= 1


@pytest.mark.parametrize("settles", [10, 20])
def test_an_object_that_fades_away_is_done_when_it_is_nearly_gone(with_ball, without_ball, settles):
    clip = with_grain(fade(with_ball, without_ball, settles), 0.01)
    assert settles - 3 <= settled_frame(clip) <= settles + 1  # less than a latent frame early


def test_a_change_of_the_whole_picture_is_followed_to_its_end(with_ball):
    assert 17 <= settled_frame(with_grain(fade(with_ball, with_ball * 0.5, 20), 0.01)) <= 21


def test_the_ghost_that_a_causal_vae_leaves_behind_is_no_change(with_ball, without_ball):
    clip = fade(with_ball, without_ball, 10)
    for frame in range(11, 19):
        clip[frame] += (with_ball - without_ball) * 0.12 * 0.75 ** (frame - 10)
    assert settled_frame(clip) <= 12


def test_a_picture_that_comes_into_focus_is_done_when_it_is_sharp():
    sharp = torch.rand(64, 64, 3, generator=torch.Generator().manual_seed(0)) * 0.1 + 0.4
    soft = torch.nn.functional.avg_pool2d(sharp.movedim(-1, 0)[None], 5, 1, 2, count_include_pad=False)
    clip = fade(soft[0].movedim(0, -1), sharp, 20)
    assert 17 <= settled_frame(clip) <= 21


def test_what_never_rests_gives_one_of_the_last_frames(with_ball):
    assert settled_frame(moving_ball(settles=60)) >= 31
    assert settled_frame(fade(with_ball, with_ball * 0.3, 40)) >= 31


@pytest.mark.parametrize(("settles", "position"), [(12, 1), (20, 2), (31, 3)])
def test_four_keyframes_are_enough(settles, position):
    keyframes = moving_ball(settles=settles)[[0, 12, 24, 32]]
    assert settled_frame(keyframes) == position


def test_keyframes_of_a_motion_that_goes_on_are_no_noise():
    keyframes = moving_ball(settles=60)[[0, 12, 24, 32]]
    assert settled_frame(keyframes) == 3
    assert settled_frame(with_grain(keyframes, 0.02)) == 3


@pytest.mark.parametrize("grain", [0, 0.02, 0.06])
def test_a_still_clip_is_done_at_once(with_ball, grain):
    clip = with_grain(with_ball.repeat(33, 1, 1, 1), grain)
    assert settle(clip).first == 0


def test_identical_frames_and_a_single_frame_give_the_first(with_ball):
    assert settled_frame(with_ball.repeat(9, 1, 1, 1)) == 0
    assert settled_frame(with_ball[None]) == 0
    assert settled_frame(torch.rand(3, 1, 1, 3)[:1].repeat(3, 1, 1, 1)) == 0


def test_among_equals_a_blurred_frame_gives_way_to_a_sharp_one():
    clip = moving_ball(settles=12, blur=False)
    soft = torch.nn.functional.avg_pool2d(clip[12:14].movedim(-1, 1), 3, 1, 1, count_include_pad=False).movedim(1, -1)
    clip[12:14] = clip[12:14] * 0.8 + soft * 0.2
    result = settle(clip)
    assert result.first == 12
    assert {12, 13, 14, 15} <= set(result.equals)
    assert result.frame == 14


def test_a_sharper_frame_is_looked_for_only_nearby_because_later_ones_drift():
    clip = moving_ball(settles=12, blur=False)
    soft = torch.nn.functional.avg_pool2d(clip[12:22].movedim(-1, 1), 3, 1, 1, count_include_pad=False).movedim(1, -1)
    clip[12:22] = clip[12:22] * 0.8 + soft * 0.2
    assert settle(clip).frame == 12
    keyframes = [0, 4, 8, 12, 22, 26, 32]
    assert settle(clip[keyframes], keyframes).frame == keyframes.index(22)  # the next one is the nearest there is


def test_among_equally_sharp_frames_the_earliest_wins():
    result = settle(moving_ball(settles=12))
    assert result.equals == tuple(range(12, 33))
    assert result.frame == 12


def test_a_single_flickering_frame_is_no_change(with_ball, without_ball):
    clip = fade(with_ball, without_ball, 10)
    clip[20] = clip[20] * 0.9
    assert settled_frame(clip) == 10


def test_the_answer_does_not_depend_on_channels_or_precision():
    clip = moving_ball(settles=18)
    grey = clip.mean(dim=-1, keepdim=True)
    transparent = torch.cat([clip, torch.rand(33, 96, 96, 1)], dim=-1)
    assert settled_frame(grey) == settled_frame(transparent) == settled_frame(clip.half()) == 18


def test_nan_is_named_with_the_frame_it_is_in():
    clip = moving_ball()
    clip[7, 3, 3, 0] = float("nan")
    with pytest.raises(ValueError, match=r"frames \[33, 96, 96, 3\] contains NaN or infinite values .*image 7"):
        settle(clip)


@pytest.mark.parametrize("shape", [(64, 64, 3), (0, 8, 8, 3), (4, 8, 8, 2), (1, 16, 9, 8, 8)])
def test_what_is_no_picture_is_refused_with_its_shape(shape):
    with pytest.raises(ValueError, match=r"frames must be images .* got \["):
        settle(torch.zeros(shape))
