"""Intervals, p-values and claims of a profile's effects: the one place where they are made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blockprofile.profile.quantiles import Z95

if TYPE_CHECKING:
    import pandas as pd

ALPHA = 0.05
ROUNDING = 1e-12

Doubles = NDArray[np.float64]


def control_discoveries(p_values: Doubles) -> Doubles:
    """Adjust p-values for their number, shape (n,).

    References
    ----------
    Benjamini and Hochberg, Journal of the Royal Statistical Society B 57, 1995. It is what scipy's
    ``false_discovery_control`` does, whose import takes longer than all of a profile's arithmetic.

    Examples
    --------
    >>> control_discoveries(np.array([0.04, 0.01, 0.9])).round(3).tolist()
    [0.06, 0.03, 0.9]
    """
    n, order = len(p_values), np.argsort(p_values)
    scaled = p_values[order] * (n / np.arange(1, n + 1))
    adjusted = np.empty(n)
    adjusted[order] = np.minimum.accumulate(scaled[::-1])[::-1]
    return np.clip(adjusted, 0, 1)


def with_inference(table: pd.DataFrame) -> pd.DataFrame:
    """Put intervals, p-values and claims to effects: the one place where that is done.

    Means come with ``se`` and ``freedom`` (Student's t), quantiles with the distances of their bounds and the p-value
    of their ranks. An error that is independent of the archs adds to ``se``, or to the distances as 1.96 times
    itself, in squares.
    """
    from scipy.special import ndtr, stdtr, stdtrit

    effect, value, se, freedom, below, above, p_rank = (
        table[name].to_numpy(np.float64) for name in ("effect", "value", "se", "freedom", "below", "above", "p_rank")
    )
    is_mean, is_rank = freedom > 0, np.isfinite(p_rank)
    student = np.where(is_mean, freedom, 1.0)
    half = np.where(is_mean, stdtrit(student, 0.975) * se, np.inf)
    table["ci_low"] = effect - np.where(is_rank, below, half)
    table["ci_high"] = effect + np.where(is_rank, above, half)
    # Where nothing varies the standard error is 0; what is left is the rounding of sums, which is no effect.
    with np.errstate(divide="ignore", invalid="ignore"):
        score = np.nan_to_num(np.abs(effect) / np.hypot(se, ROUNDING * np.abs(value)), posinf=np.inf)
        z = np.nan_to_num(Z95 * np.abs(effect) / np.where(effect > 0, below, above), posinf=np.inf)
    p_mean = np.where(is_mean, 2 * stdtr(student, -score), 1.0)
    p_value = np.where(is_rank, np.maximum(p_rank, 2 * ndtr(-z)), p_mean)
    table["p_value"] = np.where(np.isnan(effect), np.nan, np.minimum(p_value, 1.0))
    table["p_adjusted"] = np.nan
    for _, part in table[table["p_value"].notna()].groupby(["metric", "statistic"]):
        table.loc[part.index, "p_adjusted"] = control_discoveries(part["p_value"].to_numpy())
    table["is_effect"] = (table["p_adjusted"] < ALPHA) & (table["effect"].abs() > table["floor"].fillna(0.0))
    return table
