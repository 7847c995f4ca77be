"""The client runs workflows in a real ComfyUI and turns whatever goes wrong into one readable error."""

import os
import signal
import time
import urllib.request

import psutil
import pytest
from if_edit.tools.client import Client, WorkflowError, find_node
from if_edit.tools.comfyui import ComfyUIError, Server

# Nodes of a pack that exists only here: one works until it is stopped, one fails.
PRACTICE_PACK = """
import time
import comfy.utils
import comfy.model_management

class Work:
    CATEGORY, FUNCTION, RETURN_TYPES, OUTPUT_NODE = "practice", "work", (), True
    INPUT_TYPES = classmethod(lambda cls: {"required": {"seconds": ("INT", {"default": 60})}})
    IS_CHANGED = classmethod(lambda cls, **inputs: float("nan"))
    def work(self, seconds):
        bar = comfy.utils.ProgressBar(seconds * 10)
        for _ in range(seconds * 10):
            comfy.model_management.throw_exception_if_processing_interrupted()
            time.sleep(0.1)
            bar.update(1)
        return ()

class Fail:
    CATEGORY, FUNCTION, RETURN_TYPES, OUTPUT_NODE = "practice", "fail", (), True
    INPUT_TYPES = classmethod(lambda cls: {"required": {}})
    def fail(self):
        raise ValueError("Fail needs a reason, got none.")

NODE_CLASS_MAPPINGS = {"PracticeWork": Work, "PracticeFail": Fail}
"""


def node(class_type: str, title: str, **inputs) -> dict:
    return {"class_type": class_type, "inputs": inputs, "_meta": {"title": title}}


BLUE = node("EmptyImage", "Blue", width=48, height=32, batch_size=1, color=255)
SAVE = node("SaveImage", "Result", images=["1", 0], filename_prefix="blue")


class RecordedProgress:
    """Keeps what a Progress is told, and can act on it."""

    def __init__(self, on_step=lambda: None):
        self.events = []
        self.on_step = on_step

    def start(self, title):
        self.events.append(title)

    def step(self, value, total):
        self.events.append((value, total))
        self.on_step()

    def finish(self):
        self.events.append("finished")


@pytest.fixture(scope="module")
def practice_server(tmp_path_factory):
    pack = tmp_path_factory.mktemp("practice")
    (pack / "__init__.py").write_text(PRACTICE_PACK)
    with Server(pack=pack, arguments=["--disable-api-nodes"]) as server:
        yield server


@pytest.fixture
def practice(practice_server):
    return Client(practice_server.url, practice_server.check_alive)


def test_a_run_gives_its_images(comfyui_client):
    outputs = comfyui_client.run({"1": BLUE, "2": SAVE})
    (image,) = outputs.images("Result")
    assert image["filename"].startswith("blue")
    assert comfyui_client.fetch(image).startswith(b"\x89PNG")
    with pytest.raises(WorkflowError, match='"Blue" .node 1, EmptyImage. gave no output'):
        outputs.images("Blue")


def test_an_uploaded_image_can_be_loaded(comfyui_client):
    made = comfyui_client.run({"1": BLUE, "2": SAVE})
    name = comfyui_client.upload_image(comfyui_client.fetch(made.images("Result")[0]), "sent.png")
    loaded = comfyui_client.run({"1": node("LoadImage", "Sent", image=name), "2": SAVE})
    assert loaded.images("Result")


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        (
            {"1": BLUE, "2": node("SaveImage", "Save it", images=["1", 0])},
            ['"Save it" (node 2, SaveImage)', "filename_prefix"],
        ),
        (
            {"1": {**BLUE, "inputs": {**BLUE["inputs"], "width": "wide"}}, "2": SAVE},
            ['"Blue" (node 1, EmptyImage)', "wide"],
        ),
        ({"1": node("NoSuchNode", "Mystery")}, ["NoSuchNode"]),
        ({"1": BLUE}, ["no outputs"]),
        # One of two outputs is valid: ComfyUI would run that one and keep quiet.
        ({"1": BLUE, "2": SAVE, "3": node("SaveImage", "Other", images=["1", 0])}, ['"Other" (node 3, SaveImage)']),
    ],
)
def test_a_refused_workflow_names_the_nodes_and_reasons(comfyui_client, prompt, words):
    with pytest.raises(WorkflowError, match="refused") as refusal:
        comfyui_client.run(prompt)
    assert all(word in str(refusal.value) for word in words)


def test_progress_is_told_of_each_node_and_step(practice):
    progress = RecordedProgress()
    practice.run({"1": node("PracticeWork", "Working", seconds=1)}, progress)
    assert progress.events[0] == "Working"
    assert (10, 10) in progress.events
    assert progress.events[-1] == "finished"


def test_a_failing_node_is_named_with_its_message(practice):
    with pytest.raises(WorkflowError, match="needs a reason, got none") as failure:
        practice.run({"7": node("PracticeFail", "Hopeless")})
    assert str(failure.value) == '"Hopeless" (node 7, PracticeFail) failed: Fail needs a reason, got none.'
    assert failure.value.node_ids == ("7",)
    assert "raise ValueError" in failure.value.traceback


def test_a_run_that_someone_else_interrupts_says_where(practice, practice_server):
    interrupt = urllib.request.Request(f"{practice_server.url}/interrupt", method="POST")
    stop = RecordedProgress(on_step=lambda: urllib.request.urlopen(interrupt).close())
    with pytest.raises(WorkflowError, match='interrupted at "Working"'):
        practice.run({"1": node("PracticeWork", "Working", seconds=60)}, stop)


def test_ctrl_c_stops_comfyui_too(practice, ctrl_c):
    stop = RecordedProgress(on_step=lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        practice.run({"1": node("PracticeWork", "Working", seconds=60)}, stop)
    started = time.monotonic()
    practice.run({"1": node("PracticeWork", "Working", seconds=0)})
    assert time.monotonic() - started < 30  # it did not wait for the first one's minute


def test_a_comfyui_that_dies_while_working_is_noticed_at_once(tmp_path):
    (tmp_path / "__init__.py").write_text(PRACTICE_PACK)
    with Server(pack=tmp_path, arguments=["--disable-api-nodes"]) as server:
        client = Client(server.url, server.check_alive)
        kill = RecordedProgress(on_step=psutil.Process(server.process.pid).kill)
        started = time.monotonic()
        with pytest.raises(ComfyUIError, match="signal SIGKILL") as death:
            client.run({"1": node("PracticeWork", "Working", seconds=60)}, kill)
        assert time.monotonic() - started < 30  # of the minute it would have worked
        assert "got prompt" in str(death.value)  # the end of its log
        with pytest.raises(ComfyUIError, match="signal SIGKILL"):
            client.object_info()


def test_an_address_without_a_comfyui_is_named():
    with pytest.raises(ComfyUIError, match="The connection to ComfyUI at http://127.0.0.1:9 failed"):
        Client("http://127.0.0.1:9").object_info()


def test_nodes_are_found_by_title():
    prompt = {"1": BLUE, "2": BLUE, "3": SAVE}
    assert find_node(prompt, "Result") == "3"
    with pytest.raises(WorkflowError, match='exactly one node titled "Blue", it has 2'):
        find_node(prompt, "Blue")
    with pytest.raises(WorkflowError, match='exactly one node titled "Red", it has 0.*Blue, Blue, Result'):
        find_node(prompt, "Red")
