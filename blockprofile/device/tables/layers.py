"""Tables by layer, CSV of ``unit, layer, block, ms``: what a block adds at a layer of a space, beside a base.

So are published cost models that know layers alone, such as TuNAS's; `data/lut` has some. ``unit`` 0, ``layer`` 0 is
the base; ``unit`` 0 at a later layer is what a fixed operator behind the stem's first adds, its block named by its
kernel (``k3``). A column ``device`` tells several tables apart. Where ``skip`` has a term, it is what leaving the layer
out adds, and goes to the base; so does what would make the least block's term negative.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from blockprofile.csvfile import CsvFile, Row, read_csv
from blockprofile.device.formats import ProfileFile
from blockprofile.device.layer_tables import place_terms
from blockprofile.device.operator_table import OperatorTable
from blockprofile.errors import DataError, OptionError, one_of
from blockprofile.metric import LATENCY
from blockprofile.space import Space

NOTE = (
    "Stem and head have no times of their own: they stand in the offset. The file says no shapes: that it is of this "
    "space is believed."
)
_COLUMNS = {"unit", "layer", "block", "ms"}


def recognises(file: ProfileFile) -> bool:
    """Tell whether the file is one."""
    header = {name.strip() for name in file.lines[0].split(",")} if file.lines else set()
    return header >= _COLUMNS and header <= _COLUMNS | {"device"}


def _place(row: Row) -> tuple[int, int]:
    values = [row[name] for name in ("unit", "layer")]
    if not all(value.isascii() and value.isdecimal() for value in values):
        raise row.error("unit", f"{values[0]!r}, layer {values[1]!r} is wrong: both should be whole numbers")
    return int(values[0]), int(values[1])


def _terms(path: Path, file: CsvFile, column: str) -> dict[tuple[int, int], dict[str, float]]:
    """Read the terms of one device: (unit, layer) -> block -> ms."""
    devices = dict.fromkeys(file.columns().get("device", []))
    name = column or (next(iter(devices)) if len(devices) == 1 else "")
    if devices and name not in devices:
        told = f"has no device {name!r}" if name else f"holds {len(devices)} devices: name one by --column"
        raise OptionError(f"{path} {told}; {one_of(name, list(devices))}")
    if not devices and column:
        raise OptionError(f"--column {column!r} has no effect here: {path} has no column 'device'")
    terms: dict[tuple[int, int], dict[str, float]] = {}
    for row in file.rows():
        if not devices or row["device"] == name:
            blocks = terms.setdefault(_place(row), {})
            if row["block"] in blocks:
                raise row.error(
                    "block", f"{row['block']!r} at unit {row['unit']} layer {row['layer']} stands there twice"
                )
            blocks[row["block"]] = row.number("ms")
    return terms


def _fixed(path: Path, space: Space, layer: int, blocks: Mapping[str, float]) -> float:
    """Return what the stem's operator of this index adds: the term that is named by its kernel."""
    stem = space.definition.stem
    name = f"k{stem[layer].kernel}" if layer < len(stem) else ""
    if name not in blocks:
        raise DataError(
            f"{path}: unit 0 layer {layer} has terms of {', '.join(blocks)}; space {space.base.name!r} has "
            f"{name or 'no such operator'} there"
        )
    return blocks[name]


def read_layers(path: Path, space: Space, column: str, metric: str) -> OperatorTable:
    """Read a table by layer into one by operator; layers of one shape have their mean.

    Raises
    ------
    DataError, DefinitionError
        If the file is no such table, or lacks a block that the space has at a layer.
    OptionError
        If it holds several devices, and not one of them is named, or anything but latencies is asked for.
    """
    if metric != LATENCY:
        raise OptionError(f"{path} is a table of the format 'layers', which gives times, not {metric}")
    file = read_csv(path)
    odd = [name for name in sorted(_COLUMNS) if name not in file.header]
    odd += [name for name in file.header if name not in {*_COLUMNS, "device"}]
    if odd:
        told = "unknown" if odd[0] in file.header else "missing"
        raise DataError(f"{path}: the column {odd[0]!r} is {told}; a table by layer has unit, layer, block, ms, device")
    terms = _terms(path, file, column)
    offset = 0.0
    for unit, layer in [place for place in terms if place[0] == 0]:
        blocks = terms.pop((unit, layer))
        offset += sum(blocks.values()) if layer == 0 else _fixed(path, space, layer, blocks)
    for blocks in terms.values():
        nothing = blocks.pop("skip", min(0.0, *blocks.values()))
        offset += nothing
        blocks.update({block: value - nothing for block, value in blocks.items()})
    times, unused = place_terms(space, terms, path=path)
    return OperatorTable(times, unused, offset_ms=offset)
