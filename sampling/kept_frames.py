"""Which latent frames of the whole video a LATENT still holds.

A LATENT that was cut carries `kept_latent_frames`, the kept indices in the undropped video, and `latent_frames`, the
count before; with references before the video (VACE), which both of them count too, also `reference_latent_frames`.
"""

from __future__ import annotations

from typing import NamedTuple

from ..editing.keyframes import IMAGES_PER_LATENT

TIME_AXIS = 2  # of [B, C, F, H, W]


class KeptFrames(NamedTuple):
    """The frames of a latent: their places in the undropped video, how many latent frames that video had, and how many
    of them are reference frames in front of the video (counted in both).
    """

    kept: list[int]
    latent_frames: int
    reference_frames: int


def kept_frames(latent: dict) -> KeptFrames:
    """Which frames a LATENT kept; all of them where no frame was dropped."""
    frames = latent["samples"].shape[TIME_AXIS]
    kept = latent.get("kept_latent_frames")
    if kept is None:
        return KeptFrames(list(range(frames)), frames, 0)
    kept, whole = [int(frame) for frame in kept], int(latent["latent_frames"])
    references = int(latent.get("reference_latent_frames", 0))
    if references and len(kept) == frames + references:  # TrimVideoLatent took the references away, but not our entries
        return KeptFrames([frame - references for frame in kept[references:]], whole - references, 0)
    return KeptFrames(kept, whole, references)


def trim_reference_frames(latent: dict) -> dict:
    """The LATENT of the video alone, without the reference frames that a drop kept before it."""
    kept, whole, references = kept_frames(latent)
    if "reference_latent_frames" not in latent:
        return latent
    return {name: value for name, value in latent.items() if name != "reference_latent_frames"} | {
        "samples": latent["samples"][:, :, references:],
        "kept_latent_frames": [frame - references for frame in kept[references:]],
        "latent_frames": whole - references,
    }


def frame_numbers(latent: dict) -> list[int]:
    """The image number of the settled frame of every latent frame, in the whole video: 4 times the latent frame.

    Of a batch, each video is numbered from its own beginning.
    """
    return [IMAGES_PER_LATENT * frame for frame in kept_frames(latent).kept] * latent["samples"].shape[0]
