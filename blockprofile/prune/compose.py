"""Policies in sequence: whole network first, then units, layers, depths and widths, within the bounds of a pruning."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from blockprofile.errors import OptionError
from blockprofile.options import Options
from blockprofile.prune.decision import Decision, Policy, View, Weigher
from blockprofile.prune.figures import Figures, Scope
from blockprofile.prune.front import Rates, front_rates, support
from blockprofile.space import Space, UnitSlots, Where

WIDE_PART = 8
"""Rules for units and the network may together cost an eighth of the tolerance: they must hold nearly everywhere."""

ORDER: tuple[Scope, ...] = ("network", "unit", "layer", "depth", "width")


MAX_DROP, TOLERANCE = 0.8, 0.004
RISK = 0.1
"""The share of draws in which the best arch within a limit may lose more than the tolerance. Chosen on half of the
repetitions of the study truth_macro, which reports on the other half."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds(Options):
    """How a pruning weighs, and how far it may go.

    Parameters
    ----------
    keep
        Blocks that stay at every layer that has as many, at least 1; None is 2, and 1 with order 2.
    max_drop
        With order 1: the share of all choices (blocks at layers, depths, widths) that may be dropped, 0 to 1; None
        is 0.8.
    tolerance
        With order 1: the share of the front's hypervolume that may be given up at each of its ends, 0 to below 0.5;
        None is 0.004. An eighth of it is the share of the front's accuracy that rules for units and the whole network
        may give up at any exchange rate.
    order
        1: by main effects, policy by policy. 2: by main effects and pairs of choices, with all that the archs leave
        open (`blockprofile.prune.by_pairs`); for small spaces. None takes that of the bounds that are given; where
        none is, 2 for labels of a small space, else 1.
    lose
        With order 2: the accuracy, in points, that the best arch within a limit may lose; None takes the standard
        deviation between two trainings of an arch.
    risk
        With order 2: the share of draws in which it may lose more, at some limit; None is `RISK`.

    Raises
    ------
    OptionError
        If a bound is not allowed, or has no effect beside the others.
    """

    keep: int | None = None
    max_drop: float | None = None
    tolerance: float | None = None
    order: int | None = None
    lose: float | None = None
    risk: float | None = None

    def __post_init__(self) -> None:
        if self.order not in {None, 1, 2}:
            raise OptionError(f"--order is {self.order}; must be 1 or 2")
        asked = [(self.order, f"--order {self.order}")] if self.order else []
        given = (name for name in _ORDERS if getattr(self, name) is not None)
        asked += [(_ORDERS[name], f"--{name.replace('_', '-')}") for name in given]
        for its, option in asked[1:]:
            if its != asked[0][0]:
                raise OptionError(f"{option} has no effect beside {asked[0][1]}: it bounds what --order {its} drops")
        if asked:
            object.__setattr__(self, "order", asked[0][0])
        if self.fewest < 1:
            raise OptionError(f"--keep is {self.keep}; at least 1 block must stay at every layer")
        if not 0 <= self.most <= 1:
            raise OptionError(f"--max-drop is {self.max_drop}; it must be a share from 0 to 1")
        if not 0 <= self.given_up < 0.5:
            raise OptionError(f"--tolerance is {self.tolerance}; it must be a share from 0 to below 0.5")
        if self.lose is not None and not (np.isfinite(self.lose) and self.lose >= 0):
            raise OptionError(f"--lose is {self.lose}; it must be a number of points from 0")
        if not 0 <= self.allowed_risk < 1:
            raise OptionError(f"--risk is {self.risk}; it must be a share from 0 to below 1")

    @property
    def fewest(self) -> int:
        """How many blocks stay at every layer."""
        return self.keep if self.keep is not None else 1 if self.order == 2 else 2

    @property
    def most(self) -> float:
        """The share of the choices that may be dropped."""
        return MAX_DROP if self.max_drop is None else self.max_drop

    @property
    def given_up(self) -> float:
        """The share of the hypervolume that may be given up at each end of the front."""
        return TOLERANCE if self.tolerance is None else self.tolerance

    def may_lose(self, noise: float | None) -> float:
        """Return the points that the best arch within a limit may lose: the labels' noise unless they are given."""
        return (noise or 0.0) if self.lose is None else self.lose

    @property
    def allowed_risk(self) -> float:
        """The share of draws in which the best arch within a limit may lose more."""
        return RISK if self.risk is None else self.risk


_ORDERS = {"max_drop": 1, "tolerance": 1, "lose": 2, "risk": 2}
"""The bounds that one order alone has."""

DEFAULT_BOUNDS = Bounds()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The decisions of all policies, in order, and what is left of the space.

    A choice may be decided on several times: what one policy keeps, another may drop.
    """

    space: Space
    decisions: tuple[Decision, ...]
    mutation: dict[int, float]
    figures: Figures
    rates: Rates

    @property
    def drops(self) -> tuple[Decision, ...]:
        """The decisions that drop something."""
        return tuple(decision for decision in self.decisions if decision.verdict == "drop")


def slots_at(space: Space, decision: Decision) -> list[int]:
    """List the slots that a decision is about and that hold its choice."""
    units: Iterable[UnitSlots] = space.units
    if decision.where.unit is not None:
        units = [space.units[decision.where.unit - 1]]
    slots: list[int | None] = []
    for unit in units:
        if decision.kind == "block":
            slots += [unit.layers[decision.where.layer - 1]] if decision.where.layer is not None else unit.layers
        else:
            slots.append(unit.depth if decision.kind == "depth" else unit.width)
    return [slot for slot in slots if slot is not None and decision.code in space.allowed[slot]]


def choices_of(space: Space) -> int:
    """Count the choices that a pruning may drop: blocks at layers, depths and widths."""
    kinds = {"layer", "depth", "width"}
    return sum(len(codes) for slot, codes in zip(space.slots, space.allowed, strict=True) if slot.kind in kinds)


class _Pruner:
    """A space that is narrowed decision by decision."""

    def __init__(self, figures: Figures, bounds: Bounds) -> None:
        self.whole, self.bounds = figures, bounds
        self.rates = front_rates(figures, tolerance=bounds.given_up)
        self.space = figures.space
        self.n_choices = choices_of(figures.space)
        self.decisions: list[Decision] = []
        self.p_values: tuple[float, ...] = ()

    @property
    def view(self) -> View:
        return View(self.whole.restricted(self.space), self.rates, self.p_values)

    def look_ahead(self, asked: Sequence[tuple[Scope, Policy]]) -> None:
        """Note the p-values of all that may be decided, before anything is."""
        view = self.view
        self.p_values = tuple(each.p_value for scope, policy in asked for each in policy.judge(view, scope))

    def take(self, decisions: Sequence[Decision]) -> None:
        """Carry out what is to be dropped, the strongest first, as far as the bounds allow."""
        order = sorted(range(len(decisions)), key=lambda place: -decisions[place].strength)
        settled = list(decisions)
        for place in order:
            if decisions[place].verdict == "drop":
                settled[place] = self._try(decisions[place])
        self.decisions += settled

    def _try(self, decision: Decision) -> Decision:
        slots = slots_at(self.space, decision)
        if not slots:
            return replace(decision, verdict="keep", why=f"already gone; {decision.why}")
        allowed = [list(codes) for codes in self.space.allowed]
        for slot in slots:
            allowed[slot].remove(decision.code)
        reason = self._objection(decision, slots, allowed)
        if reason:
            return replace(decision, verdict="keep", why=f"kept, {reason}; {decision.why}")
        narrower = self.space.restricted(allowed, name=self.space.name)
        if decision.kind == "block" and self._is_wide(decision.where):
            lost = self._lost(narrower, decision)
            if lost > self.bounds.given_up / WIDE_PART:
                share = f"{100 * lost:.2g} % of the front's {self.whole.gain.name}"
                return replace(decision, verdict="keep", why=f"kept here, its layers need it ({share}); {decision.why}")
        self.space = narrower
        return decision

    def _is_wide(self, where: Where) -> bool:
        """Tell whether a place has several blocks, which are judged one by one as well."""
        return where.unit is None or (where.layer is None and not self.space.units[where.unit - 1].shared)

    def _objection(self, decision: Decision, slots: Sequence[int], allowed: Sequence[Sequence[int]]) -> str:
        keep = self.bounds.fewest if decision.kind == "block" else 1
        if any(len(allowed[slot]) < keep for slot in slots):
            return f"at least {keep} must stay"
        if decision.kind == "depth" and not _is_end(self.space, decision):
            return "a unit's depths are cut at their ends only"
        dropped = self.n_choices - sum(len(codes) for codes in self.space.allowed) + self._untouched
        if dropped + len(slots) > self.bounds.most * self.n_choices:
            return f"at most {100 * self.bounds.most:g} % of the choices may go"
        return ""

    @property
    def _untouched(self) -> int:
        return sum(len(codes) for codes in self.space.allowed) - choices_of(self.space)

    def _lost(self, narrower: Space, decision: Decision) -> float:
        """Return the greatest worth that the model's front loses at any rate, as a share of its accuracy."""
        rates = np.zeros(1) if decision.policy == "max-accuracy" else self.rates.values
        before = support(self.whole, rates)
        after = support(self.whole.restricted(narrower), rates)
        return float((before - after).max()) / self.rates.span if self.rates.span > 0 else 0.0


def _is_end(space: Space, decision: Decision) -> bool:
    assert decision.where.unit is not None
    depths = space.unit_depths(decision.where.unit)
    return int(decision.name) in {min(depths), max(depths)}


def compose(
    figures: Figures,
    policies: Sequence[Policy | Weigher],
    *,
    bounds: Bounds = DEFAULT_BOUNDS,
) -> Outcome:
    """Let policies decide one after the other, the wider places first.

    Parameters
    ----------
    policies
        In the order in which they are asked at each scope. They see only what is left.

    Notes
    -----
    A drop for a unit or the whole network must not cost the model's front more than an eighth of
    ``bounds.tolerance`` of its accuracy at any of its exchange rates, all such drops together; else its layers are
    judged one by one.
    """
    judges = [policy for policy in policies if isinstance(policy, Policy)]
    asked = [(scope, policy) for scope in ORDER for policy in judges if scope in policy.scopes]
    pruner = _Pruner(figures, bounds)
    pruner.look_ahead(asked)
    for scope, judge in asked:
        pruner.take(judge.judge(pruner.view, scope))
    mutation: dict[int, float] = {}
    for policy in policies:
        if isinstance(policy, Weigher):
            mutation = policy.weigh(pruner.view)
    return Outcome(pruner.space, tuple(pruner.decisions), mutation, figures, pruner.rates)
