"""How good predictions are: R2, MAE, RMSE, Kendall tau, and the error among the best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

BEST_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class Fidelity:
    """How far predictions are from labels, in the labels' unit.

    ``kendall_tau`` is tau-b, with ties corrected for. ``best_percentile_mae`` is the MAE over the 1 % of rows
    (one row at least) whose labels are best. ``r2`` and ``kendall_tau`` are NaN where all labels are equal,
    ``best_percentile_mae`` where it is not known which are best.
    """

    n: int
    r2: float
    mae: float
    rmse: float
    bias: float
    kendall_tau: float
    best_percentile_mae: float


def measure_fidelity(labels: ArrayLike, predictions: ArrayLike, *, maximize: bool | None = True) -> Fidelity:
    """Compare predictions with labels.

    Parameters
    ----------
    labels, predictions
        Shape (n,), n at least 1, finite. Where all labels are equal, R2 and Kendall's tau are NaN.
    maximize
        Whether the best labels are the largest; None where that is not known, and the best rows are not judged.

    Raises
    ------
    ValueError
        If the shapes differ, there are no row, or a value is not finite.

    Examples
    --------
    >>> found = measure_fidelity([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 5.0])
    >>> found.r2, found.mae, found.kendall_tau, found.best_percentile_mae
    (0.8, 0.25, 1.0, 1.0)
    """
    from scipy.stats import kendalltau

    y, p = np.asarray(labels, np.float64), np.asarray(predictions, np.float64)
    if y.shape != p.shape or y.ndim != 1:
        raise ValueError(f"labels and predictions must have one shape (n,); got {y.shape} and {p.shape}")
    if len(y) < 1:
        raise ValueError("at least one row is needed")
    if not (np.isfinite(y).all() and np.isfinite(p).all()):
        raise ValueError("labels and predictions must be finite")
    errors = p - y
    spread = float(np.square(y - y.mean()).sum())
    varies = bool(np.ptp(y) > 0)
    n_best = 0 if maximize is None else max(1, round(BEST_SHARE * len(y)))
    best = np.argsort(-y if maximize else y, kind="stable")[:n_best]
    tau = float(kendalltau(y, p).statistic) if varies else float("nan")
    return Fidelity(
        n=len(y),
        r2=1 - float(np.square(errors).sum()) / spread if varies else float("nan"),
        mae=float(np.abs(errors).mean()),
        rmse=float(np.sqrt(np.square(errors).mean())),
        bias=float(errors.mean()),
        kendall_tau=tau,
        best_percentile_mae=float(np.abs(errors[best]).mean()) if n_best else float("nan"),
    )
