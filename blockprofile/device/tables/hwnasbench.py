"""HW-NAS-Bench's tables of the FBNet space, as JSON: ``{table: {name: value}}``, or one such table.

They are published in a pickle, which is not read. Where it is trusted, their own interface writes the JSON:

    python -c "import json; from hw_nas_bench_api import HWNASBenchAPI as H
    json.dump(H('HW-NAS-Bench-v1_0.pickle', 'fbnet').get_op_lookup_tables(), open('fbnet.json', 'w'), default=float)"
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from blockprofile.device.formats import ProfileFile
from blockprofile.device.median import Median
from blockprofile.device.tables.entries import Entries, known_value
from blockprofile.errors import OptionError, one_of
from blockprofile.space import Operator

__all__ = ["NOTE", "find", "read", "recognises"]

NOTE = "Layers that are left out keep no time of their own: a shortcut of equal shapes is no operator."
_HEADS = ("ConvBlock_H", "ConvNorm_H", "AvgP_H", "FC_Cin", "Skip_H")


def _is_table(data: Any) -> bool:
    return isinstance(data, dict) and bool(data) and all(name.startswith(_HEADS) for name in data)


def recognises(file: ProfileFile) -> bool:
    """Tell whether the file is one."""
    data = file.json
    return _is_table(data) or (isinstance(data, dict) and bool(data) and all(map(_is_table, data.values())))


def read(file: ProfileFile, column: str) -> dict[str, Median]:
    """Read a table's entries.

    Parameters
    ----------
    column
        The table's name, where the file has several.

    Raises
    ------
    OptionError
        If it is not said which of several is meant, or there is none of that name.
    DataError
        If a value is no number of at least 0.
    """
    tables: Mapping[str, Any] = {"": file.json} if _is_table(file.json) else file.json
    name = column or (next(iter(tables)) if len(tables) == 1 else "")
    if name not in tables:
        told = f"has no table {name!r}" if name else f"holds {len(tables)} tables: name one by --column"
        raise OptionError(f"{file.path} {told}; {one_of(name, [each for each in tables if each])}")
    nan = math.nan
    return {key: Median(known_value(file, key, value), nan, nan, 1) for key, value in tables[name].items()}


def find(op: Operator, entries: Entries, around: Sequence[Operator]) -> Median | None:
    """Return an operator's time; None where the table lacks it."""
    del around
    shape = f"_H{op.in_size}_W{op.in_size}_Cin{op.in_channels}_Cout{op.out_channels}"
    tail = f"kernel{op.kernel}_stride{op.stride}_group{op.groups}"
    if op.op == "mbconv" and op.hidden_channels % op.in_channels == 0 and not op.se_channels:
        return entries.mean([f"ConvBlock{shape}_exp{op.hidden_channels // op.in_channels}_{tail}"])
    if op.op == "conv":
        skipped = [f"Skip{shape}_stride{op.stride}"] if op.kernel == 1 else []
        return entries.mean([f"ConvNorm{shape}_{tail}"]) or entries.mean(skipped)
    if op.op == "global_pool":
        return entries.mean([f"AvgP{shape}_kernel{op.in_size}_stride1"])
    if op.op == "linear":
        return entries.mean([f"FC_Cin{op.in_channels}_Cout{op.out_channels}"])
    return None
