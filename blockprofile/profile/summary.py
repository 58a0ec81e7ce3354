"""What a profile says in a few lines: the blocks ranked by their response, metric by metric."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["block_summary", "strongest_layers"]

Row = dict[str, Any]


def block_summary(table: pd.DataFrame) -> list[Row]:
    """Put the M_b of all metrics side by side, one row per block, each with its interval's half width.

    Returns
    -------
    Rows ready to be printed; an effect that is below its floor is in parentheses.
    """
    rows: dict[str, Row] = {}
    chosen = table[table["statistic"] == "M_b"]
    for record in chosen.to_dict("records"):
        row = rows.setdefault(record["block"], {"block": record["block"]})
        half = (record["ci_high"] - record["ci_low"]) / 2
        told = f"{record['effect']:+.3f} ±{half:.3f}"
        row[f"{record['metric']} [{record['unit_of']}]"] = told if record["is_effect"] else f"({told})"
    return list(rows.values())


def strongest_layers(table: pd.DataFrame, *, count: int = 3) -> list[str]:
    """Say for each metric which (unit, layer, block) raise and lower it most, in sentences."""
    sentences = []
    chosen = table[(table["statistic"] == "M_ulb") & table["is_effect"]]
    for metric, part in chosen.groupby("metric", sort=False):
        ordered = part.sort_values("effect")
        most = [_word(record) for record in ordered.tail(count).iloc[::-1].to_dict("records")]
        least = [_word(record) for record in ordered.head(count).to_dict("records")]
        sentences.append(f"{metric}: most raised by {', '.join(most)}; most lowered by {', '.join(least)}")
    return sentences


def _word(record: dict[Any, Any]) -> str:
    return (
        f"{record['block']} at unit {record['u']} layer {record['layer']} ({record['effect']:+.3g} {record['unit_of']})"
    )
