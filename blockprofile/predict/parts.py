"""Evaluating archs part by part on all of torch's threads, with the same result for any number of them.

Each part runs on one thread from start to end. Kernels that split every small operation over threads wait for
each other at each step, which costs more than it gives here, and a great deal on a busy machine. A worker among
others, see `on_one_core`, evaluates its parts itself.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from blockprofile.space import Archs

ROWS_AT_ONCE = 1024
"""Archs evaluated at a time; the intermediate results stay in a core's cache."""

ROW_MULTIPLE = 64
"""Parts are filled up to a multiple of this, so that every row takes the same path through the kernels
and an arch's prediction does not depend on its neighbours."""


class _Thread(threading.local):
    """What is set for this thread alone."""

    one_core = False


_THREAD = _Thread()


@contextmanager
def on_one_core() -> Iterator[None]:
    """Evaluate what is evaluated meanwhile by this thread in this thread alone: others have cores of their own."""
    before, _THREAD.one_core = _THREAD.one_core, True
    try:
        yield
    finally:
        _THREAD.one_core = before


def reset_threads() -> None:
    """Give new threads torch's number of threads of this one, after workers that had one each."""
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(torch.get_num_threads())


@lru_cache(maxsize=4)
def _pool(n_threads: int) -> ThreadPoolExecutor:
    import torch

    started = threading.Barrier(n_threads + 1)
    pool = ThreadPoolExecutor(n_threads, "predict", _stay_on_one_thread, (started,))
    for _ in range(n_threads):
        pool.submit(int)
    started.wait()
    torch.set_num_threads(n_threads)
    return pool


def _stay_on_one_thread(started: threading.Barrier) -> None:
    """Bind this thread to kernels of one thread, whatever is set elsewhere.

    Torch keeps a count for each thread, and takes a new thread's from what was last set anywhere when the thread
    first asks for it. So it must ask first: a count set before would be overwritten by another thread's.
    """
    import torch

    torch.get_num_threads()
    torch.set_num_threads(1)
    started.wait()


def evaluate_parts(function: Callable[[Archs], NDArray[np.float32]], archs: Archs) -> NDArray[np.float32]:
    """Evaluate a function of archs part by part.

    Parameters
    ----------
    function
        Takes uint8 of shape (m, n_slots), m a multiple of 64; returns float32 of shape (m,).
    archs
        uint8, shape (n, n_slots), n may be 0.

    Returns
    -------
    float32, shape (n,).
    """
    import torch

    found = np.empty(len(archs), np.float32)

    def fill(start: int) -> None:
        part = archs[start : start + ROWS_AT_ONCE]
        missing = -len(part) % ROW_MULTIPLE
        filled = np.concatenate([part, np.repeat(part[:1], missing, axis=0)]) if missing else part
        with torch.inference_mode():
            found[start : start + len(part)] = function(filled)[: len(part)]

    starts = range(0, len(archs), ROWS_AT_ONCE)
    if _THREAD.one_core:
        with _one_thread():
            for start in starts:
                fill(start)
        return found
    for _ in _pool(torch.get_num_threads()).map(fill, starts):
        pass
    return found


@contextmanager
def _one_thread() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
