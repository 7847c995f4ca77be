"""Two of the nodes that stand between a loader and our sampler in people's graphs, in every order, with a drop.

Each of them alone is compared with ComfyUI's own samplers in tests/sampling/test_families.py.
"""

from itertools import permutations

import folder_paths
import pytest
import torch
from comfy_extras.nodes_easycache import EasyCacheNode, LazyCacheNode
from comfy_extras.nodes_model_advanced import ModelSamplingSD3
from if_edit.nodes.dropout import TemporalLatentDropout
from if_edit.tests.sampling.test_families import edit, lora_file, quantised, start_video, windows
from if_edit.tests.support.small_models import small_wan

import nodes as core_nodes

LOADERS = {"Load Diffusion Model": small_wan, "GGUF-like loader": quantised}
WINDOWS = "context windows"
ON_A_MODEL = {
    "a LoRA": lambda model: load_lora(model, 3),
    "another LoRA": lambda model: load_lora(model, 4),
    "ModelSamplingSD3": lambda model: ModelSamplingSD3().patch(model, 3.0)[0],
    "EasyCache": lambda model: EasyCacheNode.execute(model, 3.0, 0.0, 1.0, False)[0],
    "LazyCache": lambda model: LazyCacheNode.execute(model, 3.0, 0.0, 1.0, False)[0],
    WINDOWS: lambda model: windows(model, 17),
    "Temporal Latent Dropout": lambda model: TemporalLatentDropout.execute(model, *start_video(), 1)[0],
}


@pytest.fixture(autouse=True)
def loras(tmp_path, monkeypatch):
    monkeypatch.setitem(folder_paths.folder_names_and_paths, "loras", ([str(tmp_path)], {".safetensors"}))
    monkeypatch.setattr(folder_paths, "filename_list_cache", {})
    for seed in (3, 4):
        lora_file(tmp_path, seed)
    with torch.inference_mode():
        yield


def load_lora(model, seed: int):
    return core_nodes.LoraLoaderModelOnly().load_lora_model_only(model, f"lora{seed}.safetensors", 0.5)[0]


@pytest.mark.parametrize(
    ("loader", "first", "second"),
    [
        (loader, *pair)
        for loader in LOADERS
        for pair in permutations(ON_A_MODEL, 2)
        if loader == "Load Diffusion Model" or "a LoRA" in pair  # what a loader of its own changes are weights
    ],
)
def test_two_nodes_on_a_model_run_together_or_the_sampler_says_why_not(loader, first, second):
    model = ON_A_MODEL[first](LOADERS[loader](seed=1))
    if WINDOWS in (first, second) and not core_cuts_the_start_image():
        with pytest.raises(
            ValueError, match="context windows of 5 latent frames, for 9 .* does not cut the start image"
        ):
            edit(ON_A_MODEL[second](model), start_video())  # or already Temporal Latent Dropout
        return
    model = ON_A_MODEL[second](model)
    if {first, second} == {"EasyCache", "LazyCache"}:
        with pytest.raises(ValueError, match="both EasyCache and LazyCache"):
            edit(model, start_video())
        return
    sampled = edit(model, start_video(), steps=3)
    assert sampled["samples"].shape[2] == 4 and sampled["samples"].isfinite().all()
    assert sampled["kept_latent_frames"] == [0, 3, 6, 8]


def core_cuts_the_start_image() -> bool:
    handler = windows(small_wan(), 17).model_options["context_handler"]
    return hasattr(handler, "cond_retain_index_list")


def test_the_order_of_a_lora_and_a_shift_does_not_matter():
    lora, shift = ON_A_MODEL["a LoRA"], ON_A_MODEL["ModelSamplingSD3"]
    one, other = lora(shift(small_wan(seed=1))), shift(lora(small_wan(seed=1)))
    plain = edit(small_wan(seed=1), start_video())["samples"]
    assert torch.equal(edit(one, start_video())["samples"], edit(other, start_video())["samples"])
    assert not torch.equal(edit(one, start_video())["samples"], plain)
