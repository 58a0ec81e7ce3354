"""Archs as mappings from a slot's name to what was chosen there, inactive layers left out; and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from types import ModuleType

import numpy as np

from blockprofile.errors import ArchError, OptionError, one_of
from blockprofile.space import INACTIVE, Archs, Slot, Space, Value, frame_to_archs


def require(name: str) -> ModuleType:
    """Import another library.

    Raises
    ------
    OptionError
        If it is not installed, with the line that installs it.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError:
        raise OptionError(f"{name} is not installed here: pip install {name.partition('.')[0]}") from None


def allowed_values(space: Space, slot: Slot) -> tuple[Value, ...]:
    """Return what a slot may hold in this space, in the order of the codes."""
    return tuple(slot.choices[code] for code in space.allowed[slot.index])


def depths_with(space: Space, slot: Slot) -> tuple[int, ...]:
    """Return the depths of its unit at which a layer is there."""
    return tuple(depth for depth in space.unit_depths(slot.unit) if depth >= slot.layer)


def can_be_active(space: Space, slot: Slot) -> bool:
    """Tell whether any arch of the space has the slot: a layer beyond the greatest depth is in none."""
    return slot.kind != "layer" or bool(depths_with(space, slot))


def values_of_archs(space: Space, archs: Archs) -> list[dict[str, Value]]:
    """Write archs (uint8, shape (n, n_slots)) as mappings from slots to values.

    Examples
    --------
    >>> from blockprofile.space import load_space, named_archs
    >>> arch = next(iter(named_archs(load_space("moga")).values()))
    >>> values_of_archs(load_space("moga"), arch[None])[0]["u1l1"]
    'e6k5'
    """
    rows = np.atleast_2d(space.check(archs)).tolist()
    return [
        {slot.name: slot.choices[code] for slot, code in zip(space.slots, row, strict=True) if code != INACTIVE}
        for row in rows
    ]


def archs_of_values(space: Space, rows: Iterable[Mapping[str, Value]]) -> Archs:
    """Read archs from mappings; the inverse of `values_of_archs`.

    Returns
    -------
    uint8, shape (n, n_slots).

    Raises
    ------
    ArchError
        If a name is no slot, a value none of its choices, or a row no arch of the space.
    """
    import pandas as pd

    names = [slot.name for slot in space.slots]
    given = [dict(row) for row in rows]
    for row in given:
        for name in row:
            if name not in names:
                raise ArchError(f"{name!r} is no slot of space {space.name!r}; {one_of(name, names)}")
    return frame_to_archs(space, pd.DataFrame(given, columns=names, dtype=object))
