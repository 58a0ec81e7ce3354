"""What a predictor is: archs in, one metric out.

Additive predictors expose their factors, from which exact expectations, distributions and fronts are made.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from blockprofile.predict.card import Card
from blockprofile.space.factors import CompiledSum, Factor
from blockprofile.space.slots import Archs
from blockprofile.space.space import Space

__all__ = ["AdditivePredictor", "Predictor"]


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


class AdditivePredictor:
    """A metric that is a sum of factors: counts, lookup tables, linear cost models.

    Parameters
    ----------
    card
        Where it comes from.
    space
        The space whose archs it takes (pruned or not: the codes are the same).
    factors
        The terms of the sum, from `blockprofile.space.factorize` or given.
    """

    def __init__(self, card: Card, space: Space, factors: Sequence[Factor]) -> None:
        self.card, self.space, self.factors = card, space, tuple(factors)
        self.metric, self.unit = card.metric, card.unit

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
        rows = np.atleast_2d(self.space.check(archs))
        values: NDArray[np.float32] = self._sum(rows)[0].astype(np.float32)
        return values
