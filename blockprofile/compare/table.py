"""The table of a comparison: rows for people, one Parquet file for machines."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from blockprofile.compare.result import Comparison
from blockprofile.tablefile import write_table

if TYPE_CHECKING:
    import pandas as pd

COMPARISON_NAME = "comparison.parquet"


def comparison_frame(comparison: Comparison) -> pd.DataFrame:
    """Return one row per case and indicator.

    Returns
    -------
    Columns ``case``, ``indicator``, ``title``, ``unit``, ``is_more_better``, ``n``, ``mean``, ``original``,
    ``difference``, ``ci_low``, ``ci_high``, ``p_t``, ``p_adjusted`` (Holm), ``p_wilcoxon``, ``effect_size``,
    ``rank_biserial``, ``floor`` (what the predictors' own errors make of the figure; NaN where one of them is not
    known), ``verdict``, ``values`` (seed by seed). The original's own rows have no difference. Rows of the indicator
    ``sooner`` hold the factor by which the original's final hypervolume is reached sooner in ``mean``, its
    interval, the number of seeds that reach it in ``n``.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for indicator in comparison.indicators:
        common = {
            "indicator": indicator.name, "title": indicator.title, "unit": indicator.unit,
            "is_more_better": indicator.is_more_better,
        }  # fmt: skip
        own = indicator.values[0]
        known = own[np.isfinite(own)]
        mean = known.mean() if len(known) else math.nan
        rows.append({"case": comparison.cases[0].name, **common, "n": len(known), "mean": mean, "values": own})
        found = {v.case: v for v in comparison.verdicts if v.indicator.name == indicator.name}
        for place, case in enumerate(comparison.cases[1:], start=1):
            paired = found[case.name].paired
            rows.append(
                {
                    "case": case.name, **common, "n": paired.n, "mean": paired.ours, "original": paired.theirs,
                    "difference": paired.difference, "ci_low": paired.ci_low, "ci_high": paired.ci_high,
                    "p_t": paired.p_t, "p_adjusted": found[case.name].p_adjusted, "p_wilcoxon": paired.p_wilcoxon,
                    "effect_size": paired.effect_size, "rank_biserial": paired.rank_biserial,
                    "floor": math.nan if indicator.unaudited else indicator.floor, "verdict": found[case.name].words,
                    "values": indicator.values[place],
                }
            )  # fmt: skip
    for name, speed in comparison.sooner.items():
        rows.append(
            {
                "case": name, "indicator": "sooner", "title": "reaches the original's final hypervolume sooner",
                "unit": "times", "is_more_better": True, "n": speed.n_reached, "mean": speed.factor,
                "ci_low": speed.ci_low, "ci_high": speed.ci_high, "values": [speed.evaluations],
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def write_comparison(comparison: Comparison, path: Path, *, run: str) -> None:
    """Write the table as Parquet; seeds, budget, reference and the digest of the run stand in its metadata."""
    import pyarrow as pa

    frame = comparison_frame(comparison)
    frame["values"] = [[float(value) for value in values] for values in frame["values"]]
    about = {
        "run": run,
        "seeds": comparison.seeds,
        "budget": comparison.budget,
        "reference": dict(zip(comparison.problem.names, comparison.reference.tolist(), strict=True)),
    }
    write_table(path, pa.Table.from_pandas(frame, preserve_index=False), about=about, within=path.parent)


def comparison_rows(comparison: Comparison) -> list[dict[str, Any]]:
    """Return rows for people: one per indicator and case, with the difference, its interval and the verdict.

    What too few seeds tell, such as an interval of one, is left empty.
    """
    rows = []
    for verdict in comparison.verdicts:
        paired = verdict.paired
        interval = "" if math.isnan(paired.ci_low) else f" [{paired.ci_low:+.3g}, {paired.ci_high:+.3g}]"
        rows.append(
            {
                "indicator": verdict.indicator.title,
                "case": verdict.case,
                "original": None if math.isnan(paired.theirs) else paired.theirs,
                "mean": None if math.isnan(paired.ours) else paired.ours,
                "difference": _known(paired.difference, "+.3g") + interval,
                "p": _known(verdict.p_adjusted, ".2g"),
                "effect size": _known(paired.effect_size, "+.2g"),
                "floor": "unknown" if verdict.indicator.unaudited else f"{verdict.indicator.floor:.2g}",
                "verdict": verdict.words,
            }
        )
    return rows


def _known(value: float, form: str) -> str:
    return "" if math.isnan(value) else format(value, form)
