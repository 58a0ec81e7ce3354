"""Steps of training on a CUDA device that are recorded once and replayed.

A step of a small network is some hundred kernels of a few microseconds, which take longer to start one by one from
Python than to run. A recording starts them all at once, and those that do not wait for each other run side by side.

References
----------
PyTorch's notes on CUDA graphs (a recording reads and writes the same memory every time).
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["Recorded", "side_by_side"]

N_EAGER = 3
"""Calls before the recording, in which libraries and optimizers set up what they keep."""


class Recorded:
    """A step with a stream of its own; the first calls run as they are, then it is recorded and replayed.

    Parameters
    ----------
    step
        Takes the rows of a batch and the share of the rates, both on the device. It must neither wait for the device
        nor ask it for a value.
    device
        A CUDA device.
    stream
        The stream that every call runs on.
    """

    def __init__(self, step: Callable[[Tensor, Tensor], None], device: torch.device, stream: torch.cuda.Stream) -> None:
        import torch

        self._step, self._stream, self._n_eager = step, stream, N_EAGER
        self._graph: torch.cuda.CUDAGraph | None = None
        self._rows: Tensor | None = None
        self._share = torch.zeros((), device=device)

    def __call__(self, rows: Tensor, share: float) -> None:
        """Take the step; returns before the device is done."""
        import torch

        with torch.cuda.stream(self._stream):
            self._rows = torch.empty_like(rows) if self._rows is None else self._rows
            self._rows.copy_(rows)
            self._share.fill_(share)
            if self._n_eager:
                self._n_eager -= 1
                self._step(self._rows, self._share)
                return
            if self._graph is None:
                gc.collect()  # a recording that is freed meanwhile would spoil this one
                self._graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(self._graph, stream=self._stream):
                    self._step(self._rows, self._share)
            self._graph.replay()


def side_by_side(calls: Sequence[Callable[[], None]], streams: Sequence[torch.cuda.Stream]) -> None:
    """Make calls that do not depend on each other, each on a stream of its own where there are streams.

    What follows on the current stream waits for all of them.
    """
    if not streams:
        for call in calls:
            call()
        return
    import torch

    here = torch.cuda.current_stream()
    for call, stream in zip(calls, streams, strict=True):
        stream.wait_stream(here)
        with torch.cuda.stream(stream):
            call()
    for stream in streams:
        here.wait_stream(stream)
