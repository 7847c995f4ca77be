"""The embedded model is a real Wan: ComfyUI's own modules, loaders and nodes agree with the code that trained it."""

import json
import random
import shutil

import comfy.ldm.wan.model
import comfy.ldm.wan.vae
import comfy.ops
import comfy.sample
import pytest
import torch
from comfy_extras.nodes_model_advanced import ModelSamplingSD3
from comfy_extras.nodes_wan import WanImageToVideo
from if_edit.demo import text_encoder, weights
from if_edit.editing.dropout import Drop
from if_edit.nodes import demo_model
from if_edit.nodes.edit_sampler import EditSampler
from if_edit.research.evaluation import refinement as evaluate_refinement
from if_edit.research.evaluation import selection as evaluate_selection
from if_edit.research.evaluation import tables
from if_edit.research.evaluation.judging import edit_region, judge
from if_edit.research.evaluation.run import CFG, measure_model
from if_edit.research.world import phrases, wan, world
from if_edit.research.world.model import EditModel
from safetensors.torch import load_file, save_file

import nodes

TEXT = "The red circle slowly slides to the left. Everything else stays."


@pytest.fixture(scope="module")
def model():
    return EditModel.load()


@pytest.fixture(scope="module")
def sockets():
    """MODEL, CLIP and VAE of Load Demo Edit Model."""
    return demo_model.LoadDemoEditModel.execute().result


def test_vae_equals_comfyuis_for_whole_clips():
    torch.manual_seed(0)
    ours = wan.VAE(8).eval()
    theirs = comfy.ldm.wan.vae.WanVAE(
        dim=8,
        z_dim=16,
        dim_mult=[1, 2, 4, 4],
        num_res_blocks=2,
        attn_scales=[],
        temperal_downsample=[False, True, True],
    )
    theirs.load_state_dict(ours.state_dict())
    clip = torch.rand(2, 3, 9, 32, 48) * 2 - 1
    with torch.no_grad():
        latent = theirs.encode(clip)
        torch.testing.assert_close(ours.encode(clip)[0], latent, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(ours.encode(clip[:, :, :1])[0], latent[:, :, :1], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(ours.decode(latent), theirs.decode(latent), atol=1e-5, rtol=1e-4)


def test_rescaling_gives_wan_statistics_and_the_same_pictures():
    torch.manual_seed(0)
    vae = wan.VAE(8).eval()
    clip = torch.rand(2, 3, 5, 32, 32) * 2 - 1
    with torch.no_grad():
        before = vae.encode(clip)[0]
        picture = vae.decode(before)
        mean, std = before.mean((0, 2, 3, 4)), before.std((0, 2, 3, 4))
        vae.set_latent_statistics(mean, std)
        after = vae.encode(clip)[0]
        torch.testing.assert_close(vae.decode(after), picture, atol=1e-4, rtol=1e-3)
    expected_mean, expected_std = wan.latent_statistics()
    torch.testing.assert_close(after.mean((0, 2, 3, 4)), expected_mean.flatten(), atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(after.std((0, 2, 3, 4)), expected_std.flatten(), atol=1e-3, rtol=1e-3)


def test_transformer_equals_comfyuis():
    torch.manual_seed(0)
    ours = wan.Transformer(256, 320, 2).eval()
    for parameter in ours.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    theirs = comfy.ldm.wan.model.WanModel(
        model_type="t2v",
        in_dim=36,
        dim=256,
        ffn_dim=320,
        num_heads=2,
        num_layers=2,
        operations=comfy.ops.disable_weight_init,
        dtype=torch.float32,
    )
    theirs.load_state_dict(ours.state_dict())
    x, condition = torch.randn(2, 16, 3, 8, 12), torch.randn(2, 20, 3, 8, 12)
    context, timestep = torch.randn(2, 7, 4096), torch.tensor([900.0, 30.0])
    with torch.no_grad():
        expected = theirs(torch.cat([x, condition], 1), timestep, context)
        found = ours(x, timestep, context, condition, wan.rotation_for(x))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_core_nodes_sample_what_the_training_code_samples(model, sockets):
    unet, clip, vae = sockets
    image = world.render(world.sample_scenes(1, torch.Generator().manual_seed(3)), times=torch.tensor([0])).frames[:, 0]
    (positive,) = nodes.CLIPTextEncode().encode(clip, TEXT)
    (negative,) = nodes.CLIPTextEncode().encode(clip, "")
    torch.testing.assert_close(positive[0][0], model.encode_text([TEXT]))
    positive, negative, latent = WanImageToVideo.execute(
        positive, negative, vae, 128, 128, 9, 1, start_image=image.movedim(1, -1)
    ).result
    (unet,) = ModelSamplingSD3().patch(unet, 3.0)
    (sampled,) = nodes.KSampler().sample(unet, 5, 4, 2.5, "euler", "simple", positive, negative, latent, 1.0)

    noise = comfy.sample.prepare_noise(latent["samples"], 5)
    expected, _ = model.sample(image, [TEXT], frames=9, steps=4, cfg=2.5, noise=noise)
    mean, std = wan.latent_statistics()
    torch.testing.assert_close(sampled["samples"], expected * std + mean, atol=1e-3, rtol=1e-3)
    (decoded,) = nodes.VAEDecode().decode(vae, sampled)
    assert decoded.shape[-3:] == (128, 128, 3)
    torch.testing.assert_close(
        decoded.movedim(-1, -3).reshape(9, 3, 128, 128), model.decode(expected)[0], atol=1e-2, rtol=1e-2
    )


@pytest.mark.parametrize("positions", ["kept", "compact"])
def test_what_is_evaluated_drops_frames_as_the_edit_sampler_does(model, sockets, positions):
    unet, clip, vae = sockets
    scenes = world.sample_scenes(1, torch.Generator().manual_seed(3))
    image = world.render(scenes, times=torch.tensor([0])).frames[:, 0]
    texts = [nodes.CLIPTextEncode().encode(clip, text)[0] for text in (TEXT, "")]
    positive, negative, latent = WanImageToVideo.execute(
        *texts, vae, 128, 128, 21, 1, start_image=image.movedim(1, -1)
    ).result
    drops = (Drop(0.9, "frames", frames=(0, 1, 3, 4, 5)), Drop(0.6, "first + settled"))
    (unet,) = ModelSamplingSD3().patch(unet, 3.0)
    sampled = EditSampler.execute(
        unet, positive, negative, latent, 5, 6, 2.5, "euler", "simple", 0.9, 0, dropout=drops, positions=positions
    )[0]

    noise = comfy.sample.prepare_noise(latent["samples"], 5)
    # A batch of two, in which each clip has its own frames.
    expected, kept = model.sample(
        image.expand(2, -1, -1, -1),
        [TEXT, ""],
        frames=21,
        steps=6,
        cfg=2.5,
        noise=noise.expand(2, -1, -1, -1, -1),
        drops=drops,
        positions=positions,
    )
    mean, std = wan.latent_statistics()
    assert sampled["kept_latent_frames"] == kept[0] and len(kept[0]) == 2
    torch.testing.assert_close(sampled["samples"], expected[:1] * std + mean, atol=1e-3, rtol=1e-3)


def test_text_encoder_tolerates_any_text(sockets):
    _, clip, _ = sockets

    def encode(text):
        return nodes.CLIPTextEncode().encode(clip, text)[0][0][0]

    for text in ("", "xyzzy \u2603 \U0001f600 9", "word " * 500, "(((", "a (b:nan"):
        encoded = encode(text)
        assert encoded.shape == (1, text_encoder.LENGTH, 4096)
    assert encode("the xyzzy circle").isfinite().all()
    torch.testing.assert_close(encode("the xyzzy circle"), encode("the plugh circle"))  # both unknown
    assert not torch.allclose(encode("the red circle"), encode("the blue circle"))
    assert not torch.allclose(encode("the (red:1.5) circle"), encode("the red circle"))
    assert (encode("the red circle")[0, 5:] == 0).all()  # behind three words and the end


def test_weights_are_small_enough_to_ship():
    files = list(weights.WEIGHTS.glob("*"))
    assert all(file.stat().st_size < 16_000_000 for file in files)
    assert sum(file.stat().st_size for file in files) < 40_000_000
    card = (weights.WEIGHTS / "README.md").read_text(encoding="utf-8")
    for heading in ("Data", "Training", "Scores", "Limits", "Licence"):
        assert f"## {heading}" in card, f"the model card lacks {heading}"


@pytest.fixture
def copied_weights(tmp_path):
    return shutil.copytree(weights.WEIGHTS, tmp_path / "weights")


def test_missing_weights_are_named(copied_weights):
    (copied_weights / "vae-00001-of-00001.safetensors").unlink()
    with pytest.raises(weights.WeightsError, match="vae-00001-of-00001.safetensors is missing"):
        weights.load_part("vae", copied_weights)
    with pytest.raises(weights.WeightsError, match=r"index\.json is missing"):
        weights.load_part("vae", copied_weights / "elsewhere")


def test_damaged_weights_are_named(copied_weights):
    file = copied_weights / "vae-00001-of-00001.safetensors"
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(weights.WeightsError, match="vae-00001-of-00001.safetensors is damaged"):
        weights.load_part("vae", copied_weights)
    (copied_weights / "index.json").write_text("{", encoding="utf-8")
    with pytest.raises(weights.WeightsError, match=r"index\.json is damaged"):
        weights.load_part("vae", copied_weights)


def test_large_matrices_are_stored_in_eight_bits_and_come_back_nearly_the_same(tmp_path):
    rng = torch.Generator().manual_seed(1)
    large = torch.randn(300, 256, generator=rng) * torch.logspace(-3, 1, 300)[:, None]
    large[7] = 0
    state = {"large": large, "small": torch.randn(8, 8, generator=rng), "norm": torch.randn(70_000, generator=rng)}
    state["conv"] = large[:, :243].reshape(300, 9, 3, 3, 3)
    weights.save_part("transformer", state, {"dim": 1}, tmp_path)
    loaded, config = weights.load_part("transformer", tmp_path)
    assert config == {"dim": 1} and set(loaded) == set(state)
    assert all(tensor.dtype == torch.float16 for tensor in loaded.values())
    step = large.abs().amax(1, keepdim=True) / 127
    assert ((loaded["large"] - large).abs() <= 0.63 * step).all()
    assert torch.equal(loaded["small"], state["small"].half()) and torch.equal(loaded["norm"], state["norm"].half())
    channel_step = state["conv"].abs().amax((1, 2, 3, 4), keepdim=True) / 127
    assert ((loaded["conv"] - state["conv"]).abs() <= 0.63 * channel_step).all()
    stored = sum(file.stat().st_size for file in tmp_path.glob("transformer-*"))
    assert stored < 0.8 * sum(2 * tensor.numel() for tensor in state.values())


def test_a_missing_scale_is_named(tmp_path):
    weights.save_part("transformer", {"large": torch.ones(300, 256)}, {}, tmp_path)
    index = json.loads((tmp_path / "index.json").read_text())
    del index["transformer"]["tensors"]["large.scale"]
    (tmp_path / "index.json").write_text(json.dumps(index))
    file = next(tmp_path.glob("transformer-*"))
    save_file({"large": load_file(file)["large"]}, file)
    with pytest.raises(weights.WeightsError, match=r"lacks the tensor large\.scale"):
        weights.load_part("transformer", tmp_path)


def test_wrong_tensors_are_named_with_both_shapes(copied_weights):
    index = json.loads((copied_weights / "index.json").read_text(encoding="utf-8"))
    index["vae"]["tensors"]["conv2.bias"]["shape"] = [17]
    (copied_weights / "index.json").write_text(json.dumps(index), encoding="utf-8")
    with pytest.raises(weights.WeightsError, match=r"conv2\.bias .*\[16\], expected \[17\]"):
        weights.load_part("vae", copied_weights)
    index["vae"]["tensors"]["conv2.bias"]["shape"] = [16]
    index["vae"]["tensors"]["conv3.bias"] = {"file": "vae-00001-of-00001.safetensors", "shape": [1]}
    (copied_weights / "index.json").write_text(json.dumps(index), encoding="utf-8")
    with pytest.raises(weights.WeightsError, match=r"lacks the tensor conv3\.bias"):
        weights.load_part("vae", copied_weights)


def test_a_graph_with_damaged_weights_says_so(copied_weights, monkeypatch):
    (copied_weights / "index.json").unlink()
    monkeypatch.setattr(weights, "WEIGHTS", copied_weights)
    with pytest.raises(weights.WeightsError, match="Install the pack again"):
        demo_model.LoadDemoEditModel.execute()


# --- the world -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clips():
    """Two scenes of every family, with frames before, during and after the edit."""
    scenes = world.sample_scenes(28, torch.Generator().manual_seed(11))
    return scenes, world.render(scenes, times=torch.tensor([0, 6, 12, 30, 32]))


def test_worlds_are_deterministic():
    first, second = (world.sample_scenes(14, torch.Generator().manual_seed(4)) for _ in range(2))
    other = world.sample_scenes(14, torch.Generator().manual_seed(5))
    at = torch.tensor([9])
    assert torch.equal(world.render(first, times=at).frames, world.render(second, times=at).frames)
    assert not torch.equal(world.render(first, times=at).frames, world.render(other, times=at).frames)


def test_objects_differ_in_shape_and_colour():
    scenes = world.sample_scenes(500, torch.Generator().manual_seed(0))
    for names in (scenes.shape, scenes.colour):
        assert (names.sort(1).values.diff(dim=1) > 0).all()
    assert (scenes.target_colour[:, None] != scenes.colour).all()
    assert scenes.present[:, :2].all() and 0.3 < scenes.present[:, 2].float().mean() < 0.9


def test_edits_finish_when_the_truth_says_and_then_hold():
    scenes = world.sample_scenes(28, torch.Generator().manual_seed(8))
    for k in range(28):
        scene = scenes.select(torch.tensor([k]))
        finish = int(scene.finish[0])
        frames = world.render(scene, times=torch.tensor([finish, finish + 1, 32, max(finish - 2, 0)])).frames[0]
        # The shutter is still open on the last movement at the moment of completion.
        assert torch.equal(frames[1], frames[2])
        assert (frames[0] - frames[2]).abs().mean() < 0.01
        name = world.FAMILIES[int(scene.family[0])]
        first = world.render(scene, times=torch.tensor([0])).frames[0, 0]
        if name == "still":
            assert (first - frames[2]).abs().max() < 0.35  # at most a little softer at the start
        else:
            assert (first - frames[2]).abs().max() > 0.1, name


def test_objects_go_where_they_are_told(clips):
    scenes, rendered = clips
    at = (torch.arange(world.SIZE) + 0.5) / world.SIZE

    def centre(cover):  # [H, W] -> x, y
        return (cover.sum(0) @ at / cover.sum()).item(), (cover.sum(1) @ at / cover.sum()).item()

    for k, family in enumerate(scenes.family.tolist()):
        name = world.FAMILIES[family]
        before, after = rendered.coverage[k, 0], rendered.coverage[k, -1]
        if name == "vanish":
            assert after.max() == 0
            continue
        (x0, y0), (x1, y1) = centre(before), centre(after)
        area = (after.sum() / before.sum()).item()
        moved = {"move left": x0 - x1, "move right": x1 - x0, "move up": y0 - y1, "move down": y1 - y0, "fall": y1 - y0}
        if name in moved:
            assert moved[name] > 0.1, name
            assert area == pytest.approx(1, abs=0.03)
        elif name in ("grow", "shrink"):
            factor = world.GROWN if name == "grow" else world.SHRUNK
            assert area == pytest.approx(factor**2, rel=0.1)
        elif name == "melt":
            assert y1 > y0 and area < 0.8
        elif name in ("recolour", "focus", "still"):
            assert torch.equal(before, after)
        elif name == "rotate":
            assert (before - after).abs().sum() > 0.1 * before.sum()


def test_the_background_outside_the_object_does_not_change(clips):
    scenes, rendered = clips
    outside = ~edit_region(rendered.coverage, margin=12)
    for k, family in enumerate(scenes.family.tolist()):
        if world.FAMILIES[family] not in ("focus", "still"):
            difference = (rendered.frames[k, 0] - rendered.frames[k, -1]).abs() * outside[k]
            assert difference.max() < 0.02, world.FAMILIES[family]


def test_moving_objects_are_blurred():
    scenes = world.sample_scenes(1, torch.Generator().manual_seed(1), families=("move left",))
    middle = ((scenes.start + scenes.finish) / 2).round()
    sharp = world.render(scenes, times=middle, shutter=0.0).coverage[0, 0]
    blurred = world.render(scenes, times=middle, shutter=1.0).coverage[0, 0]
    assert (blurred > 0).sum() > 1.03 * (sharp > 0).sum()


def test_captions_are_varied_known_and_short_enough(model):
    scenes = world.sample_scenes(2000, torch.Generator().manual_seed(99))
    words = random.Random(99)
    captions = [phrases.caption(scene, words) for scene in phrases.describe(scenes)]
    assert len(set(captions)) > 1400
    for caption in captions:
        tokens = model.tokenizer(caption)
        assert len(tokens) <= text_encoder.LENGTH
        assert text_encoder.UNKNOWN not in tokens, caption


# --- scores ----------------------------------------------------------------------------------------------------------


def test_judging_passes_the_truth_and_fails_what_is_wrong():
    scenes = world.sample_scenes(28, torch.Generator().manual_seed(21))
    clips = world.render(scenes, times=torch.tensor([0, 32]))
    names = [world.FAMILIES[f] for f in scenes.family.tolist()]
    source, truth = clips.frames[:, 0], clips.frames[:, 1]

    def success(last):
        return judge(names, last, truth, source, clips.coverage, source)["success"]

    assert success(truth).all()
    changes = torch.tensor([name != "still" for name in names])
    assert not success(source)[changes].any()  # nothing happened
    assert not success(truth.roll(7, 3))[[n.startswith("move") for n in names]].any()  # landed elsewhere
    assert not success(torch.zeros_like(truth)).any()
    other = world.render(world.sample_scenes(28, torch.Generator().manual_seed(22)), times=torch.tensor([32])).frames
    assert not success(other[:, 0]).any()


@pytest.mark.timeout(900)  # two minutes on two cores that have nothing else to do
def test_the_shipped_model_edits(model):
    runs = [("stride 3 at 0.9, first + settled at 0.6", "compact")]
    scores = measure_model(
        model,
        scenes=7,
        steps=12,
        cfg=CFG,
        batch=7,
        device=torch.device("cpu"),
        precision="bfloat16",
        runs=runs,
        free_worded=True,
        chain=True,
    )
    assert scores["all"]["success"] >= 5 / 7, tables.scores_table(scores)
    assert scores["all"]["vae_psnr"] >= 32, tables.scores_table(scores)
    assert scores["all"]["background"] >= 28, tables.scores_table(scores)
    assert scores["free_worded"]["all"]["success"] >= 5 / 7, tables.wording_line(scores)
    asked = [row["instruction"] for row in scores["free_worded"]["rows"]]
    assert all(asked) and not any(row["instruction"] for row in scores["rows"])
    chosen = evaluate_selection.summary(scores["selection"])["settled"]
    assert chosen["success"] >= scores["all"]["success"] - 1 / 7 and chosen["beside"] >= 6 / 7, chosen
    taken = [row["success"] for row in scores["compositing"]]
    assert sum(taken) >= sum(row["success_before"] for row in scores["compositing"]) - 1
    assert {row["kind"] for row in scores["refinement"]} == {"as chosen", *evaluate_refinement.FLAWS}
    assert {row["picture"] for row in scores["ghost"]} == {"frame as chosen", "refined", "composited"}
    (dropped,) = scores["schedules"]
    assert dropped["success"] >= 5 / 7 and dropped["to_full"] >= 25, tables.schedules_table(scores)
    assert all(len(row["kept"]) == 2 and row["kept"][0] == 0 for row in dropped["rows"])
