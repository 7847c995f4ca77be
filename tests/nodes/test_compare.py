"""Before and After as ComfyUI runs it."""

from pathlib import Path

import pytest
import torch
from if_edit.nodes.compare import CompareImages
from PIL import Image

ROOT = Path(__file__).parents[2]


def run(**images):
    """As ComfyUI runs it: on a clone, in inference mode; returns what the browser gets."""
    prepared = CompareImages.PREPARE_CLASS_CLONE(None)
    prepared.hidden = CompareImages.hidden
    with torch.inference_mode():
        return prepared.execute(**images).ui.as_dict()


def sizes(folder: Path, saved: list) -> list[tuple[int, int]]:
    return [Image.open(folder / each["filename"]).size for each in saved]


def test_every_input_explains_itself():
    schema = CompareImages.define_schema()
    page = (ROOT / "web" / "docs" / f"{schema.node_id}.md").read_text(encoding="utf-8")
    assert page.startswith(f"# {schema.display_name}\n")
    assert all(f"**{socket.id}**" in page and socket.tooltip for socket in schema.inputs)


def test_the_edit_is_the_result_and_the_photo_stands_beside_it(preview_folder):
    shown = run(before=torch.zeros(1, 40, 60, 3), after=torch.ones(1, 20, 30, 3))
    (pair,) = shown["if_edit_comparison"]
    assert sizes(preview_folder, shown["images"]) == sizes(preview_folder, pair["after"]) == [(30, 20)]
    assert sizes(preview_folder, pair["before"]) == [(60, 40)]
    assert {each["type"] for each in [*pair["before"], *pair["after"]]} == {"temp"}


@pytest.mark.parametrize("photos, edits", [(1, 3), (3, 1), (2, 2)])
def test_a_batch_has_a_picture_for_each_side_of_each_pair(preview_folder, photos, edits):
    (pair,) = run(before=torch.rand(photos, 20, 30, 4), after=torch.rand(edits, 20, 30, 3))["if_edit_comparison"]
    assert (len(pair["before"]), len(pair["after"])) == (photos, edits)
    assert len(sizes(preview_folder, pair["before"] + pair["after"])) == photos + edits


def test_numbers_that_do_not_go_together_are_refused(preview_folder):
    with pytest.raises(ValueError, match="2 images before and 3 after"):
        run(before=torch.rand(2, 20, 30, 3), after=torch.rand(3, 20, 30, 3))
