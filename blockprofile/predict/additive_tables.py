"""Additive tables as they are fitted: a constant and one value for each choice of each slot, for several metrics.

How they are fitted is in `blockprofile.additive.least_squares`, how they are stored in `blockprofile.predict.table`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.predict.table import RESOLUTION, AdditiveTable
from blockprofile.predict.weights import network_layout
from blockprofile.space.space import Space

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["AdditiveTables"]

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class AdditiveTables:
    """The constants, shape (n_metrics,), and the values of all choices, shape (n_rows, n_metrics); both float64."""

    constant: Doubles
    values: Doubles

    @classmethod
    def of(cls, arrays: Mapping[str, Tensor]) -> AdditiveTables:
        """Take the additive tables out of a network's arrays."""
        return cls(arrays["constant"].numpy(), arrays["additive"].numpy())

    @classmethod
    def mean(cls, tables: Sequence[AdditiveTables]) -> AdditiveTables:
        """Average several, value by value."""
        return cls(
            np.mean([each.constant for each in tables], axis=0), np.mean([each.values for each in tables], axis=0)
        )

    def predict(self, rows: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """Predict archs whose choices have these rows, shape (n, n_slots): float32, shape (n_metrics, n)."""
        found = np.repeat(self.constant[None], len(rows), axis=0)
        for column in rows.T:
            found += self.values[column]
        return np.ascontiguousarray(found.T, np.float32)

    def named(self, space: Space, output: int, *, resolutions: Sequence[int] = ()) -> AdditiveTable:
        """Name the values of one metric.

        Parameters
        ----------
        output
            The place of the metric.
        resolutions
            What the input resolution can be, where it is told with each row and is no slot.

        Returns
        -------
        Slot and choice -> value; an inactive layer adds nothing, what it added is in the constant.
        """
        groups, offsets, _ = network_layout(space, len(resolutions))
        places = sorted(slot for group in groups for slot in group.slots)
        sizes = {slot: size for group in groups for slot, size in zip(group.slots, group.sizes, strict=True)}
        constant = float(self.constant[output])
        named: dict[tuple[str, str], float] = {}
        for place in places:
            name, choices = RESOLUTION, tuple(map(str, resolutions))
            if place < space.n_slots:
                slot = space.slots[place]
                name, choices = slot.name, tuple(map(str, slot.choices))
            values = self.values[offsets[place] : offsets[place] + sizes[place], output]
            level = float(values[-1]) if sizes[place] > len(choices) else 0.0
            constant += level
            named |= {(name, choice): float(value) - level for choice, value in zip(choices, values, strict=False)}
        return {("", ""): constant, **named}
