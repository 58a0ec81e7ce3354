"""`profile LABELS`: the responses of a labelled table itself, whatever law drew its archs.

No predictor stands between: the labels are averaged as they are, weighted to the law. A table of all archs of a space
gives figures whose only error is the noise of their labels.
"""

from __future__ import annotations

import dataclasses
import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.additive.groups import Group, transpose
from blockprofile.additive.presence import check_presence
from blockprofile.additive.targets import Target
from blockprofile.errors import DataError
from blockprofile.metric import parse_metric
from blockprofile.predict.labelled import LabelledArchs, effective_number, weigh_archs
from blockprofile.predict.labels import LabelTable, read_labels
from blockprofile.predict.repeats import Pooled, pool_repeats
from blockprofile.profile.accumulate import Accumulator
from blockprofile.profile.corrected import LABELS
from blockprofile.profile.pool import PoolQuantiles
from blockprofile.profile.profile import check_taus
from blockprofile.profile.quantiles import EVEN, QuantileEstimate, weighted_quantiles
from blockprofile.profile.record import PROFILE_NAME, Profile
from blockprofile.profile.responses import DEFAULT_TAUS, MetricInfo, Settings, response_table
from blockprofile.run.folder import open_run
from blockprofile.space import Space, load_space
from blockprofile.space.record import describe_space
from blockprofile.space.sampling import check_law

__all__ = ["profile_labels"]

FEWEST = 20
"""A table of fewer archs of the space is refused."""

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


def profile_labels(
    table: str | Path,
    space: str | Path,
    metrics: Mapping[str, str],
    *,
    out: str | Path,
    presence: str = "given",
    taus: Sequence[float] = DEFAULT_TAUS,
    law: str = "papers",
    resolution: int | None = None,
    command: str = "",
) -> Profile:
    """Profile a table of labelled archs and write ``profile.parquet`` into a folder.

    Parameters
    ----------
    table
        CSV or Parquet, as `blockprofile.predict.labels.read_labels` takes it; rows of one arch are pooled.
    space
        A shipped name or a file. Archs of its base that a pruned space has not are left out.
    metrics
        Metric -> its column.
    out
        The folder.
    presence, taus
        See `blockprofile.profile.responses.Settings`.
    law
        The law that the figures are to be of, whatever drew the archs; see `weigh_archs`.
    resolution
        Where rows have a resolution of their own, those at this one (or the space's) are used.

    Raises
    ------
    UserError
        If an argument is not allowed.
    DataError
        If the table cannot be read, has too few archs of the space, or cannot stand for the law.

    Notes
    -----
    Quantiles are those of the labels, noise included, and their intervals those of a sample.
    """
    started = time.perf_counter()
    settings = Settings(presence=check_presence(presence), law=check_law(law), taus=check_taus(taus))
    where = load_space(space, resolution=resolution)
    rows = _rows_of(read_labels(Path(table), where), where)
    columns = list(dict.fromkeys(metrics.values()))
    pooled = pool_repeats(rows, columns)
    weights, how, is_whole = weigh_archs(where, pooled.table.archs, law=settings.law)
    labelled = {
        metric: LabelledArchs(
            pooled.table.archs, pooled.table.label(column), weights, how, _noise(pooled, column) if is_whole else None
        )
        for metric, column in metrics.items()
    }
    config = _config(where, space, Path(table), metrics, labelled, pooled, settings)
    seen = Accumulator(where, tuple(metrics), n_planned=len(weights))
    seen.moments.add(pooled.table.archs, dict.fromkeys(metrics, np.zeros(len(weights), np.float32)))
    seen.quantiles = _LabelQuantiles(where, labelled)
    info = {metric: MetricInfo(parse_metric(metric).unit, "user", 0.0, holds_for=LABELS) for metric in metrics}
    found = response_table(seen, info=info, settings=settings, labelled=labelled)
    with open_run(out, kind="profile", config=config, command=command) as folder:
        about = {"config": config, "presence": settings.presence, "taus": settings.taus}
        profile = Profile(found, about, folder / PROFILE_NAME, time.perf_counter() - started)
        profile.write()
    return profile


def _rows_of(table: LabelTable, space: Space) -> LabelTable:
    """Keep the rows of a space's archs at its resolution."""
    kept = space.contains(table.archs)
    if table.resolutions is not None:
        kept &= table.resolutions == space.resolution
    n = int(kept.sum())
    if n < FEWEST:
        raise DataError(
            f"{table.path} holds {n} rows of archs of space {space.name!r} at resolution {space.resolution}; "
            f"at least {FEWEST} are needed"
        )
    return dataclasses.replace(table.take(np.flatnonzero(kept)), resolutions=None)


def _noise(pooled: Pooled, column: str) -> Doubles:
    """Return the variance of each label: 0 where no arch was labelled twice, so that it is not known."""
    spread = pooled.spreads[column]
    return np.full(len(pooled.counts), 0.0 if np.isnan(spread) else spread**2) / pooled.counts


def _config(
    space: Space,
    source: str | Path,
    table: Path,
    metrics: Mapping[str, str],
    labelled: Mapping[str, LabelledArchs],
    pooled: Pooled,
    settings: Settings,
) -> dict[str, Any]:
    digest = hashlib.sha256(table.read_bytes()).hexdigest()[:16]
    predictors = {}
    for metric, column in metrics.items():
        found = labelled[metric]
        told = {"n": len(found.archs), "n_effective": round(effective_number(found.weights), 1), "how": found.how}
        words = [f"labels of {table.name}, column {column}", pooled.describe(column)]
        if found.noise is not None:
            words.append("all archs: exact but for the labels' noise" + ("" if found.noise.any() else ", not known"))
        predictors[metric] = {
            "name": table.name, "metric": metric, "unit": parse_metric(metric).unit, "provenance": "user", "floor": 0.0,
            "caption": "; ".join(filter(None, words)), "hash": digest, "labels": told,
        }  # fmt: skip
    return {
        "space": describe_space(space, source), "devices": [], "metrics": list(metrics), "predictors": predictors,
        "seed": 0, "law": settings.law, "limit": None, "chunk_size": 0, "n": len(pooled.counts),
        "labels": table.name,
    }  # fmt: skip
