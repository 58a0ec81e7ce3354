"""The policy on mutation: how often a search should change each unit, from what the unit still has to decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from blockprofile.prune.decision import View


@dataclass(frozen=True, slots=True, kw_only=True)
class Focus:
    """Weigh units by their sensitivity: the worth that their choices put at stake, on average along the front.

    A choice's worth is its accuracy less the exchange rate times its cost; what is at stake at a layer (or in a
    depth) is the difference between its best and its worst choice. Weights are in proportion to a power of the
    sum over the unit, the greatest being 1.

    Parameters
    ----------
    power
        0 gives all units alike, 1 weights in proportion.
    least
        The smallest weight, so that no unit is ever left alone.
    """

    name: ClassVar[str] = "focus"
    power: float = 0.5
    least: float = 0.2

    def weigh(self, view: View) -> dict[int, float]:
        """Return unit number -> mutation weight."""
        figures, rates = view.figures, view.rates.values
        stakes: dict[int, float] = {}
        for unit in figures.space.units:
            found = [figures.layers[slot] for slot in unit.layers if slot in figures.layers]
            found += [table[unit.unit] for table in (figures.depths, figures.widths) if unit.unit in table]
            stakes[unit.unit] = sum(
                float(np.ptp(each.gain[:, None] - rates * each.cost[:, None], axis=0).mean())
                for each in found
                if len(each) > 1
            )
        most = max(stakes.values(), default=0.0)
        if most <= 0:
            return dict.fromkeys(stakes, 1.0)
        return {unit: round(max(self.least, (stake / most) ** self.power), 2) for unit, stake in stakes.items()}
