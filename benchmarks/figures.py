"""What a benchmark finds: printed, and kept as JSON so that two commits can be compared.

`make bench` keeps one file for each commit, in `runs/bench/`. `make bench-compare A=... B=...` prints two of them side
by side: `python -m benchmarks.figures A.json B.json`. Every figure is a ratio against a baseline of the same run, since
machines differ and are shared.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from blockprofile.device.machine import processor_name
from blockprofile.errors import DataError, UserError
from blockprofile.jsonfile import read_json, write_json

__all__ = ["keep"]

KEPT_IN = "BENCH_OUT"
SCHEMA = "blockprofile-benchmarks/1"


@dataclass(frozen=True, slots=True)
class Figure:
    """How many times the baseline: the median, the least and the most of ``n`` repetitions."""

    times: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What was found on a machine; the keys name what was timed, and the baseline."""

    schema: str = SCHEMA
    machine: str = ""
    figures: dict[str, Figure] = field(default_factory=dict)


def keep(name: str, ratios: float | Sequence[float], *, against: str) -> float:
    """Print a figure, and add it to the file that ``BENCH_OUT`` names, if it names one.

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
    told = f"{name}, times {against}"
    print(f"  {told}: {median:,.3g}{spread}", flush=True)
    if os.environ.get(KEPT_IN):
        path = Path(os.environ[KEPT_IN])
        path.parent.mkdir(parents=True, exist_ok=True)
        known = read(path).figures if path.exists() else {}
        machine = f"{processor_name()}, {os.cpu_count()} cores"
        figures = known | {told: Figure(median, low, high, len(values))}
        write_json(path, asdict(Figures(machine=machine, figures=figures)))
    return median


def read(path: Path) -> Figures:
    """Read a file that `keep` wrote."""
    return read_json(path, Figures, schema=SCHEMA, made_by="`make bench` at its commit")


def compare(first: Path, second: Path) -> None:
    """Print the figures of two files side by side; those whose spreads do not touch are marked."""
    before, after = read(first), read(second)
    for word, path, found in (("before", first, before), ("after", second, after)):
        print(f"{word}: {path}, {found.machine}")
    names = [*before.figures, *(name for name in after.figures if name not in before.figures)]
    width = max(map(len, names), default=0)
    print(f"{'':<{width}} {'before':>10} {'after':>10}")
    for name in names:
        print(f"{name:<{width}} {_row(before.figures.get(name), after.figures.get(name))}")
    print("* no repetition of the one is among those of the other; a single repetition tells nothing")


def _row(one: Figure | None, two: Figure | None) -> str:
    told = " ".join(f"{each.times:>10,.3g}" if each else f"{'-':>10}" for each in (one, two))
    if one is None or two is None or min(one.n, two.n) == 1:
        return told
    return told + (" *" if one.high < two.low or two.high < one.low else "")


def main(words: Sequence[str]) -> None:
    """Compare two files, or say what is wrong with them."""
    if len(words) != 2:
        sys.exit(f"benchmarks.figures takes two files, A.json and B.json; {len(words)} were given")
    try:
        compare(Path(words[0]), Path(words[1]))
    except (UserError, DataError, OSError) as failure:
        sys.exit(str(failure))


if __name__ == "__main__":
    main(sys.argv[1:])
