"""What an edit does not need of the work of Wan's VAE, counted in multiplications of its convolutions.

    python tools/run.py research.benchmarks.vae_waste

Encoding: a start image is encoded as a video that is grey after it. Layers that see nothing but grey have the same
result for chunk after chunk; `sampling/vae.py` computes it once. The table counts what then is left to do.

Decoding: of each kept latent frame only one image is looked at. The table counts what serves only the others: little,
because the wanted image depends on the two frames before it in every one of the 13 causal convolutions at full frame
rate, and so on nearly all of them. To leave it out, the last convolutions would have to work on fewer frames at a time;
a GPU then sums in another order, and the result is no longer the same. So everything is computed, and what nobody looks
at stays on the GPU.

The layers are run at a small size to see which of them work on which frames; the multiplications are those of the full
size (dim 96), whose share in the whole does not depend on the resolution.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import torch

from .random_models import fill, find_comfyui, vae_module

ENCODE_FRAMES = (17, 33, 49, 81)
DECODED = {
    "all of 9 latent frames": range(9),
    "stride 3 of 9": (0, 3, 6, 8),
    "first + last of 9": (0, 8),
    "all of 21": range(21),
    "stride 3 of 21": (0, 3, 6, 9, 12, 15, 18, 20),
}
FULL_DIM, SMALL_DIM, SMALL_SIDE = 96, 8, 16


def wan_vae(dim: int, device: str = "cpu") -> torch.nn.Module:
    """A Wan 2.1 VAE of ComfyUI, with random weights unless it is on the meta device."""
    with torch.device(device):
        module = vae_module(dim)
    if device != "meta":
        fill(module, torch.Generator(device).manual_seed(0))
    return module.eval()


def convolutions(module: torch.nn.Module) -> dict[str, torch.nn.Module]:
    return {name: part for name, part in module.named_modules() if isinstance(part, (torch.nn.Conv2d, torch.nn.Conv3d))}


def watch(module: torch.nn.Module, on_output: Callable[[str, torch.Tensor], None]) -> list:
    """Calls `on_output(name, output)` for every convolution that works; returns the hooks, to be removed."""

    def hook(name):
        return lambda part, inputs, output: on_output(name, output)

    return [part.register_forward_hook(hook(name)) for name, part in convolutions(module).items()]


def multiplications(output: torch.Tensor, full_size: torch.nn.Module) -> int:
    """Of a convolution that made `output` [B, C, (T,) H, W], if it had the weights of `full_size`."""
    positions = output.shape[0] * output[0, 0].numel()
    return positions * full_size.weight.numel()


def encode_left(frames: int) -> tuple[float, float]:
    """Share of the multiplications left when a start image's video is encoded: (all layers, those at full size)."""
    from ...sampling.vae import reusing_encoder

    small, full = wan_vae(SMALL_DIM), convolutions(wan_vae(FULL_DIM, "meta").encoder)
    pixels = torch.zeros(1, 3, frames, SMALL_SIDE, SMALL_SIDE)
    pixels[:, :, 0] = torch.rand(1, 3, SMALL_SIDE, SMALL_SIDE, generator=torch.Generator().manual_seed(1))
    counts = []
    for encoder in (small.encoder, reusing_encoder(small.encoder)):
        done = {"all": 0, "full size": 0}

        def count(name, output, done=done):
            done["all"] += multiplications(output, full[name])
            if output.shape[-1] == SMALL_SIDE:
                done["full size"] += multiplications(output, full[name])

        hooks = watch(small.encoder, count)
        whole = small.encoder
        small.encoder = encoder
        with torch.inference_mode():
            small.encode(pixels)
        small.encoder = whole
        for each in hooks:
            each.remove()
        counts.append(done)
    return tuple(counts[1][what] / counts[0][what] for what in ("all", "full size"))


def decode_needed(latent_frames: int, wanted: Sequence[int]) -> float:
    """Share of the decoder's multiplications that the images `wanted` depend on.

    What they do not depend on has no gradient.
    """
    small, full = wan_vae(SMALL_DIM).double(), convolutions(wan_vae(FULL_DIM, "meta").decoder)
    outputs: list[tuple[str, torch.Tensor]] = []

    def remember(name, output):
        output.retain_grad()
        outputs.append((name, output))

    hooks = watch(small.decoder, remember)
    latent = torch.randn(1, 16, latent_frames, 2, 2, generator=torch.Generator().manual_seed(2)).double()
    small.decode(latent)[:, :, wanted].sum().backward()
    for each in hooks:
        each.remove()
    done = needed = 0
    for name, output in outputs:
        cost = multiplications(output, full[name])
        # Two-dimensional convolutions have their frames in the batch: [T, C, H, W].
        by_frame = output.grad[0].movedim(1, 0) if output.ndim == 5 else output.grad
        done += cost
        needed += cost * float((by_frame.flatten(1) != 0).any(1).double().mean()) if output.grad is not None else 0
    return needed / done


def main() -> int:
    from ...editing.keyframes import decoding_order

    find_comfyui()
    print("Encoding a start image followed by grey frames, multiplications left:")
    for frames in ENCODE_FRAMES:
        everything, full_size = encode_left(frames)
        print(f"  {frames:3} frames: {everything:6.1%}   of the layers at full resolution: {full_size:6.1%}")
    print("Decoding, multiplications that serve only images nobody looks at:")
    for name, kept in DECODED.items():
        order, wanted = decoding_order(kept)
        print(f"  {name:24} {1 - decode_needed(len(order), wanted):6.1%}   ({len(order)} latent frames are decoded)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
