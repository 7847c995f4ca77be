"""Temporal Caption with a language model: what it asks, what it does with the answer, and what happens without one."""

import json
import logging
import threading
import time
import urllib.request

import pytest
import torch
from comfy.model_management import InterruptProcessingException
from if_edit.editing.captions.prompts import CHINESE, ENGLISH, MAY_MOVE, ONE_SENTENCE, STAGED, STILL
from if_edit.editing.captions.rules import temporal_caption
from if_edit.editing.captions.writer import AUTOMATIC, RULES, STYLES, CaptionError, write_caption
from if_edit.editing.vlm import LanguageModelError
from if_edit.nodes.caption import TemporalCaption
from if_edit.tests.support.fake_server import FakeServer, drop, error, reply, silence
from if_edit.tests.support.scripted_vlm import Scripted
from if_edit.tools.client import Client, WorkflowError
from if_edit.tools.comfyui import Server

INSTRUCTION = "knock the cup over"
CAPTION = "The white cup tips over and rolls across the table until it lies still."
GOOD = f"""FIRST: It tips.
THEN: It rolls.
FINALLY: It lies.
UNCHANGED: All.
END STATE: The cup lies.
CAPTION: {CAPTION}"""
SORRY = "I'm sorry, I can't help with that."
KEY = "sk-proj-4f9a1c7be2d84d0c9e55"


class Interrupted(Exception):
    pass


def written(*answers, **options):
    return write_caption(Scripted(*answers), INSTRUCTION, **options)


@pytest.fixture
def node():
    return TemporalCaption.PREPARE_CLASS_CLONE(None)


def texts(output):
    """What the node shows, and what it hands on."""
    return output.ui.as_dict()["text"][0], *output.result


# ---- writing


def test_a_usable_reply_becomes_the_caption_with_a_still_camera():
    result = written(GOOD)
    assert result.caption == f"{CAPTION} The camera stays still."
    assert result.end_state == "The cup lies."
    assert result.reasoning == "First: It tips.\n\nThen: It rolls.\n\nFinally: It lies.\n\nUnchanged: All."
    assert result.warning == ""


def test_the_model_is_shown_the_first_image_and_told_what_was_chosen():
    model = Scripted(GOOD)
    images = torch.rand(3, 8, 8, 3)
    write_caption(
        model, INSTRUCTION, images, style=ONE_SENTENCE, camera=MAY_MOVE, max_words=42, guidance="it is tin", seed=5
    )
    (question,) = model.questions
    assert len(question["images"]) == 1 and torch.equal(question["images"][0], images[:1])
    assert "42 words" in question["system"] and "two lines" in question["system"] and "may move" in question["system"]
    assert question["prompt"].startswith(f"Edit instruction: {INSTRUCTION}\nAlso consider: it is tin")
    assert question["seed"] == 5


def test_a_camera_that_may_move_is_not_told_to_stay():
    assert written(GOOD, camera=MAY_MOVE).caption == CAPTION


def test_an_instruction_that_moves_the_camera_may_move_it():
    zooms = "CAPTION: The camera slowly zooms in on the white cup until it fills the picture."
    assert write_caption(Scripted(zooms), "zoom in on the cup").warning == ""
    assert "stay still" in written(zooms).warning


def test_an_unusable_reply_is_asked_for_once_more_with_the_reason():
    model = Scripted(SORRY, GOOD)
    result = write_caption(model, INSTRUCTION, seed=5)
    assert result.caption.startswith(CAPTION) and result.warning == ""
    first, second = model.questions
    assert second["prompt"].startswith(first["prompt"]) and "because it did not describe the edit" in second["prompt"]
    assert second["seed"] == 6  # the same seed could give the same answer


@pytest.mark.parametrize("answer", ["", "ok", SORRY, INSTRUCTION, "word " * 500, "<think>and so on", "x" * 100_000])
def test_after_two_unusable_replies_the_rules_write_and_say_why(answer):
    model = Scripted(answer)
    result = write_caption(model, INSTRUCTION)
    ruled = temporal_caption(INSTRUCTION)
    assert (result.caption, result.end_state) == (ruled.caption, ruled.end_state)
    assert len(model.questions) == 2
    assert "could not be used because" in result.warning and "rules wrote this caption" in result.warning
    assert result.warning in result.reasoning


@pytest.mark.parametrize(
    "failure", [LanguageModelError("Cannot reach it."), torch.cuda.OutOfMemoryError("no room"), KeyError("bug")]
)
def test_a_model_that_fails_is_not_asked_again_and_the_rules_write(failure):
    model = Scripted(failure)
    result = write_caption(model, INSTRUCTION)
    assert len(model.questions) == 1
    assert result.caption == temporal_caption(INSTRUCTION).caption
    assert str(failure.args[0]) in result.warning


@pytest.mark.parametrize("answer", [SORRY, LanguageModelError("Cannot reach it."), RuntimeError("bug")])
def test_strict_turns_the_fallback_into_an_error(answer):
    with pytest.raises(CaptionError, match="Switch strict off") as raised:
        written(answer, strict=True)
    assert (SORRY in str(raised.value)) == (answer == SORRY)


@pytest.mark.parametrize("interrupt", [Interrupted(), KeyboardInterrupt(), LanguageModelError("not a failure")])
def test_an_interrupt_is_passed_on(interrupt):
    def check():
        raise interrupt

    with pytest.raises(type(interrupt)):
        written(GOOD, check_interrupt=check)


def test_an_interrupt_that_comfyui_raises_inside_an_encoder_stops_the_node(node):
    with pytest.raises(InterruptProcessingException):
        node.execute(INSTRUCTION, vlm=Scripted(InterruptProcessingException()))


def test_an_empty_instruction_is_refused_before_anything_is_asked():
    model = Scripted(GOOD)
    with pytest.raises(ValueError, match="instruction is empty"):
        write_caption(model, " ")
    assert not model.questions


def test_a_missing_or_odd_end_state_is_the_rules():
    for odd in ("", "END STATE: I'm sorry, I can't help with that.", f"END STATE: {'very ' * 80}"):
        assert written(f"CAPTION: {CAPTION}\n{odd}").end_state == temporal_caption(INSTRUCTION).end_state


def test_chinese_captions_are_asked_for_and_the_rules_say_that_theirs_is_english():
    caption = "\u767d\u8272\u7684\u676f\u5b50\u6162\u6162\u5012\u4e0b"
    result = written(f"CAPTION: {caption}", language=CHINESE)
    assert result.caption.startswith(caption) and result.caption.endswith("\u955c\u5934\u4fdd\u6301\u9759\u6b62\u3002")
    assert "rules write English" in written(GOOD, language=CHINESE).warning


# ---- the node


def test_without_a_language_model_the_rules_write_and_nothing_warns(node, caplog):
    with caplog.at_level(logging.WARNING):
        shown, caption, end_state, reasoning = texts(node.execute(INSTRUCTION))
    ruled = temporal_caption(INSTRUCTION)
    assert (shown, caption, end_state) == (ruled.caption, ruled.caption, ruled.end_state)
    assert ruled.family in reasoning
    assert not caplog.records


def test_the_rules_say_nothing_about_a_camera_that_may_move(node):
    caption = texts(node.execute(INSTRUCTION, camera=MAY_MOVE))[1]
    assert f"{caption} The camera stays still." == temporal_caption(INSTRUCTION).caption


@pytest.mark.parametrize(
    ("style", "asked"), [(AUTOMATIC, "FIRST:"), (STAGED, "FIRST:"), (ONE_SENTENCE, "two lines"), (RULES, None)]
)
def test_the_style_decides_what_is_asked(node, style, asked):
    model = Scripted(GOOD)
    caption = texts(node.execute(INSTRUCTION, vlm=model, style=style))[1]
    if asked:
        assert asked in model.questions[0]["system"] and caption.startswith(CAPTION)
    else:
        assert not model.questions and caption == temporal_caption(INSTRUCTION).caption


@pytest.mark.parametrize("style", [STAGED, ONE_SENTENCE])
def test_a_style_that_needs_a_model_says_so_when_there_is_none(node, style):
    shown, caption, *_ = texts(node.execute(INSTRUCTION, style=style))
    assert caption == temporal_caption(INSTRUCTION).caption
    assert (
        shown == f'{caption}\n\nThe style "{style}" needs a language model: connect one of the VLM nodes to vlm. '
        "The rules wrote this caption instead."
    )
    with pytest.raises(ValueError, match="connect one of the VLM nodes"):
        node.execute(INSTRUCTION, style=style, strict=True)


def test_a_warning_is_in_the_node_and_in_the_log(node, caplog):
    with caplog.at_level(logging.WARNING):
        shown, caption, _, reasoning = texts(node.execute(INSTRUCTION, vlm=Scripted(SORRY)))
    assert shown.startswith(caption) and "rules wrote this caption" in shown and "rules wrote" in reasoning
    assert any("rules wrote this caption" in record.message for record in caplog.records)


@pytest.mark.parametrize(("answer", "last"), [(GOOD, CAPTION), (SORRY, "The answer of the scripted model")])
def test_what_stays_under_the_node_is_the_warning_or_else_the_caption(node, monkeypatch, answer, last):
    shown = []
    monkeypatch.setattr("if_edit.nodes.caption.text_under", lambda node: shown.append)
    node.execute(INSTRUCTION, vlm=Scripted(answer))
    assert shown[0] == "the scripted model writes" and shown[-1].startswith(last)


def test_the_choices_are_those_that_writing_knows():
    inputs = {entry.id: entry for entry in TemporalCaption.define_schema().inputs}
    assert inputs["style"].options == list(STYLES) and inputs["camera"].options == [STILL, MAY_MOVE]
    assert inputs["language"].options == [ENGLISH, CHINESE]
    assert inputs["seed"].as_dict()["control_after_generate"] is False


NONSENSE = ("asdf qwer", "qwer", "lorem ipsum dolor sit amet", "\u628a\u7403\u53d8\u6210\u84dd\u8272", "blorp " * 60)
UNDERSTOOD = (
    "make the ball blue",
    "mvoe the red circel to the left",
    "could you remove the cup, please?",
    "zoom in on the cup",
    "nothing moves",
    "cat -> dog",
    "the cup has fallen over, and turn the ball green",
)


@pytest.mark.parametrize("instruction", NONSENSE)
def test_nonsense_runs_but_says_what_was_not_understood_and_what_would_help(node, monkeypatch, caplog, instruction):
    shown = []
    monkeypatch.setattr("if_edit.nodes.caption.text_under", lambda node: shown.append)
    with caplog.at_level(logging.WARNING):
        text, caption, _, reasoning = texts(node.execute(instruction))
    assert caption == temporal_caption(instruction).caption  # the edit runs
    hint = shown[-1]
    assert f'do not understand "{instruction[:40]}' in hint and caption[:40] in hint and len(hint) < 520
    assert '"make the ball blue"' in hint and "connect one of the VLM nodes" in hint
    assert hint in reasoning and hint in text and hint in caplog.text


@pytest.mark.parametrize("instruction", UNDERSTOOD)
def test_what_the_rules_understand_gets_no_hint(node, monkeypatch, caplog, instruction):
    shown = []
    monkeypatch.setattr("if_edit.nodes.caption.text_under", lambda node: shown.append)
    with caplog.at_level(logging.WARNING):
        text, caption, *_ = texts(node.execute(instruction))
    assert shown == [caption] and text == caption and not caplog.records


def test_nonsense_after_a_model_that_fails_says_both_and_a_model_that_writes_needs_no_hint():
    failed = write_caption(Scripted(LanguageModelError("Cannot reach it.")), "asdf qwer")
    assert failed.warning.startswith("Cannot reach it.") and "do not understand" in failed.warning
    assert failed.reasoning.count("do not understand") == 1
    assert write_caption(Scripted(GOOD), "knock the cup over").warning == ""


# ---- in a graph


def graph(fake, number=1, **caption):
    """A graph that asks the server and saves a picture; `number` keeps it apart from those of other tests."""
    return {
        "vlm": {
            "class_type": "IFEdit_VLMFromServer",
            "inputs": {
                "address": fake.address,
                "model": "tiny",
                "key_variable": "",
                "image_size": 64,
                "timeout": 30.0,
                "retries": 0,
            },
        },
        "photo": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": number}},
        "caption": {
            "class_type": "IFEdit_TemporalCaption",
            "inputs": {"instruction": INSTRUCTION, "image": ["photo", 0], "vlm": ["vlm", 0], **caption},
        },
        "text": {"class_type": "PreviewAny", "inputs": {"source": ["caption", 0]}, "_meta": {"title": "text"}},
        "save": {
            "class_type": "SaveImage",
            "inputs": {"images": ["photo", 0], "filename_prefix": "key"},
            "_meta": {"title": "save"},
        },
    }


def test_the_same_inputs_ask_once_and_another_seed_asks_again(comfyui_client):
    with FakeServer(reply(GOOD)) as fake:
        for _ in range(2):
            outputs = comfyui_client.run(graph(fake, 1))
        assert outputs.of("text")["text"] == [f"{CAPTION} The camera stays still."]
        assert len(fake.requests) == 1
        comfyui_client.run(graph(fake, 1, seed=1))
        assert len(fake.requests) == 2


@pytest.mark.parametrize("answer", [drop, error(500), reply(SORRY)])
def test_a_graph_survives_a_server_that_fails(comfyui_client, answer):
    with FakeServer(answer) as fake:
        outputs = comfyui_client.run(graph(fake, 2))
    assert outputs.of("text")["text"] == [temporal_caption(INSTRUCTION).caption]
    assert "rules wrote this caption" in outputs.by_node["caption"]["text"][0]


def test_strict_stops_the_graph_with_the_servers_reason(comfyui_client):
    with FakeServer(error(401)) as fake, pytest.raises(WorkflowError, match=r"\(401\).*Switch strict off"):
        comfyui_client.run(graph(fake, 3, strict=True))


def test_interrupt_works_while_the_model_writes(comfyui_client):
    with FakeServer(silence) as fake:
        failures = []

        def run():
            try:
                comfyui_client.run(graph(fake, 4))
            except WorkflowError as stopped:
                failures.append(str(stopped))

        running = threading.Thread(target=run)
        running.start()
        deadline = time.monotonic() + 20
        while not fake.requests and time.monotonic() < deadline:
            time.sleep(0.05)
        urllib.request.urlopen(urllib.request.Request(f"{comfyui_client.url}/interrupt", data=b"", method="POST"))
        running.join(10)
        assert not running.is_alive()
        assert failures and "interrupted" in failures[0].lower()
        assert fake.hung_up.wait(5)


def test_no_key_is_left_in_workflow_picture_history_or_log(tmp_path, monkeypatch):
    """Not even when the server repeats the key in its error message."""
    monkeypatch.setenv("IF_EDIT_TEST_API_KEY", KEY)
    with (
        FakeServer(error(401, f"Incorrect API key provided: {KEY}"), reply(GOOD)) as fake,
        Server(tmp_path / "base", arguments=["--disable-api-nodes", "--verbose", "DEBUG"]) as server,
    ):
        client = Client(server.url, server.check_alive)
        prompt = graph(fake)
        prompt["vlm"]["inputs"]["key_variable"] = "IF_EDIT_TEST_API_KEY"
        refused = client.run(prompt)
        prompt["caption"]["inputs"]["seed"] = 1
        answered = client.run(prompt)
        assert "rules wrote" in refused.by_node["caption"]["text"][0] and "***" in refused.by_node["caption"]["text"][0]
        assert answered.of("text")["text"] == [f"{CAPTION} The camera stays still."]
        assert [request["headers"]["authorization"] for request in fake.requests] == [f"Bearer {KEY}"] * 2
        picture = client.fetch(answered.images("save")[0])
        history = urllib.request.urlopen(f"{server.url}/history").read()
        logged = urllib.request.urlopen(f"{server.url}/internal/logs/raw").read()
    assert b"IF_EDIT_TEST_API_KEY" in picture and b"IF_EDIT_TEST_API_KEY" in history  # it is the right place to look
    assert b"rules wrote this caption" in logged
    for place in (picture, history, logged, json.dumps([refused.by_node, answered.by_node]).encode()):
        assert KEY.encode() not in place
    files = [file for file in (tmp_path / "base").rglob("*") if file.is_file() and not file.is_symlink()]
    assert any(file.suffix == ".png" for file in files) and any(file.suffix == ".log" for file in files)
    assert not [file for file in files if KEY.encode() in file.read_bytes()]
