"""The measures over time, as a picture: one curve below the other, the chosen frame marked through all of them.

Drawn with Pillow alone, which ComfyUI always has, so that the page looks the same everywhere: dark as ComfyUI, in the
colors and words of the filmstrip (web/js/filmstrip.js), and large enough to be read in a node that is 512 pixels wide.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from PIL import Image, ImageDraw, ImageFont

from .collage import to_tensor
from .measures import Measures
from .settling import FLOOR

WIDTH = 1024  # pixels, as are all lengths here
MARGIN, TOP, TITLE, ROW, GAP, AXIS = 28, 62, 46, 96, 26, 58
TEXT, SMALL = 34, 26  # shown at half this size in a node of 512 pixels
FINER = 2  # drawn larger by this and then scaled down, which smooths the lines
PAPER, RULE, QUIET, ACCENT = (27, 28, 31), (72, 74, 80), (176, 178, 184), (255, 176, 0)
FILL = 0.22  # of a curve's color, below it
MOST_TICKS = 9
COLORS = {  # they stay apart for color-blind eyes (after Okabe and Ito)
    "change": (86, 180, 233),
    "motion": (230, 159, 0),
    "sharpness": (47, 192, 143),
    "drift": (204, 121, 167),
    "content": (170, 184, 204),
}


def curves(measures: Measures) -> dict[str, torch.Tensor]:
    """The measures scaled for drawing: each [N], 0..1, of which 1 is the largest value of the clip.

    Where all values are too small to be seen, the largest stays small, so that noise does not look like a change.
    """
    largest = {name: max(float(values.max()), least) for name, (values, least) in _values(measures).items()}
    return {name: (values / largest[name]).clamp(0, 1) for name, (values, _) in _values(measures).items()}


def plot_measures(measures: Measures, chosen: int | None, candidates: Sequence[int] = ()) -> torch.Tensor:
    """Draw the measures: [1, height, 1024, 3], 0..1.

    chosen: number of the frame that was taken, None for none. candidates: the numbers of the best frames, best first.
    """
    rows = curves(measures)
    height = 2 * MARGIN + TOP + len(rows) * (TITLE + ROW + GAP) - GAP + AXIS
    page = Image.new("RGB", (WIDTH * FINER, height * FINER), PAPER)
    drawing = _Drawing(page, measures.numbers)
    top = MARGIN + TOP
    drawing.names(candidates, chosen, top)
    for name, values in rows.items():
        drawing.title(top, name, _title(name), _unit(name, measures))
        top += TITLE
        drawing.candidates(candidates, chosen, top)
        drawing.row(top, name, values.tolist())
        if name == "change":
            largest = max(float(measures.remaining_change.max()), 2 * FLOOR)
            drawing.level(top, measures.settling.tolerance / largest, "done")
        if chosen is not None:
            drawing.chosen(chosen, top, float(values[measures.numbers.index(chosen)]))
        top += ROW + GAP
    drawing.axis(top - GAP)
    return to_tensor(page.resize((WIDTH, height), Image.Resampling.LANCZOS))


def _values(measures: Measures) -> dict[str, tuple[torch.Tensor, float]]:
    """Each measure, and the value that is drawn at full height if none is larger."""
    values = {
        "change": (measures.remaining_change, 2 * FLOOR),
        "motion": (measures.motion, 2 * FLOOR),
        "sharpness": (measures.sharpness, 1e-3),
        "drift": (measures.drift.total, 2.0),
    }
    return values if measures.content is None else values | {"content": (measures.content, 0.02)}


def _title(name: str) -> str:
    return {"change": "still to change", "content": "content still to change"}.get(name, name)


def _unit(name: str, measures: Measures) -> str:
    values, _ = _values(measures)[name]
    largest = float(values.max())
    return {
        "change": f"up to {largest:.2f} of 1",
        "motion": f"up to {largest:.3f} a frame",
        "sharpness": f"{100 * float(values.min()) / max(largest, 1e-9):.0f} % to 100 % of the sharpest",
        "drift": f"up to {largest:.1f} (1: just seen)",
        "content": f"up to {largest:.3f}",
    }[name]


class _Drawing:
    """Takes positions in pixels of the finished page."""

    def __init__(self, page: Image.Image, numbers: Sequence[int]):
        self.pen = ImageDraw.Draw(page)
        self.numbers = numbers
        self.left, self.right = MARGIN + 14, WIDTH - MARGIN - 14
        self.font, self.small = (ImageFont.load_default(size * FINER) for size in (TEXT, SMALL))

    def x(self, number: int) -> float:
        first, last = self.numbers[0], self.numbers[-1]
        return self.left + (self.right - self.left) * ((number - first) / (last - first) if last > first else 0.5)

    def line(self, points: Sequence[tuple[float, float]], color: tuple[int, int, int], width: float) -> None:
        at = [(x * FINER, y * FINER) for x, y in points]
        self.pen.line(at, fill=color, width=max(1, round(width * FINER)), joint="curve")

    def dot(self, x: float, y: float, radius: float, color: tuple[int, int, int]) -> None:
        box = [(x - radius) * FINER, (y - radius) * FINER, (x + radius) * FINER, (y + radius) * FINER]
        self.pen.ellipse(box, fill=color)

    def text(self, x: float, y: float, text: str, color: tuple[int, int, int], anchor: str, small: bool = True) -> None:
        self.pen.text((x * FINER, y * FINER), text, fill=color, font=self.small if small else self.font, anchor=anchor)

    def title(self, top: float, name: str, title: str, unit: str) -> None:
        self.text(MARGIN, top + TITLE / 2 - 2, title, COLORS[name], "lm", small=False)
        self.text(WIDTH - MARGIN, top + TITLE / 2 - 2, unit, QUIET, "rm")

    def row(self, top: float, name: str, values: list[float]) -> None:
        color, bottom = COLORS[name], top + ROW
        points = [(self.x(number), bottom - value * ROW) for number, value in zip(self.numbers, values, strict=True)]
        if len(points) > 1:
            below = tuple(round((1 - FILL) * paper + FILL * ink) for paper, ink in zip(PAPER, color, strict=True))
            area = [(points[0][0], bottom), *points, (points[-1][0], bottom)]
            self.pen.polygon([(x * FINER, y * FINER) for x, y in area], fill=below)
            self.line(points, color, 3)
        self.line([(self.left, bottom), (self.right, bottom)], RULE, 2)
        if len(points) <= 24:  # kept frames: what lies between is not known
            for x, y in points:
                self.dot(x, y, 5, color)

    def level(self, top: float, value: float, label: str) -> None:
        """A dashed line at this height of a row."""
        y = top + ROW * (1 - min(value, 1))
        x = self.left
        while x < self.right:
            self.line([(x, y), (min(x + 8, self.right), y)], QUIET, 2)
            x += 16
        self.text(self.right, y - 4, label, QUIET, "rb")

    def axis(self, bottom: float) -> None:
        step = -(-len(self.numbers) // MOST_TICKS)
        shown = list(range(0, len(self.numbers), step))
        if shown[-1] != len(self.numbers) - 1:
            shown = [place for place in shown if len(self.numbers) - 1 - place >= step] + [len(self.numbers) - 1]
        before = None
        for number in (self.numbers[place] for place in shown):
            x = self.x(number)
            if before is None or x - before >= 70:
                self.line([(x, bottom), (x, bottom + 8)], QUIET, 2)
                self.text(x, bottom + 14, str(number), QUIET, "ma")
                before = x

    def names(self, candidates: Sequence[int], chosen: int | None, top: float) -> None:
        """The frames that are marked, above the rows: the chosen one in full, the other candidates by their rank."""
        left, right = self.right, self.left
        if chosen is not None:
            label, x = f"frame {chosen}", self.x(chosen)
            half = self.pen.textlength(label, font=self.font) / FINER / 2
            middle = min(max(x, MARGIN + half), WIDTH - MARGIN - half)
            left, right = middle - half - 24, middle + half + 24
            self.text(middle, top - 14, label, ACCENT, "mb", small=False)
        for rank, number in enumerate(candidates, start=1):
            x = self.x(number)
            if number != chosen and not left < x < right:
                self.text(x, top - 14, f"{rank}.", QUIET, "mb")

    def candidates(self, numbers: Sequence[int], chosen: int | None, top: float) -> None:
        for number in numbers:
            if number != chosen:
                self.line([(self.x(number), top), (self.x(number), top + ROW)], RULE, 2)

    def chosen(self, number: int, top: float, value: float) -> None:
        x = self.x(number)
        self.line([(x, top), (x, top + ROW)], ACCENT, 3)
        self.dot(x, top + ROW * (1 - value), 7, ACCENT)
