"""Decides whether a picture shows a valid end of a scene's edit, and nothing else.

It knows the scene, so it can draw it in any way, and uses no model. Every picture is compared with one valid end:

- where the picture and the words determine the end, with that;
- where a few numbers are left open (the side to which a thing falls, the place to which it goes, which one vanishes),
  with the nearest valid end: numbers are searched until the scene drawn with them is as near as possible;
- drops and a puddle are found by their color, measured, turned into the scene that has just these, and drawn;
- shards are found by their color. The end they are compared with is the empty scene with flat matter of the hero's
  colors where they are, and its shadows.

How such ends are found says ends.py. They must be valid by themselves, or a word says what is wrong: "matter" was lost
or is too much, too few or too many "pieces", too small or too large a "spread", or "edges" that are too long: what is
seen half in more pixels than its outline has (a puddle, or a thing that went away) is two at once. Matter can be told
because the hero looks like nothing behind it, which the families that are "clear" see to (families.py). Then the rules,
the same for all:

- "edit": over everything that the edit changes, the squared error is at most a quarter of what the unedited source
  has; of ends that were fitted to the picture, a twelfth. Both are slightly blurred, so that neither noise nor
  softness counts.
- "ghost": in no small window is the mean difference more than a third of the edit's contrast. A half-transparent thing
  fails, wherever it is. Each window may be a pixel off.
- "background": elsewhere the picture is the true end to 25 dB.
- "soft", for "focus" and "still": enough of the fine detail of the true end is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from . import ends
from .drawing import SIZE, render
from .families import CONTRAST, FREE
from .matter import shifts, soften
from .scenes import Scene, without_hero

ERROR_LEFT = 0.25
FITTED_ERROR_LEFT = 0.08  # of ends that were fitted to the picture itself
FITTED = ("shatter", "burst", "spill")
LOCAL = 0.35  # of the edit's contrast; half-transparent is 0.5
WINDOW = 7  # pixels of 192
BACKGROUND = 25.0  # dB
DETAIL = 0.55
CLEAR = ("focus", "still")
MARGIN = 5  # pixels around what changes
SLIGHT = 0.05  # a difference of colors that is no change worth of the name


@dataclass
class Verdicts:
    """Of B pictures.

    Attributes:
        success: [B] bool.
        error_left: [B] squared error as a fraction of the unedited source's; not a number if nothing has to change.
        local: [B] the largest mean difference in a window, as a fraction of the contrast.
        background: [B] dB outside of what the edit changes; not a number if that is everything.
        detail: [B] how much of the true end's fine detail is there.
        failed: the first rule that failed, or "".
        free: the free numbers of the nearest valid end.
        ends: [B, 3, H, W] that end; ghosts.py measures against it.
    """

    success: torch.Tensor
    error_left: torch.Tensor
    local: torch.Tensor
    background: torch.Tensor
    detail: torch.Tensor
    failed: list[str]
    free: list[dict]
    ends: torch.Tensor


class Judge:
    """Judges pictures of some scenes; what it needs for that is drawn once.

    Args:
        scenes: of equal length.
        size: side of the pictures in pixels.
        device: where pictures are drawn and compared. Matter is searched on the CPU.
    """

    def __init__(self, scenes: Sequence[Scene], size: int = SIZE, device: torch.device | str = "cpu") -> None:
        self.scenes, self.size, self.device = list(scenes), size, torch.device(device)
        last = scenes[0].frames - 1
        self.source, self.truth = render(scenes, size, [0, last], device, exposures=1).frames.unbind(1)
        self.open = [b for b, scene in enumerate(scenes) if scene.family in FREE]
        if self.open:
            some = [scenes[b] for b in self.open]
            empty = render([without_hero(scene) for scene in some], size, [last], device, exposures=1).frames[:, 0]
            self.finder = ends.Finder(some, empty, self.truth[self.open])

    def judge(self, pictures: torch.Tensor) -> Verdicts:
        """The verdicts on last frames [B, 3, H, W] in 0..1, one of each scene."""
        pictures = pictures.to(self.device, torch.float32)
        truth, flaws, free = self.truth.clone(), [""] * len(pictures), [{} for _ in pictures]
        if self.open:
            for b, end in zip(self.open, self.finder.find(pictures[self.open]), strict=True):
                truth[b], flaws[b], free[b] = end.picture, end.flaw, end.free
        error_left, local, background, detail = _measure(pictures, self.source, truth)
        failed = []
        for b, scene in enumerate(self.scenes):
            clear = scene.family in CLEAR
            rules = {
                flaws[b]: bool(flaws[b]),
                "soft": clear and not detail[b] >= DETAIL,
                "edit": not clear
                and not error_left[b] <= (FITTED_ERROR_LEFT if scene.family in FITTED else ERROR_LEFT),
                "ghost": not local[b] <= LOCAL,
                "background": bool(background[b] < BACKGROUND),
            }
            failed.append(next((rule for rule, broken in rules.items() if broken), ""))
        success = torch.tensor([not rule for rule in failed])
        return Verdicts(success, error_left, local, background, detail, failed, free, truth)


def _measure(pictures: torch.Tensor, source: torch.Tensor, truth: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """(error left, local difference, background in dB, detail), each [B], of images [B, 3, H, W]."""
    scale = pictures.shape[-1] / SIZE
    detail = _detail_gain(pictures, truth)
    error = (pictures - truth).square()
    pictures, source, truth = (soften(images, 1.0) for images in (pictures, source, truth))
    change = (source - truth).abs().amax(1)  # [B, H, W]
    margin = max(1, round(MARGIN * scale))
    region = F.max_pool2d((change > 2 / 255)[:, None].float(), 2 * margin + 1, 1, margin) > 0  # [B, 1, H, W]
    before = ((source - truth).square() * region).sum((1, 2, 3))
    left = ((pictures - truth).square() * region).sum((1, 2, 3)) / before
    left[before == 0] = float("nan")
    outside = ~region
    background = -10 * torch.log10(((error * outside).sum((1, 2, 3)) / (3 * outside.sum((1, 2, 3)))).clamp(min=1e-10))
    window = max(3, int(WINDOW * scale) // 2 * 2 + 1)
    differences = torch.stack([(pictures - moved).abs().amax(1) for moved in shifts(truth)])
    windows = F.avg_pool2d(differences, window, 1, window // 2, count_include_pad=False).amin(0)  # [B, H, W]
    contrast = torch.stack([_contrast(one) for one in change])[:, None, None]
    allowed = torch.where(region[:, 0], contrast, contrast.clamp(max=CONTRAST))
    return left.cpu(), (windows / allowed).amax((1, 2)).cpu(), background.cpu(), detail.cpu()


def _contrast(change: torch.Tensor) -> torch.Tensor:
    """Of an edit whose first and last frame differ by [H, W]: what three quarters of its pixels stay below."""
    changed = change[change > SLIGHT]
    return changed.quantile(0.75) if len(changed) else change.new_tensor(CONTRAST)


def _detail_gain(pictures: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """[B]: how much of what a blur of two pixels takes from the truth is in the pictures, 1 for all of it."""
    ours, its = (images - soften(images, 2.0) for images in (pictures, truth))
    return (ours * its).sum((1, 2, 3)) / its.square().sum((1, 2, 3)).clamp(min=1e-9)
