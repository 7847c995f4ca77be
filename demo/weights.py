"""The embedded model's weights: where they are, how they are stored, and what is wrong with them if they do not fit.

safetensors files of less than 16 MB in `demo/weights`, with `index.json` beside them: the sizes of the three parts, the
word list, and which file holds which tensor with which shape. Tensors are float16; large matrices and convolutions are
int8 with a float16 scale per row or output channel beside them, so that the repository stays small.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

CLEARING_CAPTION = "the blurred picture slowly comes into focus"  # in training's words what the refiner asks for

WEIGHTS = Path(__file__).parent / "weights"
SHARD_BYTES = 15_000_000
PARTS = ("transformer", "vae", "text_encoder")
EIGHT_BIT_FROM = 2**16  # elements; a VAE loses 0.3 dB if smaller convolutions have eight bits too, and 0.003 dB so
SCALE = ".scale"  # what the name of a matrix's scales ends in


class WeightsError(RuntimeError):
    """The weights' files are missing, damaged, or not what the index says."""


def _to_eight_bits(matrix: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """int8 [rows, ...] and float16 scales [rows, 1, ...], the product of which is nearest to `matrix`."""
    scale = (matrix.float().abs().amax(tuple(range(1, matrix.ndim)), keepdim=True) / 127).clamp(min=2.0**-24).half()
    return (matrix.float() / scale.float()).round().clamp(-127, 127).to(torch.int8), scale


def save_part(part: str, state: dict[str, torch.Tensor], config: dict, folder: Path = WEIGHTS) -> None:
    """Writes one of `PARTS` as shards and enters it into the index, replacing what was there of it."""
    folder.mkdir(parents=True, exist_ok=True)
    shards: list[dict[str, torch.Tensor]] = [{}]
    used = 0
    for name, tensor in state.items():
        tensor = tensor.detach().cpu()
        if tensor.ndim > 1 and tensor.numel() >= EIGHT_BIT_FROM:
            stored = dict(zip((name, name + SCALE), _to_eight_bits(tensor), strict=True))
        else:
            stored = {name: tensor.half().contiguous()}
        size = sum(t.nbytes for t in stored.values())
        if used + size > SHARD_BYTES and shards[-1]:
            shards.append({})
            used = 0
        shards[-1] |= stored
        used += size
    for old in folder.glob(f"{part}-*.safetensors"):
        old.unlink()
    tensors = {}
    for number, shard in enumerate(shards, 1):
        file = f"{part}-{number:05}-of-{len(shards):05}.safetensors"
        save_file(shard, folder / file)
        tensors |= {name: {"file": file, "shape": list(tensor.shape)} for name, tensor in shard.items()}
    path = folder / "index.json"
    index = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    index[part] = {"config": config, "tensors": tensors}
    path.write_text(json.dumps(index, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _read_entry(part: str, folder: Path) -> dict:
    path = folder / "index.json"
    if not path.is_file():
        raise WeightsError(f"The embedded model's {path} is missing. Install the pack again, whole.")
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))[part]
        return {"config": dict(entry["config"]), "tensors": dict(entry["tensors"])}
    except (ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"The embedded model's {path} is damaged: {part} is not in it as it should be ({error!r}). "
            "Install the pack again."
        ) from error


def load_part(part: str, folder: Path | None = None) -> tuple[dict[str, torch.Tensor], dict]:
    """The float16 tensors by name, and the configuration, of one of `PARTS`; the shipped ones if `folder` is None.

    Raises:
        WeightsError: names the file and the tensor that is missing, damaged, or of another shape than the index says.
    """
    folder = folder or WEIGHTS
    entry = _read_entry(part, folder)
    state: dict[str, torch.Tensor] = {}
    for file in sorted({place["file"] for place in entry["tensors"].values()}):
        path = folder / file
        if not path.is_file():
            raise WeightsError(f"The embedded model's {path} is missing. Install the pack again, whole.")
        try:
            state |= load_file(path)
        except (SafetensorError, OSError) as error:
            raise WeightsError(f"The embedded model's {path} is damaged ({error}). Install the pack again.") from error
    for name, place in entry["tensors"].items():
        if name not in state:
            raise WeightsError(f"The embedded model's {folder / place['file']} lacks the tensor {name}.")
        if list(state[name].shape) != place["shape"]:
            raise WeightsError(
                f"The embedded model's tensor {name} in {folder / place['file']} has the shape "
                f"{list(state[name].shape)}, expected {place['shape']}."
            )
    for name in [name for name, tensor in state.items() if tensor.dtype == torch.int8]:
        if name + SCALE not in state:
            raise WeightsError(
                f"The embedded model's {folder / entry['tensors'][name]['file']} lacks the tensor {name + SCALE}."
            )
        state[name] = (state[name].float() * state.pop(name + SCALE).float()).half()
    return state, entry["config"]
