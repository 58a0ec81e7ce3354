"""Profiles to a wanted precision: draw until every interval is narrow enough, and no arch more than that takes.

Each metric's additive part is taken exactly, over all archs of the space; only what is left is sampled. Archs come in
rounds, whose sizes follow from how wide the intervals still are.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from blockprofile.additive import check_presence, fit_factors
from blockprofile.errors import OptionError, one_of
from blockprofile.numbers import read_number
from blockprofile.predict import LabelledArchs, Predictor
from blockprofile.profile.accumulate import Accumulator
from blockprofile.profile.control import Control
from blockprofile.profile.exact_table import mean_table
from blockprofile.profile.pool_moments import PoolMoments
from blockprofile.profile.profile import (
    check_taus,
    metric_infos,
)
from blockprofile.profile.record import PROFILE_NAME, Profile
from blockprofile.profile.responses import DEFAULT_TAUS, Settings, response_table
from blockprofile.run import (
    CHUNK_SIZE,
    Pool,
    PoolRequest,
    chunk_rng,
    draw_chunk,
    keep_labelled,
    kept_labelled,
    open_run,
    show_progress,
)
from blockprofile.space import Archs, Space, draw_archs

if TYPE_CHECKING:
    import pandas as pd

ROUND = 4096
GROWTH = 8
"""A round makes the pool at most so many times larger: the first widths are rough."""
PILOT_CHUNK = 1 << 40
PILOT_SIZE = 16_384
"""The pilot pool that an additive part is fitted to, where a predictor has none; no chunk of any pool."""


@dataclass(frozen=True, slots=True)
class UntilResult:
    """A profile to a wanted precision.

    Parameters
    ----------
    profile
        The table, its path, the number of archs.
    widest
        Metric -> the largest half-width of a 95 % interval of a mean response, in the metric's unit, by the pool alone:
        what labels add to it, more archs do not take off.
    factors
        Metric -> how many times fewer archs it took than without the additive part; infinite where nothing is left.
    is_reached
        Whether every interval is as narrow as was asked; else the pool was used up.
    """

    profile: Profile
    widest: Mapping[str, float]
    factors: Mapping[str, float]
    is_reached: bool


def parse_until(texts: Sequence[str], metrics: Sequence[str]) -> dict[str, float]:
    """Read wanted half-widths: ``ci=0.01`` for all metrics, ``top1_percent=0.01`` for one.

    Returns
    -------
    Metric -> half-width, for the metrics that are asked about.

    Raises
    ------
    OptionError
        If a text is not of that form, names no metric of the profile, or a width is not above 0.

    Examples
    --------
    >>> parse_until(["ci=0.1", "macs_m=2"], ["top1_percent", "macs_m"])
    {'top1_percent': 0.1, 'macs_m': 2.0}
    """
    wanted: dict[str, float] = {}
    for text in texts:
        name, _, word = text.rpartition("=")
        width = read_number(word) or 0.0
        if width <= 0 or not name:
            raise OptionError(f"--until {text!r} is not of the form ci=WIDTH or METRIC=WIDTH with a width above 0")
        if name != "ci" and name not in metrics:
            raise OptionError(f"--until {text!r}: no metric {name!r} is profiled; {one_of(name, ['ci', *metrics])}")
        wanted |= dict.fromkeys(metrics, width) if name == "ci" else {name: width}
    return wanted


def _control(space: Space, predictor: Predictor, pilot: Archs) -> Control:
    factors = getattr(predictor, "factors", None)
    return Control(space, fit_factors(space, pilot, predictor.predict(pilot)) if factors is None else factors)


class _Pool:
    """The archs so far: what is left of each metric, its quantiles, and the metric itself for comparison."""

    def __init__(self, pool: Pool, settings: Settings) -> None:
        request = pool.request
        self.request, self.settings, self.space = request, settings, pool.space
        self.evaluate = pool.tools().evaluate
        predictors = self.evaluate.predictors
        pilot = draw_archs(self.space, PILOT_SIZE, chunk_rng(request.seed, PILOT_CHUNK), law=settings.law)
        self.controls = {each.metric: _control(self.space, each, pilot) for each in predictors}
        self.known = {
            metric: mean_table(control.profile(presence=settings.presence, law=settings.law), metric)
            for metric, control in self.controls.items()
        }
        self.seen = Accumulator(self.space, list(self.controls), n_planned=pool.n)
        self.plain = PoolMoments(self.space, list(self.controls))

    @property
    def n(self) -> int:
        return self.seen.moments.n

    def grow(self, n: int) -> None:
        """Take in the next archs of the pool, up to ``n`` in all: the archs that a pool of ``n`` begins with."""
        while self.n < n:
            index, start = divmod(self.n, CHUNK_SIZE)
            stop = min(CHUNK_SIZE, n - index * CHUNK_SIZE)
            size = index * CHUNK_SIZE + stop
            chunk = draw_chunk(self.space, seed=self.request.seed, index=index, n=size, law=self.settings.law)
            archs = chunk[start:stop]
            values = self.evaluate(archs)
            rests = {name: control.rest(archs, values[name]) for name, control in self.controls.items()}
            self.seen.moments.add(archs, rests)
            self.seen.quantiles.add(archs, values)
            self.plain.add(archs, values)

    def table(
        self,
        config: Mapping[str, object],
        taus: tuple[float, ...],
        labelled: Mapping[str, LabelledArchs] | None = None,
    ) -> pd.DataFrame:
        settings = Settings(presence=self.settings.presence, law=self.settings.law, taus=taus)
        infos = metric_infos(config)
        return response_table(self.seen, info=infos, settings=settings, known=self.known, labelled=labelled)

    def widths(self, table: pd.DataFrame) -> dict[str, float]:
        """Find the widest interval of each metric's mean responses; infinite while a response is unseen."""
        responses = ["M_b", "M_ulb", "M_d"]
        found = {}
        for metric, part in table[table["statistic"].isin(responses)].groupby("metric", sort=False):
            is_whole = len(part) == int(self.known[str(metric)]["statistic"].isin(responses).sum())
            found[str(metric)] = float((part["ci_high"] - part["ci_low"]).max() / 2) if is_whole else np.inf
        return found

    def factors(self) -> dict[str, float]:
        """Compare each metric's variance with that of what is left of it."""
        found = {}
        for metric in self.controls:
            (mean, whole), (_, rest) = self.plain.total(metric), self.seen.moments.total(metric)
            rounding = (np.finfo(np.float32).eps * abs(mean)) ** 2
            found[metric] = float("inf") if rest <= rounding else whole / rest
        return found


def profile_until(
    request: PoolRequest,
    until: Sequence[str],
    *,
    out: str | Path,
    presence: str = "given",
    taus: Sequence[float] = DEFAULT_TAUS,
) -> UntilResult:
    """Profile a space until every 95 % interval of its mean responses is narrow enough.

    Parameters
    ----------
    request
        The pool; its ``n`` is the largest number of archs that may be drawn.
    until
        Half-widths in the metrics' units; see `parse_until`. Metrics that are not named are profiled along.
    out
        The folder that ``profile.parquet`` is written to.
    presence, taus
        As in `blockprofile.profile.profile_pool`. Quantiles are those of the archs that were drawn.

    Raises
    ------
    UserError, DataError
        As `blockprofile.profile.profile_pool`, and for a request with a limit: exact parts are of the whole space.

    Notes
    -----
    The widths are looked at between rounds, and the rounds are few and large, so that stopping on them costs the
    intervals nothing that could be noticed.
    """
    started = time.perf_counter()
    if request.limit is not None:
        raise OptionError(f"--until takes the whole space; the pool is limited to {request.limit}")
    settings = Settings(presence=check_presence(presence), law=request.law, taus=check_taus(taus))
    resolved = request.resolve()
    wanted = parse_until(until, resolved.metrics)
    with open_run(out, kind="profile", config=resolved.config) as folder:
        keep_labelled(folder, resolved)
        pool = _Pool(resolved, settings)
        labelled = kept_labelled(folder, resolved.config, pool.space)
        with show_progress(f"profiling {request.space}", resolved.n) as advance:
            target = min(ROUND, resolved.n)
            while True:
                before = pool.n
                pool.grow(target)
                advance(pool.n - before)
                widest = pool.widths(pool.table(resolved.config, ()))
                excess = max((widest[metric] / width for metric, width in wanted.items()), default=0.0)
                if excess <= 1 or pool.n >= resolved.n:
                    break
                target = _next_size(pool.n, excess, resolved.n)
        factors = pool.factors()
        table = pool.table(resolved.config, settings.taus, labelled)
        # JSON has no infinity: null says that the metric is exact.
        fewer = {metric: factor if np.isfinite(factor) else None for metric, factor in factors.items()}
        about = {"config": {**resolved.config, "n": pool.n}, "presence": settings.presence, "taus": settings.taus}
        about |= {"until": wanted, "fewer_archs": fewer}
        profile = Profile(table, about, folder / PROFILE_NAME, time.perf_counter() - started)
        profile.write()
    return UntilResult(profile, widest, factors, excess <= 1)


def _next_size(n: int, excess: float, most: int) -> int:
    """Guess the size that is enough, a little above; a whole number of rounds."""
    guess = min(1.05 * n * excess**2, GROWTH * n)
    rounds = max(int(np.ceil(guess / ROUND)), n // ROUND + 1)
    return min(most, rounds * ROUND)
