"""What both training scripts do after each loss."""

from __future__ import annotations

import os
import time

import torch
import torch.distributed as dist
from torch import nn


def join_processes() -> torch.device:
    """Where this process computes. Started by torchrun, it joins the others and takes the GPU of its rank."""
    if "WORLD_SIZE" in os.environ:
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if torch.cuda.is_available() else None
        if device:
            torch.cuda.set_device(device)
        dist.init_process_group("nccl" if device else "gloo")
        return device or torch.device("cpu")
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def rank() -> int:
    """Number of this process among those that train together; 0 when it is alone."""
    return dist.get_rank() if dist.is_initialized() else 0


def last_word() -> bool:
    """Ends training together; whether this is the process that saves what all have learnt."""
    if not dist.is_initialized():
        return True
    first = dist.get_rank() == 0
    dist.barrier()  # a process that leaves while another still exchanges gradients makes that one abort
    dist.destroy_process_group()
    return first


class Clock:
    """Seconds since `began`, the same in all processes: they must agree on the learning rate and on the last step."""

    def __init__(self, began: float, device: torch.device):
        self.began, self.device, self._calls, self._seconds = began, device, 0, 0.0

    def __call__(self) -> float:
        if not dist.is_initialized():
            return time.time() - self.began
        if self._calls % 20 == 0:  # asking costs a wait for the GPU
            seconds = torch.tensor(time.time() - self.began, dtype=torch.float64, device=self.device)
            dist.broadcast(seconds, 0)
            self._seconds = seconds.item()
        self._calls += 1
        return self._seconds


def _average_gradients(parameters: list[torch.Tensor]) -> None:
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))


def descend(
    loss: torch.Tensor,
    optimiser: torch.optim.Optimizer,
    parameters: dict[str, torch.Tensor],
    average: dict[str, torch.Tensor],
    decay: float,
) -> None:
    """One optimiser step with gradients clipped to norm 1, then the running average of the parameters.

    Processes that train together share their gradients. A step whose gradients are not finite is left out: one such
    step, once in 12,000, turned every weight into NaN.

    Args:
        parameters, average: tensors under the same names in the same order; `average` is changed in place.
        decay: how much of the average stays.
    """
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    if dist.is_initialized():
        _average_gradients(list(parameters.values()))
    norm = nn.utils.clip_grad_norm_(parameters.values(), 1.0)
    if not torch.isfinite(norm):
        return
    optimiser.step()
    torch._foreach_lerp_(list(average.values()), [p.detach() for p in parameters.values()], 1 - decay)
