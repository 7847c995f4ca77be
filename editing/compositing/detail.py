"""What a video VAE does to fine detail, learnt on what did not change, and undone on what did.

Outside of the edit the same places are known sharp (the photo) and soft (the edit). The linear filter that leads from
one to the other with the least squared error is Wiener's, here with one kernel where there is detail and one where
there is none: the first sharpens, the second takes grain away (after RAISR, arXiv 1606.01299, with two classes).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from ..images import gaussian
from .change_mask import dilate

RADIUS = 4  # pixels of a kernel: 9 x 9
MARGIN = 4  # pixels around the change that do not teach
SAMPLES = 60_000  # places to learn from, at most
FEWEST = 2_000  # of them
FEWEST_RICH = 4_000  # in which there is detail: from the edges of a few things it would learn to draw outlines
OVERSHOOT = 0.5  # of the range of the neighbouring values, by which sharpening may leave it
DETAIL = 0.02  # strength of the detail between 0.7 and 2 pixels at which both kernels count alike
RIDGE = 1e-4
SAME_DETAIL = 0.7  # correlation; below, the edit drew details of its own, and the filter would only blur them


def undo_softness(reference: torch.Tensor, edited: torch.Tensor, mask: torch.Tensor) -> torch.Tensor | None:
    """The edit [3, H, W] with the detail that the reference [3, H, W] shows it has lost; mask [H, W]: what changed.

    None where there is too little to learn from, and where the edit's detail outside of the mask is not the photo's.
    """
    teaches = torch.from_numpy(~dilate(mask.numpy(), MARGIN))
    teaches[:RADIUS] = teaches[-RADIUS:] = False
    teaches[:, :RADIUS] = teaches[:, -RADIUS:] = False
    places = teaches.flatten().nonzero().flatten()
    if len(places) < FEWEST:
        return None
    own, wanted = (_band(one)[0].flatten(1)[:, places] for one in (edited, reference))
    if float((own * wanted).sum()) < SAME_DETAIL * float(own.norm() * wanted.norm()):
        return None
    if len(places) > SAMPLES:  # evenly, so that the same pictures always give the same result
        places = places[torch.linspace(0, len(places) - 1, SAMPLES).long()]

    detailed = _detailed(edited)
    share = detailed.flatten()[places]
    if float(share.sum()) < FEWEST_RICH:
        return None
    size = (2 * RADIUS + 1) ** 2
    moments, products = torch.zeros(2 * size, 2 * size, dtype=torch.float64), torch.zeros(2 * size, dtype=torch.float64)
    for soft, sharp in zip(edited, reference, strict=True):
        around = F.unfold(soft[None, None], 2 * RADIUS + 1, padding=RADIUS)[0][:, places]  # [81, samples]
        centre = soft.flatten()[places]
        around = around - centre  # a flat picture stays as it is
        features = torch.cat([around * (1 - share), around * share]).double()
        moments += features @ features.T
        products += features @ (sharp.flatten()[places] - centre).double()
    moments += RIDGE * moments.trace() / len(moments) * torch.eye(len(moments), dtype=torch.float64)
    flat, rich = torch.linalg.solve(moments, products).float().split(size)
    return _apply(edited, detailed, flat, rich)


def _apply(image: torch.Tensor, detailed: torch.Tensor, flat: torch.Tensor, rich: torch.Tensor) -> torch.Tensor:
    side = 2 * RADIUS + 1
    kernels = torch.stack([flat, rich])
    kernels[:, len(flat) // 2] -= kernels.sum(dim=1)  # the neighbours' difference to the centre
    padded = F.pad(image[:, None], (RADIUS,) * 4, mode="replicate")
    changes = F.conv2d(padded, kernels.view(2, 1, side, side))  # [3, 2, H, W]
    sharpened = image + torch.lerp(changes[:, 0], changes[:, 1], detailed)
    highest, lowest = F.max_pool2d(image, 3, 1, 1), -F.max_pool2d(-image, 3, 1, 1)
    beyond = OVERSHOOT * (highest - lowest)
    return torch.minimum(torch.maximum(sharpened, lowest - beyond), highest + beyond).clamp(0, 1)


def _band(image: torch.Tensor) -> torch.Tensor:
    return gaussian(image[None], 0.7) - gaussian(image[None], 2.0)


def _detailed(image: torch.Tensor) -> torch.Tensor:
    """[3, H, W] -> [H, W]: 0 where there is no detail, towards 1 where there is much."""
    energy = gaussian(_band(image).square().mean(dim=1, keepdim=True), 1.5)[0, 0]
    return energy / (energy + DETAIL**2)
