"""What inputs of several nodes share."""

from __future__ import annotations

from comfy_api.latest import io


def advanced(*inputs: io.Input) -> list[io.Input]:
    """The inputs, shown only where a person asks for all; ComfyUI 0.3.75 has no parameter for that yet."""
    for one in inputs:
        one.extra_dict["advanced"] = True
    return list(inputs)
