"""How often the 95 % intervals of factors and of their interactions hold the true effect: asserted, and printed.

    python -m benchmarks.check_factors          # 200 pools of 600 archs
    python -m benchmarks.check_factors 1000

The truth is written down in `tests.profile.truths`: two factors that interact, one that does nothing, neighbouring
layers that interact, and noise.
"""

from __future__ import annotations

import sys

import pandas as pd

from tests.profile.truths import profile_factors

LOW, HIGH = 0.93, 0.97


def main(repetitions: int) -> None:
    """Measure, print, assert."""
    parts = pd.concat(profile_factors(n=600, seed=seed) for seed in range(repetitions))
    parts["where"] = parts["u"].map(lambda unit: "unit" if unit else "network")
    held = parts.groupby(["statistic", "where"])["is_covered"].mean()
    print(f"{repetitions} pools: share of 95 % intervals that hold\n{held.round(3).to_string()}")
    assert held.between(LOW, HIGH).all(), held


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
