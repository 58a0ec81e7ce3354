"""What pruned spaces leave out, rule by rule, with the evidence that their files give."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from blockprofile.predict import UNKNOWN_FLOOR
from blockprofile.report.document import Cell, Part, Section, Table, Text, number, p_value, table_of
from blockprofile.space import Evidence, PrunedDefinition, Rule, place_name

__all__ = ["pruning_section", "rule_words"]


def rule_words(rule: Rule) -> str:
    """Say what a rule does, such as ``unit 1: without e3k7``.

    Examples
    --------
    >>> rule_words(Rule(drop=("e3k7",), max_depth=3))
    'everywhere: without e3k7; at most 3 layers'
    """
    unit = rule.where.unit
    where = rule.option or ("everywhere" if unit is None else place_name(unit, rule.where.layer or 0))
    does = []
    if rule.drop:
        does.append(f"without {', '.join(map(str, rule.drop))}")
    if rule.keep:
        does.append(f"only {', '.join(map(str, rule.keep))}")
    if rule.max_depth is not None:
        does.append(f"at most {rule.max_depth} layers")
    if rule.min_depth is not None:
        does.append(f"at least {rule.min_depth} layers")
    if rule.drop_widths:
        does.append(f"without widths {', '.join(str(width) for width in rule.drop_widths)}")
    return f"{where}: {'; '.join(does)}"


def _rows(rule: Rule) -> list[dict[str, Any]]:
    head: dict[str, Any] = {"decision": rule_words(rule), "why": rule.why, "policy": rule.policy}
    empty = dict.fromkeys(
        ("metric", "compared", "effect", "95 % interval", "adjusted p", "n", "floor", "provenance"), ""
    )
    if not rule.evidence:
        return [head | empty]
    return [head | _evidence(evidence) for evidence in rule.evidence]


def _evidence(evidence: Evidence) -> dict[str, Any]:
    low_high = evidence.ci
    return {
        "metric": evidence.metric,
        "compared": f"{evidence.what} less {evidence.against}" if evidence.against else evidence.what,
        "effect": Cell(f"{evidence.effect:+.3g} {evidence.unit}", evidence.effect),
        "95 % interval": f"{low_high[0]:+.3g} to {low_high[1]:+.3g}" if low_high else "",
        "adjusted p": p_value(evidence.p_adjusted),
        "n": evidence.n or "",
        "floor": UNKNOWN_FLOOR if evidence.floor == "unknown" else number(evidence.floor, 3),
        "provenance": evidence.provenance,
    }


def _certificate(name: str, metric: str, told: Mapping[str, Any]) -> Table:
    """Set the best gains before and after, and of random prunings of the same size, side by side."""
    keys = {"limits": f"{metric} at most", "best_before": "before", "best_after": "after", "best_random": "random"}
    columns = {words: told[key] for key, words in keys.items() if key in told}
    rows = [
        {words: number(float(value), 3) for words, value in zip(columns, values, strict=True)}
        for values in zip(*columns.values(), strict=True)
    ]
    title = f"{name}: certificate, the best within a limit at equal effort on new archs"
    return table_of(title, rows, caption=str(told.get("verdict", "")))


def pruning_section(definitions: Iterable[PrunedDefinition]) -> Section | None:
    """Tell every decision of pruned spaces; None if there are none."""
    parts: list[Part] = []
    for definition in definitions:
        rows = [row for rule in definition.rules for row in _rows(rule)]
        if definition.notes:
            parts.append(Text(definition.notes))
        caption = definition.title or ""
        if definition.sources:
            caption += f" From: {'; '.join(definition.sources)}."
        parts.append(table_of(f"{definition.name}: {len(definition.rules)} decisions", rows, caption=caption))
        parts += [_certificate(definition.name, metric, told) for metric, told in definition.certificate.items()]
    return Section("pruning", "What was pruned, and why", tuple(parts)) if parts else None
