"""Makes the README's pictures and the workflows' thumbnails from a real edit: python -m tools.make_pictures

Needs the environment of `nox -s environment`, like the edit itself.
"""

import io
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from .client import Client, Progress, workflow_to_prompt
from .comfyui import PACK, Server
from .edit import SAMPLE, WORKFLOW, fill_in, read_image

PAPER, INK = "#faf9f5", "#1a1a1a"
WITH_EMBEDDED_MODEL = ("edit_image_demo", "pick_the_frame")
SIDE, ROW_SIDE = 384, 288  # of the pictures in the thumbnails, and in the README's row
COMPOSITED = ("chelsea-pasted-photo", "astronaut-removed-photo", "flower-pasted-photo")  # of benchmarks.compositing
COLUMNS = ("photo", "simulated edit", "composited", "taken from the edit")


def with_label(image: Image.Image, label: str, side: int = SIDE) -> Image.Image:
    """The image at side x side under its label, on paper."""
    framed = Image.new("RGB", (side, side + 48), PAPER)
    font = ImageFont.load_default(30)
    ImageDraw.Draw(framed).text((side / 2, 22), label, INK, font, anchor="mm")
    framed.paste(image.resize((side, side), Image.Resampling.LANCZOS), (0, 48))
    return framed


def beside(images: list[Image.Image], gap: int = 28) -> Image.Image:
    """The images in a row, centred, on paper."""
    height = max(image.height for image in images) + 2 * gap
    row = Image.new("RGB", (sum(image.width + gap for image in images) + gap, height), PAPER)
    left = gap
    for image in images:
        row.paste(image, (left, (height - image.height) // 2))
        left += image.width + gap
    return row


def edit_sample() -> tuple[Image.Image, dict[str, Image.Image]]:
    """What `nox -s edit` makes of the sample, and the video's decoded frames by their numbers."""
    workflow = json.loads(WORKFLOW.read_text(encoding="utf-8"))
    with Server(arguments=["--disable-api-nodes"]) as server:
        client = Client(server.url, server.check_alive)
        prompt = workflow_to_prompt(workflow, client.object_info())
        fill_in(prompt, client.upload_image(read_image(SAMPLE), "source.png"), None, None)
        decoder = next(key for key, node in prompt.items() if node["class_type"] == "IFEdit_DecodeKeyframes")
        for title, kind, name, output in (
            ("Frames", "PreviewImage", "images", 0),
            ("Numbers", "PreviewAny", "source", 1),
        ):
            prompt[title] = {"class_type": kind, "inputs": {name: [decoder, output]}, "_meta": {"title": title}}
        outputs = client.run(prompt, Progress())

        def images(title: str) -> list[Image.Image]:
            return [Image.open(io.BytesIO(client.fetch(one))).convert("RGB") for one in outputs.images(title)]

        numbers = outputs.of("Numbers")["text"][0].split(", ")
        return images("Result")[0], dict(zip(numbers, images("Frames"), strict=True))


def compositing_page(width: int = 288, gap: int = 8) -> Image.Image:
    """Photos before an edit, the damaged edit, what Composite Edit makes of it, and its mask, with COLUMNS as heads."""
    with tempfile.TemporaryDirectory() as folder:
        script = [str(PACK / "tools" / "run.py"), "research.benchmarks.compositing", "--no-speed", "--pictures", folder]
        subprocess.run([sys.executable, *script], check=True, stdout=subprocess.DEVNULL)
        strips = [Image.open(Path(folder) / f"{name}.jpg").convert("RGB") for name in COMPOSITED]
    rows = []
    for strip in strips:
        side = strip.width // 5  # the last is the true mask
        cells = [strip.crop((side * place, 0, side * (place + 1), strip.height)) for place in range(len(COLUMNS))]
        rows.append([cell.resize((width, width * cell.height // side), Image.Resampling.LANCZOS) for cell in cells])
    head = 34
    page = Image.new(
        "RGB", (len(COLUMNS) * (width + gap) + gap, head + sum(row[0].height + gap for row in rows)), PAPER
    )
    for place, label in enumerate(COLUMNS):
        middle = gap + place * (width + gap) + width / 2
        ImageDraw.Draw(page).text((middle, head / 2), label, INK, ImageFont.load_default(18), anchor="mm")
    top = head
    for row in rows:
        for place, cell in enumerate(row):
            page.paste(cell, (gap + place * (width + gap), top))
        top += row[0].height + gap
    return page


def save_edit(result: Image.Image, frames: dict[str, Image.Image]) -> None:
    """Writes the README's row of pictures, and the workflows' thumbnails."""
    source = Image.open(SAMPLE).convert("RGB")
    later = [(f"frame {number}", frame) for number, frame in frames.items() if number != "0"]
    row = [with_label(image, label, ROW_SIDE) for label, image in [("source", source), *later, ("result", result)]]
    beside(row, gap=16).save(PACK / "docs" / "edit.png", optimize=True)
    pair = beside([with_label(source, "source"), with_label(result, "result")])
    for workflow in sorted((PACK / "example_workflows").glob("*.json")):
        thumbnail = pair.copy()
        if workflow.stem not in WITH_EMBEDDED_MODEL:  # the large models cannot run where these pictures are made
            note = "this picture: the embedded model"
            ImageDraw.Draw(thumbnail).text(
                (pair.width / 2, pair.height - 14), note, INK, ImageFont.load_default(18), anchor="mm"
            )
        thumbnail.save(workflow.with_suffix(".jpg"), quality=88)


def main() -> None:
    (PACK / "docs").mkdir(exist_ok=True)
    save_edit(*edit_sample())
    compositing_page().save(PACK / "docs" / "composited.jpg", quality=88)
    print("docs/edit.png, docs/composited.jpg and the thumbnails in example_workflows/ are made")


if __name__ == "__main__":
    main()
