"""Fit Image for Wan and Composite Edit as ComfyUI runs them."""

from pathlib import Path

import pytest
import torch
from if_edit.editing.compositing import composite
from if_edit.editing.compositing.composite import Controls
from if_edit.editing.compositing.fit import fit_without_plan, resample
from if_edit.editing.images import psnr
from if_edit.nodes import compositing
from if_edit.nodes.compositing import CompositeEdit, FitImageForWan
from if_edit.research.benchmarks.compositing import PASTED, Damage, damaged, known_change, load_photo

pytestmark = pytest.mark.usefixtures("preview_folder")

ROOT = Path(__file__).parents[2]
FIT = {
    "resolution": "480p",
    "megapixels": 0.4,
    "multiple_of": "16",
    "aspect": "as it is",
    "method": "crop",
    "region_margin": 0.25,
}
COMPOSITE = {"mode": "automatic", "threshold": 0.5, "grow": 0, "feather": 5, "correct_drift": True}


def run(node, **values):
    """As ComfyUI runs it: on a clone, in inference mode."""
    prepared = node.PREPARE_CLASS_CLONE(None)
    prepared.hidden = node.hidden
    with torch.inference_mode():
        return prepared.execute(**values).result


def fit(image, **values):
    return run(FitImageForWan, image=image, **{**FIT, **values})


def paste(source, edited, **values):
    return run(CompositeEdit, source=source, edited=edited, **{**COMPOSITE, **values})


@pytest.mark.parametrize("node", [FitImageForWan, CompositeEdit], ids=lambda node: node.__name__)
def test_every_input_and_output_explains_itself(node):
    schema = node.define_schema()
    assert schema.node_id.startswith("IFEdit_") and schema.category == "IF-Edit"
    assert len(schema.description) > 40
    assert all(socket.tooltip for socket in [*schema.inputs, *schema.outputs])
    page = (ROOT / "web" / "docs" / f"{schema.node_id}.md").read_text(encoding="utf-8")
    assert page.startswith(f"# {schema.display_name}\n")
    assert all(f"**{socket.id}**" in page for socket in schema.inputs)


def test_a_photo_goes_through_both_nodes_and_only_the_edit_changes():
    case = known_change("coffee", PASTED)
    photo, truth = (resample(one[None], 1536, 1008) for one in (case.photo, case.truth))
    image, width, height, plan = fit(photo)
    assert image.shape == (1, height, width, 3) and width % 16 == height % 16 == 0
    edited = damaged(fit(truth)[0][0], Damage(), 0)[None]
    result, mask, pair, report = paste(photo, edited, fit=plan)
    assert result.shape == photo.shape and mask.shape == photo.shape[:3]
    assert torch.equal(result[mask == 0], photo[mask == 0])
    changed = (truth - photo).abs().amax(dim=-1) > 0.05
    assert psnr(result[changed], truth[changed]) > psnr(photo[changed], truth[changed]) + 10
    assert max(pair.shape[1:3]) < 2100 and "of the photo" in report


@pytest.mark.parametrize("multiple_of", ["16", "32"])
def test_custom_resolutions_and_multiples_are_kept(multiple_of):
    image, width, height, _ = fit(
        torch.rand(2, 300, 500, 4), resolution="custom", megapixels=0.1, multiple_of=multiple_of
    )
    assert image.shape == (2, height, width, 3)
    assert width % int(multiple_of) == height % int(multiple_of) == 0
    assert width * height <= 1.05 * 0.1 * 1024 * 1024


def test_the_sizes_of_720p_can_be_had():
    assert fit(torch.rand(1, 90, 150, 3), resolution="720p", aspect="16:9 or 9:16")[1:3] == (1280, 720)


def test_a_padded_photo_has_black_beside_it_or_its_own_edge():
    for method, beside in (("pad black", 0.0), ("pad blurred edge", 0.6)):
        image, _, _, plan = fit(torch.full((1, 90, 90, 3), 0.6), aspect="16:9 or 9:16", method=method)
        assert plan.box.left > 0
        assert image[0, :, : plan.box.left].mean() == pytest.approx(beside, abs=1e-5)


def test_the_embedded_models_size_can_be_had():
    assert fit(torch.rand(1, 300, 500, 3), resolution="custom", megapixels=0.016, aspect="square")[1:3] == (128, 128)


def test_a_region_follows_the_mask():
    photo = torch.rand(1, 600, 900, 3)
    mask = torch.zeros(1, 600, 900)
    mask[0, 400:500, 700:850] = 1
    box = fit(photo, method="region", mask=mask)[3].source_box
    assert box.left <= 700 and box.right >= 850 and box.top <= 400 and box.bottom >= 500 and box.width < 450


BOX = {"region_x": 120, "region_y": 60, "region_width": 300, "region_height": 200}


def test_a_region_can_be_a_box_and_a_painted_mask_goes_before_it():
    photo, empty = torch.rand(1, 600, 900, 3), torch.zeros(1, 64, 64)
    for mask in (None, empty):  # Load Image always gives a mask
        box = fit(photo, method="region", region_margin=0.0, mask=mask, **BOX)[3].source_box
        assert box.left <= 120 and box.right >= 420 and box.top <= 60 and box.bottom >= 260
        assert box.width < 340 and box.height < 240
    painted = torch.zeros(1, 600, 900)
    painted[0, 400:500, 700:850] = 1
    assert fit(photo, method="region", region_margin=0.0, mask=painted, **BOX)[3].source_box.left > 600
    assert fit(photo, method="crop", **BOX)[3].source_box.width > 850


def test_without_mask_and_box_a_region_is_the_whole_photo():
    photo = torch.rand(1, 512, 768, 3)
    for box in ({}, {"region_width": 300}, {"region_height": 200}):
        shown = fit(photo, method="region", mask=torch.zeros(1, 64, 64), **box)[3].source_box
        assert (shown.width, shown.height) == (768, 512)


def test_a_box_that_reaches_beyond_the_photo_is_cut_off_with_a_word(monkeypatch):
    said = []
    monkeypatch.setattr(compositing, "text_under", lambda node: said.append)
    box = fit(torch.rand(1, 200, 300, 3), method="region", region_margin=0.0, **BOX)[3].source_box
    assert box.right == 300 and box.bottom == 200
    assert "reaches beyond the photo of 300 x 200 px" in said[0]
    fit(torch.rand(1, 600, 900, 3), method="region", **BOX)
    assert "beyond" not in said[1]
    with pytest.raises(ValueError, match="lies outside of the photo of 100 x 50"):
        fit(torch.rand(1, 50, 100, 3), method="region", **BOX)


def test_one_photo_serves_many_edits_and_equal_numbers_go_in_pairs():
    photo = load_photo("chelsea")[None]
    edits = photo.repeat(2, 1, 1, 1).clone()
    edits[0, 40:90, 40:90] = 0.1
    edits[1, 150:200, 300:360] = 0.9
    images, masks, pairs, report = paste(photo, edits)
    assert images.shape == edits.shape and len(pairs) == 2 and "Image 2: " in report
    assert masks[0, 60, 60] == 1 and masks[1, 60, 60] == 0 and masks[1, 170, 330] == 1
    both = torch.cat([photo, photo.flip(2)])
    assert torch.equal(paste(both, both)[0], both)


@pytest.mark.parametrize(
    "control",
    [{"mode": "whole image"}, {"threshold": 1.0}, {"grow": 9}, {"feather": 20}, {"correct_drift": False}],
    ids=lambda control: next(iter(control)),
)
def test_every_control_reaches_the_composite(control):
    photo = resample(load_photo("chelsea")[None], 168, 108)
    edited = photo * 1.05
    edited[0, 30:60, 20:50] = 0.1
    edited[0, 60:90, 100:130] *= 0.8  # too little for full threshold
    result = paste(photo, edited, **control)
    wanted = composite.composite_edit(photo[0], edited[0], fit_without_plan(168, 108, 168, 108), Controls(**control))
    assert torch.equal(result[0][0], wanted.image) and torch.equal(result[1][0], wanted.mask)
    assert not torch.equal(result[0], paste(photo, edited)[0])


def test_each_edit_of_a_batch_has_its_own_masks():
    photo = resample(load_photo("chelsea")[None], 168, 108)
    edits = photo.repeat(2, 1, 1, 1)
    edits[:, 10:40, 10:40] = edits[:, 10:40, 120:150] = 0.9
    keep, edit = torch.zeros(2, 2, 108, 168)
    keep[0, :, :84] = keep[1, :, 84:] = 1
    edit[0, 70:90, 120:140] = edit[1, 70:90, 20:40] = 1
    taken = paste(photo, edits, keep_mask=keep, edit_mask=edit)[1]
    found = taken[:, [25, 25, 80, 80], [25, 135, 30, 130]]  # changed left and right, marked left and right
    assert found.tolist() == [[0, 1, 0, 1], [1, 0, 1, 0]]


def test_photo_and_result_stand_side_by_side():
    photo = load_photo("chelsea")[None]
    height, width = photo.shape[1:3]
    edited = photo.clone()
    edited[0, 40:90, 40:90] = 0.1
    alpha = torch.rand(1, height, width, 1)
    result, _, pair, _ = paste(torch.cat([photo, alpha], dim=-1), edited)
    assert torch.equal(pair[:, :, :width], photo)
    assert torch.equal(pair[:, :, -width:], result[..., :3]) and torch.equal(result[..., 3:], alpha)
    assert pair[:, :, width:-width].min() == 1


@pytest.mark.parametrize("photos, edits", [(2, 3), (2, 1), (3, 2)])
def test_numbers_that_do_not_go_together_are_refused(photos, edits):
    with pytest.raises(ValueError, match=f"{edits} edited images and {photos} photos"):
        paste(torch.rand(photos, 64, 64, 3), torch.rand(edits, 64, 64, 3))


def test_another_aspect_without_a_fit_is_refused_with_the_remedy():
    with pytest.raises(ValueError, match="Fit Image for Wan"):
        paste(torch.rand(1, 100, 300, 3), torch.rand(1, 480, 832, 3))


def test_a_keep_mask_protects_and_empty_masks_are_named_in_the_report():
    photo = load_photo("rocket")[None]
    edited = photo.clone()
    edited[0, 40:120, 350:450] = torch.tensor([0.9, 0.2, 0.2])
    keep = torch.zeros(1, *photo.shape[1:3])
    keep[0, :, 400:] = 1
    result, mask, _, report = paste(photo, edited, keep_mask=keep, edit_mask=torch.zeros(1, 64, 64))
    assert torch.equal(result[:, :, 400:], photo[:, :, 400:])
    assert mask[0, 80, 370] == 1
    assert "edit_mask is empty and was ignored" in report and "keep_mask" not in report
    assert "keep_mask is empty and was ignored" in paste(photo, edited, keep_mask=torch.zeros(1, 64, 64))[3]


def test_a_broken_edit_in_a_batch_costs_only_itself():
    photo = load_photo("chelsea")[None]
    edits = photo.repeat(2, 1, 1, 1).clone()
    edits[0] = float("nan")
    edits[1, 40:90, 40:90] = 0.1
    images, masks, _, report = paste(photo, edits)
    assert torch.equal(images[0], photo[0]) and masks[0].max() == 0 and masks[1].max() == 1
    assert "NaN" in report


def test_comfyuis_own_upscale_node_enlarges_the_edit():
    class Doubling(torch.nn.Module):
        """What ComfyUI's Load Upscale Model hands over, as far as its node uses it."""

        scale = 2

        def __init__(self):
            super().__init__()
            self.model = torch.nn.Identity()
            self.calls = 0

        def forward(self, images):
            self.calls += 1
            return torch.nn.functional.interpolate(images, scale_factor=2, mode="nearest")

    photo = resample(load_photo("coffee")[None], 1024, 672)
    image, _, _, plan = fit(photo, resolution="custom", megapixels=0.164)
    edited = image.clone()
    edited[0, 100:180, 200:300] = torch.tensor([0.1, 0.8, 0.3])
    model = Doubling()
    result, mask, _, _ = paste(photo, edited, fit=plan, upscale_model=model)
    assert model.calls > 0
    assert torch.equal(result[mask == 0], photo[mask == 0]) and mask.max() == 1
