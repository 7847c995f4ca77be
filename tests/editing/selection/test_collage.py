"""The collage: source on top, numbered frames below, pictures untouched, readable, within its size."""

from functools import partial

import numpy as np
import pytest
import torch
from if_edit.editing.selection import collage as module
from if_edit.editing.selection.collage import frame_collage
from if_edit.tests.support.clips import moving_ball

PAPER = torch.tensor(module.PAPER) / 255
ACCENT = torch.tensor(module.ACCENT) / 255
COLORS = [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (0, 1, 1), (1, 0, 1), (0.5, 0, 0), (0, 0.5, 0), (0, 0, 0.5)]
SOURCE = (0.1, 0.7, 0.6)


def plain(colors, height=64, width=64):
    return torch.stack([torch.tensor(color).float().expand(height, width, 3) for color in colors])


def box(page, color):
    """Top, left, bottom, right of a color on the page; None where it is not there."""
    where = ((page[0] - torch.as_tensor(color).float()).abs().amax(dim=-1) < 0.01).nonzero()
    return None if not len(where) else (*where.amin(dim=0).tolist(), *(where.amax(dim=0) + 1).tolist())


def ink(page, top, left, bottom, right):
    """How much darker than the paper a part of the page gets."""
    return float((PAPER - page[0, top:bottom, left:right]).amax()) if bottom > top and right > left else 0.0


def test_the_source_is_on_top_and_larger_and_frames_read_from_left_to_right():
    source, frames = plain([SOURCE]), plain(COLORS[:4])
    page = frame_collage(source, frames, [0, 12, 24, 32])
    shown = [box(page, color) for color in COLORS[:4]]
    above = box(page, SOURCE)
    assert all(above[2] < place[0] for place in shown)
    assert above[3] - above[1] > shown[0][3] - shown[0][1]
    assert [place[:2] for place in shown] == sorted(place[:2] for place in shown)


def test_numbers_stand_above_the_pictures_and_never_on_them():
    frames = plain(COLORS[:4])
    page = frame_collage(None, frames, [0, 12, 24, 32])
    for color in COLORS[:4]:
        top, left, bottom, right = box(page, color)
        inside = page[0, top:bottom, left:right]
        assert (inside - torch.tensor(color).float()).abs().max() < 0.01
        label = round(0.18 * (bottom - top))
        assert ink(page, top - label, left, top - 1, right) > 0.7


def test_the_number_on_the_page_is_the_number_given():
    frames = plain(COLORS[:1])
    pages = [frame_collage(None, frames, [number]) for number in (7, 8)]
    assert pages[0].shape == pages[1].shape
    assert not torch.equal(*pages)


@pytest.mark.parametrize("count", [4, 9, 33])
def test_numbers_stay_readable_when_the_page_is_shrunk_to_768(count):
    """The label of a frame grows with it, and 768 pixels leave at least eight for a digit of few frames."""
    page = frame_collage(plain([SOURCE]), plain([(0, 0.4, 0.8)] * count), list(range(count)))
    layout = module._best_layout(
        [(module._picture(torch.zeros(64, 64, 3)), "source")],
        [module._picture(torch.zeros(64, 64, 3))] * count,
        1536,
    )
    scale = min(1, 768 / max(page.shape[1:3]))
    assert layout.text * scale >= (16 if count < 10 else 8)


@pytest.mark.parametrize("size", [(480, 832), (832, 480), (128, 128), (1, 1), (2000, 10), (720, 1280)])
@pytest.mark.parametrize("count", [1, 4, 33])
def test_the_page_keeps_to_its_largest_side(size, count):
    source, frames = torch.rand(1, *size, 3), torch.rand(1, *size, 3).expand(count, -1, -1, -1)
    page = frame_collage(source, frames, list(range(count)), max_side=512)
    assert max(page.shape[1:3]) <= 512
    assert page.shape[0] == 1 and page.shape[3] == 3
    assert 0 <= float(page.min()) and float(page.max()) <= 1


def test_pictures_keep_their_aspect_ratio():
    page = frame_collage(None, plain(COLORS[:2], 90, 160), [0, 1])
    top, left, bottom, right = box(page, COLORS[0])
    assert (right - left) / (bottom - top) == pytest.approx(16 / 9, rel=0.03)


def test_columns_are_chosen_so_that_pictures_are_largest(monkeypatch):
    def width_of_a_frame():
        page = frame_collage(None, plain([(1, 0, 0)] + [(0, 0, 1)] * 8, 480, 832), list(range(9)), 1024)
        top, left, bottom, right = box(page, (1, 0, 0))
        return right - left

    chosen, widths = width_of_a_frame(), []
    for columns in range(1, 10):
        monkeypatch.setattr(module, "_best_layout", partial(fixed_layout, columns))
        widths.append(width_of_a_frame())
    assert chosen == max(widths) > min(widths)


def fixed_layout(columns, header, pictures, max_side):
    return module._largest_layout(header, pictures, columns, max_side)


def test_the_choice_is_framed_and_shown_beside_the_source():
    source, frames = plain([SOURCE]), plain(COLORS[:4])
    unmarked = frame_collage(source, frames, [0, 12, 24, 32])
    marked = frame_collage(source, frames, [0, 12, 24, 32], chosen=24)
    assert box(unmarked, ACCENT) is None
    above, chosen = box(marked, SOURCE), box(marked, COLORS[2])
    assert chosen[0] == above[0]  # its upper edge is that of the source, to which it is shown larger
    accent = (marked[0] - ACCENT).abs().amax(dim=-1) < 0.01
    for color in (COLORS[0], COLORS[1], COLORS[3]):
        top, left, bottom, right = box(marked, color)
        assert not accent[top - 2 : bottom + 2, left - 2].any()
    picture = (marked[0] - torch.tensor(COLORS[2]).float()).abs().amax(dim=-1) < 0.01
    rows = picture.any(dim=1).nonzero().flatten()
    last_row = int(rows.max())
    columns = picture[last_row].nonzero().flatten()
    assert accent[last_row, int(columns.min()) - 1] and accent[last_row, int(columns.max()) + 1]


def test_the_colors_of_the_text_stand_out_from_the_paper():
    def luminance(color):
        value = np.array(color) / 255
        linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    for color in (module.INK, module.ACCENT):  # WCAG AA
        assert (luminance(module.PAPER) + 0.05) / (luminance(color) + 0.05) >= 4.5


def test_grey_transparent_and_batched_images_are_drawn():
    clip = moving_ball(frames=4)
    grey, transparent = clip.mean(dim=-1, keepdim=True), torch.cat([clip, torch.zeros(4, 96, 96, 1)], dim=-1)
    assert torch.equal(frame_collage(clip, clip, range(4)), frame_collage(transparent, transparent, range(4)))
    assert frame_collage(grey, clip, range(4)).shape == frame_collage(clip, clip, range(4)).shape


def test_errors_name_what_came_in():
    frames = plain(COLORS[:3])
    with pytest.raises(ValueError, match="got 2 numbers for 3 frames"):
        frame_collage(None, frames, [0, 1])
    with pytest.raises(ValueError, match="no frame 5. The frames here are 0, 12, 24"):
        frame_collage(None, frames, [0, 12, 24], chosen=5)
    with pytest.raises(ValueError, match="source .* contains NaN"):
        frame_collage(frames * float("nan"), frames, [0, 12, 24])


def test_the_input_is_left_as_it_was():
    clip = moving_ball(frames=4)
    before = clip.clone()
    frame_collage(clip, clip, range(4), chosen=2)
    assert torch.equal(clip, before)
