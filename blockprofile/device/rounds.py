"""Measuring well: interleaved rounds in random order, a sentinel throughout, until the medians are narrow.

A probe is visited once a round: one run to warm up, then several in a row, of which the best undisturbed one counts
(what disturbs a run only adds time). Rounds are spread over the whole measurement, so that a slow minute
falls on all probes alike; a probe whose median is narrow enough is left out of later rounds. The sentinel
is one probe visited throughout: its rounds' medians give the machine's speed, by which times are corrected.

A block inside a network finds the caches full of the other blocks' weights. So that it finds them alike when it is
timed by itself, ``between`` is called before each of its runs (`cache.CacheFiller`). The sentinel and whole
networks do without.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from blockprofile.device.journal import Journal, Round
from blockprofile.device.machine import load_average
from blockprofile.device.median import Median, median_of
from blockprofile.device.runtime import Prepared, Reading
from blockprofile.errors import OptionError
from blockprofile.run import show_progress

SENTINEL_EVERY = 12
"""Visits between two visits of the sentinel."""
MAX_RUNS = 12
"""Timed runs in a visit at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long and how finely to measure.

    Parameters
    ----------
    precision
        Wanted half-width of a median's 95 % interval, as a share of the median.
    resolution_ms
        A half-width that is always narrow enough: the jitter of a call cannot be averaged away in reasonable time.
    time_limit_s
        When to stop whatever the precision; the round under way is finished.
    min_rounds, max_rounds
        Rounds at least (six are the fewest that give an interval) and at most.
    visit_ms
        What a visit's timed runs should take together.
    max_drift
        The sentinel's range within a round, as a share, beyond which the round is repeated.
    enough
        The share of probes that must be known as precisely as wanted; the last few may take as long as all others.
    seed
        Of the order of visits.
    jobs
        Threads that build what is timed; one thread times.
    processors
        Where the timing thread runs; none given leaves it to the system.
    """

    precision: float = 0.02
    resolution_ms: float = 0.001
    time_limit_s: float = 600.0
    min_rounds: int = 12
    max_rounds: int = 400
    visit_ms: float = 4.0
    max_drift: float = 0.15
    enough: float = 1.0
    seed: int = 0
    jobs: int = 1
    processors: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.jobs < 1:
            raise OptionError(f"jobs is {self.jobs}; must be at least 1")
        if self.seed < 0:
            raise OptionError(f"seed is {self.seed}; must be at least 0")
        for name in ("precision", "time_limit_s", "visit_ms", "max_drift"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise OptionError(f"{name} is {value}; must be a number above 0")
        if not 0 < self.enough <= 1:
            raise OptionError(f"enough is {self.enough}; must be a share above 0 and at most 1")
        if not 6 <= self.min_rounds <= self.max_rounds:
            raise OptionError(f"min_rounds is {self.min_rounds}; must be from 6 to max_rounds, {self.max_rounds}")


@dataclass(frozen=True, slots=True)
class Drift:
    """How the machine's speed moved: the sentinel's time, and the range of its rounds' medians as a share of it."""

    sentinel_ms: float
    range_share: float
    n_repeated: int


def _speeds(rounds: Sequence[Round]) -> list[float]:
    """Return each round's slowness: its sentinel's median over the median of all rounds."""
    medians = [float(np.median(entry.sentinel_ms)) for entry in rounds]
    overall = float(np.median(medians))
    return [value / overall for value in medians]


def probe_medians(rounds: Sequence[Round]) -> dict[str, Median]:
    """Return every probe's median over the steady rounds, corrected for drift.

    Notes
    -----
    A round's times are divided by the ratio of its sentinel's median to the sentinel's median over all rounds.
    """
    steady = [entry for entry in rounds if entry.steady]
    values: dict[str, list[float]] = {}
    if steady:
        for entry, speed in zip(steady, _speeds(steady), strict=True):
            for name, ms in entry.ms.items():
                values.setdefault(name, []).append(ms / speed)
    return {name: median_of(entries) for name, entries in values.items()}


def sentinel_drift(rounds: Sequence[Round]) -> Drift:
    """Say how far the machine's speed moved over the steady rounds."""
    steady = [entry for entry in rounds if entry.steady]
    medians = [float(np.median(entry.sentinel_ms)) for entry in steady]
    middle = float(np.median(medians))
    return Drift(middle, (max(medians) - min(medians)) / middle, len(rounds) - len(steady))


class _Visitor:
    """Visits probes and counts what it runs."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.n_runs = self.n_disturbed = 0

    def visit(self, probe: Prepared, between: Callable[[], object] | None = None) -> float:
        """Return the best undisturbed run in ms, or the best of all where each was disturbed."""
        first = probe.read().ms
        count = int(np.clip(np.ceil(self._plan.visit_ms / max(first, 1e-6)), 3, MAX_RUNS))
        readings: list[Reading] = []
        for _ in range(count):
            if between is not None:
                between()
            readings.append(probe.read())
        calm = [reading.ms for reading in readings if not reading.disturbed]
        self.n_runs += count
        self.n_disturbed += count - len(calm)
        return min(calm or [reading.ms for reading in readings])


def _measure_round(
    probes: Mapping[str, Prepared],
    names: Sequence[str],
    sentinel: Prepared,
    *,
    plan: Plan,
    rng: np.random.Generator,
    between: Callable[[], object] | None,
) -> Round:
    visitor, start = _Visitor(plan), time.monotonic()
    ms: dict[str, float] = {}
    sentinels: list[float] = []
    with show_progress("this round", len(names), unit="probes", alone=True) as advance:
        for position, index in enumerate(rng.permutation(len(names))):
            if position % SENTINEL_EVERY == 0:
                sentinels.append(visitor.visit(sentinel))
            ms[names[index]] = visitor.visit(probes[names[index]], between)
            advance(1)
    sentinels.append(visitor.visit(sentinel))
    spread = (max(sentinels) - min(sentinels)) / float(np.median(sentinels))
    return Round(
        ms,
        tuple(sentinels),
        n_runs=visitor.n_runs,
        n_disturbed=visitor.n_disturbed,
        seconds=round(time.monotonic() - start, 3),
        load=load_average(),
        steady=spread <= plan.max_drift,
    )


def measure_rounds(
    probes: Mapping[str, Prepared],
    sentinel: Prepared,
    *,
    plan: Plan,
    journal: Journal,
    tolerance: Mapping[str, float] | None = None,
    between: Callable[[], object] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Median]:
    """Measure probes round by round until every median is narrow enough or the time is up.

    Parameters
    ----------
    journal
        Opened; rounds that it holds count, with the time that they took.
    tolerance
        Factors by which a probe's relative half-width may be wider than ``plan.precision``.
    between
        Called before every run of a probe.

    Returns
    -------
    Medians in ms by probe, corrected for drift.

    Notes
    -----
    A round that drifted too far is repeated; when half of all rounds had to be, on a machine that is never calm, the
    rest are taken as they are, and the sentinel's correction has to do.
    """
    spent = sum(entry.seconds for entry in journal.rounds)
    factors = tolerance or {}

    def is_narrow(name: str, median: Median) -> bool:
        wanted = plan.precision * factors.get(name, 1.0) * median.value
        return median.n >= plan.min_rounds and median.half_width <= max(wanted, plan.resolution_ms)

    while True:
        medians = probe_medians(journal.rounds)
        pending = [name for name in probes if name not in medians or not is_narrow(name, medians[name])]
        n_done = len(journal.rounds)
        progress(_report(n_done, pending, medians, plan, spent, journal, len(probes)))
        enough = bool(medians) and spent >= plan.time_limit_s
        few = len(pending) <= (1 - plan.enough) * len(probes) and n_done >= plan.min_rounds
        if few or not pending or n_done >= plan.max_rounds or enough:
            return medians
        rng = np.random.default_rng([plan.seed, n_done])
        entry = _measure_round(probes, pending, sentinel, plan=plan, rng=rng, between=between)
        n_repeated = sum(not old.steady for old in journal.rounds)
        if not entry.steady and 2 * n_repeated >= max(n_done, plan.min_rounds):
            entry = Round(entry.ms, entry.sentinel_ms, entry.n_runs, entry.n_disturbed, entry.seconds, entry.load)
        journal.append(entry)
        spent += entry.seconds


def _report(
    n_done: int,
    pending: Sequence[str],
    medians: Mapping[str, Median],
    plan: Plan,
    spent: float,
    journal: Journal,
    n: int,
) -> str:
    """Say how far the measurement is, with a guess of the time left: a median narrows with the root of its number."""
    if not n_done:
        return f"measuring {n} probes, at most {plan.time_limit_s / 60:.1f} min"
    left = max(0.0, plan.time_limit_s - spent)
    per_visit = journal.rounds[-1].seconds / max(1, len(journal.rounds[-1].ms))
    needed = 0.0
    for name in pending:
        median = medians.get(name)
        if median is None or median.n < plan.min_rounds or not np.isfinite(median.half_width):
            needed += plan.min_rounds - (0 if median is None else min(median.n, plan.min_rounds - 1))
        else:
            wanted = max(plan.precision * median.value, plan.resolution_ms)
            needed += max(1.0, median.n * ((median.half_width / wanted) ** 2 - 1))
    left = min(left, needed * per_visit)
    return (
        f"round {n_done}: {len(pending)} of {n} probes not yet within {plan.precision:.1%}; "
        f"{spent / 60:.1f} min gone, about {left / 60:.1f} min left"
    )
