"""A space as a ConfigurationSpace of ConfigSpace, and back.

What is said there: every slot, what it may hold, and which layers a depth leaves out. What is not: the network behind
the names (channels, strides, operators), so the way back needs the space whose slots are meant and gives it, pruned to
what the ConfigurationSpace holds. What ConfigSpace can say and a space cannot (ranges, other conditions, forbidden
combinations, weights), and what a space can say and ConfigSpace cannot (mutation weights of units), is refused by name.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from blockprofile.errors import OptionError, one_of
from blockprofile.interchange.values import (
    allowed_values,
    can_be_active,
    depths_with,
    require,
    values_of_archs,
)
from blockprofile.space import Archs, Slot, Space, Value

_ORDERED = frozenset({"depth", "resolution"})


def to_configspace(space: Space, *, seed: int | None = None) -> Any:
    """Say a space as a ``ConfigSpace.ConfigurationSpace``; a draw from it follows the law ``papers``.

    Depths and resolutions are ordinal, everything else is categorical; a layer that not every depth has is there under
    the condition of those that have it.

    Raises
    ------
    OptionError
        If ConfigSpace is not installed, or the space has mutation weights, which cannot be said there.
    """
    library = require("ConfigSpace")
    if space.mutation:
        raise OptionError(
            f"space {space.name!r} has mutation weights of units, which ConfigSpace cannot say; leave them out by "
            "dataclasses.replace(space, mutation={})"
        )
    made = library.ConfigurationSpace(name=space.name, seed=seed)
    slots = [slot for slot in space.slots if can_be_active(space, slot)]
    made.add([_parameter(library, space, slot) for slot in slots])
    conditions = [
        library.InCondition(made[child], made[parent], list(depths))
        for child, (parent, depths) in _conditions(space).items()
    ]
    if conditions:
        made.add(conditions)
    return made


def _parameter(library: Any, space: Space, slot: Slot) -> Any:
    values = list(allowed_values(space, slot))
    if slot.kind in _ORDERED:
        return library.OrdinalHyperparameter(slot.name, values)
    return library.CategoricalHyperparameter(slot.name, values)


def _conditions(space: Space) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Name for each layer that some depth leaves out the depth's slot, and the depths that have the layer."""
    found = {}
    for slot in space.layer_slots:
        depth, depths = space.units[slot.unit - 1].depth, depths_with(space, slot)
        if depth is not None and depths and depths != space.unit_depths(slot.unit):
            found[slot.name] = (space.slots[depth].name, depths)
    return found


def to_configurations(configspace: Any, space: Space, archs: Archs) -> list[Any]:
    """Write archs (uint8, shape (n, n_slots)) as configurations; `archs_of_values` reads them back.

    Raises
    ------
    ConfigSpace.exceptions.IllegalValueError
        Of ConfigSpace, if one is not in its space.
    """
    library = require("ConfigSpace")
    return [library.Configuration(configspace, values=values) for values in values_of_archs(space, archs)]


def from_configspace(configspace: Any, base: Space, *, name: str = "") -> Space:
    """Read a ConfigurationSpace whose hyperparameters are slots of ``base``, as ``base`` pruned to its choices.

    Parameters
    ----------
    base
        The space that says what the names stand for.
    name
        The new space's; left out, the ConfigurationSpace's, else the base's.

    Raises
    ------
    OptionError
        Naming what a space cannot say: a hyperparameter that is no slot or has a range, a choice that the base has not,
        a slot that is missing, weights of choices, a condition other than that of a depth, a forbidden combination.
    """
    require("ConfigSpace")
    names = [slot.name for slot in base.slots]
    for each in configspace.values():
        if each.name not in names:
            raise OptionError(
                f"hyperparameter {each.name!r} is no slot of space {base.name!r}; {one_of(each.name, names)}"
            )
    if configspace.forbidden_clauses:
        told = "; ".join(map(str, configspace.forbidden_clauses))
        raise OptionError(f"forbidden combinations cannot be said in a space: {told}")
    allowed = [_codes(configspace, slot, codes) for slot, codes in zip(base.slots, base.allowed, strict=True)]
    pruned = base.restricted(allowed, name=name or configspace.name or base.name)
    _check_missing(configspace, pruned)
    _check_conditions(configspace.conditions, pruned)
    return pruned


def _codes(configspace: Any, slot: Slot, codes: tuple[int, ...]) -> list[int]:
    """Return a slot's codes that a ConfigurationSpace has; all, where it has no such hyperparameter."""
    if slot.name not in configspace:
        return list(codes)
    allowed = [slot.choices[code] for code in codes]
    found = []
    for value in _values(configspace[slot.name]):
        if value not in allowed:
            raise OptionError(
                f"hyperparameter {slot.name!r}: {value!r} is none of the slot's; {one_of(value, allowed)}"
            )
        found.append(slot.choices.index(value))
    return found


def _values(hyperparameter: Any) -> list[Value]:
    weights = getattr(hyperparameter, "weights", None)
    if weights is not None and len(set(weights)) > 1:
        raise OptionError(f"hyperparameter {hyperparameter.name!r} has weights, which a space cannot say")
    for attribute in ("choices", "sequence"):
        if hasattr(hyperparameter, attribute):
            return [_plain(value) for value in getattr(hyperparameter, attribute)]
    if hasattr(hyperparameter, "value"):
        return [_plain(hyperparameter.value)]
    kind = type(hyperparameter).__name__
    raise OptionError(f"hyperparameter {hyperparameter.name!r} is a {kind}; a slot has a list of choices")


def _plain(value: Any) -> Value:
    """Return numpy's scalars as Python's."""
    found: Value = value.item() if hasattr(value, "item") else value
    return found


def _check_missing(configspace: Any, space: Space) -> None:
    missing = [slot.name for slot in space.slots if can_be_active(space, slot) and slot.name not in configspace]
    if missing:
        raise OptionError(f"no hyperparameter for {', '.join(map(repr, missing))} of space {space.base.name!r}")


def _depths_of(condition: Any) -> tuple[Value, ...]:
    """Return the values that a condition names; none where it means others than those."""
    kind = type(condition).__name__
    held: tuple[Any, ...] = ()
    if kind == "InCondition":
        held = tuple(condition.values)
    elif kind == "EqualsCondition":
        held = (condition.value,)
    return tuple(sorted(map(_plain, held)))


def _check_conditions(conditions: Iterable[Any], space: Space) -> None:
    """Refuse all conditions but those that the depths of a space make, and a lack of one of these."""
    wanted = _conditions(space)
    for condition in conditions:
        child = getattr(getattr(condition, "child", None), "name", "")
        parent = getattr(getattr(condition, "parent", None), "name", "")
        if wanted.pop(child, None) != (parent, _depths_of(condition)):
            raise OptionError(f"condition {condition} cannot be said in a space, where depths alone leave layers out")
    if wanted:
        child, (parent, depths) = next(iter(wanted.items()))
        told = ", ".join(map(str, depths))
        raise OptionError(f"hyperparameter {child!r} lacks its condition: it is there where {parent!r} is {told}")
