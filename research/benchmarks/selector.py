"""Seconds and memory of the Frame Selector for a long video at full size, on the CPU.

    python tools/run.py research.benchmarks.selector [--frames 81] [--size 1280x720] [--threads 2]

The frames are noise over a moving picture, which is the most work for the JPEG files. Printed is the whole node, as a
click in the filmstrip runs it again (measures, collage, plot, thumbnails), and its parts. Memory is what the process
holds above the frames themselves.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time

import torch
import torch.nn.functional as F

from .random_models import GIB, find_comfyui


def make_frames(count: int, width: int, height: int) -> torch.Tensor:
    """A bright square that moves over a texture and comes to rest, with grain: [count, height, width, 3], 0..1."""
    generator = torch.Generator().manual_seed(0)
    texture = F.interpolate(torch.rand(1, 3, 45, 80, generator=generator), (height, width), mode="bicubic")
    texture = texture.clamp(0.1, 0.9)[0].movedim(0, -1)
    grain = 0.02 * torch.randn(height, width, 3, generator=generator)
    frames = torch.empty(count, height, width, 3)
    for place, frame in enumerate(frames):
        left = round((width - height // 4) * min(1.0, 2 * place / count))
        frame.copy_(texture + grain.roll(17 * place, 0))
        frame[height // 2 : height // 2 + height // 4, left : left + height // 4] += 0.3
    return frames.clamp_(0, 1)


def seconds_and_memory(function) -> tuple[float, float]:
    """How long it runs, and how far the process's memory rises above where it was, in GiB."""
    import psutil

    process, stop, peak = psutil.Process(), threading.Event(), [0]

    def watch() -> None:
        while not stop.wait(0.005):
            peak[0] = max(peak[0], process.memory_info().rss)

    before = process.memory_info().rss
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    start = time.perf_counter()
    function()
    seconds = time.perf_counter() - start
    stop.set()
    watcher.join()
    return seconds, max(0, peak[0] - before) / GIB


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=81)
    parser.add_argument("--size", default="1280x720", metavar="WxH")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    width, height = map(int, given.size.split("x"))
    find_comfyui()
    torch.set_num_threads(given.threads)
    if hasattr(os, "sched_setaffinity"):  # so that it is really these cores that are measured
        os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[: given.threads]))
    import folder_paths

    from ...editing.images import as_rgb
    from ...editing.selection.collage import frame_collage
    from ...editing.selection.measures import measure_frames
    from ...nodes.selection import FrameSelector

    frames = make_frames(given.frames, width, height)
    node = FrameSelector.PREPARE_CLASS_CLONE(None)
    node.hidden = FrameSelector.hidden
    print(f"{given.frames} frames of {width}x{height}, {frames.nbytes / GIB:.2f} GiB, {given.threads} cores")
    with tempfile.TemporaryDirectory() as folder:
        folder_paths.set_temp_directory(folder)
        parts = {
            "first run": lambda: node.execute(frames=frames, frame_numbers="", method="settled", frame=-1),
            "run again": lambda: node.execute(frames=frames, frame_numbers="", method="settled", frame=5),
            "  checking the values": lambda: as_rgb(frames, "frames"),
            "  measures": lambda: measure_frames(frames, range(len(frames))),
            "  collage": lambda: frame_collage(frames[:1], frames, range(len(frames))),
        }
        for name, function in parts.items():
            seconds, memory = seconds_and_memory(function)
            print(f"{name:24} {seconds:6.2f} s   {memory:5.2f} GiB more")


if __name__ == "__main__":
    main()
