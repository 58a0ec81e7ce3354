"""The YAML latency tables of Once-for-All and ProxylessNAS: by operator, ``{count, mean, std}`` or ``{..., var}``.

A name says the kind, the shapes and, of a block, expansion, kernel, stride and shortcut; in Once-for-All's the
expansion is the number of hidden channels, and gate and h-swish stand there too; in ProxylessNAS's it is the ratio, and
``Logits`` is all behind the last convolution. Once-for-All has a file for each resolution: several are read as one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from blockprofile.device.formats import ProfileFile, known_value
from blockprofile.device.median import Median
from blockprofile.device.tables.entries import NOTHING, Entries, check_times_only
from blockprofile.space import Operator
from blockprofile.yamlfile import read_yaml

NOTE = ""
_NAME = re.compile(r"^(?:expanded_conv|Conv(?:_[12])?|AvgPool2D|Logits)-input:\d+x\d+x\d+-output:", re.MULTILINE)
_KEYS = {"count", "mean", "std", "var"}


def recognises(file: ProfileFile) -> bool:
    """Tell whether the file is one."""
    return bool(_NAME.search(file.text))


def read(file: ProfileFile, column: str, metric: str) -> dict[str, Median]:
    """Read the table's entries.

    Raises
    ------
    DataError, DefinitionError
        If the file is no such table, or a value is no number of at least 0.
    OptionError
        As `check_times_only`.
    """
    check_times_only(file, column, metric, form="ofa")
    found = {}
    for name, entry in read_yaml(file.path).data.items():
        if not isinstance(entry, Mapping) or not {"count", "mean"} <= entry.keys() <= _KEYS:
            raise file.error(f"{name}: {entry!r} is wrong; should have count, mean, and std or var")
        values = {key: known_value(file, f"{key} of {name}", value) for key, value in entry.items()}
        spread = values.get("std", math.sqrt(values["var"]) if "var" in values else math.nan)
        found[str(name)] = Median(values["mean"], math.nan, spread, int(values["count"]))
    return found


def find(op: Operator, entries: Entries, around: Sequence[Operator]) -> Median | None:
    """Return an operator's time; `NOTHING` where it stands in another's, None where the table lacks it."""
    side, out = op.in_size, op.out_size
    shapes = f"input:{side}x{side}x{op.in_channels}-output:{out}x{out}x{op.out_channels}"
    if op.kind == "mbconv":
        same = f"kernel:{op.kernel}-stride:{op.stride}-idskip:{op.skip:d}"
        start = f"expanded_conv-{shapes}-expand:"
        gated = f"{start}{op.hidden_channels}-{same}-se:{bool(op.se_channels):d}-hs:{op.act == 'hswish':d}"
        plain = [f"{start}{op.hidden_channels // op.in_channels}-{same}"]
        exact = op.hidden_channels % op.in_channels == 0 and not op.se_channels
        return entries.mean([gated]) or (entries.mean(plain) if exact else None)
    if op.kind == "conv":
        kind = "Conv" if op.kernel > 1 else "Conv_1" if side > 1 else "Conv_2"
        return entries.mean([f"{kind}-{shapes}"])
    if op.kind == "global_pool":
        inside = entries.begins(f"Logits-input:{side}x{side}x{op.in_channels}-")
        return entries.mean([f"AvgPool2D-{shapes}"]) or (NOTHING if inside else None)
    if op.kind == "linear":
        sides = {1, *(pool.in_size for pool in around if pool.kind == "global_pool")}
        tail = f"x{op.in_channels}-output:{op.out_channels}"
        return entries.mean(f"Logits-input:{side}x{side}{tail}" for side in sorted(sides))
    return None
