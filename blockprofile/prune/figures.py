"""The figures that a pruning decides on: two metrics of a profile, laid out by place.

A place is the whole network, a unit, or one layer; at each of them several blocks compete. A unit's depths (and
widths, where they are searched) compete in the same way. Nothing is decided here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from blockprofile.space import Space, Where

Scope = Literal["network", "unit", "layer", "depth", "width"]
Kind = Literal["block", "depth", "width"]
Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of the profile: its column, unit, provenance, floor (None: unknown), mean and its error."""

    name: str
    unit: str = ""
    provenance: str = ""
    floor: float | None = 0.0
    mean: float = 0.0
    mean_se: float = 0.0


@dataclass(frozen=True, slots=True)
class Competition:
    """Choices that compete at one place.

    ``codes`` are the slots' codes and ``names`` what they stand for. ``gain`` is the accuracy of each choice, ``cost``
    its cost, both against the same standard (for blocks the average block at that place); ``gain_se`` and
    ``cost_se`` their standard errors, ``n`` the archs behind them (counted once for each layer that is averaged
    over). All arrays have shape (n_choices,).
    """

    where: Where
    kind: Kind
    codes: tuple[int, ...]
    names: tuple[str, ...]
    gain: Doubles
    cost: Doubles
    gain_se: Doubles
    cost_se: Doubles
    n: NDArray[np.int64]
    top_gain: Doubles = field(default_factory=lambda: np.zeros(0))
    """The response of a high quantile of the accuracy, where the profile has one; else empty."""
    freedom: float = math.inf
    """The degrees of freedom of the least known error; infinite where nothing was estimated."""
    n_before: int = 0
    """How many choices competed before any was dropped: what is picked from, however few are left."""

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def n_choices(self) -> int:
        """How many choices competed at first."""
        return max(self.n_before, len(self))

    def among(self, codes: Iterable[int]) -> Competition:
        """Keep only some choices."""
        wanted = set(codes)
        rows = [row for row, code in enumerate(self.codes) if code in wanted]
        arrays = {name: getattr(self, name)[rows] for name in ("gain", "cost", "gain_se", "cost_se", "n")}
        top = self.top_gain[rows] if len(self.top_gain) else self.top_gain
        return replace(
            self,
            codes=tuple(self.codes[row] for row in rows),
            names=tuple(self.names[row] for row in rows),
            top_gain=top,
            n_before=self.n_choices,
            **arrays,
        )


@dataclass(frozen=True, slots=True)
class Figures:
    """All competitions of a space under one accuracy and one cost.

    ``layers`` maps a layer's slot to its competition, ``depths`` and ``widths`` a unit to its own. Choices for which
    the profile has no figure are left out: nothing is decided about them.
    """

    space: Space
    gain: Metric
    cost: Metric
    network: Competition
    units: dict[int, Competition]
    layers: dict[int, Competition]
    depths: dict[int, Competition]
    widths: dict[int, Competition]

    def competitions(self, scope: Scope) -> Iterator[Competition]:
        """Yield the competitions of one scope, in the order of the network.

        Where all layers of a unit share their block it is judged once, among the layers.
        """
        if scope == "network":
            yield self.network
            return
        apart = {unit: found for unit, found in self.units.items() if not self.space.units[unit - 1].shared}
        tables = {"unit": apart, "layer": self.layers, "depth": self.depths, "width": self.widths}
        yield from tables[scope].values()

    def restricted(self, space: Space) -> Figures:
        """Keep only the choices that a narrower space still has."""

        def at(slot: int | None, found: Competition) -> Competition:
            return found if slot is None else found.among(space.allowed[slot])

        def live(numbers: Iterable[int]) -> set[int]:
            return {code for index in numbers for code in space.allowed[index]}

        units = self.space.units
        reachable = {slot.index for slot in space.layer_slots if slot.layer <= space.max_depth(slot.unit)}
        return replace(
            self,
            space=space,
            network=self.network.among(live(reachable)),
            units={
                unit: found.among(live(reachable & set(units[unit - 1].layers))) for unit, found in self.units.items()
            },
            layers={slot: at(slot, found) for slot, found in self.layers.items() if slot in reachable},
            depths={unit: at(units[unit - 1].depth, found) for unit, found in self.depths.items()},
            widths={unit: at(units[unit - 1].width, found) for unit, found in self.widths.items()},
        )
