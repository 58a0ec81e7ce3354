"""What held-out labels say of a predictor, as its card has it; judging a shipped predictor again without a fit."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.predict.card import LabelError
from blockprofile.predict.floor import effect_floor, label_rmse, mean_layers
from blockprofile.predict.laws import TableLaw, errors_by_law
from blockprofile.predict.metrics import Fidelity
from blockprofile.space import Archs, Space

DIGITS = 8


def judged_fields(
    space: Space,
    archs: Archs,
    errors: NDArray[np.float64],
    fidelity: Fidelity,
    *,
    law: TableLaw,
    label_error: LabelError | None,
) -> dict[str, Any]:
    """Make ``error`` and ``floor`` of a card from rows that were held out.

    Parameters
    ----------
    archs, errors
        The rows held out, and prediction less label of each.
    label_error
        The labels' own error, None where it is not known.

    Notes
    -----
    The floor takes the error under the papers' law where the law of the rows is known, since profiles draw by it.
    """
    by_law = errors_by_law(space, archs, errors, law=law)
    rmse = by_law["papers"]["rmse"] if "papers" in by_law else fidelity.rmse
    floor = effect_floor(rmse, label_error=label_rmse(label_error), n_layers=mean_layers(space))
    figures = {key: value for key, value in asdict(fidelity).items() if key not in {"n", "bias"} and np.isfinite(value)}
    error: dict[str, Any] = {"on": "archs of the same table, held out", "n": fidelity.n}
    error |= {key: _rounded(value) for key, value in figures.items()}
    if by_law:
        error["law"] = law
        error["by_law"] = {
            name: {"n": round(found["n"]), "mae": _rounded(found["mae"]), "rmse": _rounded(found["rmse"])}
            for name, found in by_law.items()
        }
    return {"floor": float(f"{floor:.4g}"), "error": error}


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
