"""IF-Edit: edit a still image with an image-to-video model. This is what ComfyUI loads; the nodes are in nodes/."""

WEB_DIRECTORY = "./web"


async def comfy_entrypoint():
    """Return the ComfyExtension with this pack's nodes (imported late: importing the package needs no ComfyUI)."""
    from .nodes import IFEditExtension

    return IFEditExtension()
