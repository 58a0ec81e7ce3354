"""Corrections of a biased sum, fitted to whole networks and judged by cross-validation.

Nested models of few parameters: nothing; an offset; an offset and an overhead per operator; an offset and a scale.
The one of least cross-validated error is offered, the simpler one where two are as good.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float64]
MODELS = ("none", "offset", "offset and overhead per operator", "offset and scale")
GAIN = 0.02
"""Share by which a larger model must lower the cross-validated error to be preferred."""


@dataclass(frozen=True, slots=True)
class Repair:
    """A correction: ``scale * sum + per_operator_ms * operators + offset_ms``, and its errors.

    ``cv_rmse_ms`` is the root mean square over networks each left out of its own fit; ``rmse_ms`` that of the fit.
    """

    model: str
    offset_ms: float
    per_operator_ms: float
    scale: float
    rmse_ms: float
    cv_rmse_ms: float

    def apply(self, predicted: Column, n_operators: Column) -> Column:
        """Correct predicted sums."""
        return self.scale * predicted + self.per_operator_ms * n_operators + self.offset_ms


def _fit(model: str, predicted: Column, n_operators: Column, measured: Column) -> Repair | None:
    """Fit one model to measured - predicted; None where its parameters cannot be told apart.

    Notes
    -----
    Least squares by statsmodels; what each network lacks when it is left out (PRESS) chooses among models.
    """
    ones = np.ones_like(predicted)
    columns: dict[str, list[Column]] = {
        "none": [],
        "offset": [ones],
        "offset and overhead per operator": [ones, n_operators],
        "offset and scale": [ones, predicted],
    }
    gap = measured - predicted
    design = np.stack(columns[model], axis=1) if columns[model] else np.zeros((len(gap), 0))
    if design.shape[1] and (np.linalg.matrix_rank(design) < design.shape[1] or len(gap) <= design.shape[1] + 1):
        return None
    weights, left, held_out = np.zeros(0), gap, gap
    if design.shape[1]:
        from statsmodels.regression.linear_model import OLS

        found = OLS(gap, design).fit()
        weights, left, held_out = found.params, found.resid, found.get_influence().resid_press
    values = dict(zip(("offset_ms", "second"), map(float, weights), strict=False))
    second = values.get("second", 0.0)
    return Repair(
        model,
        values.get("offset_ms", 0.0),
        second if "operator" in model else 0.0,
        1.0 + second if "scale" in model else 1.0,
        float(np.sqrt(np.mean(left**2))),
        float(np.sqrt(np.mean(held_out**2))),
    )


def fit_repairs(predicted: Column, n_operators: Column, measured: Column) -> tuple[Repair, ...]:
    """Fit every model that can be fitted.

    Parameters
    ----------
    predicted, measured
        Sum of the table and measured latency of each network, float64, ms.
    n_operators
        Operators of each network.

    Returns
    -------
    In the order of `MODELS`; a model is left out where its parameters cannot be told apart (an overhead per operator,
    where all networks have as many).
    """
    columns = [np.asarray(values, np.float64) for values in (predicted, n_operators, measured)]
    fitted = (_fit(model, *columns) for model in MODELS)
    return tuple(repair for repair in fitted if repair is not None)


def choose_repair(repairs: Sequence[Repair]) -> Repair:
    """Choose the repair of least cross-validated error, a simpler one unless the gain is more than `GAIN`."""
    best = repairs[0]
    for repair in repairs[1:]:
        if repair.cv_rmse_ms < (1 - GAIN) * best.cv_rmse_ms:
            best = repair
    return best
