"""Which latent frames stay when a video is thinned out, and at which noise level that happens.

IF-Edit (arXiv 2511.19435) drops once, at the expert boundary (sigma 0.9), and keeps the frames {0, K, 2K, ..., last};
ChronoEdit (arXiv 2510.04290) keeps {first, last}. Here a drop is bound to any noise level, there may be several, and
one more rule looks at what the model itself predicts: the first frame and the earliest that already shows the end.

Frames are latent frames; `frames` and every number that a person sees refer to the undropped video. Reference
frames are latent frames that stand in front of the video (VACE); they always stay.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch

STRIDE, FIRST_AND_LAST, FRAMES, FIRST_AND_SETTLED = "stride", "first + last", "frames", "first + settled"
KEEP_RULES = (STRIDE, FIRST_AND_LAST, FRAMES, FIRST_AND_SETTLED)

SETTLED_TOLERANCE = 0.1  # of the largest change in the video
CHANGED_SHARE = 0.02  # of the picture: an edit may be small
SIGMA_SLACK = 1e-6  # float32 noise levels that are meant to be equal
NO_CHANGE = 0.1  # of a latent's standard deviation: less than what noise leaves in a prediction


@dataclass(frozen=True)
class Drop:
    """A drop of latent frames before the first denoising step at or below a noise level.

    sigma: the noise level, 0..1 (1 = pure noise). keep: one of KEEP_RULES. stride: for "stride", every n-th of the
    frames that are left. frames: for "frames", numbers in the undropped video; negative ones count from its end (-1 =
    last). tolerance: for "first + settled", how far from the end a frame may be, as a fraction of the largest change.

    Raises ValueError for values out of range.
    """

    sigma: float
    keep: str = STRIDE
    stride: int = 3
    frames: tuple[int, ...] = ()
    tolerance: float = SETTLED_TOLERANCE

    def __post_init__(self):
        if self.keep not in KEEP_RULES:
            raise ValueError(f"What to keep is one of {', '.join(KEEP_RULES)}, got {self.keep!r}.")
        if not 0.0 <= self.sigma <= 1.0:
            raise ValueError(f"A drop happens at a noise level (sigma) from 0 to 1, got {self.sigma}. 0.9 is usual.")
        if self.keep == STRIDE and self.stride < 1:
            raise ValueError(f"The dropout stride is {self.stride}. Choose 1 (keeps every frame) or more; 3 is usual.")
        if self.keep == FRAMES and len(self.frames) < 2:
            raise self._too_few_frames()
        if self.keep == FIRST_AND_SETTLED and not 0.0 <= self.tolerance <= 1.0:
            raise ValueError(f"The tolerance is a fraction of the whole change, 0 to 1, got {self.tolerance}.")

    @property
    def needs_prediction(self) -> bool:
        """Whether it looks at the model's prediction of the clean video, so that a step must come before it."""
        return self.keep == FIRST_AND_SETTLED

    def choose(
        self,
        present: Sequence[int],
        latent_frames: int,
        prediction: torch.Tensor | None = None,
        reference_frames: int = 0,
    ) -> Choice:
        """Which of the frames that are `present` stay.

        Args:
            present: numbers of the frames that are left, ascending, in the undropped video of `latent_frames`.
            prediction: the clean latent [B, C, len(present), H, W] that the model predicts at this noise level.
            reference_frames: how many of the latent frames stand before the video.

        Raises ValueError where the rule cannot be followed.
        """
        present = list(present)
        before = [frame for frame in present if frame < reference_frames]
        video = present[len(before) :]
        check_is_video(len(video))
        if self.keep == STRIDE:
            chosen = [video[index] for index in stride_keep(len(video), min(self.stride, len(video)))]
            reason = f"every {_ordinal(self.stride)}, the first and the last"
        elif self.keep == FIRST_AND_LAST:
            chosen, reason = [video[0], video[-1]], "the source and the end"
        elif self.keep == FRAMES:
            chosen, reason = self._explicit(video, latent_frames, reference_frames), "as given"
        else:
            if prediction is None:
                raise ValueError(
                    f'"{FIRST_AND_SETTLED}" needs the model\'s prediction of the clean video, but no step comes before '
                    f"the drop at sigma {self.sigma}. Choose a lower sigma, or another rule."
                )
            index, reason = settled_latent_frame(prediction[:, :, len(before) :], self.tolerance)
            chosen = [video[0], video[index]]
        return Choice([present.index(frame) for frame in (*before, *chosen)], reason)

    def check(self, latent_frames: int, reference_frames: int = 0) -> None:
        """Raise a ValueError if a video of that many latent frames cannot be thinned out like this."""
        check_is_video(latent_frames - reference_frames)
        if self.keep == STRIDE:
            stride_keep(latent_frames - reference_frames, self.stride)
        elif self.keep == FRAMES:
            self._explicit(list(range(reference_frames, latent_frames)), latent_frames, reference_frames)

    def _explicit(self, video: list[int], latent_frames: int, reference_frames: int) -> list[int]:
        count = latent_frames - reference_frames
        places = sorted({frame + count if frame < 0 else frame for frame in self.frames})
        missing = [place for place in places if place + reference_frames not in video]
        if missing:
            raise ValueError(
                f"The latent frames to keep are {list(self.frames)}, but the video has only the latent frames "
                f"{_list_frames([frame - reference_frames for frame in video])} at that moment. Latent frame n holds "
                "the images 4n-3 to 4n."
            )
        if len(places) < 2:  # the same one named from both ends
            raise self._too_few_frames()
        return [place + reference_frames for place in places]

    def _too_few_frames(self) -> ValueError:
        return ValueError(
            f"Keeping explicit frames needs at least two latent frames, such as 0, 4, 8; got {list(self.frames)}."
        )

    @property
    def rule(self) -> str:
        """The rule in words, such as "stride 3"."""
        words = {STRIDE: f"stride {self.stride}", FRAMES: f"frames {', '.join(map(str, self.frames))}"}
        return words.get(self.keep, self.keep)

    def __str__(self) -> str:
        return f"{self.rule} at sigma {self.sigma:g}"


@dataclass(frozen=True)
class Choice:
    """What stays: ascending indices into the frames that were present, and a few words why."""

    keep: list[int]
    reason: str


def first_step_at(sigmas: torch.Tensor, sigma: float) -> int:
    """The first step that starts at or below a noise level; the number of steps if none does."""
    steps = len(sigmas) - 1
    return next((step for step in range(steps) if float(sigmas[step]) <= sigma + SIGMA_SLACK), steps)


def sort_drops(drops: Sequence[Drop]) -> tuple[Drop, ...]:
    """The drops in the order in which denoising meets them: from the highest noise level down."""
    return tuple(sorted(drops, key=lambda drop: -drop.sigma))


def check_drops(drops: Sequence[Drop], latent_frames: int, reference_frames: int = 0) -> None:
    """Raise a ValueError, before anything is sampled, if the drops cannot be made one after another."""
    present: list[int] | None = list(range(latent_frames))
    for drop in sort_drops(drops):
        drop.check(latent_frames, reference_frames)
        if present is None:
            if drop.keep == FRAMES:
                raise ValueError(
                    f'Explicit frames (at sigma {drop.sigma:g}) cannot follow "{FIRST_AND_SETTLED}", which leaves only '
                    "the first frame and one that is not known beforehand. Put the explicit frames first."
                )
        elif drop.needs_prediction:
            present = None
        else:
            present = [
                present[index] for index in drop.choose(present, latent_frames, reference_frames=reference_frames).keep
            ]


def stride_keep(latent_frames: int, stride: int) -> list[int]:
    """The latent frames that stay with a stride of K: [0, K, 2K, ..., last], always with the first and the last.

    Raises ValueError for a video of one latent frame, for a stride below 1 and for a stride larger than the video.
    """
    check_is_video(latent_frames)
    if not 1 <= stride <= latent_frames:
        raise ValueError(
            f"The dropout stride is {stride}, but the video has {latent_frames} latent frames. "
            f"Choose a stride from 1 (keeps every frame) to {latent_frames} (keeps the first and the last); 3 is usual."
        )
    keep = list(range(0, latent_frames, stride))
    return keep if keep[-1] == latent_frames - 1 else [*keep, latent_frames - 1]


def settled_latent_frame(prediction: torch.Tensor, tolerance: float) -> tuple[int, str]:
    """The earliest latent frame from which on the predicted video no longer differs from its end, and why.

    The distance of two latent frames is the root mean square over their channels in each cell, averaged over the 2 % of
    the cells that differ most, so that a small object counts as much as a large one. A frame has settled if neither it
    nor any later one is further from the last than `tolerance` times the largest distance in the video. A video in
    which nothing changes has settled at once, in frame 1: frame 0 is the source. Of a batch, the video that settles
    last decides.

    Args:
        prediction: the clean latent [B, C, F, H, W] that the model predicts, in units of its standard deviation.
        tolerance: 0..1.
    """
    distances = latent_distances(prediction)  # [B, F]
    largest = distances.amax(1)  # [B]
    changed = distances > torch.where(largest > NO_CHANGE, tolerance * largest, torch.inf)[:, None]
    frames = distances.shape[1]
    # One after the last frame that still differs; the last one never does.
    after = torch.arange(1, frames + 1, device=changed.device) * changed
    settled = after.amax(1).clamp(min=1)  # [B]
    index = int(settled.max())
    slowest = int(settled.argmax())
    if largest[slowest] <= NO_CHANGE:
        return index, "settled: nothing changes in the prediction"
    left = float(distances[slowest, index] / largest[slowest])
    return index, f"settled: {left:.0%} of the change is still to come after it, {tolerance:.0%} may be"


def latent_distances(latent: torch.Tensor) -> torch.Tensor:
    """Distance [B, F] of every latent frame of [B, C, F, H, W] to the last one, see `settled_latent_frame`."""
    latent = latent.float()
    change = (latent - latent[:, :, -1:]).square().mean(1).sqrt().flatten(2)  # [B, F, cells]
    return change.topk(max(1, round(CHANGED_SHARE * change.shape[2])), dim=2).values.mean(2)


def parse_frames(text: str) -> tuple[int, ...]:
    """Latent frame numbers out of a text such as "0, 4, 8" or "0 4 -1"; ValueError for anything else."""
    words = [word for word in re.split(r"[\s,;]+", text.strip()) if word]
    if not words or not all(re.fullmatch(r"[+-]?\d+", word) for word in words):
        raise ValueError(
            f'The frames to keep are latent frame numbers such as "0, 4, 8" (-1 is the last one), got {text!r}.'
        )
    return tuple(int(word) for word in words)


def check_is_video(latent_frames: int, used_by: str = "Temporal latent dropout") -> None:
    """Raise a ValueError for a video that is too short to drop anything from."""
    if latent_frames < 2:
        raise ValueError(
            f"{used_by} needs a video of at least 2 latent frames, got {latent_frames}. "
            "Set the length of WanImageToVideo to 5 or more images (33 is usual)."
        )


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _list_frames(frames: list[int]) -> str:
    if len(frames) > 2 and frames == list(range(frames[0], frames[-1] + 1)):
        return f"{frames[0]} to {frames[-1]}"
    return ", ".join(map(str, frames))
