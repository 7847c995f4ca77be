"""The Edit Sampler equals ComfyUI's own samplers where nothing is dropped, and drops without disturbing anything else.

Small random Wan models in the real ComfyUI, in process.
"""

from __future__ import annotations

import copy

import comfy.model_management
import comfy.samplers
import comfy.utils
import pytest
import torch
from comfy.patcher_extension import WrappersMP
from if_edit.nodes.sampling import EditSampler, TemporalLatentDropout, schedule, with_positions
from if_edit.tests.small_models import (
    image_to_video,
    small_wan,
    small_wan22_vae,
    small_wan_5b,
    small_wan_vae,
    text_conditioning,
)

import nodes as core_nodes  # ComfyUI's own

SEED, STEPS, CFG = 3, 6, 2.5
SWITCH = 0.93  # with ComfyUI's shift of 8 for Wan, 6 steps have sigmas 1, 0.976, 0.941, 0.889, ...


@pytest.fixture(autouse=True)
def as_in_the_server():
    with torch.inference_mode():
        yield


@pytest.fixture(scope="module")
def high():
    return small_wan(seed=1)


@pytest.fixture(scope="module")
def low():
    return small_wan(seed=2)


@pytest.fixture(scope="module")
def video():
    """(positive, negative, latent) of 33 images, 9 latent frames."""
    with torch.inference_mode():
        return image_to_video(small_wan_vae())


def edit(model, video, **options) -> dict:
    positive, negative, latent = video
    options = {
        "seed": SEED,
        "steps": STEPS,
        "cfg": CFG,
        "sampler_name": "euler",
        "scheduler": "simple",
        "expert_switch": SWITCH,
        "dropout_stride": 3,
        **options,
    }
    return EditSampler.execute(model, positive, negative, latent, **options)[0]


def ksampler(model, video, sampler_name="euler", scheduler="simple") -> torch.Tensor:
    positive, negative, latent = video
    return core_nodes.KSampler().sample(model, SEED, STEPS, CFG, sampler_name, scheduler, positive, negative, latent)[
        0
    ]["samples"]


def two_ksamplers(high, low, video, between=None, sampler_name="euler", switch_step=None) -> dict:
    """ComfyUI's pair of KSampler (Advanced); `between` is what a node between them does."""
    positive, negative, latent = video
    if switch_step is None:
        switch_step = step_of_switch(high)
    settings = (SEED, STEPS, CFG, sampler_name, "simple")
    advanced = core_nodes.KSamplerAdvanced().sample
    first = advanced(high, "enable", *settings, positive, negative, latent, 0, switch_step, "enable")[0]
    if between is not None:
        low, positive, negative, first = between(low, positive, negative, first)
    return advanced(low, "disable", *settings, positive, negative, first, switch_step, 10000, "disable")[0]


def step_of_switch(model, switch=SWITCH) -> int:
    sigmas = schedule(model, STEPS, "euler", "simple").tolist()
    return next(step for step, sigma in enumerate(sigmas) if sigma <= switch)


def largest_difference(one: torch.Tensor, other: torch.Tensor) -> float:
    assert one.shape == other.shape
    return float((one - other).abs().max())


# --- equal to ComfyUI where nothing is dropped ---


@pytest.mark.parametrize("sampler_name", ["euler", "res_multistep", "dpm_2", "euler_ancestral", "uni_pc"])
def test_one_model_and_no_drop_is_the_core_ksampler_exactly(high, video, sampler_name):
    ours = edit(high, video, sampler_name=sampler_name, dropout_stride=0)
    assert torch.equal(ours["samples"], ksampler(high, video, sampler_name))
    assert "kept_latent_frames" not in ours


@pytest.mark.parametrize("sampler_name", ["euler", "res_multistep", "euler_ancestral"])
def test_two_models_and_no_drop_are_the_core_pair_of_samplers_exactly(high, low, video, sampler_name):
    ours = edit(high, video, model_low=low, dropout_stride=0, sampler_name=sampler_name)
    assert torch.equal(ours["samples"], two_ksamplers(high, low, video, sampler_name=sampler_name)["samples"])
    assert largest_difference(ours["samples"], ksampler(high, video, sampler_name)) > 0.1  # the second model took part


@pytest.mark.parametrize("positions", ["kept", "compact"])
def test_a_stride_of_1_is_no_drop(high, video, positions):
    ours = edit(high, video, dropout_stride=1, positions=positions)
    assert ours["kept_latent_frames"] == list(range(9))
    assert largest_difference(ours["samples"], ksampler(high, video)) < 1e-4


# --- the drop ---


def test_the_result_says_which_frames_it_kept(high, video):
    ours = edit(high, video)
    assert list(ours["samples"].shape) == [1, 16, 4, 4, 4]
    assert ours["kept_latent_frames"] == [0, 3, 6, 8] and ours["latent_frames"] == 9
    assert ours["samples"].isfinite().all()


@pytest.mark.parametrize("positions", ["kept", "compact"])
@pytest.mark.parametrize("sampler_name", ["euler", "dpmpp_2m"])
def test_the_node_between_two_core_samplers_equals_the_edit_sampler(high, low, video, positions, sampler_name):
    def drop(model, positive, negative, latent):
        return TemporalLatentDropout.execute(model, positive, negative, latent, 3, positions).args

    ours = edit(high, video, model_low=low, positions=positions, sampler_name=sampler_name)
    theirs = two_ksamplers(high, low, video, drop, sampler_name=sampler_name)
    assert largest_difference(ours["samples"], theirs["samples"]) < 1e-4
    assert ours["kept_latent_frames"] == theirs["kept_latent_frames"] == [0, 3, 6, 8]


def test_positions_matter_and_the_kept_ones_are_the_default(high, video):
    default = edit(high, video)["samples"]
    assert torch.equal(default, edit(high, video, positions="kept")["samples"])
    assert largest_difference(default, edit(high, video, positions="compact")["samples"]) > 1e-3


def test_dropping_twice_keeps_the_places_in_the_whole_video(high, video):
    once = edit(high, video, expert_switch=0.0, dropout_stride=2)  # 0 2 4 6 8
    positive, negative, _ = video
    first = TemporalLatentDropout.execute(high, positive, negative, video[2], 2)
    second = TemporalLatentDropout.execute(*first.args, 2)
    assert once["kept_latent_frames"] == [0, 2, 4, 6, 8]
    assert second[3]["kept_latent_frames"] == [0, 4, 8] and second[3]["latent_frames"] == 9
    wrappers = second[0].get_all_wrappers(WrappersMP.DIFFUSION_MODEL)
    assert [(wrapper.keep, wrapper.latent_frames) for wrapper in wrappers] == [([0, 4, 8], 9)]


def test_a_switch_above_all_noise_levels_drops_before_the_first_step(high, low, video):
    ours = edit(high, video, model_low=low, expert_switch=1.0)
    assert list(ours["samples"].shape) == [1, 16, 4, 4, 4]
    assert torch.equal(ours["samples"], edit(low, video, expert_switch=1.0)["samples"])  # the first model does nothing


def test_a_switch_below_all_noise_levels_cuts_the_finished_video(high, low, video, caplog):
    ours = edit(high, video, model_low=low, expert_switch=0.0)
    # The last noise level is 0: no step is left for the second model.
    assert torch.equal(ours["samples"], ksampler(high, video)[:, :, [0, 3, 6, 8]])
    assert "no step starts at or below the expert switch 0.0" in caplog.text


def test_with_few_steps_the_drop_comes_at_the_first_noise_level_below_the_switch(high, video):
    positive, negative, latent = video
    sigmas = schedule(high, 2, "euler", "simple")
    assert sigmas[1] < SWITCH
    between = edit(high, video, steps=2, expert_switch=float(sigmas[1]) + 0.03)
    assert torch.equal(between["samples"], edit(high, video, steps=2, expert_switch=float(sigmas[1]))["samples"])


@pytest.mark.parametrize("sampler_name", comfy.samplers.KSampler.SAMPLERS)
def test_every_sampler_runs_across_the_switch(high, low, video, sampler_name):
    ours = edit(high, video, model_low=low, sampler_name=sampler_name, cfg=1.0)["samples"]
    assert list(ours.shape) == [1, 16, 4, 4, 4] and ours.isfinite().all()


# --- kept positions, checked against other constructions ---


def forward(model, frames: int, seed: int = 0, **inputs) -> torch.Tensor:
    """One forward of the diffusion model itself, with the wrappers and options of the MODEL."""
    generator = torch.Generator().manual_seed(seed)
    module = model.get_model_object("diffusion_model")
    options = copy.copy(model.model_options.get("transformer_options", {}))
    options["wrappers"] = {WrappersMP.DIFFUSION_MODEL: model.wrappers.get(WrappersMP.DIFFUSION_MODEL, {})}
    options.update(inputs.pop("transformer_options", {}))
    x = inputs.pop("x", None)
    if x is None:
        x = torch.randn(1, module.in_dim, frames, 4, 6, generator=generator)
    context = torch.randn(1, 8, 4096, generator=generator)
    timestep = torch.tensor([700.0])
    return module(x, timestep, context=context, transformer_options=options, **inputs)


def kept(model, keep: list[int], frames: int):
    latent = {"samples": torch.zeros(1, 16, len(keep), 4, 6), "kept_latent_frames": keep, "latent_frames": frames}
    return with_positions(model, latent, "kept")


class IgnoreFrames:
    """Attention override: in self-attention over the whole video, nothing looks at the dropped frames."""

    def __init__(self, keep: list[int], frames: int):
        self.keep, self.frames = keep, frames

    def __call__(self, attention, q, k, v, *args, **kwargs):
        if k.shape[1] == q.shape[1]:
            k, v = (x.unflatten(1, (self.frames, -1))[:, self.keep].flatten(1, 2) for x in (k, v))
        return attention(q, k, v, *args, **kwargs)


@pytest.mark.parametrize("keep", [[0, 3, 6, 8], [0, 8], [0, 1, 7, 8], [2, 5]])
def test_kept_frames_see_each_other_as_in_the_whole_video(high, keep):
    # The whole video, whose dropped frames nobody looks at: attention over the kept frames at their own places.
    whole_x = torch.randn(1, 36, 9, 4, 6, generator=torch.Generator().manual_seed(5))
    whole = forward(high, 9, x=whole_x, transformer_options={"optimized_attention_override": IgnoreFrames(keep, 9)})
    sparse = forward(kept(high, keep, 9), len(keep), x=whole_x[:, :, keep])
    assert largest_difference(sparse, whole[:, :, keep]) < 1e-4
    compact = forward(high, len(keep), x=whole_x[:, :, keep])
    assert largest_difference(compact, whole[:, :, keep]) > 1e-3


def test_an_even_set_equals_comfyuis_own_scale_rope(high):
    from comfy_extras.nodes_rope import ScaleROPE

    scaled = ScaleROPE.execute(high, 1.0, 0.0, 1.0, 0.0, 4.0, 0.0)[0]
    assert largest_difference(forward(kept(high, [0, 4, 8], 9), 3), forward(scaled, 3)) < 1e-5


def test_scale_rope_still_holds_on_top(high):
    from comfy_extras.nodes_rope import ScaleROPE

    def scaled(scale, shift):
        return ScaleROPE.execute(high, 1.0, 0.0, 1.5, 2.0, scale, shift)[0]

    # Places 0, 2, 4 of a video stretched twofold are the places 0, 4, 8.
    assert largest_difference(forward(kept(scaled(2.0, 1.0), [0, 2, 4], 5), 3), forward(scaled(4.0, 1.0), 3)) < 1e-5


def test_a_reference_frame_before_the_video_keeps_its_place():
    model = small_wan(seed=4, in_dim=16, ref_conv=True)
    reference = torch.randn(1, 16, 4, 6)
    whole_x = torch.randn(1, 16, 9, 4, 6)
    keep = [0, 3, 6, 8]
    with_reference = [0, *(frame + 1 for frame in keep)]
    whole = forward(
        model,
        9,
        x=whole_x,
        reference_latent=reference,
        transformer_options={"optimized_attention_override": IgnoreFrames(with_reference, 10)},
    )
    sparse = forward(kept(model, keep, 9), 4, x=whole_x[:, :, keep], reference_latent=reference)
    assert largest_difference(sparse, whole[:, :, keep]) < 1e-4


def test_reference_frames_after_the_video_keep_their_place():
    model = small_wan(seed=4, in_dim=16)
    references, whole_x = torch.randn(1, 16, 2, 4, 6), torch.randn(1, 16, 9, 4, 6)
    keep = [0, 3, 6, 8]
    whole = forward(
        model,
        9,
        x=whole_x,
        time_dim_concat=references,
        transformer_options={"optimized_attention_override": IgnoreFrames([*keep, 9, 10], 11)},
    )
    sparse = forward(kept(model, keep, 9), 4, x=whole_x[:, :, keep], time_dim_concat=references)
    assert largest_difference(sparse, whole[:, :, keep]) < 1e-4


def test_wrappers_of_other_packs_still_run(high):
    calls = []

    def other(executor, *args, **kwargs):
        calls.append(executor.class_obj)
        return executor(*args, **kwargs)

    before = high.clone()
    before.add_wrapper_with_key(WrappersMP.DIFFUSION_MODEL, "before", other)
    model = kept(before, [0, 4, 8], 9)
    model.add_wrapper_with_key(WrappersMP.DIFFUSION_MODEL, "after", other)
    module = high.get_model_object("diffusion_model")
    assert torch.equal(forward(model, 3), forward(kept(high, [0, 4, 8], 9), 3))
    assert calls == [module, module]


def test_other_branches_of_the_graph_sample_bit_identically(high, video):
    module = high.get_model_object("diffusion_model")
    before, attributes, options = ksampler(high, video), set(vars(module)), copy.copy(high.model_options)
    model, positive, negative, latent = TemporalLatentDropout.execute(high, *video[:2], video[2], 3).args
    edit(high, video)
    during = ksampler(high, video)
    core_nodes.KSampler().sample(model, SEED, STEPS, CFG, "euler", "simple", positive, negative, latent)
    assert torch.equal(before, during) and torch.equal(before, ksampler(high, video))
    assert set(vars(module)) == attributes and high.model_options == options and not high.wrappers
    assert not high.object_patches


def test_the_prepared_model_refuses_another_number_of_frames(high, video):
    model = TemporalLatentDropout.execute(high, *video, 3)[0]
    with pytest.raises(ValueError, match=r"4 latent frames \[0, 3, 6, 8\].* but samples 9"):
        ksampler(model, video)


# --- families and inputs ---


def test_nothing_that_comes_in_is_changed(high, low, video):
    positive, negative, latent = video
    before = copy.deepcopy((positive, negative, latent))
    edit(high, video, model_low=low)
    TemporalLatentDropout.execute(high, positive, negative, latent, 3)
    for (text, entry), (old_text, old_entry) in zip(positive + negative, before[0] + before[1], strict=True):
        assert torch.equal(text, old_text) and entry.keys() == old_entry.keys()
        assert all(torch.equal(entry[name], old_entry[name]) for name in entry)
    assert latent.keys() == before[2].keys() and torch.equal(latent["samples"], before[2]["samples"])


def test_a_batch_is_cut_like_its_members(high, low):
    batch = image_to_video(small_wan_vae(), batch_size=2)
    ours = edit(high, batch, model_low=low)["samples"]
    assert list(ours.shape) == [2, 16, 4, 4, 4]
    positive, negative, latent = batch
    latent = {"samples": latent["samples"][:1], "batch_index": [1]}
    assert largest_difference(edit(high, (positive, negative, latent), model_low=low)["samples"], ours[1:]) < 1e-3


def five_b_video(batch_size=1):
    from comfy_extras.nodes_wan import Wan22ImageToVideoLatent

    start = torch.rand(1, 64, 64, 3, generator=torch.Generator().manual_seed(7))
    latent = Wan22ImageToVideoLatent.execute(small_wan22_vae(), 64, 64, 33, batch_size, start_image=start)[0]
    return text_conditioning("a red ball rolls away"), text_conditioning(""), latent


@pytest.mark.parametrize("sampler_name", ["euler", "heun"])
def test_5b_holds_its_start_image_across_the_switch(sampler_name):
    model, video = small_wan_5b(), five_b_video()
    whole = ksampler(model, video, sampler_name)
    assert largest_difference(edit(model, video, dropout_stride=0, sampler_name=sampler_name)["samples"], whole) == 0
    two_runs = edit(model, video, dropout_stride=1, sampler_name=sampler_name)["samples"]
    assert largest_difference(two_runs, whole) < 1e-4
    dropped = edit(model, video, sampler_name=sampler_name)
    assert dropped["noise_mask"].shape[2] == 4 and dropped["kept_latent_frames"] == [0, 3, 6, 8]
    assert largest_difference(dropped["samples"][:, :, 0], video[2]["samples"][:, :, 0]) < 1e-4


def test_5b_between_two_core_samplers_needs_the_clean_start():
    model, video = small_wan_5b(), five_b_video()

    def drop(model, positive, negative, latent):
        return TemporalLatentDropout.execute(model, positive, negative, latent, 3, start_latent=video[2]).args

    theirs = two_ksamplers(model, model, video, drop)
    assert largest_difference(edit(model, video)["samples"], theirs["samples"]) < 1e-4
    with pytest.raises(ValueError, match="noise mask.*start_latent"):
        TemporalLatentDropout.execute(model, *video, 3)
    other = {"samples": video[2]["samples"][:, :, :5]}
    with pytest.raises(ValueError, match=r"start_latent is \[1, 48, 5, .*the latent is \[1, 48, 9,"):
        TemporalLatentDropout.execute(model, *video, 3, start_latent=other)


def test_a_noise_mask_on_a_14b_model_also_survives_the_switch(high, video):
    positive, negative, latent = video
    mask = torch.ones(1, 1, 9, 4, 4)
    mask[:, :, 2:5, :2] = 0.0
    latent = {"samples": torch.randn(1, 16, 9, 4, 4, generator=torch.Generator().manual_seed(1)), "noise_mask": mask}
    video = (positive, negative, latent)
    whole = ksampler(high, video)
    assert largest_difference(edit(high, video, dropout_stride=1)["samples"], whole) < 1e-4
    kept_part = edit(high, video)["samples"][:, :, 1, :2]
    assert largest_difference(kept_part, latent["samples"][:, :, 3, :2]) < 1e-4


def test_vace_and_clip_vision_run_across_the_switch(video):
    from comfy.clip_vision import Output
    from comfy_extras.nodes_wan import WanVaceToVideo

    model = small_wan(seed=5, in_dim=16, kind="vace")
    vace = WanVaceToVideo.execute(
        text_conditioning("a"), text_conditioning(""), small_wan_vae(), 32, 32, 33, 1, 1.0, torch.rand(33, 32, 32, 3)
    ).args[:3]
    assert edit(model, vace)["samples"].shape[2] == 4
    assert largest_difference(edit(model, vace, dropout_stride=1)["samples"], ksampler(model, vace)) < 1e-3

    seen = Output()
    seen.penultimate_hidden_states = torch.randn(1, 257, 1280)
    positive, negative, latent = video
    positive, negative = (
        [[text, {**entry, "clip_vision_output": seen}] for text, entry in c] for c in (positive, negative)
    )
    model = small_wan(seed=6, kind="i2v")
    assert edit(model, (positive, negative, latent))["samples"].shape[2] == 4


# --- progress, previews, interruption ---


@pytest.fixture
def progress():
    """Every (value, total, preview) that the progress bar of ComfyUI's interface would get."""
    seen = []
    comfy.utils.set_progress_bar_global_hook(
        lambda value, total, preview, node_id=None: seen.append((value, total, preview))
    )
    yield seen
    comfy.utils.set_progress_bar_global_hook(None)


def test_one_progress_bar_with_previews_runs_over_both_stages(high, low, video, progress, monkeypatch):
    from comfy.cli_args import LatentPreviewMethod, args

    monkeypatch.setattr(args, "preview_method", LatentPreviewMethod.Latent2RGB)
    edit(high, video, model_low=low)
    assert [(value, total) for value, total, _ in progress] == [(step, STEPS) for step in range(1, STEPS + 1)]
    assert all(preview[1].size == (4, 4) for _, _, preview in progress)


@pytest.mark.parametrize("at_step", [1, 4])
def test_an_interrupt_stops_either_stage_and_leaves_nothing_behind(high, low, video, at_step):
    before = ksampler(high, video)

    def stop(value, total, preview, node_id=None):
        if value == at_step:
            comfy.model_management.interrupt_current_processing()
        comfy.model_management.throw_exception_if_processing_interrupted()

    comfy.utils.set_progress_bar_global_hook(stop)
    try:
        with pytest.raises(comfy.model_management.InterruptProcessingException):
            edit(high, video, model_low=low)
    finally:
        comfy.utils.set_progress_bar_global_hook(None)
    assert torch.equal(before, ksampler(high, video)) and not high.wrappers and not low.wrappers


# --- wiring mistakes ---


def test_an_image_latent_names_the_shape_and_the_node(high, video):
    latent = {"samples": torch.zeros(1, 4, 64, 64)}
    for call in (
        lambda: edit(high, (*video[:2], latent)),
        lambda: TemporalLatentDropout.execute(high, *video[:2], latent, 3),
    ):
        with pytest.raises(
            ValueError, match=r"needs a video latent \[B, C, F, H, W\], got \[1, 4, 64, 64\].*WanImageToVideo"
        ):
            call()


def test_a_video_of_one_latent_frame_is_refused(high, video):
    with pytest.raises(ValueError, match="Edit Sampler needs a video of at least 2 latent frames, got 1"):
        edit(high, (*video[:2], {"samples": torch.zeros(1, 16, 1, 4, 4)}), dropout_stride=0)


def test_nan_latents_are_refused_before_sampling(high, video):
    with pytest.raises(ValueError, match="NaN"):
        edit(high, (*video[:2], {"samples": torch.full((1, 16, 9, 4, 4), torch.nan)}))


def test_a_stride_larger_than_the_video_is_refused(high, video):
    with pytest.raises(ValueError, match="stride is 10.* 9 latent frames"):
        edit(high, video, dropout_stride=10)


def test_conditioning_without_start_image_is_refused_unless_unused(high, video):
    positive, negative, latent = video
    with pytest.raises(ValueError, match="positive conditioning has no start image"):
        edit(high, (text_conditioning("a"), negative, latent))
    with pytest.raises(ValueError, match="negative conditioning has no start image"):
        edit(high, (positive, text_conditioning(""), latent))
    with pytest.raises(ValueError, match="Temporal Latent Dropout: the positive conditioning has no start image"):
        TemporalLatentDropout.execute(high, text_conditioning("a"), negative, latent, 3)
    edit(high, (positive, text_conditioning(""), latent), cfg=1.0)  # CFG 1 does not use the negative


def test_conditioning_of_another_length_names_both(high, video):
    other = {"samples": torch.zeros(1, 16, 8, 4, 4)}
    for stride in (0, 3):
        with pytest.raises(ValueError, match=r"has 9 latent frames, but the latent has 8.*multiple of 4, plus 1"):
            edit(high, (*video[:2], other), dropout_stride=stride)


def test_channels_that_do_not_match_name_both_and_what_to_connect(high, low, video):
    five_b_latent = {"samples": torch.zeros(1, 48, 9, 2, 2)}
    with pytest.raises(ValueError, match=r"16 channels, got \[1, 48, 9, 2, 2\] with 48.*WanImageToVideo"):
        edit(high, (*video[:2], five_b_latent))
    with pytest.raises(ValueError, match="48 channels, got .* with 16.*Wan22ImageToVideoLatent"):
        edit(small_wan_5b(), video)
    with pytest.raises(ValueError, match=r"\(model_low\).* 48 channels"):
        edit(high, video, model_low=small_wan_5b())


def test_a_text_to_video_model_would_ignore_the_source_and_is_refused(video):
    with pytest.raises(ValueError, match="takes only its 16 latent channels.*36 channels"):
        edit(small_wan(in_dim=16), video)
