"""ExecuTorch's ``Inspector.to_dataframe().to_csv(...)``: a table of events, its unit in the columns' names.

An event's place stands in ``module_hierarchy``, which is filled where the Inspector was given the program's ETRecord. A
delegate says what it runs as a whole; its own events have the names of its kernels, and count only where those have
places. Where no event has a place, the time of the whole is what the file says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from blockprofile.device.formats.trace import NodeTime, ProfileFile, Trace
from blockprofile.device.node_names import find_steps
from blockprofile.numbers import read_number

SHAPE = "CSV with the columns `event_block_name` and `event_name`"

_MS = {"ms": 1.0, "us": 0.001, "s": 1000.0}
_COLUMN = re.compile(r"p50 \((\w+)\)$")
_WHERE = ("event_name", "delegate_debug_identifier", "module_hierarchy")
"""Where a node's own name may stand."""
_PATH = re.compile(r"\('([^'.]+)', '")
"""A module's path in ``module_hierarchy``; those of its parts have a dot."""
_WHOLE, _DELEGATE, _KERNEL = "Method::execute", "DELEGATE_CALL", "native_call"

Row = Mapping[str, str]


def recognises(file: ProfileFile) -> bool:
    """Tell whether the file is one."""
    return bool(file.lines) and {"event_block_name", "event_name"} <= set(file.lines[0].split(","))


def read(file: ProfileFile) -> Trace:
    """Read the medians of kernels and delegates over all runs, those of one module summed.

    Raises
    ------
    DataError
        If there is no column ``p50``, it is in cycles, a time is no number, or there are several runs of a method, or
        none.
    """
    header = file.rows[0]
    rows = [dict(zip(header, row, strict=True)) for row in file.rows[1:]]
    column = next((match for match in map(_COLUMN.match, header) if match), None)
    if column is None or column[1] not in _MS:
        raise file.error("it has no column 'p50 (ms)', 'p50 (us)' or 'p50 (s)'")
    executed = [row for row in rows if row["event_block_name"] == "Execute"]
    times = [_MS[column[1]] * _time(file, row, column[0]) for row in executed]
    wholes = [number for number, row in enumerate(executed) if row["event_name"] == _WHOLE]
    if len(wholes) > 1:
        raise file.error("it holds several runs of a method; give each model a file of its own")
    if not wholes:
        raise file.error(f"it has no event {_WHOLE!r}, which comes last; the file is cut off")
    whole = wholes[0]
    is_split = any(row.get("is_delegated_op") == "True" and find_steps(_name(row)) for row in executed)
    nodes: dict[tuple[str, int], float] = {}
    for number, (row, ms) in enumerate(zip(executed, times, strict=True)):
        if _is_node(row, is_split=is_split):
            name = _name(row)
            key = (name, 0 if find_steps(name) else number)
            nodes[key] = nodes.get(key, 0.0) + ms
    named = any(find_steps(name) for name, _ in nodes)
    found = tuple(NodeTime(name, ms) for (name, _), ms in nodes.items()) if named else ()
    return Trace(file.path, found, times[whole], executed[whole].get("raw", "").count(",") + 1)


def _is_node(row: Row, *, is_split: bool) -> bool:
    """Tell the events that do not hold one another: kernels, and delegates or what they run, whichever has places."""
    if row["event_name"].startswith(_KERNEL):
        return True
    return row.get("is_delegated_op") == "True" if is_split else row["event_name"] == _DELEGATE


def _name(row: Row) -> str:
    """Name an event after the modules that it runs; after itself where they are not known."""
    paths = dict.fromkeys(_PATH.findall(row.get("module_hierarchy", "")))
    joined = " + ".join(paths)
    return joined if find_steps(joined) else " ".join(filter(None, (row.get(name, "") for name in _WHERE)))


def _time(file: ProfileFile, row: Row, column: str) -> float:
    value = read_number(row[column])
    if value is None or value < 0:
        raise file.error(f"{column} of {row['event_name']!r} is {row[column]!r}; should be at least 0")
    return value
