"""The policy on depths: cap or raise a unit's depth where whole layers cost more, or gain more, than blocks do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from blockprofile.prune.decision import Decision, View
from blockprofile.prune.duel import Duel, outbid
from blockprofile.prune.figures import Competition, Scope
from blockprofile.prune.front import depth_lines, layer_parts
from blockprofile.prune.policies import decide
from blockprofile.prune.wording import contrast, rate_unit, signed


@dataclass(frozen=True, slots=True)
class Depth:
    """Drop a unit's largest (or smallest) depths if they are worth it at no exchange rate that the front offers.

    A depth is judged with the best blocks for its layers at each rate, so a whole layer competes with better
    blocks in the layers that stay.
    """

    name: ClassVar[str] = "depth"
    scopes: ClassVar[tuple[Scope, ...]] = ("depth",)

    def judge(self, view: View, scope: Scope) -> list[Decision]:
        """Decide on every depth of every unit."""
        figures, rates = view.figures, view.rates.values
        unit = rate_unit(figures.gain, figures.cost)

        def duels(found: Competition) -> list[Duel]:
            assert found.where.unit is not None
            lines = depth_lines(figures, found, layer_parts(figures, found.where.unit, rates))
            return outbid(found, rates, floors=view.floors, lines=lines)

        def dropped(found: Competition, duel: Duel) -> str:
            lost = signed(duel.loss, figures.gain.unit).removeprefix("+")
            return (
                f"{contrast(figures, found, duel)}: with the best blocks at {duel.rate:.3g} {unit}, "
                f"the rate that favours it most, it is worth {lost} less"
            )

        def kept(_found: Competition, duel: Duel) -> str:
            return f"with the best blocks no other depth is worth more beyond the floor at {duel.rate:.3g} {unit}"

        return decide(view, scope, self.name, duels=duels, dropped=dropped, kept=kept)
