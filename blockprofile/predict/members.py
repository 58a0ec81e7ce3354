"""The members behind fitted predictors, one for each fold: networks, or additive tables where a network is no better.

The first member is trained whole, and on archs that it has not seen its network is weighed against its own additive
tables. A metric whose network is not better by two standard errors keeps the tables alone, whose answers are exact;
where that holds for all metrics the other folds are fitted without a network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from blockprofile.predict.additive_tables import AdditiveTables
from blockprofile.predict.labels import LabelTable
from blockprofile.predict.weights import NetworkFile
from blockprofile.space.space import Space

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "Arrays", "Choice", "Members", "choose_kind", "predict_table", "train_members",
]  # fmt: skip

Arrays: TypeAlias = "dict[str, Tensor]"
Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

N_ERRORS = 2.0
"""By how many standard errors of the squared errors' difference a network must be better."""

ROUNDING = 1e-6
"""An error that is this share of the largest label is rounding: nothing is left for a network."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Whether a metric keeps its additive tables alone, and why in words."""

    is_additive: bool
    why: str


@dataclass(frozen=True, slots=True, eq=False)
class Members:
    """What was fitted: the tables of every fold, the networks where a metric keeps them, and each metric's choice."""

    tables: tuple[AdditiveTables, ...]
    file: NetworkFile | None
    choices: tuple[Choice, ...]

    def predict(self, space: Space, table: LabelTable, rows: NDArray[np.int64]) -> Floats:
        """Predict a table by the mean of the members.

        Parameters
        ----------
        rows
            The table's rows of choices, as `AdditiveTables.predict` takes them.

        Returns
        -------
        float32, shape (n_metrics, n).
        """
        found = AdditiveTables.mean(self.tables).predict(rows)
        return self._with_networks(found, lambda file: predict_table(file, space, table))

    def predict_unseen(
        self, space: Space, table: LabelTable, rows: NDArray[np.int64], folds: NDArray[np.int64]
    ) -> Floats:
        """Predict each row of a table by the member that was fitted without its fold; see `predict`."""
        found = np.empty((len(self.choices), len(rows)), np.float32)
        for fold, tables in enumerate(self.tables):
            part = np.flatnonzero(folds == fold)
            found[:, part] = tables.predict(rows[part])

        def networks(file: NetworkFile) -> Floats:
            told = np.empty_like(found)
            for fold, member in enumerate(file.members()):
                part = np.flatnonzero(folds == fold)
                told[:, part] = predict_table(member, space, table.take(part))
            return told

        return self._with_networks(found, networks)

    def _with_networks(self, found: Floats, networks: Callable[[NetworkFile], Floats]) -> Floats:
        """Put what the networks say in the place of what the tables say, where a metric keeps its network."""
        if self.file is not None:
            kept = [place for place, choice in enumerate(self.choices) if not choice.is_additive]
            found[kept] = networks(self.file)[kept]
        return found


def train_members(
    train: Callable[[int], Arrays],
    fit_tables: Callable[[int], AdditiveTables],
    store: Callable[[Sequence[Arrays]], NetworkFile],
    choose: Callable[[NetworkFile, AdditiveTables], tuple[Choice, ...]],
    *,
    n_members: int,
) -> Members:
    """Train the members, and leave the network out of metrics that it does not help.

    Parameters
    ----------
    train, fit_tables
        Called with a fold: trains a network, or fits additive tables alone, without the archs of the fold.
    store
        Writes networks as a file, whose predictions are those that count, and reads it.
    choose
        Weighs the first network, and the tables beside it, on archs that they have not seen.
    """
    members = [train(0)]
    choices = choose(store(members), AdditiveTables.of(members[0]))
    if all(choice.is_additive for choice in choices):
        return Members(tuple(fit_tables(fold) for fold in range(n_members)), None, choices)
    members += [train(fold) for fold in range(1, n_members)]
    return Members(tuple(map(AdditiveTables.of, members)), store(members), choices)


def choose_kind(labels: Doubles, additive: Floats, whole: Floats) -> Choice:
    """Weigh a network against its additive tables on archs that neither has seen.

    Parameters
    ----------
    labels, additive, whole
        Shape (n,), n at least 2: the labels, and what the tables alone and the whole network say.

    Examples
    --------
    >>> labels = np.array([1.0, 2.0, 3.0])
    >>> near, far = (labels + 0.1).astype(np.float32), (labels - 0.5).astype(np.float32)
    >>> choose_kind(labels, far, near).why
    'network kept: RMSE 0.1 on 3 archs that were not fitted to; additive tables alone 0.5'
    >>> choose_kind(labels, near, near).is_additive
    True
    """
    alone, both = (np.square(found - labels) for found in (additive, whole))
    gain = alone - both
    rmse = [float(np.sqrt(each.mean())) for each in (alone, both)]
    is_exact = rmse[0] <= ROUNDING * np.abs(labels).max()
    is_additive = bool(is_exact or gain.mean() <= N_ERRORS * gain.std(ddof=1) / np.sqrt(len(gain)))
    unseen = f"on {len(labels)} archs that were not fitted to"
    if is_additive:
        why = f"additive tables kept: RMSE {rmse[0]:.4g} {unseen}; with a network {rmse[1]:.4g}, no clear gain"
    else:
        why = f"network kept: RMSE {rmse[1]:.4g} {unseen}; additive tables alone {rmse[0]:.4g}"
    return Choice(is_additive, why)


def predict_table(file: NetworkFile, space: Space, table: LabelTable) -> Floats:
    """Predict a table with the weights as they are stored, each row at its own resolution.

    Returns
    -------
    float32, shape (n_metrics, n).
    """
    from blockprofile.predict.neural import load_network

    if table.resolutions is None or not file.resolutions:
        return np.add(*load_network(file, space).evaluate(table.archs))
    found = np.empty((len(file.metrics), len(table.archs)), np.float32)
    for resolution in file.resolutions:
        chosen = table.resolutions == resolution
        found[:, chosen] = np.add(*load_network(file, space.at_resolution(resolution)).evaluate(table.archs[chosen]))
    return found
