"""`nox -s edit`: bad input is refused before anything starts, good input gives two files, Ctrl-C leaves nothing."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from if_edit.tools import edit
from if_edit.tools.client import workflow_to_prompt
from if_edit.tools.comfyui import PACK
from PIL import Image

COMMAND = [sys.executable, "-m", "tools.edit"]


def decode(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png))


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "picture.png"
    Image.new("RGB", (40, 30), "teal").save(path)
    return str(path)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing.png", "grow"], "there is no file missing.png"),
        (["{folder}", "grow"], "is not an image that can be read"),
        (["{text}", "grow"], "is not an image that can be read"),
        (["{damaged}", "grow"], "is not an image that can be read"),
        (["{picture}"], "an instruction is needed too"),
        (["{picture}", ""], "the instruction is empty"),
        (["{picture}", " \n"], "the instruction is empty"),
        (["{picture}", "grow", "--seed", "-1"], "the seed must be from 0 to 18446744073709551615, got -1"),
        (["{picture}", "grow", "--out", "{text}"], "as the folder for results"),
    ],
)
def test_bad_input_is_refused_in_one_line_before_comfyui_starts(
    tmp_path, picture, arguments, words, monkeypatch, capsys
):
    places = {"folder": tmp_path, "picture": picture, "text": tmp_path / "text.png", "damaged": tmp_path / "cut.png"}
    places["text"].write_text("not an image")
    places["damaged"].write_bytes(Path(picture).read_bytes()[:60])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["edit", *(argument.format(**places) for argument in arguments)])
    monkeypatch.setattr(edit, "Server", lambda **_: pytest.fail("ComfyUI was started"))
    assert edit.main() == 2
    printed = capsys.readouterr()
    assert words in printed.err and printed.err.count("\n") == 1 and not printed.out


def white(mode: str) -> Image.Image:
    deep = {"I;16": (np.uint16, 65535), "I": (np.int32, 65535), "F": (np.float32, 255)}
    if mode in deep:
        kind, value = deep[mode]
        return Image.fromarray(np.full((4, 5), value, kind))
    return Image.new("RGB", (5, 4), "white").convert(mode)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "I", "F"])
def test_images_of_every_mode_become_rgb(tmp_path, mode):
    white(mode).save(tmp_path / "image.tiff")
    assert Image.open(tmp_path / "image.tiff").mode == mode
    image = decode(edit.read_image(tmp_path / "image.tiff"))
    assert (image.mode, image.size, image.getpixel((2, 2))) == ("RGB", (5, 4), (255, 255, 255))


def test_a_photo_held_upright_is_turned_upright(tmp_path):
    photo = Image.new("RGB", (6, 4), "white")
    exif = photo.getexif()
    exif[0x0112] = 6  # orientation: to be turned by 90 degrees
    photo.save(tmp_path / "photo.jpg", exif=exif)
    assert decode(edit.read_image(tmp_path / "photo.jpg")).size == (4, 6)


def test_of_an_animation_the_first_frame_is_taken(tmp_path):
    frames = [Image.new("RGB", (3, 3), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    assert decode(edit.read_image(tmp_path / "moving.gif")).getpixel((1, 1)) == (255, 0, 0)


def test_an_image_with_absurdly_many_pixels_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    for side in (4, 10):  # more than the limit, and more than twice the limit
        Image.new("L", (side, side)).save(tmp_path / "large.png")
        with pytest.raises(edit.InputError, match="too many pixels"):
            edit.read_image(tmp_path / "large.png")


def test_results_are_never_overwritten(tmp_path):
    class FinishedRun:
        images = staticmethod(lambda title: [title])
        fetch = staticmethod(str.encode)

    (tmp_path / "cat-collage.png").write_text("an earlier one, its result was deleted")
    first = edit.save_results(FinishedRun, FinishedRun, tmp_path, "cat")
    second = edit.save_results(FinishedRun, FinishedRun, tmp_path, "cat")
    assert [path.name for path in first + second] == [
        "cat-edit-2.png",
        "cat-collage-2.png",
        "cat-edit-3.png",
        "cat-collage-3.png",
    ]
    assert first[0].read_text() == "Result" and first[1].read_text() == "All frames"


def test_the_readmes_first_picture_names_the_instruction_of_the_first_command():
    nodes = json.loads(edit.WORKFLOW.read_text(encoding="utf-8"))["nodes"]
    instruction = next(node["widgets_values"][0] for node in nodes if node.get("title") == "Instruction")
    assert f'"{instruction}"' in (PACK / "README.md").read_text(encoding="utf-8").lower()


def test_the_shipped_sample_is_edited_with_no_arguments(tmp_path):
    started = time.monotonic()
    run = subprocess.run([*COMMAND, "--out", tmp_path], cwd=PACK, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    result, collage = re.fullmatch(r"Result:  (.+)\nCollage: (.+)\n", run.stdout).groups()
    assert result == str(tmp_path / "sample-edit.png") and collage == str(tmp_path / "sample-collage.png")
    source, edited = (np.asarray(Image.open(path).convert("RGB"), float) for path in (edit.SAMPLE, result))
    assert edited.shape == (128, 128, 3)
    if source.shape == edited.shape:
        assert 1 < np.abs(source - edited).mean() < 60  # something changed, most did not
    assert min(Image.open(collage).size) > 128
    print(f"one edit with its server: {time.monotonic() - started:.0f} s")


def test_ctrl_c_in_the_middle_of_an_edit_leaves_nothing_behind(tmp_path, ctrl_c):
    results, temporary = tmp_path / "results", tmp_path / "temporary"
    temporary.mkdir()
    environment = {**os.environ, "TMPDIR": str(temporary)}
    program = subprocess.Popen(
        [*COMMAND, "--out", results], cwd=PACK, env=environment, text=True, stderr=subprocess.PIPE
    )
    for line in program.stderr:
        if re.search(r": \d+\.\d s$", line):  # the first node is done
            break
    servers = psutil.Process(program.pid).children(recursive=True)
    assert servers
    program.send_signal(signal.SIGINT)
    assert program.wait(60) == 130
    assert program.stderr.read().endswith("edit: stopped\n")
    assert not psutil.wait_procs(servers, timeout=5)[1]
    assert not list(temporary.iterdir()) and not list(results.iterdir())


@pytest.mark.parametrize("mode", ["L", "RGBA"])
@pytest.mark.parametrize("size", [(1, 1), (50, 20)])
def test_small_grey_and_transparent_images_go_through_the_whole_chain(
    comfyui_client, object_info, tmp_path, mode, size
):
    Image.new(mode, size, 128 if mode == "L" else (200, 30, 30, 60)).save(tmp_path / "odd.png")
    prompt = workflow_to_prompt(json.loads(edit.WORKFLOW.read_text(encoding="utf-8")), object_info)
    name = comfyui_client.upload_image(edit.read_image(tmp_path / "odd.png"), "odd.png")
    edit.fill_in(prompt, name, "the circle grows", 1)
    prompt[edit.find_node(prompt, edit.SAMPLER)]["inputs"]["steps"] = 2
    outputs = comfyui_client.run(prompt)
    assert decode(comfyui_client.fetch(outputs.images("Result")[0])).size == size
