"""How often the 95 % intervals of a fitted predictor's effects hold the true effect: asserted, and printed.

    python -m benchmarks.check_labels                        # 200 repetitions at 300 and 2,000 labels, 40 at 20,000
    python -m benchmarks.check_labels --repetitions 20       # a tenth of that

The truth is made up on ofa_mbv3 (values of all slots' codes and of pairs of neighbouring layers), so its effects are
known exactly; labels have noise of 0.7 of its spread, the same for all archs or growing with what is measured.
Predictors are additive, so that they are wrong about what pairs add. The baseline, in the same run, is the intervals of
the predictor alone.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import pandas as pd

from blockprofile.space import load_space

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.profile.truths import STATISTICS, Truth, make_truth, profile_fitted

LOW, HIGH = 0.93, 0.97
LABELS = (300, 2_000, 20_000)


def coverage(truth: Truth, *, n_labels: int, repetitions: int, is_uneven: bool, corrected: bool) -> pd.Series:
    """Return the share of intervals that hold the truth, by statistic."""
    tables = [
        profile_fitted(
            truth, n_labels=n_labels, n_pool=50_000, seed=seed, noise=0.7, is_uneven=is_uneven, corrected=corrected
        )
        for seed in range(repetitions)
    ]
    return pd.concat(tables).groupby("statistic")["is_covered"].mean()


def main() -> None:
    """Measure and assert."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=200, help="at 300 and 2,000 labels; a fifth at 20,000")
    parser.add_argument("--labels", type=int, nargs="*", default=LABELS)
    arguments = parser.parse_args()
    truth = make_truth(load_space("ofa_mbv3"), seed=5)
    for n_labels in arguments.labels:
        repetitions = arguments.repetitions if n_labels < 10_000 else max(1, arguments.repetitions // 5)
        for is_uneven in (False, True):
            started = time.perf_counter()
            options = {"n_labels": n_labels, "is_uneven": is_uneven}
            found = coverage(truth, **options, repetitions=repetitions, corrected=True)
            alone = coverage(truth, **options, repetitions=max(1, repetitions // 10), corrected=False)
            told = ", ".join(f"{name} {found[name]:.1%} (predictor alone {alone[name]:.1%})" for name in STATISTICS)
            noise = "uneven" if is_uneven else "even"
            took = time.perf_counter() - started
            print(f"{n_labels:,} labels, {noise} noise, {repetitions} repetitions: {told}; {took:.0f} s", flush=True)
            if repetitions >= 100:
                assert LOW <= found["M_ulb"] <= HIGH, found
                assert all(LOW - 0.01 <= found[name] <= HIGH + 0.01 for name in STATISTICS), found


if __name__ == "__main__":
    main()
