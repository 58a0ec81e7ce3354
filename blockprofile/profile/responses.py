"""From accumulated archs to the table of responses: one tidy row per figure.

Columns: ``metric``, ``unit_of`` (the metric's unit), ``provenance``, ``presence``, ``statistic``, ``tau``, ``u``,
``layer``, ``block``, ``depth``, ``n``, ``value``, ``effect``, ``se``, ``freedom``, ``ci_low``, ``ci_high``,
``p_value``, ``p_adjusted``, ``floor``, ``is_effect``, ``quantile_error``, ``holds_for``. Interval and p-value are the
effect's, ``freedom`` the degrees of freedom of its standard error; ``holds_for`` says what they hold for: the truth,
what the predictor says, or what the labels say (`blockprofile.profile.corrected`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from blockprofile.additive import Presence, Target, block_targets, depth_targets, list_places
from blockprofile.predict import LabelledArchs
from blockprofile.profile.accumulate import Accumulator
from blockprofile.profile.contrasts import Contrasts, depth_sites, make_contrasts, place_sites
from blockprofile.profile.corrected import PREDICTOR, Correction
from blockprofile.profile.estimate import TargetWeights, estimate_means, standard_errors
from blockprofile.profile.inference import with_inference
from blockprofile.profile.pool import PoolQuantiles
from blockprofile.profile.quantiles import Z95, contrast_quantiles, stack_estimates
from blockprofile.profile.sketch import layer_groups
from blockprofile.run import Execution, run_tasks
from blockprofile.space import Law

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_TAUS: tuple[float, ...] = (0.01, 0.05, 0.5, 0.95, 0.99)

COLUMNS = (
    "metric", "unit_of", "provenance", "presence", "statistic", "tau", "u", "layer", "block", "depth", "n", "value",
    "effect", "se", "freedom", "ci_low", "ci_high", "p_value", "p_adjusted", "floor", "is_effect", "quantile_error",
    "holds_for",
)  # fmt: skip

METRICS_AT_ONCE = 4

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """What the table says of a metric: unit, provenance, and the floor below which nothing is claimed, if known.

    ``holds_for`` is what intervals hold for where no labels correct them.
    """

    unit: str = ""
    provenance: str = ""
    floor: float | None = None
    holds_for: str = PREDICTOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How responses are computed: the presence, the law of the pool, and the tau of the quantiles."""

    presence: Presence = "given"
    law: Law = "papers"
    taus: tuple[float, ...] = DEFAULT_TAUS


DEFAULT_SETTINGS = Settings()


def _row(statistic: str, target: Target | None = None, **figures: object) -> Row:
    place = {"u": 0, "layer": 0, "block": "", "depth": 0}
    if target is not None:
        place = {"u": target.unit, "layer": target.layer, "block": target.block, "depth": target.depth}
    unknown = dict.fromkeys(("tau", "effect", "se", "freedom", "below", "above", "p_rank"), math.nan)
    return {"statistic": statistic, **unknown, **place, **figures}


class _Plan:
    """What all metrics of one profile share: the targets and their weights."""

    def __init__(self, seen: Accumulator, settings: Settings) -> None:
        self.seen, self.settings = seen, settings
        groups = seen.moments.groups
        self.blocks = TargetWeights(
            block_targets(seen.space, groups, presence=settings.presence, law=settings.law), seen.moments
        )
        self.depths = TargetWeights(depth_targets(seen.space, groups, law=settings.law), seen.moments)
        places = list_places(seen.space)
        sites = dict(zip([(p.unit, p.layer, p.block) for p in places], place_sites(seen.space, places), strict=True))
        of_blocks = [sites[target.unit, target.layer, target.block] for target in self.blocks.targets]
        of_depths = depth_sites([(target.unit, target.depth) for target in self.depths.targets])
        self.block_steps = make_contrasts(of_blocks, self.blocks.is_seen)
        self.depth_steps = make_contrasts(of_depths, self.depths.is_seen)
        self.layer_groups = layer_groups(seen.space)
        self.layer_targets = block_targets(seen.space, self.layer_groups, presence=settings.presence, law=settings.law)

    def mean_rows(self, metric: str, labelled: LabelledArchs | None, otherwise: str) -> Iterator[Row]:
        """Yield the rows of means and their effects, corrected by labelled archs where there are some."""
        moments = self.seen.moments
        overall, variance = moments.total(metric)
        errors = np.array([math.sqrt(variance / moments.n) if moments.n > 1 else math.nan]), np.array([moments.n - 1.0])
        correction = self._correction(labelled, (), otherwise)
        mean = correction.effects(np.array([overall]), errors, np.zeros((1, 0)), np.ones(1))
        yield _row("mean", n=moments.n, **{**mean.row(0), "value": float(mean.effects[0]), "effect": math.nan})
        blocks = self._correction(labelled, self.blocks.targets, otherwise)
        yield from self._against_mean("M_ulb", metric, self.blocks, blocks)
        yield from self._block_rows(metric, blocks)
        depths = self._correction(labelled, self.depths.targets, otherwise)
        yield from self._against_mean("M_d", metric, self.depths, depths)
        yield from self._factor_rows(metric, self.blocks, self.block_steps, blocks)
        yield from self._factor_rows(metric, self.depths, self.depth_steps, depths)

    def _correction(self, labelled: LabelledArchs | None, targets: Sequence[Target], otherwise: str) -> Correction:
        return Correction(labelled, targets, self.seen.moments.groups, otherwise=otherwise)

    def _against_mean(
        self, statistic: str, metric: str, stacked: TargetWeights, correction: Correction
    ) -> Iterator[Row]:
        if not stacked.targets:
            return
        overall, _ = self.seen.moments.total(metric)
        cells = estimate_means(self.seen.moments, metric, stacked)
        each = np.diag((cells.n > 0).astype(np.float64))
        errors = standard_errors(self.seen.moments, metric, stacked, cells, each, against_mean=True)
        found = correction.effects(cells.means - overall, errors, each, -each.sum(axis=1))
        for index in np.flatnonzero(cells.n > 0).tolist():
            value = float(cells.means[index]) + correction.shift(each[index])
            yield _row(statistic, stacked.targets[index], n=int(cells.n[index]), value=value, **found.row(index))

    def _block_rows(self, metric: str, correction: Correction) -> Iterator[Row]:
        """Average over the layers that a block can fill (equation 1), against the average block of those layers."""
        cells = estimate_means(self.seen.moments, metric, self.blocks)
        found = [index for index in range(len(cells.n)) if cells.n[index] > 0]
        layers: dict[tuple[int, int], list[int]] = {}
        blocks: dict[str, list[int]] = {}
        for index in found:
            target = self.blocks.targets[index]
            layers.setdefault((target.unit, target.layer), []).append(index)
            blocks.setdefault(target.block, []).append(index)
        coefficients, holds = np.zeros((2, len(blocks), len(cells.n)))
        for row, members in enumerate(blocks.values()):
            holds[row, members] = 1 / len(members)
            for index in members:
                peers = layers[self.blocks.targets[index].unit, self.blocks.targets[index].layer]
                coefficients[row, index] += 1 / len(members)
                coefficients[row, peers] -= 1 / (len(members) * len(peers))
        effects = coefficients[:, found] @ cells.means[found]
        errors = standard_errors(self.seen.moments, metric, self.blocks, cells, coefficients, against_mean=False)
        corrected = correction.effects(effects, errors, coefficients, np.zeros(len(effects)))
        for place, (block, members) in enumerate(blocks.items()):
            value = float(cells.means[members].mean()) + correction.shift(holds[place])
            yield _row("M_b", n=int(cells.n[members].sum()), value=value, **corrected.row(place)) | {"block": block}

    def _factor_rows(
        self, metric: str, stacked: TargetWeights, found: Contrasts, correction: Correction
    ) -> Iterator[Row]:
        """Contrast the means of cells that differ in one factor, or in two."""
        if not found.names:
            return
        cells = estimate_means(self.seen.moments, metric, stacked)
        means = np.where(stacked.is_seen, cells.means, 0.0)
        errors = standard_errors(self.seen.moments, metric, stacked, cells, found.coefficients, against_mean=False)
        corrected = correction.effects(
            found.coefficients @ means, errors, found.coefficients, np.zeros(len(found.names))
        )
        values, n = found.reached @ means, (found.coefficients != 0) @ cells.n
        for place, statistic in enumerate(found.statistics):
            value = float(values[place]) + correction.shift(found.reached[place])
            row = _row(statistic, n=int(n[place]), value=value, **corrected.row(place))
            yield row | {"u": found.units[place], "block": found.names[place]}

    def quantile_rows(self, metric: str) -> Iterator[Row]:
        """Yield the rows of quantiles and their effects."""
        taus, quantiles = self.settings.taus, self.seen.quantiles
        if not taus:
            return
        whole = quantiles.overall(metric, taus)
        spread = (whole.high - whole.low) / (2 * Z95)
        for tau, value, se in zip(taus, whole.values, spread, strict=True):
            yield _row("quantile", tau=tau, n=self.seen.moments.n, value=float(value), se=_known(se))
        counts = estimate_means(self.seen.moments, metric, self.blocks).n
        estimates = quantiles.of_targets(metric, self.layer_targets, self.layer_groups, taus, whole)
        seen = [
            each for each in zip(self.layer_targets, counts.tolist(), estimates, strict=True) if each[2] is not None
        ]
        cells = stack_estimates([found for _, _, found in seen if found is not None])
        contrast = contrast_quantiles(cells, whole, taus)
        columns = (cells.values, contrast.effects, contrast.below, contrast.above, contrast.p_value)
        for (target, n, _), *rows in zip(seen, *(column.tolist() for column in columns), strict=True):
            for tau, value, effect, below, above, p_value in zip(taus, *rows, strict=True):
                figures: Row = {"tau": tau, "n": n, "value": value, "effect": effect}
                bounds: Row = {"below": below, "above": above, "p_rank": p_value}
                yield _row("M_tau", target, **figures, **bounds, se=_known((below + above) / (2 * Z95)))


def _known(error: float) -> float:
    return float(error) if math.isfinite(error) else math.nan


def response_table(
    seen: Accumulator,
    *,
    info: Mapping[str, MetricInfo],
    settings: Settings,
    known: Mapping[str, pd.DataFrame] | None = None,
    labelled: Mapping[str, LabelledArchs] | None = None,
    workers: int = 1,
) -> pd.DataFrame:
    """Make the table of all responses of all metrics.

    Parameters
    ----------
    info
        Metric -> unit, provenance, floor.
    known
        Metric -> the exact means of the part that was taken off before its moments were summed, as
        `blockprofile.profile.exact_table.mean_table` gives them; they are put back.
    labelled
        Metric -> labelled archs with what a predictor that had not seen them left of their labels: they correct its
        means, whose intervals then hold for the truth. Its quantiles stay the predictor's.
    workers
        How many metrics are done at once, each by a thread; no more than four, since each sorts the pool for itself.

    Returns
    -------
    One row per figure, with 95 % intervals of the effects, p-values against no effect, and p-values adjusted by
    Benjamini and Hochberg over all rows of one metric and statistic, every tau included. ``is_effect`` holds where the
    adjusted p-value is below 0.05 and the effect is beyond the floor; where the floor is NaN, which is unknown, the
    first alone. A mean of a single arch has no ``se``, and a quantile that is too far out for its archs none either;
    bounds are then infinite, and nothing is claimed.

    Notes
    -----
    M_b is an average over the layers that a block can fill (BlockProfile, equation 1); its effect is against
    the average block at the same layers. The effects of M_ulb, M_d and M_tau are against the space (equations 2
    and 3). M_factor and M_pair are contrasts of M_ulb and of M_d: ``block`` names the step, ``u`` is 0 for the network,
    ``value`` is the mean where the step leads to; see `blockprofile.profile.contrasts`. Means are tested by
    Student's t, quantiles by the binomial law of the cell's archs below the space's quantile; see
    `blockprofile.profile.estimate` and `blockprofile.profile.quantiles`.
    """
    import pandas as pd

    plan = _Plan(seen, settings)

    def rows(metric: str) -> list[Row]:
        about = info.get(metric, MetricInfo())
        common = {
            "metric": metric, "unit_of": about.unit, "provenance": about.provenance, "presence": settings.presence,
            "floor": math.nan if about.floor is None else about.floor,
        }  # fmt: skip
        error = 0.0 if isinstance(seen.quantiles, PoolQuantiles) else seen.quantiles.error[metric]
        means = plan.mean_rows(metric, (labelled or {}).get(metric), about.holds_for)
        found = [{**common, **row, "quantile_error": math.nan} for row in means]
        common |= {"quantile_error": error, "holds_for": about.holds_for}
        return found + [{**common, **row} for row in plan.quantile_rows(metric)]

    threads = Execution(workers=min(workers, METRICS_AT_ONCE), backend="threading")
    found = pd.DataFrame([*chain.from_iterable(run_tasks(rows, zip(seen.metrics), threads))])
    return with_inference(_put_back(found, known or {}))[list(COLUMNS)].reset_index(drop=True)


def _put_back(table: pd.DataFrame, known: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    keys = ["statistic", "u", "layer", "block", "depth"]
    for metric, part in known.items():
        mine = (table["metric"] == metric) & table["statistic"].isin(set(part["statistic"]))
        found = table.loc[mine, keys].merge(part, on=keys, how="left", validate="one_to_one")
        table.loc[mine, "value"] += found["value"].to_numpy()
        table.loc[mine, "effect"] += found["effect"].to_numpy()
    return table
