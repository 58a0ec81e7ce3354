"""Arm Vela's ``*_per-layer.csv``: what an Ethos NPU is estimated to take, in cycles.

Cycles become milliseconds by the NPU's clock, which the file does not say. What one operator of the model became (a
convolution, and its activation) stands in rows of one name, one after another.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from blockprofile.device.formats.trace import NodeTime, ProfileFile, Trace
from blockprofile.errors import OptionError
from blockprofile.numbers import read_number

SHAPE = "CSV with the columns `Name` and `Op Cycles`"

_CYCLES, _NAME = "Op Cycles", "Name"


def recognises(file: ProfileFile) -> bool:
    """Tell whether the file is one."""
    head = file.lines[0].split(",") if file.lines else []
    names = [name.strip() for name in head]
    return _CYCLES in names and (_NAME in names or names[0].lower().startswith("tflite_operator"))


def read(file: ProfileFile, *, clock_mhz: float | None = None) -> Trace:
    """Read the layers' cycles as times.

    Raises
    ------
    OptionError
        If the clock is not given.
    DataError
        If a row has other fields than the header, or its cycles are no number.
    """
    if clock_mhz is None:
        raise OptionError(f"{file.path} gives cycles; say the NPU's clock by --clock-mhz")
    header = [name.strip() for name in file.rows[0]]
    if _NAME not in header:
        raise file.error(f"the column {_NAME!r} is missing; it has {', '.join(header)}")
    nodes = []
    for number, row in enumerate(file.rows[1:], start=2):
        if row[:1] == header[:1]:
            raise file.error(f"line {number}: it holds two tables; give each model a file of its own")
        cells = dict(zip(header, row, strict=True))
        cycles = read_number(cells.get(_CYCLES, ""))
        if cycles is None or cycles < 0:
            raise file.error(f"line {number}: {_CYCLES} is {cells.get(_CYCLES, '')!r}; should be at least 0")
        nodes.append(NodeTime(cells[_NAME], cycles / (clock_mhz * 1000)))
    return Trace(file.path, tuple(_joined(name, group) for name, group in groupby(nodes, lambda node: node.name)), None)


def _joined(name: str, nodes: Iterable[NodeTime]) -> NodeTime:
    return NodeTime(name, sum(node.ms for node in nodes))
