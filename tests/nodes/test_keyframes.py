"""Decode Keyframes gives one settled picture for every kept latent frame, and its number in the whole video."""

from __future__ import annotations

import itertools
from statistics import mean

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from if_edit.editing.images import psnr
from if_edit.editing.keyframes import decoding_order
from if_edit.nodes.keyframes import DecodeKeyframes
from if_edit.sampling.cutting import cut_latent
from if_edit.tests.support.small_models import small_wan22_vae, small_wan_vae


@pytest.fixture(autouse=True)
def as_in_the_server():
    with torch.inference_mode():
        yield


@pytest.fixture(scope="module")
def vae():
    return small_wan_vae()


def video_latent(frames: int = 9, batch: int = 1, channels: int = 16) -> dict:
    generator = torch.Generator().manual_seed(0)
    return {"samples": torch.randn(batch, channels, frames, 4, 6, generator=generator)}


def test_a_full_video_gives_the_first_frame_and_the_last_of_each_group_of_four(vae):
    latent = video_latent()
    images, numbers = DecodeKeyframes.execute(latent, vae).args
    whole = vae.decode(latent["samples"])[0]  # [33, H, W, 3], as ComfyUI's VAE Decode gives them
    assert numbers == "0, 4, 8, 12, 16, 20, 24, 28, 32"
    assert torch.equal(images, whole[[int(number) for number in numbers.split(", ")]])


def test_a_frame_behind_a_gap_is_decoded_after_a_copy_of_itself(vae):
    sparse = cut_latent(video_latent(), [0, 3, 6, 8])
    images, numbers = DecodeKeyframes.execute(sparse, vae).args
    assert numbers == "0, 12, 24, 32"
    # 0 3 3 6 6 8 8: the settled image of each is the last of its last copy
    repeated = vae.decode(sparse["samples"][:, :, [0, 1, 1, 2, 2, 3, 3]])[0]
    assert torch.equal(images, repeated[[0, 8, 16, 24]])


@given(st.sets(st.integers(0, 40), min_size=1))
def test_decoding_order_repeats_what_is_behind_a_gap_and_nothing_else(kept):
    kept = sorted(kept)
    order, settled = decoding_order(kept)
    assert sorted(set(order)) == list(range(len(kept))) and order == sorted(order)
    gaps = [1, *(after - before for before, after in itertools.pairwise(kept))]
    assert [order.count(index) for index in range(len(kept))] == [1 if g == 1 else 2 if g <= 3 else 3 for g in gaps]
    # the last image of the last copy: latent frame n of the decoded ones ends with image 4n
    assert [order[image // 4] for image in settled] == list(range(len(kept)))
    assert all(image % 4 == 0 for image in settled) and settled[-1] == 4 * (len(order) - 1)


def test_no_ghost_of_the_motion_stays_in_a_picture(demo_clips):
    """On clips of the embedded model: sparse latents decode as well as whole ones; plainly they do not."""
    vae, frames = demo_clips  # [B, 33, H, W, 3], objects that travel
    whole, plain, ours = [], [], []
    for clip in frames:
        latent = {"samples": vae.encode(clip)}
        sparse = cut_latent(latent, [0, 8])
        whole.append(psnr(vae.decode(latent["samples"])[0, -1], clip[-1]))
        plain.append(psnr(vae.decode(sparse["samples"])[0, -1], clip[-1]))
        ours.append(psnr(DecodeKeyframes.execute(sparse, vae)[0][-1], clip[-1]))
    assert mean(ours) > mean(whole) - 0.5
    assert mean(plain) < mean(whole) - 1.5


@pytest.fixture(scope="module")
def demo_clips():
    from if_edit.nodes.demo_model import LoadDemoEditModel
    from if_edit.research.world import world

    scenes = world.sample_scenes(2, torch.Generator().manual_seed(5), ("move right", "fall"))
    return LoadDemoEditModel.execute()[2], world.render(scenes).frames.movedim(2, -1)


def test_the_frames_nobody_asked_for_are_freed(vae):
    images = DecodeKeyframes.execute(video_latent(), vae)[0]
    assert images.untyped_storage().nbytes() == images.numel() * images.element_size()


def test_a_batch_comes_video_after_video_and_each_is_numbered_from_0(vae):
    sparse = cut_latent(video_latent(batch=2), [0, 3, 6, 8])
    images, numbers = DecodeKeyframes.execute(sparse, vae).args
    assert numbers == "0, 12, 24, 32, 0, 12, 24, 32"
    alone = DecodeKeyframes.execute({**sparse, "samples": sparse["samples"][1:]}, vae)[0]
    assert torch.allclose(images[4:], alone, atol=1e-5)


def test_5b_latents_are_decoded_too():
    images, numbers = DecodeKeyframes.execute(video_latent(3, channels=48), small_wan22_vae()).args
    assert list(images.shape) == [3, 64, 96, 3] and numbers == "0, 4, 8"


def test_the_latent_is_left_as_it_was(vae):
    latent = cut_latent(video_latent(), [0, 8])
    before = latent["samples"].clone()
    DecodeKeyframes.execute(latent, vae)
    assert torch.equal(latent["samples"], before) and latent["kept_latent_frames"] == [0, 8]


def test_references_before_the_video_are_not_pictures_of_it(vae):
    latent = video_latent(11)  # two references and nine frames
    cut = cut_latent(latent, [0, 1, 2, 5, 8, 10], reference_frames=2)
    assert cut["kept_latent_frames"] == [0, 1, 2, 5, 8, 10] and cut["reference_latent_frames"] == 2
    alone = cut_latent({"samples": latent["samples"][:, :, 2:]}, [0, 3, 6, 8])
    expected, numbers = DecodeKeyframes.execute(alone, vae).args
    images = DecodeKeyframes.execute(cut, vae).args
    assert images[1] == numbers == "0, 12, 24, 32" and torch.equal(images[0], expected)
    # ComfyUI's TrimVideoLatent takes the references away, and leaves our entries as they are.
    trimmed = DecodeKeyframes.execute({**cut, "samples": cut["samples"][:, :, 2:]}, vae).args
    assert trimmed[1] == numbers and torch.equal(trimmed[0], expected)


def test_a_vae_of_other_channels_names_both_and_the_file(vae):
    with pytest.raises(ValueError, match="latent has 48 channels, but the VAE decodes 16.*wan2.2_vae.safetensors"):
        DecodeKeyframes.execute(video_latent(channels=48), vae)
    with pytest.raises(ValueError, match="latent has 16 channels, but the VAE decodes 48.*wan_2.1_vae.safetensors"):
        DecodeKeyframes.execute(video_latent(), small_wan22_vae())


def test_an_image_vae_of_the_right_channels_is_refused():
    import comfy.sd
    from comfy.ldm.models.autoencoder import AutoencoderKL
    from if_edit.tests.support.small_models import random_weights

    # The kind of VAE that Flux and SD3 have: 16 channels too, but single images. ComfyUI fixes its width.
    config = {
        "double_z": True,
        "z_channels": 16,
        "resolution": 256,
        "in_channels": 3,
        "out_ch": 3,
        "ch": 128,
        "ch_mult": [1, 2, 4, 4],
        "num_res_blocks": 2,
        "attn_resolutions": [],
        "dropout": 0.0,
    }
    image_vae = comfy.sd.VAE(sd=random_weights(AutoencoderKL(ddconfig=config, embed_dim=16), 0))
    with pytest.raises(ValueError, match=r"video VAE with 4 images a latent frame, got .*an image VAE"):
        DecodeKeyframes.execute(video_latent(), image_vae)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (torch.zeros(1, 4, 64, 64), r"Decode Keyframes needs a video latent .*got \[1, 4, 64, 64\]"),
        (torch.zeros(1, 16, 1, 4, 4), "at least 2 latent frames, got 1"),
        (torch.full((1, 16, 3, 4, 4), torch.nan), "NaN"),
        (torch.zeros(0, 16, 9, 4, 6), r"Decode Keyframes got an empty latent \[0, 16, 9, 4, 6\]"),
    ],
)
def test_latents_that_are_no_video_are_answered_in_words(vae, samples, message):
    with pytest.raises(ValueError, match=message):
        DecodeKeyframes.execute({"samples": samples}, vae)
