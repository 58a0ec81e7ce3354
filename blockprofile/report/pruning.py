"""What pruned spaces keep, as a map, and leave out, decision by decision, with the evidence that their files give."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import groupby
from typing import Any

from blockprofile.predict import UNKNOWN_FLOOR
from blockprofile.prune import rule_words
from blockprofile.report.document import Cell, Part, Section, Table, Text, number, p_value, table_of
from blockprofile.space import Evidence, PrunedDefinition, Rule, Space, place_name


def _rows(rule: Rule) -> list[dict[str, Any]]:
    """Make a row of every decision of a rule: what goes, why, and its figures against its rival."""
    pairs: dict[tuple[str, str], list[Evidence]] = {}
    for evidence in rule.evidence:
        pairs.setdefault((evidence.what, evidence.against), []).append(evidence)
    rows = [
        {"decision": rule_words(_narrowed(rule, what)), "why": _reason(rule, what), "policy": rule.policy}
        | {"against": against}
        | _figures(found)
        for (what, against), found in pairs.items()
    ]
    told = {what for what, _ in pairs}
    rest = tuple(value for value in rule.drop if str(value) not in told)
    if not rows or (rest and len(rest) < len(rule.drop)):
        rows.append({"decision": rule_words(replace(rule, drop=rest)), "why": rule.why, "policy": rule.policy})
    return rows


def _narrowed(rule: Rule, what: str) -> Rule:
    """Take the one block out of a rule that a figure is of; a figure of something else is of the whole rule."""
    of_it = tuple(value for value in rule.drop if str(value) == what)
    return replace(rule, drop=of_it) if of_it else rule


def _reason(rule: Rule, what: str) -> str:
    """Take out of a rule's reasons, ``BLOCK: ...; BLOCK: ...``, the one of a block."""
    heads = [match for match in re.finditer(r"(?:^|; )([^\s:;]+): ", rule.why) if match[1] in map(str, rule.drop)]
    ends = [*(head.start() for head in heads[1:]), len(rule.why)]
    return next((rule.why[h.end() : end] for h, end in zip(heads, ends, strict=False) if h[1] == what), rule.why)


def _figures(found: Iterable[Evidence]) -> dict[str, Any]:
    """Make a cell of every metric's figure, with its interval, and one of the largest adjusted p-value."""
    cells: dict[str, Any] = {}
    for each in found:
        low_high = f" ({each.ci[0]:+.3g} to {each.ci[1]:+.3g})" if each.ci else ""
        floor = UNKNOWN_FLOOR if each.floor == "unknown" else "" if each.floor is None else f"{each.floor:.3g}"
        n = f"{each.n:,}" if each.n else ""
        told = [("archs", n), ("adjusted p", p_value(each.p_adjusted).text), ("floor", floor)]
        tip = "\n".join(f"{name}: {words}" for name, words in [*told, ("provenance", each.provenance)] if words)
        cells[each.metric] = Cell(f"{each.effect:+.3g} {each.unit}".rstrip() + low_high, each.effect, None, tip)
    p_values = [each.p_adjusted for each in found if each.p_adjusted is not None]
    return cells | {"adjusted p": p_value(max(p_values, default=None))}


def _sources(definition: PrunedDefinition) -> str:
    """Say of every metric in the evidence where it comes from and below what nothing is claimed of it."""
    found = [each for rule in definition.rules for each in rule.evidence]
    told = []
    for metric in dict.fromkeys(each.metric for each in found):
        of_it = [each for each in found if each.metric == metric]
        floors = [each.floor for each in of_it if isinstance(each.floor, float | int)]
        words = [*dict.fromkeys(each.provenance for each in of_it if each.provenance)]
        if any(each.floor == "unknown" for each in of_it):
            words.append(f"floor {UNKNOWN_FLOOR}")
        elif floors:
            ends = dict.fromkeys(f"{end:.3g}" for end in (min(floors), max(floors)))
            words.append(f"floor {' to '.join(ends)} {of_it[0].unit}".rstrip())
        told.append(f"{metric}: {', '.join(words)}")
    if not told:
        return ""
    return (
        "Figures: what goes, less what it is weighed against, with 95 % intervals; p is the largest of a decision's, "
        f"adjusted for all that was asked. {'; '.join(told)}."
    )


def _map(space: Space, colour: int) -> Table:
    """Map what a pruned space keeps: blocks by layers."""
    slots, base = space.layer_slots, space.base
    rows = []
    for code, block in enumerate(space.block_names):
        cells = [Cell(block)]
        for slot in slots:
            place = place_name(*slot.place)
            if slot.layer <= space.max_depth(slot.unit) and code in space.allowed[slot.index]:
                cells.append(Cell("", 1.0, None, f"{block} at {place}: stays", colour=colour))
            elif code in base.allowed[slot.index]:
                cells.append(Cell("×", 0.0, None, f"{block} at {place}: left out", is_faint=True))
            else:
                cells.append(Cell("", -1.0, None, f"{block} at {place}: never there", is_faint=True))
        rows.append(tuple(cells))
    groups = [("", 1)] + [(f"unit {unit}", len(list(of))) for unit, of in groupby(slot.unit for slot in slots)]
    columns = ("block", *(str(slot.place[1] or "all layers") for slot in slots))
    caption = "Filled: stays; ×: left out. Depths, widths and options that go are in the table below."
    title = f"{space.name}: which block may stand where"
    return Table(title, columns, tuple(rows), caption, is_map=True, groups=tuple(groups))


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


def pruning_section(definitions: Iterable[PrunedDefinition], spaces: Mapping[str, tuple[int, Space]]) -> Section | None:
    """Map what pruned spaces keep, and tell every decision; None if there are none.

    Parameters
    ----------
    spaces
        The pruned spaces by their names, each with its colour in the page's palette.
    """
    parts: list[Part] = []
    for definition in definitions:
        if definition.name in spaces:
            colour, space = spaces[definition.name]
            parts.append(_map(space, colour))
        rows = [row for rule in definition.rules for row in _rows(rule)]
        if definition.notes:
            parts.append(Text(definition.notes))
        caption = f"{definition.title}. " if definition.title else ""
        if definition.sources:
            caption += f"From: {'; '.join(definition.sources)}. "
        caption += _sources(definition)
        parts.append(table_of(f"{definition.name}: {len(rows)} decisions", rows, caption=caption))
        parts += [_certificate(definition.name, metric, told) for metric, told in definition.certificate.items()]
    return Section("pruning", "What was pruned, and why", tuple(parts)) if parts else None
