"""What happened while sampling, for the log, the node's report output and the text under the node."""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch

from .kept_frames import kept_frames


class Report:
    """A line for every stage, drop and warning; each goes to the log at once.

    node: the name for the log. show: called with a short form that fits under a node, whenever there is news.
    """

    def __init__(self, node: str, show: Callable[[str], None] = lambda text: None):
        self.node = node
        self.show = show
        self.lines: list[str] = []
        self.short: list[str] = []  # such as "0, 3, 6, 8: 2.3 s"

    def stage(
        self, first_step: int, steps: int, sigmas: torch.Tensor, model: str, latent: dict, seconds: float
    ) -> None:
        last_step = first_step + len(sigmas) - 1
        which = f"step {last_step}" if last_step == first_step + 1 else f"steps {first_step + 1} to {last_step}"
        kept, whole, _ = kept_frames(latent)
        frames = f"{whole} latent frames" if len(kept) == whole else f"{len(kept)} of {whole} latent frames"
        self.short.append(f"{frames if len(kept) == whole else _list_kept(latent)}: {seconds:.1f} s")
        self._add(f"{which} of {steps}: noise {sigmas[0]:.3f} to {sigmas[-1]:.3f}, {model}, {frames}, {seconds:.1f} s")

    def drop(self, what: str, latent: dict, reason: str) -> None:
        _, whole, reference_frames = kept_frames(latent)
        of_reference = f" and {reference_frames} of reference" if reference_frames else ""
        video = f"{_list_kept(latent)} of {whole - reference_frames}{of_reference}"
        self._add(f"drop by {what}: kept the latent frames {video} ({reason})")

    def note(self, text: str) -> None:
        self._add(text)

    def warn(self, text: str) -> None:
        self._add(text, logging.WARNING)

    def _add(self, line: str, level: int = logging.INFO) -> None:
        self.lines.append(line)
        logging.log(level, "%s: %s", self.node, line)
        self.show("; ".join(self.short) or line)

    def __str__(self) -> str:
        return "\n".join(self.lines)


def _list_kept(latent: dict) -> str:
    """The latent frames that a LATENT kept of its video, as people count them."""
    kept, _, reference_frames = kept_frames(latent)
    return ", ".join(str(frame - reference_frames) for frame in kept[reference_frames:])
