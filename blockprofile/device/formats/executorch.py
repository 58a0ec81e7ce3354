"""ExecuTorch's ``Inspector.to_dataframe().to_csv(...)``: a table of events, its unit in the columns' names."""

from __future__ import annotations

import re

from blockprofile.device.formats.trace import NodeTime, ProfileFile, Trace
from blockprofile.numbers import read_number

__all__ = ["SHAPE", "read", "recognises"]

SHAPE = "CSV with the columns `event_block_name` and `event_name`"

_MS = {"ms": 1.0, "us": 0.001, "s": 1000.0}
_COLUMN = re.compile(r"p50 \((\w+)\)$")
_WHERE = ("event_name", "delegate_debug_identifier", "module_hierarchy", "stack_traces")
"""Where a node's own name may stand."""


def recognises(file: ProfileFile) -> bool:
    """Tell whether the file is one."""
    return bool(file.lines) and {"event_block_name", "event_name"} <= set(file.lines[0].split(","))


def read(file: ProfileFile) -> Trace:
    """Read the medians of the operators' own events, those within a delegate in place of its call.

    Raises
    ------
    DataError
        If there is no column ``p50``, it is in cycles, or a time is no number.
    """
    header = file.rows[0]
    rows = [dict(zip(header, [*row, *[""] * len(header)], strict=False)) for row in file.rows[1:] if row]
    column = next((match for match in map(_COLUMN.match, header) if match), None)
    if column is None or column[1] not in _MS:
        raise file.error("it has no column 'p50 (ms)', 'p50 (us)' or 'p50 (s)'")
    executed = [row for row in rows if row["event_block_name"] == "Execute"]
    is_split = any(row.get("is_delegated_op") == "True" for row in executed)
    nodes, whole = [], None
    for row in executed:
        value = read_number(row[column[0]])
        if value is None or value < 0:
            raise file.error(f"{column[0]} of {row['event_name']!r} is {row[column[0]]!r}; should be at least 0")
        ms, event = value * _MS[column[1]], row["event_name"]
        if event == "Method::execute":
            if whole is not None:
                raise file.error("it holds several runs of a method; give each model a file of its own")
            whole = ms
        elif (
            event.startswith("native_call")
            or row.get("is_delegated_op") == "True"
            or (event == "DELEGATE_CALL" and not is_split)
        ):
            nodes.append(NodeTime(" ".join(row.get(name, "") for name in _WHERE), ms))
    return Trace(file.path, tuple(nodes), whole)
