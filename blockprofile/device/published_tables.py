"""The published lookup tables of the Note10 and the Pixel 1, brought into the project's own table format.

`data/lut/*.csv` keep the published columns; `predictors/note10` and `predictors/pixel1` hold what these
functions make of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from blockprofile.content import content_dir
from blockprofile.csvfile import read_csv
from blockprofile.errors import UnknownNameError, one_of
from blockprofile.predict import KEY_COLUMNS

if TYPE_CHECKING:
    import pandas as pd

_FIXED_OPS = {
    "stem_conv": ("conv", 3, 2),
    "head_expand": ("conv", 1, 1),
    "head_mix": ("conv", 1, 1),
    "global_pool": ("global_pool", 0, 1),
    "classifier": ("linear", 0, 1),
}


def _fixed_row(row: dict[str, Any], act: str) -> dict[str, Any]:
    op, kernel, stride = _FIXED_OPS[row["op"]]
    is_classifier = op == "linear"
    return {
        "op": op,
        "in_size": 1 if is_classifier else row["input_size"],
        "hidden_channels": 0,
        "kernel": kernel,
        "stride": stride,
        "se": False,
        "skip": False,
        "act": act if op == "conv" else "none",
    }


def _block_row(row: dict[str, Any], act: str) -> dict[str, Any]:
    hidden = row.get("hidden_channels") or round(row["in_channels"] * row["expansion_ratio"])
    return {
        "op": "mbconv",
        "in_size": row["input_size"],
        "hidden_channels": int(hidden),
        "kernel": int(row["kernel"]),
        "stride": int(row["stride"]),
        "se": bool(row.get("se", 0)),
        "skip": bool(row["skip"]),
        "act": act,
    }


def _note10_act(row: dict[str, Any]) -> str:
    return "hswish" if row["op"] != "mbconv" or row["hswish"] else "relu"


PUBLISHED_TABLES: dict[str, Callable[[dict[str, Any]], str]] = {"note10": _note10_act, "pixel1": lambda _: "relu6"}
"""The tables that can be converted, and how each tells an operator's activation."""


def convert_table(name: str) -> pd.DataFrame:
    """Convert a published table into rows of operators.

    Returns
    -------
    One row per operator: `blockprofile.predict.lookup.KEY_COLUMNS`, ``mean_ms``, ``spread_ms``, ``count``; and
    ``resolution`` where the table was measured once for each. The classifier and the layer after pooling are
    the same operators at every resolution, but were measured at each, and differ there by 0.01 ms.

    Raises
    ------
    UnknownNameError
        If ``name`` is not one of `PUBLISHED_TABLES`.
    """
    import pandas as pd

    if name not in PUBLISHED_TABLES:
        raise UnknownNameError(f"published table {name!r} is unknown; {one_of(name, PUBLISHED_TABLES)}")
    act_of = PUBLISHED_TABLES[name]
    source = pd.DataFrame(read_csv(content_dir("data") / "lut" / f"{name}.csv").columns()).apply(_typed)
    rows = []
    for record in source.to_dict("records"):
        row = {str(key): value for key, value in record.items()}
        make = _block_row if row["op"] == "mbconv" else _fixed_row
        common = {key: row[key] for key in ("in_channels", "out_channels", "mean_ms", "spread_ms", "count")}
        rows.append({**make(row, act_of(row)), "out_size": row["output_size"], **common})
    table = pd.DataFrame(rows)[[*KEY_COLUMNS, "mean_ms", "spread_ms", "count"]]
    if len(source["resolution"].unique()) > 1:
        table.insert(0, "resolution", source["resolution"])
    by_key = table.groupby([key for key in ("resolution", *KEY_COLUMNS) if key in table], sort=False, as_index=False)
    return by_key.agg({"mean_ms": "mean", "spread_ms": "mean", "count": "sum"})


def _typed(column: pd.Series[str]) -> pd.Series[Any]:
    import pandas as pd

    try:
        return pd.to_numeric(column)
    except ValueError:
        return column
