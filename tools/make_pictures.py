"""Makes the README's pictures and the templates' thumbnails: python tools/run.py tools.make_pictures

Needs the environment of `nox -s environment`, like the edit itself.
"""

import io
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps
from scipy.ndimage import map_coordinates

from .client import Client, Progress, workflow_to_prompt
from .comfyui import PACK, Server
from .edit import SAMPLE, WORKFLOW, fill_in, read_image
from .make_workflows import TEMPLATES_BY_NAME

PAPER, INK = "#faf9f5", "#1a1a1a"
SIDE, ROW_SIDE = 384, 288  # of the pictures in the thumbnails, and in the README's row
PHOTOS = PACK / "tests" / "photos"
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


# --- the templates' thumbnails --------------------------------------------------------------------------------------
# The large models cannot run where these pictures are made, so what they would do is drawn, and called simulated.


def read_photo(name: str) -> Image.Image:
    """The photo's middle, square."""
    photo = Image.open(PHOTOS / f"{name}.jpg").convert("RGB")
    return ImageOps.fit(photo, (SIDE, SIDE), Image.Resampling.LANCZOS)


def open_flower(photo: Image.Image, middle=(190, 190), radius: float = 190.0, by: float = 1.5) -> Image.Image:
    """What is around the middle, enlarged; less and less towards the radius."""
    pixels = np.asarray(photo, dtype=np.float32)  # [H, W, 3]
    rows, columns = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    away = np.hypot(columns - middle[0], rows - middle[1]) / radius
    scale = np.where(away < 1, 1 / by + (1 - 1 / by) * np.clip(away, 0, 1) ** 2, 1)
    places = [middle[1] + (rows - middle[1]) * scale, middle[0] + (columns - middle[0]) * scale]
    return Image.fromarray(
        np.stack([map_coordinates(pixels[..., band], places, order=1) for band in range(3)], -1).astype(np.uint8)
    )


def let_dusk_fall(photo: Image.Image) -> Image.Image:
    """Darker, and blue."""
    darker = ImageEnhance.Brightness(photo).enhance(0.45)
    return Image.blend(darker, Image.new("RGB", photo.size, "#1b2a5c"), 0.35)


def let_it_snow(photo: Image.Image) -> Image.Image:
    """Flakes of several sizes, and pale air."""
    snowy = Image.blend(photo, Image.new("RGB", photo.size, "#dfe6ee"), 0.3)
    draw, random = ImageDraw.Draw(snowy), np.random.default_rng(3)
    for x, y, size in zip(*random.uniform(0, SIDE, (2, 420)), random.choice([1, 1.5, 2.5], 420), strict=True):
        draw.ellipse((x - size, y - size, x + size, y + size), "white")
    return snowy


def fill_with_milk(photo: Image.Image, at=(118, 84, 272, 172)) -> Image.Image:
    """The coffee in the cup, white."""
    mask = Image.new("L", photo.size, 0)
    ImageDraw.Draw(mask).ellipse(at, 235)
    mask = mask.filter(ImageFilter.GaussianBlur(3))
    return Image.composite(Image.new("RGB", photo.size, "#f3ead9"), photo, mask)


def mark_region(photo: Image.Image, box=(88, 56, 304, 200)) -> Image.Image:
    marked = photo.copy()
    ImageDraw.Draw(marked).rectangle(box, outline="#ffb000", width=4)
    return marked


def show_frames(frames: dict[str, Image.Image]) -> Image.Image:
    """Four frames of the video, the last one framed as chosen."""
    sheet = Image.new("RGB", (SIDE, SIDE), PAPER)
    shown, half = list(frames.items())[-4:], SIDE // 2
    for place, (_, frame) in enumerate(shown):
        corner = (place % 2 * half, place // 2 * half)
        sheet.paste(frame.resize((half - 4, half - 4), Image.Resampling.LANCZOS), (corner[0] + 2, corner[1] + 2))
    ImageDraw.Draw(sheet).rectangle((half, half, SIDE - 1, SIDE - 1), outline="#ffb000", width=5)
    return sheet


def template_pairs(
    source: Image.Image, result: Image.Image, frames: dict[str, Image.Image]
) -> dict[str, tuple[Image.Image, Image.Image, str]]:
    """What each template's thumbnail shows: before, after, and a note."""
    flower, pagoda, man, coffee = (read_photo(name) for name in ("flower", "china", "camera", "coffee"))
    simulated, embedded = "simulated", "the embedded model"
    return {
        "edit_image_demo": (source, result, embedded),
        "edit_image_wan2.2_14B": (flower, open_flower(flower), simulated),
        "edit_image_wan2.2_5B": (pagoda, let_dusk_fall(pagoda), simulated),
        "edit_image_with_vlm": (man, let_it_snow(man), simulated),
        "edit_region_of_photo": (mark_region(coffee), fill_with_milk(coffee), simulated),
        "pick_the_frame": (source, show_frames(frames), embedded),
    }


def save_thumbnails(source: Image.Image, result: Image.Image, frames: dict[str, Image.Image]) -> None:
    """name.jpg for today's template browsers, which show neither title nor description; name-1 and -2 for a slider."""
    for name, (before, after, note) in template_pairs(source, result, frames).items():
        path = PACK / "example_workflows" / f"{name}.jpg"
        pair = beside([image.resize((SIDE, SIDE), Image.Resampling.LANCZOS) for image in (before, after)], gap=12)
        page = Image.new("RGB", (pair.width, pair.height + 96), PAPER)
        page.paste(pair, (0, 84))
        draw = ImageDraw.Draw(page)
        draw.text((page.width / 2, 48), TEMPLATES_BY_NAME[name].title, INK, ImageFont.load_default(38), anchor="mm")
        draw.text((page.width / 2, page.height - 14), note, INK, ImageFont.load_default(20), anchor="mm")
        page.save(path, quality=82)
        for number, image in enumerate((before, after), 1):
            side = image.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
            side.save(path.with_name(f"{name}-{number}.jpg"), quality=82)


# --- what the registry shows ----------------------------------------------------------------------------------------

ICON_SIDE, BANNER_SIZE = 400, (2100, 900)  # the registry takes icons up to 400 px, and banners of 21:9
WALL, STAR, STAR_EDGE = "#7b858f", "#2450d8", "#14319a"  # the colors of the sample
SMOOTH = 4  # pixels drawn for one, across


def draw_star(draw: ImageDraw.ImageDraw, middle: tuple[float, float], radius: float, fill: str, edge: int) -> None:
    """A star of five points with a dark edge, one point up."""
    corners = []
    for corner in range(10):
        angle, length = math.pi * (corner / 5 - 0.5), radius * (0.5 if corner % 2 else 1)
        corners.append((middle[0] + length * math.cos(angle), middle[1] + length * math.sin(angle)))
    draw.polygon(corners, fill)
    draw.line([*corners, *corners[:2]], STAR_EDGE, edge, joint="curve")


def make_icon() -> Image.Image:
    """The edit of the sample, in two stars: a small one becomes a large one."""
    side = ICON_SIDE * SMOOTH
    icon = Image.new("RGBA", (side, side))
    draw = ImageDraw.Draw(icon)
    draw.rounded_rectangle((0, 0, side - 1, side - 1), side * 0.2, WALL)
    draw_star(draw, (side * 0.2, side * 0.78), side * 0.15, PAPER, side // 50)
    draw_star(draw, (side * 0.59, side * 0.43), side * 0.36, STAR, side // 50)
    return icon.resize((ICON_SIDE, ICON_SIDE), Image.Resampling.LANCZOS)


def make_banner(row: Image.Image) -> Image.Image:
    """The README's row of pictures under the name of the pack."""
    width, height = BANNER_SIZE
    banner = Image.new("RGB", BANNER_SIZE, PAPER)
    draw = ImageDraw.Draw(banner)
    icon = make_icon().resize((190, 190), Image.Resampling.LANCZOS)
    banner.paste(icon, (72, 78), icon)
    draw.text((310, 138), "IF-Edit", INK, ImageFont.load_default(116), anchor="lm")
    draw.text((310, 232), "Edit a photo by letting the edit happen", INK, ImageFont.load_default(56), anchor="lm")
    shown = row.resize((width - 80, round((width - 80) * row.height / row.width)), Image.Resampling.LANCZOS)
    banner.paste(shown, (40, height - shown.height - 48))
    return banner


def save_registry_pictures() -> None:
    """Writes docs/icon.png and docs/banner.png; the banner shows docs/edit.png."""
    docs = PACK / "docs"
    make_icon().save(docs / "icon.png", optimize=True)
    make_banner(Image.open(docs / "edit.png").convert("RGB")).save(docs / "banner.png", optimize=True)


def save_edit(result: Image.Image, frames: dict[str, Image.Image]) -> None:
    """Writes the README's row of pictures, and the templates' thumbnails."""
    source = Image.open(SAMPLE).convert("RGB")
    later = [(f"frame {number}", frame) for number, frame in frames.items() if number != "0"]
    row = [with_label(image, label, ROW_SIDE) for label, image in [("source", source), *later, ("result", result)]]
    beside(row, gap=16).save(PACK / "docs" / "edit.png", optimize=True)
    save_thumbnails(source, result, frames)


def main() -> None:
    (PACK / "docs").mkdir(exist_ok=True)
    save_edit(*edit_sample())
    save_registry_pictures()
    compositing_page().save(PACK / "docs" / "composited.jpg", quality=88)
    print("docs/edit.png, icon.png, banner.png, composited.jpg and the thumbnails in example_workflows/ are made")


if __name__ == "__main__":
    main()
