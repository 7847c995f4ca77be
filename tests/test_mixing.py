"""The nodes that stand beside ours in people's graphs: two of them between a loader and our sampler, in every order,
and those around the prompt and the images, in graphs that ComfyUI's own executor runs.

Each of the first kind alone is compared with ComfyUI's own samplers in tests/sampling/test_families.py.
"""

import asyncio
import re
from dataclasses import dataclass
from itertools import permutations
from types import SimpleNamespace
from typing import Any

import comfy.utils
import execution
import folder_paths
import pytest
import torch
from comfy_api.latest import io
from comfy_api.torch_helpers import set_torch_compile_wrapper
from comfy_execution.graph_utils import GraphBuilder
from comfy_extras.nodes_easycache import EasyCacheNode, LazyCacheNode
from comfy_extras.nodes_model_advanced import ModelSamplingSD3
from if_edit.editing.captions.rules import temporal_caption
from if_edit.nodes.caption import TemporalCaption
from if_edit.nodes.compositing import CompositeEdit
from if_edit.nodes.dropout import TemporalLatentDropout
from if_edit.nodes.selection import FrameSelector
from if_edit.tests.sampling.test_families import edit, lora_file, quantised, start_video, windows
from if_edit.tests.support.clips import moving_ball
from if_edit.tests.support.small_models import SmallClip, small_wan, text_conditioning

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


def compiled(model):
    """As TorchCompileModel has it done, without its inductor, which takes minutes on a CPU."""
    from comfy.ldm.modules.attention import attention_pytorch

    model = model.clone()
    # As on a GPU; what ComfyUI takes on a CPU asks for the free memory, which cannot be compiled.
    attention = {"optimized_attention_override": lambda original, *args, **kwargs: attention_pytorch(*args, **kwargs)}
    model.model_options["transformer_options"].update(attention)
    set_torch_compile_wrapper(model=model, backend="eager")
    return model


def test_torch_compile_runs_before_and_after_a_lora():
    lora = ON_A_MODEL["a LoRA"]
    plain = edit(lora(small_wan(seed=1, layers=1)), start_video(), steps=2)["samples"]
    for order in ((lora, compiled), (compiled, lora)):
        model = small_wan(seed=1, layers=1)
        for node in order:
            model = node(model)
        torch._dynamo.reset()
        torch._dynamo.utils.counters.clear()
        try:
            ours = edit(model, start_video(), steps=2)["samples"]
            assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0
        finally:
            torch._dynamo.reset()
        assert (ours - plain).abs().max() < 1e-4


# --- around the prompt and the images ---


class GiveFrames:
    """Keyframes of a ball that comes to rest at frame 20: Frame Selector takes the third of the four, 24."""

    RETURN_TYPES, FUNCTION = ("IMAGE",), "give"

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {}}

    def give(self):
        return (keyframes(),)


class GiveClip(GiveFrames):
    RETURN_TYPES = ("CLIP",)

    def give(self):
        return (SmallClip(),)


class VideoCombine:
    """Takes a batch of images, as 8-bit frames, and counts them."""

    RETURN_TYPES, FUNCTION, OUTPUT_NODE = ("INT",), "combine", True

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"images": ("IMAGE",)}}

    def combine(self, images):
        frames = [(frame.cpu().numpy() * 255).clip(0, 255).astype("uint8") for frame in images]
        assert {frame.shape for frame in frames} == {tuple(images.shape[1:])} and images.shape[-1] == 3
        return (len(frames),)


class PromptStyler:
    RETURN_TYPES, FUNCTION = ("STRING",), "style"

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"text": ("STRING", {"multiline": True})}}

    def style(self, text):
        return (f"cinematic film still, {text}",)


class ImageChooser:
    """Picks images of a batch, by their places in it."""

    RETURN_TYPES, FUNCTION = ("IMAGE",), "choose"

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"images": ("IMAGE",), "picks": ("STRING", {})}}

    def choose(self, images, picks):
        return (images[[int(pick) for pick in picks.split(",")]],)


class ImageFromBatch:
    """As core's, whose module cannot be had without the web server."""

    RETURN_TYPES, FUNCTION = ("IMAGE",), "take"

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"image": ("IMAGE",), "batch_index": ("INT", {}), "length": ("INT", {})}}

    def take(self, image, batch_index, length):
        return (image[batch_index : batch_index + length].clone(),)


class Loop(io.ComfyNode):
    """Chooses a frame and pastes it into the photo, as often as asked; each turn goes on with the last one's photo."""

    @classmethod
    def define_schema(cls):
        inputs = [io.Image.Input("frames"), io.Image.Input("photo"), io.Int.Input("turns")]
        return io.Schema("Loop", inputs=inputs, outputs=[io.Image.Output()], enable_expand=True)

    @classmethod
    def execute(cls, frames, photo, turns):
        graph = GraphBuilder()
        for _ in range(turns):
            chosen = graph.node("IFEdit_FrameSelector", frames=frames, source=photo, **SELECT)
            photo = graph.node("IFEdit_RestoreEdit", source=photo, edited=chosen.out(0), **COMPOSITE).out(0)
        return io.NodeOutput(photo, expand=graph.finalize())


class Keep:
    """The end of a graph, where the test looks."""

    RETURN_TYPES, FUNCTION, OUTPUT_NODE = (), "keep", True
    kept: list = []

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"value": ("*",)}}

    @classmethod
    def VALIDATE_INPUTS(cls, input_types):
        return True

    def keep(self, value):
        self.kept.append(value)
        return ()


NODES = {
    "IFEdit_TemporalCaption": TemporalCaption,
    "IFEdit_FrameSelector": FrameSelector,
    "IFEdit_RestoreEdit": CompositeEdit,
    **{node.__name__: node for node in (GiveFrames, GiveClip, VideoCombine, PromptStyler, ImageChooser)},
    **{node.__name__: node for node in (ImageFromBatch, Loop, Keep)},
}
SELECT = {"method": "settled", "frame": -1, "frame_numbers": ""}
COMPOSITE = {"mode": "automatic", "threshold": 0.5, "grow": 0, "feather": 5, "correct_drift": True}
INSTRUCTION = "move the red circle to the left"
IMAGE, CANDIDATES, SIDE_BY_SIDE = 0, 5, 2  # outputs of Frame Selector and Composite Edit


def keyframes() -> torch.Tensor:
    return moving_ball(settles=20)[[0, 12, 24, 32]]


def select(frames, numbers="", **inputs):
    return "IFEdit_FrameSelector", {"frames": frames, **SELECT, "frame_numbers": numbers, **inputs}


def composite(edited, source=("photo", 0)):
    return "IFEdit_RestoreEdit", {"source": source, "edited": edited, **COMPOSITE}


def part(images, start, length=1):
    return "ImageFromBatch", {"image": images, "batch_index": start, "length": length}


FRAMES = {"frames": ("GiveFrames", {}), "photo": part(("frames", 0), 0)}


@dataclass(frozen=True)
class Graph:
    """Nodes by name, as (class, inputs); an input (name, place) is a link. `end` is the output to look at, `shows` the
    places of the keyframes that it must equal, `error` what the graph must say instead.
    """

    nodes: dict[str, tuple[str, dict[str, Any]]]
    end: tuple[str, int]
    shows: tuple[int, ...] = ()
    count: int | None = None
    error: str = ""


GRAPHS = {
    "image chooser before Frame Selector": Graph(
        {"some": ("ImageChooser", {"images": ("frames", 0), "picks": "0,2,3"}), "ours": select(("some", 0))},
        ("ours", IMAGE),
        shows=(2,),
    ),
    "image chooser before Frame Selector, which still gets all numbers": Graph(
        {
            "some": ("ImageChooser", {"images": ("frames", 0), "picks": "0,2,3"}),
            "ours": select(("some", 0), "0, 12, 24, 32"),
        },
        ("ours", IMAGE),
        error="3 .*4|4 .*3",
    ),
    "image chooser after Frame Selector": Graph(
        {
            "ours": select(("frames", 0), candidates=2),
            "one": ("ImageChooser", {"images": ("ours", CANDIDATES), "picks": "0"}),
        },
        ("one", 0),
        shows=(2,),
    ),
    "ImageBatch of two videos before Frame Selector": Graph(
        {
            "both": ("ImageBatch", {"image1": ("frames", 0), "image2": ("frames", 0)}),
            "ours": select(("both", 0), "0, 12, 24, 32, 0, 12, 24, 32"),
        },
        ("ours", IMAGE),
        shows=(2, 2),
    ),
    "ImageFromBatch before Frame Selector": Graph(
        {"late": part(("frames", 0), 2, 2), "ours": select(("late", 0), "24, 32")}, ("ours", IMAGE), shows=(2,)
    ),
    "ImageFromBatch after Frame Selector": Graph(
        {"ours": select(("frames", 0), candidates=4), "best": part(("ours", CANDIDATES), 0)}, ("best", 0), shows=(2,)
    ),
    "ImageBatch of the photo and the edit after Frame Selector": Graph(
        {
            "ours": select(("frames", 0)),
            "pair": ("ImageBatch", {"image1": ("photo", 0), "image2": ("ours", IMAGE)}),
        },
        ("pair", 0),
        shows=(0, 2),
    ),
    "ImageBatch before Composite Edit": Graph(
        {
            "pair": ("ImageBatch", {"image1": ("photo", 0), "image2": ("photo", 0)}),
            "ours": composite(("pair", 0)),
        },
        ("ours", IMAGE),
        shows=(0, 0),
    ),
    "ImageBatch of photos that fit no edits": Graph(
        {"three": part(("frames", 0), 0, 3), "ours": composite(("three", 0), ("frames", 0))},
        ("ours", IMAGE),
        error="3 edited images and 4 photos",
    ),
    "ImageFromBatch after Composite Edit": Graph(
        {"late": part(("frames", 0), 2, 2), "ours": composite(("late", 0)), "one": part(("ours", IMAGE), 1)},
        ("one", 0),
        shows=(3,),
    ),
    "video combine of what Frame Selector chose": Graph(
        {"ours": select(("frames", 0), candidates=3), "video": ("VideoCombine", {"images": ("ours", CANDIDATES)})},
        ("video", 0),
        count=3,
    ),
    "video combine of what Composite Edit shows": Graph(
        {
            "late": part(("frames", 0), 2, 2),
            "ours": composite(("late", 0)),
            "video": ("VideoCombine", {"images": ("ours", SIDE_BY_SIDE)}),
        },
        ("video", 0),
        count=2,
    ),
}


@pytest.fixture
def run_graph(monkeypatch, preview_folder):
    """A function that runs a graph as ComfyUI does: it returns what Keep got, the error, and what was shown."""
    for name, node in NODES.items():
        if issubclass(node, io.ComfyNode):
            node.GET_SCHEMA()
        monkeypatch.setitem(core_nodes.NODE_CLASS_MAPPINGS, name, node)
    monkeypatch.setattr(comfy.utils, "PROGRESS_BAR_HOOK", None)

    async def run(nodes: dict, end: tuple[str, int]) -> tuple[list, str, list[dict]]:
        links = {name: str(place) for place, name in enumerate([*nodes, "end"])}

        def linked(value):
            return [links[value[0]], value[1]] if isinstance(value, tuple) else value

        prompt = {
            links[name]: {"class_type": kind, "inputs": {key: linked(value) for key, value in inputs.items()}}
            for name, (kind, inputs) in {**nodes, "end": ("Keep", {"value": end})}.items()
        }
        valid, error, outputs, node_errors = await execution.validate_prompt("prompt", prompt, None)
        assert valid, (error, node_errors)
        monkeypatch.setattr(Keep, "kept", [])
        server = SimpleNamespace(
            client_id=None, last_node_id=None, sockets_metadata={}, send_sync=lambda *args, **kwargs: None
        )
        executor = execution.PromptExecutor(server, execution.CacheType.CLASSIC, {"lru": 0, "ram": 0.0})
        await executor.execute_async(prompt, "prompt", {}, outputs)
        errors = [data["exception_message"] for kind, data in executor.status_messages if kind == "execution_error"]
        return Keep.kept, "".join(errors), list(executor.history_result["outputs"].values())

    return lambda nodes, end: asyncio.run(run(nodes, end))


@pytest.mark.parametrize("name", GRAPHS)
def test_a_neighbour_of_our_image_nodes_gets_and_gives_what_it_should_or_is_told_why_not(run_graph, name):
    graph = GRAPHS[name]
    kept, error, _ = run_graph({**FRAMES, **graph.nodes}, graph.end)
    assert re.search(graph.error, error) if graph.error else not error, error
    if graph.count is not None:
        assert kept == [graph.count]
    elif not graph.error:
        (images,) = kept
        wanted = keyframes()[list(graph.shows)]
        assert images.shape == wanted.shape
        if any(kind == "IFEdit_RestoreEdit" for kind, _ in graph.nodes.values()):  # differs a little at its rim
            assert (images - wanted).abs().mean() < 0.01 < (wanted - keyframes()[1]).abs().mean()
        else:
            assert torch.equal(images, wanted)


def test_a_loop_repeats_our_nodes(run_graph):
    kept, error, shown = run_graph(
        {**FRAMES, "ours": ("Loop", {"frames": ("frames", 0), "photo": ("photo", 0), "turns": 2})}, ("ours", 0)
    )
    assert not error and (kept[0] - keyframes()[2]).abs().mean() < 0.01
    assert sum("if_edit_filmstrip" in one for one in shown) == 2


@pytest.mark.parametrize("order", ["Temporal Caption, styler", "styler, Temporal Caption"])
def test_a_prompt_styler_stands_on_either_side_of_temporal_caption(run_graph, order):
    caption_first = order.startswith("Temporal")
    styled = {"text": ("caption", 0) if caption_first else INSTRUCTION}
    instruction = INSTRUCTION if caption_first else ("styler", 0)
    nodes = {
        "clip": ("GiveClip", {}),
        "caption": ("IFEdit_TemporalCaption", {"instruction": instruction}),
        "styler": ("PromptStyler", styled),
        "encode": ("CLIPTextEncode", {"clip": ("clip", 0), "text": ("styler" if caption_first else "caption", 0)}),
    }
    kept, error, _ = run_graph(nodes, ("encode", 0))
    style = "cinematic film still, "
    written = (
        style + temporal_caption(INSTRUCTION).caption
        if caption_first
        else temporal_caption(style + INSTRUCTION).caption
    )
    assert not error and torch.equal(kept[0][0][0], text_conditioning(written)[0][0])
