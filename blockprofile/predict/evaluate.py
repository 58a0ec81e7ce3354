"""Judging any predictor on any labelled table: figures, and where in the network its errors sit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import OptionError
from blockprofile.metric import parse_metric
from blockprofile.predict.labels import LabelTable
from blockprofile.predict.metrics import Fidelity, measure_fidelity
from blockprofile.predict.registry import Entry, build_predictor
from blockprofile.predict.repeats import pool_repeats
from blockprofile.space import INACTIVE, Archs, Space


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """Labels and predictions of the same archs, float64 of shape (n,), and how far they are apart.

    Where a table has several rows of an arch the label is their mean; ``spread`` is their standard deviation, NaN
    where there are none, and ``repeats`` says in words what was pooled.
    """

    archs: Archs
    labels: NDArray[np.float64]
    predictions: NDArray[np.float64]
    fidelity: Fidelity
    spread: float = float("nan")
    repeats: str = ""


def evaluate_predictor(
    entry: Entry, space: Space, table: LabelTable, *, column: str, rows: NDArray[np.int64] | None = None
) -> Evaluation:
    """Predict labelled archs and compare.

    Parameters
    ----------
    table
        Labelled archs; where it has resolutions, each row is predicted at its own.
    rows
        The rows to use; all if left out.

    Raises
    ------
    CoverageError
        If the predictor does not cover the space or one of the resolutions.
    DataError
        If the column is missing or not finite.
    OptionError
        If no arch is left.
    """
    pooled = pool_repeats(table if rows is None else table.take(rows), [column])
    archs, labels, n = pooled.table.archs, pooled.table.label(column), len(pooled.counts)
    if n < 1:
        raise OptionError("no arch is left to evaluate on; at least 1 is needed")
    known = pooled.table.resolutions
    resolutions = np.full(n, space.resolution) if known is None else known
    predictions = np.empty(n)
    for resolution in np.unique(resolutions):
        at = resolutions == resolution
        predictions[at] = build_predictor(entry, space.at_resolution(int(resolution))).predict(archs[at])
    direction = entry[0].direction or parse_metric(entry[0].metric).direction
    maximize = None if direction is None else direction == "max"
    fidelity = measure_fidelity(labels, predictions, maximize=maximize)
    return Evaluation(archs, labels, predictions, fidelity, pooled.spreads[column], pooled.describe(column))


def list_residuals(space: Space, evaluation: Evaluation) -> list[dict[str, Any]]:
    """Break the errors down by unit, layer and block.

    Returns
    -------
    One record for each block of each layer, in the order of the network, and for inactive layers: ``unit``,
    ``layer``, ``block``, ``n``, ``bias`` (mean of prediction minus label) and ``rmse``, NaN where no row has it.
    """
    residuals = evaluation.predictions - evaluation.labels
    records: list[dict[str, Any]] = []
    for slot in space.layer_slots:
        codes = evaluation.archs[:, slot.index]
        names: Sequence[tuple[int, str]] = [*enumerate(map(str, slot.choices)), (INACTIVE, "")]
        for code, name in names:
            part = residuals[codes == code]
            if code == INACTIVE and not len(part):
                continue
            mean, spread = (
                (float(part.mean()), float(np.sqrt(np.square(part).mean()))) if len(part) else (np.nan, np.nan)
            )
            records.append(
                {"unit": slot.unit, "layer": slot.place[1], "block": name, "n": len(part), "bias": mean, "rmse": spread}
            )
    return records
