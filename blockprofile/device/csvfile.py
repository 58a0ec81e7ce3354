"""Lookup tables from CSV: a template to fill in, and reading one that was measured elsewhere.

A row is an operator: the key columns of `blockprofile.predict.lookup`, ``mean_ms`` and, if known, ``spread_ms``
(standard deviation) and ``count`` (measurements). ``operator`` is for the reader alone.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path

from blockprofile.csvfile import Row, read_csv
from blockprofile.device.median import Median
from blockprofile.device.operator_table import OperatorTable, check_complete
from blockprofile.device.probes import check_resolutions, table_operators
from blockprofile.device.time_units import MS, TimeUnit
from blockprofile.errors import DefinitionError, UnknownNameError, one_of
from blockprofile.files import make_folder
from blockprofile.metric import LATENCY, parse_metric
from blockprofile.predict import KEY_COLUMNS, LookupKey, lookup_key
from blockprofile.space import Space

CUSTOM = "custom:"
_TEXT = {"op", "act"}
_FLAGS = {"se", "skip"}
_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}

WIDEST_SPREAD = 10.0
"""A standard deviation of so many times the mean is no measurement's, but a field that was cut at a decimal comma."""


def columns_of(metric: str) -> tuple[str, ...]:
    """Name the columns of a table of operators; what one costs stands in ``mean_ms``, an energy in ``mean_mj``."""
    ending = parse_metric(metric).ending
    return ("operator", *KEY_COLUMNS, f"mean_{ending}", f"spread_{ending}", "count")


def write_template(space: Space, path: Path, *, resolutions: Sequence[int] = (), metric: str = LATENCY) -> int:
    """Write a CSV with one row for each operator that a space needs, what it costs left empty.

    Returns
    -------
    The number of operators.
    """
    operators = table_operators(space, check_resolutions(space, resolutions))
    make_folder(path.parent)
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(columns_of(metric))
        for op in operators:
            key = [str(value).lower() if isinstance(value, bool) else value for value in lookup_key(op)]
            writer.writerow([op.describe(), *key, "", "", ""])
    return len(operators)


class _Reader:
    """Rows of a file into times by operator key, each checked."""

    def __init__(self, path: Path, unit: TimeUnit, metric: str) -> None:
        self.path, self.factor, self.columns = path, MS[unit], columns_of(metric)
        self.mean, self.spread = self.columns[-3:-1]
        self.form = f"a number in {parse_metric(metric).unit}, with a decimal point and no separators"
        self.lines: dict[LookupKey, int] = {}
        self.entries: dict[LookupKey, Median] = {}

    def check_header(self, header: Sequence[str]) -> None:
        missing = [name for name in (*KEY_COLUMNS, self.mean) if name not in header]
        unknown = [name for name in header if name not in self.columns]
        if missing:
            raise DefinitionError(
                f"the column {missing[0]!r} is missing; it has {', '.join(header)}", path=self.path, line=1
            )
        if unknown:
            raise DefinitionError(
                f"unknown column {unknown[0]!r}; {one_of(unknown[0], self.columns)}", path=self.path, line=1
            )

    def row(self, row: Row) -> None:
        key = tuple(self.key_value(row, name) for name in KEY_COLUMNS)
        if row["op"].startswith(CUSTOM) and not row[self.mean]:
            return  # Its costs may stand in the space file; what stands nowhere is found lacking in the end.
        word = f"{key[0]} k{key[6]} s{key[7]} {key[3]}({key[5]})->{key[4]} at {key[1]}"
        if key in self.lines:
            raise row.error("", f"the operator {word} stands in line {self.lines[key]} already")
        self.lines[key] = row.line
        mean = self.cost(row, self.mean, word)
        spread = self.cost(row, self.spread, word) if row.get(self.spread) else float("nan")
        if spread > WIDEST_SPREAD * mean:
            raise row.error(
                self.spread,
                f"{row[self.spread]} for {word} is {spread / mean if mean else math.inf:.3g} times its mean; "
                f"should be at most {WIDEST_SPREAD:g} times: is it a decimal comma? left empty, it is not known",
            )
        count = self.whole(row, "count", least=1) if row.get("count") else 1
        self.entries[key] = Median(mean, float("nan"), spread, count)

    def key_value(self, row: Row, name: str) -> object:
        text = row[name]
        if name in _TEXT:
            return text
        if name in _FLAGS:
            if text.lower() not in _WORDS:
                raise row.error(name, f"{text!r} is wrong: should be true or false")
            return _WORDS[text.lower()]
        return self.whole(row, name)

    def whole(self, row: Row, name: str, *, least: int = 0) -> int:
        text = row[name]
        if not (text.isascii() and text.isdecimal()) or int(text) < least:
            raise row.error(name, f"{text!r} is wrong: should be a whole number of at least {least}")
        return int(text)

    def cost(self, row: Row, name: str, word: str) -> float:
        if not row[name]:
            raise row.error(name, f"the {'time' if name.endswith('ms') else 'energy'} of {word} is missing")
        value = row.number(name, form=self.form)
        if value < 0:
            raise row.error(name, f"{row[name]} for {word} is wrong: should be finite and at least 0")
        return value * self.factor


def read_csv_table(
    path: Path,
    space: Space,
    *,
    resolutions: Sequence[int] = (),
    unit: TimeUnit = "ms",
    device: str = "",
    metric: str = LATENCY,
) -> OperatorTable:
    """Read a lookup table that was measured elsewhere.

    Parameters
    ----------
    path
        A CSV file with a header; the columns may stand in any order.
    space, resolutions
        The table must have every operator that the space needs at these resolutions; further rows are ignored.
    unit
        In which the file gives times, whatever its columns are called.
    device
        The device's name; blocks of which the space states what they cost there need no row.
    metric
        ``latency_ms`` or ``energy_mj``, of which the columns are named.

    Raises
    ------
    UnknownNameError
        If there is no such file.
    DefinitionError
        With file and line: a column is missing or unknown, a row has other fields than the header, a value is wrong, a
        time is negative or missing, a spread is many times its mean, an operator stands there twice.
    DataError
        If the file is no CSV of UTF-8 text, or operators are missing.
    """
    if not path.is_file():
        near = sorted(p.name for p in path.parent.glob("*.csv")) if path.parent.is_dir() else []
        raise UnknownNameError(f"there is no file {str(path)!r}; {one_of(path.name, near)}")
    reader, file = _Reader(path, unit, metric), read_csv(path)
    reader.check_header(file.header)
    for row in file.rows():
        reader.row(row)
    operators = table_operators(space, check_resolutions(space, resolutions), metric=f"{metric}:{device}")
    check_complete([path], reader.entries, operators, space)
    times = {op: reader.entries[lookup_key(op)] for op in operators}
    return OperatorTable(times, len(reader.entries) - len(times))
