"""Makes web/docs/*.webp, a picture of every node wired as people use it: python tools/run.py tools.make_help_pictures

Each help page shows the picture of its node. Needs the environment of `nox -s environment` and a browser, like
tests/test_browser.py; takes about a minute. Names on the command line make only those: ... IFEdit_FrameSelector
"""

import io
import shutil
import sys
from dataclasses import dataclass

from PIL import Image

from ..tests.support.comfy_page import NEWER_FRONTEND, ComfyPage, open_browser
from .comfyui import PACK, Server

WINDOW = {"width": 2200, "height": 1700}  # room for the largest graph at full size, beside ComfyUI's panels
LEFT, TOP = 120, 190  # pixels of the window where the graph begins
COLUMN_GAP, ROW_GAP, MARGIN = 70, 36, 26  # pixels
WIDEST, LARGEST = 1200, 60_000  # pixels, bytes
PHOTO = "photo.png"
INSTRUCTION = "make the blue star bigger"

NODES = {  # class, widgets
    "photo": ("LoadImage", {"image": PHOTO}),
    "demo": ("IFEdit_LoadDemoEditModel", {}),
    "shift": ("ModelSamplingSD3", {"shift": 3.0}),
    "fit": ("IFEdit_FitImageForWan", {"resolution": "custom", "megapixels": 0.016, "aspect": "square"}),
    "caption": ("IFEdit_TemporalCaption", {"instruction": INSTRUCTION}),
    "happens": ("CLIPTextEncode", {}),
    "avoid": ("CLIPTextEncode", {}),
    "start": ("IFEdit_StartImageToVideo", {"width": 128, "height": 128}),
    "sampler": ("IFEdit_EditSampler", {"cfg": 1.0, "control_after_generate": "fixed"}),
    "decode": ("IFEdit_DecodeKeyframes", {}),
    "selector": ("IFEdit_FrameSelector", {}),
    "collage": ("IFEdit_FrameCollage", {}),
    "page": ("PreviewImage", {}),
    "refiner": ("IFEdit_StillVideoRefiner", {"control_after_generate": "fixed"}),
    "composite": ("IFEdit_RestoreEdit", {}),
    "result": ("PreviewImage", {}),
    "compare": ("IFEdit_CompareImages", {}),
    "schedule": ("IFEdit_DropoutSchedule", {}),
    "second schedule": ("IFEdit_DropoutSchedule", {"sigma": 0.6, "keep": "first + settled"}),
    "first half": ("KSamplerAdvanced", {"end_at_step": 10, "return_with_leftover_noise": "enable"}),
    "dropout": ("IFEdit_TemporalLatentDropout", {}),
    "second half": ("KSamplerAdvanced", {"add_noise": "disable", "start_at_step": 10}),
    "encoder": ("CLIPLoader", {}),
    "vlm encoder": ("IFEdit_VLMFromTextEncoder", {}),
    "vlm folder": ("IFEdit_VLMFromTransformers", {}),
    "vlm server": ("IFEdit_VLMFromServer", {}),
}
LINKS = (  # from, output, to, input
    ("demo", "model", "shift", "model"),
    ("demo", "clip", "happens", "clip"),
    ("demo", "clip", "avoid", "clip"),
    ("demo", "vae", "start", "vae"),
    ("demo", "vae", "decode", "vae"),
    ("photo", "IMAGE", "fit", "image"),
    ("photo", "IMAGE", "caption", "image"),
    ("caption", "caption", "happens", "text"),
    ("happens", "CONDITIONING", "start", "positive"),
    ("avoid", "CONDITIONING", "start", "negative"),
    ("fit", "image", "start", "start_image"),
    ("fit", "width", "start", "width"),
    ("fit", "height", "start", "height"),
    ("shift", "MODEL", "sampler", "model_high_noise"),
    ("start", "positive", "sampler", "positive"),
    ("start", "negative", "sampler", "negative"),
    ("start", "latent", "sampler", "latent_image"),
    ("sampler", "latent", "decode", "samples"),
    ("decode", "images", "selector", "frames"),
    ("decode", "frame_numbers", "selector", "frame_numbers"),
    ("fit", "image", "selector", "source"),
    ("decode", "images", "collage", "frames"),
    ("decode", "frame_numbers", "collage", "frame_numbers"),
    ("fit", "image", "collage", "source"),
    ("selector", "frame_number", "collage", "chosen"),
    ("collage", "collage", "page", "images"),
    ("shift", "MODEL", "refiner", "model_high_noise"),
    ("demo", "clip", "refiner", "clip"),
    ("demo", "vae", "refiner", "vae"),
    ("selector", "image", "refiner", "image"),
    ("fit", "image", "refiner", "source"),
    ("photo", "IMAGE", "composite", "source"),
    ("refiner", "image", "composite", "edited"),
    ("fit", "fit", "composite", "fit"),
    ("composite", "image", "result", "images"),
    ("photo", "IMAGE", "compare", "before"),
    ("composite", "image", "compare", "after"),
)
OTHER_LINKS = (  # of nodes that stand in another's place
    ("schedule", "dropout", "second schedule", "previous"),
    ("second schedule", "dropout", "sampler", "dropout"),
    ("first half", "LATENT", "dropout", "latent"),
    ("shift", "MODEL", "first half", "model"),
    ("shift", "MODEL", "dropout", "model"),
    ("start", "positive", "first half", "positive"),
    ("start", "negative", "first half", "negative"),
    ("start", "positive", "dropout", "positive"),
    ("start", "negative", "dropout", "negative"),
    ("start", "latent", "first half", "latent_image"),
    ("dropout", "model", "second half", "model"),
    ("dropout", "positive", "second half", "positive"),
    ("dropout", "negative", "second half", "negative"),
    ("dropout", "latent", "second half", "latent_image"),
    ("encoder", "CLIP", "vlm encoder", "clip"),
    ("vlm encoder", "vlm", "caption", "vlm"),
    ("vlm folder", "vlm", "caption", "vlm"),
    ("vlm server", "vlm", "caption", "vlm"),
)


@dataclass(frozen=True)
class Picture:
    """What a page shows: nodes in columns, from left to right; if `runs`, after a run of the whole edit."""

    columns: tuple[tuple[str, ...], ...]
    runs: bool = False


PICTURES = {
    "IFEdit_LoadDemoEditModel": Picture((("demo",), ("shift", "happens", "avoid"), ("start",), ("sampler",))),
    "IFEdit_FitImageForWan": Picture((("photo",), ("fit",), ("start", "composite")), runs=True),
    "IFEdit_TemporalCaption": Picture((("photo",), ("caption",), ("happens",)), runs=True),
    "IFEdit_VLMFromTextEncoder": Picture((("encoder",), ("vlm encoder", "photo"), ("caption",), ("happens",))),
    "IFEdit_VLMFromTransformers": Picture((("vlm folder", "photo"), ("caption",), ("happens",))),
    "IFEdit_VLMFromServer": Picture((("vlm server", "photo"), ("caption",), ("happens",))),
    "IFEdit_StartImageToVideo": Picture((("happens", "avoid", "fit"), ("start",), ("sampler",)), runs=True),
    "IFEdit_EditSampler": Picture((("shift", "start"), ("sampler",), ("decode",)), runs=True),
    "IFEdit_DropoutSchedule": Picture((("schedule",), ("second schedule",), ("sampler",))),
    "IFEdit_TemporalLatentDropout": Picture((("start",), ("shift", "first half"), ("dropout",), ("second half",))),
    "IFEdit_DecodeKeyframes": Picture((("sampler",), ("decode",), ("selector",)), runs=True),
    "IFEdit_FrameSelector": Picture((("decode", "fit"), ("selector",), ("refiner",)), runs=True),
    "IFEdit_FrameCollage": Picture((("fit", "decode"), ("collage",), ("page",)), runs=True),
    "IFEdit_StillVideoRefiner": Picture((("shift", "selector"), ("refiner",), ("composite",)), runs=True),
    "IFEdit_RestoreEdit": Picture((("photo", "fit"), ("refiner",), ("composite",), ("result",)), runs=True),
    "IFEdit_CompareImages": Picture((("photo", "composite"), ("compare",)), runs=True),
}

BUILD = """async ([nodes, links, left, top]) => {
  await window.app.extensionManager.command.execute("Comfy.NewBlankWorkflow");
  const { graph, canvas } = window.app;
  const made = (window.helpNodes = {});
  for (const [name, type, values] of nodes) {
    const node = (made[name] = window.LiteGraph.createNode(type));
    node.pos = [600 * Object.keys(made).length, 0];
    graph.add(node);
    for (const [widget, value] of Object.entries(values)) {
      node.widgets.find((each) => each.name === widget).value = value;
    }
  }
  const place = (slots, name) => slots.findIndex((each) => each.name === name);
  for (const [from, output, to, input] of links) {
    made[from].connect(place(made[from].outputs, output), made[to], place(made[to].inputs, input));
  }
  canvas.ds.scale = 1;
  canvas.ds.offset = [left, top];
}"""
KEEP = """(names) => {
  for (const [name, node] of Object.entries(window.helpNodes)) {
    if (!names.includes(name)) window.app.graph.remove(node);
  }
  window.app.canvas.setDirty(true, true);
}"""
ARRANGE = """([columns, subject, columnGap, rowGap]) => {
  const { scale } = window.app.canvas.ds;
  const sizeOf = (node) => {
    const box = document.querySelector(`[data-node-id="${node.id}"]`).getBoundingClientRect();
    return [box.width / scale, box.height / scale];
  };
  let x = 0;
  for (const column of columns) {
    let y = 0;
    let widest = 0;
    for (const name of column) {
      const node = window.helpNodes[name];
      const [width, height] = sizeOf(node);
      node.pos = [x, y];
      y += height + rowGap;
      widest = Math.max(widest, width);
    }
    x += widest + columnGap;
  }
  Object.assign(window.helpNodes[subject], { color: "#7a5200", bgcolor: "#33291a" });
  window.app.canvas.setDirty(true, true);
}"""
BOX = """(margin) => {
  const boxes = [...document.querySelectorAll("[data-node-id]")].map((each) => each.getBoundingClientRect());
  const [left, top] = [Math.min(...boxes.map((box) => box.left)), Math.min(...boxes.map((box) => box.top))];
  const [right, bottom] = [Math.max(...boxes.map((box) => box.right)), Math.max(...boxes.map((box) => box.bottom))];
  const [x, y] = [left - margin, top - margin];
  return { x, y, width: right + margin - x, height: bottom + margin - y };
}"""


def main() -> None:
    chosen = sys.argv[1:] or list(PICTURES)
    with Server(arguments=["--disable-api-nodes", "--front-end-root", str(NEWER_FRONTEND)]) as server:
        shutil.copy(next(PACK.glob("demo/sample*.png")), server.base / "input" / PHOTO)
        with open_browser() as browser:
            page = browser.new_page(viewport=WINDOW)
            page.set_default_timeout(60_000)
            comfy = ComfyPage(page, server.url, server.base, vue=True)
            comfy.open()
            for node_id in chosen:
                data = take_picture(comfy, node_id, PICTURES[node_id])
                (PACK / "web" / "docs" / f"{node_id}.webp").write_bytes(data)
                print(f"web/docs/{node_id}.webp: {len(data) // 1000} kB", flush=True)


def take_picture(comfy: ComfyPage, node_id: str, picture: Picture) -> bytes:
    """The WebP file that shows these nodes, and nothing else of ComfyUI."""
    shown = [name for column in picture.columns for name in column]
    links = [link for link in LINKS if picture.runs] or [
        link for link in (*LINKS, *OTHER_LINKS) if link[0] in shown and link[2] in shown
    ]
    names = {name for link in links for name in (link[0], link[2])} | set(shown)
    nodes = [(name, *NODES[name]) for name in NODES if name in names]
    comfy.page.evaluate(BUILD, [nodes, links, LEFT, TOP])
    comfy.settle()
    if picture.runs:
        comfy.queue(timeout=300)  # once; ComfyUI has the results of the same graph
    comfy.page.evaluate(KEEP, shown)
    comfy.page.wait_for_timeout(1000)  # nodes grow as their pictures arrive
    subject = next(name for name in shown if NODES[name][0] == node_id)
    for _ in range(2):
        comfy.page.evaluate(ARRANGE, [picture.columns, subject, COLUMN_GAP, ROW_GAP])
        comfy.settle()
    comfy.page.mouse.move(WINDOW["width"] - 5, WINDOW["height"] // 2)
    screenshot = Image.open(io.BytesIO(comfy.page.screenshot(clip=comfy.page.evaluate(BOX, MARGIN)))).convert("RGB")
    return encode(screenshot)


def encode(picture: Image.Image) -> bytes:
    """The picture as WebP, as good as fits into the size that a help page may load."""
    if picture.width > WIDEST:
        size = WIDEST, round(picture.height * WIDEST / picture.width)
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    for quality in range(90, 20, -10):
        file = io.BytesIO()
        picture.save(file, "WEBP", quality=quality, method=6)
        if file.tell() <= LARGEST:
            break
    return file.getvalue()


if __name__ == "__main__":
    main()
