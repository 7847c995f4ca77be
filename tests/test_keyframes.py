"""Decode Keyframes gives one settled picture for every kept latent frame, and its number in the whole video."""

from __future__ import annotations

import pytest
import torch
from if_edit.editing.dropout import cut_latent
from if_edit.nodes.keyframes import DecodeKeyframes
from if_edit.tests.small_models import small_wan22_vae, small_wan_vae


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


def test_a_sparse_video_is_decoded_as_one_and_numbered_as_in_the_whole(vae):
    sparse = cut_latent(video_latent(), [0, 3, 6, 8])
    images, numbers = DecodeKeyframes.execute(sparse, vae).args
    assert numbers == "0, 12, 24, 32"
    assert torch.equal(images, vae.decode(sparse["samples"])[0][[0, 4, 8, 12]])


def test_the_frames_nobody_asked_for_are_freed(vae):
    images = DecodeKeyframes.execute(video_latent(), vae)[0]
    assert images.untyped_storage().nbytes() == images.numel() * images.element_size()


def test_a_batch_comes_video_after_video_and_its_numbers_count_on(vae):
    sparse = cut_latent(video_latent(batch=2), [0, 3, 6, 8])
    images, numbers = DecodeKeyframes.execute(sparse, vae).args
    assert numbers == "0, 12, 24, 32, 33, 45, 57, 65"
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


def test_a_vae_of_other_channels_names_both_and_the_file(vae):
    with pytest.raises(ValueError, match="latent has 48 channels, the VAE decodes 16.*wan2.2_vae.safetensors"):
        DecodeKeyframes.execute(video_latent(channels=48), vae)
    with pytest.raises(ValueError, match="latent has 16 channels, the VAE decodes 48.*wan_2.1_vae.safetensors"):
        DecodeKeyframes.execute(video_latent(), small_wan22_vae())


def test_an_image_vae_of_the_right_channels_is_refused():
    import comfy.sd
    from comfy.ldm.models.autoencoder import AutoencoderKL
    from if_edit.tests.small_models import random_weights

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
    ],
)
def test_latents_that_are_no_video_are_answered_in_words(vae, samples, message):
    with pytest.raises(ValueError, match=message):
        DecodeKeyframes.execute({"samples": samples}, vae)
