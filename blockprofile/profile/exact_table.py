"""The exact responses of additive metrics as a table, in the columns of a sampled profile.

``n`` is 0 and ``se`` is 0: nothing was sampled. ``quantile_error`` is the bound of the quantiles' error, all others are
exact.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.additive import (
    TAUS,
    ExactProfile,
    Presence,
    QuantileResponses,
    exact_profile,
    exact_quantiles,
    place_weights,
)
from blockprofile.errors import CoverageError
from blockprofile.predict import AdditivePredictor, Predictor
from blockprofile.profile.contrasts import Site, depth_sites, make_contrasts, place_sites
from blockprofile.profile.corrected import PREDICTOR, TRUTH
from blockprofile.profile.inference import ROUNDING
from blockprofile.profile.responses import COLUMNS
from blockprofile.space import Law, Space

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, Any]

KEYS = ("statistic", "u", "layer", "block", "depth")
"""The columns that tell the mean responses of one metric apart."""


def additive_predictors(predictors: Sequence[Predictor]) -> tuple[AdditivePredictor, ...]:
    """Pick the predictors of additive metrics.

    Raises
    ------
    CoverageError
        If there is none.
    """
    found = tuple(predictor for predictor in predictors if isinstance(predictor, AdditivePredictor))
    if not found:
        names = ", ".join(predictor.metric for predictor in predictors)
        raise CoverageError(f"none of {names} adds up over operators, so there is no exact answer; sample instead")
    return found


def exact_table(
    space: Space,
    predictors: Sequence[AdditivePredictor],
    *,
    presence: Presence = "given",
    law: Law = "papers",
    taus: Sequence[float] = TAUS,
) -> pd.DataFrame:
    """Make the table of all exact responses.

    Parameters
    ----------
    predictors
        Of additive metrics.

    Returns
    -------
    One row per figure, columns as in `blockprofile.profile.responses`. ``is_effect`` holds where the effect is beyond
    the predictor's floor, and beyond what quantiles and sums are rounded by.

    Raises
    ------
    OptionError
        If the presence is unknown, a tau is not between 0 and 1, or factors couple too many slots.
    """
    import pandas as pd

    found = exact_profile(space, [predictor.factors for predictor in predictors], presence=presence, law=law)
    rows: list[Row] = []
    for index, predictor in enumerate(predictors):
        card = predictor.card
        common = {
            "metric": predictor.metric, "unit_of": predictor.unit, "provenance": card.provenance, "presence": presence,
            "floor": math.nan if card.floor is None else card.floor,
            "holds_for": TRUTH if card.provenance == "counted" else PREDICTOR,
        }  # fmt: skip
        rows += [{**common, **row} for row in _mean_rows(found, index)]
        if taus:
            quantiles = exact_quantiles(space, predictor.factors, taus=taus, presence=presence, law=law)
            rows += [{**common, **row} for row in _quantile_rows(quantiles)]
    table = pd.DataFrame(rows)
    table["n"] = 0
    table["se"], table["freedom"] = 0.0, math.inf
    table["ci_low"] = table["ci_high"] = table["effect"]
    table["p_value"] = table["p_adjusted"] = math.nan
    unsure = np.maximum(2 * table["quantile_error"].fillna(0.0), ROUNDING * table["value"].abs())
    table["is_effect"] = table["effect"].abs() > table["floor"].fillna(0.0) + unsure
    return table[list(COLUMNS)]


def mean_table(found: ExactProfile, metric: str) -> pd.DataFrame:
    """Make the exact means of one metric a table: ``metric``, `KEYS`, ``value``, ``effect``."""
    import pandas as pd

    return pd.DataFrame({"metric": metric, **row} for row in _mean_rows(found, 0))[["metric", *KEYS, "value", "effect"]]


def _row(statistic: str, value: float, effect: float = math.nan, **place: object) -> Row:
    blank = {"tau": math.nan, "u": 0, "layer": 0, "block": "", "depth": 0, "quantile_error": math.nan}
    return {"statistic": statistic, "value": float(value), "effect": float(effect), **blank, **place}


def _mean_rows(found: ExactProfile, index: int) -> Iterator[Row]:
    whole = found.mean[index]
    yield _row("mean", whole)
    cells = found.cell_mean[index]
    for place, value in zip(found.places, cells, strict=True):
        yield _row("M_ulb", value, value - whole, u=place.unit, layer=place.layer, block=place.block)
    for block, value, effect in zip(found.blocks, found.block_mean[index], _block_effects(found, index), strict=True):
        yield _row("M_b", value, effect, block=block)
    for (unit, depth), value in zip(found.depths, found.depth_mean[index], strict=True):
        yield _row("M_d", value, value - whole, u=unit, depth=depth)
    yield from _factor_rows(place_sites(found.space, found.places), cells)
    yield from _factor_rows(depth_sites(found.depths), found.depth_mean[index])


def _factor_rows(sites: Sequence[Site], means: NDArray[np.float64]) -> Iterator[Row]:
    contrasts = make_contrasts(sites)
    values, effects = contrasts.reached @ means, contrasts.coefficients @ means
    for place, statistic in enumerate(contrasts.statistics):
        where = {"u": contrasts.units[place], "block": contrasts.names[place]}
        yield _row(statistic, values[place], effects[place], **where)


def _block_effects(found: ExactProfile, index: int) -> NDArray[np.float64]:
    """M_b against the average block at the same layers."""
    layers = [(place.unit, place.layer) for place in found.places]
    cells = found.cell_mean[index]
    means = {layer: cells[[other == layer for other in layers]].mean() for layer in dict.fromkeys(layers)}
    _, weights = place_weights(found.places)
    return np.asarray(weights @ (cells - np.array([means[layer] for layer in layers])), np.float64)


def _quantile_rows(found: QuantileResponses) -> Iterator[Row]:
    for column, tau in enumerate(found.taus):
        yield _row("quantile", found.whole[column], tau=tau, quantile_error=found.error)
    for place, row in zip(found.places, found.cells, strict=True):
        for column, tau in enumerate(found.taus):
            where = {"u": place.unit, "layer": place.layer, "block": place.block}
            effect = row[column] - found.whole[column]
            yield _row("M_tau", row[column], effect, tau=tau, quantile_error=found.error, **where)
