"""What both training scripts do after each loss."""

from __future__ import annotations

import torch
from torch import nn


def descend(loss: torch.Tensor, optimiser: torch.optim.Optimizer, parameters: dict[str, torch.Tensor],
            average: dict[str, torch.Tensor], decay: float) -> None:  # fmt: skip
    """One optimiser step with gradients clipped to norm 1, then the running average of the parameters.

    A step whose gradients are not finite is left out: one such step, once in 12,000, turned every weight into NaN.

    Args:
        parameters, average: tensors under the same names in the same order; `average` is changed in place.
        decay: how much of the average stays.
    """
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    norm = nn.utils.clip_grad_norm_(parameters.values(), 1.0)
    if not torch.isfinite(norm):
        return
    optimiser.step()
    torch._foreach_lerp_(list(average.values()), [p.detach() for p in parameters.values()], 1 - decay)
