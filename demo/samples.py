"""The sample pictures that the shipped workflows load, in ComfyUI's input folder."""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parent
SAMPLES = {"sample.png": "if_edit_sample.png", "sample_photo.jpg": "if_edit_sample_photo.jpg"}  # here: there

log = logging.getLogger(__name__)


def install_samples(input_folder: str | os.PathLike) -> None:
    """Put the samples into ComfyUI's input folder, each under its own name in `SAMPLES`.

    A file, folder or link that has the name already stays as it is. Where the folder is missing or cannot be written,
    nothing happens but a line in the log: the nodes work without the samples.
    """
    for name, installed_name in SAMPLES.items():
        place = Path(input_folder, installed_name)
        if os.path.lexists(place):
            continue
        try:
            _write_whole(place, (FOLDER / name).read_bytes())
        except OSError as error:
            log.info("IF-Edit: the sample pictures were not put into the input folder (%s).", error)
            return


def _write_whole(place: Path, content: bytes) -> None:
    """Write the file so that no one ever sees a part of it."""
    handle, unfinished = tempfile.mkstemp(prefix=f".{place.name}.", dir=place.parent)
    try:
        with open(handle, "wb") as file:
            file.write(content)
        os.chmod(unfinished, 0o644)  # mkstemp lets only its maker read
        os.replace(unfinished, place)
    except OSError:
        os.unlink(unfinished)
        raise
