"""Still-Video Refiner: the chosen frame once more through the model, as a video in which nothing moves."""

from __future__ import annotations

from comfy_api.latest import io, ui

from ..editing.refinement import DEBLUR, IMG2IMG_PASS, REFINE_MODES, START_SIGMA, TARGETS
from ..sampling.checks import check_still_video_length, check_still_video_model
from ..sampling.report import Report
from ..sampling.still_video import NAME, StillVideo, refine_images
from .inputs import advanced, model_inputs, seed_input, sigma_input, solver_inputs
from .progress import text_under
from .search_words import also_found_as


class StillVideoRefiner(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        model_high_noise, model_low_noise = model_inputs()
        return io.Schema(
            node_id="IFEdit_StillVideoRefiner",
            display_name="Still-Video Refiner (Sharpen)",
            category="IF-Edit",
            description=(
                "Sharpens an image: makes a short still video of it and keeps its sharpest frame, provided the content "
                "is unchanged. If no frame is clearly sharper, the image is returned unchanged. Works on any blurred "
                "or noisy image."
            ),
            **also_found_as("deblur", "denoise image", "refine image", "enhance image", "img2img"),
            inputs=[
                model_high_noise,
                io.Clip.Input("clip", tooltip="The text encoder of the model, which reads the prompt."),
                io.Vae.Input("vae", tooltip="The VAE of the model, which turns images into latents and back."),
                io.Image.Input(
                    "image", tooltip="The image to refine, from Frame Selector. A batch is refined one by one."
                ),
                seed_input("Random seed of the noise."),
                *solver_inputs(
                    steps=8,
                    steps_tooltip=(
                        "Steps from pure noise to the image, as in Edit Sampler. The img2img pass makes only the last "
                        "of them, from start_sigma on."
                    ),
                    cfg=1.0,
                    cfg_tooltip="How strictly the prompt is followed. 1 changes the image least and is fastest.",
                ),
                model_low_noise,
                io.Image.Input(
                    "source",
                    optional=True,
                    tooltip="The photo before the edit. An image that is already as sharp is returned unchanged.",
                ),
                io.Combo.Input(
                    "mode",
                    options=list(REFINE_MODES),
                    default=IMG2IMG_PASS,
                    optional=True,
                    tooltip=(
                        "img2img pass: starts every frame from the image plus a little noise; fast and faithful. full "
                        "still video: starts from pure noise and the start image, as published; for strong blur, and "
                        "may change more."
                    ),
                ),
                io.Combo.Input(
                    "target",
                    options=list(TARGETS),
                    default=DEBLUR,
                    optional=True,
                    tooltip=(
                        "deblur: takes a clearly sharper frame. denoise: takes a frame with at most half of the noise "
                        "or grain that is no softer."
                    ),
                ),
                *advanced(
                    io.String.Input(
                        "prompt",
                        default="",
                        multiline=True,
                        optional=True,
                        tooltip=(
                            "What the still video shows. Empty: words that suit the model and ask only for stillness "
                            "and clarity. The report quotes them."
                        ),
                    ),
                    io.Int.Input(
                        "length",
                        default=5,
                        min=5,
                        max=81,
                        step=4,
                        optional=True,
                        tooltip="Images in the still video: 5, 9 or 17. More give more choice, but take longer.",
                    ),
                    sigma_input(
                        "start_sigma",
                        START_SIGMA,
                        "For the img2img pass: how much noise is put on the image first (1 is pure noise). Higher "
                        "changes more; the low-noise model knows levels up to 0.9.",
                        optional=True,
                    ),
                    io.Boolean.Input(
                        "force",
                        default=False,
                        optional=True,
                        tooltip=(
                            "Refine even an image as sharp as the source, and take the best frame even if it is only a "
                            "little better. Frames with changed content are still left out."
                        ),
                    ),
                ),
            ],
            outputs=[
                io.Image.Output(display_name="image", tooltip="The refined image, at the size it came in."),
                io.Image.Output(
                    display_name="frames",
                    tooltip="All frames of the still video, to choose by hand; the image itself if it was skipped.",
                ),
                io.String.Output(
                    display_name="report",
                    tooltip="Sharpness before and after and which frame won, or why none did; steps and seconds.",
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        model_high_noise,
        clip,
        vae,
        image,
        seed,
        steps,
        cfg,
        sampler_name,
        scheduler,
        model_low_noise=None,
        source=None,
        mode=IMG2IMG_PASS,
        target=DEBLUR,
        prompt="",
        length=5,
        start_sigma=START_SIGMA,
        force=False,
    ) -> io.NodeOutput:
        check_still_video_length(length)
        check_still_video_model(model_high_noise, vae)
        report = Report(NAME, text_under(cls))
        still_video = StillVideo(
            model_high_noise,
            model_low_noise,
            clip,
            vae,
            seed,
            prompt,
            length,
            steps,
            cfg,
            sampler_name,
            scheduler,
            mode,
            start_sigma,
            report,
        )
        refined = refine_images(image, source, still_video, target=target, force=force)
        verdicts = "\n".join(refined.verdicts)
        report.show(verdicts)
        text = "\n".join([verdicts, *report.lines])
        return io.NodeOutput(refined.images, refined.frames, text, ui=ui.PreviewText(verdicts))
