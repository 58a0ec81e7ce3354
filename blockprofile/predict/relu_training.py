"""Training a network of ReLU layers: matrices by Muon, the rest by Adam, the members side by side.

The members differ in their seeds alone; torch's threads are shared out among them.

References
----------
Jordan et al., Muon: An optimizer for hidden layers in neural networks, 2024.
Hansen and Salamon, Neural Network Ensembles, PAMI 1990 (what their mean is good for).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import OptionError
from blockprofile.predict.chain import Chain, Windows, pool_chain, tabulate_chain
from blockprofile.predict.features import row_features
from blockprofile.predict.muon import Muon
from blockprofile.predict.relu import forward_trunk, name_trunk
from blockprofile.predict.training import Layout, Progress, check_options, fit_additive
from blockprofile.space.space import Space

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["ReluOptions", "train_relu"]

WARM_UP = 0.03
SMALLEST_SCALE = 1e-12

SINGLE = frozenset({"bias", "head", "head_bias"})
"""Weights of which there is one; of the others there is a list of layers, possibly empty."""

Weights = Mapping[str, Sequence["Tensor"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReluOptions:
    """How to train a network of ReLU layers.

    ``hops`` counts the graph layers on the chain of layers, 0 for none; ``hidden`` is the size of the first layer or
    of every graph layer, ``trunk`` the sizes of the layers behind it. ``matrix_rate`` and ``weight_decay`` are
    Muon's, ``rows_rate`` is its rate for the first layer without hops, where it is another; ``learning_rate`` is
    Adam's. All rates fall to zero over the last ``decay`` of the steps. ``bfloat16`` trains with products in that
    precision: twice as fast where the processor has it, slow where not. ``eight_bits`` stores the matrices in as many,
    half the size.
    """

    hops: int = 0
    hidden: int = 256
    trunk: tuple[int, ...] = (256, 256)
    members: int = 2
    epochs: int = 20
    min_steps: int = 2000
    batch: int = 1024
    learning_rate: float = 3e-3
    matrix_rate: float = 0.02
    rows_rate: float | None = None
    weight_decay: float = 0.0
    decay: float = 0.7
    bfloat16: bool = False
    eight_bits: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        least = {
            "hops": 0, "hidden": 1, "members": 1, "epochs": 1, "min_steps": 0, "batch": 1, "weight_decay": 0, "seed": 0,
        }  # fmt: skip
        rates = ("matrix_rate",) if self.rows_rate is None else ("matrix_rate", "rows_rate")
        check_options(self, at_least=least, above_zero=("learning_rate", *rates, "decay"))
        if any(size < 1 for size in self.trunk):
            raise OptionError(f"trunk is {list(self.trunk)}; every size must be at least 1")


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
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


def train_relu(
    codes: NDArray[np.int64],
    labels: NDArray[np.float64],
    layout: Layout,
    space: Space,
    options: ReluOptions,
    *,
    progress: Progress,
) -> dict[str, Tensor]:
    """Train a network.

    Parameters
    ----------
    codes
        Shape (n, n_slots), inactive layers holding their slot's last code; with the resolution as a last column
        where the network takes it.
    labels
        Shape (n, n_metrics), finite.
    progress
        Told of the first member's epochs.

    Returns
    -------
    The arrays of `relu.RELU_ARRAYS` and of the trunk.
    """
    import torch

    constant, additive = fit_additive(codes, labels, layout)
    mean, scale = labels.mean(axis=0), np.maximum(labels.std(axis=0), SMALLEST_SCALE)
    task = _pose(codes, (labels - mean) / scale, layout, space, chained=options.hops > 0)

    n_threads = torch.get_num_threads()
    members: list[dict[str, Tensor]] = []
    while len(members) < options.members:
        side_by_side = min(n_threads, options.members - len(members))

        def train(member: int, share: int = n_threads // side_by_side) -> dict[str, Tensor]:
            torch.set_num_threads(share)
            quiet: Progress = progress if member == 0 else lambda *_: None
            return _train_member(task, options, seed=options.seed + member, progress=quiet)

        with ThreadPoolExecutor(side_by_side) as pool:
            members += pool.map(train, range(len(members), len(members) + side_by_side))
    torch.set_num_threads(n_threads)
    shared = {"constant": constant, "additive": additive, "mean": mean, "scale": scale}
    found = {name: torch.from_numpy(np.ascontiguousarray(values)) for name, values in shared.items()}
    return found | {name: torch.stack([member[name] for member in members]) for name in members[0]}


def _pose(
    codes: NDArray[np.int64], targets: NDArray[np.float64], layout: Layout, space: Space, *, chained: bool
) -> _Task:
    import torch

    chain = Chain.of(space, len(layout.offsets), chained=chained)
    rows = torch.from_numpy(codes + np.asarray(layout.offsets))
    layers = list(chain.layers)
    windows = chain.windows(space, layout.offsets, layout.n_rows, longest=2)
    active = torch.from_numpy(codes[:, layers] < [space.slots[slot].n_choices for slot in layers])
    features = row_features(space, layout.offsets, layout.n_rows, chained=chained)
    beside = torch.zeros((len(rows) if chain.others else 0, features.shape[1]), dtype=torch.uint8)
    for slot in chain.others:
        beside += features.to(torch.uint8)[rows[:, slot]]
    return _Task(
        chain=chain,
        features=features,
        windows=windows,
        nodes=chain.line_up(rows[:, layers], active, windows) if chained else rows[:, layers],
        beside=beside,
        targets=torch.from_numpy(targets.astype(np.float32)),
    )


def _initialize(task: _Task, options: ReluOptions, generator: torch.Generator) -> dict[str, list[Tensor]]:
    """Draw the weights: variances that keep the size of the state from layer to layer."""
    import torch

    hidden, n_features = options.hidden, task.features.shape[1]
    n_ones = float(task.features.sum(1).mean()) * (1 if options.hops else max(1, len(task.chain.others)))

    def draw(n: int, shape: tuple[int, int], fan_in: float) -> list[Tensor]:
        return [(torch.randn(shape, generator=generator) * (2 / fan_in) ** 0.5).requires_grad_() for _ in range(n)]

    def zeros(n: int, size: int) -> list[Tensor]:
        return [torch.zeros(size, requires_grad=True) for _ in range(n)]

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


def _train_member(task: _Task, options: ReluOptions, *, seed: int, progress: Progress) -> dict[str, Tensor]:
    import torch
    from torch.nn.functional import mse_loss

    generator = torch.Generator().manual_seed(seed)
    weights = _initialize(task, options, generator)
    n = len(task.targets)
    batch = max(1, min(options.batch, n // 16))
    per_epoch = n // batch
    epochs = max(options.epochs, -(-options.min_steps // per_epoch))
    adam, muons = _optimizers(weights, options)
    for epoch in range(epochs):
        order = torch.randperm(n, generator=generator)
        total = 0.0
        for place in range(per_epoch):
            share = _share_of_rates((epoch * per_epoch + place) / (epochs * per_epoch), options.decay)
            rows = order[place * batch : (place + 1) * batch]
            with torch.autocast("cpu", torch.bfloat16, enabled=options.bfloat16):
                outputs = _forward(weights, task, rows)
            loss = mse_loss(outputs.float(), task.targets[rows])
            adam.zero_grad()
            for muon in muons:
                muon.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call] # torch's own
            adam.param_groups[0]["lr"] = options.learning_rate * share
            adam.step()
            for muon in muons:
                muon.step(share)
            total += float(loss.detach())
        progress(epoch + 1, epochs, total / per_epoch)
    return _fold(weights, task, options)


def _forward(weights: Weights, task: _Task, batch: Tensor) -> Tensor:
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


def _fold(weights: Weights, task: _Task, options: ReluOptions) -> dict[str, Tensor]:
    """Make the arrays of one member: features folded into rows, lists of layers into stacks."""
    import torch
    from torch.nn.functional import linear

    hidden = options.hidden
    none = {"previous": (0, hidden), "hops": (0, hidden, 2 * hidden), "hop_bias": (0, hidden)}
    found: dict[str, Tensor] = {}
    with torch.no_grad():
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


def _optimizers(weights: Weights, options: ReluOptions) -> tuple[torch.optim.Adam, list[Muon]]:
    """Give the matrices to Muon, those of the first layer with their own rate, and the rest to Adam."""
    import torch

    by_muon = {"hops" if options.hops else "rows", "hidden"}
    others = [weight for name, listed in weights.items() if name not in by_muon for weight in listed]
    dtype = torch.bfloat16 if options.bfloat16 else torch.float32
    muons = [
        Muon(
            weights[name],
            rate=options.rows_rate or options.matrix_rate if name == "rows" else options.matrix_rate,
            weight_decay=options.weight_decay,
            dtype=dtype,
        )
        for name in sorted(by_muon)
    ]
    return torch.optim.Adam(others, lr=options.learning_rate, betas=(0.9, 0.99)), muons


def _share_of_rates(done: float, decay: float) -> float:
    """Warm up linearly, stay, then fall linearly to zero: which share of their peaks the rates have."""
    return min(1.0, done / WARM_UP + 1e-3, (1 - done) / decay)
