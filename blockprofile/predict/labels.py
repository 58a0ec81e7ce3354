"""Labelled architectures: a CSV or Parquet table with archs in it, read for a space.

An arch is either the text of a column ``arch``, or one column for each slot: a layer's column holds block names
or codes, empty (or -1, 255) where the layer is inactive; every other slot's column holds its value. Depth columns
may be left out. A column ``resolution`` gives each row's input resolution where it is no slot.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import ArchError, DataError, one_of
from blockprofile.space.slots import INACTIVE, Archs, Slot
from blockprofile.space.space import Space
from blockprofile.space.text import encode, explain_arch

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LabelTable", "read_labels"]

TEXT_COLUMN, RESOLUTION_COLUMN = "arch", "resolution"
MISSING_CODES = frozenset({-1, INACTIVE})


@dataclass(frozen=True, slots=True, eq=False)
class LabelTable:
    """Archs with their labels.

    Parameters
    ----------
    archs
        uint8, shape (n, n_slots).
    labels
        By column, float64 of shape (n,).
    resolutions
        Each row's input resolution, shape (n,); None where the table has none.
    """

    path: Path
    archs: Archs
    labels: Mapping[str, NDArray[np.float64]]
    resolutions: NDArray[np.int64] | None

    def take(self, rows: NDArray[np.int64]) -> LabelTable:
        """Return a table of these rows alone."""
        labels = {column: values[rows] for column, values in self.labels.items()}
        resolutions = None if self.resolutions is None else self.resolutions[rows]
        return LabelTable(self.path, self.archs[rows], labels, resolutions)

    def label(self, column: str) -> NDArray[np.float64]:
        """Return one column of labels.

        Raises
        ------
        DataError
            If the table has no such column, or the column holds a value that is not a finite number.
        """
        if column not in self.labels:
            raise DataError(f"{self.path} has no column {column!r} of numbers; {one_of(column, self.labels)}")
        values = self.labels[column]
        if not np.isfinite(values).all():
            row = int(np.flatnonzero(~np.isfinite(values))[0])
            raise DataError(
                f"{self.path}: column {column!r}, row {row + 1} holds {values[row]}; must be a finite number"
            )
        return values


def read_labels(path: Path, space: Space) -> LabelTable:
    """Read a labelled table.

    Raises
    ------
    DataError
        If the file is unreadable, has neither an ``arch`` column nor all slots, or a row is no arch of the space;
        the message gives the row, counted from 1.
    """
    frame = _read_frame(path)
    if frame.empty:
        raise DataError(f"{path} holds no rows")
    used = {TEXT_COLUMN, RESOLUTION_COLUMN, *(slot.name for slot in space.slots)}
    archs = _read_texts(path, frame, space) if TEXT_COLUMN in frame else _read_slots(path, frame, space)
    member = space.base.contains(archs)
    if not member.all():
        row = int(np.flatnonzero(~member)[0])
        raise DataError(f"{path}: row {row + 1}: {explain_arch(space.base, archs[row])}")
    numbers = frame.select_dtypes("number")
    labels = {str(name): numbers[name].to_numpy(np.float64) for name in numbers if name not in used}
    resolutions = None
    if RESOLUTION_COLUMN in numbers and not space.definition.input.searched:
        resolutions = numbers[RESOLUTION_COLUMN].to_numpy(np.int64)
    return LabelTable(path, archs, labels, resolutions)


def _read_frame(path: Path) -> pd.DataFrame:
    import pandas as pd
    import pyarrow as pa

    if not path.is_file():
        raise DataError(f"{path} does not exist or is no file; give a CSV or Parquet table")
    try:
        if path.suffix.lower() in {".parquet", ".pq"}:
            return pd.read_parquet(path)
        return pd.read_csv(path, sep=None, engine="python") if path.suffix.lower() == ".tsv" else pd.read_csv(path)
    except (pa.ArrowException, pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, OSError) as failure:
        raise DataError(f"{path} cannot be read as a table: {failure}") from None


def _read_texts(path: Path, frame: pd.DataFrame, space: Space) -> Archs:
    rows = np.empty((len(frame), space.n_slots), np.uint8)
    for row, text in enumerate(frame[TEXT_COLUMN]):
        try:
            rows[row] = encode(space.base, str(text))
        except ArchError as failure:
            raise DataError(f"{path}: row {row + 1}: {failure}") from None
    return rows


def _read_slots(path: Path, frame: pd.DataFrame, space: Space) -> Archs:
    wanted = [slot for slot in space.slots if slot.kind != "depth"]
    missing = [slot.name for slot in wanted if slot.name not in frame]
    if missing:
        raise DataError(
            f"{path} has neither a column 'arch' nor all slots of space {space.name!r}: {', '.join(missing[:4])} "
            f"missing; it has {', '.join(map(str, frame.columns[:12]))}"
        )
    rows = np.full((len(frame), space.n_slots), INACTIVE, np.uint8)
    for slot in wanted:
        rows[:, slot.index] = _codes(path, frame[slot.name], slot)
    for unit in space.units:
        if unit.depth is None:
            continue
        active = (rows[:, list(unit.layers)] != INACTIVE).sum(axis=1)
        for code, depth in enumerate(unit.depths):
            rows[active == depth, unit.depth] = code
    return rows


def _codes(path: Path, column: pd.Series[Any], slot: Slot) -> NDArray[np.uint8]:
    """Translate one column: each distinct value once."""
    import pandas as pd

    known, values = pd.factorize(column, use_na_sentinel=True)
    table = np.full(len(values) + 1, INACTIVE, np.uint8)
    for place, value in enumerate(values):
        code = _code(value, slot)
        if code is None:
            row = int(np.flatnonzero(known == place)[0])
            raise DataError(
                f"{path}: row {row + 1}: {value!r} is not in slot {slot.name!r}; {one_of(value, slot.choices)}"
            )
        table[place] = code
    return table[known]


def _code(value: object, slot: Slot) -> int | None:
    if slot.kind == "layer":
        if isinstance(value, str) and not value.lstrip("-").isdigit():
            return slot.choices.index(value) if value in slot.choices else None
        number = float(value)  # type: ignore[arg-type] # pandas gives numbers or text
        if number in MISSING_CODES:
            return INACTIVE
        return int(number) if number.is_integer() and 0 <= number < slot.n_choices else None
    for code, choice in enumerate(slot.choices):
        if str(choice) == str(value):
            return code
        if isinstance(choice, int | float) and not isinstance(value, str) and abs(float(value) - choice) < 1e-6:  # type: ignore[arg-type]
            return code
    return None
