"""Archs as a table that a person can read, one column a slot, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from blockprofile.errors import ArchError, one_of
from blockprofile.space.slots import INACTIVE, Archs, Slot
from blockprofile.space.space import Space
from blockprofile.space.text import decode, explain_arch

if TYPE_CHECKING:
    import pandas as pd


def decode_all(space: Space, archs: Archs) -> list[str]:
    """Write many archs (uint8, shape (n, n_slots)) as text, each as `decode` does.

    Raises
    ------
    ArchError
        If one is not of the space's definition.
    """
    return [decode(space, arch) for arch in np.atleast_2d(space.check(archs))]


def archs_to_frame(space: Space, archs: Archs) -> pd.DataFrame:
    """Lay archs out with a column for each slot, in their own words: depths, widths and names of blocks.

    Parameters
    ----------
    archs
        uint8, shape (n, n_slots).

    Returns
    -------
    n rows; an inactive layer is None.

    Examples
    --------
    >>> from blockprofile.space import load_space, named_archs
    >>> moga = load_space("moga")
    >>> archs_to_frame(moga, named_archs(moga)["MoGA-A"][None]).iloc[0, :3].tolist()
    ['e6k5', 'e6k7', 'e6k3']
    """
    import pandas as pd

    rows = np.atleast_2d(space.check(archs))
    columns: dict[str, Any] = {}
    for slot in space.slots:
        words = np.full(INACTIVE + 1, None, dtype=object)
        words[: slot.n_choices] = slot.choices
        columns[slot.name] = words[rows[:, slot.index]]
    return pd.DataFrame(columns)


def frame_to_archs(space: Space, frame: pd.DataFrame) -> Archs:
    """Read archs from a table with a column for each slot; the inverse of `archs_to_frame`, other columns aside.

    Returns
    -------
    uint8, shape (n, n_slots).

    Raises
    ------
    ArchError
        If a slot has no column, a value is none of its choices, or a row is no arch of the space.
    """
    missing = [slot.name for slot in space.slots if slot.name not in frame.columns]
    if missing:
        raise ArchError(f"no column {missing[0]!r}; a table of archs has one for each slot: {_names(space.slots)}")
    archs = np.full((len(frame), space.n_slots), INACTIVE, dtype=np.uint8)
    for slot in space.slots:
        archs[:, slot.index] = _codes(slot, frame[slot.name].tolist())
    wrong = np.flatnonzero(~space.contains(archs)) if len(archs) else np.empty(0, int)
    if len(wrong):
        raise ArchError(f"row {wrong[0]}: {explain_arch(space, archs[wrong[0]])}")
    return archs


def _codes(slot: Slot, values: Sequence[Any]) -> list[int]:
    import pandas as pd

    codes: dict[Any, int] = {choice: code for code, choice in enumerate(slot.choices)}
    found = []
    for row, value in enumerate(values):
        is_missing = bool(pd.isna(value))
        if not is_missing and value not in codes:
            raise ArchError(f"row {row}, column {slot.name!r}: {value!r}; {one_of(value, slot.choices)}")
        found.append(INACTIVE if is_missing else codes[value])
    return found


def _names(slots: Sequence[Slot]) -> str:
    return ", ".join(slot.name for slot in slots)
