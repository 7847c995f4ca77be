"""Load Demo Edit Model: the embedded small Wan as ordinary MODEL, CLIP and VAE sockets."""

from __future__ import annotations

import comfy.sd
from comfy_api.latest import io

from ..demo import weights
from ..demo.comfy import load_text_encoder, load_vae
from ..demo.previews import DemoLatentFormat
from .search_words import also_found_as


class LoadDemoEditModel(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IFEdit_LoadDemoEditModel",
            display_name="Load Demo Edit Model",
            category="IF-Edit",
            description=(
                "A very small Wan image-to-video model that comes with the pack: no download, seconds on a CPU. It "
                "knows only its own tabletop world of colored shapes at 128 x 128; use it to see and test how the "
                "nodes work together. Connect ModelSamplingSD3 with shift 3 after it."
            ),
            **also_found_as("demo model", "tiny model", "test model", "no gpu", "cpu", "embedded model"),
            inputs=[],
            outputs=[
                io.Model.Output(
                    display_name="model", tooltip="The video model. It is one file: leave model_low_noise empty."
                ),
                io.Clip.Output(
                    display_name="clip", tooltip="Its text encoder, which reads the caption: for CLIP Text Encode."
                ),
                io.Vae.Output(
                    display_name="vae",
                    tooltip="Its VAE (of the Wan 2.1 kind), which turns images into latents and back.",
                ),
            ],
        )

    @classmethod
    def execute(cls) -> io.NodeOutput:
        transformer, _ = weights.load_part("transformer")
        model = comfy.sd.load_diffusion_model_state_dict(transformer)
        model.model.latent_format = DemoLatentFormat()
        return io.NodeOutput(model, load_text_encoder(), load_vae())
