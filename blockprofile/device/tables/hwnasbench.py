"""HW-NAS-Bench's tables of the FBNet space, as JSON: ``{table: {name: value}}``, or one such table.

They are published in a pickle, which is not read. Where it is trusted, their own interface writes the JSON:

    python -c "import json; from hw_nas_bench_api import HWNASBenchAPI as H
    json.dump(H('HW-NAS-Bench-v1_0.pickle', 'fbnet').get_op_lookup_tables(), open('fbnet.json', 'w'), default=float)"
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from blockprofile.device.formats import ProfileFile, known_value
from blockprofile.device.median import Median
from blockprofile.device.quantity import ENERGY
from blockprofile.device.tables.entries import Entries
from blockprofile.errors import OptionError, one_of
from blockprofile.metric import LATENCY
from blockprofile.space import Operator

NOTE = "Layers that are left out keep no time of their own: a shortcut of equal shapes is no operator."
_HOLDS = {"_energy": ENERGY, "_latency": LATENCY}
_HEADS = ("ConvBlock_H", "ConvNorm_H", "AvgP_H", "FC_Cin", "Skip_H")


def _tables(file: ProfileFile) -> dict[str, dict[str, Any]]:
    """Return the tables of a file by their names; one that stands alone has none. Empty where it is no such file."""
    data = file.json
    if not isinstance(data, dict) or not data:
        return {}
    if all(isinstance(each, dict) and each for each in data.values()):
        return data
    return {} if any(isinstance(each, dict) for each in data.values()) else {"": data}


def recognises(file: ProfileFile) -> bool:
    """Tell whether the file is one."""
    tables = _tables(file).values()
    return bool(tables) and all(name.startswith(_HEADS) for table in tables for name in table)


def read(file: ProfileFile, column: str, metric: str) -> dict[str, Median]:
    """Read a table's entries.

    Parameters
    ----------
    column
        The table's name, where the file has several.
    metric
        What it must hold, which its name tells where it has one.

    Raises
    ------
    OptionError
        If it is not said which of several is meant, there is none of that name, or it holds something else.
    DataError
        If a value is no number of at least 0.
    """
    tables = _tables(file)
    if not tables:
        raise file.error("it is no 'hwnasbench', which is a JSON object of tables, or of names and values")
    name = column or (next(iter(tables)) if len(tables) == 1 else "")
    if name not in tables:
        told = f"has no table {name!r}" if name else f"holds {len(tables)} tables: name one by --column"
        raise OptionError(f"{file.path} {told}; {one_of(name, [each for each in tables if each])}")
    holds = next((known for ending, known in _HOLDS.items() if name.endswith(ending)), metric)
    if holds != metric:
        raise OptionError(f"table {name!r} of {file.path} holds no {metric}; say --metric {holds}")
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
