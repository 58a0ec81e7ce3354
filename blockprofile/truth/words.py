"""Tables and sentences that the pages of all judgements share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from blockprofile.predict import Card

Row = Mapping[str, Any]


def markdown_table(rows: Sequence[Mapping[str, object]]) -> str:
    """Write rows as a table.

    Examples
    --------
    >>> print(markdown_table([{"a": 1, "b": "x"}]))
    | a | b |
    |---|---|
    | 1 | x |
    """
    head = list(rows[0]) if rows else []
    lines = [head, ["---"] * len(head), *([str(row[name]) for name in head] for row in rows)]
    text = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join([text[0], text[1].replace(" ", ""), *text[2:]]) if rows else ""


def share(value: float, error: float | None = None) -> str:
    """Write a share in per cent, with the half-width of its 95 % interval.

    Examples
    --------
    >>> share(0.5, 0.05), share(0.98765)
    ('50 ± 10 %', '99 %')
    """
    digits = 0 if value > 0.1 else 1
    told = f"{100 * value:.{digits}f}"
    return f"{told} %" if error is None else f"{told} ± {196 * error:.{digits}f} %"


def share_of(value: float, n: int) -> str:
    """Write how often of ``n`` times something held, with the 95 % interval of Wilson, which is never of width 0.

    Examples
    --------
    >>> share_of(1.0, 50), share_of(0.5, 20)
    ('100 % (93 to 100)', '50 % (30 to 70)')
    """
    from scipy.stats import binomtest

    found = binomtest(round(value * n), n).proportion_ci(method="wilson")
    return f"{100 * value:.0f} % ({100 * found.low:.0f} to {100 * found.high:.0f})"


def fit_rows(rows: Sequence[Row]) -> list[dict[str, object]]:
    """Lay out how fitted labels rank and foretell archs that were not labelled."""
    return [
        {
            "labels": row["n"], "fitted": row["by"], "Kendall's tau": f"{row['tau']:.3f} ± {1.96 * row['tau_se']:.3f}",
            "explained": share(row["explained"]), "RMSE": f"{row['rmse']:.3f}",
            "95 % intervals that hold": share(row["covered"], row["covered_se"]),
        }
        for row in rows
    ]  # fmt: skip


def unlabelled_rows(rows: Sequence[Row]) -> list[dict[str, object]]:
    """Lay out how archs are ranked by what takes no label."""
    return [
        {
            "ranked by": row["by"], "archs": f"{row['archs']:,}",
            "Kendall's tau": f"{row['tau']:.3f} ({row['low']:.3f} to {row['high']:.3f})",
            "among the best quarter": f"{row['best']:.3f}",
        }
        for row in rows
    ]  # fmt: skip


def scores_words(rows: Sequence[Row]) -> str:
    """Say whether a zero-cost score ranks better than the better of multiply-adds and parameters, beyond doubt."""
    counted = max((row for row in rows if row["by"] in {"macs_m", "params_m"}), key=lambda row: float(row["tau"]))
    scores = [row for row in rows if row["by"] not in {"macs_m", "params_m"}]
    better = [row["by"] for row in scores if row["low"] > counted["high"]]
    worse = [row["by"] for row in scores if row["high"] < counted["low"]]
    told = f"Against {counted['by']}, the better of the counted costs (tau {counted['tau']:.2f}): "
    parts = [(better, "better beyond doubt"), (worse, "worse beyond doubt")]
    rest = [row["by"] for row in scores if row["by"] not in {*better, *worse}]
    return (
        told + "; ".join(f"{', '.join(names)} {what}" for names, what in [*parts, (rest, "undecided")] if names) + "."
    )


def plan_rows(rows: Sequence[Row]) -> list[dict[str, object]]:
    """Lay out what planned labels are worth beside drawn ones."""
    return [
        {
            "labels": row["n"], "effects": {"M_b": "M_b", "M_ulb": "M_(u,l,b)"}[row["statistic"]],
            **{name: "" if row[name] is None else f"{row[name]:.4f}" for name in ("drawn", "planned")},
            "times": "" if row["factor"] is None else f"{row['factor']:.2f} ± {1.96 * row['factor_se']:.2f}",
            "repetitions": f"{row['repetitions']} of {row['tried']}",
        }
        for row in rows
    ]  # fmt: skip


def told_source(card: Card) -> dict[str, object]:
    """Keep what a card says of where its figures come from."""
    return {"title": card.title, "sources": list(card.sources), "licence": card.licence}


def source_words(source: Row) -> str:
    """Say where the truth comes from."""
    licence = f"; {source['licence']}" if source["licence"] else ""
    return f"The truth: {source['title']} ({', '.join(source['sources'])}{licence})."
