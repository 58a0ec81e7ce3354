"""From decisions to rules: what is dropped for every device at once, grouped by place and policy, with its evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from blockprofile.prune.compose import ORDER, Outcome, slots_at
from blockprofile.prune.decision import Decision
from blockprofile.prune.wording import rate_unit
from blockprofile.space import Evidence, Rule, Space, Value, Where

Key = tuple[Where, str, str]


def common_space(outcomes: Sequence[Outcome]) -> Space:
    """Return the space that keeps what at least one outcome keeps.

    Raises
    ------
    ValueError
        If there is no outcome.
    """
    if not outcomes:
        raise ValueError("at least one outcome is needed")
    allowed = [
        sorted(set().union(*(outcome.space.allowed[slot.index] for outcome in outcomes)))
        for slot in outcomes[0].space.slots
    ]
    before = outcomes[0].figures.space
    return before.restricted(allowed, name=before.name)


def make_rules(outcomes: Sequence[Outcome]) -> tuple[Rule, ...]:
    """Make the rules that lead from the original space to the common one, in the order of the scopes.

    Parameters
    ----------
    outcomes
        One for each device, all of the same space. A choice is dropped only where every outcome drops it.
    """
    before, after = outcomes[0].figures.space, common_space(outcomes)
    groups: dict[Key, list[tuple[Decision, int]]] = {}
    gone: set[tuple[int, int]] = set()
    for decision, source in _in_order(outcomes):
        places = {(slot, decision.code) for slot in slots_at(before, decision)}
        is_common = all(code not in after.allowed[slot] for slot, code in places)
        if not is_common or places <= gone:
            continue
        gone |= places
        groups.setdefault((decision.where, decision.policy, decision.kind), []).append((decision, source))
    return tuple(_rule(key, members, outcomes, after) for key, members in groups.items())


def _in_order(outcomes: Sequence[Outcome]) -> Iterator[tuple[Decision, int]]:
    drops = [(decision, source) for source, outcome in enumerate(outcomes) for decision in outcome.drops]
    yield from sorted(drops, key=lambda pair: ORDER.index(_scope(pair[0])))


def _scope(decision: Decision) -> str:
    if decision.kind != "block":
        return decision.kind
    return "network" if decision.where.unit is None else "unit" if decision.where.layer is None else "layer"


def _rule(key: Key, members: Sequence[tuple[Decision, int]], outcomes: Sequence[Outcome], after: Space) -> Rule:
    where, policy, kind = key
    members = sorted(members, key=lambda pair: pair[0].code)
    drop: tuple[str, ...] = ()
    widths: tuple[Value, ...] = ()
    low = high = None
    before = outcomes[0].figures.space
    if kind == "depth":
        assert where.unit is not None
        old, new = before.unit_depths(where.unit), after.unit_depths(where.unit)
        dropped = {int(decision.name) for decision, _ in members}
        high = max(new) if max(dropped) > max(new) and max(new) < max(old) else None
        low = min(new) if min(dropped) < min(new) and min(new) > min(old) else None
    elif kind == "width":
        assert where.unit is not None
        slot = before.units[where.unit - 1].width
        assert slot is not None
        widths = tuple(before.slots[slot].choices[decision.code] for decision, _ in members)
    else:
        drop = tuple(decision.name for decision, _ in members)
    evidence = [item for decision, source in members for item in _all_evidence(decision, source, outcomes)]
    why = "; ".join(f"{_named(decision)} {decision.why}" for decision, _ in members)
    if policy == "exchange-rate":
        figures, rates = outcomes[members[0][1]].figures, outcomes[members[0][1]].rates
        unit = rate_unit(figures.gain, figures.cost)
        why += f" (the front offers {rates.low:.3g} to {rates.high:.3g} {unit})"
    return Rule(
        where=where, drop=drop, drop_widths=widths, max_depth=high, min_depth=low,
        policy=policy, why=why, evidence=tuple(evidence),
    )  # fmt: skip


def _named(decision: Decision) -> str:
    return f"{decision.name}:" if decision.kind == "block" else f"{decision.kind} {decision.name}:"


def _all_evidence(decision: Decision, source: int, outcomes: Sequence[Outcome]) -> list[Evidence]:
    """Collect the decision's evidence, and what the other outcomes dropped the same choice on."""
    found = list(decision.evidence)
    wanted = set(slots_at(outcomes[0].figures.space, decision))
    for index, outcome in enumerate(outcomes):
        if index == source:
            continue
        for other in outcome.drops:
            same = (other.kind, other.code) == (decision.kind, decision.code)
            if same and wanted & set(slots_at(outcome.figures.space, other)):
                found += [item for item in other.evidence if item not in found]
    return found
