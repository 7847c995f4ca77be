"""Work on many pictures at once: torch, numpy and Pillow let other threads run while they compute."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch

WORKERS = min(4, os.cpu_count() or 1)  # each holds a few pictures, so that memory does not grow with the processor


def in_parallel(function: Callable, items: Iterable, on_done: Callable[[], None] = lambda: None) -> list[Any]:
    """The function of each item, in order. The first error is raised.

    on_done: called in this thread after each item. If it raises, the items that no one has begun are left out.
    """
    threads, results = torch.get_num_threads(), []
    try:
        # One thread for each worker: with torch's own threads inside of ours, most of the time goes into waiting.
        with ThreadPoolExecutor(WORKERS, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            try:
                for result in pool.map(function, items):
                    results.append(result)
                    on_done()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
            return results
    finally:
        torch.set_num_threads(threads)  # the workers' 1 is also what threads that start later would take over
