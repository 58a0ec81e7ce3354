"""One member of a network of ReLU layers in training: its weights, its optimizers, and the step that they take.

On a CUDA device the step is recorded and replayed where there are no hops; the states of a chain are counted on the
way, which the host has to wait for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from blockprofile.predict.chain import Chain, Windows, pool_chain, tabulate_chain
from blockprofile.predict.muon import Muon
from blockprofile.predict.recorded import Recorded, side_by_side
from blockprofile.predict.relu import forward_trunk, name_trunk
from blockprofile.predict.relu_options import ReluOptions

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["Member", "Task"]

SINGLE = frozenset({"bias", "head", "head_bias"})
"""Weights of which there is one; of the others there is a list of layers, possibly empty."""

Weights = Mapping[str, Sequence["Tensor"]]


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """What all members share: the windows and features of every arch, the targets, the features behind the rows.

    ``beside`` counts each feature in the slots beside the chain, uint8 of shape (n, n_features): a product with the
    weights, which is faster by far than a sum of their rows.
    """

    chain: Chain
    features: Tensor
    windows: Windows
    nodes: Tensor
    beside: Tensor
    targets: Tensor

    @property
    def device(self) -> torch.device:
        """Where all of it lies."""
        return self.targets.device


class Member:
    """A member in training.

    Parameters
    ----------
    task
        Its place in memory says where to train.
    seed
        Of the first weights, which are the same on every device, and of the order of the rows, which is not.
    """

    def __init__(self, task: Task, options: ReluOptions, *, seed: int) -> None:
        import torch

        self.task, self.options = task, options
        on_cuda = task.device.type == "cuda"
        drawn = torch.Generator().manual_seed(seed)
        self.weights = _initialize(task, options, drawn)
        self.generator = torch.Generator(task.device).manual_seed(seed) if on_cuda else drawn
        self.adam, self.muons = _optimizers(self.weights, options)
        self.total = torch.zeros((), dtype=torch.float64, device=task.device)
        self.stream = _stream(task.device) if on_cuda else None
        self._side = [_stream(task.device) for _ in (self.adam, *self.muons)] if on_cuda else []
        self._take: Callable[[Tensor, float], None] = self._step
        if self.stream is not None:
            self.stream.wait_stream(torch.cuda.current_stream(task.device))
            if not options.hops:
                self._take = Recorded(self._step, task.device, self.stream)

    def scope(self) -> AbstractContextManager[object]:
        """Enter the member's own stream, where it has one."""
        import torch

        return nullcontext() if self.stream is None else torch.cuda.stream(self.stream)

    def shuffle(self) -> None:
        """Draw the order of the rows anew."""
        import torch

        with self.scope():
            n = len(self.task.targets)
            self.order = torch.randperm(n, generator=self.generator, device=self.task.device)

    def step(self, place: int, batch: int, share: float) -> None:
        """Take the step of the batch at a place of the order that `shuffle` drew, with a share of the rates."""
        with self.scope():
            self._take(self.order[place * batch : (place + 1) * batch], share)

    def take_total(self) -> float:
        """Return the sum of the losses since the last call."""
        with self.scope():
            total = float(self.total)
            self.total.zero_()
        return total

    def fold(self) -> dict[str, Tensor]:
        """Make the arrays of the member, in main memory: features folded into rows, lists of layers into stacks."""
        import torch

        with torch.no_grad(), self.scope():
            return {name: array.cpu() for name, array in _fold(self.weights, self.task, self.options).items()}

    def _step(self, rows: Tensor, share: float | Tensor) -> None:
        import torch
        from torch.nn.functional import mse_loss

        with torch.autocast(self.task.device.type, torch.bfloat16, enabled=self.options.bfloat16):
            outputs = _forward(self.weights, self.task, rows)
        loss = mse_loss(outputs.float(), self.task.targets[rows])
        self.adam.zero_grad()
        for muon in self.muons:
            muon.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call] # torch's own
        self.adam.param_groups[0]["lr"] = self.options.learning_rate * share
        side_by_side([self.adam.step, *(partial(muon.step, share) for muon in self.muons)], self._side)
        self.total += loss.detach()


def _stream(device: torch.device) -> torch.cuda.Stream:
    import torch

    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call] # torch's own


def _initialize(task: Task, options: ReluOptions, generator: torch.Generator) -> dict[str, list[Tensor]]:
    """Draw the weights: variances that keep the size of the state from layer to layer."""
    import torch

    hidden, n_features = options.hidden, task.features.shape[1]
    n_ones = float(task.features.sum(1).mean()) * (1 if options.hops else max(1, len(task.chain.others)))

    def draw(n: int, shape: tuple[int, int], fan_in: float) -> list[Tensor]:
        drawn = (torch.randn(shape, generator=generator) * (2 / fan_in) ** 0.5 for _ in range(n))
        return [weight.to(task.device).requires_grad_() for weight in drawn]

    def zeros(n: int, size: int) -> list[Tensor]:
        return [torch.zeros(size, device=task.device, requires_grad=True) for _ in range(n)]

    hops = max(0, options.hops - 1)
    n_metrics = task.targets.shape[1]
    widths = (hidden, *options.trunk)
    return {
        "rows": draw(1, (hidden, n_features), n_ones), "bias": zeros(1, hidden),
        "previous": draw(1 if options.hops else 0, (hidden, n_features), n_ones),
        "hops": draw(hops, (hidden, 2 * hidden), 2 * hidden), "hop_bias": zeros(hops, hidden),
        "hidden": [draw(1, (after, before), before)[0] for before, after in pairwise(widths)],
        "hidden_bias": [zeros(1, width)[0] for width in options.trunk],
        "head": draw(1, (n_metrics, widths[-1]), 2 * widths[-1]), "head_bias": zeros(1, n_metrics),
    }  # fmt: skip


def _optimizers(weights: Weights, options: ReluOptions) -> tuple[torch.optim.Adam, list[Muon]]:
    """Give the matrices to Muon, those of the first layer with their own rate, and the rest to Adam."""
    import torch

    by_muon = {"hops" if options.hops else "rows", "hidden"}
    others = [weight for name, listed in weights.items() if name not in by_muon for weight in listed]
    dtype = torch.bfloat16 if options.bfloat16 else torch.float32
    muons = [
        Muon(
            [weight],
            rate=options.rows_rate or options.matrix_rate if name == "rows" else options.matrix_rate,
            weight_decay=options.weight_decay,
            dtype=dtype,
        )
        for name in sorted(by_muon)
        for weight in weights[name]
    ]
    on_cuda = others[0].device.type == "cuda"
    rate = torch.tensor(options.learning_rate, device=others[0].device) if on_cuda else options.learning_rate
    return torch.optim.Adam(others, lr=rate, betas=(0.9, 0.99), capturable=on_cuda, fused=on_cuda or None), muons


def _forward(weights: Weights, task: Task, batch: Tensor) -> Tensor:
    from torch.nn.functional import linear

    bias = weights["bias"][0]
    if task.chain.others:
        state = linear(task.beside[batch].to(task.features.dtype), weights["rows"][0], bias)
    else:
        state = bias.expand(len(batch), -1)
    if task.chain.layers:
        rows = linear(task.features, weights["rows"][0])
        previous = linear(task.features, weights["previous"][0])
        tables = tabulate_chain(rows, previous, weights["hops"], weights["hop_bias"], task.windows)
        state = state + pool_chain(tables, task.nodes[batch])
    return forward_trunk(state, weights["hidden"], weights["hidden_bias"], weights["head"][0], weights["head_bias"][0])


def _fold(weights: Weights, task: Task, options: ReluOptions) -> dict[str, Tensor]:
    import torch
    from torch.nn.functional import linear

    hidden = options.hidden
    none = {"previous": (0, hidden), "hops": (0, hidden, 2 * hidden), "hop_bias": (0, hidden)}
    found: dict[str, Tensor] = {}
    for name, listed in weights.items():
        if name in {"hidden", "hidden_bias"}:
            continue
        if not listed:
            found[name] = torch.zeros(none[name])
        elif name in {"rows", "previous"}:
            found[name] = linear(task.features, listed[0])
        else:
            found[name] = listed[0].detach() if name in SINGLE else torch.stack(list(listed)).detach()
    for place, (matrix, bias) in enumerate(name_trunk(len(options.trunk))):
        found[matrix] = weights["hidden"][place].detach()
        found[bias] = weights["hidden_bias"][place].detach()
    return found
