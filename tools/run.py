"""Runs a module of this checkout inside the package `if_edit`: python tools/run.py research.evaluation.run --scenes 20

The checkout's folder itself never goes on sys.path: ComfyUI has a module named `nodes`, and ours would hide it.
"""

import importlib.util
import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "if_edit"


def import_pack() -> None:
    """Makes the checkout importable as the package `if_edit`, as ComfyUI does under the folder's name."""
    if PACKAGE in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(PACKAGE, ROOT / "__init__.py", submodule_search_locations=[str(ROOT)])
    module = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = module
    spec.loader.exec_module(module)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python tools/run.py MODULE [ARGUMENT ...]   for example: research.evaluation.run --scenes 20")
    import_pack()
    runpy.run_module(f"{PACKAGE}.{sys.argv.pop(1)}", run_name="__main__", alter_sys=False)
