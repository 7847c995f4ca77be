"""Compositing and the frame selector measure drift with one estimator."""

import pytest
import torch
from if_edit.editing.alignment import DRIFT_GRID, estimate_camera, estimate_exposure, measure_drift
from if_edit.editing.images import gaussian
from if_edit.editing.selection.settling import average_cells
from if_edit.research.benchmarks.compositing import PASTED, Damage, damaged, known_change
from if_edit.research.world import world


def to_grid(image):
    """[H, W, 3] -> [3, h, w]"""
    return average_cells(image, DRIFT_GRID)[0]


@pytest.mark.parametrize("name", ["coffee", "rocket"])
def test_the_selector_sees_the_drift_that_compositing_undoes(name):
    case = known_change(name, PASTED)
    edited = damaged(case.truth, Damage(camera=3.0), seed=2)
    photo, edit = (one.movedim(-1, 0).contiguous() for one in (case.photo, edited))
    exposure = estimate_exposure(photo, edit)
    camera = estimate_camera(photo, exposure.undo(edit[None])[0])
    seen = measure_drift(to_grid(case.photo), to_grid(edited)[None])
    assert float(seen.camera) == pytest.approx(camera.pixels / max(photo.shape[1:]), abs=1 / 8 / DRIFT_GRID)
    undone = (exposure.gain - 1)[:, None] * photo.flatten(1) + exposure.offset[:, None]
    assert float(seen.color) == pytest.approx(float(undone.square().mean().sqrt()), rel=0.15)


def test_a_thing_that_moves_on_a_plain_ground_is_no_drift():
    scenes = world.sample_scenes(24, torch.Generator().manual_seed(102), ("move left", "move down", "fall"))
    frames = world.render(scenes, times=torch.tensor([0, 32])).frames
    found = [
        measure_drift(to_grid(before.movedim(0, -1)), to_grid(after.movedim(0, -1))[None]).total
        for before, after in zip(frames[:, 0], gaussian(frames[:, 1], 0.7), strict=True)
    ]
    assert torch.cat(found).median() < 0.3
    assert torch.cat(found).max() < 3  # 1 is just noticed


def test_a_frame_is_measured_alike_alone_and_among_others():
    generator = torch.Generator().manual_seed(0)
    reference = gaussian(torch.rand(1, 3, 36, 64, generator=generator), 2.0)[0]
    frames = torch.stack([reference.roll(shift, 2) * (1 - 0.01 * shift) for shift in range(11)])
    together = measure_drift(reference, frames)
    alone = [measure_drift(reference, frame[None]) for frame in frames]
    assert torch.allclose(together.camera, torch.cat([one.camera for one in alone]), atol=1e-5)
    assert torch.allclose(together.color, torch.cat([one.color for one in alone]), atol=1e-5)
