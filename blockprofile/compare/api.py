"""`compare`: search the original and other cases with the same seeds and budgets, and tell whether they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from blockprofile.compare.algorithms import parse_algorithm
from blockprofile.compare.cases import Case, make_cases
from blockprofile.compare.result import Comparison
from blockprofile.compare.table import COMPARISON_NAME, write_comparison
from blockprofile.errors import DataError, OptionError, RunError
from blockprofile.numbers import parse_count
from blockprofile.predict import Predictor
from blockprofile.run import MANIFEST_NAME, open_run, read_manifest, run_digest, run_tasks, show_progress
from blockprofile.search import Exact, Goal, Problem, SearchResult, build_problem, load_search, search
from blockprofile.space import Space, describe_space, kept_space

__all__ = ["compare", "load_comparison"]

RUNS = "runs"
DEFAULT_SEEDS = 5

WORTH_A_PROCESS = 20_000
"""Evaluations from which processes are started unasked: each imports torch first, for which 10,000 are evaluated."""


def compare(
    space: str | Path | Space,
    *,
    insights: Sequence[str | Path | Space] = (),
    algorithms: Sequence[str] = ("nsga2",),
    objectives: Sequence[str | Goal] = (),
    devices: Sequence[str] = (),
    metrics: Sequence[str] = (),
    limits: Sequence[str] = (),
    budget: int | str | None = None,
    seeds: int = DEFAULT_SEEDS,
    seed: int = 0,
    at: Sequence[float] | None = None,
    reference: Sequence[float] | None = None,
    resolution: int | None = None,
    law: str = "papers",
    predictors: Sequence[Predictor] = (),
    workers: int | str = "auto",
    out: str | Path | None = None,
    command: str = "",
) -> Comparison:
    """Compare pruned spaces, or algorithms, with the original.

    Parameters
    ----------
    space
        The original: a shipped name or a file.
    insights
        Pruned spaces of it: files, or shipped names.
    algorithms
        Text as ``nsga2`` or ``mutation:pool=20,children=50``. Every space is searched by every algorithm; the
        original by the first one is what all others are compared with.
    objectives, devices, metrics, limits, law, reference, predictors
        See `blockprofile.search.search`.
    budget
        Evaluations of each search; None is the first algorithm's default.
    seeds, seed
        How many searches of each case, at least 1, and the first one's seed.
    at
        Values of the cost at which the best gain is compared; None takes three from the joint front.
    resolution
        In pixels.
    workers
        Processes; 1 works in this one, ``auto`` is every core that may be used: 1 below 20,000 evaluations (starting
        takes longer) and beside the user's own predictors (some time networks, or train them). The result does
        not depend on it.
    out
        A folder that keeps all searches. The same comparison on the same folder goes on where it was interrupted.
    command
        What the user typed, for the manifest.

    Raises
    ------
    UserError
        For unknown names, values that are not allowed, a folder of another comparison.
    DataError
        If a predictor or one of the folder's tables is damaged.

    Examples
    --------
    >>> found = compare(
    ...     "moga", algorithms=["nsga2", "random"], objectives=["macs_m:min", "params_m:max"], budget=300, seeds=4
    ... )
    >>> [verdict.is_better for verdict in found.verdicts if verdict.indicator.name == "hypervolume"]
    [False]
    """
    if seeds < 1:
        raise OptionError(f"--seeds is {seeds}; it must be at least 1")
    if seed < 0:
        raise OptionError(f"--seed {seed} must be at least 0")
    cases = make_cases(space, insights, algorithms, resolution=resolution)
    problem, described = build_problem(
        cases[0].space, objectives, limits=limits, devices=devices, metrics=metrics, predictors=predictors
    )
    _refuse_idle(cases, problem, at)
    spent = cases[0].algorithm.default_budget(len(problem.goals)) if budget is None else _count(budget)
    every = tuple(range(seed, seed + seeds))
    asked: dict[str, Any] = {
        "objectives": tuple(problem.goals), "devices": tuple(devices), "metrics": tuple(metrics),
        "limits": tuple(limits), "law": law, "predictors": tuple(predictors),
        "reference": None if reference is None else tuple(reference), "budget": spent,
    }  # fmt: skip
    places = None if at is None else tuple(float(value) for value in at)
    config = {
        "space": describe_space(cases[0].space, cases[0].source),
        "cases": [_describe(case) for case in cases],
        "goals": [goal.describe() for goal in problem.goals],
        "limits": list(limits),
        "devices": list(devices),
        "metrics": list(metrics),
        "budget": spent,
        "seeds": list(every),
        "seed": seed,
        "law": law,
        "at": None if places is None else list(places),
        "reference": None if reference is None else [float(value) for value in reference],
        "predictors": described,
    }
    opened = nullcontext() if out is None else open_run(out, kind="comparison", config=config, command=command)
    with opened as folder:
        tasks = [(case, number, asked, _run_folder(folder, case, number)) for case in cases for number in every]
        runs: list[SearchResult] = []
        with show_progress("comparing", len(tasks) * spent) as advance:
            for result in run_tasks(_search_one, tasks, workers=_processes(workers, asked, len(tasks)), backend="loky"):
                runs.append(result)
                advance(spent)
        by_case = tuple(tuple(runs[first : first + seeds]) for first in range(0, len(runs), seeds))
        comparison = Comparison(cases, by_case, every, spent, places, folder)
        if folder is not None:
            write_comparison(comparison, folder / COMPARISON_NAME, run=run_digest(config))
    return comparison


def _refuse_idle(cases: Sequence[Case], problem: Problem, at: Sequence[float] | None) -> None:
    """Refuse what has no effect on this comparison."""
    directions = {goal.direction for goal in problem.goals}
    if at is not None and directions != {"max", "min"}:
        raise OptionError(f"--at {at[0]:g} has no effect here: it needs an objective to be maximised and one minimised")
    for case in cases:
        if "top=" in case.algorithm_text and len(problem.goals) > 1:
            raise OptionError(f"algorithm {case.algorithm_text!r}: top has no effect with several objectives")


def _count(budget: int | str) -> int:
    return parse_count(budget, name="--budget")


def _describe(case: Case) -> dict[str, Any]:
    return {"name": case.name, "space": describe_space(case.space, case.source), "algorithm": case.algorithm_text}


def _processes(workers: int | str, asked: Mapping[str, Any], n_searches: int) -> int | str:
    small = n_searches * asked["budget"] < WORTH_A_PROCESS
    return 1 if workers == "auto" and (small or asked["predictors"]) else workers


def _run_folder(folder: Path | None, case: Case, seed: int) -> Path | None:
    return None if folder is None else _search_folder(folder, case, seed)


def _search_folder(folder: Path, case: Case, seed: int) -> Path:
    return folder / RUNS / case.slug / f"seed-{seed}"


def _search_one(case: Case, seed: int, asked: dict[str, Any], out: Path | None) -> SearchResult:
    options = dict(asked)
    if isinstance(case.algorithm, Exact):
        options["budget"] = None
    return search(case.space, options.pop("objectives"), algorithm=case.algorithm, seed=seed, out=out, **options)


def load_comparison(folder: str | Path) -> Comparison:
    """Read a finished comparison from its folder; nothing is evaluated again, nothing beside the folder needed.

    Raises
    ------
    UnknownNameError, RunError
        If the folder is no comparison, or is unfinished.
    DataError
        If its files are damaged.
    """
    path = Path(folder)
    manifest = read_manifest(path)
    if manifest.kind != "comparison":
        raise RunError(f"{str(path)!r} is a run of kind {manifest.kind!r}; expected a comparison")
    config, file = manifest.config, path / MANIFEST_NAME
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
