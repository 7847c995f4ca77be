"""ComfyUI's Wan VAEs with what they give, bit for bit, and without the work that an edit does not need.

Encoding: the condition of a Wan image-to-video model is the latent of a video that begins with the start image and is
grey from there on. The encoder takes it in chunks of a few frames and hands the last frames of every layer on to the
next chunk. A layer looks only so far back, so some chunks after the image all that it sees is grey: its input and what
was handed on are the same as for the chunk before, and so is its output, which is then taken from there. The first
layers, which work at full resolution and cost most, come to rest first (`research.benchmarks.vae_waste` counts it).
What is held for that makes the peak of memory 1.4 times as high, which is still below what ComfyUI sets aside for it.

Decoding: most of the images that a latent decodes to are not looked at. All are computed, because the wanted ones need
what the decoder remembers of them (the same script counts how little does not); but only the wanted ones are brought to
the CPU and made into images.

Both go through `comfy.sd.VAE` itself, which loads the model and makes room for it, on a copy of that object that shares
the weights. Neither the VAE nor its module is touched.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import TypeVar

import comfy.ldm.wan.vae
import comfy.ldm.wan.vae2_2
import comfy.sd
import torch

GREY = 0.5
Thing = TypeVar("Thing")
Module = TypeVar("Module", bound=torch.nn.Module)

_WAN_21 = comfy.ldm.wan.vae.WanVAE
_WAN_22 = comfy.ldm.wan.vae2_2.WanVAE


def encode_with_grey(vae, images: torch.Tensor, length: int) -> torch.Tensor | None:
    """The latent of the video of `length` frames that begins with images [N, H, W, 3], N <= length, and then is grey.

    Equal to `vae.encode` of that video: [1, 16, F, H/8, W/8]. None where that is not known to be so (another VAE than
    Wan 2.1's, or one that another pack has changed) and where the GPU cannot encode the video in one piece.
    """
    if not _is_plain(vae, "encode", [_WAN_21]):
        return None

    def memory_used(shape, dtype):  # of the whole video, of which VAE.encode sees one grey frame
        return vae.memory_used_encode((*shape[:2], length, *shape[3:]), dtype)

    encoder = _GreyVideoEncoder(vae.first_stage_model, length - len(images))
    copied = _copy_with(vae, first_stage_model=encoder, memory_used_encode=memory_used, encode_tiled_3d=_no_tiles)
    try:
        return copied.encode(torch.cat([images, torch.full_like(images[:1], GREY)]))
    except _NotInOnePiece:
        return None


def decode_images(
    vae,
    latent: torch.Tensor,
    wanted: Sequence[int],
    on_step: Callable[[int, int], None] = lambda done, steps: None,
) -> torch.Tensor:
    """Some of the 4F - 3 images that a latent [B, C, F, h, w] decodes to: [B, len(wanted), H, W, 3].

    Equal to `vae.decode(latent)[:, wanted]`, with its way out where the GPU cannot decode the video in one piece.
    on_step: told how many of the B * F latent frames are decoded. Where the VAE shows no progress, only of the end.
    What it raises is passed on.
    """
    wanted, steps, done = list(wanted), latent.shape[0] * latent.shape[2], 0

    def advance(by: int) -> None:
        nonlocal done
        done += by
        on_step(done, steps)

    advance(0)
    if _is_plain(vae, "decode", [_WAN_21, _WAN_22]):
        decoder = _SomeImagesDecoder(vae.first_stage_model, wanted, advance)
        copied = _copy_with(vae, first_stage_model=decoder, decode_tiled_3d=_no_tiles)
        try:
            return copied.decode(latent).contiguous()
        except _NotInOnePiece:
            pass
    # A copy of the wanted images alone, so that the others can be freed.
    images = vae.decode(latent)[:, wanted].contiguous()
    on_step(steps, steps)
    return images


class _NotInOnePiece(Exception):
    """ComfyUI ran out of memory and wants to go on in tiles, which must be cut from the whole video."""


def _no_tiles(*args, **kwargs):
    raise _NotInOnePiece


def _is_plain(vae, method: str, modules: list[type]) -> bool:
    """Whether this is ComfyUI's own VAE around one of its own modules; only those work as described above."""
    return type(vae) is comfy.sd.VAE and method not in vars(vae) and type(vae.first_stage_model) in modules


def _copy_with(thing: Thing, **attributes) -> Thing:
    copied = copy.copy(thing)
    vars(copied).update(attributes)
    return copied


class _SomeImagesDecoder:
    """A Wan module whose `decode` gives only the wanted images, and tells `advance` of each latent frame."""

    def __init__(self, module: comfy.ldm.wan.vae.WanVAE, wanted: list[int], advance: Callable[[int], None]):
        self._module = _copy_with_children(module, decoder=_CountingDecoder(module.decoder, advance))
        self._wanted = wanted

    def __getattr__(self, name):
        return getattr(self._module, name)

    def decode(self, z: torch.Tensor, *args, **kwargs) -> torch.Tensor:
        """[B, 3, len(wanted), H, W] of latents [B, C, F, h, w]"""
        return self._module.decode(z, *args, **kwargs)[:, :, self._wanted]


class _CountingDecoder(torch.nn.Module):
    """The decoder of a Wan VAE, which is called with one latent frame after the other, in newer cores with two."""

    def __init__(self, decoder: torch.nn.Module, advance: Callable[[int], None]):
        super().__init__()
        self.decoder = decoder
        self.advance = advance

    def forward(self, x: torch.Tensor, *args, **options):
        images = self.decoder(x, *args, **options)
        self.advance(x.shape[0] * x.shape[2])  # [B, C, 1 or 2, h, w]
        return images


class _GreyVideoEncoder:
    """A Wan module whose `encode` gets the last frame of a video once and repeats it (0 times: leaves it out)."""

    def __init__(self, module: comfy.ldm.wan.vae.WanVAE, repeats: int):
        self._module = _copy_with_children(module, encoder=reusing_encoder(module.encoder))
        self._repeats = repeats

    def __getattr__(self, name):
        return getattr(self._module, name)

    def encode(self, pixels: torch.Tensor, *args, **kwargs) -> torch.Tensor:
        """[B, 16, F, H/8, W/8] of pixels [B, 3, N + 1, H, W]"""
        tail = pixels[:, :, -1:].expand(-1, -1, self._repeats, -1, -1)
        return self._module.encode(torch.cat([pixels[:, :, :-1], tail], 2), *args, **kwargs)


def reusing_encoder(encoder: comfy.ldm.wan.vae.Encoder3d) -> comfy.ldm.wan.vae.Encoder3d:
    """The encoder of a Wan 2.1 VAE, for one video: a layer does not repeat what it did for the chunk before."""
    layers = torch.nn.Sequential(*(_ReusingLayer(layer) for layer in encoder.downsamples))
    return _copy_with_children(encoder, conv1=_ReusingConvolution(encoder.conv1), downsamples=layers)


def _copy_with_children(module: Module, **children: torch.nn.Module) -> Module:
    """A copy of the module in which some children are others; all weights are shared."""
    return _copy_with(module, _modules={**module._modules, **children})


class _ReusingConvolution(torch.nn.Module):
    """The first convolution, called with a chunk and the end of the chunk before."""

    def __init__(self, convolution: torch.nn.Module):
        super().__init__()
        self.convolution = convolution
        self.last: tuple[torch.Tensor, torch.Tensor | None, torch.Tensor] | None = None  # x, cache, result

    def forward(self, x: torch.Tensor, cache: torch.Tensor | None = None) -> torch.Tensor:
        if self.last is None or not (_same(x, self.last[0]) and _same(cache, self.last[1])):
            self.last = None  # so that its memory is free while the convolution works
            self.last = (x, cache, self.convolution(x, cache))
        return self.last[2]


class _ReusingLayer(torch.nn.Module):
    """A residual block or down-sampling, called with a chunk and the list of what all layers keep of the chunk before.

    The layer has its own stretch of that list, beginning at `place[0]`, and moves `place[0]` to its end. Once a chunk
    has left the stretch as it was, an equal chunk on top of it must have the same result.
    """

    def __init__(self, layer: torch.nn.Module):
        super().__init__()
        self.layer = layer
        self.at_rest = None

    def forward(self, x: torch.Tensor, caches: list | None = None, place: list[int] | None = None, **options):
        if caches is None or place is None:  # a single image
            return self.layer(x, caches, place, **options)
        start = place[0]
        if self.at_rest is not None:
            last_x, last_options, kept, end, result = self.at_rest
            untouched = all(cache is old for cache, old in zip(caches[start:end], kept, strict=True))
            if untouched and options == last_options and _same(x, last_x):
                place[0] = end
                return result
            self.at_rest = last_x = kept = result = None  # so that their memory is free while the layer works
        before = caches[start:]
        result = self.layer(x, caches, place, **options)
        kept = caches[start : place[0]]
        if all(_same(cache, old) for cache, old in zip(kept, before, strict=False)):
            self.at_rest = (x, options, kept, place[0], result)
        return result


def _same(one: object, other: object) -> bool:
    """Whether two chunks, or what is kept of them, are equal (NaN equals nothing)."""
    if one is other:
        return True
    if not (isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor)):
        return False
    return one.shape == other.shape and torch.equal(one, other)
