"""Torch's state that all threads of a process share, set for a while: random numbers, and how many threads compute."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

_SEEDED = threading.RLock()


@contextmanager
def seeded(seed: int, *, devices: Sequence[int] = ()) -> Iterator[None]:
    """Let torch draw by a seed while the block runs; its random state is afterwards what it was before.

    The state is one for the whole process, so only one thread at a time is within: another one that draws meanwhile
    would take numbers of this one's.

    Parameters
    ----------
    devices
        CUDA devices whose state is kept as well.
    """
    import torch

    with _SEEDED, torch.random.fork_rng(devices=list(devices)):
        torch.manual_seed(seed)
        yield


@contextmanager
def use_threads(n: int) -> Iterator[None]:
    """Let torch compute with so many threads for this one while the block runs."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)
