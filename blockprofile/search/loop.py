"""The loop of every search: ask, evaluate, tell, until the budget is spent."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blockprofile.search.algorithm import Searcher
from blockprofile.search.archive import Archive, Proposal
from blockprofile.search.budget import Budget
from blockprofile.space import Archs

EVALUATION_CHUNK = 256
"""Archs that a predictor sees at once; fixed, so that results do not depend on the number of workers."""

Metrics = dict[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Generation:
    """One kept generation: what was proposed and what it turned out to be."""

    proposal: Proposal
    values: Metrics


@dataclass(frozen=True, slots=True)
class LoopResult:
    """How a loop ended: seconds in predictors and in the searcher, and why it ended early, if it did."""

    seconds_evaluating: float
    seconds_searching: float
    last_word: str = ""


def run_loop(
    archive: Archive,
    searcher: Searcher,
    *,
    budget: Budget,
    seed: int,
    kept: Sequence[Generation] = (),
    workers: int = 1,
    on_generation: Callable[[Archive], None] | None = None,
) -> LoopResult:
    """Search until the budget is spent or nothing is left to evaluate.

    Generation g draws from ``SeedSequence(seed, spawn_key=(g,))``, and a searcher knows only what it was told:
    after kept generations the search goes on as if it had never stopped.

    Parameters
    ----------
    archive
        Empty; it is filled.
    searcher
        Started on that archive.
    kept
        Generations of an earlier part of the same search; they are not evaluated again.
    workers
        Threads that evaluate a generation's chunks.
    on_generation
        Called with the archive after each new generation.
    """
    for generation in kept:
        searcher.tell(archive.append(generation.proposal, generation.values))
    start = time.perf_counter()
    evaluating = 0.0
    while left := budget.left(len(archive), time.perf_counter() - start):
        stream = np.random.SeedSequence(seed, spawn_key=(archive.n_generations,))
        proposal = searcher.ask(left, np.random.default_rng(stream))
        if len(proposal.archs) == 0:
            return LoopResult(evaluating, time.perf_counter() - start - evaluating, searcher.last_word)
        before = time.perf_counter()
        values = evaluate(archive.problem.evaluate, proposal.archs, workers=workers)
        evaluating += time.perf_counter() - before
        searcher.tell(archive.append(proposal, values))
        if on_generation is not None:
            on_generation(archive)
    return LoopResult(evaluating, time.perf_counter() - start - evaluating)


def evaluate(function: Callable[[Archs], Metrics], archs: Archs, *, workers: int = 1) -> Metrics:
    """Evaluate archs in fixed chunks, in as many threads as there are workers."""
    if len(archs) <= EVALUATION_CHUNK:
        return function(archs)
    from blockprofile.run import Execution, run_tasks

    tasks = [(archs[first : first + EVALUATION_CHUNK],) for first in range(0, len(archs), EVALUATION_CHUNK)]
    parts = list(run_tasks(function, tasks, Execution(workers=workers, backend="threading")))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
