"""A table as somebody wrote it: its columns as numbers or texts, and what a slot's column says in codes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from blockprofile.csvfile import read_csv
from blockprofile.errors import DataError, one_of
from blockprofile.jsonfile import parse_json
from blockprofile.linefile import read_lines
from blockprofile.numbers import read_number
from blockprofile.space import INACTIVE, Slot
from blockprofile.tablefile import read_table_columns

MISSING_CODES = frozenset({-1, INACTIVE})
MISSING_WORDS = frozenset({"", "na", "n/a", "nan", "<na>", "none", "null"})
SAME = 1e-6
"""A number this near to a choice is that choice: 0.65 kept as float32."""

Column: TypeAlias = NDArray[np.float64] | list[str]
"""Numbers, NaN where empty, or texts, empty where empty."""


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """A file's columns, before anything is made of them.

    ``lines`` are those of a CSV, shape (n_rows,); ``unread`` names columns of other kinds and what they hold.
    """

    path: Path
    n_rows: int
    columns: Mapping[str, Column]
    lines: NDArray[np.int64] | None = None
    unread: Mapping[str, str] = field(default_factory=dict)

    def error(self, row: int, message: str) -> DataError:
        """Make the error of a row, with the file and the line or row."""
        return DataError(f"{self.path}: {place_of(row, self.lines)}: {message}")


def place_of(row: int, lines: NDArray[np.int64] | None) -> str:
    """Say where a row stands: its line in a CSV, its number elsewhere."""
    return f"row {row + 1}" if lines is None else f"line {lines[row]}"


def read_sheet(path: Path) -> Sheet:
    """Read a CSV (``.tsv``: by tabs) or Parquet table, or JSON lines (``.jsonl``, ``.json``): an object on each.

    Raises
    ------
    DataError
        As `read_csv`, `read_table_columns` and `parse_json`.
    """
    if not path.is_file():
        raise DataError(f"{path} does not exist or is no file; give a CSV or Parquet table, or JSON lines")
    if path.suffix.lower() in {".jsonl", ".json"}:
        return _read_json_lines(path)
    if path.suffix.lower() in {".parquet", ".pq"}:
        n_rows, columns, unread = read_table_columns(path)
        return Sheet(path, n_rows, columns, unread=unread)
    table = read_csv(path, delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
    return Sheet(path, len(table.lines), table.columns(), np.array(table.lines, np.int64))


def _read_json_lines(path: Path) -> Sheet:
    """Read objects, one on each line; what an object lacks is empty, and what is nested is kept as JSON."""
    rows: list[dict[str, Any]] = []
    lines = read_lines(path)
    for number, line in lines:
        row = parse_json(line, f"{path}:{number}")
        if not isinstance(row, dict):
            raise DataError(f'{path}:{number}: must be a JSON object on each line, as {{"arch": ..., "score": 1}}')
        rows.append(row)
    names = dict.fromkeys(name for row in rows for name in row)
    columns: dict[str, Column] = {name: [_cell(row.get(name)) for row in rows] for name in names}
    return Sheet(path, len(rows), columns, np.array([number for number, _ in lines], np.int64))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value.strip() if isinstance(value, str) else json.dumps(value)


def column_numbers(column: Sequence[str]) -> NDArray[np.float64] | int:
    """Read texts as numbers, NaN where empty; the first row that holds something else."""
    values = np.empty(len(column))
    for row, text in enumerate(column):
        value = read_number(text)
        if value is None and text.lower() not in MISSING_WORDS:
            return row
        values[row] = np.nan if value is None else value
    return values


def slot_codes(sheet: Sheet, slot: Slot) -> NDArray[np.uint8]:
    """Translate the column of a slot into codes, shape (n_rows,); each distinct value once.

    Raises
    ------
    DataError
        With the line, if a value is not among the slot's choices.
    """
    column = sheet.columns[slot.name]
    values: list[str | float]
    if isinstance(column, np.ndarray):
        distinct, inverse = np.unique(column, return_inverse=True)
        values = distinct.tolist()
    else:
        places = {text: place for place, text in enumerate(dict.fromkeys(column))}
        values, inverse = list(places), np.array([places[text] for text in column])
    table = np.full(len(values), INACTIVE, np.uint8)
    for place, value in enumerate(values):
        code = _code(value, slot)
        if code is None:
            row = int(np.flatnonzero(inverse == place)[0])
            raise sheet.error(row, f"{_worded(value)} is not in slot {slot.name!r}; {one_of(value, slot.choices)}")
        table[place] = code
    return table[inverse]


def _worded(value: str | float) -> str:
    if isinstance(value, str):
        number = read_number(value)
        return repr(value) if number is None else value
    return f"{value:g}"


def _code(value: str | float, slot: Slot) -> int | None:
    """Return the code of a value; None if it is not in the slot."""
    if isinstance(value, str):
        words = [str(choice) for choice in slot.choices]
        if value in words:
            return words.index(value)
        number = np.nan if value.lower() in MISSING_WORDS else read_number(value)
    else:
        number = value
    if number is None:
        return None
    if slot.kind == "layer":
        if np.isnan(number) or number in MISSING_CODES:
            return INACTIVE
        # A block whose name is a number is meant by it, as in a table of texts.
        named = next((code for code, name in enumerate(slot.choices) if read_number(str(name)) == number), None)
        if named is not None:
            return named
        return int(number) if float(number).is_integer() and 0 <= number < slot.n_choices else None
    near = (
        code
        for code, choice in enumerate(slot.choices)
        if isinstance(choice, int | float) and not isinstance(choice, bool) and abs(number - choice) < SAME
    )
    return next(near, None)
