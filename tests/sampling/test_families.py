"""Every Wan family, with the drop, equals ComfyUI's own samplers on conditioning and positions cut by hand here.

Small random Wan models in the real ComfyUI, in process. What else people hang on a MODEL (LoRA, EasyCache, context
windows, guidance patches, GGUF loaders, torch.compile) or put around it (SamplerCustomAdvanced) is tested below.
"""

from __future__ import annotations

import copy
import functools
import gc
from collections.abc import Callable
from dataclasses import dataclass
from unittest import mock

import comfy.lora
import comfy.model_patcher
import comfy.ops
import comfy.sd
import comfy.utils
import folder_paths
import pytest
import torch
from comfy.patcher_extension import WrappersMP
from if_edit.nodes.dropout import TemporalLatentDropout
from if_edit.nodes.edit_sampler import EditSampler
from if_edit.nodes.keyframes import DecodeKeyframes
from if_edit.sampling.stages import make_sigmas
from if_edit.tests.support.small_models import (
    clip_vision_output,
    image_to_video,
    small_wan,
    small_wan22_vae,
    small_wan_5b,
    small_wan_vae,
    text_conditioning,
    wan_state_dict,
)
from safetensors.torch import save_file

import nodes as core_nodes  # ComfyUI's own

SEED, STEPS, CFG = 3, 6, 2.5
SWITCH = 0.93  # with ComfyUI's shift of 8 for Wan, 6 steps have sigmas 1, 0.976, 0.941, 0.889, ...
LENGTH, FRAMES = 33, 9  # images, latent frames
KEEP = [0, 3, 6, 8]  # stride 3


@pytest.fixture(autouse=True)
def as_in_the_server():
    with torch.inference_mode():
        yield


def edit(model, video, **options) -> dict:
    positive, negative, latent = video
    options = {
        "seed": SEED,
        "steps": STEPS,
        "cfg": CFG,
        "sampler_name": "euler",
        "scheduler": "simple",
        "boundary": SWITCH,
        "dropout_stride": 3,
        "positions": "kept",  # the harder ones
        **options,
    }
    return EditSampler.execute(model, positive, negative, latent, **options)[0]


def ksampler(model, video, cfg=CFG) -> torch.Tensor:
    positive, negative, latent = video
    return core_nodes.KSampler().sample(model, SEED, STEPS, cfg, "euler", "simple", positive, negative, latent)[0][
        "samples"
    ]


def first_half(model, video, cfg=CFG, steps=STEPS) -> dict:
    """The latent of the first of two KSampler (Advanced), with its leftover noise."""
    positive, negative, latent = video
    settings = (SEED, steps, cfg, "euler", "simple", positive, negative)
    at = step_of_switch(model, steps)
    return core_nodes.KSamplerAdvanced().sample(model, "enable", *settings, latent, 0, at, "enable")[0]


def second_half(model, video, cfg=CFG, steps=STEPS) -> dict:
    """The latent of the second of two KSampler (Advanced)."""
    positive, negative, latent = video
    settings = (SEED, steps, cfg, "euler", "simple", positive, negative)
    at = step_of_switch(model, steps)
    return core_nodes.KSamplerAdvanced().sample(model, "disable", *settings, latent, at, 10000, "disable")[0]


def with_the_node_between(
    model, video, model_low_noise=None, positions="kept", cfg=CFG, steps=STEPS, **options
) -> dict:
    """Two KSampler (Advanced) with Temporal Latent Dropout between them."""
    positive, negative, _ = video
    between = TemporalLatentDropout.execute(
        model_low_noise or model, positive, negative, first_half(model, video, cfg, steps), 3, positions, **options
    )
    return second_half(between[0], between.args[1:4], cfg, steps)


def step_of_switch(model, steps=STEPS) -> int:
    sigmas = make_sigmas(model, steps, "euler", "simple").tolist()
    return next(step for step, sigma in enumerate(sigmas) if sigma <= SWITCH)


def largest_difference(one: torch.Tensor, other: torch.Tensor) -> float:
    assert one.shape == other.shape
    return float((one - other).abs().max())


# --- the families ---


@functools.cache
def vae():
    return small_wan_vae()


@functools.cache
def vae22():
    return small_wan22_vae()


def pictures(count: int, seed: int, size: int = 32) -> torch.Tensor:
    return torch.rand(count, size, size, 3, generator=torch.Generator().manual_seed(seed))


def texts() -> tuple[list, list]:
    return text_conditioning("a red ball rolls away"), text_conditioning("")


def camera():
    from comfy_extras.nodes_camera_trajectory import WanCameraEmbedding

    return WanCameraEmbedding.execute("Pan Left", 32, 32, LENGTH)[0]


def wan(node: str, *settings, **inputs):
    """Run a node of ComfyUI's comfy_extras.nodes_wan on our two texts."""
    import comfy_extras.nodes_wan

    return getattr(comfy_extras.nodes_wan, node).execute(*texts(), *settings, **inputs).args


def ti2v_5b(batch: int = 1, start_images: int = 1):
    from comfy_extras.nodes_wan import Wan22ImageToVideoLatent

    start = pictures(start_images, 7, 64)
    return (*texts(), Wan22ImageToVideoLatent.execute(vae22(), 64, 64, LENGTH, batch, start_image=start)[0])


@dataclass(frozen=True)
class Family:
    """A model, its conditioning, and what of that conditioning runs along the video."""

    model: Callable  # () -> MODEL
    video: Callable  # (batch_size) -> (positive, negative, latent)
    along: tuple[str, ...] = ("concat_latent_image", "concat_mask")
    before: int = 0  # reference frames that the model itself puts before the video
    after: int = 0  # and after it


FAMILIES = {
    "Wan 2.1 I2V with CLIP vision": Family(
        lambda: small_wan(seed=11, kind="i2v"),
        lambda batch: wan("WanImageToVideo", vae(), 32, 32, LENGTH, batch, pictures(1, 1), clip_vision_output(1)),
    ),
    "Wan 2.1 FLF2V, first and last frame": Family(
        lambda: small_wan(seed=12, kind="i2v", first_last=True),
        lambda batch: wan(
            "WanFirstLastFrameToVideo",
            vae(),
            32,
            32,
            LENGTH,
            batch,
            pictures(1, 1),
            pictures(1, 2),
            clip_vision_output(1),
            clip_vision_output(2),
        ),
    ),
    "Wan 2.2 I2V, first and last frame": Family(
        lambda: small_wan(seed=13),
        lambda batch: wan("WanFirstLastFrameToVideo", vae(), 32, 32, LENGTH, batch, pictures(5, 1), pictures(6, 2)),
    ),
    "Fun InP": Family(
        lambda: small_wan(seed=14, kind="i2v"),
        lambda batch: wan(
            "WanFunInpaintToVideo", vae(), 32, 32, LENGTH, batch, pictures(1, 1), pictures(1, 2), clip_vision_output(1)
        ),
    ),
    "Fun Control 2.1": Family(
        lambda: small_wan(seed=15, in_dim=48, kind="i2v"),
        lambda batch: wan(
            "WanFunControlToVideo",
            vae(),
            32,
            32,
            LENGTH,
            batch,
            pictures(1, 1),
            clip_vision_output(1),
            pictures(LENGTH, 3),
        ),
        along=("concat_latent_image",),
    ),
    "Fun Control 2.2 with a reference image": Family(
        lambda: small_wan(seed=16, in_dim=52, ref_conv=True),
        lambda batch: wan(
            "Wan22FunControlToVideo",
            vae(),
            32,
            32,
            LENGTH,
            batch,
            ref_image=pictures(1, 4),
            start_image=pictures(1, 1),
            control_video=pictures(LENGTH, 3),
        ),
        before=1,
    ),
    "Fun Control 2.2 5B": Family(
        lambda: small_wan(seed=17, in_dim=148, out_dim=48, ref_conv=True),
        lambda batch: wan(
            "Wan22FunControlToVideo",
            vae22(),
            64,
            64,
            LENGTH,
            batch,
            ref_image=pictures(1, 4),
            start_image=pictures(1, 1),
            control_video=pictures(21, 3),
        ),
        before=1,
    ),
    "Fun Camera 2.1": Family(
        lambda: small_wan(seed=18, in_dim=32, kind="camera"),
        lambda batch: wan(
            "WanCameraImageToVideo", vae(), 32, 32, LENGTH, batch, pictures(1, 1), clip_vision_output(1), camera()
        ),
        along=("concat_latent_image", "camera_conditions"),
    ),
    "Fun Camera 2.2": Family(
        lambda: small_wan(seed=19, in_dim=36, kind="camera_2.2"),
        lambda batch: wan("WanCameraImageToVideo", vae(), 32, 32, LENGTH, batch, pictures(1, 1), None, camera()),
        along=("concat_latent_image", "concat_mask", "camera_conditions"),
    ),
    "VACE with a control video": Family(
        lambda: small_wan(seed=20, in_dim=16, kind="vace"),
        lambda batch: wan(
            "WanVaceToVideo", vae(), 32, 32, LENGTH, batch, 0.8, pictures(LENGTH, 3), pictures(LENGTH, 5)[..., 0]
        )[:3],
        along=("vace_frames", "vace_mask"),
    ),
    "Phantom": Family(
        lambda: small_wan(seed=21, in_dim=16),
        lambda batch: tuple(
            wan("WanPhantomSubjectToVideo", vae(), 32, 32, LENGTH, batch, pictures(2, 4))[at] for at in (0, 1, 3)
        ),
        along=(),
        after=2,
    ),
}

each_family = pytest.mark.parametrize("name", FAMILIES)


@pytest.fixture(scope="module", autouse=True)
def forget_the_models():
    # ComfyUI collects garbage whenever a clone of a loaded model is gone, which is after every run here. Without the
    # objects of all imported modules in its way that takes no time.
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
    for cached in (vae, vae22, model_of, video_of, expert, start_video):
        cached.cache_clear()


@functools.cache
def expert(seed: int):
    """A MODEL of the Wan 2.2 I2V kind; 1 is the high-noise expert below, 2 the low-noise one."""
    return small_wan(seed=seed)


@functools.cache
def start_video():
    """(positive, negative, latent) of WanImageToVideo."""
    return image_to_video(vae())


@functools.cache
def model_of(name: str):
    return FAMILIES[name].model()


@functools.cache
def video_of(name: str, batch: int = 1):
    return FAMILIES[name].video(batch)


def cut_by_hand(conditioning: list, keep: list[int], names: tuple[str, ...]) -> list:
    """The conditioning with the named entries [B, C, F, H, W] (or lists of such) indexed; all of them must be there."""
    cut = []
    for text, entry in conditioning:
        entry = dict(entry)
        for name in names:
            value = entry[name]
            one = isinstance(value, torch.Tensor)
            entry[name] = value[:, :, keep] if one else [tensor[:, :, keep] for tensor in value]
        cut.append([text, entry])
    return cut


def at_places(model, places: list[float]):
    """The MODEL with these RoPE time positions, computed here from the coordinates of every token."""

    def forward(executor, *args, **kwargs):
        module = executor.class_obj

        def rope_encode(t, h, w, device=None, dtype=None, **_):
            assert t == len(places)
            axes = (torch.tensor(places), torch.arange(h // 2), torch.arange(w // 2))
            ids = torch.stack(torch.meshgrid(*[axis.to(device, dtype) for axis in axes], indexing="ij"), dim=-1)
            return module.rope_embedder(ids.reshape(1, -1, 3)).movedim(1, 2)

        with mock.patch.object(module, "rope_encode", rope_encode):
            return executor(*args, **kwargs)

    model = model.clone()
    model.add_wrapper_with_key(WrappersMP.DIFFUSION_MODEL, "places by hand", forward)
    return model


def edit_by_hand(model, video, along, keep=KEEP, places=None, wrong: str | None = None) -> torch.Tensor:
    """The edit with ComfyUI's nodes alone; `places` are positions (None: compact), `wrong` is one entry cut wrongly."""
    positive, negative, _ = video
    started = first_half(model, video)["samples"]

    def cut(conditioning):
        by_hand = cut_by_hand(conditioning, keep, along)
        return cut_by_hand(by_hand, [*range(1, len(keep)), 0], (wrong,)) if wrong else by_hand

    if places is not None:
        model = at_places(model, places)
    return second_half(model, (cut(positive), cut(negative), {"samples": started[:, :, keep]}))["samples"]


def places_of(family: Family, keep: list[int], frames: int = FRAMES) -> list[float]:
    before, after = family.before, family.after
    return [*range(before), *(before + frame for frame in keep), *(before + frames + index for index in range(after))]


@each_family
def test_the_edit_equals_core_samplers_on_conditioning_cut_by_hand(name):
    family, model, video = FAMILIES[name], model_of(name), video_of(name)
    kept = edit(model, video)
    by_hand = edit_by_hand(model, video, family.along, places=places_of(family, KEEP))
    assert largest_difference(kept["samples"], by_hand) < 1e-4
    assert kept["kept_latent_frames"] == KEEP and kept["latent_frames"] == FRAMES
    compact = edit(model, video, positions="compact")["samples"]
    assert largest_difference(compact, edit_by_hand(model, video, family.along)) < 1e-4
    assert largest_difference(kept["samples"], compact) > 1e-3


@pytest.mark.parametrize(
    ("name", "entry"), [(name, entry) for name, family in FAMILIES.items() for entry in family.along]
)
def test_the_families_notice_conditioning_at_the_wrong_frames(name, entry):
    # What makes the test above one that can fail: each entry, in the wrong order, gives another video.
    family, model, video = FAMILIES[name], model_of(name), video_of(name)
    right, wrong = (edit_by_hand(model, video, family.along, wrong=which) for which in (None, entry))
    assert largest_difference(right, wrong) > 1e-3


@each_family
@pytest.mark.parametrize("positions", ["kept", "compact"])
def test_the_node_between_two_core_samplers_equals_the_edit_sampler(name, positions):
    model, video = model_of(name), video_of(name)
    theirs = with_the_node_between(model, video, positions=positions)
    assert largest_difference(edit(model, video, positions=positions)["samples"], theirs["samples"]) < 1e-4
    assert theirs["kept_latent_frames"] == KEEP


@each_family
def test_a_stride_of_1_is_the_core_ksampler(name):
    model, video = model_of(name), video_of(name)
    assert largest_difference(edit(model, video, dropout_stride=1)["samples"], ksampler(model, video)) < 1e-4
    assert torch.equal(edit(model, video, dropout_stride=0)["samples"], ksampler(model, video))


@each_family
def test_each_video_of_a_batch_is_edited_as_it_is_alone(name):
    model, (positive, negative, latent) = model_of(name), video_of(name, batch=2)
    both = edit(model, (positive, negative, latent))["samples"]
    assert both.shape[:3] == (2, latent["samples"].shape[1], len(KEEP))
    second = {"samples": latent["samples"][:1], "batch_index": [1]}
    one = edit(model, (*video_of(name)[:2], second))["samples"]
    assert largest_difference(both[1:], one) < 1e-3
    assert largest_difference(both[:1], one) > 1e-2  # the two have different noise


@each_family
def test_no_family_has_its_inputs_changed(name):
    model, video = model_of(name), video_of(name)
    before = copy.deepcopy(video)
    edit(model, video)
    TemporalLatentDropout.execute(model, *video, 3, "kept")
    for conditioning, old in zip(video[:2], before[:2], strict=True):
        assert_same_conditioning(conditioning, old)
    assert torch.equal(video[2]["samples"], before[2]["samples"]) and video[2].keys() == before[2].keys()
    assert not model.wrappers and not model.object_patches


def assert_same_conditioning(one: list, other: list) -> None:
    for (text, entry), (other_text, other_entry) in zip(one, other, strict=True):
        assert torch.equal(text, other_text) and entry.keys() == other_entry.keys()
        for name, value in entry.items():
            for tensor, old in zip(tensors(value), tensors(other_entry[name]), strict=True):
                assert torch.equal(tensor, old), name


def tensors(value) -> list[torch.Tensor]:
    values = value if isinstance(value, list) else [value]
    return [tensor for tensor in values if isinstance(tensor, torch.Tensor)]


# --- first and last frame ---


def seen_by(model, into: list):
    """The MODEL, which notes every input [B, C, F, H, W] of its diffusion model."""

    def note(executor, x, *args, **kwargs):
        into.append(x)
        return executor(x, *args, **kwargs)

    model = model.clone()
    model.add_wrapper_with_key(WrappersMP.DIFFUSION_MODEL, "seen", note)
    return model


def test_the_last_frame_that_was_given_is_still_given_after_the_drop():
    video = wan("WanFirstLastFrameToVideo", vae(), 32, 32, LENGTH, 1, pictures(1, 1), pictures(1, 2))
    seen = []
    edit(seen_by(expert(1), seen), video)
    whole, dropped = seen[0], seen[-1]
    assert (whole.shape[2], dropped.shape[2]) == (FRAMES, len(KEEP))
    assert torch.equal(dropped[:, 16:], whole[:, 16:, KEEP])
    # The four mask channels are the four images of a latent frame, 1 = given: all of the first, the last of the last.
    assert dropped[0, 16:20, :, 0, 0].T.tolist() == [[1, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]]


@pytest.mark.parametrize("end_images", [1, 5, 33])
def test_any_number_of_end_images_is_cut_with_the_video(end_images):
    video = wan("WanFirstLastFrameToVideo", vae(), 32, 32, LENGTH, 1, None, pictures(end_images, 2))
    assert (
        largest_difference(
            edit(expert(1), video, positions="compact")["samples"],
            edit_by_hand(expert(1), video, ("concat_latent_image", "concat_mask")),
        )
        < 1e-4
    )


# --- VACE with a reference image: latent frames before the video ---

WITH_REFERENCE = [0, 1, 4, 7, 9]  # the reference, and stride 3 of the nine frames after it


def vace_with_reference():
    *video, trim_latent = wan(
        "WanVaceToVideo",
        vae(),
        32,
        32,
        LENGTH,
        1,
        1.0,
        pictures(LENGTH, 3),
        pictures(LENGTH, 5)[..., 0],
        pictures(1, 4),
    )
    assert trim_latent == 1 and video[2]["samples"].shape[2] == 1 + FRAMES
    return video


@pytest.fixture(scope="module")
def vace_model():
    return small_wan(seed=20, in_dim=16, kind="vace")


@pytest.mark.parametrize("positions", ["kept", "compact"])
def test_a_vace_reference_always_stays_and_is_not_counted_as_a_frame_of_the_video(vace_model, positions):
    video = vace_with_reference()
    ours = edit(vace_model, video, positions=positions, reference_frames=1)
    by_hand = edit_by_hand(
        vace_model, video, ("vace_frames", "vace_mask"), WITH_REFERENCE, WITH_REFERENCE if positions == "kept" else None
    )
    assert largest_difference(ours["samples"], by_hand) < 1e-4
    theirs = with_the_node_between(vace_model, video, positions=positions, reference_frames=1)
    assert largest_difference(ours["samples"], theirs["samples"]) < 1e-4


def test_decoded_keyframes_are_those_of_the_video_with_and_without_trim_video_latent(vace_model):
    from comfy_extras.nodes_wan import TrimVideoLatent

    edited = edit(vace_model, vace_with_reference(), reference_frames=1)
    trimmed = TrimVideoLatent.execute(edited, 1)[0]
    alone = {"samples": edited["samples"][:, :, 1:], "kept_latent_frames": KEEP, "latent_frames": FRAMES}
    for latent in (edited, trimmed):
        images, numbers = DecodeKeyframes.execute(latent, vae()).args
        assert numbers == "0, 12, 24, 32"
        assert torch.equal(images, DecodeKeyframes.execute(alone, vae())[0])


def test_a_stride_counts_the_frames_of_the_video_only(vace_model):
    # 9 frames after the reference: 9 is the largest stride, and 1 keeps all ten latent frames.
    kept_all = edit(vace_model, vace_with_reference(), dropout_stride=1, reference_frames=1)["samples"]
    assert largest_difference(kept_all, ksampler(vace_model, vace_with_reference())) < 1e-4
    assert edit(vace_model, vace_with_reference(), dropout_stride=9, reference_frames=1)["samples"].shape[2] == 3
    with pytest.raises(ValueError, match="stride is 10.* 9 latent frames"):
        edit(vace_model, vace_with_reference(), dropout_stride=10, reference_frames=1)


@pytest.mark.parametrize("positions", ["kept", "compact"])
def test_a_vace_reference_that_nobody_named_is_found_in_the_conditioning(vace_model, positions):
    video = vace_with_reference()
    ours = edit(vace_model, video, positions=positions)
    named = edit(vace_model, video, positions=positions, reference_frames=1)
    assert ours["kept_latent_frames"] == named["kept_latent_frames"] == WITH_REFERENCE
    assert torch.equal(ours["samples"], named["samples"])
    theirs = with_the_node_between(vace_model, video, positions=positions)
    assert largest_difference(ours["samples"], theirs["samples"]) < 1e-4


@pytest.mark.parametrize("masked", [False, True])
def test_a_given_first_frame_of_a_vace_video_is_no_reference(vace_model, masked):
    # A mask of 0 on the first image, and even a grey one, look nearly like a reference.
    control = pictures(LENGTH, 3)
    control[0] = 0.5 if masked else control[0]
    masks = torch.ones(LENGTH, 32, 32)
    masks[0] = 0.0
    video = wan("WanVaceToVideo", vae(), 32, 32, LENGTH, 1, 1.0, control, masks)[:3]
    assert edit(vace_model, video)["kept_latent_frames"] == KEEP


def test_without_a_drop_a_vace_reference_needs_no_naming(vace_model):
    video = vace_with_reference()
    assert torch.equal(edit(vace_model, video, dropout_stride=0)["samples"], ksampler(vace_model, video))


# --- Wan 2.2 TI2V-5B ---


@pytest.fixture(scope="module")
def five_b():
    return small_wan_5b(seed=22)


@pytest.mark.parametrize("positions", ["kept", "compact"])
def test_5b_equals_core_samplers_on_a_latent_cut_by_hand(five_b, positions):
    # Five start images are latent frames 0 and 1; of these the drop keeps frame 0 only.
    positive, negative, latent = video = ti2v_5b(start_images=5)
    ours = edit(five_b, video, positions=positions)
    assert ours["noise_mask"][0, 0, :, 0, 0].tolist() == [0, 1, 1, 1]
    protected = latent["noise_mask"] == 0
    started = torch.where(protected, latent["samples"], first_half(five_b, video)["samples"])
    cut = {"samples": started[:, :, KEEP], "noise_mask": latent["noise_mask"][:, :, KEEP]}
    model = at_places(five_b, KEEP) if positions == "kept" else five_b
    assert largest_difference(ours["samples"], second_half(model, (positive, negative, cut))["samples"]) < 1e-4
    assert largest_difference(ours["samples"][:, :, 0], latent["samples"][:, :, 0]) < 1e-4


def test_5b_edits_each_video_of_a_batch_as_it_does_alone(five_b):
    positive, negative, latent = ti2v_5b(batch=2)
    both = edit(five_b, (positive, negative, latent))["samples"]
    second = {name: value[:1] for name, value in latent.items()} | {"batch_index": [1]}
    assert largest_difference(both[1:], edit(five_b, (positive, negative, second))["samples"]) < 1e-3
    theirs = with_the_node_between(five_b, (positive, negative, latent), start_latent=latent)["samples"]
    assert largest_difference(both, theirs) < 1e-4


# --- LoRA ---


def lora_file(folder, seed: int) -> str:
    """A small LoRA for the attention of both blocks, in the form that most trainers write."""
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for block in range(2):
        for layer in ("self_attn.q", "self_attn.v", "cross_attn.k", "ffn.0"):
            target = f"diffusion_model.blocks.{block}.{layer}"
            height = 256 if layer == "ffn.0" else 128
            weights[f"{target}.lora_A.weight"] = 0.1 * torch.randn(4, 128, generator=generator)
            weights[f"{target}.lora_B.weight"] = 0.5 * torch.randn(height, 4, generator=generator)
    save_file(weights, folder / f"lora{seed}.safetensors")
    return f"lora{seed}.safetensors"


@pytest.fixture
def with_lora(tmp_path, monkeypatch):
    """(MODEL, seed) -> MODEL, through ComfyUI's own node and a file."""
    monkeypatch.setitem(folder_paths.folder_names_and_paths, "loras", ([str(tmp_path)], {".safetensors"}))
    monkeypatch.setattr(folder_paths, "filename_list_cache", {})

    def load(model, seed: int, strength: float = 1.0):
        name = lora_file(tmp_path, seed)
        return core_nodes.LoraLoaderModelOnly().load_lora_model_only(model, name, strength)[0]

    return load


def denoised_by(model, into: list):
    """The MODEL, which notes what it predicts in every step."""

    def note(args):
        into.append(args["denoised"].clone())
        return args["denoised"]

    model = model.clone()
    model.set_model_sampler_post_cfg_function(note)
    return model


@pytest.mark.parametrize("expert_with_lora", ["high", "low"])
def test_a_lora_works_in_the_stage_of_its_expert_only(with_lora, expert_with_lora):
    high, low, video = expert(1), expert(2), start_video()

    def steps(high, low) -> list[torch.Tensor]:
        seen = []
        edit(denoised_by(high, seen), video, model_low_noise=denoised_by(low, seen))
        assert [step.shape[2] for step in seen] == [FRAMES] * 3 + [len(KEEP)] * 3
        return seen

    plain = steps(high, low)
    if expert_with_lora == "high":
        patched_high, patched_low = with_lora(high, 1), low
        changed = steps(patched_high, low)
        assert largest_difference(plain[0], changed[0]) > 1e-2
    else:
        patched_high, patched_low = high, with_lora(low, 1)
        changed = steps(high, patched_low)
        assert all(torch.equal(one, other) for one, other in zip(plain[:3], changed[:3], strict=True))
        assert largest_difference(plain[3], changed[3]) > 1e-2
    theirs = with_the_node_between(patched_high, video, patched_low)["samples"]
    assert largest_difference(edit(patched_high, video, model_low_noise=patched_low)["samples"], theirs) < 1e-4
    # Afterwards the weights that everybody shares are as before.
    again = steps(high, low)
    assert all(torch.equal(one, other) for one, other in zip(plain, again, strict=True))


def test_two_loras_on_the_same_weights_each_have_their_stage(with_lora):
    base, video = expert(1), start_video()
    first, second = with_lora(base, 1), with_lora(base, 2)
    ours = edit(first, video, model_low_noise=second)["samples"]
    assert largest_difference(ours, with_the_node_between(first, video, second)["samples"]) < 1e-4
    for other in (base, first):
        assert largest_difference(ours, edit(first, video, model_low_noise=other)["samples"]) > 1e-2
    assert largest_difference(ours, edit(base, video, model_low_noise=second)["samples"]) > 1e-2


# --- EasyCache and LazyCache ---


@pytest.fixture(params=["EasyCache", "LazyCache"])
def cached(request):
    """MODEL -> MODEL with the core node, set to skip every step that it may."""
    import comfy_extras.nodes_easycache

    node = getattr(comfy_extras.nodes_easycache, f"{request.param}Node")
    return lambda model: node.execute(model, reuse_threshold=3.0, start_percent=0.0, end_percent=1.0, verbose=False)[0]


@pytest.mark.parametrize("positions", ["kept", "compact"])
def test_a_cache_skips_steps_in_both_stages_and_never_crosses_the_drop(cached, positions):
    model, video, seen = cached(expert(1)), start_video(), []
    ours = edit(seen_by(model, seen), video, positions=positions)["samples"]
    # Each stage runs its first two steps and reuses the second one's change in the third.
    assert [x.shape[2] for x in seen] == [FRAMES] * 2 + [len(KEEP)] * 2
    by_hand = edit_by_hand(
        model, video, ("concat_latent_image", "concat_mask"), places=KEEP if positions == "kept" else None
    )
    assert largest_difference(ours, by_hand) < 1e-4
    assert largest_difference(ours, with_the_node_between(model, video, positions=positions)["samples"]) < 1e-4
    assert largest_difference(ours, edit(expert(1), video, positions=positions)["samples"]) > 1e-2


def test_a_cache_on_either_expert_and_after_the_node_works(cached):
    high, low, video = expert(1), expert(2), start_video()
    for first, second in ((cached(high), cached(low)), (cached(high), low), (high, cached(low))):
        theirs = with_the_node_between(first, video, second)["samples"]
        assert largest_difference(edit(first, video, model_low_noise=second)["samples"], theirs) < 1e-4
    between = TemporalLatentDropout.execute(low, *video[:2], first_half(high, video), 3, "kept")
    after_the_node = second_half(cached(between[0]), between.args[1:4])["samples"]
    assert largest_difference(edit(high, video, model_low_noise=cached(low))["samples"], after_the_node) < 1e-4


def test_a_cache_without_a_drop_is_the_core_sampler_with_it(cached):
    model, video = cached(expert(1)), start_video()
    assert torch.equal(edit(model, video, dropout_stride=0)["samples"], ksampler(model, video))


def test_a_cache_works_with_the_noise_mask_of_5b(cached, five_b):
    video = ti2v_5b()
    theirs = with_the_node_between(cached(five_b), video, start_latent=video[2])["samples"]
    assert largest_difference(edit(cached(five_b), video)["samples"], theirs) < 1e-4


def test_a_cache_leaves_nothing_behind(cached):
    video, plain = start_video(), ksampler(expert(1), start_video())
    model = cached(expert(1))
    once = edit(model, video)["samples"]
    held = vars(model.model_options["transformer_options"]["easycache"]).values()
    assert not any(isinstance(value, torch.Tensor) or (isinstance(value, dict) and value) for value in held)
    assert torch.equal(once, edit(model, video)["samples"])
    assert torch.equal(plain, ksampler(expert(1), video))


# --- context windows ---


def windows(model, images: int, context_schedule: str = "standard_static"):
    from comfy_extras.nodes_context_windows import WanContextWindowsManualNode

    return WanContextWindowsManualNode.execute(model, images, 1, context_schedule, 1, False, "pyramid")[0]


def core_cuts_conditioning_into_windows() -> bool:
    """Newer ComfyUI gives each window its part of the start image; 0.3.75 gives it the whole."""
    handler = windows(expert(1), 17).model_options["context_handler"]
    return hasattr(handler, "cond_retain_index_list")


def text_to_video(batch: int = 1):
    """Without a source, so no edit; but the one kind that 0.3.75 samples in context windows."""
    return (*texts(), {"samples": torch.zeros(batch, 16, FRAMES, 4, 4)})


@pytest.fixture(scope="module")
def text_model():
    return small_wan(seed=23, in_dim=16)


def test_context_windows_as_long_as_the_video_change_nothing():
    model, video = expert(1), start_video()
    assert torch.equal(edit(windows(model, LENGTH), video)["samples"], edit(model, video)["samples"])


def test_context_windows_work_in_the_whole_video_and_end_with_the_drop(text_model):
    # Windows of five latent frames: the nine of the first stage need them, the four after the drop do not.
    model, video = windows(text_model, 17), text_to_video()
    assert torch.equal(edit(model, video, dropout_stride=0)["samples"], ksampler(model, video))
    ours = edit(model, video)["samples"]
    assert largest_difference(ours, edit_by_hand(model, video, (), places=KEEP)) < 1e-4
    assert largest_difference(ours, edit(text_model, video)["samples"]) > 1e-3


def test_context_windows_after_the_drop_run_with_compact_positions(text_model):
    model, video = windows(text_model, 9), text_to_video()
    ours = edit(model, video, positions="compact")["samples"]
    assert largest_difference(ours, edit_by_hand(model, video, ())) < 1e-4


def test_context_windows_after_the_drop_keep_the_distances_of_the_kept_frames(text_model):
    from comfy_extras.nodes_rope import ScaleROPE

    # ComfyUI starts every window at position 0. Of the frames 0 2 4 6 8, each window of three is 0 2 4.
    model, (positive, negative, latent) = windows(text_model, 9), text_to_video()
    ours = edit(model, (positive, negative, latent), dropout_stride=2)["samples"]
    started = first_half(model, (positive, negative, latent))["samples"][:, :, ::2]
    stretched = ScaleROPE.execute(model, 1.0, 0.0, 1.0, 0.0, 2.0, 0.0)[0]
    assert (
        largest_difference(ours, second_half(stretched, (positive, negative, {"samples": started}))["samples"]) < 1e-4
    )


@pytest.mark.parametrize("context_schedule", ["standard_uniform", "looped_uniform", "batched"])
def test_every_context_schedule_runs_after_the_drop(text_model, context_schedule):
    ours = edit(windows(text_model, 9, context_schedule), text_to_video(), dropout_stride=2)["samples"]
    assert ours.shape[2] == 5 and ours.isfinite().all()


@pytest.mark.parametrize("family", ["start image", "5B", "VACE"])
def test_context_windows_that_the_core_cannot_sample_are_refused_before_sampling(family, five_b, vace_model):
    if core_cuts_conditioning_into_windows():
        pytest.skip("this ComfyUI cuts conditioning into context windows")
    model, video = {
        "start image": lambda: (expert(1), start_video()),
        "5B": lambda: (five_b, ti2v_5b()),
        "VACE": lambda: (vace_model, video_of("VACE with a control video")),
    }[family]()
    seen = []
    model = seen_by(windows(model, 17), seen)
    for stride in (0, 3):
        with pytest.raises(ValueError, match="context windows of 5 latent frames.* 9 latent frames.*longer windows"):
            edit(model, video, dropout_stride=stride)
    assert not seen
    # After the drop four latent frames fit into one window, so that only the first sampler could not run.
    TemporalLatentDropout.execute(model, *video, 3, start_latent=video[2])
    with pytest.raises(ValueError, match="context windows of 3 latent frames.* 4 latent frames"):
        TemporalLatentDropout.execute(windows(model, 9), *video, 3, start_latent=video[2])


def test_context_windows_of_a_batch_are_refused_before_sampling(text_model):
    with pytest.raises(ValueError, match="context windows.*batch"):
        edit(windows(text_model, 17), text_to_video(batch=2))


# --- around the samplers: shift, custom sampling, guiders, ScaleROPE ---


def shifted(model, shift: float):
    from comfy_extras.nodes_model_advanced import ModelSamplingSD3

    return ModelSamplingSD3().patch(model, shift)[0]


def test_the_shift_of_model_sampling_sd3_moves_the_drop_to_the_step_of_its_noise_level():
    high, low, video = shifted(expert(1), 3.0), shifted(expert(2), 3.0), start_video()
    assert step_of_switch(high) < step_of_switch(expert(1))
    seen = []
    ours = edit(denoised_by(high, seen), video, model_low_noise=denoised_by(low, seen))["samples"]
    assert [step.shape[2] for step in seen].index(len(KEEP)) == step_of_switch(high)
    assert largest_difference(ours, with_the_node_between(high, video, low)["samples"]) < 1e-4
    assert largest_difference(ours, edit(expert(1), video, model_low_noise=expert(2))["samples"]) > 1e-2


def test_the_low_noise_expert_goes_on_at_the_noise_level_where_the_high_noise_expert_stopped():
    # KSampler (Advanced) would take the noise levels of the low-noise expert's own shift.
    high, low, video, sigmas = shifted(expert(1), 5.0), shifted(expert(2), 1.0), start_video(), []

    def note(args):
        sigmas.append(float(args["sigma"][0]))
        return args["denoised"]

    for model in (high, low):
        model.set_model_sampler_post_cfg_function(note)
    edit(high, video, model_low_noise=low)
    assert sigmas == pytest.approx(make_sigmas(high, STEPS, "euler", "simple")[:-1].tolist())


def sampler_custom_advanced(high, low, video, guider, positions="kept", **options) -> dict:
    """SplitSigmas and two SamplerCustomAdvanced around Temporal Latent Dropout; guider(MODEL, positive, negative)."""
    from comfy_extras.nodes_custom_sampler import (
        BasicScheduler,
        DisableNoise,
        KSamplerSelect,
        RandomNoise,
        SamplerCustomAdvanced,
        SplitSigmas,
    )

    positive, negative, latent = video
    sigmas = BasicScheduler.execute(high, "simple", STEPS, 1.0)[0]
    upper, lower = SplitSigmas.execute(sigmas, step_of_switch(high)).args
    euler, noise, no_noise = KSamplerSelect.execute("euler")[0], RandomNoise.execute(SEED)[0], DisableNoise.execute()[0]
    started = SamplerCustomAdvanced.execute(noise, guider(high, positive, negative), euler, upper, latent)[0]
    between = TemporalLatentDropout.execute(low, positive, negative, started, 3, positions, **options)
    return SamplerCustomAdvanced.execute(no_noise, guider(*between.args[:3]), euler, lower, between[3])[0]


@pytest.mark.parametrize("positions", ["kept", "compact"])
def test_sampler_custom_advanced_with_cfg_guider_equals_the_edit_sampler(positions):
    from comfy_extras.nodes_custom_sampler import CFGGuider

    theirs = sampler_custom_advanced(
        expert(1), expert(2), start_video(), lambda *inputs: CFGGuider.execute(*inputs, CFG)[0], positions
    )
    ours = edit(expert(1), start_video(), model_low_noise=expert(2), positions=positions)
    assert largest_difference(ours["samples"], theirs["samples"]) < 1e-4
    assert theirs["kept_latent_frames"] == KEEP


def test_sampler_custom_advanced_with_basic_guider_equals_the_edit_sampler_at_cfg_1():
    from comfy_extras.nodes_custom_sampler import BasicGuider

    theirs = sampler_custom_advanced(
        expert(1), expert(2), start_video(), lambda model, positive, _: BasicGuider.execute(model, positive)[0]
    )
    ours = edit(expert(1), start_video(), model_low_noise=expert(2), cfg=1.0)
    assert largest_difference(ours["samples"], theirs["samples"]) < 1e-4


@pytest.mark.parametrize("style", ["regular", "nested"])
def test_dual_cfg_guider_takes_its_third_conditioning_from_a_second_node(style):
    from comfy_extras.nodes_custom_sampler import DualCFGGuider

    positive, negative, latent = start_video()
    other = [[text_conditioning("a ball")[0][0], positive[0][1]]]

    def edit_with(cut_other, places) -> torch.Tensor:
        def guider(model, positive, negative):
            frames = positive[0][1]["concat_latent_image"].shape[2]
            second = other if frames == FRAMES else cut_other
            return DualCFGGuider.execute(model, positive, second, negative, 3.0, 2.0, style)[0]

        positions = "kept" if places is None else "compact"
        low = expert(2) if places is None else at_places(expert(2), places)
        return sampler_custom_advanced(expert(1), low, (positive, negative, latent), guider, positions)["samples"]

    second_node = TemporalLatentDropout.execute(expert(2), other, negative, latent, 3, "kept")
    ours = edit_with(second_node[1], None)
    by_hand = edit_with(cut_by_hand(other, KEEP, ("concat_latent_image", "concat_mask")), KEEP)
    assert largest_difference(ours, by_hand) < 1e-4


def test_sampler_custom_advanced_holds_the_start_image_of_5b(five_b):
    from comfy_extras.nodes_custom_sampler import CFGGuider

    video = ti2v_5b()
    theirs = sampler_custom_advanced(
        five_b, five_b, video, lambda *inputs: CFGGuider.execute(*inputs, CFG)[0], start_latent=video[2]
    )
    assert largest_difference(edit(five_b, video)["samples"], theirs["samples"]) < 1e-4


@pytest.mark.parametrize("masked", [False, True])
def test_a_drop_before_the_first_step_leaves_each_frame_its_own_noise(masked):
    from comfy_extras.nodes_custom_sampler import (
        BasicScheduler,
        CFGGuider,
        KSamplerSelect,
        RandomNoise,
        SamplerCustomAdvanced,
    )

    class NoiseOfTheKept:
        seed = SEED

        def generate_noise(self, _):
            return RandomNoise.execute(SEED)[0].generate_noise(latent)[:, :, KEEP]

    positive, negative, latent = start_video()
    if masked:  # what is protected gets its own noise too
        samples = torch.randn(latent["samples"].shape, generator=torch.Generator().manual_seed(1))
        mask = torch.ones(1, 1, FRAMES, 4, 4)
        mask[..., :2, :] = 0.0
        latent = {"samples": samples, "noise_mask": mask}
    ours = edit(expert(1), (positive, negative, latent), boundary=1.0, positions="compact")["samples"]
    cut = {name: value[:, :, KEEP] for name, value in latent.items()}
    names = ("concat_latent_image", "concat_mask")
    guider = CFGGuider.execute(expert(1), cut_by_hand(positive, KEEP, names), cut_by_hand(negative, KEEP, names), CFG)
    sigmas = BasicScheduler.execute(expert(1), "simple", STEPS, 1.0)[0]
    by_hand = SamplerCustomAdvanced.execute(
        NoiseOfTheKept(), guider[0], KSamplerSelect.execute("euler")[0], sigmas, cut
    )[0]["samples"]
    assert largest_difference(ours, by_hand) < 1e-4


def test_scale_rope_stretches_the_kept_positions_while_sampling():
    from comfy_extras.nodes_rope import ScaleROPE

    model, video = ScaleROPE.execute(expert(1), 1.0, 0.0, 1.0, 0.0, 1.5, 2.0)[0], start_video()
    ours = edit(model, video)["samples"]
    stretched = [1.5 * frame + 2.0 for frame in KEEP]
    by_hand = edit_by_hand(model, video, ("concat_latent_image", "concat_mask"), places=stretched)
    assert largest_difference(ours, by_hand) < 1e-4
    assert largest_difference(ours, with_the_node_between(model, video)["samples"]) < 1e-4
    assert largest_difference(ours, edit(expert(1), video)["samples"]) > 1e-3


def test_prompts_with_a_range_of_their_own_hold_across_the_drop():
    positive, negative, latent = start_video()
    early, late = core_nodes.ConditioningSetTimestepRange(), core_nodes.ConditioningSetTimestepRange()
    other = [[text_conditioning("it stops")[0][0], dict(positive[0][1])]]
    positive = early.set_range(positive, 0.0, 0.6)[0] + late.set_range(other, 0.6, 1.0)[0]
    video = (positive, negative, latent)
    ours = edit(expert(1), video)["samples"]
    by_hand = edit_by_hand(expert(1), video, ("concat_latent_image", "concat_mask"), places=KEEP)
    assert largest_difference(ours, by_hand) < 1e-4
    assert largest_difference(ours, edit(expert(1), start_video())["samples"]) > 1e-3


# --- what else changes a MODEL ---


def skip_layers(model):
    from comfy_extras.nodes_slg import SkipLayerGuidanceDiTSimple

    return SkipLayerGuidanceDiTSimple.execute(model, 0.0, 1.0, "1", "")[0]


def skip_layers_guidance(model):
    from comfy_extras.nodes_slg import SkipLayerGuidanceDiT

    return SkipLayerGuidanceDiT.execute(model, 2.0, 0.0, 1.0, "0", "", 0.5)[0]


def cfg_zero_star(model):
    from comfy_extras.nodes_cfg import CFGZeroStar

    return CFGZeroStar.execute(model)[0]


def cfg_norm(model):
    from comfy_extras.nodes_cfg import CFGNorm

    return CFGNorm.execute(model, 0.9)[0]


def rescale_cfg(model):
    from comfy_extras.nodes_model_advanced import RescaleCFG

    return RescaleCFG().patch(model, 0.7)[0]


def tangential_damping(model):
    from comfy_extras.nodes_tcfg import TCFG

    return TCFG.execute(model)[0]


def frequency_scaling(model):
    from comfy_extras.nodes_fresca import FreSca

    return FreSca.execute(model, 1.0, 1.5, 1)[0]


def mahiro(model):
    from comfy_extras.nodes_mahiro import Mahiro

    return Mahiro.execute(model)[0]


def projected_guidance(model, momentum: float = 0.0):
    from comfy_extras.nodes_apg import APG

    return APG.execute(model, 0.5, 5.0, momentum)[0]


def text_attention_guidance(model):
    """As NAG packs do: attention to the text is replaced, self-attention left alone."""

    def attention(original, q, k, v, *args, **kwargs):
        out = original(q, k, v, *args, **kwargs)
        return out if k.shape[1] == q.shape[1] else 1.5 * out - 0.5 * out.mean(1, keepdim=True)

    model = model.clone()
    model.model_options["transformer_options"]["optimized_attention_override"] = attention
    return model


def block_replacement(model):
    """As block-swap and TeaCache-like packs do: a block runs through a function of theirs."""

    def block(args, extra):
        return {"img": 0.5 * (args["img"] + extra["original_block"](args)["img"])}

    model = model.clone()
    model.set_model_patch_replace(block, "dit", "double_block", 0)
    return model


def model_function_wrapper(model):
    model = model.clone()
    model.set_model_unet_function_wrapper(lambda apply, args: 0.9 * apply(args["input"], args["timestep"], **args["c"]))
    return model


@pytest.mark.parametrize(
    "patch",
    [
        skip_layers,
        skip_layers_guidance,
        cfg_zero_star,
        cfg_norm,
        rescale_cfg,
        tangential_damping,
        frequency_scaling,
        mahiro,
        projected_guidance,
        text_attention_guidance,
        block_replacement,
        model_function_wrapper,
    ],
)
def test_patches_of_the_model_work_in_both_stages(patch):
    model, video = patch(expert(1)), start_video()
    ours = edit(model, video)["samples"]
    by_hand = edit_by_hand(model, video, ("concat_latent_image", "concat_mask"), places=KEEP)
    assert largest_difference(ours, by_hand) < 1e-4
    assert largest_difference(ours, with_the_node_between(model, video)["samples"]) < 1e-4
    for high, low in ((model, expert(1)), (expert(1), model)):  # it took part in either stage
        assert largest_difference(ours, edit(high, video, model_low_noise=low)["samples"]) > 1e-3


def test_projected_guidance_with_momentum_cannot_cross_the_drop_and_is_refused_before_sampling():
    seen, high, low = [], projected_guidance(expert(1), -0.5), projected_guidance(expert(2), -0.5)
    # With an average of its own each expert can have it.
    assert edit(high, start_video(), model_low_noise=low)["samples"].shape[2] == len(KEEP)
    with pytest.raises(ValueError, match="Adaptive Projected Guidance.*momentum.*0"):
        edit(seen_by(high, seen), start_video())
    assert not seen
    assert torch.equal(edit(high, start_video(), dropout_stride=0)["samples"], ksampler(high, start_video()))


@pytest.mark.parametrize("fullgraph", [False, True])
def test_torch_compile_works_across_the_drop(fullgraph):
    # "eager" traces and rebuilds the forward as TorchCompileModel has it done; its inductor takes minutes on a CPU.
    from comfy.ldm.modules.attention import attention_pytorch
    from comfy_api.torch_helpers import set_torch_compile_wrapper

    model, video = small_wan(seed=24, layers=1), start_video()
    # As on a GPU; what ComfyUI takes on a CPU asks for the free memory, which cannot be compiled.
    attention = {"optimized_attention_override": lambda original, *args, **kwargs: attention_pytorch(*args, **kwargs)}
    model.model_options["transformer_options"].update(attention)
    compiled = model.clone()
    set_torch_compile_wrapper(model=compiled, backend="eager", fullgraph=fullgraph)
    plain = edit(model, video, steps=3)["samples"]
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    try:
        ours = edit(compiled, video, steps=3)["samples"]
        assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 1  # the drop's shape is a graph of its own
    finally:
        torch._dynamo.reset()
    assert largest_difference(ours, plain) < 1e-4


# --- a loader that keeps its own ModelPatcher and layers, as the GGUF pack does ---


class DequantisingOperations(comfy.ops.manual_cast):
    class Linear(comfy.ops.manual_cast.Linear):
        """Holds 8-bit weights with a scale for every row, and hangs LoRA onto them when it needs them as numbers."""

        def _load_from_state_dict(self, state_dict, prefix, *args):
            weight = state_dict[f"{prefix}weight"]
            scale = weight.abs().amax(1, keepdim=True) / 127
            self.scale = scale
            self.weight = torch.nn.Parameter((weight / scale).round().to(torch.int8), requires_grad=False)
            self.bias = torch.nn.Parameter(state_dict[f"{prefix}bias"], requires_grad=False)

        def dequantised(self) -> torch.Tensor:
            weight = self.weight.float() * self.scale
            for patches, key in getattr(self.weight, "patches", []):
                weight = comfy.lora.calculate_weight(patches, weight, key)
            return weight

        def forward_comfy_cast_weights(self, x):
            return torch.nn.functional.linear(x, self.dequantised(), self.bias)


class DequantisingPatcher(comfy.model_patcher.ModelPatcher):
    patch_on_device = False

    def patch_weight_to_device(self, key, device_to=None, inplace_update=False):
        weight = comfy.utils.get_attr(self.model, key)
        if weight.dtype != torch.int8:
            return super().patch_weight_to_device(key, device_to, inplace_update)
        if key in self.patches:
            patched = torch.nn.Parameter(weight.data, requires_grad=False)
            patched.patches = [(self.patches[key], key)]
            self.backup.setdefault(key, mock.Mock(weight=weight, inplace_update=False))
            comfy.utils.set_attr(self.model, key, patched)

    def clone(self):
        clone = super().clone()
        clone.patch_on_device = self.patch_on_device  # which only the subclass's clone knows of
        return clone


def quantised(seed: int):
    plain = comfy.sd.load_diffusion_model_state_dict(
        wan_state_dict(seed), model_options={"dtype": torch.float32, "custom_operations": DequantisingOperations}
    )
    model = DequantisingPatcher(plain.model, plain.load_device, plain.offload_device)
    model.patch_on_device = True
    return model


def rounded(seed: int):
    """The same weights in an ordinary MODEL."""
    weights = wan_state_dict(seed)
    layers = {name: layer for name, layer in quantised(seed).model.diffusion_model.named_modules()}
    for name, layer in layers.items():
        if isinstance(layer, DequantisingOperations.Linear):
            weights[f"{name}.weight"] = layer.dequantised()
    return comfy.sd.load_diffusion_model_state_dict(weights, model_options={"dtype": torch.float32})


@pytest.mark.parametrize("positions", ["kept", "compact"])
def test_a_gguf_like_model_samples_like_its_dequantised_weights_with_loras_too(with_lora, positions):
    video = start_video()
    high, low = quantised(1), with_lora(quantised(2), 3)
    ours = edit(high, video, model_low_noise=low, positions=positions)["samples"]
    expected = edit(rounded(1), video, model_low_noise=with_lora(rounded(2), 3), positions=positions)["samples"]
    assert largest_difference(ours, expected) < 1e-3
    assert largest_difference(ours, with_the_node_between(high, video, low, positions)["samples"]) < 1e-4
    assert (
        largest_difference(ours, edit(high, video, model_low_noise=quantised(2), positions=positions)["samples"]) > 1e-2
    )


def test_the_patcher_of_a_gguf_like_model_survives_the_node():
    model = TemporalLatentDropout.execute(quantised(1), *start_video(), 3, "kept")[0]
    assert type(model) is DequantisingPatcher and model.patch_on_device
