"""`search`: look for the best archs of a space."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from blockprofile.errors import OptionError, check_choice
from blockprofile.run import check_workers, open_run, run_digest
from blockprofile.search.algorithm import Algorithm
from blockprofile.search.archive import Archive
from blockprofile.search.budget import Budget, parse_budget
from blockprofile.search.exact import Exact
from blockprofile.search.initial import make_initial_pool
from blockprofile.search.loop import run_loop
from blockprofile.search.nsga2 import NSGA2
from blockprofile.search.objectives import Goal
from blockprofile.search.problem import Problem
from blockprofile.search.random_mutation import RandomMutation, RandomSearch
from blockprofile.search.record import Recorder
from blockprofile.search.reference import complete_reference, reference_point
from blockprofile.search.request import Aims, build_problem
from blockprofile.search.result import SearchResult
from blockprofile.space import Space, check_law, describe_space, load_space

ALGORITHMS: dict[str, Callable[[], Algorithm]] = {
    "nsga2": NSGA2, "mutation": RandomMutation, "random": RandomSearch, "exact": Exact,
}  # fmt: skip


def search(
    space: Space | str | Path,
    aims: Aims | Sequence[str | Goal] = (),
    *,
    algorithm: str | Algorithm = "nsga2",
    budget: int | str | Budget | None = None,
    seed: int = 0,
    workers: int | str = 1,
    out: str | Path | None = None,
    on_generation: Callable[[Archive], None] | None = None,
) -> SearchResult:
    """Search a space for archs that are best in one or several objectives.

    Parameters
    ----------
    space
        A space, a shipped name, or a file; pruned or not.
    aims
        Goals with limits and devices, or goals alone: text such as ``"top1_percent:max:0.4"``, `Objective` or `Reward`.
        None at all means top-1 accuracy against the devices' latencies.
    algorithm
        ``nsga2``, ``mutation``, ``random``, ``exact``, or one with parameters: ``NSGA2(population=50)``.
    budget
        Evaluations (``2100``) or time (``"90s"``, ``"5min"``). None is the algorithm's default. ``exact``
        takes none.
    seed
        At least 0. One seed gives one result, whatever the number of workers.
    workers
        Threads that evaluate a generation of more than 256 archs; ``auto`` is every core that may be used.
    out
        A folder that keeps the run. The same search on the same folder goes on where it was interrupted, and
        a finished one is read.
    on_generation
        Called with the archive after each generation.

    Raises
    ------
    UserError
        For unknown names, values that are not allowed, limits that no arch keeps, a folder of another search.
    DataError
        If a predictor or the folder's tables are damaged.

    Examples
    --------
    >>> result = search("moga", ["macs_m:min", "params_m:max"], budget=400, seed=0)
    >>> len(result.history), len(result.front) > 10
    (400, True)
    >>> list(result.front.to_frame().columns[-3:])
    ['macs_m', 'params_m', 'arch']
    """
    chosen = _algorithm(algorithm)
    if seed < 0:
        raise OptionError(f"seed {seed} must be at least 0")
    threads, asked = check_workers(workers), Aims.of(aims)
    where = space if isinstance(space, Space) else load_space(space)
    problem, described = build_problem(where, asked)
    if budget is not None and isinstance(chosen, Exact):
        raise OptionError(f"--budget {budget} would cut the front short: --algorithm exact takes none; leave it out")
    spent = _budget(budget, chosen, n_goals=len(problem.goals))
    initial = make_initial_pool(problem, law=check_law(asked.law))
    worst = _reference(problem, asked.reference)
    config = {
        "space": describe_space(where, space),
        "goals": [goal.describe() for goal in problem.goals],
        "limits": [limit.text for limit in problem.limits],
        "algorithm": {"name": chosen.name, **chosen.describe()},
        "budget": {"evaluations": spent.evaluations, "seconds": spent.seconds},
        **asked.describe(),
        "predictors": described,
        "seed": seed,
        "reference": [None if np.isnan(value) else value for value in problem.natural(worst).tolist()],
    }
    opened = nullcontext() if out is None else open_run(out, kind="search", config=config)
    with opened as folder:
        recorder = None if folder is None else Recorder(folder, problem, run=run_digest(config))
        archive = Archive(problem)
        searcher = chosen.start(archive, initial)
        kept = recorder.read() if recorder else []

        def after(filled: Archive) -> None:
            if recorder:
                recorder.add(filled)
            if on_generation:
                on_generation(filled)

        finished = recorder is not None and recorder.is_finished
        if finished:
            spent = Budget(evaluations=sum(len(generation.proposal.archs) for generation in kept))
        try:
            ended = run_loop(
                archive, searcher, budget=spent, seed=seed, kept=kept, workers=threads, on_generation=after
            )
        except BaseException:
            if recorder:
                recorder.flush()
            raise
        worst = complete_reference(worst, archive.points)
        result = SearchResult(
            problem, archive, worst, chosen.name, seed, ended.seconds_evaluating, ended.seconds_searching,
            ended.last_word, folder,
        )  # fmt: skip
        if recorder and not finished:
            recorder.finish(result)
    return result


def _algorithm(algorithm: str | Algorithm) -> Algorithm:
    if not isinstance(algorithm, str):
        return algorithm
    check_choice("algorithm", algorithm, ALGORITHMS)
    return ALGORITHMS[algorithm]()


def _budget(budget: int | str | Budget | None, algorithm: Algorithm, *, n_goals: int) -> Budget:
    if budget is None:
        return Budget(evaluations=algorithm.default_budget(n_goals))
    return budget if isinstance(budget, Budget) else parse_budget(budget)


def _reference(problem: Problem, reference: Sequence[float] | None) -> Any:
    if reference is None:
        return reference_point(problem)
    point = np.asarray(reference, np.float64)
    if point.shape != (len(problem.goals),) or not np.isfinite(point).all():
        raise OptionError(f"reference {list(reference)} must be one finite number for each of {problem.names}")
    return problem.natural(point)
