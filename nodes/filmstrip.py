"""What the browser is told of a video from which a frame is chosen: small pictures, curves, and the choice."""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import folder_paths
import torch
from comfy_api.latest import io, ui
from PIL import Image

from ..editing.parallel import in_parallel

THUMBNAIL, LARGE = 192, 768  # pixels, longer side
LEAST = 0.75  # of these, where a round scale is faster than the exact one
QUALITY = 85  # of the JPEG files


@dataclass(frozen=True)
class Filmstrip:
    """One video and the choice, in the frames' original numbers; `curves` are 0..1, one value for each frame."""

    numbers: Sequence[int]
    pictures: Sequence[Image.Image]
    curves: dict[str, torch.Tensor]
    chosen: int
    automatic: int
    candidates: Sequence[int]
    reason: str
    batch: int

    def as_dict(self) -> dict:
        """Ready for JSON; the pictures are saved in ComfyUI's folder for temporary files, for its own /view."""
        thumbnails, large = _save(self.pictures)
        return {
            "numbers": list(self.numbers),
            "thumbnails": thumbnails,
            "large": large,
            "curves": {name: [round(value, 4) for value in values.tolist()] for name, values in self.curves.items()},
            "chosen": self.chosen,
            "automatic": self.automatic,
            "candidates": list(self.candidates),
            "reason": self.reason,
            "batch": self.batch,
        }


class FilmstripPreview(ui.PreviewImage):
    """The chosen images as ui.PreviewImage shows them, and the filmstrip beside them."""

    def __init__(self, images: Sequence[torch.Tensor], filmstrip: Filmstrip, cls: type[io.ComfyNode]):
        super().__init__(images, cls=cls)
        self.filmstrip = filmstrip.as_dict()

    def as_dict(self) -> dict:
        return super().as_dict() | {"if_edit_filmstrip": [self.filmstrip]}


def _save(pictures: Sequence[Image.Image]) -> tuple[list[dict], list[dict]]:
    """Where the thumbnails and the large previews were saved, as /view takes it."""
    prefix = f"IFEdit_filmstrip_{uuid.uuid4().hex[:12]}"
    folder, name, _, subfolder, _ = folder_paths.get_save_image_path(prefix, folder_paths.get_temp_directory())

    def save_one(numbered: tuple[int, Image.Image]) -> list[dict]:
        place, picture = numbered
        saved = []
        for kind, side in (("large", LARGE), ("small", THUMBNAIL)):
            picture = _within(picture, side)
            file = f"{name}_{kind}_{place:05}_.jpg"
            picture.save(os.path.join(folder, file), quality=QUALITY)
            saved.append({"filename": file, "subfolder": subfolder, "type": io.FolderType.temp.value})
        return saved

    large, thumbnails = zip(*in_parallel(save_one, enumerate(pictures)), strict=True)
    return list(thumbnails), list(large)


def _within(picture: Image.Image, side: int) -> Image.Image:
    """The picture with no side longer than this. Where that halves it or more, whole pixels are averaged: faster."""
    longer = max(picture.size)
    if longer <= side:
        return picture
    whole = -(-longer // side)
    if longer / whole >= LEAST * side:
        return picture.reduce(whole)
    size = [max(1, round(length * side / longer)) for length in picture.size]
    return picture.resize(size, Image.Resampling.BILINEAR)  # with the antialiasing of Pillow
