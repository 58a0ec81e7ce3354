"""Lookup tables from CSV: a template to fill in, and reading one that was measured elsewhere.

A row is an operator: the key columns of `blockprofile.predict.lookup`, ``mean_ms`` and, if known, ``spread_ms``
(standard deviation) and ``count`` (measurements). ``operator`` is for the reader alone.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from blockprofile.device.folder import make_folder
from blockprofile.device.median import Median
from blockprofile.device.probes import check_resolutions, table_operators
from blockprofile.errors import DataError, DefinitionError, OptionError, UnknownNameError, one_of
from blockprofile.predict.lookup import KEY_COLUMNS, LookupKey, lookup_key
from blockprofile.space.factors import CompiledSum, factorize
from blockprofile.space.operators import Operator
from blockprofile.space.sampling import draw_archs
from blockprofile.space.space import Space

__all__ = [
    "COLUMNS",
    "TIME_UNITS",
    "CsvTable",
    "TimeUnit",
    "check_plausible",
    "check_time_unit",
    "read_csv_table",
    "write_template",
]

TimeUnit = Literal["ms", "s", "us"]
TIME_UNITS: tuple[TimeUnit, ...] = get_args(TimeUnit)
_MS = {"ms": 1.0, "s": 1000.0, "us": 0.001}

COLUMNS = ("operator", *KEY_COLUMNS, "mean_ms", "spread_ms", "count")
_TEXT = {"op", "act"}
_FLAGS = {"se", "skip"}
_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
MAX_NAMED = 4

FASTEST_MACS_PER_MS = 2e9
"""No device runs mobile networks of batch 1 at 2e12 multiply-adds a second: a thousandfold rate is a wrong unit."""
SLOWEST_MACS_PER_MS = 5e4
"""Slower than 5e7 multiply-adds a second, below a microcontroller."""


@dataclass(frozen=True, slots=True)
class CsvTable:
    """A table as read: times of the operators of a space, and how many further rows the file has."""

    times: Mapping[Operator, Median]
    n_extra: int


def write_template(space: Space, path: Path, *, resolutions: Sequence[int] = ()) -> int:
    """Write a CSV with one row for each operator that a space needs, times left empty.

    Returns
    -------
    The number of operators.
    """
    operators = table_operators(space, check_resolutions(space, resolutions))
    make_folder(path.parent)
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(COLUMNS)
        for op in operators:
            key = [str(value).lower() if isinstance(value, bool) else value for value in lookup_key(op)]
            writer.writerow([op.describe(), *key, "", "", ""])
    return len(operators)


class _Reader:
    """Turns one file's rows into entries, each mistake with its line."""

    def __init__(self, path: Path, unit: TimeUnit) -> None:
        self.path, self.factor = path, _MS[unit]
        self.lines: dict[LookupKey, int] = {}
        self.entries: dict[LookupKey, Median] = {}

    def error(self, line: int, message: str, key: str = "") -> DefinitionError:
        return DefinitionError(message, path=self.path, line=line, key=key)

    def check_header(self, header: Sequence[str]) -> None:
        missing = [name for name in (*KEY_COLUMNS, "mean_ms") if name not in header]
        unknown = [name for name in header if name not in COLUMNS]
        if missing:
            hint = f"; it has {', '.join(header) or 'none'}"
            raise self.error(1, f"the column {missing[0]!r} is missing{hint}")
        if unknown:
            raise self.error(1, f"unknown column {unknown[0]!r}; {one_of(unknown[0], COLUMNS)}")

    def row(self, line: int, row: Mapping[str, str | None]) -> None:
        key = tuple(self.key_value(line, name, (row[name] or "").strip()) for name in KEY_COLUMNS)
        word = f"{key[0]} k{key[6]} s{key[7]} {key[3]}({key[5]})->{key[4]} at {key[1]}"
        if key in self.lines:
            raise self.error(line, f"the operator {word} stands in line {self.lines[key]} already")
        self.lines[key] = line
        mean = self.time(line, "mean_ms", (row["mean_ms"] or "").strip(), word)
        spread = (row.get("spread_ms") or "").strip()
        count = (row.get("count") or "").strip()
        self.entries[key] = Median(
            mean,
            float("nan"),
            self.time(line, "spread_ms", spread, word) if spread else float("nan"),
            self.whole(line, "count", count) if count else 1,
        )

    def key_value(self, line: int, name: str, text: str) -> object:
        if name in _TEXT:
            return text
        if name in _FLAGS:
            if text.lower() not in _WORDS:
                raise self.error(line, f"{text!r} is wrong: should be true or false", name)
            return _WORDS[text.lower()]
        return self.whole(line, name, text)

    def whole(self, line: int, name: str, text: str) -> int:
        if not text.isdecimal():
            raise self.error(line, f"{text!r} is wrong: should be a whole number of at least 0", name)
        return int(text)

    def time(self, line: int, name: str, text: str, word: str) -> float:
        if not text:
            raise self.error(line, f"the time of {word} is missing", name)
        try:
            value = float(text)
        except ValueError:
            raise self.error(line, f"{text!r} is wrong: should be a number of milliseconds", name) from None
        if not math.isfinite(value) or value < 0:
            raise self.error(line, f"{text} for {word} is wrong: should be finite and at least 0", name)
        return value * self.factor


def read_csv_table(path: Path, space: Space, *, resolutions: Sequence[int] = (), unit: TimeUnit = "ms") -> CsvTable:
    """Read a lookup table that was measured elsewhere.

    Parameters
    ----------
    path
        A CSV file with a header; the columns may stand in any order.
    space, resolutions
        The table must have every operator that the space needs at these resolutions; further rows are ignored.
    unit
        In which the file gives times, whatever its columns are called.

    Raises
    ------
    UnknownNameError
        If there is no such file.
    DefinitionError
        With file and line: a column is missing or unknown, a value is wrong, a time is negative or missing, an operator
        stands there twice.
    DataError
        If the file is no text, or operators are missing.
    """
    if not path.is_file():
        near = sorted(p.name for p in path.parent.glob("*.csv")) if path.parent.is_dir() else []
        raise UnknownNameError(f"there is no file {str(path)!r}; {one_of(path.name, near)}")
    reader = _Reader(path, unit)
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            rows = csv.DictReader(handle, strict=True)
            reader.check_header(list(rows.fieldnames or ()))
            for row in rows:
                reader.row(rows.line_num, row)
    except UnicodeDecodeError as failure:
        raise DataError(f"{path} is not UTF-8 text: {failure.reason} at byte {failure.start}") from None
    except csv.Error as failure:
        raise DataError(f"{path} is no CSV file: {failure}") from None
    operators = table_operators(space, check_resolutions(space, resolutions))
    lacking = [op for op in operators if lookup_key(op) not in reader.entries]
    if lacking:
        named = "; ".join(op.describe() for op in lacking[:MAX_NAMED])
        more = f" and {len(lacking) - MAX_NAMED} more" if len(lacking) > MAX_NAMED else ""
        raise DataError(
            f"{path} lacks {len(lacking)} of the {len(operators)} operators that space {space.name!r} needs: "
            f"{named}{more}"
        )
    times = {op: reader.entries[lookup_key(op)] for op in operators}
    return CsvTable(times, len(reader.entries) - len(times))


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


def check_plausible(space: Space, times: Mapping[Operator, Median], *, believe: bool = False) -> float:
    """Check that times can be milliseconds, by the rate of multiply-adds that they mean.

    Parameters
    ----------
    believe
        Do not check: the user has said the unit.

    Returns
    -------
    The mean latency of a random network at the space's own resolution, ms.

    Raises
    ------
    OptionError
        If the rate is out of any device's reach: the times are in another unit, which one most likely.
    """
    by_key = {lookup_key(op): time.value for op, time in times.items()}
    sums = CompiledSum(
        space, [factorize(space, lambda op: by_key.get(lookup_key(op), 0.0)), factorize(space, lambda op: op.macs)]
    )
    mean_ms, macs = sums(draw_archs(space, 1000, np.random.default_rng(0))).mean(axis=1)
    rate = macs / max(mean_ms, 1e-12)
    looks = "s" if rate > FASTEST_MACS_PER_MS else "us" if rate < SLOWEST_MACS_PER_MS else ""
    if looks and not believe:
        likely = "seconds" if looks == "s" else "microseconds"
        raise OptionError(
            f"the times cannot be milliseconds: a random network of {space.name!r} would take {mean_ms:.3g} ms, "
            f"{rate * 1000:.2g} multiply-adds a second; if they are in {likely}, "
            f"say --time-unit {looks}; if they are right, say --time-unit ms"
        )
    return float(mean_ms)
