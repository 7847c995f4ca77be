"""Temporal latent dropout keeps the right frames, cuts everything alike and never reaches back into its input."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from if_edit.sampling.checks import check_start_image
from if_edit.sampling.cutting import cut_conditioning, cut_latent
from if_edit.sampling.kept_frames import kept_frames

videos = st.integers(2, 25)


@st.composite
def video_and_keep(draw, least: int = 2):
    frames = draw(st.integers(least, 12))
    keep = draw(st.lists(st.integers(0, frames - 1), min_size=least, max_size=frames, unique=True))
    return frames, sorted(keep)


def counted(*shape: int, axis: int) -> torch.Tensor:
    """A tensor whose values say which frame they belong to, different everywhere else too."""
    frames = torch.arange(shape[axis], dtype=torch.float32).reshape([-1 if a == axis else 1 for a in range(len(shape))])
    return frames + torch.rand(shape) * 0.5


def tensors_in(value) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [tensor for item in value for tensor in tensors_in(item)] if isinstance(value, (list, tuple)) else []


def storages(value) -> set[int]:
    return {tensor.untyped_storage().data_ptr() for tensor in tensors_in(value) if tensor.numel()}


@settings(deadline=None)
@given(case=video_and_keep(), batch=st.integers(1, 3), mask=st.sampled_from([None, 2, 3, 4, 5, "image frames", "one"]))
def test_latent_and_noise_mask_are_cut_alike(case, batch, mask):
    frames, keep = case
    latent = {
        "samples": counted(batch, 4, frames, 2, 3, axis=2),
        "batch_index": [7] * batch,
        "extra": {"a": torch.ones(2)},
    }
    shapes = {2: (2, 3), 3: (frames, 2, 3), 4: (frames, 1, 2, 3), 5: (batch, 1, frames, 2, 3), "one": (1, 1, 1, 2, 3)}
    if mask == "image frames":
        latent["noise_mask"] = counted(1, 1, 4 * frames - 3, 4, 6, axis=2)
    elif mask is not None:
        shape = shapes[mask]
        latent["noise_mask"] = counted(*shape, axis=shape.index(frames)) if frames in shape else torch.rand(shape)
    before = copy.deepcopy(latent)
    cut = cut_latent(latent, keep)

    assert torch.equal(cut["samples"], latent["samples"][:, :, keep])
    assert cut["kept_latent_frames"] == keep and cut["latent_frames"] == frames
    assert cut["batch_index"] == [7] * batch and torch.equal(cut["extra"]["a"], torch.ones(2))
    if mask is not None:
        target = (1, 1, frames, 2, 3)
        whole = latent["noise_mask"] if latent["noise_mask"].ndim == 5 else latent["noise_mask"].reshape(1, 1, -1, 2, 3)
        as_sampled = torch.nn.functional.interpolate(whole, size=target[2:], mode="trilinear")[:, :, keep]
        cut_mask = torch.nn.functional.interpolate(cut["noise_mask"], size=(len(keep), 2, 3), mode="trilinear")
        assert torch.allclose(cut_mask, as_sampled, atol=1e-5)

    assert not storages(cut) & storages(latent)
    for tensor in tensors_in(cut):
        tensor.fill_(-1)
    cut["batch_index"].append(0)
    for now, then in zip(tensors_in(latent), tensors_in(before), strict=True):
        assert torch.equal(now, then)
    assert latent["batch_index"] == before["batch_index"] and latent.keys() == before.keys()


@given(case=video_and_keep(), data=st.data())
def test_dropping_twice_remembers_the_places_in_the_whole_video(case, data):
    frames, keep = case
    once = cut_latent({"samples": counted(1, 1, frames, 1, 1, axis=2)}, keep)
    again = sorted(data.draw(st.lists(st.integers(0, len(keep) - 1), min_size=1, unique=True)))
    twice = cut_latent(once, again)
    assert kept_frames(twice).kept == [keep[frame] for frame in again]
    assert twice["latent_frames"] == frames
    assert twice["samples"].flatten().long().tolist() == kept_frames(twice).kept


def test_an_undropped_latent_keeps_all_its_frames():
    assert kept_frames({"samples": torch.zeros(1, 4, 5, 2, 2)}).kept == [0, 1, 2, 3, 4]


def conditioning(frames: int) -> list:
    """One entry with everything that runs along the video, a second one with nothing of the kind."""
    whole = {
        "concat_latent_image": counted(1, 16, frames, 2, 2, axis=2),
        "concat_mask": counted(1, 4, frames, 2, 2, axis=2),
        "vace_frames": [counted(1, 32, frames, 2, 2, axis=2), counted(1, 32, frames, 2, 2, axis=2)],
        "vace_mask": [counted(1, 64, frames, 2, 2, axis=2)] * 2,
        "vace_strength": [1.0, 0.5],
        "control_video": counted(1, 16, frames, 2, 2, axis=2),
        "camera_conditions": counted(1, 24, frames, 16, 16, axis=2),
        "mask": counted(frames, 2, 2, axis=0),
    }
    apart = {
        "pooled_output": torch.rand(1, 8),
        "clip_vision_output": object(),
        "reference_latents": [counted(1, 16, frames, 2, 2, axis=2)],
        "time_dim_concat": torch.rand(1, 16, 2, 2, 2),
        "strength": 0.7,
    }
    return [[torch.rand(1, 3, 8), whole], [torch.rand(1, 3, 8), apart]]


@settings(deadline=None, max_examples=30)
@given(case=video_and_keep())
def test_conditioning_is_cut_along_the_video_and_nowhere_else(case):
    frames, keep = case
    original = conditioning(frames)
    before = [tensor.clone() for tensor in tensors_in(original)]
    cut = cut_conditioning(original, keep, frames)

    (text, whole), (other_text, apart) = original
    (cut_text, cut_whole), (cut_other_text, cut_apart) = cut
    assert torch.equal(cut_text, text) and torch.equal(cut_other_text, other_text)
    for name, value in whole.items():
        if isinstance(value, torch.Tensor):
            axis = 0 if name == "mask" else 2
            assert torch.equal(cut_whole[name], value.index_select(axis, torch.tensor(keep))), name
    for name in ("vace_frames", "vace_mask"):
        assert [part.shape[2] for part in cut_whole[name]] == [len(keep)] * 2
        assert torch.equal(cut_whole[name][1], whole[name][1][:, :, keep])
    assert cut_whole["vace_strength"] == [1.0, 0.5]
    assert cut_apart["clip_vision_output"] is apart["clip_vision_output"] and cut_apart["strength"] == 0.7
    assert torch.equal(cut_apart["reference_latents"][0], apart["reference_latents"][0])
    assert torch.equal(cut_apart["time_dim_concat"], apart["time_dim_concat"])

    assert not storages(cut) & storages(original)
    for tensor in tensors_in(cut):
        tensor.fill_(-1)
    cut_whole["vace_strength"].append(3.0)
    cut_apart["new"] = 1
    assert all(torch.equal(now, then) for now, then in zip(tensors_in(original), before, strict=True))
    assert whole["vace_strength"] == [1.0, 0.5] and "new" not in apart


def test_a_mask_shorter_than_the_video_is_read_as_comfyui_reads_it():
    mask = torch.zeros(1, 1, 1, 2, 2)  # only the first frame is given, the rest is to be generated
    cut = cut_conditioning([[torch.zeros(1), {"concat_mask": mask}]], [0, 3, 6, 8], 9)[0][1]["concat_mask"]
    assert cut[0, 0, :, 0, 0].tolist() == [0, 1, 1, 1]


def test_a_pose_that_starts_after_the_person_stays_beside_its_frames():
    pose = counted(1, 16, 8, 2, 2, axis=2)
    cut = cut_conditioning([[torch.zeros(1), {"pose_video_latent": pose}]], [0, 3, 6, 8], 9)[0][1]["pose_video_latent"]
    assert torch.equal(cut, pose[:, :, [2, 5, 7]])


@pytest.mark.parametrize("name", ["audio_embed", "face_video_pixels"])
def test_sound_and_faces_are_refused_instead_of_drifting(name):
    with pytest.raises(ValueError, match=f"{name}.*Turn the dropout off"):
        cut_conditioning([[torch.zeros(1), {name: torch.zeros(1, 4)}]], [0, 8], 9)


@pytest.mark.parametrize("name", ["concat_latent_image", "concat_mask", "vace_frames"])
def test_conditioning_of_another_length_names_both_lengths(name):
    value = torch.zeros(1, 16, 10, 2, 2)
    with pytest.raises(ValueError, match=rf"{name}\) has 10 latent frames, but the latent has 9.*WanImageToVideo"):
        cut_conditioning([[torch.zeros(1), {name: [value] if name == "vace_frames" else value}]], [0, 8], 9)


def test_an_image_latent_is_answered_with_what_to_connect():
    with pytest.raises(
        ValueError, match=r"needs a video latent \[B, C, F, H, W\], got \[1, 4, 64, 64\].*WanImageToVideo"
    ):
        cut_latent({"samples": torch.zeros(1, 4, 64, 64)}, [0])


def test_a_latent_of_one_frame_is_refused():
    with pytest.raises(ValueError, match="at least 2 latent frames, got 1"):
        cut_latent({"samples": torch.zeros(1, 16, 1, 4, 4)}, [0])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_latent_that_is_not_numbers_is_refused(value):
    samples = torch.zeros(1, 16, 3, 2, 2)
    samples[0, 3, 1, 0, 1] = value
    with pytest.raises(ValueError, match="NaN"):
        cut_latent({"samples": samples}, [0, 2])


@pytest.mark.parametrize("keep", [[], [0, 9], [-1, 3], [3, 0], [0, 3, 3]])
def test_frames_that_cannot_be_kept_are_named(keep):
    with pytest.raises(ValueError, match="latent frames 0 to 8"):
        cut_latent({"samples": torch.zeros(1, 16, 9, 2, 2)}, keep)


def test_a_latent_changed_behind_the_dropout_is_refused():
    latent = cut_latent({"samples": torch.zeros(1, 16, 9, 2, 2)}, [0, 3, 6, 8])
    latent["samples"] = latent["samples"][:, :, 1:]
    with pytest.raises(ValueError, match="3 latent frames that says it kept 4"):
        cut_latent(latent, [0, 2])


def test_conditioning_without_a_start_image_says_what_to_connect():
    with pytest.raises(ValueError, match="positive conditioning has no start image.*start_image"):
        check_start_image([[torch.zeros(1), {}]], "positive", "Edit Sampler")
    check_start_image(
        [[torch.zeros(1), {"concat_latent_image": torch.zeros(1, 16, 9, 2, 2)}]], "positive", "Edit Sampler"
    )
