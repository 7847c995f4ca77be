"""Temporal Caption, Frame Collage and Frame Selector as ComfyUI runs them."""

import os
from pathlib import Path

import pytest
import torch
from if_edit.nodes.caption import TemporalCaption
from if_edit.nodes.selection import FrameCollage, FrameSelector
from if_edit.tests.support.clips import moving_ball

pytestmark = pytest.mark.usefixtures("preview_folder")

ROOT = Path(__file__).parents[2]
NODES = [TemporalCaption, FrameCollage, FrameSelector]
KEYFRAMES = [0, 12, 24, 32]


def select(frames, numbers="", method="settled", frame=-1, source=None):
    prepared = FrameSelector.PREPARE_CLASS_CLONE(None)
    prepared.hidden = FrameSelector.hidden
    return prepared.execute(frames=frames, frame_numbers=numbers, method=method, frame=frame, source=source)


@pytest.mark.parametrize("node", NODES, ids=lambda node: node.__name__)
def test_every_input_and_output_explains_itself(node):
    schema = node.define_schema()
    assert schema.node_id.startswith("IFEdit_")
    assert schema.category == "IF-Edit"
    assert len(schema.description) > 40
    assert all(socket.tooltip for socket in [*schema.inputs, *schema.outputs])
    assert (ROOT / "web" / "docs" / f"{schema.node_id}.md").read_text().startswith(f"# {schema.display_name}\n")


def test_the_caption_node_gives_caption_and_end_state():
    caption, end_state, reasoning = TemporalCaption.execute("make the apples blue").result
    assert "recolour" in reasoning
    assert "The apples slowly change color" in caption
    assert end_state == "The apples have become completely blue."


def test_an_empty_instruction_is_refused():
    with pytest.raises(ValueError, match="instruction is empty"):
        TemporalCaption.execute(" \n ")


def test_the_selector_takes_the_settled_frame_by_its_original_number():
    frames = moving_ball(settles=20)[KEYFRAMES]
    image, number, collage, reason, *_ = select(frames, "0, 12, 24, 32").result
    assert number == 24
    assert torch.equal(image, frames[2:3])
    assert collage.shape[0] == 1 and collage.shape[-1] == 3
    assert reason.startswith("frame 24: earliest of 2 after which nothing changes (sharpest of all)")


def test_the_selector_says_so_when_the_picture_never_rests():
    assert "changes until the end" in select(moving_ball(settles=60)).result[3]


def test_sharpest_late_looks_only_at_the_last_latent_frame():
    frames = moving_ball(settles=8)
    frames[28] = frames[28] + 0.3 * torch.rand(96, 96, 3)  # the last frame but four: sharpest of all, not late
    frames[30] = (frames[30] + 0.1 * torch.rand(96, 96, 3)).clamp(0, 1)
    _, number, _, reason, *_ = select(frames, method="sharpest late").result
    assert number == 30
    assert reason.startswith("frame 30: sharpest of the last 4")


def test_sharpest_late_of_keyframes_is_the_last_one():
    assert select(moving_ball()[KEYFRAMES], "0 12 24 32", "sharpest late").result[1] == 32


def test_last_is_the_last():
    assert select(moving_ball(settles=5), method="last").result[1] == 32


@pytest.mark.parametrize("method", ["settled", "sharpest late", "last", "language model"])
def test_a_frame_typed_by_hand_wins_over_the_method(method):
    frames = moving_ball()[KEYFRAMES]
    image, number, _, reason, *_ = select(frames, "0,12,24,32", method, frame=12).result
    assert number == 12
    assert torch.equal(image, frames[1:2])
    assert reason == "frame 12: chosen by hand"


def test_a_frame_that_is_not_there_names_those_that_are():
    with pytest.raises(ValueError, match="There is no frame 13. The frames here are 0, 12, 24, 32."):
        select(moving_ball()[KEYFRAMES], "0, 12, 24, 32", frame=13)
    with pytest.raises(ValueError, match="There is no frame 33. The frames here are 0 to 32."):
        select(moving_ball(), frame=33)


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ("0, twelve, 24, 32", "whole numbers .* got 'twelve'"),
        ("0, 1.5, 24, 32", "whole numbers .* got '1.5'"),
        ("0, -12, 24, 32", "whole numbers .* got '-12'"),
        ("0, 12, 24", r"names 3 frames \(0, 12, 24\), but 4 frames are connected"),
        ("0, 24, 12, 32", "must rise from frame to frame, got 0, 24, 12, 32"),
        ("0, 12, 12, 32", "must rise"),
    ],
)
@pytest.mark.parametrize("node", ["selector", "collage"])
def test_malformed_frame_numbers_say_what_is_wrong(numbers, message, node):
    frames = moving_ball()[KEYFRAMES]
    with pytest.raises(ValueError, match=message):
        if node == "selector":
            select(frames, numbers)
        else:
            FrameCollage.execute(frames[:1], frames, numbers, 1024, -1)


@pytest.mark.parametrize("numbers", ["0,12,24,32", " 0 12\n24;32 ", "[0, 12, 24, 32]"])
def test_frame_numbers_can_be_typed_in_many_ways(numbers):
    assert select(moving_ball()[KEYFRAMES], numbers, "last").result[1] == 32


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_grey_and_transparent_images_are_accepted(channels):
    clip = moving_ball(settles=12)
    clip = torch.cat([clip, torch.ones(33, 96, 96, 1)], dim=-1)[..., :channels]
    image, number, collage, *_ = select(clip, source=clip[:2]).result
    assert abs(number - 12) <= 1
    assert image.shape == (1, 96, 96, 3)
    assert collage.shape[-1] == 3


def test_images_of_one_pixel_are_accepted():
    image, number, collage, *_ = select(torch.rand(1, 1, 1, 3)).result
    assert number == 0
    assert min(collage.shape[1:3]) > 1


def test_nan_frames_are_refused_by_name():
    with pytest.raises(ValueError, match=r"frames \[4, 8, 8, 3\] contains NaN"):
        select(torch.full((4, 8, 8, 3), float("nan")))
    with pytest.raises(ValueError, match="source .* contains NaN"):
        select(torch.rand(4, 8, 8, 3), source=torch.full((1, 8, 8, 3), float("nan")))


def test_the_chosen_frame_is_previewed_on_the_node(tmp_path):
    output = select(moving_ball()[KEYFRAMES], "0, 12, 24, 32")
    shown = output.ui.as_dict()["images"]
    assert len(shown) == 1
    assert os.path.getsize(tmp_path / shown[0]["subfolder"] / shown[0]["filename"]) > 0


def test_the_collage_node_marks_the_chosen_number():
    frames = moving_ball()[KEYFRAMES]
    plain, marked = (
        FrameCollage.execute(frames[:1], frames, "0, 12, 24, 32", 1024, chosen).result[0] for chosen in (-1, 24)
    )
    assert max(plain.shape) <= 1024 and max(marked.shape) <= 1024
    assert not (plain.shape == marked.shape and torch.equal(plain, marked))
    with pytest.raises(ValueError, match="no frame 5"):
        FrameCollage.execute(frames[:1], frames, "0, 12, 24, 32", 1024, 5)


def test_the_nodes_are_known_to_a_real_comfyui(object_info):
    assert "IFEdit_FrameSelector" in object_info  # its sockets: tests/test_frame_selector.py
    assert object_info["IFEdit_TemporalCaption"]["output_name"] == ["caption", "end_state", "reasoning"]
    assert object_info["IFEdit_FrameCollage"]["output"] == ["IMAGE"]
