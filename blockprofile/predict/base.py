"""What a predictor is: archs in, one metric out.

Additive predictors expose their factors, from which exact expectations, distributions and fronts are made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from blockprofile.predict.card import Card
from blockprofile.space import Archs, CompiledSum, Factor, Operator, Space, build_sites, distinct_operators, factorize


@runtime_checkable
class Predictor(Protocol):
    """Anything that maps archs of one space to one metric.

    ``metric`` names the column (``latency_ms:note10``), ``unit`` its unit. `predict` takes uint8 archs of
    shape (n, n_slots) and returns float32 of shape (n,); it is deterministic, unless it has an attribute ``noise``: the
    standard deviation between two values of one arch.
    """

    metric: str
    unit: str

    def predict(self, archs: Archs) -> NDArray[np.float32]:
        """Predict the metric of every arch."""
        ...


class CardPredictor:
    """What all predictors with a card have: its metric and unit, and archs that their space has checked.

    Parameters
    ----------
    space
        The space whose archs it takes (pruned or not: the codes are the same).
    """

    def __init__(self, card: Card, space: Space) -> None:
        self.card, self.space = card, space
        self.metric, self.unit = card.metric, card.unit

    def rows(self, archs: Archs) -> Archs:
        """Return archs as rows, uint8 (n, n_slots); one alone is a row.

        Raises
        ------
        ArchError
            If dtype or shape do not fit the space.
        """
        return np.atleast_2d(self.space.check(archs))


class AdditivePredictor(CardPredictor):
    """A metric that is a sum of factors: counts, lookup tables, linear cost models.

    Parameters
    ----------
    factors
        The terms of the sum, from `blockprofile.space.factorize` or given.
    costs
        What each operator adds, where the factors are sums over operators and ``once``.
    """

    def __init__(
        self,
        card: Card,
        space: Space,
        factors: Sequence[Factor],
        *,
        costs: Mapping[Operator, float] | None = None,
        once: float = 0.0,
    ) -> None:
        super().__init__(card, space)
        self.factors, self.costs, self.once = tuple(factors), costs, once

    @classmethod
    def over_operators(
        cls, card: Card, space: Space, cost: Callable[[Operator], float], *, once: float = 0.0
    ) -> AdditivePredictor:
        """Make the predictor of a metric that is ``once`` and a cost of every operator; what ``cost`` raises passes."""
        costs = {op: float(cost(op)) for op in distinct_operators(space)}
        constant = () if once == 0 else (Factor((), np.array(once)),)
        return cls(card, space, (*constant, *factorize(space, costs.__getitem__)), costs=costs, once=once)

    def contributions(self, arch: Archs) -> dict[str, float]:
        """Split an arch's value into what every place of the network adds; the values add up to it.

        Parameters
        ----------
        arch
            uint8, shape (n_slots,); an arch of the definition.

        Returns
        -------
        Place -> value, in the metric's unit. Where the metric is a sum over operators the places are those of
        `build_sites` that are not empty; else they are slots, several of one term joined by ``+``. What belongs to
        none of them has the name ``""``.
        """
        row = self.space.check(arch)
        found = {"": self.once} if self.once else {}
        if self.costs is not None:
            operators = ((site.name, site.operator(row)) for site in build_sites(self.space))
            return found | {name: self.costs[op] for name, op in operators if op is not None}
        for factor in self.factors:
            name = "+".join(self.space.slots[index].name for index in factor.scope)
            codes = tuple(min(int(row[i]), n - 1) for i, n in zip(factor.scope, factor.table.shape, strict=True))
            found[name] = found.get(name, 0.0) + float(factor.table[codes])
        return found

    @cached_property
    def _sum(self) -> CompiledSum:
        return CompiledSum(self.space, [self.factors])

    def predict(self, archs: Archs) -> NDArray[np.float32]:
        """Predict the metric of every arch.

        Raises
        ------
        ArchError
            If dtype or shape do not fit the space.
        """
        values: NDArray[np.float32] = self._sum(self.rows(archs))[0].astype(np.float32)
        return values
