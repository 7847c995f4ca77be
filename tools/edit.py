"""Edit an image from the command line, through a real ComfyUI that runs example_workflows/edit_image_demo.json.

nox -s edit -- my.png "move the red circle to the left" [--seed N] [--out DIR]
"""

import argparse
import io
import itertools
import json
import sys
import warnings
from pathlib import Path

from PIL import Image, ImageOps

from .client import Client, Outputs, Progress, WorkflowError, find_node, workflow_to_prompt
from .comfyui import PACK, ComfyUIError, Server

WORKFLOW = PACK / "example_workflows" / "edit_image_demo.json"
SAMPLE = PACK / "demo" / "sample.png"  # edited as the workflow's own instruction says, if no image is given
SAMPLER = "Edit Sampler"  # the title of the node whose seed is the edit's
MAX_SEED = 2**64 - 1


class InputError(ValueError):
    """Something a person typed cannot be used; the message fits on one line."""


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="nox -s edit --",
        description="Edit an image with the embedded model, through a real ComfyUI. "
        "With no image, the shipped sample is edited with the shipped instruction.",
        epilog='Example: nox -s edit -- my.png "move the red circle to the left"',
    )
    parser.add_argument("image", nargs="?", type=Path, help="image file to edit")
    parser.add_argument("instruction", nargs="?", help="what should happen, in quotes")
    parser.add_argument("--seed", type=int, help="seed of the noise (default: the workflow's)")
    parser.add_argument("--out", type=Path, default=Path("edits"), help="folder for the results (default: edits)")
    return parser.parse_args(arguments)


def check_arguments(options: argparse.Namespace) -> None:
    """Raise InputError for everything that can be known to fail before ComfyUI is started."""
    if options.image is not None and options.instruction is None:
        raise InputError('an instruction is needed too, e.g.: nox -s edit -- my.png "move the red circle to the left"')
    if options.instruction is not None and not options.instruction.strip():
        raise InputError("the instruction is empty: say what should happen")
    if options.seed is not None and not 0 <= options.seed <= MAX_SEED:
        raise InputError(f"the seed must be from 0 to {MAX_SEED}, got {options.seed}")
    try:
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot use {options.out} as the folder for results: {error.strerror}") from error


def read_image(path: Path) -> bytes:
    """Return the image as the bytes of an upright 8-bit RGB PNG: the first frame of whatever Pillow can open.

    Raises InputError when the file is missing, is not an image, is damaged or is absurdly large.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                image = ImageOps.exif_transpose(image)
                if image.mode.startswith("I"):  # 16 bits a pixel: converting would clip instead of scaling
                    image = image.convert("I").point(lambda value: value / 256).convert("L")
                png = io.BytesIO()
                image.convert("RGB").save(png, "PNG")
                return png.getvalue()
    except FileNotFoundError as error:
        raise InputError(f"there is no file {path}") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InputError(f"{path} has too many pixels: make it smaller first") from error
    except (OSError, SyntaxError, ValueError) as error:  # what Pillow raises for damaged files of various formats
        raise InputError(f"{path} is not an image that can be read") from error


def fill_in(prompt: dict, image_name: str, instruction: str | None, seed: int | None) -> None:
    """Set the inputs of the workflow's titled nodes; None keeps the workflow's own value."""
    prompt[find_node(prompt, "Source image")]["inputs"]["image"] = image_name
    if instruction is not None:
        prompt[find_node(prompt, "Instruction")]["inputs"]["instruction"] = instruction
    if seed is not None:
        prompt[find_node(prompt, SAMPLER)]["inputs"]["seed"] = seed


def save_results(client: Client, outputs: Outputs, folder: Path, stem: str) -> tuple[Path, Path]:
    """Save the result and its collage as STEM-edit.png and STEM-collage.png, numbered rather than overwriting."""
    result, collage = (client.fetch(outputs.images(title)[0]) for title in ("Result", "All frames"))
    for number in itertools.count(1):
        ending = "" if number == 1 else f"-{number}"
        result_path, collage_path = folder / f"{stem}-edit{ending}.png", folder / f"{stem}-collage{ending}.png"
        if not result_path.exists() and not collage_path.exists():
            break
    result_path.write_bytes(result)
    collage_path.write_bytes(collage)
    return result_path, collage_path


def edit(image: Path | None, instruction: str | None, seed: int | None, folder: Path) -> tuple[Path, Path]:
    """Edit one image in a ComfyUI of its own; returns the paths of the result and of the collage."""
    path = image or SAMPLE
    png = read_image(path)
    workflow = json.loads(WORKFLOW.read_text(encoding="utf-8"))
    print("Starting ComfyUI ...", file=sys.stderr, flush=True)
    with Server(arguments=["--disable-api-nodes"]) as server:
        client = Client(server.url, server.check_alive)
        prompt = workflow_to_prompt(workflow, client.object_info())
        fill_in(prompt, client.upload_image(png, "source.png"), instruction, seed)
        outputs = client.run(prompt, Progress())
        return save_results(client, outputs, folder, path.stem)


def main() -> int:
    options = parse_arguments()
    try:
        check_arguments(options)
        result, collage = edit(options.image, options.instruction, options.seed, options.out)
    except InputError as error:
        print(f"edit: {error}", file=sys.stderr)
        return 2
    except (ComfyUIError, WorkflowError) as error:
        print(f"edit: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("edit: stopped", file=sys.stderr)
        return 130
    print(f"Result:  {result}\nCollage: {collage}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
