"""The slow nodes move the progress bar of ComfyUI's interface while they work, and stop when the user says so."""

import time
from functools import cache

import comfy.model_management
import comfy.utils
import pytest
import torch
from if_edit.editing.parallel import in_parallel
from if_edit.nodes.caption import TemporalCaption
from if_edit.nodes.compositing import CompositeEdit
from if_edit.nodes.keyframes import DecodeKeyframes
from if_edit.nodes.selection import FrameSelector
from if_edit.tests.support.clips import moving_ball
from if_edit.tests.support.scripted_vlm import Scripted
from if_edit.tests.support.small_models import small_wan22_vae, small_wan_vae

pytestmark = pytest.mark.usefixtures("preview_folder")

NUMBERS = "0, 12, 24, 32"


def run(node, **values):
    """As ComfyUI runs it: on a clone, in inference mode."""
    prepared = node.PREPARE_CLASS_CLONE(None)
    prepared.hidden = node.hidden
    with torch.inference_mode():
        return prepared.execute(**values).result


@cache
def keyframes() -> torch.Tensor:
    return moving_ball(settles=20)[[0, 12, 24, 32]]


@cache
def vae(kind: str):
    return small_wan_vae() if kind == "Wan 2.1" else small_wan22_vae()


@pytest.fixture(scope="module", autouse=True)
def forget_the_models():
    yield
    vae.cache_clear()


def decode(kind="Wan 2.1", batch=1):
    generator = torch.Generator().manual_seed(0)
    latent = torch.randn(batch, vae(kind).latent_channels, 3, 2, 2, generator=generator)
    return run(DecodeKeyframes, samples={"samples": latent}, vae=vae(kind))


def select(videos=1, **options):
    settings = {"method": "settled", "frame": -1, "frame_numbers": ", ".join([NUMBERS] * videos)}
    return run(FrameSelector, frames=torch.cat([keyframes()] * videos), **{**settings, **options})


def ask(answer="CHOICE: 3", **options):
    return select(vlm=Scripted(answer), method="language model", instruction="move the ball to the left", **options)


class Encoder:
    def encode_image(self, images, crop):
        return {"image_embeds": images.mean(dim=(1, 2))}


def composite(edits=3):
    controls = {"mode": "automatic", "threshold": 0.5, "grow": 0, "feather": 5, "correct_drift": True}
    return run(CompositeEdit, source=keyframes()[:1], edited=keyframes()[1 : 1 + edits], **controls)


@pytest.fixture
def bar():
    """Every (value, total) that the bar got. The user stops the run when it has reached `bar.stop_at`."""

    class Bar(list):
        stop_at = None

    seen = Bar()

    def hook(value, total, preview, **_):
        seen.append((value, total))
        if seen.stop_at is not None and value >= seen.stop_at:
            comfy.model_management.interrupt_current_processing()

    comfy.utils.set_progress_bar_global_hook(hook)
    yield seen
    comfy.utils.set_progress_bar_global_hook(None)
    comfy.model_management.interrupt_current_processing(False)


@pytest.mark.parametrize(
    ("work", "steps"),
    {
        "decoding a video of Wan 2.1": (decode, 3),  # latent frames
        "decoding a video of Wan 2.2 5B": (lambda: decode("Wan 2.2"), 3),
        "decoding two videos": (lambda: decode(batch=2), 6),
        "measuring frames": (select, 4),
        "measuring two videos": (lambda: select(videos=2), 8),
        "measuring, with an image encoder": (lambda: select(clip_vision=Encoder()), 8),
        "asking a language model": (ask, 8),
        "not asking it for what is known": (lambda: ask(frame=24), 8),
        "asking a language model that fails": (lambda: ask(RuntimeError("out of memory")), 8),
        "compositing a batch": (composite, 3),
        "compositing one edit": (lambda: composite(1), 1),
    }.values(),
    ids=lambda value: None if callable(value) else str(value),
)
def test_the_bar_moves_forward_from_nothing_to_its_end(bar, work, steps):
    work()
    assert bar[0] == (0, steps) and bar[-1] == (steps, steps)
    assert bar == sorted(set(bar)) and {total for _, total in bar} == {steps}
    assert len(bar) > steps // 4 + 1  # not from the start to the end at once


@pytest.mark.parametrize("work", [decode, select, ask, composite, lambda: select(clip_vision=Encoder())])
def test_a_user_who_stops_the_run_stops_the_node_at_its_next_step(bar, work):
    bar.stop_at = 1
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        work()
    assert len(bar) == 2  # 0, and the step at which the user stopped
    assert not comfy.model_management.processing_interrupted()  # the exception has taken it, for the next run


def test_what_was_stopped_runs_again_with_the_same_result(bar):
    before = decode()
    bar.stop_at = 2
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        decode()
    bar.stop_at = None
    assert torch.equal(decode()[0], before[0])


def test_a_stopped_caption_is_not_written_by_the_rules_instead():
    """How far a language model is no one knows, so Temporal Caption has no bar; it obeys all the same."""
    comfy.model_management.interrupt_current_processing()
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        run(TemporalCaption, instruction="move the ball to the left", vlm=Scripted("Caption: The ball rolls."))


def test_work_that_was_stopped_leaves_the_rest_undone():
    begun = []

    def work(item: int) -> None:
        begun.append(item)
        time.sleep(0.01)

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        in_parallel(work, range(100), stop)
    assert len(begun) < 100
