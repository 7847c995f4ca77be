"""In which colors ComfyUI previews the embedded model's latents while it samples.

Its VAE has a latent space of its own. With the factors of the real Wan VAE a preview shows brown and black shapes.
"""

from __future__ import annotations

import comfy.latent_formats

# Printed by `python tools/run.py research.training.fit_preview_colors`: least squares over clips of the tabletop world.
# On other clips the mean color error is 7.6 of 255.
RGB_FACTORS = [
    [0.4040, 0.2746, 0.2272],
    [0.3186, 0.2944, -1.3144],
    [0.8631, 0.0673, -0.2848],
    [0.3394, 0.4023, -0.5862],
    [0.2032, 0.0766, -0.0188],
    [0.4022, 0.2760, -0.4392],
    [0.1432, -0.2363, 0.1552],
    [-0.1218, -0.2048, 0.0014],
    [0.3268, 0.4016, 0.1405],
    [-0.3991, 0.3198, 0.7172],
    [-0.3687, 0.1243, 0.4685],
    [0.1974, -0.1313, -0.0681],
    [-0.2426, 0.2290, 0.2998],
    [0.1318, 0.3377, -0.6175],
    [-0.7578, 0.2461, 0.0345],
    [-0.0603, 0.0008, -0.3646],
]
RGB_BIAS = [0.0405, 0.0460, 0.0535]


class DemoLatentFormat(comfy.latent_formats.Wan21):
    """Wan 2.1's latents, statistics included, in colors that fit the embedded VAE."""

    latent_rgb_factors = RGB_FACTORS
    latent_rgb_factors_bias = RGB_BIAS

    def __init__(self):
        super().__init__()
        self.taesd_decoder_name = None  # the tiny decoder of the real Wan does not fit either
