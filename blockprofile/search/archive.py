"""Everything that a search has evaluated, in the order in which it was evaluated."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from blockprofile.search.problem import Problem
from blockprofile.search.seen import SeenArchs
from blockprofile.space import Archs

Ints = NDArray[np.int64]


class Proposal:
    """Archs to evaluate, with the evaluations that they come from.

    Parameters
    ----------
    archs
        uint8, shape (n, n_slots), none of them evaluated before, none twice.
    parent, mate
        int64, shape (n,): numbers of evaluations, -1 for none. Left out, none at all.
    """

    __slots__ = ("archs", "mate", "parent")

    def __init__(self, archs: Archs, parent: Ints | None = None, mate: Ints | None = None) -> None:
        none = np.full(len(archs), -1, np.int64)
        self.archs = archs
        self.parent = none if parent is None else parent
        self.mate = none if mate is None else mate


class Archive:
    """A growing table of evaluations, numbered from 0.

    ``points`` are the minimised objectives, float64 of shape (n, m); ``violations`` float64 of shape (n,);
    ``generation``, ``parent`` and ``mate`` int64 of shape (n,); ``metrics`` float32 by name. They are views of
    what is there so far.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.seen = SeenArchs()
        self.n, self.n_generations = 0, 0
        n_slots, m = problem.space.n_slots, len(problem.goals)
        self._archs = np.zeros((0, n_slots), np.uint8)
        self._points = np.zeros((0, m))
        self._violations = np.zeros(0)
        self._origin = np.zeros((0, 3), np.int64)
        self._metrics = np.zeros((0, len(problem.metrics)), np.float32)

    def __len__(self) -> int:
        return self.n

    @property
    def archs(self) -> Archs:
        """All archs: uint8, shape (n, n_slots)."""
        return self._archs[: self.n]

    @property
    def points(self) -> NDArray[np.float64]:
        """The minimised objectives."""
        return self._points[: self.n]

    @property
    def violations(self) -> NDArray[np.float64]:
        """By how much the limits are broken; 0 where feasible."""
        return self._violations[: self.n]

    @property
    def generation(self) -> Ints:
        """The generation of each evaluation, from 0."""
        return self._origin[: self.n, 0]

    @property
    def parent(self) -> Ints:
        """The evaluation that each arch was made from, or -1."""
        return self._origin[: self.n, 1]

    @property
    def mate(self) -> Ints:
        """The second parent of a crossed arch, or -1."""
        return self._origin[: self.n, 2]

    @property
    def metrics(self) -> dict[str, NDArray[np.float32]]:
        """All metrics by name."""
        return {name: self._metrics[: self.n, column] for column, name in enumerate(self.problem.metrics)}

    def append(self, proposal: Proposal, values: Mapping[str, NDArray[np.float32]]) -> Ints:
        """Add one generation.

        Returns
        -------
        The numbers of the new evaluations.
        """
        first, last = self.n, self.n + len(proposal.archs)
        self._reserve(last)
        self._archs[first:last] = proposal.archs
        self._points[first:last] = self.problem.points(values)
        self._violations[first:last] = self.problem.violations(values, last - first)
        self._origin[first:last, 0] = self.n_generations
        self._origin[first:last, 1] = proposal.parent
        self._origin[first:last, 2] = proposal.mate
        for column, name in enumerate(self.problem.metrics):
            self._metrics[first:last, column] = values[name]
        self.seen.add(proposal.archs)
        self.n = last
        self.n_generations += 1
        return np.arange(first, last)

    def _reserve(self, n: int) -> None:
        capacity = len(self._archs)
        if n <= capacity:
            return
        capacity = max(1024, n, 2 * capacity)
        for name in ("_archs", "_points", "_violations", "_origin", "_metrics"):
            old = getattr(self, name)
            new = np.zeros((capacity, *old.shape[1:]), old.dtype)
            new[: self.n] = old[: self.n]
            setattr(self, name, new)
