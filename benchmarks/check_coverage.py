"""Do intervals hold, and is noise claimed? Coverage against exact truth, and claims on metrics of pure noise.

Run it with `make checks` (40 pools of each size), or alone: `python -m benchmarks.check_coverage POOLS [N ...]`.
Coverage is that of ofa_mbv3's latency on note10, whose responses are known exactly; noise is one normal number per
arch, for two metrics.
"""

from __future__ import annotations

import sys
from collections import Counter

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from blockprofile.predict import load_predictors
from blockprofile.profile import Accumulator, MetricInfo, Settings, exact_table, response_table
from blockprofile.profile.exact_table import additive_predictors
from blockprofile.prune import DEFAULT_POLICIES, find_policies, prune_table
from blockprofile.space import Archs, Space, draw_archs, load_space

SIZES = (500, 5_000, 50_000)
REPETITIONS = 40
NOISE = ("top1_percent", "latency_ms:noise")
ALPHA = 0.05
FAMILIES = ("M_b", "M_ulb", "M_d", "M_factor", "M_pair", "M_tau")
"""The families of a metric, each with its own 5 %: together six times as much at most (Boole)."""

KEYS = ["statistic", "tau", "u", "layer", "block", "depth"]
Values = dict[str, NDArray[np.float32]]


def profile(space: Space, archs: Archs, values: Values) -> pd.DataFrame:
    """Make the table of a pool."""
    seen = Accumulator(space, tuple(values), n_planned=len(archs))
    seen.add(archs, values)
    return response_table(seen, info={name: MetricInfo() for name in values}, settings=Settings())


def coverage(space: Space, n: int, repetitions: int) -> pd.DataFrame:
    """Cover the exact effects of note10: the share of intervals that hold, by statistic and tau.

    Returns
    -------
    Columns ``mean`` over all cells, its standard error ``se`` between pools, ``worst`` cell, ``bounded`` (the share of
    intervals with two finite ends).
    """
    (predictor,) = additive_predictors(load_predictors(space, metrics=["latency_ms:note10"], devices=["note10"]))
    truth = exact_table(space, [predictor]).dropna(subset="effect")[[*KEYS, "effect"]]
    parts = []
    for seed in range(repetitions):
        archs = draw_archs(space, n, np.random.default_rng([n, seed]))
        table = profile(space, archs, {predictor.metric: predictor.predict(archs)})
        both = table.merge(truth, on=KEYS, suffixes=("", "_true"), validate="one_to_one")
        both["holds"] = (both["ci_low"] <= both["effect_true"]) & (both["effect_true"] <= both["ci_high"])
        both["bounded"] = np.isfinite(both["ci_low"]) & np.isfinite(both["ci_high"])
        parts.append(both[[*KEYS, "holds", "bounded"]].assign(pool=seed))
    held, group = pd.concat(parts), ["statistic", "tau"]
    pools = held.groupby([*group, "pool"], dropna=False)["holds"].mean().groupby(group, dropna=False)
    cells = held.groupby(KEYS, dropna=False)[["holds", "bounded"]].mean().groupby(group, dropna=False)
    return pd.DataFrame(
        {
            "mean": pools.mean(),
            "se": pools.std() / np.sqrt(repetitions),
            "worst": cells["holds"].min(),
            "bounded": cells["bounded"].mean(),
        }
    )


def claims_of_noise(space: Space, n: int, repetitions: int) -> dict[str, float]:
    """Claim nothing of noise: the share of families with a claim, and of pools that a pruning drops something of."""
    hits: Counter[str] = Counter()
    for seed in range(repetitions):
        rng = np.random.default_rng([n, seed, 1])
        archs = draw_archs(space, n, rng)
        values = {name: (50 + rng.normal(size=n)).astype(np.float32) for name in NOISE}
        table = profile(space, archs, values)
        for name in NOISE:
            claimed = table[(table["metric"] == name) & table["is_effect"]]
            hits.update(f"{statistic}" for statistic in set(claimed["statistic"]))
            hits.update(f"M_tau {tau:g}" for tau in set(claimed["tau"].dropna()))
            hits["any of a metric"] += len(claimed) > 0
        for name in (*DEFAULT_POLICIES, "max-accuracy"):
            hits[f"prune {name}"] += drops(table, space, [name])
        hits["prune"] += drops(table, space, [])
    return {name: count / repetitions / families_of(name) for name, count in sorted(hits.items())}


def families_of(name: str) -> int:
    """Count the families of a pool: a pruning is one, claims are counted by metric."""
    return 1 if name.startswith("prune") else len(NOISE)


def drops(table: pd.DataFrame, space: Space, policies: list[str]) -> bool:
    """Tell whether a pruning drops anything."""
    return bool(prune_table(table, space, costs=[NOISE[1]], policies=find_policies(policies))[1])


def most_by_chance(share: float, n: int) -> float:
    """Return the share that is exceeded by chance once in 10,000 runs, where ``share`` is the truth."""
    return share + 3.7 * float(np.sqrt(share * (1 - share) / n))


def main(repetitions: int, sizes: tuple[int, ...]) -> None:
    """Measure, print, assert."""
    space = load_space("ofa_mbv3")
    for n in sizes:
        covered = coverage(space, n, repetitions)
        print(
            f"n = {n:,}, {repetitions} pools: share of 95 % intervals that hold\n{covered.round(3).to_string()}",
            flush=True,
        )
        claimed = claims_of_noise(space, n, repetitions)
        print("share of families of pure noise with a claim")
        print("\n".join(f"  {name:<24}{share:.3f}" for name, share in claimed.items()), flush=True)
        assert (covered["mean"] + 3 * covered["se"] >= 0.945).all(), covered
        means = covered.loc[["M_b", "M_ulb", "M_d", "M_factor", "M_pair"]]
        assert (means["mean"] - 3 * means["se"] <= 0.955).all(), covered
        for name, share in claimed.items():
            wanted = ALPHA * (len(FAMILIES) if name == "any of a metric" else 1)
            assert share <= most_by_chance(wanted, repetitions * families_of(name)), (name, share)


if __name__ == "__main__":
    numbers = [int(float(word)) for word in sys.argv[1:]]
    main(numbers[0] if numbers else REPETITIONS, tuple(numbers[1:]) or SIZES)
