"""The Edit Sampler gives the latents of diffusers' pipelines, with and without a drop.

The same small random weights, noise and text embeddings on both sides, 10 Euler steps in float32. diffusers has its own
Wan transformer, VAE, RoPE, solver and guidance, and ChronoEditPipeline its own temporal dropout, so that a mistake in
what is cut, when, and where in time a kept frame is cannot be on both sides.
"""

from __future__ import annotations

import comfy.sample
import numpy
import pytest
import torch
from comfy.clip_vision import Output
from comfy_extras.nodes_wan import Wan22ImageToVideoLatent, WanFirstLastFrameToVideo, WanImageToVideo
from if_edit.nodes.dropout import DropoutSchedule
from if_edit.nodes.edit_sampler import EditSampler
from if_edit.sampling.stages import make_sigmas
from if_edit.tests.support import diffusers_models
from if_edit.tests.support.small_models import (
    small_wan,
    small_wan_5b,
    small_wan_vae,
    small_wan_vae_state_dict,
    text_conditioning,
    wan_state_dict,
)
from PIL import Image

SEED, STEPS, SWITCH = 3, 10, 0.9
FRAMES, KEPT = 9, [0, 3, 6, 8]  # latent frames, and those that a stride of 3 keeps
WIDTH, HEIGHT = 64, 32  # not square, so that the two cannot be mistaken for each other
TEXT_LENGTH = 512  # diffusers pads texts to it with zeros, and takes the tokens before the last 512 for an image
EQUAL, DIFFERENT = 1e-3, 1e-2  # latents are up to 16
OTHER = {"kept": "compact", "compact": "kept"}


@pytest.fixture(autouse=True)
def as_in_the_server():
    with torch.inference_mode():
        yield


def padded_text(text: str) -> torch.Tensor:
    tokens = text_conditioning(text)[0][0]
    return torch.nn.functional.pad(tokens, (0, 0, 0, TEXT_LENGTH - tokens.shape[1]))  # [1, 512, 4096]


POSITIVE, NEGATIVE = padded_text("a red ball rolls away"), padded_text("")


def random_picture(seed: int) -> Image.Image:
    values = numpy.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=numpy.uint8)
    return Image.fromarray(values)


PICTURE = random_picture(7)


def as_image(picture: Image.Image) -> torch.Tensor:
    """ComfyUI's IMAGE [1, H, W, 3]."""
    return torch.from_numpy(numpy.array(picture)).float()[None] / 255.0


def core_video(frames: int = FRAMES, batch_size: int = 1, node=WanImageToVideo, **inputs) -> tuple:
    """(positive, negative, latent) from ComfyUI's own node."""
    text = [[POSITIVE, {}]], [[NEGATIVE, {}]]
    size = WIDTH, HEIGHT, 4 * (frames - 1) + 1, batch_size
    return node.execute(*text, small_wan_vae(), *size, start_image=as_image(PICTURE), **inputs).args


@pytest.fixture(scope="module")
def video():
    with torch.inference_mode():
        return core_video()


@pytest.fixture(scope="module")
def high():
    return small_wan(seed=1)


@pytest.fixture(scope="module")
def low():
    return small_wan(seed=2)


def edit(model, video, **options) -> dict:
    positive, negative, latent = video
    options = {
        "seed": SEED,
        "steps": STEPS,
        "cfg": 1.0,
        "sampler_name": "euler",
        "scheduler": "simple",
        "boundary": SWITCH,
        "dropout_stride": 3,
        **options,
    }
    return EditSampler.execute(model, positive, negative, latent, **options)[0]


def noise_levels(model) -> torch.Tensor:
    return make_sigmas(model, STEPS, "euler", "simple")


def steps_above(model, sigma: float) -> int:
    return int((noise_levels(model) > sigma).sum())


def in_diffusers(pipeline, video, cfg=1.0, drops=None, **options) -> torch.Tensor:
    noise = comfy.sample.prepare_noise(video[2]["samples"], SEED)
    if drops is not None:
        extra = "first_frame_mask" if pipeline.config.expand_timesteps else "condition"
        options["callback_on_step_end"] = drops
        options["callback_on_step_end_tensor_inputs"] = ["latents", extra]
    texts = (text.expand(noise.shape[0], -1, -1) for text in (POSITIVE, NEGATIVE))
    return diffusers_models.sample(pipeline, PICTURE, noise, STEPS, cfg, *texts, **options)


def a14b_pipeline(model, experts: int = 1):
    """The pipeline with the weights of `high`, and as second expert with those of `low`."""
    high, low = wan_state_dict(seed=1), wan_state_dict(seed=2) if experts == 2 else None
    return diffusers_models.image_to_video(noise_levels(model), small_wan_vae_state_dict(), high, low, SWITCH)


def largest_difference(one: torch.Tensor, other: torch.Tensor) -> float:
    assert one.shape == other.shape and one.dtype == other.dtype == torch.float32
    return float((one - other).abs().max())


# --- WanImageToVideoPipeline ---


@pytest.mark.parametrize("last_picture", [None, random_picture(8)], ids=["start", "start and end"])
def test_the_image_condition_is_the_one_of_diffusers(high, video, last_picture):
    if last_picture is not None:
        video = core_video(node=WanFirstLastFrameToVideo, end_image=as_image(last_picture))
    drops = diffusers_models.Drops({})
    in_diffusers(a14b_pipeline(high), video, drops=drops, last_image=last_picture)
    positive, negative, latent = video
    for _, entry in (*positive, *negative):
        condition = high.model.concat_cond(noise=latent["samples"], device=torch.device("cpu"), **entry)
        assert list(condition.shape) == [1, 20, FRAMES, HEIGHT // 8, WIDTH // 8]  # 4 mask and 16 image channels
        assert largest_difference(condition, drops.seen["condition"]) < EQUAL


@pytest.mark.parametrize("cfg", [1.0, 3.5])
@pytest.mark.parametrize("experts", [1, 2])
def test_no_drop_is_the_pipeline_of_diffusers(high, low, video, experts, cfg):
    ours = edit(high, video, model_low_noise=low if experts == 2 else None, cfg=cfg, dropout_stride=0)["samples"]
    theirs = in_diffusers(a14b_pipeline(high, experts), video, cfg)
    assert largest_difference(ours, theirs) < EQUAL


@pytest.mark.parametrize("positions", ["kept", "compact"])
@pytest.mark.parametrize(("experts", "cfg", "batch_size"), [(1, 1.0, 1), (2, 1.0, 1), (2, 3.5, 2)])
def test_a_drop_is_the_pipeline_of_diffusers_with_a_drop_in_its_callback(
    high, low, experts, cfg, batch_size, positions
):
    video, options = core_video(batch_size=batch_size), {"model_low_noise": low if experts == 2 else None, "cfg": cfg}
    drops = diffusers_models.Drops({steps_above(high, SWITCH): KEPT}, positions)
    theirs = in_diffusers(a14b_pipeline(high, experts), video, cfg, drops)
    ours = edit(high, video, positions=positions, **options)
    assert ours["kept_latent_frames"] == KEPT
    assert largest_difference(ours["samples"], theirs) < EQUAL
    # What is equal is not so because positions hardly matter.
    assert largest_difference(edit(high, video, positions=OTHER[positions], **options)["samples"], theirs) > DIFFERENT


@pytest.mark.parametrize("positions", ["kept", "compact"])
def test_a_drop_from_a_video_between_two_images_is_the_one_of_diffusers(high, low, positions):
    end = random_picture(8)
    video = core_video(node=WanFirstLastFrameToVideo, end_image=as_image(end))
    drops = diffusers_models.Drops({steps_above(high, SWITCH): KEPT}, positions)
    theirs = in_diffusers(a14b_pipeline(high, experts=2), video, drops=drops, last_image=end)
    assert largest_difference(edit(high, video, model_low_noise=low, positions=positions)["samples"], theirs) < EQUAL


@pytest.mark.parametrize("positions", ["kept", "compact"])
def test_two_drops_to_uneven_sets_are_two_drops_in_diffusers(high, low, video, positions):
    dropout = ()
    for sigma, frames in ((0.6, "0, 7"), (SWITCH, "0, 2, 3, 7")):
        dropout = DropoutSchedule.execute(sigma, "frames", 3, frames, 0.1, dropout)[0]
    drops = {steps_above(high, SWITCH): [0, 2, 3, 7], steps_above(high, 0.6): [0, 3]}
    theirs = in_diffusers(a14b_pipeline(high, 2), video, drops=diffusers_models.Drops(drops, positions))
    ours = edit(high, video, model_low_noise=low, dropout=dropout, positions=positions)
    assert ours["kept_latent_frames"] == [0, 7]
    assert largest_difference(ours["samples"], theirs) < EQUAL


@pytest.mark.parametrize("positions", ["none", "kept", "compact"])
def test_the_5b_model_is_the_pipeline_of_diffusers(positions):
    model = small_wan_5b(seed=4)
    pipeline = diffusers_models.image_to_video_5b(noise_levels(model), wan_state_dict(4, in_dim=48, out_dim=48))

    class VaeOfDiffusers:
        """In place of ComfyUI's VAE, because diffusers cannot read weights of this one."""

        def encode(self, image):  # [1, H, W, 3] -> [1, 48, 1, H / 16, W / 16]
            return pipeline.vae.encode(2.0 * image.movedim(-1, 1)[:, :, None] - 1.0).latent_dist.mode()

    latent = Wan22ImageToVideoLatent.execute(VaeOfDiffusers(), WIDTH, HEIGHT, 33, 1, start_image=as_image(PICTURE))[0]
    video = [[POSITIVE, {}]], [[NEGATIVE, {}]], latent
    if positions == "none":
        theirs, options = in_diffusers(pipeline, video, 3.5), {"dropout_stride": 0}
    else:
        drops = diffusers_models.Drops({steps_above(model, SWITCH): KEPT}, positions)
        theirs, options = in_diffusers(pipeline, video, 3.5, drops), {"positions": positions}
    assert largest_difference(edit(model, video, cfg=3.5, **options)["samples"], theirs) < EQUAL


# --- ChronoEditPipeline ---


@pytest.mark.parametrize(("reasoning_steps", "cfg"), [(0, 1.0), (4, 1.0), (4, 3.5), (7, 1.0)])
def test_first_and_last_with_kept_positions_is_chrono_edit(reasoning_steps, cfg):
    frames = 8  # the source, 6 of reasoning, the edit
    model, weights = small_wan(seed=6, kind="i2v"), wan_state_dict(seed=6, kind="i2v")
    sigmas = noise_levels(model)
    pipeline = diffusers_models.chrono_edit(sigmas, small_wan_vae_state_dict(), weights, frames)
    seen = Output()
    seen.penultimate_hidden_states = pipeline.encode_image(PICTURE)  # [1, 5, 1280]
    video = core_video(frames, clip_vision_output=seen)
    theirs = in_diffusers(
        pipeline, video, cfg, enable_temporal_reasoning=True, num_temporal_reasoning_steps=reasoning_steps
    )
    options = {"cfg": cfg, "boundary": float(sigmas[reasoning_steps]), "dropout_stride": frames - 1}
    ours = edit(model, video, positions="kept", **options)
    assert ours["kept_latent_frames"] == [0, frames - 1]
    assert largest_difference(ours["samples"], theirs) < EQUAL
    assert largest_difference(edit(model, video, positions="compact", **options)["samples"], theirs) > DIFFERENT
