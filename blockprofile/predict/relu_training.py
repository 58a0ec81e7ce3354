"""Training a network of ReLU layers: matrices by Muon, the rest by Adam, the members side by side.

The members differ in their seeds alone. On processors each has a thread, and torch's threads are shared out among
them; on a CUDA device one thread starts the steps of all of them in turn, and they run there at the same time.

References
----------
Jordan et al., Muon: An optimizer for hidden layers in neural networks, 2024.
Hansen and Salamon, Neural Network Ensembles, PAMI 1990 (what their mean is good for).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blockprofile.predict.chain import Chain
from blockprofile.predict.features import row_features
from blockprofile.predict.relu_member import Member, Task
from blockprofile.predict.relu_options import ReluOptions
from blockprofile.predict.training import Layout, Progress, fit_additive
from blockprofile.space.space import Space

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["train_relu"]

WARM_UP = 0.03
SMALLEST_SCALE = 1e-12
ROWS_AT_ONCE = 65_536


def train_relu(
    codes: NDArray[np.integer],
    labels: NDArray[np.float64],
    layout: Layout,
    space: Space,
    options: ReluOptions,
    *,
    device: str = "cpu",
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
    device
        ``cpu`` or a CUDA device of torch.
    progress
        Told of the first member's epochs.

    Returns
    -------
    The arrays of `relu.RELU_ARRAYS` and of the trunk.
    """
    import torch

    constant, additive = fit_additive(codes, labels, layout)
    mean, scale = labels.mean(axis=0), np.maximum(labels.std(axis=0), SMALLEST_SCALE)
    place = torch.device(device)
    task = _pose(codes, (labels - mean) / scale, layout, space, chained=options.hops > 0, device=place)
    train = _train_on_processors if place.type == "cpu" else _train_on_cuda
    members = train(task, options, progress)
    shared = {"constant": constant, "additive": additive, "mean": mean, "scale": scale}
    found = {name: torch.from_numpy(np.ascontiguousarray(values)) for name, values in shared.items()}
    return found | {name: torch.stack([member[name] for member in members]) for name in members[0]}


def _train_on_processors(task: Task, options: ReluOptions, progress: Progress) -> list[dict[str, Tensor]]:
    """Train members in threads, as many at a time as torch has threads."""
    import torch

    n_threads = torch.get_num_threads()
    members: list[dict[str, Tensor]] = []
    while len(members) < options.members:
        at_a_time = min(n_threads, options.members - len(members))

        def train(member: int, share: int = n_threads // at_a_time) -> dict[str, Tensor]:
            torch.set_num_threads(share)
            return _train_members(task, options, [member], progress if member == 0 else lambda *_: None)[0]

        with ThreadPoolExecutor(at_a_time) as pool:
            members += pool.map(train, range(len(members), len(members) + at_a_time))
    torch.set_num_threads(n_threads)
    return members


def _train_on_cuda(task: Task, options: ReluOptions, progress: Progress) -> list[dict[str, Tensor]]:
    """Train all members at the same time.

    Factors of float32 products are rounded to TF32, as torch's precision "high" does; rounded so, the predictions of
    Once-for-All's accuracy change by a hundredth of that fit's error.
    """
    import torch

    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        return _train_members(task, options, range(options.members), progress)
    finally:
        torch.set_float32_matmul_precision(precision)


def _train_members(
    task: Task, options: ReluOptions, members: Sequence[int], progress: Progress
) -> list[dict[str, Tensor]]:
    """Train members in lockstep, and tell of the first one's epochs."""
    trained = [Member(task, options, seed=options.seed + member) for member in members]
    n = len(task.targets)
    batch = max(1, min(options.batch, n // 16))
    per_epoch = n // batch
    epochs = max(options.epochs, -(-options.min_steps // per_epoch))
    for epoch in range(epochs):
        for member in trained:
            member.shuffle()
        for place in range(per_epoch):
            share = _share_of_rates((epoch * per_epoch + place) / (epochs * per_epoch), options.decay)
            for member in trained:
                member.step(place, batch, share)
        progress(epoch + 1, epochs, trained[0].take_total() / per_epoch)
    return [member.fold() for member in trained]


def _pose(
    codes: NDArray[np.integer],
    targets: NDArray[np.float64],
    layout: Layout,
    space: Space,
    *,
    chained: bool,
    device: torch.device,
) -> Task:
    """Write out what training reads, on its device; part by part, since rows take eight times the memory of codes."""
    import torch

    chain = Chain.of(space, len(layout.offsets), chained=chained)
    layers, others = list(chain.layers), list(chain.others)
    windows = chain.windows(space, layout.offsets, layout.n_rows, longest=2).to(device)
    features = row_features(space, layout.offsets, layout.n_rows, chained=chained).to(device)
    ones = features.to(torch.uint8)
    offsets = torch.tensor(layout.offsets, device=device)
    last = torch.tensor([space.slots[slot].n_choices for slot in layers], device=device)
    nodes = torch.empty((len(codes), len(layers)), dtype=torch.int64, device=device)
    beside = torch.zeros((len(codes) if others else 0, features.shape[1]), dtype=torch.uint8, device=device)
    for start in range(0, len(codes), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        found = torch.from_numpy(codes[part].astype(np.int64)).to(device)
        rows = found + offsets
        if layers:
            nodes[part] = chain.line_up(rows[:, layers], found[:, layers] < last, windows)
        for slot in others:
            beside[part] += ones[rows[:, slot]]
    scaled = torch.from_numpy(targets.astype(np.float32)).to(device)
    return Task(chain=chain, features=features, windows=windows, nodes=nodes, beside=beside, targets=scaled)


def _share_of_rates(done: float, decay: float) -> float:
    """Warm up linearly, stay, then fall linearly to zero: which share of their peaks the rates have."""
    return min(1.0, done / WARM_UP + 1e-3, (1 - done) / decay)
