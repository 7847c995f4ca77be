"""Makes the README's pictures and the workflows' thumbnails from a real edit: python -m tools.make_pictures

Needs the environment of `nox -s environment`, like the edit itself.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from .comfyui import PACK
from .edit import SAMPLE, edit

PAPER, INK = "#faf9f5", "#1a1a1a"
WITH_EMBEDDED_MODEL = ("edit_image_demo", "pick_the_frame")
SIDE = 384  # of the source and the result in the pictures
COMPOSITED = (
    "chelsea-pasted-photo",
    "astronaut-removed-photo",
    "flower-pasted-photo",
)  # of research.benchmarks.compositing
COLUMNS = ("photo", "edited, blurred, drifted", "composited", "taken from the edit")


def with_label(image: Image.Image, label: str) -> Image.Image:
    """The image at SIDE x SIDE under its label, on paper."""
    framed = Image.new("RGB", (SIDE, SIDE + 48), PAPER)
    font = ImageFont.load_default(30)
    ImageDraw.Draw(framed).text((SIDE / 2, 22), label, INK, font, anchor="mm")
    framed.paste(image.resize((SIDE, SIDE), Image.Resampling.LANCZOS), (0, 48))
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


def main() -> None:
    compositing_page().save(PACK / "docs" / "composited.jpg", quality=88)
    with tempfile.TemporaryDirectory() as folder:
        result_path, collage_path = edit(None, None, None, Path(folder))
        result, collage = (Image.open(path).convert("RGB") for path in (result_path, collage_path))
    source = Image.open(SAMPLE).convert("RGB")
    (PACK / "docs").mkdir(exist_ok=True)
    beside([collage, with_label(result, "result")], gap=8).save(PACK / "docs" / "edit.png", optimize=True)
    pair = beside([with_label(source, "source"), with_label(result, "result")])
    for workflow in sorted((PACK / "workflows").glob("*.json")):
        thumbnail = pair.copy()
        if workflow.stem not in WITH_EMBEDDED_MODEL:  # the large models cannot run where these pictures are made
            note = "this picture: the embedded model"
            ImageDraw.Draw(thumbnail).text(
                (pair.width / 2, pair.height - 14), note, INK, ImageFont.load_default(18), anchor="mm"
            )
        thumbnail.save(workflow.with_suffix(".jpg"), quality=88)
    print("docs/edit.png, docs/composited.jpg and the thumbnails in workflows/ are made")


if __name__ == "__main__":
    main()
