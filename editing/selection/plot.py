"""The measures over time, as a picture: one curve below the other, the chosen frame marked through all of them.

Drawn with Pillow alone, which ComfyUI always has, so that the page looks the same everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from PIL import Image, ImageDraw, ImageFont

from .collage import ACCENT, PAPER, RULE, to_tensor
from .measures import Measures
from .settling import FLOOR

WIDTH = 1024  # pixels, as are all lengths here
MARGIN, LABELS, TOP, ROW, GAP, AXIS = 28, 172, 46, 92, 22, 40
TEXT, SMALL = 19, 14
FINER = 2  # drawn larger by this and then scaled down, which smooths the lines
QUIET = (122, 122, 118)
MOST_TICKS = 9
COLORS = {
    "change": (38, 102, 168),
    "motion": (20, 128, 110),
    "sharpness": (120, 78, 160),
    "drift": (150, 104, 16),
    "content": (86, 96, 110),
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
    height = 2 * MARGIN + TOP + len(rows) * (ROW + GAP) - GAP + AXIS
    page = Image.new("RGB", (WIDTH * FINER, height * FINER), PAPER)
    drawing = _Drawing(page, measures.numbers)
    top = MARGIN + TOP
    bottom = top + len(rows) * (ROW + GAP) - GAP
    drawing.candidates(candidates, chosen, top, bottom)
    for name, values in rows.items():
        drawing.row(top, name, _title(name), _unit(name, measures), values.tolist())
        if name == "change":
            largest = max(float(measures.remaining_change.max()), 2 * FLOOR)
            drawing.level(top, measures.settling.tolerance / largest, "done")
        top += ROW + GAP
    drawing.axis(bottom)
    if chosen is not None:
        place = measures.numbers.index(chosen)
        drawing.chosen(chosen, MARGIN, bottom, [float(values[place]) for values in rows.values()])
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
    return {"change": "remaining change", "content": "remaining content"}.get(name, name)


def _unit(name: str, measures: Measures) -> str:
    largest = float(_values(measures)[name][0].max())
    return {
        "change": f"up to {largest:.2f} of 1",
        "motion": f"up to {largest:.3f} a frame",
        "sharpness": f"up to {largest:.3g}",
        "drift": f"up to {largest:.1f} (1: just seen)",
        "content": f"up to {largest:.3f}",
    }[name]


class _Drawing:
    """Takes positions in pixels of the finished page."""

    def __init__(self, page: Image.Image, numbers: Sequence[int]):
        self.pen = ImageDraw.Draw(page)
        self.numbers = numbers
        self.left, self.right = MARGIN + LABELS, WIDTH - MARGIN - 14
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

    def row(self, top: float, name: str, title: str, unit: str, values: list[float]) -> None:
        color, bottom = COLORS[name], top + ROW
        self.text(MARGIN, top + ROW / 2 - 11, title, color, "lm", small=False)
        self.text(MARGIN, top + ROW / 2 + 12, unit, QUIET, "lm")
        self.line([(self.left, bottom), (self.right, bottom)], RULE, 1)
        points = [(self.x(number), bottom - value * ROW) for number, value in zip(self.numbers, values, strict=True)]
        if len(points) > 1:
            light = tuple(round(0.86 * paper + 0.14 * ink) for paper, ink in zip(PAPER, color, strict=True))
            area = [(points[0][0], bottom), *points, (points[-1][0], bottom)]
            self.pen.polygon([(x * FINER, y * FINER) for x, y in area], fill=light)
            self.line([(self.left, bottom), (self.right, bottom)], RULE, 1)
            self.line(points, color, 2)
        if len(points) <= 24:  # kept frames: what lies between is not known
            for x, y in points:
                self.dot(x, y, 3.5, color)

    def level(self, top: float, value: float, label: str) -> None:
        """A dashed line at this height of a row."""
        y = top + ROW * (1 - min(value, 1))
        x = self.left
        while x < self.right:
            self.line([(x, y), (min(x + 6, self.right), y)], QUIET, 1)
            x += 12
        self.text(self.right, y - 3, label, QUIET, "rb")

    def axis(self, bottom: float) -> None:
        step = -(-len(self.numbers) // MOST_TICKS)
        shown = list(range(0, len(self.numbers), step))
        if shown[-1] != len(self.numbers) - 1:
            shown = [place for place in shown if len(self.numbers) - 1 - place >= step] + [len(self.numbers) - 1]
        before = None
        for number in (self.numbers[place] for place in shown):
            x = self.x(number)
            if before is None or x - before >= 34:
                self.line([(x, bottom), (x, bottom + 6)], QUIET, 1)
                self.text(x, bottom + 10, str(number), QUIET, "ma")
                before = x
        self.text(MARGIN, bottom + 10, "frame", QUIET, "la")

    def candidates(self, numbers: Sequence[int], chosen: int | None, top: float, bottom: float) -> None:
        for rank, number in enumerate(numbers, start=1):
            if number != chosen:
                x = self.x(number)
                self.line([(x, top - 8), (x, bottom)], RULE, 1.5)
                if chosen is None or abs(x - self.x(chosen)) > 44:
                    self.text(x, top - 12, f"{rank}.", QUIET, "mb")

    def chosen(self, number: int, top: float, bottom: float, values: Sequence[float]) -> None:
        x, label = self.x(number), f"frame {number}"
        self.line([(x, top + 28), (x, bottom)], ACCENT, 2)
        half = self.pen.textlength(label, font=self.font) / FINER / 2
        middle = min(max(x, self.left + half - 12), self.right - half + 12)
        self.text(middle, top + 12, label, ACCENT, "mm", small=False)
        for row, value in enumerate(values):
            row_bottom = MARGIN + TOP + row * (ROW + GAP) + ROW
            self.dot(x, row_bottom - float(value) * ROW, 5, ACCENT)
