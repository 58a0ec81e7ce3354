"""Workers that are forked from this process: they begin with all that it has loaded, and wait for no common lock.

A fork copies the calling thread alone. Locks that other threads hold then stay held in the worker for ever, so a
process that has other threads of Python, as notebooks have, is not forked; the threads of numpy, torch and pyarrow
look after themselves.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import warnings
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

_END_WITH_PARENT = 1
"""``PR_SET_PDEATHSIG`` of ``prctl(2)``."""


def can_fork() -> bool:
    """Tell whether workers can be forked: on Linux, in a process that has no other thread and uses no CUDA device."""
    torch = sys.modules.get("torch")
    is_on_cuda = torch is not None and torch.cuda.is_initialized()
    return sys.platform == "linux" and threading.active_count() == 1 and not is_on_cuda


class ForkedPool(ProcessPoolExecutor):
    """A pool of forked processes, which end with this one, however it ends."""

    def __init__(self, n_workers: int) -> None:
        super().__init__(n_workers, get_context("fork"), _begin, (os.getpid(),))

    def submit(self, *call: Any, **named: Any) -> Future[Any]:
        """Hand in a call; the first forks all workers."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*multi-threaded.*", DeprecationWarning)  # threads of OpenBLAS and Arrow
            return super().submit(*call, **named)


def _begin(parent: int) -> None:
    """Leave interrupts to the parent, and end when it is gone."""
    import ctypes

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_END_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
