"""Frame Selector as ComfyUI runs it: the language model's choice, candidates, the plot, several videos, the browser."""

import io
import json
import logging
import time

import numpy as np
import pytest
import torch
from if_edit.editing.images import join_batches
from if_edit.editing.selection.select import BEST_MEASURED, SOURCE, STOP, NoFrameError
from if_edit.editing.vlm import LanguageModelError
from if_edit.nodes.selection import FrameCollage, FrameSelector
from if_edit.tests.support.clips import moving_ball
from if_edit.tests.support.scripted_vlm import Scripted
from PIL import Image

pytestmark = pytest.mark.usefixtures("preview_folder")

KEYFRAMES = [0, 12, 24, 32]
NUMBERS = "0, 12, 24, 32"
TWO_VIDEOS = f"{NUMBERS}, {NUMBERS}"
EDIT = {"method": "language model", "instruction": "move the ball to the left"}


@pytest.fixture(scope="module")
def keyframes():
    """Of a ball that comes to rest at frame 20: the method settled takes frame 24."""
    return moving_ball(settles=20)[KEYFRAMES]


def run(frames, numbers="", method="settled", frame=-1, **options):
    prepared = FrameSelector.PREPARE_CLASS_CLONE(None)
    prepared.hidden = FrameSelector.hidden
    return prepared.execute(frames=frames, frame_numbers=numbers, method=method, frame=frame, **options)


def filmstrip(output):
    (only,) = output.ui.as_dict()["if_edit_filmstrip"]
    return only


def file_of(folder, saved):
    assert saved["type"] == "temp"
    return folder / saved["subfolder"] / saved["filename"]


# ---- the language model


def test_the_language_model_chooses_and_its_words_are_the_reason(keyframes):
    model = Scripted("The ball has arrived in picture 3.\nCHOICE: 3")
    image, number, _, reason, _, candidates = run(keyframes, NUMBERS, vlm=model, **EDIT).result
    assert number == 32
    assert torch.equal(image, keyframes[3:]) and torch.equal(candidates[:1], image)
    assert reason == "frame 32: chosen by the scripted model. It said: The ball has arrived in picture 3."


def test_the_model_sees_source_and_frames_and_reads_the_end_state(keyframes):
    model = Scripted("CHOICE: 1")
    source = torch.zeros(1, 40, 60, 3)
    source[..., 1] = 1
    run(keyframes, NUMBERS, vlm=model, source=source, method="language model", end_state="The ball is on the left.")
    (question,) = model.questions
    assert question["prompt"].startswith("The finished picture: The ball is on the left.")
    assert ((question["images"][0] - torch.tensor([0.0, 1.0, 0.0])).abs().amax(dim=-1) < 0.02).any()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("no idea", "could not be used because it named no number, after asking 2 times"),
        (LanguageModelError("Cannot reach http://127.0.0.1:1/v1."), "Cannot reach http://127.0.0.1:1/v1."),
        (RuntimeError("out of memory"), "failed (RuntimeError: out of memory)"),
    ],
)
def test_where_the_model_gives_no_choice_measurement_decides_and_says_so(keyframes, answer, why, caplog):
    _, number, _, reason, *_ = run(keyframes, NUMBERS, vlm=Scripted(answer), **EDIT).result
    assert number == 24
    assert reason.startswith("frame 24: earliest of 2 after which nothing changes")
    assert why in reason and reason.endswith("The frame was chosen by measurement instead.")
    (warning,) = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert why in warning


def test_without_a_model_or_an_edit_measurement_decides_and_says_what_to_connect(keyframes):
    assert "connect one of the VLM nodes to vlm" in run(keyframes, NUMBERS, **EDIT).result[3]
    model = Scripted("CHOICE: 1")
    image, number, _, reason, *_ = run(keyframes, NUMBERS, "language model", vlm=model, instruction=" ").result
    assert number == 24 and "fill in instruction" in reason
    assert model.questions == []


def test_an_interrupt_stops_the_graph(keyframes):
    from comfy.model_management import InterruptProcessingException, interrupt_current_processing

    interrupt_current_processing()
    with pytest.raises(InterruptProcessingException):
        run(keyframes, NUMBERS, vlm=Scripted("CHOICE: 1"), **EDIT)
    with pytest.raises(InterruptProcessingException):
        run(keyframes, NUMBERS, vlm=Scripted(InterruptProcessingException()), **EDIT)


NONE = "The ball never moves.\nCHOICE: 0"


def test_if_no_frame_shows_the_edit_the_best_measured_one_is_taken(keyframes):
    output = run(keyframes, NUMBERS, vlm=Scripted(NONE), when_none=BEST_MEASURED, **EDIT)
    assert output.result[1] == 24
    assert output.result[3].endswith(
        "the scripted model found no frame that shows the edit. It said: The ball never moves."
    )


def test_if_no_frame_shows_the_edit_the_source_comes_back_untouched(keyframes):
    source = torch.rand(2, 30, 50, 3)
    output = run(keyframes, NUMBERS, vlm=Scripted(NONE), when_none=SOURCE, source=source, **EDIT)
    image, number, _, reason, _, candidates = output.result
    assert torch.equal(image, source[:1])
    assert number == -1 and filmstrip(output)["chosen"] == -1
    assert reason.startswith("source: the scripted model found no frame that shows the edit.")
    assert torch.equal(candidates[0], keyframes[2])  # the best measured ones, for those who want to look


def test_if_no_frame_shows_the_edit_the_graph_can_stop_with_a_clear_message(keyframes):
    with pytest.raises(NoFrameError, match="found no frame that shows the edit.*set when_none to"):
        run(keyframes, NUMBERS, vlm=Scripted(NONE), when_none=STOP, **EDIT)


def test_a_frame_chosen_by_hand_asks_nobody(keyframes):
    model = Scripted("CHOICE: 1")
    output = run(keyframes, NUMBERS, frame=32, vlm=model, **EDIT)
    assert output.result[1] == 32 and model.questions == []
    assert filmstrip(output)["automatic"] == 24  # what is known without asking


def test_the_other_methods_ask_nobody(keyframes):
    model = Scripted("CHOICE: 1")
    run(keyframes, NUMBERS, vlm=model, instruction="x")
    assert model.questions == []


# ---- candidates, plot, CLIP vision


def test_candidates_are_the_chosen_frame_and_the_next_best(keyframes):
    output = run(keyframes, NUMBERS)
    assert filmstrip(output)["candidates"] == [24, 32, 12]
    assert torch.equal(output.result[5], keyframes[[2, 3, 1]])
    assert run(keyframes, NUMBERS, candidates=1).result[5].shape[0] == 1
    assert run(keyframes, NUMBERS, candidates=64).result[5].shape[0] == 4
    by_hand = run(keyframes, NUMBERS, frame=0, candidates=2).result[5]
    assert torch.equal(by_hand, keyframes[[0, 2]])


def test_the_plot_is_one_image(keyframes):
    plot = run(keyframes, NUMBERS).result[4]
    assert plot.shape[0] == 1 and plot.shape[2:] == (1024, 3)
    assert 0 <= float(plot.min()) and float(plot.max()) <= 1


def test_a_clip_vision_model_of_comfyui_looks_at_every_frame(tmp_path):
    from comfy.clip_vision import ClipVisionModel

    config = {"model_type": "clip_vision_model", "hidden_size": 16, "intermediate_size": 16, "image_size": 32}
    config |= {"num_attention_heads": 2, "num_hidden_layers": 2, "num_channels": 3, "patch_size": 16}
    config |= {"projection_dim": 8, "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5}
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    torch.manual_seed(0)
    model = ClipVisionModel(str(path))
    for weight in model.model.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    output = run(moving_ball()[:20], clip_vision=model)
    assert output.result[4].shape[1] > run(moving_ball()[:20]).result[4].shape[1]  # one curve more
    assert set(filmstrip(output)["curves"]) == {"change", "motion", "sharpness", "drift"}


def test_an_encoder_finds_the_frame_where_something_never_rests():
    class Encoder:
        def encode_image(self, images, crop):
            assert len(images) <= 8 and crop is False  # memory; the whole picture
            ball = (images[..., 0] - images[..., 2] > 0.3).float()[:, :60]  # left of the flag, and above
            place = (ball * torch.arange(96)).sum(dim=(1, 2)) / ball.sum(dim=(1, 2)).clamp(min=1) / 96
            return {"image_embeds": torch.stack([place.cos(), place.sin()], dim=1)}

    clip = moving_ball(settles=12)
    clip[:, 70:90, 60:90] = torch.rand(33, 1, 1, 3, generator=torch.Generator().manual_seed(0))
    assert run(clip).result[1] >= 28
    _, number, _, reason, *_ = run(clip, clip_vision=Encoder()).result
    assert abs(number - 12) <= 4
    assert "something moves until the end" in reason


# ---- several videos


def test_of_a_batch_of_keyframes_every_video_gets_its_own_frame():
    one, two = moving_ball(settles=20)[KEYFRAMES], moving_ball(settles=8, color=(0.1, 0.2, 0.9))[KEYFRAMES]
    output = run(torch.cat([one, two]), TWO_VIDEOS, candidates=2)
    image, number, collage, reason, plot, candidates = output.result
    assert torch.equal(image, torch.cat([one[2:3], two[1:2]]))
    assert number == 24
    assert collage.shape[0] == plot.shape[0] == 2
    assert torch.equal(candidates[:2], one[[2, 3]]) and torch.equal(candidates[2], two[1])
    assert reason.splitlines()[0].startswith("video 1: frame 24: ")
    assert reason.splitlines()[1].startswith("video 2: frame 12: ")
    shown = filmstrip(output)
    assert shown["numbers"] == KEYFRAMES and shown["batch"] == 2
    assert len(output.ui.as_dict()["images"]) == 2


def test_a_frame_chosen_by_hand_is_taken_from_every_video_that_has_it():
    clip = torch.cat([moving_ball(settles=20)[KEYFRAMES]] * 2)
    image, number, _, reason, *_ = run(clip, TWO_VIDEOS, frame=32).result
    assert torch.equal(image, clip[[3, 7]]) and number == 32
    assert reason == "video 1: frame 32: chosen by hand\nvideo 2: frame 32: chosen by hand"
    image = run(clip[:7], "0, 12, 24, 32, 0, 12, 24", frame=32).result[0]
    assert torch.equal(image, clip[[3, 6]])  # the second lacks it and goes by the method
    with pytest.raises(ValueError, match="There is no frame 33. The frames here are 0, 12, 24, 32."):
        run(clip, TWO_VIDEOS, frame=33)


def test_the_collage_has_a_page_for_every_video():
    one, two = moving_ball(settles=20)[KEYFRAMES], moving_ball(settles=8, color=(0.1, 0.2, 0.9))[KEYFRAMES]
    source = torch.cat([one[:1], two[1:2]])
    pages = FrameCollage.execute(source, torch.cat([one, two]), TWO_VIDEOS, 512, 24)[0]
    assert torch.equal(pages[:1], FrameCollage.execute(source[:1], one, NUMBERS, 512, 24)[0])
    alone = FrameCollage.execute(source[1:], two, NUMBERS, 512, -1)[0]  # the number is one of the first video
    assert torch.equal(pages[1:], join_batches([pages[:1], alone])[1:])


def test_each_video_of_a_batch_is_compared_with_its_own_source():
    clip = torch.cat([moving_ball(settles=20)[KEYFRAMES]] * 2)
    model = Scripted("CHOICE: 0")
    source = torch.stack([torch.zeros(96, 96, 3), torch.ones(96, 96, 3)])
    options = {"vlm": model, "source": source, "when_none": SOURCE, **EDIT}
    image = run(clip, TWO_VIDEOS, **options).result[0]
    assert torch.equal(image, source)


def test_a_long_video_without_numbers_stays_one_video():
    assert filmstrip(run(moving_ball(frames=66)))["batch"] == 1


# ---- what the browser gets


def test_the_filmstrip_is_what_the_browser_expects(preview_folder, keyframes):
    output = run(keyframes, NUMBERS, frame=12)
    shown = filmstrip(output)
    assert json.loads(json.dumps(shown)) == shown
    assert list(shown) == [
        "numbers",
        "thumbnails",
        "large",
        "curves",
        "chosen",
        "automatic",
        "candidates",
        "reason",
        "batch",
    ]
    assert shown["numbers"] == KEYFRAMES
    assert (shown["chosen"], shown["automatic"], shown["candidates"]) == (12, 24, [12, 24, 32])
    assert shown["reason"] == output.result[3] == "frame 12: chosen by hand"
    assert shown["batch"] == 1
    assert list(shown["curves"]) == ["change", "motion", "sharpness", "drift"]
    for curve in shown["curves"].values():
        assert len(curve) == 4 and all(0 <= value <= 1 for value in curve)


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (480, 832), (832, 480), (64, 48), (1000, 30)])
def test_only_small_pictures_go_to_the_browser(preview_folder, width, height):
    frames = torch.rand(2, height, width, 3)
    shown = filmstrip(run(frames))
    for kind, longest in (("thumbnails", 192), ("large", 1280)):
        assert len(shown[kind]) == 2
        for saved in shown[kind]:
            with Image.open(file_of(preview_folder, saved)) as picture:
                assert max(picture.size) <= longest
                assert max(picture.size) >= min(longest * 0.66, max(width, height))
                assert picture.width / picture.height == pytest.approx(width / height, rel=0.06 if height > 30 else 0.5)


def test_the_thumbnails_show_the_frames_in_order(preview_folder):
    frames = torch.stack([torch.full((90, 160, 3), value) for value in (0.1, 0.5, 0.9)])
    shown = filmstrip(run(frames))
    for kind in ("thumbnails", "large"):
        means = [np.asarray(Image.open(file_of(preview_folder, saved))).mean() / 255 for saved in shown[kind]]
        assert means == pytest.approx([0.1, 0.5, 0.9], abs=0.02)


def test_two_runs_never_write_over_each_other(preview_folder, keyframes):
    files = [saved["filename"] for _ in range(2) for saved in filmstrip(run(keyframes, NUMBERS))["thumbnails"]]
    assert len(set(files)) == len(files) == 8


def test_a_long_video_at_full_size_takes_seconds_and_little_memory():
    """`research.benchmarks.selector` measures it; here only what a gross mistake would break."""
    from if_edit.research.benchmarks.selector import make_frames, seconds_and_memory

    frames = make_frames(81, 1280, 720)
    start = time.process_time()
    _, memory = seconds_and_memory(lambda: run(frames))
    assert time.process_time() - start < 12  # of one core; 3 to 4 are usual
    assert memory < 1.5  # GiB


def test_old_workflows_find_their_inputs_and_outputs_where_they_were(object_info):
    selector = object_info["IFEdit_FrameSelector"]
    assert selector["output_name"][:4] == ["image", "frame_number", "collage", "reason"]
    assert selector["output_name"][4:] == ["measures", "candidates"]
    assert selector["output"] == ["IMAGE", "INT", "IMAGE", "STRING", "IMAGE", "IMAGE"]
    assert list(selector["input"]["required"]) == ["frames", "frame_numbers", "method", "frame"]
    assert list(selector["input"]["optional"]) == [
        "source",
        "vlm",
        "instruction",
        "end_state",
        "when_none",
        "candidates",
        "clip_vision",
    ]


def test_a_selector_that_nothing_follows_runs_and_its_filmstrip_is_sent_again_when_nothing_had_to_run(comfyui_client):
    png = io.BytesIO()
    Image.new("RGB", (32, 32), "teal").save(png, "PNG")
    name = comfyui_client.upload_image(png.getvalue(), "alone.png")
    prompt = {
        "1": {"class_type": "LoadImage", "inputs": {"image": name}},
        "2": {
            "class_type": "IFEdit_FrameSelector",
            "inputs": {"frames": ["1", 0], "frame_numbers": "", "method": "settled", "frame": -1},
        },
    }
    strips = [comfyui_client.run(prompt).by_node["2"]["if_edit_filmstrip"] for _ in range(2)]
    assert strips[0] == strips[1] and strips[0][0]["numbers"] == [0]
