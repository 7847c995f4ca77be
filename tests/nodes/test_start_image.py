"""Start Image to Video and the decoding of some images equal ComfyUI's own bit for bit and do a part of its work."""

from __future__ import annotations

import re

import comfy.model_management
import comfy.sd
import numpy
import pytest
import torch
from comfy_extras.nodes_wan import WanImageToVideo
from if_edit.demo import weights
from if_edit.nodes.demo_model import LoadDemoEditModel
from if_edit.nodes.start_image import StartImageToVideo
from if_edit.sampling.start_image import NEAR
from if_edit.sampling.vae import decode_images, reusing_encoder
from if_edit.tests.support.small_models import small_wan22_vae, small_wan_vae, text_conditioning
from if_edit.tools.comfyui import PACK
from PIL import Image

PHOTOS = [PACK / "tests" / "photos" / f"{name}.jpg" for name in ("chelsea", "coffee", "rocket")]


@pytest.fixture(autouse=True)
def as_in_the_server():
    with torch.inference_mode():
        yield


@pytest.fixture(scope="module")
def vae():
    return small_wan_vae()


@pytest.fixture(scope="module")
def demo_vae():
    with torch.inference_mode():
        return comfy.sd.VAE(sd=weights.load_part("vae")[0])


def start_image(count: int = 1, size: int = 48, channels: int = 3) -> torch.Tensor:
    return torch.rand(count, size, size, channels, generator=torch.Generator().manual_seed(7))


def both(vae, length: int = 33, width: int = 48, height: int = 32, batch_size: int = 1, **options) -> tuple:
    """(ours, core's), each (positive, negative, latent)."""
    inputs = (text_conditioning("a ball"), text_conditioning(""), vae, width, height, length, batch_size)
    return StartImageToVideo.execute(*inputs, **options).args, WanImageToVideo.execute(*inputs, **options).args


def assert_equal_bit_for_bit(ours: tuple, core: tuple) -> None:
    for (our_text, our_entry), (core_text, core_entry) in zip(ours[0] + ours[1], core[0] + core[1], strict=True):
        assert torch.equal(our_text, core_text) and our_entry.keys() == core_entry.keys()
        for name, value in core_entry.items():
            assert value is our_entry[name] or torch.equal(our_entry[name], value), name
            if isinstance(value, torch.Tensor):
                assert (our_entry[name].dtype, our_entry[name].device) == (value.dtype, value.device), name
    assert ours[2].keys() == core[2].keys() and torch.equal(ours[2]["samples"], core[2]["samples"])


@pytest.fixture
def core_encodes(vae, monkeypatch):
    """Counts how often the VAE itself is asked, in place of our copy of it."""
    calls = []
    original = comfy.sd.VAE.encode

    def encode(self, pixels):
        if self.first_stage_model is vae.first_stage_model:
            calls.append(pixels)
        return original(self, pixels)

    monkeypatch.setattr(comfy.sd.VAE, "encode", encode)
    return calls


# --- the same result ---


@pytest.mark.parametrize("length", [1, 5, 33, 81, 34])
def test_the_result_is_cores_at_every_length(vae, length):
    assert_equal_bit_for_bit(*both(vae, length, start_image=start_image()))


def test_the_result_is_cores_with_trained_weights(demo_vae):
    assert_equal_bit_for_bit(*both(demo_vae, 49, 64, 64, start_image=start_image(size=64)))


def test_the_result_is_cores_in_half_precision():
    half = small_wan_vae(dim=16)
    half.first_stage_model.to(torch.bfloat16)
    half.vae_dtype = torch.bfloat16
    assert_equal_bit_for_bit(*both(half, 49, start_image=start_image()))


@pytest.mark.parametrize("count", [2, 5, 17, 33, 40])
def test_several_start_images_are_the_first_frames_as_in_core(vae, count):
    assert_equal_bit_for_bit(*both(vae, start_image=start_image(count)))


@pytest.mark.parametrize("image", [start_image(channels=4), start_image(size=40), start_image().double()])
def test_images_of_other_kinds_are_taken_as_in_core(vae, image):
    assert_equal_bit_for_bit(*both(vae, start_image=image))


def test_a_batch_and_clip_vision_pass_as_in_core(vae):
    vision = object()
    ours, core = both(vae, batch_size=2, start_image=start_image(), clip_vision_output=vision)
    assert_equal_bit_for_bit(ours, core)
    assert ours[0][0][1]["clip_vision_output"] is vision and len(ours[2]["samples"]) == 2


def test_nothing_is_kept_from_one_run_to_the_next(vae):
    module = vae.first_stage_model
    before = (set(vars(vae)), set(vars(module)), [*module.encoder.children()])
    first, _ = both(vae, start_image=start_image())
    both(vae, start_image=1.0 - start_image())
    again, _ = both(vae, start_image=start_image())
    assert_equal_bit_for_bit(first, again)
    assert (set(vars(vae)), set(vars(module)), [*module.encoder.children()]) == before


# --- less work ---


def count_chunks(vae, length: int) -> list[int]:
    """How many chunks each layer of the encoder worked on, from the image's side to the latent's."""
    encoder = vae.first_stage_model.encoder
    layers = [encoder.conv1, *encoder.downsamples, encoder.middle]
    counts = [0] * len(layers)

    def count(number):
        def on_call(module, inputs, output):
            counts[number] += 1

        return on_call

    parts = [*layers[:-1], encoder.middle[0]]
    hooks = [part.register_forward_hook(count(number)) for number, part in enumerate(parts)]
    try:
        StartImageToVideo.execute(
            text_conditioning("a"), text_conditioning(""), vae, 32, 32, length, 1, start_image=start_image()
        )
    finally:
        for hook in hooks:
            hook.remove()
    return counts


def test_layers_stop_once_all_they_see_is_grey(vae):
    # Chunks of 1, 4, 4, ... frames. The first convolution looks 2 frames back, the first block 6, the second 10, and so
    # on: the chunk at which nothing but grey is left, and one more to see that it stays so.
    chunks = count_chunks(vae, 81)
    assert chunks[:7] == [3, 4, 5, 5, 6, 7, 7]
    assert chunks == sorted(chunks) and chunks[-1] == 21


def test_a_short_video_costs_no_more_than_in_core(vae):
    assert max(count_chunks(vae, 5)) == 2


def test_an_encoder_whose_input_never_rests_repeats_nothing(vae):
    encoder = vae.first_stage_model.encoder
    video = torch.rand(1, 3, 13, 32, 32, generator=torch.Generator().manual_seed(1))
    outputs = []
    for part in (encoder, reusing_encoder(encoder)):
        caches = [None] * 100
        outputs.append([part(video[:, :, s], caches, [0]) for s in (slice(0, 1), slice(1, 5), slice(5, 9))])
    assert all(torch.equal(one, other) for one, other in zip(*outputs, strict=True))


def test_a_layer_at_rest_starts_anew_with_a_new_video(vae):
    encoder = vae.first_stage_model.encoder
    layer, reusing = encoder.downsamples[0], reusing_encoder(encoder).downsamples[0]
    x = torch.randn(1, 8, 4, 8, 8, generator=torch.Generator().manual_seed(4))
    first = layer(x, [None, None], [0])
    for _ in range(2):
        caches = [None, None]
        results = [reusing(x, caches, [0]) for _ in range(4)]
        assert torch.equal(results[0], first) and not torch.equal(results[-1], first)
        assert results[-1] is results[-2]


class Layer(torch.nn.Module):
    """A layer as newer ComfyUI calls them, at rest from the start."""

    def forward(self, x, caches, place, final=False):
        place[0] += 1
        return x + final


def test_a_layer_that_is_told_something_else_works_again():
    encoder = torch.nn.Module()
    encoder.conv1, encoder.downsamples = torch.nn.Identity(), torch.nn.Sequential(Layer())
    layer = reusing_encoder(encoder).downsamples[0]
    x, caches = torch.zeros(3), [None]
    results = [layer(x, caches, [0], final=final) for final in (False, False, True)]
    assert results[0] is results[1]
    assert results[2].tolist() == [1.0, 1.0, 1.0]


# --- what it does not know, it leaves to core ---


def test_without_a_start_image_core_does_it(vae, core_encodes):
    assert_equal_bit_for_bit(*both(vae))
    assert not core_encodes


def test_with_a_start_image_the_vae_is_not_asked_itself(vae, core_encodes):
    StartImageToVideo.execute(
        text_conditioning("a"), text_conditioning(""), vae, 32, 32, 33, 1, start_image=start_image()
    )
    assert not core_encodes


def test_another_vae_is_left_to_core():
    ours, core = both(small_wan22_vae(), 9, start_image=start_image())
    assert_equal_bit_for_bit(ours, core)
    assert ours[0][0][1]["concat_latent_image"].shape[1] == 48


class OtherVAE(comfy.sd.VAE):
    pass


@pytest.mark.parametrize("change", ["class", "encode", "module's encode"])
def test_a_vae_that_another_pack_changed_is_left_to_core(change, monkeypatch):
    changed = small_wan_vae()
    asked = []

    def encode(pixels):
        asked.append(tuple(pixels.shape))
        return original(pixels)

    if change == "class":
        changed.__class__ = OtherVAE
        monkeypatch.setattr(OtherVAE, "encode", lambda self, pixels: encode(pixels))
        original = lambda pixels: comfy.sd.VAE.encode(changed, pixels)  # noqa: E731
    else:
        owner = changed if change == "encode" else changed.first_stage_model
        original = owner.encode
        owner.encode = encode
    both(changed, start_image=start_image())
    assert len(asked) == 2 and asked[0] == asked[1]  # ours as core's, all 33 frames


class FullGPU:
    """A Wan module for which the memory suffices only for tiles: those it gets from a VAE that it really is in."""

    def __init__(self, monkeypatch, vae, method: str):
        self.shapes = []  # of what the VAE itself cuts into tiles
        self.in_tiles = False
        tiled = getattr(comfy.sd.VAE, f"{method}_tiled_3d")
        whole = getattr(type(vae.first_stage_model), method)

        def cut_into_tiles(this, whole, **options):
            self.shapes.append(list(whole.shape))
            self.in_tiles = True
            return tiled(this, whole, **options)

        def work(module, x):
            if not self.in_tiles:
                raise comfy.model_management.OOM_EXCEPTION("CUDA out of memory")
            return whole(module, x)

        monkeypatch.setattr(comfy.sd.VAE, f"{method}_tiled_3d", cut_into_tiles)
        monkeypatch.setattr(type(vae.first_stage_model), method, work)


def test_when_the_memory_does_not_suffice_core_encodes_the_whole_video_in_tiles(vae, monkeypatch):
    gpu = FullGPU(monkeypatch, vae, "encode")
    ours, _, _ = StartImageToVideo.execute(
        text_conditioning("a"), text_conditioning(""), vae, 32, 32, 9, 1, start_image=start_image()
    ).args
    assert gpu.shapes == [[1, 3, 9, 32, 32]]
    assert list(ours[0][1]["concat_latent_image"].shape) == [1, 16, 3, 4, 4]


def test_when_the_memory_does_not_suffice_core_decodes_the_whole_video_in_tiles(vae, monkeypatch):
    gpu = FullGPU(monkeypatch, vae, "decode")
    images = decode_images(vae, some_latent(), [0, 4, 8])
    assert gpu.shapes == [[1, 16, 3, 4, 4]]
    assert list(images.shape) == [1, 3, 32, 32, 3]


def test_other_errors_are_not_taken_for_a_lack_of_memory(vae, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("something else")

    monkeypatch.setattr(type(vae.first_stage_model), "encode", broken)
    with pytest.raises(RuntimeError, match="something else"):
        both(vae, start_image=start_image())


def test_the_inputs_and_outputs_are_those_of_core():
    ours, core = StartImageToVideo.define_schema(), WanImageToVideo.define_schema()
    assert [(i.id, type(i), i.optional) for i in ours.inputs] == [(i.id, type(i), i.optional) for i in core.inputs]
    assert [(o.display_name, type(o)) for o in ours.outputs] == [(o.display_name, type(o)) for o in core.outputs]
    for mine, theirs in zip(ours.inputs, core.inputs, strict=True):
        if hasattr(mine, "min"):
            assert (mine.min, mine.max, mine.step) == (theirs.min, theirs.max, theirs.step)
        assert mine.tooltip


def test_memory_is_asked_for_the_whole_video(vae, monkeypatch):
    shapes = []
    monkeypatch.setattr(vae, "memory_used_encode", lambda shape, dtype: shapes.append(tuple(shape)) or 1)
    both(vae, 33, start_image=start_image())
    assert shapes == [(1, 3, 33, 32, 48)] * 2


# --- decoding ---


def some_latent(batch: int = 1, frames: int = 3, channels: int = 16) -> torch.Tensor:
    return torch.randn(batch, channels, frames, 4, 4, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("wanted", [[0], [0, 4, 8, 12], [12], [0, 8, 11]])
@pytest.mark.parametrize("kind", ["Wan 2.1", "Wan 2.2"])
def test_the_images_are_those_of_the_whole_decoded_video(kind, wanted):
    vae = small_wan_vae() if kind == "Wan 2.1" else small_wan22_vae()
    latent = some_latent(2, 4, vae.latent_channels)
    images = decode_images(vae, latent, wanted)
    whole = vae.decode(latent)
    assert images.is_contiguous() and images.dtype == whole.dtype
    assert torch.equal(images, whole[:, wanted])
    assert images.untyped_storage().nbytes() == images.numel() * 4  # the other images are not held in memory


def test_the_other_images_are_not_brought_to_the_cpu(vae, monkeypatch):
    made = []
    process = vae.process_output
    monkeypatch.setattr(vae, "process_output", lambda image: made.append(image.shape[2]) or process(image))
    decode_images(vae, some_latent(frames=4), [0, 8])
    assert made == [2]


def test_a_vae_that_another_pack_changed_decodes_as_it_wants(monkeypatch):
    vae = small_wan_vae()
    monkeypatch.setattr(vae, "decode", lambda latent: torch.arange(9.0).view(1, 9, 1, 1, 1))
    assert decode_images(vae, some_latent(), [0, 4, 8]).flatten().tolist() == [0.0, 4.0, 8.0]


def as_image(path, side: int) -> torch.Tensor:
    picture = Image.open(path).convert("RGB").resize((side, side))
    return torch.from_numpy(numpy.array(picture)).float()[None] / 255


def test_with_the_demo_model_a_photo_from_another_world_is_said_to_be_far(monkeypatch):
    said = []
    monkeypatch.setattr("if_edit.nodes.start_image.warn_under", lambda node: said.append)
    _, _, demo_vae = LoadDemoEditModel.execute().args
    texts = (text_conditioning("a ball"), text_conditioning(""))
    StartImageToVideo.execute(*texts, demo_vae, 128, 128, 5, 1, start_image=as_image(PACK / "demo" / "sample.png", 128))
    assert said == []
    for photo in PHOTOS:
        StartImageToVideo.execute(*texts, demo_vae, 128, 96, 5, 1, start_image=as_image(photo, 200))
        assert "far from the demo model's small world" in said[-1], photo
        assert int(re.search(r"at (\d+) dB", said[-1]).group(1)) < NEAR - 2, photo
    assert len(said) == len(PHOTOS)


def test_other_vaes_take_any_photo(monkeypatch, vae):
    monkeypatch.setattr("if_edit.nodes.start_image.warn_under", lambda node: pytest.fail)
    StartImageToVideo.execute(
        text_conditioning("a ball"), text_conditioning(""), vae, 48, 32, 5, 1, start_image=start_image()
    )
