"""Fixtures shared by all tests: the pack under the name `if_edit`, a real ComfyUI server, a small real Wan model."""

import os
import runpy
import signal
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]

# ComfyUI has a module named `nodes`, and ours must not hide it (`python -m pytest` puts the current folder first).
sys.path[:] = [entry for entry in sys.path if Path(entry or os.curdir).resolve() != ROOT]
runpy.run_path(str(ROOT / "tools" / "run.py"))["import_pack"]()

from if_edit.tools.client import Client  # noqa: E402
from if_edit.tools.comfyui import Server, find_installation  # noqa: E402

sys.path.insert(0, str(find_installation()))
if not torch.cuda.is_available():
    from comfy.cli_args import args  # before anything chooses a device

    args.cpu = True


@pytest.fixture(scope="session")
def comfyui_server(servers):
    """A real headless ComfyUI (tools.comfyui.Server) with this pack in it, shared by all tests."""
    return servers("pinned")


@pytest.fixture(scope="session")
def comfyui_client(comfyui_server):
    """A tools.client.Client of that server."""
    return Client(comfyui_server.url, comfyui_server.check_alive)


@pytest.fixture(scope="session")
def object_info(comfyui_client):
    """What that server says of all its node classes."""
    return comfyui_client.object_info()


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium; tests that want it skip where there is none.

    For a module, not the session: while it is open, this thread has an event loop, and Client cannot run its own.
    """
    from if_edit.tests.support.comfy_page import open_browser

    try:
        with open_browser() as browser:
            yield browser
    except RuntimeError as error:
        pytest.skip(f"No browser: {error}. Install Debian's chromium, or run `playwright install chromium`.")


@pytest.fixture(scope="session")
def servers():
    """A function that gives the server of a frontend ("pinned" or "1.58.1"), started when it is first asked for.

    All tests share them. What one needs in ComfyUI's input folder it saves there itself, under a name of its own.
    """
    from if_edit.tests.support.comfy_page import NEWER_FRONTEND

    running, until_the_end = {}, ExitStack()

    def serve(frontend: str) -> Server:
        if frontend not in running:
            arguments = ["--disable-api-nodes"]
            if frontend != "pinned":
                if not (NEWER_FRONTEND / "index.html").is_file():
                    pytest.skip(f"The frontend {frontend} is not there; `nox -s environment` fetches it.")
                arguments += ["--front-end-root", str(NEWER_FRONTEND)]
            running[frontend] = until_the_end.enter_context(Server(arguments=arguments))
        return running[frontend]

    with until_the_end:
        yield serve


@pytest.fixture
def comfy(opened):
    """The page that the module's fixture `opened` has (support.comfy_page.ComfyPage); no script there may fail."""
    opened.errors.clear()
    yield opened
    assert opened.errors == []


@pytest.fixture
def ctrl_c():
    """Let SIGINT interrupt this process and those it starts, even where pytest was started with "&" and ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def preview_folder(tmp_path):
    """Where nodes that run without a server put the pictures they show, in place of ComfyUI's own temporary folder."""
    import folder_paths

    before = folder_paths.get_temp_directory()
    folder_paths.set_temp_directory(str(tmp_path))
    yield tmp_path
    folder_paths.set_temp_directory(before)


@pytest.fixture
def tiny_wan():
    """A small random MODEL of the Wan 2.2 I2V kind (36 channels, 2 layers), loaded by ComfyUI's own loader."""
    from if_edit.tests.support.small_models import small_wan

    return small_wan()
