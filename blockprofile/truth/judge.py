"""`judge`: what labels, prunings and searches are worth, counted over repetitions, as a stage of a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from blockprofile.errors import OptionError
from blockprofile.files import make_folder
from blockprofile.jsonfile import write_json
from blockprofile.options import Options
from blockprofile.profile import explain_by_order
from blockprofile.prune import OWN_SHARE, scale_of
from blockprofile.run import Execution, run_tasks, show_progress
from blockprofile.search import NSGA2, Algorithm, RandomMutation
from blockprofile.truth.table import Cost, Truth, read_truth
from blockprofile.truth.trials import (
    Judged,
    draw_labels,
    estimate,
    judge_pruning,
    prune_by_main,
    prune_by_pairs,
    prune_by_truth,
    random_prunings,
    regret,
    responses_of,
)

__all__ = ["judge"]

OWNS = (0.0, 0.3, OWN_SHARE)
"""The shares of the rest that are tried as archs' own; the first half of the repetitions chooses."""
ALGORITHMS: Mapping[str, str | Algorithm] = {
    "random": "random",
    "mutation": RandomMutation(pool=20, children=10),
    "nsga2": NSGA2(population=20),
}
"""Sizes of generations that go with some dozens of trainings."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeats(Options):
    """How often everything is done, its seed, and in how many processes, on which no result depends."""

    repetitions: int = 100
    seed: int = 0
    workers: int | str = 1


HUNDRED = Repeats()


def judge(
    space: str,
    *,
    metric: str,
    out: str | Path,
    costs: Sequence[str] = ("macs_m", "params_m"),
    n: Sequence[int] = (50, 200, 1000),
    searched: Sequence[int] = (50, 200),
    repeats: Repeats = HUNDRED,
) -> Path:
    """Judge by a table of all archs of a space, each trained several times.

    Labels are single trainings of archs drawn at random; everything that is made of them is judged by the other
    trainings of all archs.

    Parameters
    ----------
    space, metric
        A space, and a predictor that is a table of all its archs.
    out
        The folder: ``results.json``, the page and figures.
    costs
        Metrics that add up: limits are set on each of them.
    n
        How many archs are labelled.
    searched
        For which of them searches are compared: as many trainings more, in the pruned space, against all of them in
        the whole space.
    repeats
        How often. The first half chooses what is taken as archs' own, the second is reported of prunings.

    Returns
    -------
    The folder.

    Raises
    ------
    OptionError
        If a number is out of range.
    DataError
        If the metric is no table of all archs.
    """
    repetitions, seed = repeats.repetitions, repeats.seed
    if repetitions < 4 or min(n) < 20 or not set(searched) <= set(n):
        raise OptionError("judge takes 4 repetitions and 20 labels at least, and searches after numbers among n")
    truth, priced, _ = _known(space, metric, tuple(costs))
    if max(n) > len(truth.archs):
        raise OptionError(f"n is {max(n)}; space {space!r} has {len(truth.archs)} archs")
    folder = make_folder(Path(out))
    half = repetitions // 2
    rows: dict[str, list[Row]] = {"estimates": [], "prunings": [], "searches": []}
    what = (space, metric, tuple(costs))
    trials = ((size, each, seed, size in searched, each < half) for size in n for each in range(repetitions))
    tasks = ((what, trial) for trial in trials)
    with show_progress(f"judging {space}", repetitions * len(n)) as advance:
        for found in run_tasks(_repeat, tasks, Execution(workers=repeats.workers, backend="loky")):
            for name, more in found.items():
                rows[name] += more
            advance(1)
    from blockprofile.truth.page import write_page

    results = {
        "space": space, "metric": truth.metric, "archs": len(truth.archs), "runs": truth.n_runs,
        "spread": truth.spread, "repetitions": repetitions, "seed": seed, "n": list(n), "costs": list(costs),
        "limits": {name: cost.limits.tolist() for name, cost in priced.items()},
        "explained": _explained(truth), "own": OWN_SHARE,
        "estimates": summarise(rows["estimates"], ("n", "how", "statistic")),
        "chosen_on": summarise([r for r in rows["prunings"] if r["repetition"] < half], ("n", "cost", "how")),
        "prunings": summarise([r for r in rows["prunings"] if r["repetition"] >= half], ("n", "cost", "how")),
        "searches": summarise(rows["searches"], ("n", "cost", "algorithm", "where")),
    }  # fmt: skip
    write_json(folder / "results.json", results, within=folder)
    write_page(folder, results)
    return folder


def _explained(truth: Truth) -> Row:
    """Tell what main effects and pairs explain of the truth, on its own scale and on that of the error."""
    values = truth.runs.mean(axis=1)
    rng = np.random.default_rng(0)
    chosen = rng.permutation(len(values))[:2000]
    found = {}
    for name, column in {"points": values, "log error": scale_of(truth.metric, values).to(values)}.items():
        told = explain_by_order(truth.space, truth.archs[chosen], column[chosen])
        assert told is not None
        found[name] = {"main": told.main, "both": told.both, "archs": told.n}
    return found


@lru_cache(maxsize=2)
def _known(space: str, metric: str, costs: tuple[str, ...]) -> tuple[Truth, dict[str, Cost], Any]:
    """Read a truth, price its archs, and profile it whole; once in a process."""
    truth = read_truth(space, metric)
    noise = np.full(len(truth.archs), truth.spread**2 / truth.n_runs)
    whole = responses_of(truth, truth.archs, truth.runs.mean(axis=1), plain=True, noise=noise)
    return truth, {name: truth.cost(name) for name in costs}, whole


def _repeat(what: tuple[str, str, tuple[str, ...]], trial: tuple[int, int, int, bool, bool]) -> dict[str, list[Row]]:
    """Draw labels once and judge all that is made of them; more ways to prune are tried where one is chosen."""
    truth, costs, whole = _known(*what)
    size, repetition, seed, is_searched, is_choosing = trial
    rows: dict[str, list[Row]] = {"estimates": [], "prunings": [], "searches": []}
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(size, repetition)))
    labels = draw_labels(truth, size, rng, run=repetition % truth.n_runs)
    about = {"n": size, "repetition": repetition}
    profiles = {
        how: responses_of(truth, truth.archs[labels.rows], labels.values, plain=how == "plain")
        for how in (("sharp", "plain") if is_choosing else ("sharp",))
    }
    for how, profile in profiles.items():
        for statistic, compared in estimate(profile, whole).items():
            rows["estimates"].append({**about, "how": how, "statistic": statistic, **compared})
    owns = OWNS if is_choosing else (OWN_SHARE,)
    by_pairs = prune_by_pairs(truth, labels, costs, owns=owns, seed=repetition)
    for name, cost in costs.items():
        spaces = {f"pairs {own:g}": by_pairs[name, own] for own in owns}
        spaces["main effects"] = prune_by_main(truth, profiles["sharp"], cost)
        spaces["the truth"] = prune_by_truth(truth, labels.judge, cost)
        for how, pruned in spaces.items():
            found = judge_pruning(truth, cost, labels.judge, pruned)
            rows["prunings"].append({**about, "cost": name, "how": how, **_figures(truth, found)})
        ours = by_pairs[name, OWN_SHARE]
        for found in random_prunings(truth, cost, labels.judge, ours, rng):
            rows["prunings"].append({**about, "cost": name, "how": "random", **_figures(truth, found)})
    if is_searched:
        _search(truth, labels, next(iter(costs.values())), by_pairs[next(iter(costs)), OWN_SHARE], rows, about)
    return rows


def _figures(truth: Truth, found: Judged) -> Row:
    return {
        "left": found.left, "hypervolume": found.hypervolume, "most": min(found.most, 100.0),
        "kept": float(found.most <= truth.spread), "survives": float(np.mean(found.survives)),
        "by_limit": found.survives,
    }  # fmt: skip


def _search(truth: Truth, labels: Any, cost: Cost, pruned: Any, rows: dict[str, list[Row]], about: Row) -> None:
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


def summarise(rows: Sequence[Row], keys: Sequence[str]) -> list[Row]:
    """Average the figures of all repetitions, with the standard error of each; shares limit by limit too."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    found = []
    for key, members in groups.items():
        line: Row = dict(zip(keys, key, strict=True))
        line["repetitions"] = len({member["repetition"] for member in members})
        for name in members[0]:
            if name in keys or name == "repetition":
                continue
            column = np.array([member[name] for member in members], np.float64)
            line[name] = column.mean(axis=0).tolist()
            if column.ndim == 1:
                spread = column.std(ddof=1) if len(column) > 1 else 0.0
                line[f"{name}_se"] = float(spread / np.sqrt(line["repetitions"]))
        if "most" in line:
            line["most_95"] = float(np.quantile([member["most"] for member in members], 0.95))
        found.append(line)
    return found
