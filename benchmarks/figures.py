"""What a benchmark finds: printed, and kept as JSON so that two commits can be compared.

`make bench` keeps one file for each commit, in `runs/bench/`. `make bench-compare A=... B=...` prints two of them side
by side: `python -m benchmarks.figures A.json B.json`. Every figure is a ratio against a baseline of the same run, since
machines differ and are shared.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

__all__ = ["keep"]

KEPT_IN = "BENCH_OUT"


def keep(name: str, ratios: float | Sequence[float], *, against: str) -> float:
    """Print a figure, and append it to the file that ``BENCH_OUT`` names, if it names one.

    Parameters
    ----------
    name
        What was timed, such as ``sample, two workers``.
    ratios
        How many times the baseline, one for each repetition; more is better.
    against
        The baseline.

    Returns
    -------
    The median.
    """
    values = np.atleast_1d(np.asarray(ratios, np.float64))
    low, median, high = (float(each) for each in np.quantile(values, [0, 0.5, 1]))
    spread = f" ({low:,.3g} to {high:,.3g} in {len(values)} repetitions)" if len(values) > 1 else ""
    print(f"  {name}: {median:,.3g} times {against}{spread}", flush=True)
    if os.environ.get(KEPT_IN):
        path = Path(os.environ[KEPT_IN])
        path.parent.mkdir(parents=True, exist_ok=True)
        known = json.loads(path.read_text("utf-8")) if path.exists() else {}
        known[name] = {"against": against, "times": median, "low": low, "high": high, "n": len(values)}
        path.write_text(json.dumps(known, indent=1) + "\n", "utf-8")
    return median


def main(first: str, second: str) -> None:
    """Print the figures of two files side by side; those whose spreads do not touch are marked."""
    before, after = (json.loads(Path(path).read_text("utf-8")) for path in (first, second))
    names = [*before, *(name for name in after if name not in before)]
    width = max(map(len, names), default=0)
    print(f"{'times the baseline of its own run':<{width}} {'before':>10} {'after':>10}")
    for name in names:
        one, two = before.get(name), after.get(name)
        told = [f"{each['times']:>10,.3g}" if each else f"{'-':>10}" for each in (one, two)]
        apart = one and two and (one["high"] < two["low"] or two["high"] < one["low"])
        print(f"{name:<{width}} {' '.join(told)}{'  *' if apart else ''}")


if __name__ == "__main__":
    main(*sys.argv[1:])
