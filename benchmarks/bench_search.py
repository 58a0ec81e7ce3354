"""NSGA-II against pymoo's: the hypervolume reached, and the searcher's own time, on 2 and 3 objectives.

Run it with `make bench`, or alone: `python -m benchmarks.bench_search [SEEDS]`. Both sides have the same space,
objectives, predictors, first generation, population and number of evaluations, and are judged by all that they
evaluated. pymoo runs twice: with its operators for integers (simulated binary crossover and polynomial mutation,
rounded), and with uniform crossover and random resetting. Time is processor time outside the predictors.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray
from pymoo.algorithms.moo import nsga2 as pymoo_nsga2
from pymoo.core.mutation import Mutation
from pymoo.core.problem import Problem as PymooProblem
from pymoo.operators.crossover.sbx import SBX
from pymoo.operators.crossover.ux import UX
from pymoo.operators.mutation.pm import PM
from pymoo.operators.repair.rounding import RoundingRepair
from pymoo.optimize import minimize

from benchmarks.figures import keep
from blockprofile.search import NSGA2, Aims, Problem, SearchResult, build_problem, hypervolume, reference_point, search
from blockprofile.search.codes import CodeTable
from blockprofile.space import INACTIVE, Archs, load_space

POPULATION, BUDGET, SEEDS = 100, 2_000, 10
CASES: dict[str, tuple[str, tuple[str, ...]]] = {
    "moga, 2 objectives": ("moga", ("top1_percent:max", "latency_ms:mace_gpu:min")),
    "moga, 3 objectives": ("moga", ("top1_percent:max", "latency_ms:mace_gpu:min", "params_m:max")),
    "ofa_mbv3, 2 objectives": ("ofa_mbv3", ("macs_m:max", "latency_ms:note10:min")),
    "ofa_mbv3, 3 objectives": ("ofa_mbv3", ("macs_m:max", "latency_ms:note10:min", "params_m:max")),
}


class _OnSpace(PymooProblem):  # type: ignore[misc]
    """A space as integers: a slot's code is an index into what is allowed; deeper layers have no effect."""

    def __init__(self, problem: Problem) -> None:
        space = problem.space
        super().__init__(
            n_var=space.n_slots, n_obj=len(problem.goals), xl=0, xu=np.array([len(c) - 1 for c in space.allowed]),
            vtype=int,
        )  # fmt: skip
        self.problem, self.table = problem, CodeTable.of(space)
        self.points: list[NDArray[np.float64]] = []
        self.seconds_evaluating = 0.0

    def _evaluate(self, x: NDArray[Any], out: dict[str, Any], *_: Any, **__: Any) -> None:
        started = time.thread_time()
        archs = x.astype(np.uint8)
        archs[~self.table.active(archs)] = INACTIVE
        out["F"] = self.problem.points(self.problem.evaluate(archs))
        self.points.append(out["F"])
        self.seconds_evaluating += time.thread_time() - started


class _Reset(Mutation):  # type: ignore[misc]
    """Give each variable another value with chance 1 / n_var."""

    def _do(self, problem: Any, x: NDArray[Any], *_: Any, random_state: Any = None, **__: Any) -> NDArray[Any]:
        hit = random_state.random(x.shape) < 1 / x.shape[1]
        fresh = random_state.integers(0, problem.xu.astype(int) + 1, size=x.shape)
        return np.where(hit, fresh, x)


def _rounded(operator: Callable[..., Any]) -> Any:
    return operator(prob=1.0, eta=3.0, vtype=float, repair=RoundingRepair())


PYMOO: dict[str, Callable[[], dict[str, Any]]] = {
    "SBX and PM, rounded": lambda: {"crossover": _rounded(SBX), "mutation": _rounded(PM)},
    "uniform, reset": lambda: {"crossover": UX(prob=0.9), "mutation": _Reset()},
}


@dataclass(slots=True)
class Side:
    """Hypervolumes and milliseconds a generation, one for each seed."""

    volumes: list[float] = field(default_factory=list)
    ms: list[float] = field(default_factory=list)


def run_ours(problem: Problem, seed: int) -> SearchResult:
    """Search with the processor's clock in place of the wall's, since the machine may be shared."""
    goals = list(problem.goals)
    with patch("blockprofile.search.loop.time.perf_counter", time.thread_time):
        return search(
            problem.space,
            Aims(goals, predictors=problem.predictors),
            algorithm=NSGA2(population=POPULATION),
            budget=BUDGET,
            seed=seed,
        )


def run_pymoo(
    problem: Problem, operators: dict[str, Any], *, first: Archs, seed: int
) -> tuple[NDArray[np.float64], float]:
    """Run pymoo's NSGA-II from the same first generation; return all its points and its ms a generation."""
    wrapped = _OnSpace(problem)
    start = np.where(first == INACTIVE, 0, first).astype(int)
    algorithm = pymoo_nsga2.NSGA2(pop_size=POPULATION, sampling=start, eliminate_duplicates=True, **operators)
    started = time.thread_time()
    minimize(wrapped, algorithm, ("n_evals", BUDGET), seed=seed, verbose=False)
    own = time.thread_time() - started - wrapped.seconds_evaluating
    points = np.concatenate(wrapped.points)
    assert len(points) == BUDGET
    return points, own / len(wrapped.points) * 1e3


def compare(name: str, n_seeds: int) -> None:
    """Run one case on paired seeds, print ratios, and assert them."""
    space, goals = CASES[name]
    problem, _ = build_problem(load_space(space), Aims(goals))
    reference = reference_point(problem)
    ours, theirs = Side(), {kind: Side() for kind in PYMOO}
    for seed in range(n_seeds):
        result = run_ours(problem, seed)
        assert len(np.unique(result.archive.archs, axis=0)) == BUDGET
        assert problem.space.contains(result.archive.archs).all()
        ours.volumes.append(result.hypervolume)
        ours.ms.append(result.seconds_searching / result.archive.n_generations * 1e3)
        first = result.archive.archs[:POPULATION]
        for kind, make in PYMOO.items():
            points, ms = run_pymoo(problem, make(), first=first, seed=seed)
            np.testing.assert_allclose(points[:POPULATION], result.archive.points[:POPULATION], rtol=1e-6)
            theirs[kind].volumes.append(hypervolume(points, reference))
            theirs[kind].ms.append(ms)
    print(f"{name}: {BUDGET} evaluations, {n_seeds} paired seeds")
    for kind, side in theirs.items():
        ratios = np.array(ours.volumes) / np.array(side.volumes)
        error = ratios.std(ddof=1) / np.sqrt(n_seeds) if n_seeds > 1 else float("nan")
        keep(f"{name}: hypervolume", ratios.tolist(), against=f"pymoo ({kind})")
        speeds = np.array(side.ms) / np.array(ours.ms)
        keep(f"{name}: speed outside the predictors", speeds.tolist(), against=f"pymoo ({kind})")
        # As good as: not below it by more than twice the standard error of the paired ratio.
        assert n_seeds == 1 or ratios.mean() + 2 * error >= 1, f"{name}: below pymoo ({kind})"


def main() -> None:
    """Run all cases."""
    n_seeds = int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS
    for name in CASES:
        compare(name, n_seeds)


if __name__ == "__main__":
    main()
