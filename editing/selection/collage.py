"""The frame collage: the source on top, the numbered candidates below, on one page.

Frame2Frame (arXiv 2411.16819, section 3.3) shows such a page to a vision-language model, which answers with a number.
People see the same page, and save it to show the edit. Numbers therefore stand above the pictures, never on them, and
grow with the pictures, so that they can still be read when the page is shrunk.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from ..images import as_rgb, position_of_frame
from ..parallel import in_parallel

PAPER = (250, 249, 246)
INK = (28, 30, 34)
RULE = (222, 220, 214)
ACCENT = (200, 62, 20)
SMALLEST_CELL = 24  # pixels, longer side of a candidate
USEFUL_CELL = 256  # smaller frames are enlarged up to this, larger ones never
HEADER_SCALE = 1.5  # the source is shown this much larger than a candidate
ROWS_AT_A_TIME = 16


def frame_collage(
    source: torch.Tensor | None,
    frames: torch.Tensor,
    numbers: Sequence[int],
    max_side: int = 1536,
    chosen: int | None = None,
) -> torch.Tensor:
    """Draw the page: [1, height, width, 3], 0..1, neither side above `max_side` pixels.

    source [1, H, W, C] or None; of a batch the first image is shown. frames [N, H, W, C] with their original `numbers`,
    in as many columns as make them largest. `chosen`, the number of a frame, is framed and also shown beside the
    source.

    Raises ValueError for images that are none, for a count of numbers that is not N, and for a chosen number that is
    not there.
    """
    frames = as_rgb(frames, "frames")
    if len(numbers) != len(frames):
        raise ValueError(
            f"The collage needs one number for each frame, got {len(numbers)} numbers for {len(frames)} frames."
        )
    before = None if source is None else pictures_of(as_rgb(source[:1], "source"))[0]
    return to_tensor(collage_page(before, pictures_of(frames), numbers, max_side, chosen))


def collage_page(
    source: Image.Image | None,
    pictures: Sequence[Image.Image],
    numbers: Sequence[int],
    max_side: int = 1536,
    chosen: int | None = None,
) -> Image.Image:
    """`frame_collage` of pictures that are in Pillow's form already."""
    pick = None if chosen is None else position_of_frame(chosen, list(numbers))
    header = []
    if source is not None:
        header.append((source, "source"))
        if pick is not None:
            header.append((pictures[pick], f"frame {chosen}"))
    page = _draw(_best_layout(header, pictures, max_side), header, pictures, numbers, pick)
    if max(page.size) > max_side:
        page.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
    return page


def pictures_of(frames: torch.Tensor) -> list[Image.Image]:
    """RGB frames [N, H, W, 3], 0..1, as pictures of Pillow."""
    return in_parallel(_picture, frames)


def to_tensor(page: Image.Image) -> torch.Tensor:
    """A picture of Pillow as [1, height, width, 3], 0..1."""
    return torch.from_numpy(np.asarray(page, dtype=np.float32) / 255)[None]


def shrink(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The picture at another size; where it gets much smaller, whole pixels are averaged first, which is fast."""
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def _picture(image: torch.Tensor) -> Image.Image:
    values = image.numpy()
    steps = np.empty(values.shape, dtype=np.uint8)
    part = np.empty((ROWS_AT_A_TIME, *values.shape[1:]), dtype=np.float32)  # small: stays in the processor's cache
    for top in range(0, len(steps), ROWS_AT_A_TIME):
        rows = values[top : top + ROWS_AT_A_TIME]
        scaled = np.multiply(rows, np.float32(255), out=part[: len(rows)])
        steps[top : top + ROWS_AT_A_TIME] = np.add(scaled, np.float32(0.5), out=scaled)
    return Image.fromarray(steps)


def _fit(picture: Image.Image, side: float) -> tuple[int, int]:
    """Width and height of the picture when its longer side is `side` pixels."""
    scale = side / max(picture.size)
    return max(1, round(picture.width * scale)), max(1, round(picture.height * scale))


@dataclass(frozen=True)
class _Layout:
    """Everything on the page, in pixels; all of it follows from the longer side of a candidate."""

    side: int
    shown: tuple[int, int]
    header: tuple[tuple[int, int], ...]
    columns: int
    rows: int

    @property
    def text(self) -> int:
        return max(12, round(0.13 * self.side))

    @property
    def label(self) -> int:
        return round(1.4 * self.text)

    @property
    def gap(self) -> int:
        return max(4, round(0.06 * self.side))

    @property
    def margin(self) -> int:
        return 2 * self.gap

    @property
    def line(self) -> int:
        return max(2, round(0.016 * self.side))

    @property
    def column(self) -> int:
        """A column is never narrower than a number of four digits."""
        return max(self.shown[0], round(2.6 * self.text))

    @property
    def between(self) -> int:
        """From the source to the choice, with room for the arrow."""
        return 5 * self.gap

    @property
    def grid_width(self) -> int:
        return self.columns * (self.column + self.gap) - self.gap

    @property
    def header_width(self) -> int:
        return sum(width for width, _ in self.header) + self.between * (len(self.header) - 1) if self.header else 0

    @property
    def grid_top(self) -> int:
        """The header takes its label, its pictures and a dividing line with a gap on both sides."""
        if not self.header:
            return self.margin
        return self.margin + self.label + max(height for _, height in self.header) + 3 * self.gap

    @property
    def size(self) -> tuple[int, int]:
        width = max(self.grid_width, self.header_width, 4 * self.text if self.header else 0) + 2 * self.margin
        row = self.label + self.shown[1] + self.gap
        return width, self.grid_top + self.rows * row - self.gap + self.margin


def _layout(header: list, pictures: Sequence[Image.Image], columns: int, side: int) -> _Layout:
    sizes = tuple(_fit(picture, side * HEADER_SCALE) for picture, _ in header)
    return _Layout(side, _fit(pictures[0], side), sizes, columns, -(-len(pictures) // columns))


def _best_layout(header: list, pictures: Sequence[Image.Image], max_side: int) -> _Layout:
    """Largest pictures first, then the fewest empty places, then the page nearest to 4:3."""

    def rank(layout: _Layout) -> tuple[int, int, float]:
        empty = layout.columns * layout.rows - len(pictures)
        width, height = layout.size
        return -layout.side, empty, abs(math.log(width / height * 3 / 4))

    return min((_largest_layout(header, pictures, count, max_side) for count in range(1, len(pictures) + 1)), key=rank)


def _largest_layout(header: list, pictures: Sequence[Image.Image], columns: int, max_side: int) -> _Layout:
    """The largest side that keeps the page within max_side, by bisection."""
    small, large = SMALLEST_CELL, max(USEFUL_CELL, *pictures[0].size)
    while small < large:
        side = (small + large + 1) // 2
        fits = max(_layout(header, pictures, columns, side).size) <= max_side
        small, large = (side, large) if fits else (small, side - 1)
    return _layout(header, pictures, columns, small)


def _draw(
    layout: _Layout, header: list, pictures: Sequence[Image.Image], numbers: Sequence[int], pick: int | None
) -> Image.Image:
    page = Image.new("RGB", layout.size, PAPER)
    pen = ImageDraw.Draw(page)
    font = ImageFont.load_default(layout.text)

    def put(picture: Image.Image, size: tuple[int, int], centre: float, top: int, label: str, framed: bool) -> None:
        """The label line starts at `top`, the picture below it."""
        left, picture_top = round(centre - size[0] / 2), top + layout.label
        if framed:
            edge = layout.line
            box = (left - edge, picture_top - edge, left + size[0] + edge - 1, picture_top + size[1] + edge - 1)
            pen.rectangle(box, fill=ACCENT)
        pen.text((centre, top + 0.62 * layout.text), label, fill=ACCENT if framed else INK, font=font, anchor="mm")
        page.paste(picture if picture.size == size else shrink(picture, size), (left, picture_top))

    if header:
        tallest = max(height for _, height in layout.header)
        left = (page.width - layout.header_width) / 2
        for place, ((picture, label), size) in enumerate(zip(header, layout.header, strict=True)):
            top = layout.margin + tallest - size[1]
            put(picture, size, left + size[0] / 2, top, label, framed=place == 1)
            left += size[0] + layout.between
        if len(header) == 2:
            tip = page.width / 2 - layout.header_width / 2 + layout.header[0][0] + 0.75 * layout.between
            _arrow(pen, tip, layout.margin + layout.label + tallest / 2, layout)
        rule = layout.grid_top - layout.gap * 3 // 2
        pen.line([(layout.margin, rule), (page.width - layout.margin, rule)], fill=RULE, width=max(1, layout.line // 3))
    grid_left = (page.width - layout.grid_width) / 2
    for place, picture in enumerate(in_parallel(lambda picture: shrink(picture, layout.shown), pictures)):
        row, column = divmod(place, layout.columns)
        centre = grid_left + column * (layout.column + layout.gap) + layout.column / 2
        top = layout.grid_top + row * (layout.label + layout.shown[1] + layout.gap)
        put(picture, layout.shown, centre, top, str(numbers[place]), framed=place == pick)
    return page


def _arrow(pen: ImageDraw.ImageDraw, tip: float, middle: float, layout: _Layout) -> None:
    """From the source to the choice, half as long as the space between them."""
    head = 0.9 * layout.gap
    pen.line([(tip - layout.between / 2, middle), (tip - head, middle)], fill=INK, width=layout.line)
    pen.polygon([(tip, middle), (tip - head, middle - head * 0.7), (tip - head, middle + head * 0.7)], fill=INK)
