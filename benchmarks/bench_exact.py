"""Exact answers on ofa_mbv3: against a pool of a million archs, against rejection, against plain samples.

Run it with `make bench`, or alone: `python -m benchmarks.bench_exact`. Answers are asserted while they are timed;
figures are ratios against a baseline of the same run, since machines differ and are shared.
"""

from __future__ import annotations

import time

import numpy as np

from benchmarks.figures import keep
from blockprofile.additive import LimitedSampler, exact_distribution, exact_profile, exact_quantiles
from blockprofile.predict import AdditivePredictor, Evaluator, load_predictors
from blockprofile.space import Space, draw_archs, load_space

POOL = 1_000_000
LIMIT_MS = 25.0
SMALL = 20_000
ROUNDS = 3


def additive(space: Space) -> list[AdditivePredictor]:
    """Load the Note10's latency, multiply-adds and parameters."""
    found = load_predictors(space, devices=["note10"], metrics=["macs_m", "params_m"])
    return [predictor for predictor in found if isinstance(predictor, AdditivePredictor)]


def against_a_pool(space: Space) -> tuple[float, float]:
    """Responses of three metrics, and one metric's quantiles: exact, and from a million archs."""
    predictors = additive(space)
    started = time.perf_counter()
    exact = exact_profile(space, [predictor.factors for predictor in predictors])
    seconds = time.perf_counter() - started
    started = time.perf_counter()
    quantiles = exact_quantiles(space, predictors[0].factors)
    for_quantiles = time.perf_counter() - started

    started = time.perf_counter()
    archs = draw_archs(space, POOL, np.random.default_rng(0))
    values = np.stack(list(Evaluator(space, predictors)(archs).values())).astype(np.float64)
    means = np.array([values[:, archs[:, p.slot.index] == p.code].mean(axis=1) for p in exact.places]).T
    sampled = time.perf_counter() - started
    counts = np.array([np.count_nonzero(archs[:, p.slot.index] == p.code) for p in exact.places])
    scores = (means - exact.cell_mean) / np.sqrt(exact.cell_variance / counts)
    assert np.abs(scores).max() < 5
    assert np.abs(np.quantile(values[0], quantiles.taus) - quantiles.whole).max() < 0.1
    return sampled / seconds, sampled / 3 / for_quantiles


def against_rejection(space: Space) -> float:
    """Archs per second under a limit that one in a thousand meets: with and without rejection."""
    latency = additive(space)[0]
    sampler = LimitedSampler(space, latency.factors, limit=LIMIT_MS)
    started = time.perf_counter()
    drawn = sampler.draw(SMALL, np.random.default_rng(1))
    rate = SMALL / (time.perf_counter() - started)
    started = time.perf_counter()
    pool = draw_archs(space, POOL, np.random.default_rng(2))
    kept = latency.predict(pool)
    kept = kept[kept <= LIMIT_MS]
    rejecting = len(kept) / (time.perf_counter() - started)
    share = exact_distribution(space, latency.factors).share_under(LIMIT_MS)
    assert sampler.share.low <= share.high
    assert share.low <= sampler.share.high
    ours = latency.predict(drawn)
    assert ours.max() <= LIMIT_MS
    assert abs(ours.mean() - kept.mean()) < 5 * kept.std() / np.sqrt(len(kept))
    assert 0.0005 < share.value < 0.002
    return rate / rejecting


def main() -> None:
    """Run all parts."""
    space = load_space("ofa_mbv3")
    responses, quantiles = zip(*(against_a_pool(space) for _ in range(ROUNDS)), strict=True)
    keep("exact responses of 3 metrics", responses, against=f"a pool of {POOL:,} archs")
    keep("quantiles of 1 metric", quantiles, against="a third of that pool")
    limited = [against_rejection(space) for _ in range(ROUNDS)]
    keep(f"archs under {LIMIT_MS:g} ms, one in a thousand", limited, against="drawing and rejecting")


if __name__ == "__main__":
    main()
