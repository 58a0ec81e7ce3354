"""Lookup tables from CSV: a template to fill in, and reading one that was measured elsewhere.

A row is an operator: the key columns of `blockprofile.predict.lookup`, ``mean_ms`` and, if known, ``spread_ms``
(standard deviation) and ``count`` (measurements). ``operator`` is for the reader alone.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from blockprofile.csvfile import Row, read_csv
from blockprofile.device.median import Median
from blockprofile.device.probes import check_resolutions, table_operators
from blockprofile.errors import DataError, DefinitionError, OptionError, UnknownNameError, one_of
from blockprofile.files import make_folder
from blockprofile.metric import LATENCY, parse_metric
from blockprofile.predict import KEY_COLUMNS, LookupKey, doubt_scale, lookup_key, mean_macs
from blockprofile.space import CompiledSum, Operator, Space, draw_archs, factorize

__all__ = [
    "MS",
    "TIME_UNITS",
    "CsvTable",
    "TimeUnit",
    "check_complete",
    "check_plausible",
    "check_time_unit",
    "columns_of",
    "read_csv_table",
    "scale_table",
    "write_template",
]

TimeUnit = Literal["ms", "s", "us"]
TIME_UNITS: tuple[TimeUnit, ...] = get_args(TimeUnit)
MS: Mapping[TimeUnit, float] = {"ms": 1.0, "s": 1000.0, "us": 0.001}
"""Milliseconds of a unit."""

CUSTOM = "custom:"
_TEXT = {"op", "act"}
_FLAGS = {"se", "skip"}
_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
MAX_NAMED = 4

WIDEST_SPREAD = 10.0
"""A standard deviation of so many times the mean is no measurement's, but a field that was cut at a decimal comma."""


@dataclass(frozen=True, slots=True)
class CsvTable:
    """A table as read: times of the operators of a space, how many further rows the file has, what a call costs.

    ``offset_ms`` is what a network takes beside its operators, where the file says so.
    """

    times: Mapping[Operator, Median]
    n_extra: int
    call_ms: float = 0.0
    offset_ms: float = 0.0


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
) -> CsvTable:
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
    return CsvTable(times, len(reader.entries) - len(times))


def check_complete(
    paths: Sequence[Path], known: Container[LookupKey], operators: Sequence[Operator], space: Space
) -> None:
    """Check that files, read as one, have every operator that a table needs.

    Raises
    ------
    DataError
        Naming some of those that are missing.
    """
    lacking = [op for op in operators if lookup_key(op) not in known]
    if not lacking:
        return
    named = "; ".join(op.describe() for op in lacking[:MAX_NAMED])
    more = f" and {len(lacking) - MAX_NAMED} more" if len(lacking) > MAX_NAMED else ""
    subject = f"{paths[0]} lacks" if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more lack"
    raise DataError(
        f"{subject} {len(lacking)} of the {len(operators)} operators that space {space.name!r} needs: {named}{more}"
    )


def unit_factor(unit: TimeUnit) -> float:
    """Return the milliseconds of a unit."""
    return MS[unit]


def scale_table(table: CsvTable, factor: float) -> CsvTable:
    """Multiply the times of a table."""
    times = {
        op: Median(factor * time.value, factor * time.half_width, factor * time.spread, time.n)
        for op, time in table.times.items()
    }
    return replace(table, times=times, call_ms=factor * table.call_ms, offset_ms=factor * table.offset_ms)


def check_time_unit(unit: str) -> TimeUnit:
    """Return ``unit`` if it is one of `TIME_UNITS`.

    Raises
    ------
    OptionError
        If it is not.
    """
    for known in TIME_UNITS:
        if unit == known:
            return known
    raise OptionError(f"time unit {unit!r} is unknown; {one_of(unit, TIME_UNITS)}")


def check_plausible(
    space: Space,
    table: CsvTable,
    *,
    believe: bool = False,
    device: str = "",
    metric: str = LATENCY,
    path: Path | None = None,
) -> float:
    """Check that times can be milliseconds, by the rate of multiply-adds that they mean.

    Parameters
    ----------
    believe
        Do not check: the user has said the unit.
    device
        The device's name; of blocks whose latency the space states, that is taken.
    metric
        An energy is not doubted: devices differ in it by more than a thousand.
    path
        The file, for the error.

    Returns
    -------
    The mean of random networks at the space's own resolution, in the metric's unit.

    Raises
    ------
    OptionError
        If the rate is out of any device's reach: the times are in another unit, which one most likely.
    DataError
        If they are beyond float32.
    """
    by_key = {lookup_key(op): time.value for op, time in table.times.items()}
    archs = draw_archs(space, 1000, np.random.default_rng(0))
    named = f"{metric}:{device}"
    factors = factorize(space, lambda op: dict(op.costs).get(named, by_key.get(lookup_key(op), 0.0)))
    with np.errstate(over="ignore"):
        latencies = CompiledSum(space, [factors])(archs)[0] + table.call_ms + table.offset_ms
    where = f"{path}: " if path else ""
    if not latencies.max() <= np.finfo(np.float32).max:
        raise DataError(f"{where}a random network of {space.name!r} takes more than any number of 32 bits can say")
    doubt = "" if believe else doubt_scale(metric, latencies, macs=mean_macs(space, archs))
    if doubt:
        looks = "us" if "microseconds" in doubt else "s"
        raise OptionError(
            f"{where}the times cannot be milliseconds: of random networks of {space.name!r}, {doubt}; if they are, "
            f"say --time-unit {looks}; if they are right, say --time-unit ms"
        )
    return float(latencies.mean())
