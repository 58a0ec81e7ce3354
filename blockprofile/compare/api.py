"""`compare`: search the original and other cases with the same seeds and budgets, and tell whether they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from blockprofile.command import typed_by_nobody
from blockprofile.compare.algorithms import parse_algorithm
from blockprofile.compare.cases import Case, make_cases
from blockprofile.compare.result import Comparison
from blockprofile.compare.table import COMPARISON_NAME, write_comparison
from blockprofile.errors import DataError, OptionError, RunError
from blockprofile.numbers import parse_count
from blockprofile.options import Options, refuse_text
from blockprofile.run import Execution, RunFolder, open_run, run_digest, run_tasks, show_progress
from blockprofile.search import NSGA2, Aims, Exact, Goal, Problem, SearchResult, build_problem, load_search, search
from blockprofile.space import Space, describe_space, kept_space

RUNS = "runs"
DEFAULT_SEEDS = 5

WORTH_A_PROCESS = 20_000
"""Evaluations from which processes are started unasked: each imports torch first, for which 10,000 are evaluated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials(Options):
    """How often every case is searched, and where the results are compared.

    Parameters
    ----------
    budget
        Evaluations of each search; None is the first algorithm's default.
    seeds, seed
        How many searches of each case, at least 1, and the first one's seed.
    at
        Values of the cost at which the best gain is compared; None takes three from the joint front.

    Raises
    ------
    OptionError
        If there are no seeds, or they are negative.
    """

    budget: int | str | None = None
    seeds: int = DEFAULT_SEEDS
    seed: int = 0
    at: Sequence[float] | None = None

    def __post_init__(self) -> None:
        if self.seeds < 1:
            raise OptionError(f"--seeds is {self.seeds}; it must be at least 1")
        if self.seed < 0:
            raise OptionError(f"--seed {self.seed} must be at least 0")


DEFAULT_TRIALS = Trials()


def compare(
    space: str | Path | Space,
    insights: Sequence[str | Path | Space] = (),
    *,
    algorithms: Sequence[str] = ("nsga2",),
    aims: Aims | Sequence[str | Goal] = (),
    trials: Trials = DEFAULT_TRIALS,
    resolution: int | None = None,
    workers: int | str = "auto",
    out: str | Path | None = None,
) -> Comparison:
    """Compare pruned spaces, or algorithms, with the original.

    Parameters
    ----------
    insights
        Pruned spaces of it: files, or shipped names.
    algorithms
        Text as ``nsga2`` or ``mutation:pool=20,children=50``. Every space is searched by every algorithm; the
        original by the first one is what all others are compared with.
    aims
        As of `blockprofile.search.search`.
    workers
        Processes; 1 works in this one, ``auto`` is every core that may be used: 1 below 20,000 evaluations (starting
        takes longer) and beside the user's own predictors (some time networks, or train them). The result does
        not depend on it.
    out
        A folder that keeps all searches. The same comparison on the same folder goes on where it was interrupted.

    Raises
    ------
    UserError
        For unknown names, values that are not allowed, a folder of another comparison.
    DataError
        If a predictor or one of the folder's tables is damaged.

    Examples
    --------
    >>> aims, trials = ["macs_m:min", "params_m:max"], Trials(budget=300, seeds=4)
    >>> found = compare("moga", algorithms=["nsga2", "random"], aims=aims, trials=trials)
    >>> [verdict.is_better for verdict in found.verdicts if verdict.indicator.name == "hypervolume"]
    [False]
    """
    refuse_text(insights=insights, algorithms=algorithms)
    cases = make_cases(space, insights, algorithms, resolution=resolution)
    asked = Aims.of(aims)
    problem, described = build_problem(cases[0].space, asked)
    _refuse_idle(cases, problem, trials.at)
    if trials.budget is None:
        spent = cases[0].algorithm.default_budget(len(problem.goals))
    else:
        spent = parse_count(trials.budget, name="--budget")
    every = tuple(range(trials.seed, trials.seed + trials.seeds))
    same = replace(asked, objectives=tuple(problem.goals), predictors=tuple(asked.predictors))
    places = None if trials.at is None else tuple(float(value) for value in trials.at)
    config = {
        "space": describe_space(cases[0].space, cases[0].source),
        "cases": [_describe(case) for case in cases],
        "goals": [goal.describe() for goal in problem.goals],
        "limits": list(asked.limits),
        **asked.describe(),
        "budget": spent,
        "seeds": list(every),
        "seed": trials.seed,
        "at": None if places is None else list(places),
        "reference": None if asked.reference is None else [float(value) for value in asked.reference],
        "predictors": described,
    }
    opened = nullcontext() if out is None else open_run(out, kind="comparison", config=config)
    with opened as folder:
        tasks = [(case, number, same, spent, _run_folder(folder, case, number)) for case in cases for number in every]
        runs: list[SearchResult] = []
        small = len(tasks) * spent < WORTH_A_PROCESS or bool(asked.predictors)
        execution = Execution(workers=1 if workers == "auto" and small else workers, backend="loky")
        with show_progress("comparing", len(tasks) * spent) as advance:
            for result in run_tasks(_search_one, tasks, execution):
                runs.append(result)
                advance(spent)
        by_case = tuple(tuple(runs[first : first + trials.seeds]) for first in range(0, len(runs), trials.seeds))
        comparison = Comparison(cases, by_case, every, spent, places, folder)
        if folder is not None:
            write_comparison(comparison, folder / COMPARISON_NAME, run=run_digest(config))
    return comparison


def _refuse_idle(cases: Sequence[Case], problem: Problem, at: Sequence[float] | None) -> None:
    """Refuse what has no effect on this comparison."""
    directions = {goal.direction for goal in problem.goals}
    if at is not None and directions != {"max", "min"}:
        raise OptionError(f"--at {at[0]:g} has no effect here: it needs an objective to be maximised and one minimised")
    if len({goal.weight for goal in problem.goals}) > 1 and not any(isinstance(c.algorithm, NSGA2) for c in cases):
        raise OptionError("the weights of --objective have no effect here: no --algorithm weighs but nsga2")
    for case in cases:
        if "top=" in case.algorithm_text and len(problem.goals) > 1:
            raise OptionError(f"algorithm {case.algorithm_text!r}: top has no effect with several objectives")


def _describe(case: Case) -> dict[str, Any]:
    return {"name": case.name, "space": describe_space(case.space, case.source), "algorithm": case.algorithm_text}


def _run_folder(folder: Path | None, case: Case, seed: int) -> Path | None:
    return None if folder is None else _search_folder(folder, case, seed)


def _search_folder(folder: Path, case: Case, seed: int) -> Path:
    return folder / RUNS / case.slug / f"seed-{seed}"


def _search_one(case: Case, seed: int, aims: Aims, budget: int, out: Path | None) -> SearchResult:
    spent = None if isinstance(case.algorithm, Exact) else budget
    with typed_by_nobody():
        return search(case.space, aims, algorithm=case.algorithm, budget=spent, seed=seed, out=out)


def load_comparison(folder: str | Path) -> Comparison:
    """Read a finished comparison from its folder; nothing is evaluated again, nothing beside the folder needed.

    Raises
    ------
    UnknownNameError, RunError
        If the folder is no comparison, or is unfinished.
    DataError
        If its files are damaged.
    """
    run = RunFolder.read(folder, "comparison")
    path, config, file = run.path, run.config, run.file
    if not (path / COMPARISON_NAME).is_file():
        raise RunError(f"the comparison in {str(path)!r} is unfinished; run the same compare command again")
    try:
        cases = tuple(_kept_case(about, file) for about in config["cases"])
        seeds = tuple(config["seeds"])
        runs = tuple(
            tuple(load_search(_search_folder(path, case, seed), space=case.space) for seed in seeds) for case in cases
        )
        at = None if config["at"] is None else tuple(config["at"])
        return Comparison(cases, runs, seeds, config["budget"], at, path)
    except (KeyError, TypeError, AttributeError) as failure:
        raise DataError(f"{file} is damaged: {failure!r}") from None


def _kept_case(about: Mapping[str, Any], file: Path) -> Case:
    space, text = kept_space(about["space"], file), about["algorithm"]
    return Case(about["name"], space, about["space"]["source"], text, parse_algorithm(text))
