"""The table of responses of labelled archs: means by way of an additive part, quantiles of the labels themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blockprofile.additive import Group, Target, transpose
from blockprofile.predict import AdditivePredictor, LabelledArchs
from blockprofile.profile.accumulate import Accumulator
from blockprofile.profile.exact_table import exact_table
from blockprofile.profile.pool import PoolQuantiles
from blockprofile.profile.quantiles import EVEN, QuantileEstimate, weighted_quantiles
from blockprofile.profile.responses import MetricInfo, Settings, response_table
from blockprofile.profile.sharpen import sharpen
from blockprofile.space import Space

if TYPE_CHECKING:
    import pandas as pd

Doubles = NDArray[np.float64]


class _LabelQuantiles(PoolQuantiles):
    """Quantiles of labels whose archs have weights of their own."""

    def __init__(self, space: Space, labelled: Mapping[str, LabelledArchs]) -> None:
        super().__init__(space, tuple(labelled))
        self._labelled = labelled

    def overall(self, metric: str, taus: Sequence[float]) -> QuantileEstimate:
        """Return quantiles over all archs."""
        found = self._labelled[metric]
        order = np.argsort(found.values, kind="stable")
        return weighted_quantiles(found.values[order], _uneven(found.weights[order]), taus)

    def of_targets(
        self,
        metric: str,
        targets: Sequence[Target],
        groups: Sequence[Group],
        taus: Sequence[float],
        whole: QuantileEstimate,
    ) -> Iterator[QuantileEstimate | None]:
        """Yield quantiles under each target, in order; None where no arch counts."""
        found = self._labelled[metric]
        order = np.argsort(found.values, kind="stable")
        columns, values = transpose(found.archs[order]), found.values[order]
        cells = {number: groups[number].number(columns) for number in {target.group for target in targets}}
        for target in targets:
            weights = target.weights[cells[target.group]] * found.weights[order]
            kept = weights > 0
            yield weighted_quantiles(values[kept], _uneven(weights[kept]), taus, whole) if kept.any() else None


def _uneven(weights: Doubles) -> Doubles | None:
    return None if np.ptp(weights) < EVEN else weights


def label_responses(
    space: Space,
    labelled: Mapping[str, LabelledArchs],
    *,
    info: Mapping[str, MetricInfo],
    settings: Settings,
    exact: Sequence[AdditivePredictor] = (),
    plain: bool = False,
) -> pd.DataFrame:
    """Make the table of responses of labels, and of metrics that add up.

    Parameters
    ----------
    labelled
        Metric -> archs with labels and weights; the same archs for all of them, at least one metric.
    info, settings
        As `blockprofile.profile.responses.response_table` takes them.
    exact
        Predictors of further metrics.
    plain
        Average the labels as they are, without an additive part.
    """
    import pandas as pd

    archs = next(iter(labelled.values())).archs
    seen = Accumulator(space, tuple(labelled), n_planned=len(archs))
    seen.moments.add(archs, dict.fromkeys(labelled, np.zeros(len(archs), np.float32)))
    seen.quantiles = _LabelQuantiles(space, labelled)
    known: dict[str, pd.DataFrame] = {}
    left = dict(labelled)
    for metric, each in labelled.items():
        if not plain and each.noise is None:
            left[metric], known[metric] = sharpen(space, each, presence=settings.presence, law=settings.law)
    found = response_table(seen, info=info, settings=settings, labelled=left, known=known)
    if not exact:
        return found
    sums = exact_table(space, exact, presence=settings.presence, law=settings.law, taus=settings.taus)
    return pd.concat([found, sums], ignore_index=True)
