"""What ComfyUI shows while the embedded model samples has the colors of the picture."""

import numpy as np
import torch
import torch.nn.functional as F
from if_edit.demo.samples import FOLDER
from if_edit.nodes.demo_model import LoadDemoEditModel
from PIL import Image


def test_a_preview_of_the_demo_model_has_the_colors_of_the_picture():
    import comfy.latent_formats
    from latent_preview import Latent2RGBPreviewer

    model, _, vae = LoadDemoEditModel.execute().result
    picture = torch.from_numpy(np.asarray(Image.open(FOLDER / "sample.png").convert("RGB"), np.float32) / 255)
    latent = model.model.process_latent_in(vae.encode(picture[None]))
    true = F.avg_pool2d(picture.movedim(-1, 0), 8).movedim(0, -1)  # [16, 16, 3], as a latent has pixels

    def preview(latent_format) -> torch.Tensor:
        previewer = Latent2RGBPreviewer(latent_format.latent_rgb_factors, latent_format.latent_rgb_factors_bias)
        return torch.from_numpy(np.asarray(previewer.decode_latent_to_preview(latent), np.float32) / 255)

    def error(shown: torch.Tensor) -> float:
        return float((shown - true).abs().mean() * 255)

    def correlation(shown: torch.Tensor) -> float:
        return float(torch.corrcoef(torch.stack([shown.flatten(), true.flatten()]))[0, 1])

    ours, wans = preview(model.model.latent_format), preview(comfy.latent_formats.Wan21())
    assert error(ours) < 15 and correlation(ours) > 0.8
    assert error(wans) > 3 * error(ours) and correlation(wans) < 0.3


def test_the_latents_themselves_stay_those_of_wan():
    import comfy.latent_formats

    ours = LoadDemoEditModel.execute().result[0].model.latent_format
    latent = torch.randn(1, 16, 3, 4, 4)
    assert torch.equal(ours.process_in(latent), comfy.latent_formats.Wan21().process_in(latent))
    assert ours.taesd_decoder_name is None  # no decoder of the real Wan paints over it
