"""`judge`: what labels, prunings and searches are worth, counted over repetitions, as a stage of a study."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import blockprofile
from blockprofile.errors import OptionError
from blockprofile.files import make_folder
from blockprofile.journalfile import append_line, open_journal
from blockprofile.jsonfile import digest_of, write_json
from blockprofile.options import Options
from blockprofile.profile import explain_by_order
from blockprofile.prune import OWN_SHARE, RISK, scale_of
from blockprofile.run import Execution, run_tasks, show_progress
from blockprofile.search import NSGA2, Algorithm, RandomMutation
from blockprofile.truth.scores import check_scored, plan_row, rank_unlabelled, score_archs
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

__all__ = ["judge"]

WAYS = ((0.3, 0.05), (1.0, 0.05), (1.0, 0.1), (1.0, 0.2))
"""The shares of the rest that are tried as archs' own, and the risks; the first half of the repetitions chooses."""
DEFAULT = (OWN_SHARE, RISK)
JOURNAL = "judged.jsonl"
PART = 25
"""Archs that are scored in one task."""
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
    scored: int = 0,
    repeats: Repeats = HUNDRED,
) -> Path:
    """Judge by a table of all archs of a space, each trained several times; what was killed goes on where it was.

    Labels are single trainings of archs drawn at random; everything that is made of them is judged by the other
    trainings of all archs.

    Parameters
    ----------
    space, metric
        A space, and a predictor that is a table of all its archs.
    out
        The folder: ``results.json``, the page and figures, and the journal of what is done.
    costs
        Metrics that add up: limits are set on each of them.
    n
        How many archs are labelled.
    searched
        For which of them searches are compared: as many trainings more, in the pruned space, against all of them in
        the whole space; and planned labels with drawn ones.
    scored
        How many archs zero-cost scores are judged on; 0 leaves them out.
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
    check_scored(scored)
    truth, priced, _ = _known(space, metric, tuple(costs))
    if max(n) > len(truth.archs):
        raise OptionError(f"n is {max(n)}; space {space!r} has {len(truth.archs)} archs")
    folder = make_folder(Path(out))
    half = repetitions // 2
    what = (space, metric, tuple(costs))
    picked = np.random.default_rng(seed).permutation(len(truth.archs))[:scored]
    tasks: dict[str, tuple[Any, ...]] = {
        f"scores {low}": ("scores", what, picked[low : low + PART]) for low in range(0, scored, PART)
    }
    tasks |= {
        f"{size} labels {each}": ("labels", what, (size, each, seed, size in searched))
        for each in range(repetitions)
        for size in n
    }
    found = _run(folder, f"judging {space}", tasks, workers=repeats.workers)
    rows: dict[str, list[Row]] = {}
    for key in (key for key in tasks if not key.startswith("scores")):
        for name, more in found[key].items():
            rows.setdefault(name, []).extend(more)
    from blockprofile.truth.page import write_page

    results = {
        "space": space, "metric": truth.metric, "archs": len(truth.archs), "runs": truth.n_runs,
        "spread": truth.spread, "repetitions": repetitions, "seed": seed, "n": list(n), "costs": list(costs),
        "limits": {name: cost.limits.tolist() for name, cost in priced.items()},
        "explained": _explained(truth), "default": _name(*DEFAULT), "own": OWN_SHARE, "risk": RISK,
        "estimates": summarise(rows["estimates"], ("n", "how", "statistic")),
        "chosen_on": summarise([r for r in rows["prunings"] if r["repetition"] < half], ("n", "cost", "how")),
        "prunings": summarise([r for r in rows["prunings"] if r["repetition"] >= half], ("n", "cost", "how")),
        "searches": summarise(rows.get("searches", []), ("n", "cost", "algorithm", "where")),
        "plans": _factors_of(rows.get("plans", [])),
        "fits": summarise(rows["fits"], ("n", "by")),
        "unlabelled": _unlabelled(truth, picked, [found[key]["scores"] for key in tasks if key.startswith("scores")]),
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


def _name(own: float, risk: float) -> str:
    return f"pairs, own {own:g}, risk {risk:g}"


def _run(folder: Path, title: str, tasks: Mapping[str, tuple[Any, ...]], *, workers: int | str) -> dict[str, Any]:
    """Do what is not done yet, and return what every task found."""
    digest = digest_of(json.loads(json.dumps([str(task) for task in tasks.values()])))
    head = {"judged": digest, "version": blockprofile.__version__}
    done = {line["task"]: line["found"] for line in open_journal(folder / JOURNAL, head, what="judgement")}
    left = [key for key in tasks if key not in done]
    with show_progress(title, len(left)) as advance:
        for key, found in zip(
            left, run_tasks(_do, (tasks[key] for key in left), Execution(workers=workers, backend="loky")), strict=True
        ):
            append_line(folder / JOURNAL, {"task": key, "found": found})
            done[key] = json.loads(json.dumps(found))
            advance(1)
    return done


def _do(kind: str, what: tuple[str, str, tuple[str, ...]], trial: Any) -> dict[str, Any]:
    if kind == "scores":
        truth = _known(*what)[0]
        return {"scores": score_archs(truth.space, truth.archs[trial])}
    return _repeat(what, trial)


def _unlabelled(truth: Truth, picked: NDArray[np.int64], parts: Sequence[Mapping[str, Sequence[float]]]) -> list[Row]:
    if not parts:
        return []
    scores = {name: np.concatenate([np.asarray(part[name], np.float64) for part in parts]) for name in parts[0]}
    return rank_unlabelled(truth.space, truth.archs[picked], truth.runs[picked].mean(axis=1), scores)


def _factors_of(rows: Sequence[Row]) -> list[Row]:
    found = []
    for n, statistic in dict.fromkeys((row["n"], row["statistic"]) for row in rows):
        part = [row for row in rows if (row["n"], row["statistic"]) == (n, statistic)]
        found.append(
            {"n": n, "statistic": statistic, "tried": len(part)} | plan_row([(r["drawn"], r["planned"]) for r in part])
        )
    return found


def _repeat(what: tuple[str, str, tuple[str, ...]], trial: tuple[int, int, int, bool]) -> dict[str, list[Row]]:
    """Draw labels once and judge all that is made of them."""
    truth, costs, whole = _known(*what)
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
        spaces = {_name(*way): by_pairs[(name, *way)] for way in WAYS}
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


def _compare_plans(truth: Truth, labels: Labels, drawn: Any, whole: Any, about: Row) -> list[Row]:
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
