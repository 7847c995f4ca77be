"""Positions after a drop: each kept latent frame stays at its own place in time, for one clone of the MODEL only."""

from __future__ import annotations

from functools import partial

import torch
from comfy.patcher_extension import WrapperExecutor, WrappersMP

from .kept_frames import TIME_AXIS, kept_frames

KEPT, COMPACT = "kept", "compact"
POSITIONS = (COMPACT, KEPT)  # the default first: it edits better on the embedded model (help page of the Edit Sampler)
POSITIONS_WRAPPER = "if_edit_kept_positions"


def set_positions(model, latent: dict, positions: str):
    """The model for this latent: a clone that knows the places of kept latent frames, or the model if all are there.

    The choice lives in the options of the clone, so that no other user of the same weights sees it.
    """
    keep, latent_frames, _ = kept_frames(latent)
    if "kept_latent_frames" not in latent:
        return model
    model = model.clone()
    model.remove_wrappers_with_key(WrappersMP.DIFFUSION_MODEL, POSITIONS_WRAPPER)
    if positions == KEPT and keep != list(range(latent_frames)):
        diffusion_model = model.get_model_object("diffusion_model")
        if not hasattr(diffusion_model, "rope_encode"):
            raise ValueError(
                f"Positions can only be kept with Wan models, got {type(diffusion_model).__name__}. "
                "Set positions to compact."
            )
        wrapper = KeptPositions(keep, latent_frames)
        model.add_wrapper_with_key(WrappersMP.DIFFUSION_MODEL, POSITIONS_WRAPPER, wrapper)
    return model


class KeptPositions:
    """Wrapper around a Wan model's forward: kept latent frames have the RoPE time positions of the whole video."""

    def __init__(self, keep: list[int], latent_frames: int):
        self.keep = keep
        self.latent_frames = latent_frames

    def __call__(self, executor: WrapperExecutor, x, *args, **kwargs):
        frames = x.shape[TIME_AXIS]  # x: [B, C, F, H, W]
        keep = self._of_window(next((options for options in args if isinstance(options, dict)), kwargs))
        if frames != len(keep):
            raise ValueError(
                f"This model was prepared for the {len(self.keep)} latent frames {self.keep} that a temporal latent "
                f"dropout kept, but samples {frames}. Connect the latent of the same dropout."
            )
        module = executor.class_obj
        before = int(getattr(module, "ref_conv", None) is not None and "reference_latent" in kwargs)
        view = _PositionsView(module, keep, self.latent_frames, before)
        # The wrappers after this one still run; only what they end in sees the module through the view. torch.compile
        # can follow a partial, but not a bound method that is made here.
        original = partial(executor.original.__func__, view)
        following = WrapperExecutor.new_class_executor(original, module, executor.wrappers, executor.idx + 1)
        return following.execute(x, *args, **kwargs)

    def _of_window(self, transformer_options: dict) -> list[int]:
        """The places of the frames of a context window, which begins at 0 and may run over the end of the video."""
        window = transformer_options.get("context_window")
        if window is None:
            return self.keep
        places = [self.keep[index] for index in window.index_list]
        return [(place - places[0]) % self.latent_frames for place in places]


class _PositionsView:
    """A Wan module as it is, except for the time positions of its frames; the module itself is not touched."""

    def __init__(self, module, keep: list[int], latent_frames: int, before: int):
        self._module = module
        self._keep = keep
        self._latent_frames = latent_frames
        self._before = before  # reference frames that the model puts before the video

    def __getattr__(self, name):
        return getattr(self._module, name)

    def rope_encode(self, t, *args, **kwargs):
        """Positions for t frames: references before the video, the kept frames, references after it (Phantom)."""
        keep, whole = self._keep, self._latent_frames
        dropped = whole - len(keep)
        positions = self._module.rope_encode(t + dropped, *args, **kwargs)  # [1, F * tokens of a frame, ...]
        rows = [
            *range(self._before),
            *(self._before + frame for frame in keep),
            *range(self._before + whole, t + dropped),
        ]
        by_frame = positions.unflatten(1, (t + dropped, -1))
        return by_frame.index_select(1, torch.tensor(rows, device=positions.device)).flatten(1, 2)
