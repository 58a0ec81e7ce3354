"""One repetition of `blockprofile.truth.judge`: labels drawn once, and all that is made of them judged."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from blockprofile.profile import Profile
from blockprofile.prune import OWN_SHARE, RISK
from blockprofile.search import NSGA2, Algorithm, RandomMutation
from blockprofile.space import Space
from blockprofile.truth.table import Cost, Truth, read_truth
from blockprofile.truth.trials import (
    Judged,
    Labels,
    draw_labels,
    estimate,
    fit_others,
    judge_pruning,
    plan_labels,
    prune_by_main,
    prune_by_pairs,
    prune_by_truth,
    random_prunings,
    regret,
    responses_of,
)

WAYS = ((0.3, 0.05), (1.0, 0.05), (1.0, 0.1), (1.0, 0.2))
"""The shares of the rest that are tried as archs' own, and the risks; the first half of the repetitions chooses."""
DEFAULT = (OWN_SHARE, RISK)
ALGORITHMS: Mapping[str, str | Algorithm] = {
    "random": "random",
    "mutation": RandomMutation(pool=20, children=10),
    "nsga2": NSGA2(population=20),
}
"""Sizes of generations that go with some dozens of trainings."""

Row = dict[str, Any]


@lru_cache(maxsize=2)
def known_truth(space: str, metric: str, costs: tuple[str, ...]) -> tuple[Truth, dict[str, Cost], Profile]:
    """Read a truth, price its archs, and profile it whole; once in a process."""
    truth = read_truth(space, metric)
    noise = np.full(len(truth.archs), truth.spread**2 / truth.n_runs)
    whole = responses_of(truth, truth.archs, truth.runs.mean(axis=1), plain=True, noise=noise)
    return truth, {name: truth.cost(name) for name in costs}, whole


def name_of(own: float, risk: float) -> str:
    """Name a pruning by pairs by the share taken as archs' own and the risk."""
    return f"pairs, own {own:g}, risk {risk:g}"


def repeat(what: tuple[str, str, tuple[str, ...]], trial: tuple[int, int, int, bool]) -> dict[str, list[Row]]:
    """Draw labels once and judge all that is made of them."""
    truth, costs, whole = known_truth(*what)
    size, repetition, seed, is_searched = trial
    rows: dict[str, list[Row]] = {"estimates": [], "prunings": [], "searches": [], "plans": [], "fits": []}
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(size, repetition)))
    labels = draw_labels(truth, size, rng, run=repetition % truth.n_runs)
    about = {"n": size, "repetition": repetition}
    profiles = {
        how: responses_of(truth, truth.archs[labels.rows], labels.values, plain=how == "plain")
        for how in ("sharp", "plain")
    }
    for how, profile in profiles.items():
        for statistic, compared in estimate(profile, whole).items():
            rows["estimates"].append({**about, "how": how, "statistic": statistic, **compared})
    rows["fits"] += [{**about, "by": by, **found} for by, found in fit_others(truth, labels).items()]
    by_pairs = prune_by_pairs(truth, labels, costs, ways=WAYS, seed=repetition)
    for name, cost in costs.items():
        spaces = {name_of(*way): by_pairs[(name, *way)] for way in WAYS}
        spaces["main effects"] = prune_by_main(truth, profiles["sharp"], cost)
        spaces["the truth"] = prune_by_truth(truth, labels.judge, cost)
        for how, pruned in spaces.items():
            found = judge_pruning(truth, cost, labels.judge, pruned)
            rows["prunings"].append({**about, "cost": name, "how": how, **_figures(truth, found)})
        for found in random_prunings(truth, cost, labels.judge, by_pairs[(name, *DEFAULT)], rng):
            rows["prunings"].append({**about, "cost": name, "how": "random", **_figures(truth, found)})
    if is_searched:
        first = next(iter(costs))
        _search(truth, labels, costs[first], by_pairs[(first, *DEFAULT)], rows, about)
        rows["plans"] += _compare_plans(truth, labels, profiles["sharp"], whole, about)
    return rows


def _compare_plans(truth: Truth, labels: Labels, drawn: Profile, whole: Profile, about: Row) -> list[Row]:
    """Set the squared error of effects from planned labels beside that from drawn ones."""
    planned = plan_labels(truth, len(labels.rows), run=labels.run, seed=about["repetition"])
    table = responses_of(truth, truth.archs[planned.rows], planned.values, plain=False)
    by_plan, by_draw = estimate(table, whole), estimate(drawn, whole)
    return [
        {**about, "statistic": name, "drawn": by_draw[name]["rmse"] ** 2, "planned": by_plan[name]["rmse"] ** 2}
        for name in by_draw
    ]


def _figures(truth: Truth, found: Judged) -> Row:
    return {
        "left": found.left, "hypervolume": found.hypervolume, "most": min(found.most, 100.0),
        "kept": float(found.most <= truth.spread), "survives": float(np.mean(found.survives)),
        "by_limit": found.survives,
    }  # fmt: skip


def _search(truth: Truth, labels: Labels, cost: Cost, pruned: Space, rows: dict[str, list[Row]], about: Row) -> None:
    more = len(labels.rows)
    plans = {
        "pruned": (pruned, min(more, int(pruned.contains(truth.archs).sum()))),
        "whole, labels too": (truth.space, more),
        "whole": (None, 2 * more),
    }
    for name, algorithm in ALGORITHMS.items():
        for where, (within, budget) in plans.items():
            lack = regret(
                truth, labels, cost, algorithm=algorithm, budget=budget, within=within, seed=about["repetition"]
            )
            rows["searches"].append({**about, "cost": cost.name, "algorithm": name, "where": where, "lack": lack})
