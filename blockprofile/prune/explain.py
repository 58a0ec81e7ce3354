"""Every decision in words and as rows: what was dropped, what was kept, and why."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

from blockprofile.numbers import write_count
from blockprofile.prune.decision import Decision, where_name
from blockprofile.prune.pruning import Pruning

Row = dict[str, Any]

EXACT_BELOW = 1e6
"""From here on a number of archs is told by its leading digits."""


def _row(decision: Decision, cost: str) -> Row:
    return {
        "cost": cost,
        "place": where_name(decision.where),
        "unit": decision.where.unit,
        "layer": decision.where.layer,
        "kind": decision.kind,
        "choice": decision.name,
        "policy": decision.policy,
        "verdict": decision.verdict,
        "why": decision.why,
    }


def decision_rows(pruning: Pruning) -> list[Row]:
    """List all decisions of all costs, in the order in which they were made."""
    return [_row(decision, outcome.figures.cost.name) for outcome in pruning.outcomes for decision in outcome.decisions]


def _place_lines(decisions: Iterable[Decision]) -> list[str]:
    names: dict[tuple[str, str, str], list[str]] = {}
    for decision in decisions:
        word = "DROP" if decision.verdict == "drop" else "keep"
        named = decision.name if decision.kind == "block" else f"{decision.kind} {decision.name}"
        names.setdefault((word, decision.policy, decision.why), []).append(named)
    return [f"{word} {', '.join(named)} ({policy}): {why}" for (word, policy, why), named in names.items()]


def explain_lines(pruning: Pruning) -> list[str]:
    """Tell each decision, also those not to drop, place by place; choices that one reason keeps share a line."""
    lines: list[str] = []
    for outcome in pruning.outcomes:
        figures, rates = outcome.figures, outcome.rates
        unit = f"{figures.gain.unit or '1'} per {figures.cost.unit or '1'}"
        offers = f"the front offers {rates.low:.3g} to {rates.high:.3g} {unit}"
        lines.append(f"{figures.gain.name} against {figures.cost.name}: {offers}")
        for place, decisions in itertools.groupby(outcome.decisions, key=lambda decision: where_name(decision.where)):
            lines.append(f"  {place}")
            lines += [f"    {line}" for line in _place_lines(decisions)]
        for unit_number, weight in outcome.mutation.items():
            lines.append(f"  unit {unit_number}: mutation weight {weight:g}")
    return lines


def _count(number: int) -> str:
    return f"{number:,}" if number < EXACT_BELOW else write_count(number)


def summary_lines(pruning: Pruning) -> list[str]:
    """Say in a few lines how large the space was and is, and what each unit still has."""
    size, space = pruning.definition.size, pruning.space
    n_rules = len(pruning.definition.rules)
    before, after = (_count(size[key]) for key in ("archs_before", "archs_after"))
    lines = [
        f"{pruning.before.name}: {before} archs, {size['choices_before']} choices; "
        f"{space.name}: {after} archs, {size['choices_after']} choices, "
        f"{n_rules} rule{'s' * (n_rules != 1)}"
    ]
    for unit in space.units:
        blocks = [
            " ".join(space.block_names[code] for code in space.allowed[slot])
            for slot in unit.layers[: space.max_depth(unit.unit)]
        ]
        depths = "-".join(str(end) for end in sorted({min(space.unit_depths(unit.unit)), space.max_depth(unit.unit)}))
        shown = blocks[0] if len(set(blocks)) == 1 else " | ".join(blocks)
        width = ""
        if unit.width is not None:
            choices = space.slots[unit.width].choices
            width = f", width {' '.join(str(choices[code]) for code in space.allowed[unit.width])}"
        lines.append(f"  unit {unit.unit}, depth {depths}{width}: {shown}")
    return lines
