"""Network predictors: the folder's weights, the card's metric, and what the additive part gives exactly.

Several metrics may share one network (and its file): their cards name the sibling folder that holds it, and
together they cost what one costs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import DataError, OptionError, one_of
from blockprofile.predict.base import Predictor
from blockprofile.predict.card import Card
from blockprofile.predict.groups import SlotGroup
from blockprofile.predict.mlp import MlpPredictor, build_mlp_predictor, is_mlp
from blockprofile.predict.network import TabulatedNetwork, tabulate
from blockprofile.predict.parts import run_on_one_thread
from blockprofile.predict.relu import ReluNetwork, prepare_relu
from blockprofile.predict.weights import WEIGHTS_NAME, NetworkFile, read_header, read_network
from blockprofile.space.factors import Factor, table_shape
from blockprofile.space.slots import Archs
from blockprofile.space.space import Space

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["MeanNetwork", "NetworkPredictor", "build_network_predictor", "load_network"]

DEVICE = "cpu"


@dataclass(frozen=True, slots=True, eq=False)
class MeanNetwork:
    """The mean of several networks of one layout, ready to predict."""

    members: tuple[TabulatedNetwork | ReluNetwork, ...]
    constant: Tensor
    additive: Tensor

    @property
    def groups(self) -> tuple[SlotGroup, ...]:
        """The groups that the rows of ``additive`` belong to."""
        return self.members[0].groups

    def evaluate(self, archs: Archs) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Evaluate all metrics; see `TabulatedNetwork.evaluate`."""
        found = [member.evaluate(archs) for member in self.members]
        additive, rest = (np.add.reduce([each[half] for each in found]) / np.float32(len(found)) for half in (0, 1))
        return additive, rest


Network = TabulatedNetwork | ReluNetwork | MeanNetwork
"""A network ready to predict, of any kind."""


class NetworkPredictor:
    """One metric of a network.

    Parameters
    ----------
    card
        Where it comes from.
    space
        The space whose archs it takes (pruned or not: the codes are the same).
    network
        Ready to predict; shared by the predictors of all its metrics.
    output
        The place of the metric among the network's.
    """

    def __init__(self, card: Card, space: Space, network: Network, output: int) -> None:
        self.card, self.space, self.network, self.output = card, space, network, output
        self.metric, self.unit = card.metric, card.unit

    def predict(self, archs: Archs) -> NDArray[np.float32]:
        """Predict the metric of every arch.

        An arch's prediction does not depend on the archs beside it, to the last bit.

        Raises
        ------
        ArchError
            If dtype or shape do not fit the space.
        """
        additive, rest = self.network.evaluate(np.atleast_2d(self.space.check(archs)))
        return self._whole(additive, rest)

    def _whole(self, additive: NDArray[np.float32], rest: NDArray[np.float32]) -> NDArray[np.float32]:
        """Add the two halves of this metric; nothing exceeds the card's ceiling."""
        values: NDArray[np.float32] = additive[self.output] + rest[self.output]
        return values if self.card.ceiling is None else np.minimum(values, np.float32(self.card.ceiling))

    def predict_rest(self, archs: Archs) -> NDArray[np.float32]:
        """Predict what the additive part leaves: the prediction minus the sum of `factors`.

        Raises
        ------
        ArchError
            If dtype or shape do not fit the space.
        """
        additive, rest = self.network.evaluate(np.atleast_2d(self.space.check(archs)))
        if self.card.ceiling is None:
            return np.asarray(rest[self.output], np.float32)
        return np.asarray(self._whole(additive, rest) - additive[self.output], np.float32)

    @cached_property
    def factors(self) -> tuple[Factor, ...]:
        """The additive part as factors, for exact expectations and as a control variate."""
        constant = float(self.network.constant[self.output])
        factors = [Factor((), np.array(constant))]
        start = 0
        for group in self.network.groups:
            rows = self.network.additive[start : start + group.n_states, self.output].cpu().numpy()
            table = np.zeros(table_shape(self.space, group.slots))
            table[tuple(slice(0, size) for size in group.sizes)] = rows.reshape(group.sizes)
            factors.append(Factor(group.slots, table))
            start += group.n_states
        return tuple(factors)

    def joint_key(self) -> object:
        """Return the network: predictors that share it are evaluated together."""
        return id(self.network)

    def predict_jointly(self, others: Sequence[Predictor], archs: Archs) -> list[NDArray[np.float32]]:
        """Predict the metrics of ``others``, all of this network, in one pass.

        Raises
        ------
        ArchError
            If dtype or shape do not fit the space.
        """
        additive, rest = self.network.evaluate(np.atleast_2d(self.space.check(archs)))
        return [other._whole(additive, rest) for other in others if isinstance(other, NetworkPredictor)]


def load_network(file: NetworkFile, space: Space, *, device: str = DEVICE) -> Network:
    """Make a network ready to predict for a space.

    Parameters
    ----------
    device
        ``cpu`` or a CUDA device of torch.

    Raises
    ------
    OptionError
        If the device does not exist here, or the network was not trained at the space's resolution.
    DataError
        If the network is of another space.
    """
    import torch

    if device != "cpu" and not torch.cuda.is_available():
        raise OptionError(f"device {device!r} is not available here; choices: cpu")
    file.check_space(space)
    if file.others:
        members = [load_network(member, space, device=device) for member in file.members()]
        constant = torch.stack([member.constant for member in members]).mean(dim=0)
        additive = torch.stack([member.additive for member in members]).mean(dim=0)
        single = tuple(member for member in members if not isinstance(member, MeanNetwork))
        return MeanNetwork(single, constant, additive)
    fixed: dict[int, int] = {}
    if file.resolutions:
        if space.resolution not in file.resolutions:
            raise OptionError(
                f"the network of {file.path} knows no resolution {space.resolution}; "
                f"{one_of(space.resolution, file.resolutions)}"
            )
        fixed[space.n_slots] = file.resolutions.index(space.resolution)
    groups, offsets = file.layout(space)
    where = torch.device(device)
    if file.format == "blockprofile.relu/2":
        return run_on_one_thread(lambda: prepare_relu(file.arrays, space, offsets, fixed=fixed, device=where))
    return run_on_one_thread(lambda: tabulate(file.arrays, groups, offsets, fixed=fixed, device=where))


@lru_cache(maxsize=16)
def _cached(path: Path, _content: str, space: Space, device: str) -> Network:
    """Keep networks by the content of their files: one that is replaced under its name is read anew."""
    return load_network(read_network(path), space, device=device)


def _content(path: Path) -> str:
    return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()


def build_network_predictor(
    card: Card, folder: Path, space: Space, *, device: str = DEVICE
) -> NetworkPredictor | MlpPredictor:
    """Make the predictor of one metric of a network.

    The card's ``parameters.network`` names the sibling folder that holds the weights, where it is not the card's
    own; ``parameters.output`` the metric's name inside the network, where it is not the card's.

    Raises
    ------
    DataError
        If the weights are missing, truncated or of another space, or lack the metric.
    """
    path = folder / WEIGHTS_NAME
    if "network" in card.parameters:
        sibling = str(card.parameters["network"])
        if Path(sibling).name != sibling or sibling in {".", ".."}:
            raise DataError(f"{folder}: parameters.network is {sibling!r}; must be the name of a folder beside it")
        path = folder.parent / sibling / WEIGHTS_NAME
    if not path.is_file():
        raise DataError(f"{path} does not exist; predictor {card.name!r} needs it")
    base = Space(space.definition, resolution=space.resolution)
    if is_mlp(read_header(path)):
        return build_mlp_predictor(card, path, space)
    file = _metrics_of(path, _content(path))
    output = str(card.parameters.get("output", card.metric))
    if output not in file:
        raise DataError(f"{path} holds no metric {output!r}; {one_of(output, file)}")
    network = _cached(path, _content(path), base, device)
    return NetworkPredictor(card, space, network, file.index(output))


@lru_cache(maxsize=16)
def _metrics_of(path: Path, _content: str) -> tuple[str, ...]:
    return read_network(path).metrics
