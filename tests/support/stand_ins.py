"""Small random models under the names of the large ones that the shipped workflows load, and a ComfyUI that takes them.

ComfyUI reads a Wan model's and a Wan 2.1 VAE's width off the weights. It fixes the width of the text encoder and of the
Wan 2.2 VAE, so the stand-ins of those two need a copy of ComfyUI in which two lines of configuration are smaller. All
of its code is the real one.
"""

from __future__ import annotations

import io
import json
import re
import shutil
from pathlib import Path

import torch

from .small_models import random_weights, small_wan22_vae, small_wan_vae_state_dict, wan_state_dict

TEXT_ENCODER_CONFIG = "comfy/text_encoders/umt5_config_xxl.json"
SMALL_TEXT_ENCODER = {"d_ff": 8, "d_kv": 8, "num_heads": 1, "vocab_size": 64}  # width 4096 and 24 layers stay
VAE_DIM = 8


def copy_comfyui(installation: Path, place: Path) -> Path:
    """Copy ComfyUI's code to `place`, with a narrow text encoder and a narrow Wan 2.2 VAE; returns `place`."""
    left_out = {"models", "input", "output", "user", "temp", "custom_nodes", "venv"}  # of a lived-in installation

    def ignore(folder: str, names: list[str]) -> set[str]:
        at_top = Path(folder) == installation
        return {name for name in names if name.startswith(".") or (at_top and name in left_out)}

    shutil.copytree(installation, place, ignore=ignore)
    (place / "custom_nodes").mkdir()
    config = place / TEXT_ENCODER_CONFIG
    config.write_text(json.dumps(json.loads(config.read_text(encoding="utf-8")) | SMALL_TEXT_ENCODER), encoding="utf-8")
    loader = place / "comfy" / "sd.py"
    narrow = rf'"dim": {VAE_DIM}, "dec_dim": {VAE_DIM},\1'
    code, changes = re.subn(r'"dim": 160,( "z_dim": self\.latent_channels)', narrow, loader.read_text())
    if changes != 1:
        raise AssertionError(f"{loader} sets the width of the Wan 2.2 VAE in {changes} places, expected 1")
    loader.write_text(code)
    return place


def write_small_models(models: Path) -> None:
    """Write the stand-ins into the subfolders of `models`, under the names that the workflows list."""
    from safetensors.torch import save_file

    files = {
        "diffusion_models/wan2.2_i2v_high_noise_14B_fp8_scaled": wan_state_dict(1),
        "diffusion_models/wan2.2_i2v_low_noise_14B_fp8_scaled": wan_state_dict(2),
        "diffusion_models/wan2.2_ti2v_5B_fp16": wan_state_dict(3, in_dim=48, out_dim=48),
        "loras/Wan_2_2_I2V_A14B_HIGH_lightx2v_4step_lora_260412_rank_64_fp16": lora_state_dict(4),
        "loras/Wan_2_2_I2V_A14B_LOW_lightx2v_4step_lora_260412_rank_64_fp16": lora_state_dict(5),
        "text_encoders/umt5_xxl_fp8_e4m3fn_scaled": text_encoder_state_dict(6),
        "vae/wan_2.1_vae": small_wan_vae_state_dict(7, VAE_DIM),
        "vae/wan2.2_vae": small_wan22_vae(8, VAE_DIM).get_sd(),
    }
    for name, state in files.items():
        path = models / f"{name}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({key: tensor.contiguous() for key, tensor in state.items()}, path)


def lora_state_dict(seed: int, rank: int = 2) -> dict[str, torch.Tensor]:
    """Random weights of a LoRA for every attention layer of wan_state_dict, named as in the repackaged ones."""
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for name, tensor in wan_state_dict().items():
        if re.fullmatch(r"blocks\.\d+\.(self|cross)_attn\.[qkvo]\.weight", name):
            layer, (rows, columns) = f"diffusion_model.{name.removesuffix('.weight')}", tensor.shape
            weights[f"{layer}.lora_down.weight"] = torch.randn(rank, columns, generator=generator) / columns**0.5
            weights[f"{layer}.lora_up.weight"] = torch.randn(rows, rank, generator=generator) / rank**0.5
            weights[f"{layer}.alpha"] = torch.tensor(float(rank))
    return weights


def text_encoder_state_dict(seed: int) -> dict[str, torch.Tensor]:
    """Random weights of the umT5 encoder at SMALL_TEXT_ENCODER's size, its tokenizer included as in the real file."""
    import comfy.ops
    import comfy.text_encoders.t5

    real = Path(comfy.text_encoders.t5.__file__).with_name(Path(TEXT_ENCODER_CONFIG).name)
    config = json.loads(real.read_text(encoding="utf-8")) | SMALL_TEXT_ENCODER
    module = comfy.text_encoders.t5.T5(config, torch.float32, "cpu", comfy.ops.disable_weight_init)
    weights = {name: tensor.half() for name, tensor in random_weights(module, seed).items()}
    return weights | {"spiece_model": torch.frombuffer(bytearray(tokenizer_model()), dtype=torch.uint8)}


def tokenizer_model() -> bytes:
    """A SentencePiece model of SMALL_TEXT_ENCODER's vocabulary, with umT5's padding and end tokens (0 and 1)."""
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["the quick brown fox jumps over the lazy dog, and the camera stays still."] * 10),
        model_writer=model,
        vocab_size=SMALL_TEXT_ENCODER["vocab_size"],
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    return model.getvalue()
