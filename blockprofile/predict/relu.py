"""Networks of ReLU layers on an arch's slots, with or without messages passed along its chain of layers.

For the members of the network, of which the prediction is the mean, with t_i the row of the i-th active layer's
block, and 0 before the first layer:

    h_i^1 = relu(rows[t_i] + previous[t_{i-1}])
    h_i^k = relu(hops_k [h_i^{k-1}, h_{i-1}^{k-1}] + hop_bias_k)                           for k = 2 ... K
    s     = bias + sum_i h_i^K / (number of layers of the space) + sum_{other slots} rows[slot's code]
    y     = head relu(... relu(hidden_1 relu(s) + hidden_bias_1) ...) + head_bias

and the prediction is ``mean + scale * y``. Without hops there is no chain, and every slot adds its row to s: the
network with ReLU layers on one-hot inputs that Once-for-All publishes. With hops it is a graph network on the chain of
layers, each of which hears of the layer before it. The additive part is no part of the network: it is what
its predictions are compared with, as the control variate.

References
----------
Cai et al., Once-for-All: Train One Network and Specialize it for Efficient Deployment, ICLR 2020 (accuracy predictor).
Morris et al., Weisfeiler and Leman Go Neural: Higher-order Graph Neural Networks, AAAI 2019 (the graph layers).
Mills et al., Building Optimal Neural Architectures using Interpretable Knowledge, CVPR 2024 (predictors of this build).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blockprofile.predict.chain import Chain, ChainTables, Windows, pool_chain, tabulate_chain
from blockprofile.predict.groups import SlotGroup, is_implied, last_codes, n_codes
from blockprofile.predict.parts import evaluate_halves
from blockprofile.space.slots import INACTIVE, Archs
from blockprofile.space.space import Space

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["RELU_ARRAYS", "ReluNetwork", "forward_trunk", "name_trunk", "prepare_relu", "relu_shapes"]

Arrays = Mapping[str, "Tensor"]

RELU_ARRAYS = (
    "constant", "additive", "mean", "scale", "rows", "bias", "previous", "hops", "hop_bias", "head", "head_bias",
)  # fmt: skip
"""The arrays of every network; from ``rows`` on with the members as their first axis, as have those of the trunk."""

SHARED = ("constant", "additive", "mean", "scale")


def name_trunk(depth: int) -> list[tuple[str, str]]:
    """Name matrix and bias of every layer behind the first or behind the pooled chain.

    Examples
    --------
    >>> name_trunk(2)
    [('hidden.0', 'hidden_bias.0'), ('hidden.1', 'hidden_bias.1')]
    """
    return [(f"hidden.{layer}", f"hidden_bias.{layer}") for layer in range(depth)]


def relu_shapes(arrays: Arrays, n_rows: int, n_metrics: int) -> dict[str, tuple[int, ...]]:
    """Say which shape each array must have, given the sizes that are free."""
    members, hidden = int(arrays["rows"].shape[0]), int(arrays["rows"].shape[-1])
    hops, previous = int(arrays["hops"].shape[1]), n_rows if arrays["previous"].shape[1] else 0
    shapes: dict[str, tuple[int, ...]] = {
        "constant": (n_metrics,), "additive": (n_rows, n_metrics), "mean": (n_metrics,), "scale": (n_metrics,),
        "rows": (members, n_rows, hidden), "bias": (members, hidden), "previous": (members, previous, hidden),
        "hops": (members, hops, hidden, 2 * hidden), "hop_bias": (members, hops, hidden),
    }  # fmt: skip
    width = hidden
    for matrix, bias in name_trunk(_trunk_depth(arrays)):
        before, width = width, int(arrays[matrix].shape[1])
        shapes |= {matrix: (members, width, before), bias: (members, width)}
    return shapes | {"head": (members, n_metrics, width), "head_bias": (members, n_metrics)}


def _trunk_depth(arrays: Arrays) -> int:
    """Count the trunk's matrices, which are numbered from 0."""
    return sum(name.startswith("hidden.") for name in arrays)


def _trunk_of(arrays: Arrays) -> tuple[list[Tensor], list[Tensor]]:
    names = name_trunk(_trunk_depth(arrays))
    return [arrays[matrix] for matrix, _ in names], [arrays[bias] for _, bias in names]


def forward_trunk(
    state: Tensor, hidden: Iterable[Tensor], hidden_bias: Iterable[Tensor], head: Tensor, head_bias: Tensor
) -> Tensor:
    """Compute the ReLU layers and the head.

    Parameters
    ----------
    state
        Shape (n, hidden); overwritten.
    hidden, hidden_bias
        Matrices of shape (size of the layer, size of the one before it), and vectors.
    head, head_bias
        Shapes (n_metrics, size of the last layer) and (n_metrics,).

    Returns
    -------
    Shape (n, n_metrics).
    """
    from torch.nn.functional import linear

    for weight, bias in zip(hidden, hidden_bias, strict=True):
        state = linear(state.relu_(), weight, bias)
    return linear(state.relu_(), head, head_bias)


@dataclass(frozen=True, slots=True, eq=False)
class ReluNetwork:
    """A network ready to predict.

    ``additive`` has the rows of ``groups``, one slot each, in their order; ``last`` are the inactive layers' codes.
    """

    groups: tuple[SlotGroup, ...]
    constant: Tensor
    additive: Tensor
    chain: Chain
    offsets: Tensor
    last: NDArray[np.uint8]
    fixed: Tensor
    windows: Windows
    shared: Arrays
    members: tuple[Arrays, ...]
    tables: tuple[ChainTables, ...]
    device: torch.device

    def evaluate(self, archs: Archs) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Evaluate all metrics.

        Parameters
        ----------
        archs
            uint8, shape (n, n_slots), n may be 0.

        Returns
        -------
        The additive part and the remainder, float32 of shape (n_metrics, n); the prediction is their sum.
        """
        return evaluate_halves(self._evaluate_part, archs, n_metrics=int(self.constant.shape[0]))

    def _evaluate_part(self, archs: Archs) -> NDArray[np.float32]:
        import torch
        from torch.nn.functional import embedding_bag

        codes = torch.from_numpy(np.minimum(archs, self.last).astype(np.int64)).to(self.device)
        rows = torch.cat([codes, self.fixed.expand(len(codes), -1)], dim=1) + self.offsets
        layers, others = rows[:, list(self.chain.layers)], rows[:, list(self.chain.others)]
        active = torch.from_numpy(archs[:, list(self.chain.layers)] != INACTIVE).to(self.device)
        nodes = self.chain.line_up(layers, active, self.windows) if self.chain.layers else layers
        summed = rows[:, sorted(self.chain.layers + self.chain.others)]
        additive = embedding_bag(summed, self.shared["additive"], mode="sum") + self.shared["constant"]
        outputs = torch.zeros_like(additive)
        for place, member in enumerate(self.members):
            state = member["bias"].expand(len(rows), -1)
            if self.chain.others:
                state = state + embedding_bag(others, member["rows"], mode="sum")
            if self.chain.layers:
                state = state + pool_chain(self.tables[place], nodes)
            outputs += forward_trunk(state, *_trunk_of(member), member["head"], member["head_bias"])
        whole = self.shared["mean"] + self.shared["scale"] * (outputs / len(self.members))
        both: NDArray[np.float32] = torch.cat([additive, whole - additive], dim=1).T.cpu().numpy()
        return both


def prepare_relu(
    arrays: Arrays, space: Space, offsets: Sequence[int], *, fixed: Mapping[int, int], device: torch.device
) -> ReluNetwork:
    """Make a network ready to predict.

    Parameters
    ----------
    arrays
        Those of `RELU_ARRAYS` and of the trunk.
    offsets
        Where each slot's rows start; the resolution, where the network takes it, is a slot more.
    fixed
        The code of that slot.
    device
        Where to evaluate.
    """
    import torch

    chain = Chain.of(space, len(offsets), chained=arrays["previous"].shape[1] > 0)
    longest = int(arrays["hops"].shape[1]) + 2
    windows = chain.windows(space, offsets, int(arrays["rows"].shape[1]), longest=longest).to(device)
    groups = [SlotGroup((slot.index,), (n_codes(space, slot),)) for slot in space.slots if not is_implied(space, slot)]
    kept = [offsets[group.slots[0]] + code for group in groups for code in range(group.n_states)]
    constant = arrays["constant"].clone()
    for slot, code in fixed.items():
        constant += arrays["additive"][offsets[slot] + code]
    moved = {name: array.float().to(device) for name, array in arrays.items()}
    members = tuple(
        {name: array[place] for name, array in moved.items() if name not in SHARED}
        for place in range(arrays["rows"].shape[0])
    )
    return ReluNetwork(
        groups=tuple(groups),
        constant=constant.float().to(device),
        additive=arrays["additive"][kept].float().to(device),
        chain=chain,
        offsets=torch.tensor(list(offsets), device=device),
        last=last_codes(space),
        fixed=torch.tensor([list(fixed.values())], dtype=torch.int64, device=device),
        windows=windows,
        shared={name: moved[name] for name in SHARED},
        members=members,
        tables=tuple(_tabulate(member, windows) for member in members if chain.layers),
        device=device,
    )


def _tabulate(member: Arrays, windows: Windows) -> ChainTables:
    return tabulate_chain(member["rows"], member["previous"], list(member["hops"]), list(member["hop_bias"]), windows)
