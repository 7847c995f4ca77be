"""The Still-Video Refiner sends a picture through the model as a still video and keeps what is sharper and still the
same.
"""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from comfy_extras.nodes_wan import Wan22ImageToVideoLatent, WanImageToVideo
from if_edit.editing.refinement import Refinement, choose_refined, content_change
from if_edit.nodes import refinement
from if_edit.nodes.refinement import StillVideoRefiner
from if_edit.tests.small_models import SmallClip, small_wan, small_wan22_vae, small_wan_5b, small_wan_vae

import nodes as core_nodes  # ComfyUI's own


@pytest.fixture(autouse=True)
def as_in_the_server():
    with torch.inference_mode():
        yield


# --- which frame wins ---


def scene(size: int = 128, ball_at: tuple[int, int] | None = (60, 40), light: float = 0.0) -> torch.Tensor:
    """A sharp picture [1, H, W, 3]: checks behind a ball."""
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    picture = 0.4 + 0.2 * (((x // 9 + y // 9) % 2).float())[..., None].expand(-1, -1, 3).clone()
    if ball_at is not None:
        inside = (x - ball_at[0]) ** 2 + (y - ball_at[1]) ** 2 < 12**2
        picture[inside] = torch.tensor([0.9, 0.1, 0.1])
    return (picture + light)[None].clamp(0, 1)


def blurred(picture: torch.Tensor, sigma: float) -> torch.Tensor:
    radius = int(3 * sigma) + 1
    weights = torch.exp(-(torch.arange(-radius, radius + 1.0) ** 2) / (2 * sigma**2))
    weights = (weights / weights.sum()).expand(3, 1, -1)
    x = F.pad(picture.movedim(-1, 1), (radius,) * 4, mode="replicate")
    x = F.conv2d(F.conv2d(x, weights[:, :, None, :], groups=3), weights[:, :, :, None], groups=3)
    return x.movedim(1, -1)


@pytest.mark.parametrize("sigma", [1.0, 2.0, 4.0])
def test_the_sharpest_frame_of_the_same_scene_wins(sigma):
    chosen = blurred(scene(), sigma)
    frames = torch.cat([blurred(scene(), 0.8 * sigma), blurred(scene(), 0.4 * sigma), blurred(scene(), 0.6 * sigma)])
    choice = choose_refined(frames, chosen)
    assert choice.frame == 1 and "frame 1 of 3" in choice.reason and "3 of 3" in choice.reason


@pytest.mark.parametrize(
    "changed",
    [scene(ball_at=(80, 40)), scene(ball_at=None), scene(light=0.08), 1 - scene(), torch.rand(1, 128, 128, 3)],
    ids=["moved", "vanished", "brighter", "inverted", "noise"],
)
def test_a_sharper_frame_of_another_scene_loses(changed):
    chosen = blurred(scene(), 2.0)
    slightly = blurred(scene(), 1.5)
    assert choose_refined(torch.cat([changed, slightly]), chosen).frame == 1
    alone = choose_refined(changed, chosen)
    assert alone.frame is None and "changed the content" in alone.reason


def test_a_picture_that_is_sharp_already_stays():
    choice = choose_refined(blurred(scene(), 1.0), scene())
    assert choice.frame is None and "already sharper" in choice.reason


def test_change_is_measured_on_the_scene_and_not_on_its_detail():
    change = content_change(torch.cat([scene(), blurred(scene(), 2.0), scene(light=0.1)]), scene())
    assert change[0].tolist() == [0, 0]
    assert change[1, 0] < 0.01
    assert change[2, 0] == pytest.approx(0.1, abs=0.01)


def test_frames_of_another_size_are_named():
    with pytest.raises(ValueError, match="32x16 pixels cannot be compared with a reference of 64x64"):
        content_change(torch.zeros(1, 16, 32, 3), torch.zeros(1, 64, 64, 3))


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 300)])
def test_pictures_of_any_size_can_be_compared(size):
    picture = torch.rand(1, *size, 3)
    assert content_change(picture, picture).tolist() == [[0, 0]]


# --- the node ---


@pytest.fixture(scope="module")
def vae():
    return small_wan_vae()


@pytest.fixture(scope="module")
def model():
    return small_wan(seed=1)


def refine(model, vae, image, **options):
    options = {
        "seed": 5,
        "prompt": refinement.STILL_VIDEO_PROMPT,
        "length": 5,
        "steps": 2,
        "cfg": 1.0,
        "sampler_name": "euler",
        "scheduler": "simple",
        **options,
    }
    return StillVideoRefiner.execute(model, SmallClip(), vae, image, **options)


def still_frames(model, vae, image, length=5, cfg=1.0):
    """The same still video from ComfyUI's own nodes."""
    clip = SmallClip()
    positive, negative = (clip.encode_from_tokens_scheduled(text) for text in (refinement.STILL_VIDEO_PROMPT, ""))
    height, width = image.shape[1:3]
    if vae.latent_channels == 48:
        latent = Wan22ImageToVideoLatent.execute(vae, width, height, length, 1, start_image=image)[0]
    else:
        video = WanImageToVideo.execute(positive, negative, vae, width, height, length, 1, start_image=image)
        positive, negative, latent = video.args
    sampled = core_nodes.KSampler().sample(model, 5, 2, cfg, "euler", "simple", positive, negative, latent)[0]
    return vae.decode(sampled["samples"])[0]


@pytest.mark.parametrize("length", [5, 9])
@pytest.mark.parametrize("cfg", [1.0, 3.0])
def test_the_still_video_is_what_the_core_nodes_make(model, vae, length, cfg):
    image = torch.rand(1, 32, 48, 3)
    frames = refine(model, vae, image, length=length, cfg=cfg)[1]
    assert list(frames.shape) == [length, 32, 48, 3]
    assert torch.allclose(frames, still_frames(model, vae, image, length, cfg), atol=1e-5)


def test_a_5b_model_starts_from_its_noise_mask():
    model, vae, image = small_wan_5b(), small_wan22_vae(), torch.rand(1, 64, 96, 3)
    assert torch.allclose(refine(model, vae, image)[1], still_frames(model, vae, image), atol=1e-5)


def test_a_frame_that_lost_the_content_is_not_taken(model, vae, caplog):
    image = blurred(scene(64), 1.0)  # random weights make noise of it
    with caplog.at_level("INFO"):
        output = refine(model, vae, image)
    assert torch.equal(output[0], image)
    assert "changed the content" in output.ui.as_dict()["text"][0] and "changed the content" in caplog.text


def test_the_winning_frame_comes_out(model, vae, monkeypatch):
    monkeypatch.setattr(refinement, "choose_refined", lambda frames, picture: Refinement(3, "because"))
    image, frames = refine(model, vae, torch.rand(1, 32, 32, 3)).args
    assert torch.equal(image, frames[3:4])


@pytest.mark.parametrize("shape", [(1, 1, 1, 3), (1, 33, 50, 3), (1, 40, 24, 1), (1, 32, 32, 4), (3, 32, 16, 3)])
def test_pictures_of_any_size_and_kind_come_out_as_large_as_they_went_in(model, vae, shape):
    image, frames = refine(model, vae, torch.rand(shape)).args
    assert list(image.shape) == [*shape[:3], 3]
    assert list(frames.shape) == [5 * shape[0], *shape[1:3], 3]


def test_a_batch_is_refined_one_by_one(model, vae):
    images = torch.rand(2, 32, 32, 3)
    frames = refine(model, vae, images)[1]
    assert torch.equal(frames[5:], refine(model, vae, images[1:])[1])


def test_a_second_expert_takes_over_below_the_switch(model, vae):
    image = torch.rand(1, 32, 32, 3)
    assert not torch.equal(refine(model, vae, image)[1], refine(model, vae, image, model_low=small_wan(seed=2))[1])


@pytest.mark.parametrize(
    ("length", "instead"), [(1, "5 or 9"), (4, "5 or 9"), (6, "5 or 9"), (8, "5 or 9"), (12, "9 or 13")]
)
def test_a_length_that_is_not_4n_plus_1_names_one_that_is(model, vae, length, instead):
    with pytest.raises(ValueError, match=f"length of {length} .*{instead}"):
        refine(model, vae, torch.rand(1, 32, 32, 3), length=length)


def test_model_and_vae_of_different_kinds_are_named(model):
    with pytest.raises(ValueError, match="model denoises latents of 16 channels, the VAE makes 48"):
        refine(model, small_wan22_vae(), torch.rand(1, 64, 64, 3))


def test_a_text_to_video_model_is_refused(vae):
    with pytest.raises(ValueError, match="needs an image-to-video model.*36 channels"):
        refine(small_wan(in_dim=16), vae, torch.rand(1, 32, 32, 3))


@pytest.mark.parametrize("image", [torch.zeros(32, 32, 3), torch.full((1, 32, 32, 3), torch.nan)])
def test_what_is_no_picture_is_answered_in_words(model, vae, image):
    with pytest.raises(ValueError, match="image.*(IMAGE output|NaN)"):
        refine(model, vae, image)
