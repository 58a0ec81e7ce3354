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
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import CoverageError, DataError, one_of
from blockprofile.predict.card import Card
from blockprofile.predict.parts import evaluate_parts
from blockprofile.predict.weights import WEIGHTS_NAME, NetworkFile, read_network
from blockprofile.space.factors import Factor, table_shape
from blockprofile.space.slots import Archs
from blockprofile.space.space import Space

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["Network", "NetworkPredictor", "build_network_predictor", "linear_layers", "make_layers"]


def make_layers(sizes: Sequence[int]) -> nn.Sequential:
    """Make a stack of linear layers with ReLU between them, from the number of inputs to that of outputs."""
    from torch import nn

    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def linear_layers(layers: nn.Sequential) -> list[nn.Linear]:
    """List the linear layers of a stack."""
    from torch import nn

    return [layer for layer in layers if isinstance(layer, nn.Linear)]


class Network:
    """The networks of a file, ready to predict archs at one resolution.

    ``constant`` and ``additive`` (one value for each code of each slot) are the additive part, float64; None where
    there is none.

    Parameters
    ----------
    file
        What was read.
    resolution
        The input resolution of all archs that will come; of no effect where the networks take none.

    Raises
    ------
    CoverageError
        If the networks do not know the resolution.
    """

    def __init__(self, file: NetworkFile, resolution: int) -> None:
        known = file.inputs.resolutions
        if known and resolution not in known:
            raise CoverageError(f"{file.path} does not cover resolution {resolution}; {one_of(resolution, known)}")
        self.inputs = file.inputs
        n_rows = int(file.inputs.offsets[-1])
        fixed = [n_rows + known.index(resolution)] if known else []
        self._members = [_Member.load(file, place, n_rows, fixed) for place in range(file.n_members)]
        self.constant: float | None = None
        self.additive: NDArray[np.float64] | None = None
        if "additive" in file.arrays:
            additive = file.arrays["additive"].mean(dim=0)
            self.constant = float(file.arrays["constant"].mean() + additive[fixed].sum())
            self.additive = additive[:n_rows].numpy()

    @cached_property
    def _sum(self) -> tuple[Tensor, float] | None:
        import torch

        if self.additive is None or self.constant is None:
            return None
        return torch.from_numpy(self.additive).float()[:, None], self.constant

    def predict(self, archs: Archs) -> NDArray[np.float32]:
        """Predict archs, uint8 of shape (n, n_slots): float32, shape (n,)."""
        return evaluate_parts(self._predict_part, archs)

    def _predict_part(self, archs: Archs) -> NDArray[np.float32]:
        import torch
        from torch.nn.functional import embedding_bag

        rows = torch.from_numpy(self.inputs.rows(archs))
        total = torch.zeros(len(archs), 1)
        for member in self._members:
            total += member.scale * member.later(embedding_bag(rows, member.table, mode="sum") + member.bias)
        if self._sum is not None:
            table, constant = self._sum
            total += embedding_bag(rows, table, mode="sum") + constant
        found: NDArray[np.float32] = total[:, 0].numpy()
        return found


@dataclass(frozen=True, slots=True, eq=False)
class _Member:
    """One network: the table and the bias of its first layer, its later layers, and its share of the mean."""

    table: Tensor
    bias: Tensor
    later: nn.Sequential
    scale: float

    @classmethod
    def load(cls, file: NetworkFile, place: int, n_rows: int, fixed: Sequence[int]) -> _Member:
        """Make a network ready; inputs that are the same for every arch go into the bias."""
        weights = [file.arrays[f"weight{layer}"][place] for layer in range(file.depth)]
        biases = [file.arrays[f"bias{layer}"][place] for layer in range(file.depth)]
        layers = make_layers([weights[0].shape[1], *(len(bias) for bias in biases)])
        for module, weight, bias in zip(linear_layers(layers), weights, biases, strict=True):
            module.weight.data, module.bias.data = weight, bias
        table = weights[0].T
        scale = float(file.arrays["scale"][place]) / file.n_members
        return cls(
            table[:n_rows].contiguous(),
            biases[0] + table[list(fixed)].sum(dim=0),
            type(layers)(*list(layers)[1:]),
            scale,
        )


class NetworkPredictor:
    """The predictor of a network.

    Parameters
    ----------
    card
        Where it comes from.
    space
        The space whose archs it takes (pruned or not: the codes are the same).
    network
        Ready to predict at the space's resolution.
    """

    def __init__(self, card: Card, space: Space, network: Network) -> None:
        self.card, self.space, self.network = card, space, network
        self.metric, self.unit = card.metric, card.unit

    def predict(self, archs: Archs) -> NDArray[np.float32]:
        """Predict the metric of every arch.

        An arch's prediction does not depend on the archs beside it, to the last bit; none exceeds the card's ceiling.

        Raises
        ------
        ArchError
            If dtype or shape do not fit the space.
        """
        values = self.network.predict(np.atleast_2d(self.space.check(archs)))
        return values if self.card.ceiling is None else np.minimum(values, np.float32(self.card.ceiling))

    @cached_property
    def factors(self) -> tuple[Factor, ...] | None:
        """The additive part as factors, for exact expectations and as a control variate; None where there is none."""
        additive, constant = self.network.additive, self.network.constant
        if additive is None or constant is None:
            return None
        factors = [Factor((), np.array(constant))]
        starts = self.network.inputs.offsets
        for slot, start, end in zip(self.space.slots, starts[:-1], starts[1:], strict=True):
            table = np.zeros(table_shape(self.space, (slot.index,)))
            table[: end - start] = additive[start:end]
            factors.append(Factor((slot.index,), table))
        return tuple(factors)


@lru_cache(maxsize=32)
def _cached(path: Path, _content: str, resolution: int) -> Network:
    """Keep networks by the content of their files: one that is replaced under its name is read anew."""
    return Network(read_network(path), resolution)


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
    network = _cached(path, content, space.resolution)
    network.inputs.check_space(space, what=str(path))
    return NetworkPredictor(card, space, network)
