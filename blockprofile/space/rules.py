"""A pruned space as records: the base, the rules with their evidence, and how rules narrow a space.

Deciding on rules belongs to `blockprofile.prune`; this module only says what a rule is and applies it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from blockprofile.errors import ArchError, one_of
from blockprofile.space.definition import Value
from blockprofile.space.space import Space


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The space that was pruned: a shipped name, or a file beside the pruned one; and its content hash."""

    name: str
    hash: str = ""
    file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """A place: the whole network, a unit, or one layer of a unit (counted from 1)."""

    unit: int | None = None
    layer: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One figure behind a rule.

    ``effect`` of ``what`` (a block or a depth) less that of ``against``, with its 95 % interval ``ci`` in ``unit``
    (empty where the metric has none);
    ``n`` archs; ``p_adjusted`` after false-discovery control; ``floor``, the predictor's own error below which
    nothing is claimed, ``unknown`` where nobody has measured it.
    """

    metric: str
    effect: float
    unit: str = ""
    ci: tuple[float, float] | None = None
    n: int | None = None
    p_adjusted: float | None = None
    floor: float | Literal["unknown"] | None = None
    provenance: str = ""
    what: str = ""
    against: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One narrowing: blocks dropped or kept, a depth capped or raised, widths dropped, at a place.

    With ``option``, the name of a stem option or ``resolution``, ``drop`` and ``keep`` list its values instead of
    blocks. ``why`` is written for a reader.
    """

    where: Where = Where()
    option: str = ""
    drop: tuple[Value, ...] = ()
    keep: tuple[Value, ...] = ()
    max_depth: int | None = None
    min_depth: int | None = None
    drop_widths: tuple[Value, ...] = ()
    policy: str = ""
    why: str = ""
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunedDefinition:
    """A whole pruned-space file."""

    schema: Literal["blockprofile.pruned/1"]
    name: str
    base: Base
    rules: tuple[Rule, ...] = ()
    title: str = ""
    sources: tuple[str, ...] = ()
    mutation: Mapping[int, float] = field(default_factory=dict)
    size: Mapping[str, Any] = field(default_factory=dict)
    provenance: tuple[dict[str, Any], ...] = ()
    notes: str = ""
    certificate: Mapping[str, Any] = field(default_factory=dict)


def _units_at(space: Space, where: Where) -> Sequence[int]:
    numbers = range(1, len(space.units) + 1)
    if where.unit is None:
        if where.layer is not None:
            raise ArchError(f"where: layer {where.layer} is given without its unit")
        return numbers
    if where.unit not in numbers:
        raise ArchError(f"unit {where.unit} is not in space {space.name!r}; {one_of(where.unit, numbers)}")
    return [where.unit]


def _check_sense(rule: Rule) -> None:
    """Refuse a rule that does nothing, or says where something is that stands elsewhere."""
    blocks = bool(rule.drop or rule.keep)
    others = rule.max_depth is not None or rule.min_depth is not None or bool(rule.drop_widths)
    if not blocks and not others:
        raise ArchError("the rule narrows nothing; it needs drop, keep, max_depth, min_depth or drop_widths")
    if others and rule.where.layer is not None:
        raise ArchError(f"depths and widths are of a whole unit; leave out layer {rule.where.layer}")
    if rule.option and (others or rule.where != Where()):
        raise ArchError(f"option {rule.option!r} is of the whole network and takes drop and keep alone")


def _chosen_codes(choices: Sequence[Value], rule: Rule, what: str) -> set[int]:
    """Return the codes that ``drop`` and ``keep`` leave of ``choices``."""
    for name in (*rule.drop, *rule.keep):
        if name not in choices:
            raise ArchError(f"{what.format(name)}; {one_of(name, choices)}")
    kept = {choices.index(name) for name in rule.keep} or set(range(len(choices)))
    return kept - {choices.index(name) for name in rule.drop}


def _narrow_option(space: Space, rule: Rule, allowed: list[set[int]]) -> None:
    slots = {slot.name: slot for slot in space.slots if slot.kind in {"option", "resolution"}}
    if rule.option not in slots:
        raise ArchError(
            f"option {rule.option!r} is no slot of space {space.base.name!r}; {one_of(rule.option, list(slots))}"
        )
    slot = slots[rule.option]
    allowed[slot.index] &= _chosen_codes(slot.choices, rule, f"value {{!r}} is not in option {rule.option!r}")
    if not allowed[slot.index]:
        raise ArchError(f"option {rule.option!r} is left without a value")


def _narrow_blocks(space: Space, rule: Rule, allowed: list[set[int]]) -> None:
    left = _chosen_codes(space.block_names, rule, f"block {{!r}} is not in space {space.base.name!r}")
    for unit in _units_at(space, rule.where):
        layers = range(1, len(space.units[unit - 1].layers) + 1)
        if rule.where.layer is not None and rule.where.layer not in layers:
            raise ArchError(f"layer {rule.where.layer} is not in unit {unit}; {one_of(rule.where.layer, layers)}")
        for layer in layers if rule.where.layer is None else [rule.where.layer]:
            slot = space.units[unit - 1].layers[layer - 1]
            allowed[slot] &= left
            if not allowed[slot]:
                raise ArchError(f"unit {unit}, layer {layer} is left without a block")


def _narrow_depths(space: Space, rule: Rule, allowed: list[set[int]]) -> None:
    if rule.max_depth is None and rule.min_depth is None:
        return
    low, high = rule.min_depth or 0, 10**6 if rule.max_depth is None else rule.max_depth
    for number in _units_at(space, rule.where):
        unit = space.units[number - 1]
        fitting = {code for code, depth in enumerate(unit.depths) if low <= depth <= high}
        if unit.depth is not None:
            allowed[unit.depth] &= fitting
        if not fitting or (unit.depth is not None and not allowed[unit.depth]):
            raise ArchError(f"unit {number} is left without a depth; {one_of(rule.max_depth, unit.depths)}")


def _narrow_widths(space: Space, rule: Rule, allowed: list[set[int]]) -> None:
    if not rule.drop_widths:
        return
    for number in _units_at(space, rule.where):
        index = space.units[number - 1].width
        if index is None:
            raise ArchError(f"unit {number} of space {space.name!r} has one width; nothing can be dropped")
        choices = space.slots[index].choices
        for width in rule.drop_widths:
            if width not in choices:
                raise ArchError(f"width {width!r} is not in unit {number}; {one_of(width, choices)}")
            allowed[index] -= {choices.index(width)}
        if not allowed[index]:
            raise ArchError(f"unit {number} is left without a width")


def apply_rule(space: Space, rule: Rule, *, name: str | None = None) -> Space:
    """Narrow a space by one rule; what is already gone may be dropped again.

    Raises
    ------
    ArchError
        If the rule names a place, block, depth, width or option that the base does not have, narrows nothing by its
        words, or leaves nothing.
    """
    _check_sense(rule)
    allowed = [set(codes) for codes in space.allowed]
    (_narrow_option if rule.option else _narrow_blocks)(space, rule, allowed)
    _narrow_depths(space, rule, allowed)
    _narrow_widths(space, rule, allowed)
    return space.restricted([sorted(codes) for codes in allowed], name=name or space.name)


def apply_rules(
    space: Space, rules: Sequence[Rule], *, name: str, mutation: Mapping[int, float] | None = None
) -> Space:
    """Narrow a space by rules, in order.

    Raises
    ------
    ArchError
        As `apply_rule`.
    """
    for rule in rules:
        space = apply_rule(space, rule)
    return space.restricted(space.allowed, name=name, mutation=mutation)
