"""Text under a node while it runs."""

from __future__ import annotations

import sys
from collections.abc import Callable

from comfy_api.latest import io


def text_under(node: type[io.ComfyNode]) -> Callable[[str], None]:
    """A function that shows text under the running node in the browser; it does nothing where there is no server."""
    server = sys.modules.get("server")  # ComfyUI's own, loaded where there is one
    instance = getattr(getattr(server, "PromptServer", None), "instance", None)
    unique_id = node.hidden.unique_id if node.hidden is not None else None
    if instance is None or unique_id is None:
        return lambda text: None
    return lambda text: instance.send_progress_text(text, unique_id)
