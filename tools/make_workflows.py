"""Writes the templates in example_workflows/ and the blueprints in subgraphs/: python tools/run.py tools.make_workflows

Needs the environment of `nox -s environment`: what the nodes look like is asked of a real ComfyUI. The files are
committed; tests/tools/test_make_workflows.py holds that they are what this makes of today's nodes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .client import Client
from .comfyui import PACK, Server
from .workflow_graph import Box, Graph, Node, Subgraph

TEMPLATES, BLUEPRINTS = PACK / "example_workflows", PACK / "subgraphs"
NOTES = PACK / "tools" / "workflow_notes"  # the text on each template, by its name

NOTE, CHANGE_THIS = ("#432", "#653"), ("#232", "#353")
LORA_GROUP = "#8a6d3b"
VIEW = {"scale": 0.85, "offset": [560, 130]}  # opens on the note, the photo and the instruction
AVOID = (
    "camera movement, zoom, cut, flicker, overexposed, blurry, low quality, JPEG artifacts, subtitles, watermark, "
    "deformed"
)

WAN_22 = "https://huggingface.co/Comfy-Org/Wan_2.2_ComfyUI_Repackaged/resolve/main/split_files"
WAN_21 = "https://huggingface.co/Comfy-Org/Wan_2.1_ComfyUI_repackaged/resolve/main/split_files"
LORAS = "https://huggingface.co/Kijai/WanVideo_comfy/resolve/main/LoRAs/Wan22_Lightx2v"
HIGH, LOW = (f"wan2.2_i2v_{noise}_noise_14B_fp8_scaled.safetensors" for noise in ("high", "low"))
LORA_HIGH, LORA_LOW = (
    f"Wan_2_2_I2V_A14B_{noise}_lightx2v_4step_lora_260412_rank_64_fp16.safetensors" for noise in ("HIGH", "LOW")
)
TEXT_ENCODER = "umt5_xxl_fp8_e4m3fn_scaled.safetensors"
VAE_21, VAE_22, MODEL_5B = "wan_2.1_vae.safetensors", "wan2.2_vae.safetensors", "wan2.2_ti2v_5B_fp16.safetensors"
DOWNLOADS = {
    **{name: (f"{WAN_22}/diffusion_models/{name}", "diffusion_models") for name in (HIGH, LOW, MODEL_5B)},
    **{name: (f"{LORAS}/{name}", "loras") for name in (LORA_HIGH, LORA_LOW)},
    TEXT_ENCODER: (f"{WAN_21}/text_encoders/{TEXT_ENCODER}", "text_encoders"),
    VAE_21: (f"{WAN_22}/vae/{VAE_21}", "vae"),
    VAE_22: (f"{WAN_22}/vae/{VAE_22}", "vae"),
}


@dataclass(frozen=True)
class Family:
    """What differs between the models: their sockets, and the values that suit them."""

    sockets: tuple[str, ...]  # of MODEL kind, as the samplers name them
    resolution: dict
    multiple_of: str
    steps: int
    cfg: float
    refine_steps: int
    shift: float
    avoid: str = AVOID


DEMO = Family(("model_high_noise",), {"resolution": "custom", "megapixels": 0.016}, "16", 20, 1.0, 8, 3.0, "")
WAN_14B = Family(("model_high_noise", "model_low_noise"), {"resolution": "480p"}, "16", 8, 1.0, 8, 5.0)
WAN_5B = Family(("model_high_noise",), {"resolution": "720p"}, "32", 20, 5.0, 20, 8.0)


def download(*names: str) -> list[dict[str, str]]:
    return [{"name": name, "url": DOWNLOADS[name][0], "directory": DOWNLOADS[name][1]} for name in names]


# --- what is inside the subgraphs -----------------------------------------------------------------------------------


def make_demo_models(parent: Graph) -> Subgraph:
    models = Subgraph(parent, "Models")
    loader = models.add("IFEdit_LoadDemoEditModel", (0, 0, 280, 70))
    shift = models.add("ModelSamplingSD3", (360, 0, 270, 62), "Shift", shift=DEMO.shift)
    models.link(loader, "model", shift)
    models.give("model_high_noise", shift, "MODEL")
    models.give("clip", loader)
    models.give("vae", loader)
    return models


def make_14b_models(parent: Graph) -> Subgraph:
    models = Subgraph(parent, "Models")
    rows = (("high", HIGH, LORA_HIGH, 0), ("low", LOW, LORA_LOW, 190))
    for noise, file, lora_file, top in rows:
        expert = models.add(
            "UNETLoader", (0, top, 440, 90), f"{noise.title()}-noise expert", unet_name=file, models=download(file)
        )
        lora = models.add(
            "LoraLoaderModelOnly",
            (540, top, 560, 90),
            f"Few steps, {noise} noise",
            lora_name=lora_file,
            models=download(lora_file),
        )
        shift = models.add("ModelSamplingSD3", (1200, top, 270, 62), f"Shift, {noise} noise", shift=WAN_14B.shift)
        models.link(expert, "MODEL", lora, "model")
        models.link(lora, "MODEL", shift, "model")
        models.give(f"model_{noise}_noise", shift, "MODEL")
    models.add_group("Few-step LoRAs: 8 steps, CFG 1", (515, -80, 610, 390), LORA_GROUP)
    add_encoders(models, VAE_21, 380)
    return models


def make_5b_models(parent: Graph) -> Subgraph:
    models = Subgraph(parent, "Models")
    loader = models.add("UNETLoader", (0, 0, 440, 90), "Diffusion model", unet_name=MODEL_5B, models=download(MODEL_5B))
    shift = models.add("ModelSamplingSD3", (540, 0, 270, 62), "Shift", shift=WAN_5B.shift)
    models.link(loader, "MODEL", shift, "model")
    models.give("model_high_noise", shift, "MODEL")
    add_encoders(models, VAE_22, 190)
    return models


def add_encoders(models: Subgraph, vae_file: str, top: float) -> None:
    clip = models.add(
        "CLIPLoader",
        (0, top, 440, 114),
        "Text encoder",
        clip_name=TEXT_ENCODER,
        type="wan",
        models=download(TEXT_ENCODER),
    )
    vae = models.add("VAELoader", (0, top + 200, 440, 62), "VAE", vae_name=vae_file, models=download(vae_file))
    models.give("clip", clip, "CLIP")
    models.give("vae", vae, "VAE")


def add_fit(graph: Graph, box: Box, family: Family, *, region: bool = False, **values) -> Node:
    return graph.add(
        "IFEdit_FitImageForWan",
        box,
        "Fit Image for Wan",
        **family.resolution,
        multiple_of=family.multiple_of,
        aspect="square" if family is DEMO else "as it is",
        method="region" if region else "crop",
        **values,
    )


def make_edit(
    parent: Graph, family: Family, *, fitted: bool = False, region: bool = False, all_frames: bool = False
) -> Subgraph:
    """From the photo and the caption to the frames of the video; fitted: the photo comes at the model's size."""
    edit = Subgraph(parent, "Edit")
    fit = None if fitted else add_fit(edit, (0, 0, 320, 420), family, region=region)
    happens = edit.add("CLIPTextEncode", (0, 520, 320, 130), "What happens (positive)")
    avoid = edit.add("CLIPTextEncode", (0, 750, 320, 130), "What to avoid (negative)", text=family.avoid)
    if family is WAN_5B:
        start = edit.add(
            "Wan22ImageToVideoLatent", (420, 0, 300, 170), "Start image to video", width=1280, height=704, length=33
        )
        positive, negative, latent = (happens, "CONDITIONING"), (avoid, "CONDITIONING"), (start, "LATENT")
    else:
        size = {"width": 128, "height": 128} if family is DEMO else {}
        start = edit.add("IFEdit_StartImageToVideo", (420, 0, 300, 260), **size, length=33)
        edit.link(happens, "CONDITIONING", start, "positive")
        edit.link(avoid, "CONDITIONING", start, "negative")
        positive, negative, latent = ((start, name) for name in ("positive", "negative", "latent"))
    if fit:
        for output, name in (("image", "start_image"), ("width", "width"), ("height", "height")):
            edit.link(fit, output, start, name)
    sampler = edit.add(
        "IFEdit_EditSampler",
        (820, 0, 320, 500),
        "Edit Sampler",
        steps=family.steps,
        cfg=family.cfg,
        **({"dropout_stride": 1} if all_frames else {}),
    )
    for (node, output), name in zip(
        (positive, negative, latent), ("positive", "negative", "latent_image"), strict=True
    ):
        edit.link(node, output, sampler, name)
    decode = edit.add("VAEDecode" if all_frames else "IFEdit_DecodeKeyframes", (1240, 0, 260, 84), "Decode Keyframes")
    edit.link(sampler, sampler.outputs[0].name, decode, "samples")
    edit.take("image", (fit, "image") if fit else (start, "start_image"))
    if region and fit:
        edit.take("mask", (fit, "mask"))
    edit.show("caption", (happens, "text"))
    for name in family.sockets:
        edit.take(name, (sampler, name))
    edit.take("clip", (happens, "clip"), (avoid, "clip"))
    edit.take("vae", (start, "vae"), (decode, "vae"))
    if fit:
        edit.show("resolution", (fit, "resolution"))
    else:
        edit.show("width", (start, "width"))
        edit.show("height", (start, "height"))
    for name in ("seed", "steps", "cfg"):
        edit.show(name, (sampler, name))
    edit.give("frames", decode, decode.outputs[0].name)
    if not all_frames:
        edit.give("frame_numbers", decode)
    if fit:
        edit.give("image", fit)
        edit.give("fit", fit)
    return edit


def make_finish(parent: Graph, family: Family, name: str = "Finish") -> Subgraph:
    """From the chosen frame to the photo with the edit in it."""
    finish = Subgraph(parent, name)
    refiner = finish.add(
        "IFEdit_StillVideoRefiner", (0, 0, 380, 480), "Still-Video Refiner", steps=family.refine_steps, cfg=family.cfg
    )
    composite = finish.add("IFEdit_RestoreEdit", (480, 0, 320, 300), "Composite Edit")
    finish.link(refiner, "image", composite, "edited")
    for model in family.sockets:
        finish.take(model, (refiner, model))
    finish.take("clip", (refiner, "clip"))
    finish.take("vae", (refiner, "vae"))
    finish.take("photo", (composite, "source"))
    finish.take("frame", (refiner, "image"))
    finish.take("fitted", (refiner, "source"))
    finish.take("fit", (composite, "fit"))
    for widget in ("steps", "cfg"):
        finish.show(widget, (refiner, widget))
    finish.give("image", composite)
    finish.give("change_mask", composite)
    finish.give("report", composite)
    return finish


# --- the templates --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Template:
    """One workflow of the template browser."""

    title: str
    description: str
    family: Family
    make_models: Callable[[Graph], Subgraph]
    photo: str
    instruction: str
    folder: str  # of what is saved, below ComfyUI's output folder
    region: bool = False
    all_frames: bool = False
    with_vlm: bool = False


PHOTO, DEMO_PHOTO = "if_edit_sample_photo.jpg", "if_edit_sample.png"
TEMPLATES_BY_NAME = {
    "edit_image_demo": Template(
        "Try it: no GPU, no downloads",
        "Edit the sample image with the embedded model. Takes less than a minute on any computer.",
        DEMO,
        make_demo_models,
        DEMO_PHOTO,
        "make the blue star bigger",
        "if_edit/demo",
    ),
    "edit_image_wan2.2_14B": Template(
        "Edit a photo (Wan 2.2 14B)",
        "The best quality: two models of 14B, few steps. For GPUs with 24 GB.",
        WAN_14B,
        make_14b_models,
        PHOTO,
        "shatter the cup",
        "if_edit/wan2.2_14B",
    ),
    "edit_image_wan2.2_5B": Template(
        "Edit a photo (Wan 2.2 5B)",
        "The small model at 720p. For GPUs with 12 GB.",
        WAN_5B,
        make_5b_models,
        PHOTO,
        "shatter the cup",
        "if_edit/wan2.2_5B",
    ),
    "edit_image_with_vlm": Template(
        "Edit a photo, with a language model",
        "A language model looks at the photo, writes the caption and chooses the frame. Wan 2.2 14B.",
        WAN_14B,
        make_14b_models,
        PHOTO,
        "knock it over",
        "if_edit/with_vlm",
        with_vlm=True,
    ),
    "edit_region_of_photo": Template(
        "Edit one region of a large photo",
        "Only the part that you mark goes to the model, at its full resolution. Wan 2.2 14B.",
        WAN_14B,
        make_14b_models,
        PHOTO,
        "shatter the cup",
        "if_edit/region",
        region=True,
    ),
    "pick_the_frame": Template(
        "Choose the frame yourself",
        "All frames of the video side by side, with curves of what still changes. Embedded model, no GPU.",
        DEMO,
        make_demo_models,
        DEMO_PHOTO,
        "make the blue star bigger",
        "if_edit/pick_the_frame",
        all_frames=True,
    ),
}


# Where the nodes stand: (left, top, width, height), so that no wire runs through a node that it does not belong to.
PLACES: dict[str, Box] = {
    "models": (0, 0, 360),
    "photo": (0, 200, 360, 470),
    "caption": (0, 780, 360, 400),
    "vlm": (-480, 1560, 420, 260),
    "edit": (480, 310, 340, 270),
    "reasoning": (480, 1250, 340, 160),
    "selector": (940, 700, 600, 800),
    "finish": (1660, 310, 300, 240),
    "frames": (1660, 700, 320, 330),
    "measures": (1660, 1120, 320, 330),
    "candidates": (1660, 1540, 320, 330),
    "compare": (2080, 0, 480, 540),
    "result": (2080, 660, 480, 520),
}
REGION_PLACES: dict[str, Box] = {
    "photo": (0, 0, 360, 470),
    "models": (480, -200, 360),
    "fit": (480, 150, 360, 660),
    "caption": (480, 900, 360, 400),
    "edit": (960, 340, 340, 290),
    "selector": (1420, 760, 600, 800),
    "finish": (2140, 310, 300, 240),
    "frames": (2140, 760, 320, 330),
    "compare": (2560, 0, 480, 540),
    "result": (2560, 660, 480, 520),
}
SAMPLE_REGION = {"region_x": 150, "region_y": 30, "region_width": 330, "region_height": 330}  # the cup


def make_template(name: str, object_info: Mapping[str, dict]) -> dict:
    """The workflow of this template, as the browser saves it."""
    template = TEMPLATES_BY_NAME[name]
    family = template.family
    graph = Graph(name, object_info)
    place = REGION_PLACES if template.region else PLACES
    note = read_note(name)
    graph.add_note((-480, 0, 420, note_height(note)), note, "Start here", NOTE)
    models = graph.add_subgraph(template.make_models(graph), (*place["models"], 6 + 20 * (len(family.sockets) + 2)))
    photo = graph.add("LoadImage", place["photo"], "Source image", color=CHANGE_THIS, image=template.photo)
    vlm = graph.add("IFEdit_VLMFromServer", place["vlm"], "VLM from Server") if template.with_vlm else None
    fit = add_fit(graph, place["fit"], family, region=True, **SAMPLE_REGION) if template.region else None
    caption = graph.add(
        "IFEdit_TemporalCaption",
        place["caption"],
        "Instruction",
        color=CHANGE_THIS,
        instruction=template.instruction,
    )
    if vlm:
        graph.link(vlm, vlm.outputs[0].name, caption, "vlm")
        graph.link(photo, "IMAGE", caption, "image")
        reasoning = graph.add("PreviewAny", place["reasoning"], "Reasoning")
        graph.link(caption, "reasoning", reasoning, "source")
    edit = graph.add_subgraph(make_edit(graph, family, fitted=bool(fit), all_frames=template.all_frames), place["edit"])
    connect_models(graph, models, edit, family)
    if fit:
        graph.link(photo, "IMAGE", fit, "image")
        graph.link(photo, "MASK", fit, "mask")
        for output in ("image", "width", "height"):
            graph.link(fit, output, edit)
    else:
        graph.link(photo, "IMAGE", edit, "image")
    graph.link(caption, "caption", edit)
    selector = graph.add(
        "IFEdit_FrameSelector", place["selector"], "Frame Selector", method="language model" if vlm else "settled"
    )
    graph.link(edit, "frames", selector)
    if not fit:
        graph.link(edit, "image", selector, "source")
    if not template.all_frames:
        graph.link(edit, "frame_numbers", selector)
    if vlm:
        graph.link(vlm, vlm.outputs[0].name, selector, "vlm")
    if vlm or template.all_frames:
        graph.link(caption, "end_state", selector)
    finish = graph.add_subgraph(make_finish(graph, family), place["finish"])
    connect_models(graph, models, finish, family)
    graph.link(photo, "IMAGE", finish, "photo")
    graph.link(selector, "image", finish, "frame")
    graph.link(fit or edit, "image", finish, "fitted")
    graph.link(fit or edit, "fit", finish)
    compare = graph.add("IFEdit_CompareImages", place["compare"], "Before and After")
    graph.link(photo, "IMAGE", compare, "before")
    graph.link(finish, "image", compare, "after")
    result = graph.add("SaveImage", place["result"], "Result", filename_prefix=f"{template.folder}/edit")
    graph.link(finish, "image", result, "images")
    frames = graph.add("PreviewImage", place["frames"], "All frames")
    graph.link(selector, "collage", frames, "images")
    if template.all_frames:
        for output, title in (("measures", "Measures"), ("candidates", "Best frames")):
            shown = graph.add("PreviewImage", place[output], title)
            graph.link(selector, output, shown, "images")
    app = {
        "inputs": [
            [photo.id, "image"],
            *([[fit.id, "region"]] if fit else []),
            [caption.id, "instruction"],
            [edit.id, "seed"],
            [selector.id, "filmstrip"],
            [compare.id, "comparison"],
        ],
        "outputs": [compare.id, frames.id],
    }
    return graph.as_workflow({"ds": VIEW, "ifEditOpensAt": VIEW, "linearData": app})


def note_height(text: str) -> float:
    """What the text needs in a note of 420 pixels, about."""
    paragraphs = text.split("\n\n")
    return 40 + sum(10 + 15 * math.ceil(len(paragraph) / 66) for paragraph in paragraphs)


def read_note(name: str) -> str:
    return (NOTES / f"{name}.md").read_text(encoding="utf-8").strip()


def connect_models(graph: Graph, models: Node, target: Node, family: Family) -> None:
    for name in (*family.sockets, "clip", "vae"):
        graph.link(models, name, target)


# --- the blueprints -------------------------------------------------------------------------------------------------

EDIT_IMAGE, EDIT_REGION, REFINE_FRAME = "Edit Image (IF-Edit)", "Edit a Region (IF-Edit)", "Refine a Frame (IF-Edit)"
SEARCH = {
    EDIT_IMAGE: ["instruction edit", "edit photo", "image to video edit", "wan edit", "paste back", "qwen edit"],
    EDIT_REGION: ["inpaint crop", "crop and stitch", "region edit", "mask edit", "paste back"],
    REFINE_FRAME: ["sharpen", "deblur", "still video", "enhance frame", "restore"],
}
ABOUT = {
    EDIT_IMAGE: "Say what should happen in the photo: a Wan image-to-video model films it, and the frame in which it "
    "is done is chosen, refined, and pasted back into the photo.",
    EDIT_REGION: "As Edit Image, but only the region under the mask goes to the model, at its full resolution.",
    REFINE_FRAME: "Removes blur: Wan films the image as a perfectly still video, and the sharpest frame is kept.",
}


def make_edit_blueprint(name: str, object_info: Mapping[str, dict]) -> dict:
    """The whole chain as one node: a photo, a sentence and the models in, the edited photo out."""
    region = name == EDIT_REGION
    graph = Graph(name, object_info)
    chain = Subgraph(graph, name, ABOUT[name])
    caption = chain.add("IFEdit_TemporalCaption", (0, 400, 360, 400), "Instruction")
    edit = chain.add_subgraph(make_edit(chain, WAN_14B, region=region), (480, 0, 340, 270))
    chain.link(caption, "caption", edit)
    selector = chain.add("IFEdit_FrameSelector", (940, 300, 600, 800), "Frame Selector")
    chain.link(edit, "frames", selector)
    chain.link(edit, "frame_numbers", selector)
    chain.link(edit, "image", selector, "source")
    finish = chain.add_subgraph(make_finish(chain, WAN_14B), (1660, 0, 300, 240))
    chain.link(selector, "image", finish, "frame")
    chain.link(edit, "image", finish, "fitted")
    chain.link(edit, "fit", finish)
    chain.take("image", (edit, "image"), (finish, "photo"))
    if region:
        chain.take("mask", (edit, "mask"))
    for socket in (*WAN_14B.sockets, "clip", "vae"):
        chain.take(socket, (edit, socket), (finish, socket))
    chain.take("vlm", (caption, "vlm"))
    chain.show("instruction", (caption, "instruction"))
    for widget in ("resolution", "seed", "steps", "cfg"):
        chain.show(widget, (edit, widget))
    chain.give("image", finish)
    chain.give("frames", edit)
    chain.give("caption", caption)
    graph.add_subgraph(chain, (0, 0, 400, 400))
    return as_blueprint(graph)


def make_refine_blueprint(object_info: Mapping[str, dict]) -> dict:
    """An image of any size through the refiner, and back to its size."""
    graph = Graph(REFINE_FRAME, object_info)
    chain = Subgraph(graph, REFINE_FRAME, ABOUT[REFINE_FRAME])
    fit = chain.add("IFEdit_FitImageForWan", (0, 0, 320, 420), "Fit Image for Wan")
    refiner = chain.add("IFEdit_StillVideoRefiner", (420, 0, 380, 480), "Still-Video Refiner")
    chain.link(fit, "image", refiner)
    back = chain.add("IFEdit_RestoreEdit", (900, 0, 320, 300), "Back to its size", mode="whole image")
    chain.link(refiner, "image", back, "edited")
    chain.link(fit, "fit", back)
    chain.take("image", (fit, "image"), (back, "source"))
    for socket in (*WAN_14B.sockets, "clip", "vae"):
        chain.take(socket, (refiner, socket))
    chain.show("resolution", (fit, "resolution"))
    for widget in ("mode", "target", "seed", "steps", "cfg"):
        chain.show(widget, (refiner, widget))
    chain.give("image", back)
    chain.give("report", refiner)
    graph.add_subgraph(chain, (0, 0, 340, 300))
    return as_blueprint(graph)


def as_blueprint(graph: Graph) -> dict:
    about = {"BlueprintDescription": ABOUT[graph.name], "BlueprintSearchAliases": SEARCH[graph.name]}
    return graph.as_workflow(about)


# --- the files ------------------------------------------------------------------------------------------------------


def make_index() -> dict:
    """Titles and descriptions for the template browsers that show them; today's show the files' names."""
    templates = [
        {
            "name": name,
            "title": template.title,
            "description": template.description,
            "mediaType": "image",
            "mediaSubtype": "jpg",
            "thumbnailVariant": "compareSlider",  # name-1.jpg and name-2.jpg
        }
        for name, template in TEMPLATES_BY_NAME.items()
    ]
    return {"description": "Edit a photo by letting the edit happen, with a video model.", "templates": templates}


def as_text(workflow: dict) -> str:
    """Only ASCII: ComfyUI 0.3.75 reads blueprints with the encoding of the computer."""
    return json.dumps(workflow, indent=1, ensure_ascii=True) + "\n"


def make_files(object_info: Mapping[str, dict]) -> dict[str, str]:
    """The texts of all files, by their paths in the pack."""
    templates = {f"{name}.json": make_template(name, object_info) for name in TEMPLATES_BY_NAME}
    blueprints = {
        **{f"{name}.json": make_edit_blueprint(name, object_info) for name in (EDIT_IMAGE, EDIT_REGION)},
        f"{REFINE_FRAME}.json": make_refine_blueprint(object_info),
    }
    return {
        **{
            f"{TEMPLATES.name}/{name}": as_text(made)
            for name, made in {**templates, "index.json": make_index()}.items()
        },
        **{f"{BLUEPRINTS.name}/{name}": as_text(made) for name, made in blueprints.items()},
    }


def main() -> None:
    with Server(arguments=["--disable-api-nodes"]) as server:
        files = make_files(Client(server.url, server.check_alive).object_info())
    for name, text in files.items():
        path = PACK / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(name)


if __name__ == "__main__":
    main()
