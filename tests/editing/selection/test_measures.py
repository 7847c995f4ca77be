"""Remaining change, stability, sharpness, drift and content tell what they promise, and survive every kind of clip."""

import math
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import torch.nn.functional as F
from if_edit.editing.parallel import in_parallel
from if_edit.editing.selection.choose import SELECTION_METHODS, choose_frame, rank_frames, score_frames
from if_edit.editing.selection.measures import (
    content_change,
    content_rest,
    drift,
    measure_frames,
    remaining_change,
    sharpness,
    stability,
)
from if_edit.editing.selection.plot import curves, plot_measures
from if_edit.tests.support.clips import moving_ball, with_grain, with_vae_flicker

HEIGHT, WIDTH = 240, 416


@pytest.fixture(scope="module")
def texture():
    noise = torch.rand(1, 3, 20, 30, generator=torch.Generator().manual_seed(0))
    return F.interpolate(noise, (480, 720), mode="bicubic").clamp(0.1, 0.9)


@pytest.fixture(scope="module")
def shot(texture):
    """A photo of a textured wall, taken by a camera that can be moved, with a red disc that an edit moves."""

    def take(disc=-0.2, right=0.0, down=0.0, zoom=0.0, turn=0.0, size=(HEIGHT, WIDTH)):
        height, width = size
        y = ((torch.arange(height) - (height - 1) / 2) / width)[:, None].expand(height, width)
        x = ((torch.arange(width) - (width - 1) / 2) / width)[None].expand(height, width)
        cos, sin = math.cos(turn), math.sin(turn)
        seen_x, seen_y = (x * cos - y * sin) * (1 + zoom) + right, (x * sin + y * cos) * (1 + zoom) + down
        grid = torch.stack([1.4 * seen_x, 1.4 * 1.5 * seen_y], dim=-1)[None]
        wall = F.grid_sample(texture, grid, align_corners=False)[0].movedim(0, -1)
        covered = ((x - disc).square() + y.square() < 0.01)[..., None]
        return torch.where(covered, torch.tensor([0.9, 0.1, 0.1]), wall)

    return take


# ---- remaining change, stability, sharpness


def test_remaining_change_falls_to_zero_when_the_edit_is_done():
    missing = remaining_change(moving_ball(settles=18))
    assert missing[0] > 0.3
    assert missing[18:].max() < 1e-5
    assert missing[17] > 0.02


def test_stability_is_the_motion_of_a_frame_among_its_neighbours():
    motion = stability(moving_ball(settles=18))
    assert motion[5] > 0.1
    assert motion[20:].max() < 1e-5
    clip = torch.zeros(4, 8, 8, 3)
    clip[2:] = 0.6  # one jump, between 1 and 2
    assert stability(clip).tolist() == pytest.approx([0, 0.3, 0.3, 0])


def test_motion_counts_per_frame_of_the_video_and_not_per_kept_frame():
    clip = torch.stack([torch.full((8, 8, 3), value) for value in (0.0, 0.12, 0.24, 0.32)])
    assert stability(clip, [0, 12, 24, 32]).tolist() == pytest.approx([0.01] * 4)
    assert stability(clip)[0] == pytest.approx(0.12)


def test_the_measures_choose_the_same_frame_at_480p_and_at_720p():
    """One scene, drawn at both sizes: a disc that moves blurred and then rests; the frames at the end are soft."""
    detail = torch.rand(1, 3, 180, 312, generator=torch.Generator().manual_seed(0))

    def soft(frame, width):
        picture = F.pad(frame.movedim(-1, 0)[None], (width // 2,) * 4, mode="replicate")
        return F.avg_pool2d(picture, width, 1)[0].movedim(0, -1)

    def clip(height, width):
        wall = F.interpolate(detail, (height, width), mode="bicubic")[0].clamp(0, 1).movedim(0, -1)
        y = (torch.arange(height) / height)[:, None] - 0.5
        x = (torch.arange(width) / height)[None]
        frames = []
        for frame in range(17):
            places = [0.3 + min(1.0, (frame - blur) / 8) for blur in (0.0, 0.3, 0.6)]
            distances = torch.stack([torch.hypot(x - place, y.expand(height, width)) for place in places])
            cover = ((0.2 - distances) * height + 0.5).clamp(0, 1).mean(dim=0)[..., None]
            frames.append(wall * (1 - cover) + torch.tensor([0.9, 0.1, 0.1]) * cover)
        for frame, softness in ((13, 6), (14, 4), (15, 2), (16, 8)):  # pixels of blur at 480p
            frames[frame] = soft(frames[frame], round(softness * height / 480) // 2 * 2 + 1)
        return torch.stack(frames)

    small, large = (measure_frames(clip(*size), range(17)) for size in ((480, 832), (720, 1248)))
    for method in SELECTION_METHODS[:3]:
        assert choose_frame(small, method).position == choose_frame(large, method).position, method
    assert choose_frame(small, "sharpest late").position == 15
    assert choose_frame(small).position == 9
    assert small.sharpness[:13].tolist() == pytest.approx(large.sharpness[:13].tolist(), rel=0.15)
    assert rank_frames(small, 2) == rank_frames(large, 2)


# ---- drift


def test_the_edit_itself_is_no_drift(shot):
    moved, removed = shot(disc=0.2), shot(disc=9)
    assert drift(torch.stack([moved, removed]), shot()[None]).total.max() < 0.2


@pytest.mark.parametrize("shift", [0.002, 0.005, 0.02, 0.06])
@pytest.mark.parametrize("way", ["right", "down"])
def test_a_camera_that_wanders_is_measured_in_shares_of_the_picture(shot, shift, way):
    found = drift(shot(disc=0.2, **{way: shift})[None], shot()[None])
    assert float(found.camera) == pytest.approx(shift, rel=0.1, abs=3e-4)
    assert float(found.color) < 0.02


def test_zoom_and_turn_are_seen_too(shot):
    inertia = (1 + (HEIGHT / WIDTH) ** 2) / 12  # mean square distance from the middle, in widths
    for options in ({"zoom": 0.03}, {"turn": 0.03}):
        found = float(drift(shot(disc=0.2, **options)[None], shot()[None]).camera)
        assert found == pytest.approx(0.03 * math.sqrt(inertia), rel=0.15)


@pytest.mark.parametrize("gain", [0.95, 0.8])
def test_a_change_of_exposure_is_measured_where_the_edit_is_not(shot, gain):
    found = drift(shot(disc=0.2)[None] * gain, shot()[None])
    wall = shot(disc=9)
    expected = ((wall * (1 - gain)).square().mean(dim=(0, 1)).mean()).sqrt()
    assert float(found.color) == pytest.approx(float(expected), rel=0.1)
    assert float(found.camera) < 0.001


def test_a_tint_counts_though_the_brightness_stays(shot):
    tinted = (shot(disc=0.2) + torch.tensor([0.03, 0.0, -0.03])).clamp(0, 1)
    assert float(drift(tinted[None], shot()[None]).color) == pytest.approx(0.03 * math.sqrt(2 / 3), rel=0.1)


def test_noise_is_no_drift(shot):
    assert float(drift(with_grain(shot(disc=0.2)[None], 0.05), shot()[None]).total) < 0.5


def test_one_is_just_noticed(shot):
    assert float(drift(shot(right=0.005)[None], shot()[None]).total) == pytest.approx(1, abs=0.2)
    assert float(drift(shot()[None] + 0.02, shot()[None]).total) == pytest.approx(1, abs=0.2)


def test_a_source_of_other_size_and_proportions_is_cut_to_the_frames(shot):
    large = F.interpolate(shot()[None].movedim(-1, 1), scale_factor=2, mode="bilinear").movedim(1, -1)
    bars = torch.zeros(1, 480, 60, 3)
    wide = torch.cat([bars, large, bars], dim=2)
    assert float(drift(shot(disc=0.2)[None], wide).total) < 0.4


def test_without_a_source_the_first_frame_takes_its_place(shot):
    clip = torch.stack([shot(), shot(right=0.01), shot(right=0.02)])
    assert drift(clip).camera.tolist() == pytest.approx([0, 0.01, 0.02], abs=1e-3)


def test_an_even_picture_shows_no_camera(shot):
    grey = torch.full((1, HEIGHT, WIDTH, 3), 0.5)
    found = drift(grey + 0.1, grey)
    assert float(found.camera) < 1e-4
    assert float(found.color) == pytest.approx(0.1, rel=0.02)


# ---- content


def test_content_is_the_cosine_distance_to_the_last_frame():
    embeddings = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 2.0], [0.0, 1.0]])
    assert content_change(embeddings).tolist() == pytest.approx([1, 1 - math.sqrt(0.5), 0, 0], abs=1e-6)
    assert content_rest(embeddings) == 2
    assert content_rest(embeddings[:1]) == 0


def test_content_rests_though_the_picture_never_does():
    generator = torch.Generator().manual_seed(0)
    clip = moving_ball(settles=12)
    clip[:, 70:90, 60:90] = torch.rand(33, 1, 1, 3, generator=generator)  # a flag that never stops waving
    seen = torch.tensor([[math.cos(angle), math.sin(angle)] for angle in [min(1, i / 12) for i in range(33)]])
    seen = seen + 0.01 * torch.randn(33, 2, generator=generator)
    blind, seeing = measure_frames(clip, range(33)), measure_frames(clip, range(33), None, seen)
    assert blind.settling.first >= 28
    assert choose_frame(blind).position >= 28
    assert abs(seeing.content_rest - 12) <= 2
    assert seeing.content_rest <= choose_frame(seeing).position < seeing.content_rest + 4


def test_an_encoder_that_is_unsure_does_not_hide_the_moment():
    generator = torch.Generator().manual_seed(1)
    angles = torch.tensor([min(1.0, frame / 12) for frame in range(33)])
    seen = F.pad(torch.stack([angles.cos(), angles.sin()], dim=1), (0, 62))  # as many numbers as encoders give
    seen = seen + 0.1 / math.sqrt(32) * torch.randn(33, 64, generator=generator)
    assert abs(content_rest(seen) - 12) <= 2


def test_an_encoder_changes_nothing_where_the_picture_comes_to_rest():
    clip = moving_ball(settles=12)
    assert choose_frame(measure_frames(clip, range(33), None, torch.rand(33, 8))) == choose_frame(
        measure_frames(clip, range(33))
    )


# ---- every kind of clip


CLIPS = {
    "one frame": moving_ball()[:1],
    "two frames": moving_ball()[[0, 32]],
    "identical frames": moving_ball()[:1].repeat(9, 1, 1, 1),
    "black": torch.zeros(5, 32, 48, 3),
    "one pixel": torch.rand(4, 1, 1, 3),
    "one row": torch.rand(4, 1, 64, 3),
    "noise": torch.rand(6, 40, 30, 3),
    "keyframes": moving_ball(settles=20)[[0, 12, 24, 32]],
    "flicker": with_vae_flicker(moving_ball(settles=8)),
}


@pytest.mark.parametrize("name", CLIPS)
def test_every_clip_has_finite_measures_and_a_choice(name):
    clip = CLIPS[name]
    numbers = [0, 12, 24, 32] if name == "keyframes" else list(range(len(clip)))
    measures = measure_frames(clip, numbers)
    for values in (
        measures.remaining_change,
        measures.motion,
        measures.sharpness,
        measures.drift.total,
        score_frames(measures),
    ):
        assert values.shape == (len(clip),)
        assert torch.isfinite(values).all() and values.min() >= 0
    assert all(0 <= float(values.min()) and float(values.max()) <= 1 for values in curves(measures).values())
    for method in SELECTION_METHODS[:3]:
        assert 0 <= choose_frame(measures, method).position < len(clip)
    assert sorted(rank_frames(measures, 99)) == list(range(len(clip)))
    page = plot_measures(measures, numbers[-1], numbers[:3])
    assert page.shape[0] == 1 and page.shape[2] == 1024 and torch.isfinite(page).all()


def test_each_measure_alone_gives_what_all_together_give():
    clip, source = moving_ball(settles=12)[::4], moving_ball()[:1] * 0.9
    numbers = list(range(0, 33, 4))
    together = measure_frames(clip, numbers, source)
    assert torch.equal(remaining_change(clip), together.remaining_change)
    assert torch.equal(stability(clip, numbers), together.motion)
    assert torch.equal(sharpness(clip), together.sharpness)
    assert torch.equal(drift(clip, source).total, together.drift.total)


def test_two_frames_cannot_show_when_the_edit_was_done_and_the_reason_says_so():
    two = measure_frames(moving_ball()[[0, 32]], [0, 32])
    choice = choose_frame(two)
    assert choice.position == 1
    assert choice.reason.startswith("frame 32: the later of 2; when the edit was done cannot be seen from two frames")
    assert "changes until the end" not in choice.reason
    same = choose_frame(measure_frames(moving_ball()[[0, 0]], [0, 32]))
    assert same.reason.startswith("frame 0: the earlier of 2 that show the same")


def test_an_unknown_method_names_those_there_are():
    with pytest.raises(ValueError, match="no method 'best'.* settled, sharpest late, last"):
        choose_frame(measure_frames(moving_ball()[:2], [0, 1]), "best")


# ---- ranking


def test_the_best_frames_are_done_sharp_and_not_alike():
    clip = moving_ball(settles=12)
    best = rank_frames(measure_frames(clip, range(33)), 4, leading=[12])
    assert best[0] == 12
    assert all(place >= 12 for place in best)
    assert min(abs(a - b) for a in best for b in best if a != b) >= 4


def test_what_was_chosen_leads_the_ranking():
    measures = measure_frames(moving_ball(settles=12), range(33))
    assert rank_frames(measures, 3, [2, 20, 2])[:2] == [2, 20]
    assert rank_frames(measures, 3, [2, 3])[:2] == [2, 3]  # however near
    assert len(set(rank_frames(measures, 33, [5]))) == 33


def test_a_blurred_and_a_drifted_frame_rank_lower():
    clip = moving_ball(settles=8)
    soft = F.avg_pool2d(clip[20].movedim(-1, 0)[None], 3, 1, 1, count_include_pad=False)[0].movedim(0, -1)
    clip[20] = 0.8 * clip[20] + 0.2 * soft
    clip[24] = clip[24] * 0.98
    measures = measure_frames(clip, range(33))
    assert (
        measures.remaining_change[[20, 24]].max() <= measures.settling.tolerance
    )  # so that it is not for an unfinished edit
    score = score_frames(measures)
    assert score[20] < 0.9 * score[16] and score[24] < 0.98 * score[16]
    assert score[2] < 0.3 * score[16]


def test_candidates_run_out_only_when_the_frames_do():
    measures = measure_frames(moving_ball(settles=4)[:6], range(6))
    assert len(rank_frames(measures, 3)) == 3
    assert sorted(rank_frames(measures, 64)) == [0, 1, 2, 3, 4, 5]


# ---- the plot


def test_the_plot_marks_the_choice_and_draws_every_measure():
    measures = measure_frames(moving_ball(settles=12), range(33))
    plain, marked = plot_measures(measures, None), plot_measures(measures, 12, [12, 20])
    assert plain.shape == marked.shape
    accent = torch.tensor([255, 176, 0]) / 255
    near_accent = (marked[0] - accent).abs().amax(dim=-1) < 0.06
    drawn = near_accent & ((marked[0] - plain[0]).abs().amax(dim=-1) > 0.1)
    line = int(drawn.sum(dim=0).argmax())
    assert drawn[:, line].sum() > 4 * 90  # through every row
    first, last = 28 + 14, 1024 - 28 - 14
    assert line == pytest.approx(first + (last - first) * 12 / 32, abs=2)
    with_content = plot_measures(measure_frames(moving_ball(settles=12), range(33), None, torch.rand(33, 4)), 12)
    assert with_content.shape[1] > marked.shape[1]


def test_the_plot_is_dark_and_its_letters_are_large_enough_for_a_node_of_512_pixels():
    page = plot_measures(measure_frames(moving_ball(settles=12), range(33)), None)[0]
    assert page.median() < 0.15
    still_to_change = torch.tensor([86, 180, 233]) / 255
    title = ((page[:, :300] - still_to_change).abs().amax(dim=-1) < 0.1).any(dim=1)  # its letters, then the curve
    first, *_ = title.nonzero().flatten().tolist()
    letters = int((~title[first:]).nonzero()[0])
    assert letters >= 2 * 11, "pixels; half of them in a node of 512 pixels"
    assert (page - still_to_change).abs().amax(dim=-1)[first : first + letters].min() < 0.02


def test_noise_is_not_drawn_as_if_it_were_a_change():
    still = with_grain(moving_ball()[:1].repeat(9, 1, 1, 1), 0.01)
    drawn = curves(measure_frames(still, range(9)))
    assert drawn["change"].max() < 0.7 and drawn["motion"].max() < 0.7
    moving = curves(measure_frames(moving_ball(), range(33)))
    assert all(float(values.max()) == pytest.approx(1) for name, values in moving.items() if name != "drift")


# ---- many pictures at once


def test_work_in_parallel_leaves_torchs_threads_as_they_were():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        assert in_parallel(lambda value: value * value, range(20)) == [value * value for value in range(20)]
        with pytest.raises(ZeroDivisionError):
            in_parallel(lambda value: 1 // value, [1, 0])
        with ThreadPoolExecutor(1) as another:
            assert torch.get_num_threads() == another.submit(torch.get_num_threads).result() == 3
    finally:
        torch.set_num_threads(before)
