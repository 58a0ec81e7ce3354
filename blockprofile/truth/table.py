"""The truth: all archs of a space with the values of every training, and what is best within limits of cost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import DataError
from blockprofile.predict import (
    ARCHS_NAME,
    AdditivePredictor,
    ListedArchs,
    build_predictor,
    column_of,
    find_metric,
    number_archs,
    read_labels,
)
from blockprofile.prune import best_within, cost_limits
from blockprofile.space import Archs, Space, load_space

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Cost:
    """A cost: its predictor, its value for every arch, the order of the archs by it, and the limits judged at."""

    predictor: AdditivePredictor
    values: Doubles
    order: NDArray[np.int64]
    limits: Doubles

    @property
    def name(self) -> str:
        """The metric."""
        return self.predictor.metric

    def best(self, accuracy: Doubles, inside: NDArray[np.bool_] | None = None) -> Doubles:
        """Find the best accuracy within every limit, of all archs or of some: shape (n_limits,)."""
        rows = self.order if inside is None else self.order[inside[self.order]]
        return best_within(accuracy[rows], self.values[rows], self.limits)

    def best_archs(self, accuracy: Doubles) -> NDArray[np.int64]:
        """Find which arch is best within every limit: row numbers, shape (n_limits,)."""
        best = self.best(accuracy)
        return np.array(
            [
                int(np.flatnonzero((accuracy == value) & (self.values <= limit))[0])
                for value, limit in zip(best, self.limits, strict=True)
            ]
        )


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """All archs of a space, uint8 (n, n_slots), with the value of every training, float64 (n, n_runs).

    ``spread`` is the standard deviation between two trainings of an arch.
    """

    space: Space
    metric: str
    unit: str
    archs: Archs
    runs: Doubles
    spread: float
    source: ListedArchs

    @property
    def n_runs(self) -> int:
        """How often every arch was trained."""
        return int(self.runs.shape[1])

    def rows_of(self, archs: Archs) -> NDArray[np.int64]:
        """Find archs: the row of each, shape (n,)."""
        place = np.empty(len(self.archs), np.int64)
        place[self.source.find(self.archs)] = np.arange(len(self.archs))
        return np.asarray(place[self.source.find(archs)])

    def without(self, run: int) -> Doubles:
        """Return the mean of all trainings but one, which is what that one is judged by: shape (n,)."""
        return np.asarray(np.delete(self.runs, run, axis=1).mean(axis=1))

    def cost(self, metric: str) -> Cost:
        """Price all archs.

        Raises
        ------
        DataError
            If the metric does not add up, so that users would not have it exactly.
        """
        predictor = build_predictor(find_metric(metric, self.space), self.space)
        if not isinstance(predictor, AdditivePredictor):
            raise DataError(f"{metric!r} does not add up; archs are judged within limits of an exact cost")
        values = predictor.predict(self.archs).astype(np.float64)
        return Cost(predictor, values, np.argsort(values, kind="stable"), cost_limits(values))


def read_truth(space: str, metric: str) -> Truth:
    """Read the truth from a predictor that is a table of all archs.

    Raises
    ------
    DataError
        If the metric is no such table, or its archs were not all trained equally often, twice at least.
    """
    where = load_space(space)
    card, folder = find_metric(metric, where)
    source = build_predictor((card, folder), where)
    if not isinstance(source, ListedArchs) or card.parameters.get("archs") != "all":
        raise DataError(f"{metric!r} of {space!r} is no table of all archs; its kind is {card.kind!r}")
    table = read_labels(Path(folder) / ARCHS_NAME, where)
    first, numbers = number_archs(table.archs)
    counts = np.bincount(numbers)
    if counts.min() != counts.max() or counts[0] < 2:
        raise DataError(
            f"{folder}: archs were trained {counts.min()} to {counts.max()} times; 2 or more, and all alike"
        )
    runs = table.label(column_of(card))[np.argsort(numbers, kind="stable")].reshape(len(first), -1)
    return Truth(where, card.metric, card.unit, table.archs[first], runs, source.spread, source)
