"""`compare`: search the original and other cases with the same seeds and budgets, and tell whether they differ."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from blockprofile.compare.cases import Case, make_cases
from blockprofile.compare.result import Comparison
from blockprofile.compare.table import COMPARISON_NAME, write_comparison
from blockprofile.errors import DataError, OptionError, RunError
from blockprofile.numbers import parse_count
from blockprofile.predict import Predictor
from blockprofile.run.manifest import (
    MANIFEST_NAME,
    Manifest,
    describe_space,
    read_manifest,
    refuse_other,
    write_manifest,
)
from blockprofile.run.parallel import run_tasks
from blockprofile.run.progress import show_progress
from blockprofile.search import SearchResult, load_search, search
from blockprofile.search.objectives import Goal
from blockprofile.search.request import build_problem
from blockprofile.space import Space

__all__ = ["compare", "load_comparison"]

RUNS, SPACES = "runs", "spaces"
DEFAULT_SEEDS = 5


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
    workers: int = 1,
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
        Processes; 1 works in this one. The result does not depend on it.
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
    spent = cases[0].algorithm.default_budget(len(problem.goals)) if budget is None else _count(budget)
    every = tuple(range(seed, seed + seeds))
    asked: dict[str, Any] = {
        "objectives": tuple(problem.goals), "devices": tuple(devices), "metrics": tuple(metrics),
        "limits": tuple(limits), "law": law, "predictors": tuple(predictors),
        "reference": None if reference is None else tuple(reference), "budget": spent,
    }  # fmt: skip
    folder = None if out is None else Path(out)
    if folder is not None:
        config = {
            "space": describe_space(cases[0].space, cases[0].source),
            "cases": [_describe(case) for case in cases],
            "goals": [goal.describe() for goal in problem.goals],
            "limits": list(limits),
            "devices": list(devices),
            "budget": spent,
            "seeds": list(every),
            "seed": seed,
            "law": law,
            "at": None if at is None else [float(value) for value in at],
            "reference": None if reference is None else [float(value) for value in reference],
            "predictors": described,
        }
        _prepare(folder, config, command)
        _keep_spaces(folder, cases)
    places = None if at is None else tuple(float(value) for value in at)
    tasks = [(case, number, asked, _run_folder(folder, case, number)) for case in cases for number in every]
    runs: list[SearchResult] = []
    with show_progress("comparing", len(tasks) * spent) as advance:
        for result in run_tasks(_search_one, tasks, workers=workers):
            runs.append(result)
            advance(spent)
    by_case = tuple(tuple(runs[first : first + seeds]) for first in range(0, len(runs), seeds))
    comparison = Comparison(cases, by_case, every, spent, places, folder)
    if folder is not None:
        write_comparison(comparison, folder / COMPARISON_NAME)
    return comparison


def _count(budget: int | str) -> int:
    return parse_count(budget, name="--budget")


def _describe(case: Case) -> dict[str, Any]:
    about = describe_space(case.space, case.source)
    return {"name": case.name, "space": about, "algorithm": case.algorithm_text}


def _run_folder(folder: Path | None, case: Case, seed: int) -> Path | None:
    return None if folder is None else folder / RUNS / case.slug / f"seed-{seed}"


def _prepare(folder: Path, config: dict[str, Any], command: str) -> None:
    if (folder / MANIFEST_NAME).is_file():
        refuse_other(folder, read_manifest(folder).config, config)
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunError(f"--out {str(folder)!r} exists and is no run folder; choose another, or empty it")
    else:
        folder.mkdir(parents=True, exist_ok=True)
        write_manifest(folder, Manifest(kind="comparison", config=config, command=command))


def _keep_spaces(folder: Path, cases: Sequence[Case]) -> None:
    """Copy the files of pruned spaces, so that the folder can be read when they are gone."""
    for case in cases:
        source, copy = Path(case.source), folder / SPACES / f"{case.space.name}.yaml"
        if case.space.is_pruned and source.is_file() and not copy.exists():
            copy.parent.mkdir(exist_ok=True)
            copy.write_bytes(source.read_bytes())


def _search_one(case: Case, seed: int, asked: dict[str, Any], out: Path | None) -> SearchResult:
    options = dict(asked)
    return search(case.space, options.pop("objectives"), algorithm=case.algorithm, seed=seed, out=out, **options)


def load_comparison(folder: str | Path) -> Comparison:
    """Read a finished comparison from its folder; nothing is evaluated again.

    Raises
    ------
    UnknownNameError, RunError
        If the folder is no comparison, is unfinished, or a space has changed since.
    DataError
        If its files are damaged.
    """
    path = Path(folder)
    manifest = read_manifest(path)
    if manifest.kind != "comparison":
        raise RunError(f"{str(path)!r} is a run of kind {manifest.kind!r}; expected a comparison")
    config = manifest.config
    if not (path / COMPARISON_NAME).is_file():
        raise RunError(f"the comparison in {str(path)!r} is unfinished; run the same compare command again")
    try:
        told = config["cases"]
        algorithms = list(dict.fromkeys(case["algorithm"] for case in told))
        sources = list(dict.fromkeys(_kept_source(path, case["space"]) for case in told))
        cases = make_cases(sources[0], sources[1:], algorithms, resolution=config["space"]["resolution"])
        for case, then in zip(cases, told, strict=True):
            if case.space.hash != then["space"]["hash"]:
                raise RunError(f"space {case.source!r} has changed since the comparison in {str(path)!r} was made")
        seeds = tuple(config["seeds"])
        runs = tuple(
            tuple(load_search(path / RUNS / case.slug / f"seed-{seed}", space=case.space) for seed in seeds)
            for case in cases
        )
        at = None if config["at"] is None else tuple(config["at"])
        return Comparison(cases, runs, seeds, config["budget"], at, path)
    except (KeyError, TypeError) as failure:
        raise DataError(f"{path / MANIFEST_NAME} is damaged: {failure!r}") from None


def _kept_source(folder: Path, about: dict[str, Any]) -> str:
    copy = folder / SPACES / f"{about['name']}.yaml"
    return str(copy) if copy.is_file() else str(about["source"])
