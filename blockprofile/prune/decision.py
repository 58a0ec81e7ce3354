"""What a policy says of one choice at one place, and the records that all policies share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from blockprofile.prune.duel import Duel
from blockprofile.prune.figures import Competition, Figures, Kind, Metric, Scope
from blockprofile.prune.front import Rates
from blockprofile.space.rules import Evidence, Where

__all__ = ["ALPHA", "Decision", "Policy", "View", "Weigher", "make_evidence", "place_name"]

ALPHA = 0.05
Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A choice, and whether it is dropped.

    ``code`` and ``name`` are the choice, ``strength`` the accuracy points by which it is beaten at the rate that
    favours it most (what the bounds of a pruning are measured against), ``why`` a sentence without the place.
    """

    policy: str
    where: Where
    kind: Kind
    code: int
    name: str
    verdict: Literal["drop", "keep"]
    why: str
    strength: float = 0.0
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """What a policy sees: the figures of what is left of the space, and the exchange rates of the whole of it."""

    figures: Figures
    rates: Rates

    @property
    def floors(self) -> tuple[float, float]:
        """The floors of accuracy and cost; 0 where one is not known, of which the evidence tells."""
        return self.figures.gain.floor or 0.0, self.figures.cost.floor or 0.0


@runtime_checkable
class Policy(Protocol):
    """A policy: a name, the scopes that it looks at, and a judgement of every choice of one scope.

    `judge` decides on all competitions of one scope at once, so that it can adjust p-values for their number. It
    gives one decision for each choice that it has figures for; it changes nothing.
    """

    @property
    def name(self) -> str:
        """The name that the user gives."""
        ...

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """The scopes that it looks at."""
        ...

    def judge(self, view: View, scope: Scope) -> list[Decision]:
        """Decide on every choice of one scope."""
        ...


@runtime_checkable
class Weigher(Protocol):
    """A policy that drops nothing and gives mutation weights."""

    @property
    def name(self) -> str:
        """The name that the user gives."""
        ...

    def weigh(self, view: View) -> dict[int, float]:
        """Return unit number -> mutation weight, the greatest being 1."""
        ...


def place_name(where: Where) -> str:
    """Name a place for a reader.

    Examples
    --------
    >>> place_name(Where()), place_name(Where(unit=2)), place_name(Where(unit=2, layer=1))
    ('the whole network', 'unit 2', 'unit 2, layer 1')
    """
    if where.unit is None:
        return "the whole network"
    return f"unit {where.unit}" + ("" if where.layer is None else f", layer {where.layer}")


def make_evidence(figures: Figures, found: Competition, duel: Duel, p_adjusted: float) -> tuple[Evidence, ...]:
    """Write down accuracy and cost of a choice against its rival."""
    if duel.rival < 0:
        return ()
    sides = (
        (figures.gain, found.gain, found.gain_se),
        (figures.cost, found.cost, found.cost_se),
    )
    return tuple(_evidence(metric, found, duel, values, errors, p_adjusted) for metric, values, errors in sides)


def _evidence(
    metric: Metric, found: Competition, duel: Duel, values: object, errors: object, p_adjusted: float
) -> Evidence:
    import numpy as np

    value, error = np.asarray(values), np.asarray(errors)
    effect = float(value[duel.row] - value[duel.rival])
    half = Z95 * float(np.hypot(error[duel.row], error[duel.rival]))
    return Evidence(
        metric=metric.name,
        effect=effect,
        unit=metric.unit,
        ci=(effect - half, effect + half),
        n=int(found.n[duel.row] + found.n[duel.rival]),
        p_adjusted=p_adjusted,
        floor="unknown" if metric.floor is None else metric.floor,
        provenance=metric.provenance,
        what=found.names[duel.row],
        against=found.names[duel.rival],
    )
