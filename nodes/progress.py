"""What a node shows in the browser besides its outputs: a progress bar, text, and the Frame Selector's filmstrip."""

from __future__ import annotations

import logging
import os
import sys
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import comfy.model_management
import comfy.utils
import folder_paths
from comfy_api.latest import io, ui
from PIL import Image

from ..editing.parallel import in_parallel
from ..editing.selection.plot import curves
from ..editing.selection.select import Selection

THUMBNAIL, LARGE = 192, 1280  # pixels, longer side: videos of Wan keep their size in the large picture
LEAST = 0.75  # of these, where a round scale is faster than the exact one
ROUGH: dict[str, Any] = {"quality": 85}
FINE: dict[str, Any] = {"quality": 95, "subsampling": 0}  # a large picture can be the source of the next edit
TEXT_EVENT = "if_edit.text"  # see web/js/node_reports.js
CURVES = ("change", "motion", "sharpness", "drift")  # that the browser draws


def text_under(node: type[io.ComfyNode]) -> Callable[[str], None]:
    """A function that shows text under the running node in the browser; it does nothing where there is no server.

    With a message of our own: ComfyUI takes its own progress texts away when the run has ended, in Nodes 2.0.
    """
    return lambda text: _send(node, {"text": text})


def _send(node: type[io.ComfyNode], message: dict) -> None:
    server = sys.modules.get("server")  # ComfyUI's own, loaded where there is one
    instance = getattr(getattr(server, "PromptServer", None), "instance", None)
    unique_id = node.hidden.unique_id if node.hidden is not None else None
    if instance is not None and unique_id is not None:
        instance.send_sync(TEXT_EVENT, {"node": unique_id, **message}, instance.client_id)


def warn_under(node: type[io.ComfyNode]) -> Callable[[str], None]:
    """A function that warns: in the log, under the node, and, as the node may be inside a subgraph, over the page."""

    def warn(text: str) -> None:
        logging.warning("%s: %s", node.define_schema().display_name, text)
        _send(node, {"text": text, "warning": True})

    return warn


def progress_bar() -> Callable[[int, int], None]:
    """A function that moves the running node's progress bar to `done` of `steps`.

    It raises ComfyUI's InterruptProcessingException once the user has stopped the run.
    """
    bar = comfy.utils.ProgressBar(1)

    def move(done: int, steps: int) -> None:
        comfy.model_management.throw_exception_if_processing_interrupted()
        bar.update_absolute(done, steps)

    return move


class FilmstripPreview(ui.PreviewImage):
    """The chosen frames as ui.PreviewImage shows them, and the filmstrip of the first video.

    The thumbnails are saved in ComfyUI's folder for temporary files, where its own /view finds them.
    """

    def __init__(self, selection: Selection, cls: type[io.ComfyNode]):
        super().__init__(selection.images, cls=cls)
        first = selection.videos[0]
        numbers, drawn = first.measures.numbers, curves(first.measures)
        thumbnails, large = _save_pictures(first.pictures)
        self.filmstrip = {  # frames by their numbers in the full video; curves 0..1, one value for each frame
            "numbers": list(numbers),
            "thumbnails": thumbnails,
            "large": large,
            "curves": {name: [round(value, 4) for value in drawn[name].tolist()] for name in CURVES},
            "chosen": first.number,
            "automatic": first.automatic,
            "candidates": [numbers[place] for place in first.best],
            "reason": selection.reason,
            "batch": len(selection.videos),
        }

    def as_dict(self) -> dict:
        return super().as_dict() | {"if_edit_filmstrip": [self.filmstrip]}


def _save_pictures(pictures: Sequence[Image.Image]) -> tuple[list[dict], list[dict]]:
    """Where the thumbnails and the large pictures were saved, as /view takes it."""
    prefix = f"IFEdit_filmstrip_{uuid.uuid4().hex[:12]}"
    folder, name, _, subfolder, _ = folder_paths.get_save_image_path(prefix, folder_paths.get_temp_directory())

    def save_one(numbered: tuple[int, Image.Image]) -> list[dict]:
        place, picture = numbered
        saved = []
        for kind, side, quality in (("large", LARGE, FINE), ("small", THUMBNAIL, ROUGH)):
            picture = _shrink(picture, side)
            file = f"{name}_{kind}_{place:05}_.jpg"
            picture.save(os.path.join(folder, file), "JPEG", **quality)
            saved.append({"filename": file, "subfolder": subfolder, "type": io.FolderType.temp.value})
        return saved

    large, thumbnails = zip(*in_parallel(save_one, enumerate(pictures)), strict=True)
    return list(thumbnails), list(large)


def _shrink(picture: Image.Image, side: int) -> Image.Image:
    """The picture with no side longer than this. Shrinking to half or less averages whole pixels: faster."""
    longer = max(picture.size)
    if longer <= side:
        return picture
    whole = -(-longer // side)
    if longer / whole >= LEAST * side:
        return picture.reduce(whole)
    size = [max(1, round(length * side / longer)) for length in picture.size]
    return picture.resize(size, Image.Resampling.BILINEAR)  # with the antialiasing of Pillow
