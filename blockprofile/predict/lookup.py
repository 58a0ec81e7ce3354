"""Measured lookup tables: a network's latency is the sum of its operators' entries.

The table is `table.parquet` in the predictor's folder, one row per operator, with the columns of `KEY_COLUMNS`
and ``mean_ms``; ``spread_ms`` (standard deviation) and ``count`` (measurements) are kept for the reader. What a network
costs beside its operators stands in the card's parameters, as a `Correction`. An energy's columns and parameters end in
``mj`` instead.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from blockprofile.errors import CoverageError, DataError, DefinitionError, one_of
from blockprofile.metric import LATENCY, parse_metric
from blockprofile.predict.base import AdditivePredictor
from blockprofile.predict.card import CARD_NAME, TABLE_NAME, Card
from blockprofile.space import Operator, Space, distinct_operators
from blockprofile.tablefile import Column, read_columns

KEY_COLUMNS = (
    "op", "in_size", "out_size", "in_channels", "out_channels", "hidden_channels", "kernel", "stride",
    "se", "skip", "act",
)  # fmt: skip
MAX_NAMED = 4

_KINDS = {"op": Column("text"), "se": Column("flag"), "skip": Column("flag"), "act": Column("text")}
_COLUMNS = {name: _KINDS.get(name, Column("integer", low=0)) for name in KEY_COLUMNS} | {
    "resolution": Column("integer", low=1, is_optional=True),
}

LookupKey = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """How a network's latency follows from its operators' entries.

    It is ``call_ms + offset_ms`` once, and ``scale * entry + per_operator_ms`` for every operator. ``call_ms`` is
    measured beside the table; the others are fitted to whole networks, and do nothing by default. All are in the
    unit of the table's metric.
    """

    call_ms: float = 0.0
    offset_ms: float = 0.0
    per_operator_ms: float = 0.0
    scale: float = 1.0


def lookup_key(op: Operator) -> LookupKey:
    """Return the operator's key in a lookup table, in the order of `KEY_COLUMNS`.

    The first is its kind, which says what the other columns do not: groups, pooled shortcuts and the like.

    Examples
    --------
    >>> from blockprofile.space import Operator
    >>> lookup_key(Operator(op="global_pool", in_size=7, out_size=1, in_channels=960, out_channels=960))
    ('global_pool', 7, 1, 960, 960, 0, 0, 1, False, False, 'none')
    """
    return (
        op.kind, op.in_size, op.out_size, op.in_channels, op.out_channels, op.hidden_channels, op.kernel, op.stride,
        op.se_channels > 0, op.skip, op.act,
    )  # fmt: skip


def value_column(metric: str) -> str:
    """Name the column of a lookup table that holds what an operator costs.

    Examples
    --------
    >>> value_column("latency_ms:phone"), value_column("energy_mj")
    ('mean_ms', 'mean_mj')
    """
    return f"mean_{parse_metric(metric).ending}"


def read_table(path: Path, *, resolution: int | None = None, metric: str = LATENCY) -> dict[LookupKey, float]:
    """Read a lookup table.

    Parameters
    ----------
    resolution
        In pixels; of a table with a column ``resolution``, only the rows at this one are read.
    metric
        Of what: the column is named after its unit.

    Returns
    -------
    Key -> mean, in the metric's unit.

    Raises
    ------
    DataError
        If the file is unreadable, lacks a column, holds a key twice, or a time that is not positive and finite.
    """
    if not path.is_file():
        raise DataError(f"{path} is missing, which its device needs")
    value = value_column(metric)
    table = read_columns(path, {**_COLUMNS, value: Column("number", low=0)})
    sizes = table["resolution"].to_pylist() if "resolution" in table.column_names else [resolution] * len(table)
    entries: dict[LookupKey, float] = {}
    for row, size in zip(table.select([*KEY_COLUMNS, value]).to_pylist(), sizes, strict=True):
        if resolution is not None and size != resolution:
            continue
        key = tuple(row[name] for name in KEY_COLUMNS)
        if key in entries:
            raise DataError(f"{path} holds the operator {_word(key)} twice")
        entries[key] = row[value]
    return entries


def _word(key: LookupKey) -> str:
    return ", ".join(f"{name}={value}" for name, value in zip(KEY_COLUMNS, key, strict=True))


def read_correction(card: Card, folder: Path) -> Correction:
    """Read the correction from the card's ``parameters.correction``; a card without one has none.

    Raises
    ------
    DefinitionError
        If a key is unknown or a value no finite number.
    """
    given, path = card.parameters.get("correction", {}), folder / CARD_NAME
    ending = parse_metric(card.metric).ending
    known = {item.name.replace("_ms", f"_{ending}"): item.name for item in fields(Correction)}
    if not isinstance(given, Mapping):
        raise DefinitionError(f"{given!r} is wrong: should be a mapping", path=path, key="parameters.correction")
    for name, value in given.items():
        key = f"parameters.correction.{name}"
        if name not in known:
            raise DefinitionError(f"unknown key {name!r}; {one_of(name, known)}", path=path, key=key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise DefinitionError(f"{value!r} is wrong: must be a finite number", path=path, key=key)
    return Correction(**{known[name]: value for name, value in given.items()})


def operator_latency(
    entries: Mapping[LookupKey, float],
    op: Operator,
    *,
    correction: Correction,
    free: frozenset[str] = frozenset(),
    metric: str = "",
) -> float:
    """Return what an operator adds to a network's latency or energy.

    A custom block of which the space states ``metric`` adds just that.

    Raises
    ------
    KeyError
        If the table lacks it, and its kind is not free.
    """
    key, stated = lookup_key(op), dict(op.costs).get(metric)
    if stated is not None:
        return stated
    if op.op in free and key not in entries:
        return 0.0
    return correction.scale * entries[key] + correction.per_operator_ms


def build_lookup(card: Card, folder: Path, space: Space) -> AdditivePredictor:
    """Make the predictor of a lookup table.

    Operators of the kinds in the card's ``parameters.free`` cost nothing where the table does not list them
    (a table that was measured without pooling, say).

    Raises
    ------
    CoverageError
        If the table lacks an operator that the space needs: which, for which space, and what the table has.
    DataError
        If the table is unreadable or wrong, or the card's correction is.
    """
    entries, free = check_lookup(card, folder, space)
    correction = read_correction(card, folder)
    return AdditivePredictor.over_operators(
        card,
        space,
        lambda op: operator_latency(entries, op, correction=correction, free=free, metric=card.metric),
        once=correction.call_ms + correction.offset_ms,
    )


def check_lookup(card: Card, folder: Path, space: Space) -> tuple[dict[LookupKey, float], frozenset[str]]:
    """Read a lookup table and check that it has all operators of a space.

    Returns
    -------
    The table, and the kinds that cost nothing where it does not list them.

    Raises
    ------
    CoverageError, DataError
        As `build_lookup`.
    """
    entries = read_table(folder / TABLE_NAME, resolution=space.resolution, metric=card.metric)
    free = frozenset(str(name) for name in card.parameters.get("free", ()))
    _check_coverage(card, entries, free, space)
    return entries, free


def _check_coverage(card: Card, entries: Mapping[LookupKey, float], free: frozenset[str], space: Space) -> None:
    operators = distinct_operators(space)
    lacking = [
        op
        for op in operators
        if op.op not in free and lookup_key(op) not in entries and card.metric not in dict(op.costs)
    ]
    if not lacking:
        return
    lacking.sort(key=lambda op: op.op != "custom")
    named = "; ".join(op.describe() for op in lacking[:MAX_NAMED])
    hint = f" (a custom block can state {card.metric} among its costs)" if lacking[0].op == "custom" else ""
    more = f" and {len(lacking) - MAX_NAMED} more" if len(lacking) > MAX_NAMED else ""
    sizes = sorted({key[1] for key in entries if key[0] in {"mbconv", "bottleneck"}})
    raise CoverageError(
        f"the table of {card.name!r} lacks {len(lacking)} of the {len(operators)} operators that space "
        f"{space.name!r} needs at resolution {space.resolution}: {named}{more}{hint}. It has {len(entries)} operators, "
        f"for {', '.join(card.spaces) or 'spaces not named on its card'}, with input sizes {sizes}"
    )
