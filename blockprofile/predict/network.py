"""Network predictors: ReLU layers on one-hot slots, with an additive part beside them.

The network of Once-for-All's accuracy predictors: a plain stack of linear layers with ReLU between them,

    y = constant + sum_slots additive[code] + scale * net(one-hot codes),

averaged over the members of the file. The first layer of one-hot inputs is a sum of rows of a table, one row for each
slot, and is evaluated so. The additive part, where there is one, is known exactly: expectations of it need no samples.

References
----------
Cai et al., Once-for-All: Train One Network and Specialize it for Efficient Deployment, ICLR 2020.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from copy import copy, deepcopy
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import CoverageError, DataError, one_of
from blockprofile.predict.base import CardPredictor
from blockprofile.predict.card import Card
from blockprofile.predict.onehot import OneHot
from blockprofile.predict.parts import evaluate_parts
from blockprofile.predict.weights import WEIGHTS_NAME, NetworkFile, read_network
from blockprofile.space import Archs, Factor, Slot, Space, table_shape

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


def make_layers(sizes: Sequence[int]) -> nn.Sequential:
    """Make a stack of linear layers with ReLU between them, from the number of inputs to that of outputs."""
    from torch import nn

    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers[:-1])


def linear_layers(layers: nn.Sequential) -> list[nn.Linear]:
    """List the linear layers of a stack."""
    from torch import nn

    return [layer for layer in layers if isinstance(layer, nn.Linear)]


class Network:
    """The networks of a file, ready to predict archs of a space at its resolution.

    What is the same for every arch goes into biases, and a depth that the layers tell into their rows: a layer that is
    left out makes the unit one less deep. ``constant`` and ``additive`` (float64, one value for each row left) are the
    additive part, None where there is none.

    Raises
    ------
    DataError
        If the networks are of another space.
    CoverageError
        If they do not know its resolution.
    """

    def __init__(self, file: NetworkFile, space: Space) -> None:
        from torch import nn

        inputs = file.inputs
        inputs.check_space(space, what=str(file.path))
        known = inputs.resolutions
        if known and space.resolution not in known:
            raise CoverageError(
                f"{file.path} does not cover resolution {space.resolution}; {one_of(space.resolution, known)}"
            )
        self.slots = tuple(slot for slot in space.slots if not _is_told(space, slot))
        self.columns = [slot.index for slot in self.slots]
        sizes = [inputs.slots[slot.index][1] for slot in self.slots]
        self.offsets = np.cumsum([0, *sizes])
        self.last = np.array(sizes, np.uint8) - 1
        self._members = []
        for place in range(file.n_members):
            _, *later = _load_layers(file, place)
            table, bias = _fold(space, inputs, file.arrays["weight0"][place].T)
            scale = float(file.arrays["scale"][place]) / file.n_members
            table[: sizes[0]] += bias + file.arrays["bias0"][place]  # every arch has one row of the first slot
            self._members.append(_Member(table, nn.Sequential(*later), scale))
        self.constant: float | None = None
        self.additive: NDArray[np.float64] | None = None
        if "additive" in file.arrays:
            values, level = _fold(space, inputs, file.arrays["additive"].mean(dim=0)[:, None])
            self.constant = float(file.arrays["constant"].mean() + level)
            self.additive = values[:, 0].numpy()

    @cached_property
    def _sum(self) -> tuple[Tensor, float] | None:
        import torch

        if self.additive is None or self.constant is None:
            return None
        return torch.from_numpy(self.additive).float()[:, None], self.constant

    def rows(self, archs: Archs) -> NDArray[np.int64]:
        """Tell which rows an arch has in ``additive``: int64, shape (n, len(slots))."""
        rows: NDArray[np.int64] = np.minimum(archs[:, self.columns], self.last) + self.offsets[:-1]
        return rows

    def predict(self, archs: Archs) -> NDArray[np.float32]:
        """Predict archs, uint8 of shape (n, n_slots): float32, shape (n,)."""
        return evaluate_parts(self._predict_part, archs)

    def _predict_part(self, archs: Archs) -> NDArray[np.float32]:
        import torch

        found: NDArray[np.float32] = self.predict_rows(torch.from_numpy(self.rows(archs))).numpy()
        return found

    def on(self, device: torch.device) -> Network:
        """Return the network with its weights on a device of torch, for `predict_rows`."""
        moved = copy(self)
        moved._members = [
            _Member(each.table.to(device), deepcopy(each.later).to(device), each.scale) for each in self._members
        ]
        if self._sum is not None:
            moved._sum = (self._sum[0].to(device), self._sum[1])
        return moved

    def predict_rows(self, rows: Tensor) -> Tensor:
        """Predict archs by their rows, see `rows`, where these and the weights are: float32, shape (n,)."""
        import torch
        from torch.nn.functional import embedding_bag

        total = torch.zeros(len(rows), 1, device=rows.device)
        for member in self._members:
            total += member.scale * member.later(embedding_bag(rows, member.table, mode="sum"))
        if self._sum is not None:
            table, constant = self._sum
            total += embedding_bag(rows, table, mode="sum") + constant
        return total[:, 0]


@dataclass(frozen=True, slots=True, eq=False)
class _Member:
    """One network: its first layer as a table, bias included, its later layers, and its share of the mean."""

    table: Tensor
    later: nn.Sequential
    scale: float


def _load_layers(file: NetworkFile, place: int) -> nn.Sequential:
    weights, biases = ([file.arrays[f"{kind}{n}"][place] for n in range(file.depth)] for kind in ("weight", "bias"))
    layers = make_layers([weights[0].shape[1], *(len(bias) for bias in biases)])
    for module, weight, bias in zip(linear_layers(layers), weights, biases, strict=True):
        module.weight.data, module.bias.data = weight, bias
    return layers


def _is_told(space: Space, slot: Slot) -> bool:
    """Tell whether a slot is the depth of a unit whose layers tell it."""
    return slot.kind == "depth" and space.units[slot.unit - 1].own_depth is None


def _fold(space: Space, inputs: OneHot, values: Tensor) -> tuple[Tensor, Tensor]:
    """Take out of values of all inputs, shape (n_rows, k), what every arch has and the depths that layers tell.

    Returns
    -------
    The values of the slots left, and what is added to every arch, shape (k,).
    """
    import torch

    of_slot = [part.clone() for part in torch.split(values[: inputs.offsets[-1]], [size for _, size in inputs.slots])]
    constant = torch.zeros_like(values[0])
    if inputs.resolutions:
        constant += values[inputs.offsets[-1] + inputs.resolutions.index(space.resolution)]
    for unit in space.units:
        if unit.depth is None or unit.own_depth is not None:
            continue
        by_depth = dict(zip(unit.depths, of_slot[unit.depth], strict=True))
        level = by_depth[max(unit.depths)]
        constant += level
        for layer in range(max(unit.depths), min(unit.depths), -1):  # what one less than this layer changes
            below = by_depth.get(layer - 1, level)
            of_slot[unit.layers[layer - 1]][-1] += below - level
            level = below
    return torch.cat([of_slot[slot.index] for slot in space.slots if not _is_told(space, slot)]), constant


class NetworkPredictor(CardPredictor):
    """The predictor of a network."""

    def __init__(self, card: Card, space: Space, network: Network) -> None:
        super().__init__(card, space)
        self.network = network

    def predict(self, archs: Archs) -> NDArray[np.float32]:
        """Predict the metric of every arch.

        An arch's prediction does not depend on the archs beside it, to the last bit; none exceeds the card's ceiling.

        Raises
        ------
        ArchError
            If dtype or shape do not fit the space.
        """
        values = self.network.predict(self.rows(archs))
        return values if self.card.ceiling is None else np.minimum(values, np.float32(self.card.ceiling))

    @cached_property
    def factors(self) -> tuple[Factor, ...] | None:
        """The additive part as factors, for exact expectations and as a control variate; None where there is none."""
        additive, constant = self.network.additive, self.network.constant
        if additive is None or constant is None:
            return None
        factors = [Factor((), np.array(constant))]
        starts = self.network.offsets
        for slot, start, end in zip(self.network.slots, starts[:-1], starts[1:], strict=True):
            table = np.zeros(table_shape(self.space, (slot.index,)))
            table[: end - start] = additive[start:end]
            factors.append(Factor((slot.index,), table))
        return tuple(factors)


@lru_cache(maxsize=32)
def _cached(path: Path, _content: str, space: Space) -> Network:
    """Keep networks by the content of their files: one that is replaced under its name is read anew."""
    return Network(read_network(path), space)


def build_network_predictor(card: Card, folder: Path, space: Space) -> NetworkPredictor:
    """Make the predictor of a folder's network.

    Raises
    ------
    DataError
        If the weights are missing, truncated or of another space.
    CoverageError
        If they do not know the space's resolution.
    """
    path = folder / WEIGHTS_NAME
    if not path.is_file():
        raise DataError(f"{path} does not exist; predictor {card.name!r} needs it")
    content = hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
    network = _cached(path, content, Space(space.definition, resolution=space.resolution))
    return NetworkPredictor(card, space, network)
