"""LiteRT's (TF-Lite's) ``benchmark_model --enable_op_profiling=true``, as text or CSV: times in milliseconds."""

from __future__ import annotations

import re

from blockprofile.device.formats.trace import NodeTime, ProfileFile, Trace
from blockprofile.numbers import read_number

SHAPE = "benchmark_model's text with a table `Run Order`"

_RUNS = "Operator-wise Profiling Info for Regular Benchmark Runs"
_ORDER = re.compile(r"^=+ Run Order =+$")
_INDEX = re.compile(r":\d+$")
_WHOLE = re.compile(r"Inference \(avg\): ([0-9.e+]+)")
_TIMINGS = re.compile(r"Timings \(microseconds\): count=(\d+)(?:.* avg=([0-9.e+]+))?")


def recognises(file: ProfileFile) -> bool:
    """Tell whether the file is one."""
    return any(_ORDER.match(line.strip()) for line in file.lines)


def read(file: ProfileFile) -> Trace:
    """Read the table "Run Order" of the regular runs.

    Raises
    ------
    DataError
        If there are several such tables, one is cut off, a column is missing, or a time is no number.
    """
    starts = [number for number, line in enumerate(file.lines) if _RUNS in line]
    orders = [number for number, line in enumerate(file.lines) if _ORDER.match(line.strip())]
    tables = [next((n for n in orders if n > start), -1) for start in starts] or orders
    if len(tables) > 1:
        raise file.error(f"it holds {len(tables)} runs of benchmark_model; give each model a file of its own")
    if tables == [-1]:
        raise file.error("it has no table 'Run Order' of the regular runs; add --enable_op_profiling=true")
    number = tables[0] + 1
    columns = [_plain(cell) for cell in _cells(file.lines[number])] if number < len(file.lines) else []
    for name in ("avg ms", "name"):
        if name not in columns:
            raise file.error(f"line {number + 1}: the column {name!r} is missing; it has {', '.join(columns)}")
    nodes = []
    for place, line in enumerate(file.lines[number + 1 :], start=number + 2):
        if not line.strip() or line.startswith("="):
            break
        cells = dict(zip(columns, _cells(line), strict=False))
        ms = read_number(cells.get("avg ms", ""))
        if ms is None or ms < 0 or "name" not in cells:
            raise file.error(f"line {place}: avg ms is {cells.get('avg ms', '')!r}; should be a number of at least 0")
        nodes.append(NodeTime(_INDEX.sub("", cells["name"]), ms))
    else:
        raise file.error("it ends within the table 'Run Order'; the file is cut off")
    rest = "\n".join(file.lines[number:])
    timings = _TIMINGS.search(rest)
    whole = _WHOLE.search(file.text)
    us = float(whole[1]) if whole else float(timings[2]) if timings and timings[2] else None
    return Trace(file.path, tuple(nodes), None if us is None else us / 1000, int(timings[1]) if timings else 0)


def _cells(line: str) -> list[str]:
    """Split a row: text has tabs, CSV a comma and a blank."""
    return [cell.strip() for cell in (line.split(", ") if ", " in line and "\t" not in line[:40] else line.split("\t"))
            if cell.strip()]  # fmt: skip


def _plain(cell: str) -> str:
    return cell.strip("[] ").lower().replace("_", " ")
