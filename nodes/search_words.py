"""Words under which ComfyUI's node search finds a node that has another name."""

from __future__ import annotations

import inspect
from typing import Any

from comfy_api.latest import io


def also_found_as(*words: str) -> dict[str, Any]:
    """Further search words of a node, as keywords of its `io.Schema`; none before ComfyUI 0.11, which knows no such.

    Older frontends (1.32) search ids and display names alone, newer ones (1.58) also these words. None search
    descriptions. There is no `essentials_category` beside them: the newer frontends' Essentials tab is a fixed list,
    and a node with a category leaves "Extensions" for "Comfy nodes", away from the rest of its pack.
    """
    return {"search_aliases": list(words)} if "search_aliases" in inspect.signature(io.Schema).parameters else {}
