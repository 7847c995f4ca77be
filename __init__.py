"""IF-Edit: edit a still image with an image-to-video model. This is what ComfyUI loads; the nodes are in nodes/."""

WEB_DIRECTORY = "./web"


async def comfy_entrypoint():
    """Return the ComfyExtension with this pack's nodes (imported late: importing the package needs no ComfyUI)."""
    import folder_paths

    from .demo.samples import install_samples
    from .nodes import IFEditExtension

    install_samples(folder_paths.get_input_directory())
    return IFEditExtension()
