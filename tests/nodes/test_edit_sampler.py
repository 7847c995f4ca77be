"""The Edit Sampler equals ComfyUI's own samplers where nothing is dropped, and drops without disturbing anything else.

Small random Wan models in the real ComfyUI, in process.
"""

from __future__ import annotations

import copy
import gc
import re
from unittest import mock

import comfy.model_management
import comfy.samplers
import comfy.utils
import pytest
import torch
from comfy.patcher_extension import WrappersMP
from if_edit.editing.dropout import latent_distances, settled_latent_frame
from if_edit.nodes.dropout import DropoutSchedule, TemporalLatentDropout
from if_edit.nodes.edit_sampler import EditSampler
from if_edit.sampling.rope import set_positions
from if_edit.sampling.stages import make_sigmas
from if_edit.tests.support.small_models import (
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
        "boundary": SWITCH,
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
    sigmas = make_sigmas(model, STEPS, "euler", "simple").tolist()
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
    ours = edit(high, video, model_low_noise=low, dropout_stride=0, sampler_name=sampler_name)
    assert torch.equal(ours["samples"], two_ksamplers(high, low, video, sampler_name=sampler_name)["samples"])
    assert largest_difference(ours["samples"], ksampler(high, video, sampler_name)) > 0.1  # the second model took part


@pytest.mark.parametrize("positions", ["kept", "compact"])
def test_a_stride_of_1_is_no_drop(high, video, positions):
    ours = edit(high, video, dropout_stride=1, positions=positions, sampler_name="dpmpp_2m")
    assert "kept_latent_frames" not in ours
    assert torch.equal(ours["samples"], ksampler(high, video, "dpmpp_2m"))  # not even the solver's memory is cut
    unchanged = TemporalLatentDropout.execute(high, *video, 1, positions).args
    core = core_nodes.KSampler().sample(unchanged[0], SEED, STEPS, CFG, "euler", "simple", *unchanged[1:4])[0]
    assert torch.equal(core["samples"], ksampler(high, video))


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
        return TemporalLatentDropout.execute(model, positive, negative, latent, 3, positions).args[:4]

    ours = edit(high, video, model_low_noise=low, positions=positions, sampler_name=sampler_name)
    theirs = two_ksamplers(high, low, video, drop, sampler_name=sampler_name)
    assert largest_difference(ours["samples"], theirs["samples"]) < 1e-4
    assert ours["kept_latent_frames"] == theirs["kept_latent_frames"] == [0, 3, 6, 8]


def test_positions_matter_and_the_compact_ones_are_the_default(high, video):
    default = edit(high, video)["samples"]
    assert torch.equal(default, edit(high, video, positions="compact")["samples"])
    assert largest_difference(default, edit(high, video, positions="kept")["samples"]) > 1e-3


def test_dropping_twice_keeps_the_places_in_the_whole_video(high, video):
    once = edit(high, video, boundary=0.0, dropout_stride=2)  # 0 2 4 6 8
    positive, negative, _ = video
    first = TemporalLatentDropout.execute(high, positive, negative, video[2], 2, "kept")
    second = TemporalLatentDropout.execute(*first.args[:4], 2, "kept")
    assert once["kept_latent_frames"] == [0, 2, 4, 6, 8]
    assert second[3]["kept_latent_frames"] == [0, 4, 8] and second[3]["latent_frames"] == 9
    wrappers = second[0].get_all_wrappers(WrappersMP.DIFFUSION_MODEL)
    assert [(wrapper.keep, wrapper.latent_frames) for wrapper in wrappers] == [([0, 4, 8], 9)]


def test_a_switch_above_all_noise_levels_drops_before_the_first_step(high, low, video):
    ours = edit(high, video, model_low_noise=low, boundary=1.0)
    assert list(ours["samples"].shape) == [1, 16, 4, 4, 4]
    assert torch.equal(ours["samples"], edit(low, video, boundary=1.0)["samples"])  # the first model does nothing


def test_a_switch_below_all_noise_levels_cuts_the_finished_video(high, low, video, caplog):
    ours = edit(high, video, model_low_noise=low, boundary=0.0)
    # The last noise level is 0: no step is left for the second model.
    assert torch.equal(ours["samples"], ksampler(high, video)[:, :, [0, 3, 6, 8]])
    assert "no step starts at or below the boundary 0: the low-noise model did nothing" in caplog.text
    assert "no step starts at or below the noise level of the drop by stride 3 at sigma 0" in caplog.text


def test_with_few_steps_the_drop_comes_at_the_first_noise_level_below_the_switch(high, video):
    positive, negative, latent = video
    sigmas = make_sigmas(high, 2, "euler", "simple")
    assert sigmas[1] < SWITCH
    between = edit(high, video, steps=2, boundary=float(sigmas[1]) + 0.03)
    assert torch.equal(between["samples"], edit(high, video, steps=2, boundary=float(sigmas[1]))["samples"])


@pytest.mark.parametrize("sampler_name", comfy.samplers.KSampler.SAMPLERS)
def test_every_sampler_runs_across_the_switch(high, low, video, sampler_name):
    ours = edit(high, video, model_low_noise=low, sampler_name=sampler_name, cfg=1.0)["samples"]
    assert list(ours.shape) == [1, 16, 4, 4, 4] and ours.isfinite().all()


# --- schedules of several drops ---


def scheduled(*drops: dict) -> tuple:
    """What chained Dropout Schedule nodes give; each dict has the inputs of one of them."""
    schedule = ()
    for inputs in drops:
        inputs = {"sigma": 0.9, "keep": "stride", "stride": 3, "frames": "", "tolerance": 0.1, **inputs}
        schedule = DropoutSchedule.execute(**inputs, previous=schedule)[0]
    return schedule


def edit_with_report(model, video, steps=STEPS, cfg=CFG, **options) -> tuple[dict, str]:
    return EditSampler.execute(model, *video, SEED, steps, cfg, "euler", "simple", 0.9, 0, **options).args


def test_a_schedule_of_one_stride_is_the_stride_of_the_sampler(high, low, video):
    with_schedule = edit(high, video, model_low_noise=low, dropout=scheduled({"sigma": SWITCH}), dropout_stride=0)
    assert torch.equal(with_schedule["samples"], edit(high, video, model_low_noise=low)["samples"])


def test_several_drops_are_made_each_at_its_own_noise_level(high, low, video):
    # 6 steps: 1, 0.976, 0.941, 0.889, 0.8, 0.616, 0
    drops = scheduled({"sigma": 0.7, "keep": "first + last"}, {"sigma": 0.95, "stride": 2})
    ours, report = edit_with_report(high, video, model_low_noise=low, dropout=drops)
    assert ours["kept_latent_frames"] == [0, 8] and ours["latent_frames"] == 9
    assert [re.sub(r", \d+\.\d s$", "", line) for line in report.splitlines()] == [
        "steps 1 to 2 of 6: noise 1.000 to 0.941, high-noise model, 9 latent frames",
        "drop by stride 2 at sigma 0.95: kept the latent frames 0, 2, 4, 6, 8 of 9 (every 2nd, the first and the last)",
        "step 3 of 6: noise 0.941 to 0.889, high-noise model, 5 of 9 latent frames",
        "steps 4 to 5 of 6: noise 0.889 to 0.616, low-noise model, 5 of 9 latent frames",
        "drop by first + last at sigma 0.7: kept the latent frames 0, 8 of 9 (the source and the end)",
        "step 6 of 6: noise 0.616 to 0.000, low-noise model, 2 of 9 latent frames",
    ]


@pytest.mark.parametrize("positions", ["kept", "compact"])
def test_two_drops_equal_two_nodes_between_three_core_samplers(high, video, positions):
    positive, negative, latent = video
    drops = scheduled({"sigma": 0.95}, {"sigma": 0.7, "keep": "frames", "frames": "0, 6"})
    ours = edit(high, video, dropout=drops, positions=positions)
    settings = (SEED, STEPS, CFG, "euler", "simple")
    advanced = core_nodes.KSamplerAdvanced().sample
    theirs, model, start = advanced(high, "enable", *settings, positive, negative, latent, 0, 2, "enable")[0], high, 2
    for number, end in ((1, 5), (2, 10000)):
        dropped = TemporalLatentDropout.execute(
            model, positive, negative, theirs, 1, positions, dropout=drops, drop=number
        )
        model, positive, negative, theirs = dropped.args[:4]
        theirs = advanced(model, "disable", *settings, positive, negative, theirs, start, end, "enable")[0]
        start = end
    assert ours["kept_latent_frames"] == theirs["kept_latent_frames"] == [0, 6]
    assert largest_difference(ours["samples"], theirs["samples"]) < 1e-4


def custom_sampler(model, video, sigmas) -> tuple[dict, dict]:
    """(latent, denoised) of ComfyUI's SamplerCustomAdvanced with a CFGGuider, noise only where it starts at 1."""
    from comfy_extras.nodes_custom_sampler import CFGGuider, DisableNoise, RandomNoise, SamplerCustomAdvanced

    positive, negative, latent = video
    noise = RandomNoise.execute(SEED)[0] if sigmas[0] == 1 else DisableNoise.execute()[0]
    guider = CFGGuider.execute(model, positive, negative, CFG)[0]
    return SamplerCustomAdvanced.execute(noise, guider, comfy.samplers.sampler_object("euler"), sigmas, latent).args


def test_first_and_settled_looks_at_what_the_model_predicts_at_that_step(high, video):
    """The choice follows the denoised video that ComfyUI's own sampler reports for the step before the drop."""
    sigmas = make_sigmas(high, STEPS, "euler", "simple")
    latent, denoised = custom_sampler(high, video, sigmas[:6])
    prediction = high.get_model_object("latent_format").process_in(denoised["samples"])
    distances = latent_distances(prediction)[0]
    tolerance = float(distances[4:].max() / distances.max()) + 1e-4  # frame 4 is settled by it
    settled, reason = settled_latent_frame(prediction, tolerance)
    assert settled <= 4
    drops = scheduled({"sigma": 0.7, "keep": "first + settled", "tolerance": tolerance})
    ours, report = edit_with_report(high, video, dropout=drops)
    assert ours["kept_latent_frames"] == [0, settled] and reason in report
    # The stand-alone node between two of ComfyUI's own samplers makes the same choice and the same video.
    *dropped, node_report = TemporalLatentDropout.execute(
        high, *video[:2], latent, 1, dropout=drops, denoised=denoised
    ).args
    theirs = custom_sampler(dropped[0], dropped[1:], sigmas[5:])[0]
    assert reason in node_report and theirs["kept_latent_frames"] == [0, settled]
    assert largest_difference(ours["samples"], theirs["samples"]) < 1e-4


@pytest.mark.parametrize("sampler_name", comfy.samplers.KSampler.SAMPLERS)
def test_every_sampler_leaves_a_prediction_to_settle_by(high, video, sampler_name):
    drops = scheduled({"sigma": 0.95}, {"sigma": 0.7, "keep": "first + settled", "tolerance": 1.0})
    ours = edit(high, video, dropout=drops, sampler_name=sampler_name, cfg=1.0)
    assert ours["kept_latent_frames"] == [0, 3] and ours["samples"].isfinite().all()  # 3 is the earliest after 0


def test_a_solver_that_shows_no_prediction_does_not_lose_what_was_sampled(high, video, caplog):
    euler = comfy.samplers.sampler_object("euler")
    silent = comfy.samplers.KSAMPLER(lambda *args, callback, **options: euler.sampler_function(*args, **options))
    with mock.patch("comfy.samplers.sampler_object", return_value=silent):
        ours, report = edit_with_report(high, video, dropout=scheduled({"sigma": 0.7, "keep": "first + settled"}))
    assert ours["kept_latent_frames"] == [0, 8]
    assert "euler reports no prediction to settle by: first + last instead" in report and "reports no" in caplog.text


def test_few_steps_and_many_drop_at_the_same_noise(high, video):
    drops = scheduled({"sigma": 0.95}, {"sigma": 0.7, "keep": "first + last"})
    for steps in (3, 12):
        report = edit_with_report(high, video, steps=steps, cfg=1.0, dropout=drops)[1]
        stages = [line for line in report.splitlines() if line.startswith("step")]
        noise = [float(line.split("noise ")[1].split()[0]) for line in stages]
        frames = [line.split(", ")[2] for line in stages]
        for level, count in zip(noise, frames, strict=True):
            expected = "9 latent frames" if level > 0.95 else "4 of 9 latent" if level > 0.7 else "2 of 9 latent"
            assert count.startswith(expected)


def test_drops_that_cannot_be_made_are_refused_before_the_first_step(high, video):
    too_early = scheduled({"sigma": 1.0, "keep": "first + settled"})
    missing = scheduled({"sigma": 0.9}, {"sigma": 0.5, "keep": "frames", "frames": "0, 4"})
    with mock.patch("comfy.sample.sample_custom", side_effect=AssertionError("a step was made")):
        with pytest.raises(ValueError, match="no step comes before the drop at sigma 1"):
            edit(high, video, dropout=too_early)
        with pytest.raises(ValueError, match=r"\[0, 4\], but the video has only the latent frames 0, 3, 6, 8"):
            edit(high, video, dropout=missing)
        with pytest.raises(ValueError, match="stride is 10"):
            edit(high, video, dropout=scheduled({"stride": 10}))
    with pytest.raises(ValueError, match="drop 2 was asked for, but the schedule has 1: stride 3 at sigma 0.9"):
        TemporalLatentDropout.execute(high, *video, 3, dropout=scheduled({}), drop=2)
    with pytest.raises(ValueError, match="needs the model's prediction"):
        TemporalLatentDropout.execute(high, *video, 3, dropout=scheduled({"keep": "first + settled"}))
    with pytest.raises(ValueError, match=r"denoised is \[1, 16, 4, 4, 4\], the latent is \[1, 16, 9, 4, 4\]"):
        TemporalLatentDropout.execute(high, *video, 3, denoised={"samples": video[2]["samples"][:, :, :4]})


# --- what people know from KSampler (Advanced) ---


def advanced_sampler(model, video, start=0, end=10000, noise="enable", leftover="disable", cfg=CFG, latent=None):
    positive, negative, empty = video
    return core_nodes.KSamplerAdvanced().sample(
        model, noise, SEED, STEPS, cfg, "euler", "simple", positive, negative, latent or empty, start, end, leftover
    )[0]


def test_each_expert_can_have_its_own_cfg(high, low, video):
    ours = edit(high, video, model_low_noise=low, dropout_stride=0, cfg=3.0, cfg_low_noise=1.0)
    switch = step_of_switch(high)
    first = advanced_sampler(high, video, end=switch, leftover="enable", cfg=3.0)
    theirs = advanced_sampler(low, video, start=switch, noise="disable", cfg=1.0, latent=first)
    assert torch.equal(ours["samples"], theirs["samples"])


def test_a_cfg_for_low_noise_also_works_with_one_model(high, video):
    ours = edit(high, video, dropout_stride=0, cfg=3.0, cfg_low_noise=1.0)
    two = edit(high, video, model_low_noise=high, dropout_stride=0, cfg=3.0, cfg_low_noise=1.0)
    assert torch.equal(ours["samples"], two["samples"])
    assert largest_difference(ours["samples"], edit(high, video, dropout_stride=0, cfg=3.0)["samples"]) > 1e-2


def test_noise_levels_from_outside_replace_steps_and_scheduler(high, video):
    levels = torch.tensor([1.0, 0.95, 0.8, 0.4, 0.0])
    ours = edit(high, video, dropout_stride=0, sigmas=levels)
    assert torch.equal(ours["samples"], custom_sampler(high, video, levels)[0]["samples"])


@pytest.mark.parametrize("denoise", [0.3, 0.8])
def test_the_sigmas_of_a_basic_scheduler_bring_its_denoise(high, video, denoise):
    from comfy_extras.nodes_custom_sampler import BasicScheduler

    start = {"samples": torch.randn(1, 16, 9, 4, 4, generator=torch.Generator().manual_seed(2))}
    positive, negative, _ = video
    theirs = core_nodes.KSampler().sample(high, SEED, STEPS, CFG, "euler", "simple", positive, negative, start, denoise)
    sigmas = BasicScheduler.execute(high, "simple", STEPS, denoise)[0]
    ours = edit(high, (positive, negative, start), dropout_stride=0, sigmas=sigmas)
    assert torch.equal(ours["samples"], theirs[0]["samples"])


def test_no_step_at_all_returns_the_start(high, video):
    ours = edit(high, video, dropout_stride=0, sigmas=torch.zeros(1))
    assert torch.equal(ours["samples"], video[2]["samples"])


def test_the_sampler_offers_nothing_that_the_core_samplers_offer_already():
    """Parts of a schedule, leftover noise and denoise are KSampler (Advanced), Temporal Latent Dropout and SIGMAS."""
    inputs = {each.id for each in EditSampler.define_schema().inputs}
    assert len(inputs) == 17
    assert not inputs & {"start_at_step", "end_at_step", "add_noise", "return_with_leftover_noise", "denoise"}


# --- progress, interruption ---


def test_one_progress_bar_counts_all_steps_of_all_stages(high, low, video, monkeypatch):
    seen = []

    def hook(value, total, preview, **_):
        seen.append((value, total))

    monkeypatch.setattr(comfy.utils, "PROGRESS_BAR_HOOK", hook)
    edit(high, video, model_low_noise=low, dropout=scheduled({"sigma": 0.95}, {"sigma": 0.7, "keep": "first + last"}))
    assert seen == [(step, STEPS) for step in range(1, STEPS + 1)]


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")  # of whatever gc finds
@pytest.mark.parametrize("step", [1, 3, 5])
def test_an_interrupt_at_any_step_ends_the_sampling_and_returns_its_memory(high, low, video, monkeypatch, step):
    def living() -> int:
        gc.collect()
        return sum(issubclass(type(thing), torch.Tensor) and thing.ndim == 5 for thing in gc.get_objects())

    def interrupt(value, total, preview, **_):
        if value == step:
            comfy.model_management.interrupt_current_processing()

    edit(high, video, model_low_noise=low)  # whatever is made once is made
    before = living()
    monkeypatch.setattr(comfy.utils, "PROGRESS_BAR_HOOK", interrupt)
    try:
        with pytest.raises(comfy.model_management.InterruptProcessingException):
            edit(high, video, model_low_noise=low)
    finally:
        comfy.model_management.interrupt_current_processing(False)
    assert living() <= before


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
    return set_positions(model, latent, "kept")


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
    model, positive, negative, latent, _ = TemporalLatentDropout.execute(high, *video[:2], video[2], 3).args
    edit(high, video)
    during = ksampler(high, video)
    core_nodes.KSampler().sample(model, SEED, STEPS, CFG, "euler", "simple", positive, negative, latent)
    assert torch.equal(before, during) and torch.equal(before, ksampler(high, video))
    assert set(vars(module)) == attributes and high.model_options == options and not high.wrappers
    assert not high.object_patches


def test_the_prepared_model_refuses_another_number_of_frames(high, video):
    model = TemporalLatentDropout.execute(high, *video, 3, "kept")[0]
    with pytest.raises(ValueError, match=r"4 latent frames \[0, 3, 6, 8\].* but samples 9"):
        ksampler(model, video)


# --- families and inputs ---


def test_nothing_that_comes_in_is_changed(high, low, video):
    positive, negative, latent = video
    before = copy.deepcopy((positive, negative, latent))
    edit(high, video, model_low_noise=low)
    TemporalLatentDropout.execute(high, positive, negative, latent, 3)
    for (text, entry), (old_text, old_entry) in zip(positive + negative, before[0] + before[1], strict=True):
        assert torch.equal(text, old_text) and entry.keys() == old_entry.keys()
        assert all(torch.equal(entry[name], old_entry[name]) for name in entry)
    assert latent.keys() == before[2].keys() and torch.equal(latent["samples"], before[2]["samples"])


def test_a_batch_is_cut_like_its_members(high, low):
    batch = image_to_video(small_wan_vae(), batch_size=2)
    ours = edit(high, batch, model_low_noise=low)["samples"]
    assert list(ours.shape) == [2, 16, 4, 4, 4]
    positive, negative, latent = batch
    latent = {"samples": latent["samples"][:1], "batch_index": [1]}
    assert largest_difference(edit(high, (positive, negative, latent), model_low_noise=low)["samples"], ours[1:]) < 1e-3


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
        return TemporalLatentDropout.execute(model, positive, negative, latent, 3, start_latent=video[2]).args[:4]

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
    assert largest_difference(edit(high, video, dropout_stride=1, model_low_noise=high)["samples"], whole) < 1e-4
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
    edit(high, video, model_low_noise=low)
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
            edit(high, video, model_low_noise=low)
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
    with pytest.raises(ValueError, match=r"\(model_low_noise\).* 48 channels"):
        edit(high, video, model_low_noise=small_wan_5b())


def test_a_text_to_video_model_would_ignore_the_source_and_is_refused(video):
    with pytest.raises(ValueError, match="takes only its 16 latent channels.*36 channels"):
        edit(small_wan(in_dim=16), video)
