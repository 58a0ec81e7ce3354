"""Where an audit's errors come from: by unit, and by the number of layers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.device.audit import Audit
from blockprofile.predict import build_predictor, find_device
from blockprofile.space import Archs, CompiledSum, Space


def unit_rows(space: Space, device: str, audit: Audit) -> list[dict[str, Any]]:
    """Say how the errors go with each unit's part of the sum.

    Returns
    -------
    One row a unit: its mean part in ms, and ``slope``, by how many ms the prediction is too high for each further ms in
    that unit, from least squares over all units' parts at once; NaN where the networks are too few to tell.
    """
    predictor = build_predictor(find_device(device, space), space)
    parts = np.stack([_unit_part(space, predictor, audit.archs, unit) for unit in range(1, len(space.units) + 1)], 1)
    enough = len(parts) > parts.shape[1] + 2
    slopes = np.full(parts.shape[1], np.nan)
    if enough:
        from statsmodels.regression.linear_model import OLS

        centred = parts - parts.mean(0)
        slopes = OLS(audit.errors - audit.errors.mean(), centred).fit().params
    return [
        {"unit": unit, "mean_ms": float(part), "slope": float(slope)}
        for unit, part, slope in zip(range(1, parts.shape[1] + 1), parts.mean(0), slopes, strict=True)
    ]


def _unit_part(space: Space, predictor: Any, archs: Archs, unit: int) -> NDArray[np.float64]:
    layers = set(space.units[unit - 1].layers)
    factors = [factor for factor in predictor.factors if layers & set(factor.scope)]
    part: NDArray[np.float64] = CompiledSum(space, [factors])(archs)[0]
    return part


def depth_rows(space: Space, audit: Audit) -> list[dict[str, Any]]:
    """Group the errors by the number of active layers.

    Returns
    -------
    One row a number of layers: how many networks, mean error and RMSE in ms.
    """
    layers = space.depths(audit.archs).sum(axis=1)
    rows: list[dict[str, Any]] = []
    for depth in np.unique(layers):
        errors = audit.errors[layers == depth]
        rows.append(
            {
                "layers": int(depth),
                "n": len(errors),
                "mean_error_ms": float(errors.mean()),
                "rmse_ms": float(np.sqrt(np.mean(errors**2))),
            }
        )
    return rows
