"""The members behind a fitted predictor, one for each fold: networks, or additive tables where a network is no better.

The first member is trained whole, and on archs that it has not seen its network is weighed against its own additive
tables. If it is not better by two standard errors the tables alone are kept, whose answers are exact, and the other
folds are fitted without a network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from blockprofile.predict.additive_tables import AdditiveTables
from blockprofile.predict.labels import LabelTable
from blockprofile.predict.network import Network
from blockprofile.predict.weights import NetworkFile
from blockprofile.space import Space

if TYPE_CHECKING:
    from torch import Tensor

Arrays: TypeAlias = "dict[str, Tensor]"
Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

N_ERRORS = 2.0
"""By how many standard errors of the squared errors' difference a network must be better."""

ROUNDING = 1e-6
"""An error that is this share of the largest label is rounding: nothing is left for a network."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Whether the additive tables alone are kept, and why in words."""

    is_additive: bool
    why: str


@dataclass(frozen=True, slots=True, eq=False)
class Members:
    """What was fitted: the tables of every fold, the networks where they are kept, and the choice."""

    tables: tuple[AdditiveTables, ...]
    file: NetworkFile | None
    choice: Choice

    def predict(self, space: Space, table: LabelTable, rows: NDArray[np.int64]) -> Floats:
        """Predict a table by the mean of the members: float32, shape (n,).

        Parameters
        ----------
        rows
            The table's rows of choices; see `OneHot.rows`.
        """
        if self.file is None:
            return AdditiveTables.mean(self.tables).predict(rows)
        return predict_table(self.file, space, table)

    def predict_unseen(
        self, space: Space, table: LabelTable, rows: NDArray[np.int64], folds: NDArray[np.int64]
    ) -> Floats:
        """Predict each row of a table by the member that was fitted without its fold; see `predict`."""
        found = np.empty(len(rows), np.float32)
        for fold, tables in enumerate(self.tables):
            part = np.flatnonzero(folds == fold)
            if self.file is None:
                found[part] = tables.predict(rows[part])
            else:
                found[part] = predict_table(self.file.member(fold), space, table.take(part))
        return found


def train_members(
    train: Callable[[int, AdditiveTables], Arrays],
    fit_tables: Callable[[int], AdditiveTables],
    store: Callable[[Sequence[Arrays]], NetworkFile],
    choose: Callable[[NetworkFile, AdditiveTables], Choice],
    *,
    n_members: int,
) -> Members:
    """Train the members; leave the networks out where they do not help.

    Parameters
    ----------
    train, fit_tables
        Called with a fold: trains a network on what additive tables leave, or fits these, without the fold's archs.
    store
        Writes networks as a file, whose predictions are those that count, and reads it.
    choose
        Weighs the first network, and the tables beside it, on archs that they have not seen.
    """
    tables = tuple(fit_tables(fold) for fold in range(n_members))
    members = [train(0, tables[0])]
    file = store(members)
    choice = choose(file, tables[0])
    if choice.is_additive:
        return Members(tables, None, choice)
    members += [train(fold, tables[fold]) for fold in range(1, n_members)]
    return Members(tables, store(members) if n_members > 1 else file, choice)


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
    """Predict a table with the weights as they are stored, each row at its own resolution: float32, shape (n,)."""
    if table.resolutions is None or not file.inputs.resolutions:
        return Network(file, space).predict(table.archs)
    found = np.empty(len(table.archs), np.float32)
    for resolution in file.inputs.resolutions:
        chosen = table.resolutions == resolution
        found[chosen] = Network(file, space.at_resolution(resolution)).predict(table.archs[chosen])
    return found
