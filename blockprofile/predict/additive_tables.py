"""Additive tables as they are fitted: a constant and one value for each choice of each slot.

How they are fitted is in `blockprofile.additive.least_squares`, how they are stored in `blockprofile.predict.table`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blockprofile.additive import fit_choices
from blockprofile.predict.onehot import OneHot
from blockprofile.predict.table import RESOLUTION, AdditiveTable
from blockprofile.space import Space

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class AdditiveTables:
    """A constant and the values of all choices, float64 of shape (n_rows,); see `OneHot` for the rows."""

    constant: float
    values: Doubles

    @classmethod
    def fit(cls, rows: NDArray[np.int64], labels: Doubles, *, n_rows: int) -> AdditiveTables:
        """Fit them to labels, shape (n,), of archs whose choices have these rows, shape (n, n_slots)."""
        constants, values = fit_choices(rows, labels[:, None], n_choices=n_rows)
        return cls(float(constants[0]), np.ascontiguousarray(values[:, 0]))

    @classmethod
    def mean(cls, tables: Sequence[AdditiveTables]) -> AdditiveTables:
        """Average several, value by value."""
        return cls(
            float(np.mean([each.constant for each in tables])), np.mean([each.values for each in tables], axis=0)
        )

    def predict(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Predict archs whose choices have these rows, shape (n, n_slots): float32, shape (n,)."""
        return np.asarray(self.constant + self.values[rows].sum(axis=1), np.float32)

    def named(self, space: Space, inputs: OneHot) -> AdditiveTable:
        """Name the values.

        Returns
        -------
        Slot and choice -> value; an inactive layer adds nothing, what it added is in the constant.
        """
        choices = [(slot.name, tuple(map(str, slot.choices))) for slot in space.slots]
        if inputs.resolutions:
            choices.append((RESOLUTION, tuple(map(str, inputs.resolutions))))
        constant = self.constant
        named: dict[tuple[str, str], float] = {}
        for (name, known), values in zip(choices, np.split(self.values, inputs.offsets[1:]), strict=False):
            level = float(values[-1]) if len(values) > len(known) else 0.0
            constant += level
            named |= {(name, choice): float(value) - level for choice, value in zip(known, values, strict=False)}
        return {("", ""): constant, **named}
