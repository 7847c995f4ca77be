"""Which latent frames stay: every keep-set follows its rule, alone and one after another."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from if_edit.editing.dropout import (
    FIRST_AND_LAST,
    FIRST_AND_SETTLED,
    FRAMES,
    STRIDE,
    Drop,
    check_drops,
    first_step_at,
    latent_distances,
    parse_frames,
    settled_latent_frame,
    sort_drops,
    stride_keep,
)

WHOLE = list(range(9))


def kept(drop: Drop, present=WHOLE, latent_frames=9, prediction=None, reference_frames=0) -> list[int]:
    """The numbers of the frames that stay."""
    choice = drop.choose(present, latent_frames, prediction, reference_frames)
    return [present[index] for index in choice.keep]


def moving_until(frame: int, frames: int = 9, batch: int = 1) -> torch.Tensor:
    """A latent [B, 16, F, 8, 8] in which a quarter of the picture changes evenly until `frame`, and then rests."""
    generator = torch.Generator().manual_seed(frame)
    begin, end = torch.randn(2, batch, 16, 1, 8, 8, generator=generator)
    begin[..., 4:, :], begin[..., 4:] = end[..., 4:, :], end[..., 4:]
    progress = (torch.arange(frames) / frame).clamp(max=1).view(-1, 1, 1)
    return begin + (end - begin) * progress


# --- the rules ---


@given(st.integers(2, 60), st.data())
def test_a_stride_keeps_every_kth_frame_and_always_the_first_and_the_last(frames, data):
    stride = data.draw(st.integers(1, frames))
    keep = stride_keep(frames, stride)
    assert keep == sorted({*range(0, frames, stride), frames - 1})
    assert kept(Drop(0.9, STRIDE, stride), list(range(frames)), frames) == keep


def test_the_stride_of_the_paper_on_33_images():
    assert stride_keep(9, 3) == [0, 3, 6, 8]
    assert stride_keep(9, 1) == WHOLE
    assert stride_keep(9, 8) == stride_keep(9, 9) == [0, 8]


def test_first_and_last_keeps_two():
    assert kept(Drop(0.9, FIRST_AND_LAST)) == [0, 8]


def test_explicit_frames_are_kept_as_named_from_either_end():
    assert kept(Drop(0.9, FRAMES, frames=(0, 4, 8))) == [0, 4, 8]
    assert kept(Drop(0.9, FRAMES, frames=(-1, 0, 3, 3))) == [0, 3, 8]


@pytest.mark.parametrize("frame", range(1, 9))
def test_first_and_settled_finds_the_frame_in_which_the_prediction_comes_to_rest(frame):
    assert kept(Drop(0.6, FIRST_AND_SETTLED), prediction=moving_until(frame)) == [0, frame]


def test_a_motion_counts_however_small_a_part_of_the_picture_it_is():
    latent = torch.zeros(1, 16, 9, 30, 50)
    latent[:, :, :5, 3:8, 10:16] = 1.0  # 2 % of the picture, gone in frame 5
    assert settled_latent_frame(latent, 0.1)[0] == 5


def test_a_movement_that_comes_back_has_not_settled_before():
    latent = moving_until(2)
    latent[:, :, 6] = latent[:, :, 0]
    assert settled_latent_frame(latent, 0.1)[0] == 7


def test_the_slowest_of_a_batch_decides():
    batch = torch.cat([moving_until(2), moving_until(6), moving_until(4)])
    assert settled_latent_frame(batch, 0.1)[0] == 6


def test_a_still_video_has_settled_at_once_however_noisy_its_prediction():
    still = torch.ones(1, 16, 9, 8, 8) + 0.02 * torch.randn(1, 16, 9, 8, 8, generator=torch.Generator().manual_seed(0))
    index, reason = settled_latent_frame(still, 0.1)
    assert index == 1 and "nothing changes" in reason


@given(st.integers(1, 8), st.floats(0, 1), st.floats(0, 1))
def test_a_stricter_tolerance_never_chooses_an_earlier_frame(frame, one, other):
    latent = moving_until(frame) + 0.05 * torch.randn(1, 16, 9, 8, 8, generator=torch.Generator().manual_seed(1))
    assert settled_latent_frame(latent, min(one, other))[0] >= settled_latent_frame(latent, max(one, other))[0]


def test_the_reason_says_how_much_is_still_to_come():
    reason = Drop(0.6, FIRST_AND_SETTLED, tolerance=0.3).choose(WHOLE, 9, moving_until(4)).reason
    assert reason == "settled: 25% of the change is still to come after it, 30% may be"


def test_distances_are_those_to_the_last_frame():
    distances = latent_distances(moving_until(4, batch=2))
    assert distances.shape == (2, 9) and torch.equal(distances[:, 4:], torch.zeros(2, 5))
    assert (distances[:, :3] > distances[:, 1:4]).all()


# --- one after another ---


def test_a_later_stride_counts_the_frames_that_are_left():
    assert kept(Drop(0.6, STRIDE, 2), [0, 2, 4, 6, 8]) == [0, 4, 8]
    assert kept(Drop(0.6, STRIDE, 7), [0, 3, 6, 8]) == [0, 8]  # more than are left: the first and the last


def test_frame_numbers_stay_those_of_the_whole_video():
    assert kept(Drop(0.6, FRAMES, frames=(0, 6)), [0, 3, 6, 8]) == [0, 6]
    assert kept(Drop(0.6, FIRST_AND_SETTLED), [0, 3, 6, 8], prediction=moving_until(2, 4)) == [0, 6]


def test_references_before_the_video_always_stay():
    present = list(range(11))  # two references and nine frames
    assert kept(Drop(0.9), present, 11, reference_frames=2) == [0, 1, 2, 5, 8, 10]
    assert kept(Drop(0.9, FRAMES, frames=(0, 4)), present, 11, reference_frames=2) == [0, 1, 2, 6]
    prediction = torch.cat([torch.randn(1, 16, 2, 8, 8), moving_until(3)], 2)
    assert kept(Drop(0.9, FIRST_AND_SETTLED), present, 11, prediction, 2) == [0, 1, 2, 5]


def test_drops_are_made_from_the_highest_noise_level_down():
    late, early = Drop(0.6, FIRST_AND_LAST), Drop(0.9)
    assert sort_drops([late, early]) == (early, late)


keep_rules = st.one_of(
    st.builds(Drop, st.floats(0, 1), st.just(STRIDE), st.integers(1, 12)),
    st.builds(Drop, st.floats(0, 1), st.sampled_from([FIRST_AND_LAST, FIRST_AND_SETTLED])),
    st.builds(
        Drop, st.floats(0, 1), st.just(FRAMES), frames=st.lists(st.integers(-12, 12), min_size=2, max_size=6).map(tuple)
    ),
)


@given(st.lists(keep_rules, max_size=4), st.integers(1, 14), st.integers(0, 2))
def test_what_passes_the_check_can_be_made_and_leaves_a_video_in_order(drops, frames, references):
    """Any number of drops of any kind: either refused before the first step, or each leaves frames in order."""
    whole = frames + references
    try:
        check_drops(drops, whole, references)
    except ValueError:
        return
    present = list(range(whole))
    for drop in sort_drops(drops):
        prediction = torch.randn(1, 4, len(present), 4, 4, generator=torch.Generator().manual_seed(len(present)))
        left = kept(drop, present, whole, prediction, references)
        assert left == sorted(set(left)) and set(left) <= set(present) and len(left) >= references + 2
        assert left[:references] == list(range(references))
        if drop.keep != FRAMES:
            assert left[references] == present[references]  # the first frame
        if drop.keep in (STRIDE, FIRST_AND_LAST):
            assert left[-1] == present[-1]
        present = left


# --- what is refused ---


@pytest.mark.parametrize("stride", [0, -1, 10])
def test_a_stride_out_of_range_says_what_is_possible(stride):
    with pytest.raises(ValueError, match=f"stride is {stride}, but the video has 9 latent frames"):
        stride_keep(9, stride)


def test_a_drop_with_impossible_settings_says_which():
    with pytest.raises(ValueError, match="from 0 to 1, got 1.5"):
        Drop(1.5)
    with pytest.raises(ValueError, match="stride is 0"):
        Drop(0.9, STRIDE, 0)
    with pytest.raises(ValueError, match=r"at least two latent frames.*got \[4\]"):
        Drop(0.9, FRAMES, frames=(4,))
    with pytest.raises(ValueError, match=r"at least two latent frames.*got \[4, -5\]"):
        Drop(0.9, FRAMES, frames=(4, -5)).check(9)
    with pytest.raises(ValueError, match="fraction of the whole change, 0 to 1, got 2"):
        Drop(0.9, FIRST_AND_SETTLED, tolerance=2.0)
    with pytest.raises(ValueError, match="one of stride, .*, got 'everything'"):
        Drop(0.9, "everything")


def test_frames_that_are_not_there_name_those_that_are():
    with pytest.raises(ValueError, match=r"\[0, 9\], but the video has only the latent frames 0 to 8"):
        check_drops([Drop(0.9, FRAMES, frames=(0, 9))], 9)
    with pytest.raises(ValueError, match=r"\[0, 4\], but the video has only the latent frames 0, 3, 6, 8 at that"):
        check_drops([Drop(0.6, FRAMES, frames=(0, 4)), Drop(0.9)], 9)


def test_explicit_frames_after_settled_are_refused_because_nobody_knows_what_is_left():
    with pytest.raises(ValueError, match='cannot follow "first . settled"'):
        check_drops([Drop(0.9, FIRST_AND_SETTLED), Drop(0.6, FRAMES, frames=(0, 4))], 9)
    check_drops([Drop(0.9, FRAMES, frames=(0, 4, 8)), Drop(0.6, FIRST_AND_SETTLED)], 9)


def test_settled_without_a_prediction_says_why_there_is_none():
    with pytest.raises(ValueError, match="no step comes before the drop at sigma 1"):
        Drop(1.0, FIRST_AND_SETTLED).choose(WHOLE, 9)


def test_a_single_image_is_no_video():
    with pytest.raises(ValueError, match="at least 2 latent frames, got 1"):
        check_drops([Drop(0.9, FIRST_AND_LAST)], 2, reference_frames=1)


@pytest.mark.parametrize(
    ("text", "frames"), [("0, 4, 8", (0, 4, 8)), ("0 4 -1", (0, 4, -1)), (" 0;2,\n6, ", (0, 2, 6))]
)
def test_frame_numbers_are_read_as_people_write_them(text, frames):
    assert parse_frames(text) == frames


@pytest.mark.parametrize("text", ["", " , ", "first", "0-4", "1.5, 2"])
def test_other_texts_are_refused_with_an_example(text):
    with pytest.raises(ValueError, match='such as "0, 4, 8"'):
        parse_frames(text)


@pytest.mark.parametrize(("sigma", "step"), [(1.0, 0), (0.9, 1), (0.89, 2), (0.5, 2), (0.2, 3), (0.0, 3)])
def test_a_drop_comes_before_the_first_step_that_starts_at_or_below_its_noise_level(sigma, step):
    sigmas = torch.tensor([1.0, 0.9, 0.5, 0.0], dtype=torch.float32)
    assert float(sigmas[1]) != 0.9
    assert first_step_at(sigmas, sigma) == step  # the last value is where denoising ends, no step starts there
    assert first_step_at(sigmas + 5e-7, 0.9) == 1
