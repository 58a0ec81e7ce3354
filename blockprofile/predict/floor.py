"""The floor under an effect: what a predictor's error on whole networks is for one layer.

One rule for every predictor, whether it was fitted, calibrated, measured or distilled (docs/calibration.md). Nothing is
read or written here.
"""

from __future__ import annotations

import math

from blockprofile.predict.card import LabelError
from blockprofile.space import Space

UNKNOWN_FLOOR = "unknown: not audited"

RMSE_BY_MAE = math.sqrt(math.pi / 2)
"""Root mean square by mean absolute error, for errors of a normal law."""


def effect_floor(error: float, *, label_error: float = 0.0, n_layers: float) -> float:
    """Turn errors of whole networks into that of one layer.

    Parameters
    ----------
    error
        RMSE of the predictor on whole networks that did not make it, in the metric's unit.
    label_error
        RMSE of the labels themselves against what they stand for; 0 where the labels are the measurements.
    n_layers
        How many layers those networks have, on average.

    Notes
    -----
    Networks differ in all of their layers, whose errors are taken as independent; so are the errors of predictor and
    labels: sqrt(error^2 + label_error^2) / sqrt(n_layers).

    Examples
    --------
    >>> effect_floor(3.0, label_error=4.0, n_layers=25)
    1.0
    """
    return math.hypot(error, label_error) / math.sqrt(n_layers)


def label_rmse(about: LabelError | None) -> float:
    """Return the labels' own RMSE: as given, or from their MAE as if errors were normal; 0 where nothing is known.

    Examples
    --------
    >>> label_rmse(LabelError(mae=0.8)).__round__(4), label_rmse(None)
    (1.0027, 0.0)
    """
    if about is None:
        return 0.0
    return about.rmse if about.rmse is not None else (about.mae or 0.0) * RMSE_BY_MAE


def mean_layers(space: Space) -> float:
    """Return how many layers an arch of the whole space has on average under the papers' law.

    Examples
    --------
    >>> from blockprofile.space import load_space
    >>> mean_layers(load_space("ofa_mbv3")), mean_layers(load_space("moga"))
    (15.0, 14.0)
    """
    base = space.base
    depths = (base.unit_depths(unit.unit) for unit in base.units)
    return float(sum(sum(each) / len(each) for each in depths))


def tell_floor(floor: float | None, unit: str) -> str:
    """Say a floor in words, or that it is unknown.

    Examples
    --------
    >>> tell_floor(0.05, "ms"), tell_floor(None, "ms")
    ('0.05 ms', 'unknown: not audited')
    """
    return UNKNOWN_FLOOR if floor is None else f"{floor:.3g} {unit}".strip()
