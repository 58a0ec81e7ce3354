"""OpenVINO's counters (``benchmark_app -report_type average_counters`` or ``detailed_counters``): times in ms."""

from __future__ import annotations

from blockprofile.device.formats.trace import NodeTime, ProfileFile, Trace
from blockprofile.numbers import read_number

SHAPE = "lines of counters under `layerName;execStatus;`"

_HEAD = "layerName;execStatus;"
_TIME = "realTime (ms)"


def recognises(file: ProfileFile) -> bool:
    """Tell whether the file is one."""
    return any(line.startswith(_HEAD) for line in file.lines)


def read(file: ProfileFile) -> Trace:
    """Read the layers' times; layers that were fused into others stand there with none.

    Raises
    ------
    DataError
        If the file holds several tables, a column is missing, or a time is no number.
    """
    heads = [number for number, line in enumerate(file.lines) if line.startswith(_HEAD)]
    if len(heads) > 1:
        told = "use -report_type average_counters, and give each model a file of its own"
        raise file.error(f"it holds {len(heads)} tables of counters; {told}")
    columns = [name.strip() for name in file.lines[heads[0]].split(";")]
    if _TIME not in columns:
        raise file.error(f"line {heads[0] + 1}: the column {_TIME!r} is missing; it has {', '.join(columns)}")
    nodes = []
    for number, line in enumerate(file.lines[heads[0] + 1 :], start=heads[0] + 2):
        cells = line.split(";")
        if not line.strip() or cells[0].lower() == "total":
            break
        text = cells[columns.index(_TIME)] if len(cells) > columns.index(_TIME) else ""
        ms = read_number(text)
        if ms is None or ms < 0:
            raise file.error(f"line {number}: {_TIME} is {text!r}; should be a number of at least 0")
        nodes.append(NodeTime(cells[0], ms))
    return Trace(file.path, tuple(nodes), None)
