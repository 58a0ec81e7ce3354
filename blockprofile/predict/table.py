"""Additive tables: one value for every choice of every slot, and a constant.

The table is `table.parquet` in the predictor's folder: columns ``slot`` and ``choice`` (names as the space has them;
both empty for the constant) and ``value`` in the metric's unit. A slot that the table leaves out has no effect. Where
the input resolution is no slot of the space, the table may have one for it: ``resolution``, its choices in pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from blockprofile.errors import CoverageError, DataError, one_of
from blockprofile.files import replacing
from blockprofile.predict.base import AdditivePredictor
from blockprofile.predict.card import TABLE_NAME, Card
from blockprofile.space import Factor, Slot, Space, table_shape
from blockprofile.tablefile import Column, read_columns

RESOLUTION = "resolution"
COLUMNS = {"slot": Column("text"), "choice": Column("text"), "value": Column("number")}

AdditiveTable = Mapping[tuple[str, str], float]
"""(slot, choice) -> value; ("", "") is the constant."""


def write_additive_table(path: Path, table: AdditiveTable) -> None:
    """Write an additive table as Parquet, whole or not at all."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    slots, choices = [slot for slot, _ in table], [choice for _, choice in table]
    values = pa.array([float(value) for value in table.values()], pa.float64())
    with replacing(path) as file:
        columns = {"slot": pa.array(slots, pa.string()), "choice": pa.array(choices, pa.string()), "value": values}
        pq.write_table(pa.table(columns), file)


def read_additive_table(path: Path) -> dict[tuple[str, str], float]:
    """Read an additive table.

    Raises
    ------
    DataError
        If the file is unreadable, lacks a column, gives a choice twice, or a value that is not finite.
    """
    if not path.is_file():
        raise DataError(f"{path} is missing, which its predictor needs")
    table: dict[tuple[str, str], float] = {}
    for row in read_columns(path, COLUMNS).to_pylist():
        key = (row["slot"], row["choice"])
        if key in table:
            raise DataError(f"{path} gives choice {key[1]!r} of slot {key[0]!r} twice")
        table[key] = float(row["value"])
    return table


def build_table(card: Card, folder: Path, space: Space) -> AdditivePredictor:
    """Make the predictor of an additive table.

    Raises
    ------
    CoverageError
        If the table names a slot or choice that the space has not, or lacks a choice of a slot that it names, or the
        space's resolution.
    DataError
        If the table is unreadable or wrong.
    """
    table = read_additive_table(folder / TABLE_NAME)
    slots = {slot.name: slot for slot in space.slots}
    by_slot: dict[str, dict[str, float]] = {}
    for (name, choice), value in table.items():
        if name and name not in slots and name != RESOLUTION:
            message = f"the table of {card.name!r} has a slot {name!r}, space {space.base.name!r} has none of that name"
            raise CoverageError(f"{message}; {one_of(name, slots)}")
        by_slot.setdefault(name, {})[choice] = value
    constant = by_slot.pop("", {}).get("", 0.0)
    if RESOLUTION not in slots:
        constant += _at_resolution(card, space, by_slot.pop(RESOLUTION, {}))
    factors = [_factor(card, space, slots[name], values) for name, values in by_slot.items()]
    return AdditivePredictor(card, space, [Factor((), np.array(constant)), *factors])


def _at_resolution(card: Card, space: Space, values: Mapping[str, float]) -> float:
    """Return what the table adds at the space's resolution, 0 where it says nothing of resolutions."""
    if values and str(space.resolution) not in values:
        raise CoverageError(
            f"the table of {card.name!r} knows no resolution {space.resolution}; {one_of(space.resolution, values)}"
        )
    return values.get(str(space.resolution), 0.0)


def _factor(card: Card, space: Space, slot: Slot, values: Mapping[str, float]) -> Factor:
    choices = [str(choice) for choice in slot.choices]
    if set(choices) != set(values):
        odd = sorted(set(choices) ^ set(values))
        raise CoverageError(
            f"the table of {card.name!r} and space {space.base.name!r} differ in the choices of slot {slot.name!r}: "
            f"{', '.join(odd)}; the space has {', '.join(choices)}"
        )
    table = np.zeros(table_shape(space, [slot.index]))
    table[: len(choices)] = [values[choice] for choice in choices]
    return Factor((slot.index,), table)
