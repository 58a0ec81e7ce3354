"""What a policy says of one choice at one place, and the records that all policies share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from blockprofile.prune.duel import Duel
from blockprofile.prune.figures import Competition, Figures, Kind, Metric, Scope
from blockprofile.prune.front import Rates
from blockprofile.space import Evidence, Rule, Where, place_name

ALPHA = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A choice, and whether it is dropped.

    ``code`` and ``name`` are the choice, ``strength`` the accuracy points by which it is beaten at the rate that
    favours it most (what the bounds of a pruning are measured against), ``why`` a sentence without the place.
    ``p_value`` is that of the choice being beaten by nothing, not adjusted for the other decisions.
    """

    policy: str
    where: Where
    kind: Kind
    code: int
    name: str
    verdict: Literal["drop", "keep"]
    why: str
    strength: float = 0.0
    p_value: float = 1.0
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """What a policy sees: the figures of what is left of the space, and the exchange rates of the whole of it.

    ``p_values`` are those of all that the pruning may decide, at every scope and by every policy, before anything is
    dropped; with none, a p-value is its own.
    """

    figures: Figures
    rates: Rates
    p_values: tuple[float, ...] = ()

    @property
    def floors(self) -> tuple[float, float]:
        """The floors of accuracy and cost; 0 where one is not known, of which the evidence tells."""
        return self.figures.gain.floor or 0.0, self.figures.cost.floor or 0.0


@runtime_checkable
class Policy(Protocol):
    """A policy: a name, the scopes that it looks at, and a judgement of every choice of one scope.

    `judge` decides on all competitions of one scope at once and gives one decision for each choice that it has figures
    for; it changes nothing. It is asked twice: about the whole space, to know all p-values, then about what is left.
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


def where_name(where: Where) -> str:
    """Name a place for a reader.

    Examples
    --------
    >>> where_name(Where()), where_name(Where(unit=2)), where_name(Where(unit=2, layer=1))
    ('the whole network', 'unit 2', 'unit 2, layer 1')
    """
    return "the whole network" if where.unit is None else place_name(where.unit, where.layer or 0)


def make_evidence(figures: Figures, found: Competition, duel: Duel, p_adjusted: float | None) -> tuple[Evidence, ...]:
    """Write down accuracy and cost of a choice against its rival, without a p-value where none was tested."""
    if duel.rival < 0:
        return ()
    sides = (
        (figures.gain, found.gain, found.gain_se),
        (figures.cost, found.cost, found.cost_se),
    )
    return tuple(_evidence(metric, found, duel, values, errors, p_adjusted) for metric, values, errors in sides)


def _evidence(
    metric: Metric, found: Competition, duel: Duel, values: object, errors: object, p_adjusted: float | None
) -> Evidence:
    import numpy as np
    from scipy.special import ndtri, stdtrit

    value, error = np.asarray(values), np.asarray(errors)
    effect = float(value[duel.row] - value[duel.rival])
    # The rival was picked: the interval holds for all of them at once.
    share = 1 - 0.025 / max(1, found.n_choices - 1)
    width = ndtri(share) if math.isinf(found.freedom) else stdtrit(found.freedom, share)
    half = float(width) * float(np.hypot(error[duel.row], error[duel.rival]))
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


def rule_words(rule: Rule) -> str:
    """Say what a rule does, such as ``unit 1: without e3k7``.

    Examples
    --------
    >>> rule_words(Rule(drop=("e3k7",), max_depth=3))
    'the whole network: without e3k7; at most 3 layers'
    """
    parts = []
    if rule.drop:
        parts.append(f"without {', '.join(map(str, rule.drop))}")
    if rule.keep:
        parts.append(f"only {', '.join(map(str, rule.keep))}")
    if rule.max_depth is not None:
        parts.append(f"at most {rule.max_depth} layers")
    if rule.min_depth is not None:
        parts.append(f"at least {rule.min_depth} layers")
    if rule.drop_widths:
        parts.append(f"without width {', '.join(map(str, rule.drop_widths))}")
    return f"{rule.option or where_name(rule.where)}: {'; '.join(parts)}"
