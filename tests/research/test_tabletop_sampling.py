"""The embedded model in diffusers samples what the plain torch model does, dropped frames included."""

import pytest
import torch
from if_edit.editing.dropout import FIRST_AND_SETTLED, STRIDE, Drop
from if_edit.research.tabletop import conditions, families
from if_edit.research.tabletop.drawing import render
from if_edit.research.tabletop.sampling import Sampler
from if_edit.research.world.model import EditModel

WORDS = ["the", "red", "ball", "falls"]
SIZE, FRAMES = 32, 17
CAPTIONS = ["the red ball falls", "the ball"]


@pytest.fixture(scope="module")
def both():
    torch.manual_seed(0)
    model = EditModel({"dim": 128, "ffn_dim": 64, "layers": 2}, {"dim": 8}, {"words": WORDS})
    torch.nn.init.normal_(model.transformer.head.head.weight, std=0.05)
    model.eval().requires_grad_(False)
    parts = {part: getattr(model, part).state_dict() for part in ("transformer", "vae", "text_encoder")}
    return model, Sampler(**parts, words=WORDS)


@pytest.fixture(scope="module")
def images():
    scenes = [families.sample_scene(seed, "fall", frames=FRAMES) for seed in range(2)]
    return render(scenes, SIZE, [0]).frames[:, 0]


def test_frames_are_encoded_and_decoded_alike(both, images):
    model, sampler = both
    clips = images[:, None].expand(-1, 5, -1, -1, -1)
    latent = model.encode(clips)
    assert torch.allclose(sampler.encode(clips), latent, atol=1e-4)
    assert torch.allclose(sampler.decode(latent), model.decode(latent), atol=1e-4)


TWO_DROPS = (Drop(0.9, STRIDE, 2), Drop(0.5, FIRST_AND_SETTLED))


@pytest.mark.parametrize(
    ("drops", "positions", "cfg"),
    [((), "compact", 1.0), (TWO_DROPS[:1], "kept", 2.0), (TWO_DROPS, "compact", 1.0), (TWO_DROPS, "kept", 1.0)],
)
def test_edits_are_sampled_alike(both, images, drops, positions, cfg):
    model, sampler = both
    options = {"steps": 5, "cfg": cfg, "seed": 5, "drops": drops, "positions": positions}
    expected, kept = model.sample(images, CAPTIONS, frames=FRAMES, **options)
    condition = sampler.condition(images, FRAMES)
    made, places = sampler.sample(condition, CAPTIONS, **options)
    assert places == kept and len(kept[0]) == {0: 5, 1: 3, 2: 2}[len(drops)]
    assert torch.allclose(made, expected, atol=2e-3 * float(expected.abs().max()))
    untold, _ = sampler.sample(condition, ["", ""], **options)
    assert not torch.allclose(made, untold, atol=1e-2)
    assert sampler.decode_last(made, places).shape == images.shape


def test_first_frame_conditions_are_those_of_training(both, images):
    model, sampler = both
    given = torch.zeros(2, FRAMES, SIZE // 8, SIZE // 8)
    given[:, 0] = 1
    hidden = conditions.hide(images[:, None].expand(-1, FRAMES, -1, -1, -1), given)
    expected = torch.cat([conditions.mask_channels(given), model.encode(hidden)], 1)
    assert torch.allclose(sampler.condition(images, FRAMES), expected, atol=1e-4)
