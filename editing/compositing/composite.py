"""The edit pasted back into the photo: what the edit changed comes from the edit, everything else from the photo.

The papers of this field end with a frame of the video model, at its resolution, with its blur and its drift. Here that
frame is compared with its photo at the model's size (`alignment`, `change_mask`), and what really changed is pasted
into the photo at the photo's size (`blending`). Outside the mask the photo's values are not touched at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import torch
import torch.nn.functional as F

from ..alignment import (
    NO_CAMERA_DRIFT,
    NO_EXPOSURE_DRIFT,
    CameraDrift,
    ExposureDrift,
    estimate_camera,
    estimate_exposure,
    find_visible,
)
from ..images import as_rgb
from .blending import Window, blend, sample, soft_mask
from .change_mask import became_sharper, find_change
from .detail import undo_softness
from .fit import Fit, check_size, fit_without_plan, resample, shown_part
from .rim import blend_rim

AUTOMATIC, LOCAL, WHOLE = "automatic", "local edit", "whole image"
MODES = (AUTOMATIC, LOCAL, WHOLE)
WHOLE_SHARE = 0.6  # of the image: an edit that changes more is one of the whole image
CLIPPED = 0.004  # a step of 255
SAME_SHAPE = 0.02  # difference of aspect that a mask may have without a warning
WORK_PIXELS = 1_300_000  # at most, in which drift and change are estimated
COMPARE_SIDE = 1024  # pixels, longest side of an image in the side-by-side picture

Enlarge = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Controls:
    """mode: see MODES. threshold: 0 to 1, how strong a difference must be to count as a change. grow, feather: pixels
    of the edited image. correct_drift: undo changes of exposure, color and camera.
    """

    mode: str = AUTOMATIC
    threshold: float = 0.5
    grow: int = 0
    feather: int = 5
    correct_drift: bool = True


@dataclass(frozen=True)
class Composited:
    """image [H, W, C]: the photo with the edit in it. mask [H, W]: how much of each pixel comes from the edit, 0..1.
    whole: was the whole image taken? report: what was done, a sentence a line.
    """

    image: torch.Tensor
    mask: torch.Tensor
    whole: bool
    report: str


def composite_edits(
    photos: torch.Tensor,
    edited: torch.Tensor,
    fit: Fit | None = None,
    controls: Controls = Controls(),
    keep_masks: torch.Tensor | None = None,
    edit_masks: torch.Tensor | None = None,
    enlarge: Enlarge | None = None,
    on_step: Callable[[int, int], None] = lambda done, steps: None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, list[str]]:
    """Paste a batch of edits back: `composite_edit` for each of them.

    Args:
        photos: [1, H, W, C] for all edits, or [N, H, W, C].
        edited: [N, h, w, C].
        fit: None where the edited images show the whole photo.
        keep_masks, edit_masks: [n, h, w] as they were drawn, see `photo_mask`; the last one serves all further edits.
        on_step: told how many of how many edits are pasted. What it raises is passed on.

    Returns:
        images [N, H, W, C], masks [N, H, W], photo and result side by side [N, h, w, 3], and a report for each edit.

    Raises ValueError where the numbers of photos and edits do not match, and as `composite_edit` does.
    """
    if len(photos) not in (1, len(edited)):
        raise ValueError(
            f"Composite Edit got {len(edited)} edited images and {len(photos)} photos. Connect one photo for all of "
            "them, or one photo for each."
        )
    height, width = photos.shape[1:3]
    if fit is None:
        fit = fit_without_plan(width, height, edited.shape[2], edited.shape[1])
    originals = [_Photo(one, fit) for one in photos]
    done, pairs, reports = [], [], []
    on_step(0, len(edited))
    for number, one in enumerate(edited):
        photo = originals[min(number, len(originals) - 1)]
        keep, keep_note = photo_mask(keep_masks, number, fit, "keep_mask")
        edit, edit_note = photo_mask(edit_masks, number, fit, "edit_mask")
        result = _composite(photo, one, controls, keep, edit, enlarge)
        done.append(result)
        pairs.append(_side_by_side(photo.for_screen, _reduce_for_screen(result.image[None, ..., :3])))
        text = "\n".join(line for line in (result.report, keep_note, edit_note) if line)
        reports.append(text if len(edited) == 1 else f"Image {number + 1}: {text}")
        on_step(len(done), len(edited))
    images, masks = _stack([one.image for one in done]), _stack([one.mask for one in done])
    return images, masks, torch.cat(pairs), reports


def composite_edit(
    photo: torch.Tensor,
    edited: torch.Tensor,
    fit: Fit,
    controls: Controls = Controls(),
    keep_mask: torch.Tensor | None = None,
    edit_mask: torch.Tensor | None = None,
    enlarge: Enlarge | None = None,
) -> Composited:
    """Paste what an edit changed back into the photo.

    Args:
        photo: [H, W, C], C = 1, 3 or 4. Its alpha and, outside the mask, its very values are kept.
        edited: [h, w, C], the edit of the model's image, or an enlarged one.
        fit: how the photo became the model's image.
        keep_mask, edit_mask: [H, W] of the photo, 0..1: where the photo, and where the edit is taken whatever the
            estimate says. Where both are marked the photo stays.
        enlarge: takes images [1, h, w, 3] to a larger size, such as an upscale model; Lanczos does the rest.

    Raises ValueError where sizes do not match and where the photo is broken. A broken edit (NaN) gives the photo.
    """
    return _composite(_Photo(photo, fit), edited, controls, keep_mask, edit_mask, enlarge)


class _Photo:
    """A photo [H, W, C] and its fit. Several edits of it reduce it only once."""

    def __init__(self, values: torch.Tensor, fit: Fit):
        check_size(values[None], fit, "source")
        self.values, self.fit = values, fit
        self.rgb = as_rgb(values[None], "source")  # [1, H, W, 3]
        self._reduced: dict[tuple[int, int], torch.Tensor] = {}

    def reduced(self, height: int, width: int) -> torch.Tensor:
        """The part that the fit shows, at another size: [3, height, width]."""
        size = (height, width)
        if size not in self._reduced:
            self._reduced[size] = _channels_first(resample(self.rgb, width, height, self.fit.source_box))
        return self._reduced[size]

    @cached_property
    def for_screen(self) -> torch.Tensor:
        """All of it at a size for the screen: [1, h, w, 3]."""
        return _reduce_for_screen(self.rgb)


def _composite(
    photo: _Photo,
    edited: torch.Tensor,
    controls: Controls,
    keep_mask: torch.Tensor | None,
    edit_mask: torch.Tensor | None,
    enlarge: Enlarge | None,
) -> Composited:
    if controls.mode not in MODES:
        raise ValueError(f"Unknown mode {controls.mode!r}. Choose one of {', '.join(MODES)}.")
    fit = photo.fit
    try:
        shown = shown_part(as_rgb(edited[None], "edited"), fit)  # [1, h, w, 3]
    except ValueError as error:
        if torch.isfinite(edited).all():
            raise
        return _return_photo(photo.values, f"The photo is returned unchanged. {error}")

    size = _work_size(*shown.shape[1:3])
    reference = photo.reduced(*size)
    work = _channels_first(resample(shown, size[1], size[0]))

    lines, colour, camera = [], NO_EXPOSURE_DRIFT, NO_CAMERA_DRIFT
    aligned, exposure_changed = work, False
    if controls.mode != WHOLE and controls.correct_drift:
        aligned, colour, camera, exposure_changed = _undo_drift(reference, work)
    whole, reason, mask = controls.mode == WHOLE, "", torch.ones(size, dtype=torch.bool)
    if not whole:
        seen = find_visible(camera.matrix, *size)
        mask = find_change(reference, aligned, controls.threshold, seen).mask
        mask = _guess_unseen(mask, seen)
        share = float(mask.float().mean())
        if exposure_changed:
            reason = "the exposure of the whole image changed, or most of the image did"
        elif share > WHOLE_SHARE:
            reason = f"{share:.0%} of the image changed"
        elif became_sharper(reference, aligned, mask):
            reason = "the whole image became sharper"
        whole = bool(reason) and controls.mode == AUTOMATIC
    if reason and whole:
        lines.append(f"The whole edited image was used: {reason}. Set mode to '{LOCAL}' to paste only what changed.")
    elif reason:
        lines.append(f"The edit seems to affect the whole image: {reason}. Set mode to '{WHOLE}' to use all of it.")
    edit, rim = shown, None
    if whole:
        mask = torch.ones_like(mask)
    elif controls.correct_drift:
        if controls.feather and mask.any():
            rim = blend_rim(reference, aligned, mask)
        edit, undone = _clean_edit(shown, aligned, reference, mask, colour, camera)
        lines.append(f"Drift corrected: {', '.join(undone) or 'none'}.")

    if edit_mask is not None:
        part = edit_mask[fit.source_box.window][None, None].float()
        mask = mask | (F.interpolate(part, size=size, mode="area")[0, 0] >= 0.5)
    soft = soft_mask(mask, fit, controls.grow if not whole else 0, controls.feather)
    keep = None if keep_mask is None else keep_mask.float()
    image, taken = blend(photo.values, soft, fit, keep, lambda window: _edit_pixels(edit, fit, window, enlarge), rim)
    return Composited(image, taken, whole, "\n".join([_summary(taken, fit), *lines]))


def photo_mask(masks: torch.Tensor | None, number: int, fit: Fit, name: str) -> tuple[torch.Tensor | None, str]:
    """Mask `number` of [N, h, w] (the last one if there are fewer) at the photo's size [H, W], and what to report.

    A mask of the size of the model's image counts as drawn on that, any other as drawn on the photo. An empty mask
    counts as none: that is what ComfyUI's Load Image gives for images without alpha.
    """
    if masks is None:
        return None, ""
    mask = masks.reshape(-1, *masks.shape[-2:])
    mask = mask[min(number, len(mask) - 1)].detach().to("cpu", torch.float32).nan_to_num(0.0).clamp(0, 1)
    if not (mask > 0).any():
        return None, f"{name} is empty and was ignored."
    height, width = mask.shape
    size = (fit.source_height, fit.source_width)
    if (height, width) == size:
        return mask, ""
    if (height, width) == (fit.height, fit.width):
        box = fit.source_box
        part = mask[fit.box.window][None, None]
        full = torch.zeros(size)
        full[box.window] = F.interpolate(part, size=(box.height, box.width), mode="bilinear")[0, 0]
        return full, ""
    stretched = F.interpolate(mask[None, None], size=size, mode="bilinear")[0, 0]
    if abs(width / height / (size[1] / size[0]) - 1) <= SAME_SHAPE:
        return stretched, ""
    return stretched, (
        f"Warning: {name} is {width} x {height} and was stretched to the photo's {size[1]} x {size[0]}, which has "
        "another aspect ratio."
    )


def _undo_drift(reference: torch.Tensor, work: torch.Tensor) -> tuple[torch.Tensor, ExposureDrift, CameraDrift, bool]:
    """The edit [3, h, w] in the reference's exposure and place; what was undone; is the exposure an edit of its own?"""
    colour, as_it_was = estimate_exposure(reference, work), work
    # A camera that moved far looks like another exposure, too: nothing fits where the pixels do not match.
    camera = estimate_camera(reference, (NO_EXPOSURE_DRIFT if colour.is_edit else colour).undo(work[None])[0])
    if camera is not NO_CAMERA_DRIFT:
        height, width = work.shape[1:]
        work = sample(work[None], height, width, (0, height, 0, width), camera.matrix)[0]
        again = estimate_exposure(reference, work)  # closer, now that the pixels lie on each other
        colour = again if colour.is_edit or not again.is_edit else colour
    if colour.is_edit:
        return as_it_was, NO_EXPOSURE_DRIFT, NO_CAMERA_DRIFT, True
    clean = colour.undo(work[None])[0]
    # Where the drift went beyond white or black, the edit says nothing against the photo.
    clipped = (work >= 1 - CLIPPED) & (reference > clean) | (work <= CLIPPED) & (reference < clean)
    return torch.where(clipped, reference, clean), colour, camera, False


def _clean_edit(
    shown: torch.Tensor,
    aligned: torch.Tensor,
    reference: torch.Tensor,
    mask: torch.Tensor,
    colour: ExposureDrift,
    camera: CameraDrift,
) -> tuple[torch.Tensor, list[str]]:
    """The edit [1, h, w, 3] without its drift, and what was undone, in words."""
    undone = [f"exposure and color ({colour})"] if colour is not NO_EXPOSURE_DRIFT else []
    undone += [f"camera ({camera})"] if camera is not NO_CAMERA_DRIFT else []
    edit = aligned
    if shown.shape[1:3] == aligned.shape[1:]:
        sharpened = undo_softness(reference, aligned, mask)
        if sharpened is not None:
            edit = sharpened
            undone.append("softness and grain")
    else:  # larger than what was worked on
        edit, (height, width) = _channels_first(shown), shown.shape[1:3]
        if camera is not NO_CAMERA_DRIFT:
            edit = sample(edit[None], height, width, (0, height, 0, width), camera.matrix)[0]
        edit = colour.undo(edit[None])[0]
    return edit.movedim(0, -1)[None], undone


def _edit_pixels(edit: torch.Tensor, fit: Fit, window: Window, enlarge: Enlarge | None) -> torch.Tensor:
    """The edit [1, h, w, 3] at the photo's size, in a window of the fit's part of the photo."""
    height, width = fit.source_box.height, fit.source_box.width
    if enlarge is not None and (height > edit.shape[1] or width > edit.shape[2]):
        edit = as_rgb(enlarge(edit), "the upscale model's image")
    top, bottom, left, right = window
    if window == (0, height, 0, width):
        return resample(edit, width, height)[0]
    across, down = edit.shape[2] / width, edit.shape[1] / height
    return resample(edit, right - left, bottom - top, (left * across, top * down, right * across, bottom * down))[0]


def _guess_unseen(mask: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """The mask [H, W] where the moved camera saw nothing: as at the nearest place that it saw."""
    from scipy import ndimage  # ComfyUI loads it anyway, but not when the pack is loaded

    if seen.all() or not seen.any():
        return mask
    indices = ndimage.distance_transform_edt(~seen.numpy(), return_distances=False, return_indices=True)
    rows, columns = cast(Any, indices)
    return mask[torch.from_numpy(rows), torch.from_numpy(columns)]


def _work_size(height: int, width: int) -> tuple[int, int]:
    scale = min(1.0, (WORK_PIXELS / (height * width)) ** 0.5)
    return max(1, round(height * scale)), max(1, round(width * scale))


def _channels_first(images: torch.Tensor) -> torch.Tensor:
    """[1, H, W, 3] -> [3, H, W]"""
    return images[0].movedim(-1, 0).contiguous()


def _summary(taken: torch.Tensor, fit: Fit) -> str:
    share = float((taken > 0).float().mean())
    if share == 0:
        return (
            "No change was found, so the photo is returned unchanged. If something should have changed, lower "
            "threshold or mark it in edit_mask."
        )
    size = f"{fit.source_width} x {fit.source_height}"
    return f"{share:.1%} of the photo ({size}) comes from the edit. The rest is identical to the photo, bit for bit."


def _return_photo(values: torch.Tensor, report: str) -> Composited:
    image = values.detach().to("cpu", torch.float32)
    image = image.expand(-1, -1, 3) if image.shape[-1] == 1 else image
    return Composited(image.clone(), torch.zeros(values.shape[:2]), False, report)


def _stack(tensors: list[torch.Tensor]) -> torch.Tensor:
    """[N, ...]; a single photo of 24 megapixels is not copied once more."""
    return tensors[0][None] if len(tensors) == 1 else torch.stack(tensors)


def _reduce_for_screen(images: torch.Tensor) -> torch.Tensor:
    """Images [1, H, W, 3] as [1, h, w, 3] with no side longer than COMPARE_SIDE, 0..1."""
    height, width = images.shape[1:3]
    scale = min(1.0, COMPARE_SIDE / max(height, width))
    return resample(images, max(1, round(width * scale)), max(1, round(height * scale))).clamp(0, 1)


def _side_by_side(before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
    """Two images [1, h, w, 3] next to each other with a white line in between."""
    height, width = before.shape[1:3]
    return torch.cat([before, torch.ones(1, height, max(2, width // 128), 3), after], dim=2)
