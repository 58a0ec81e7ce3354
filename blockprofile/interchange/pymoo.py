"""A search as a problem of pymoo: one integer for each slot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.interchange.values import require
from blockprofile.search import Aims, Goal, Problem, build_problem
from blockprofile.space import INACTIVE, Archs, Space, load_space


def pymoo_problem(space: Space | str, aims: Aims | Sequence[str | Goal] = ()) -> Any:
    """Make a ``pymoo.core.problem.Problem``; all objectives are minimised there, what is to be large with a minus.

    An integer counts among what its slot may hold; those of layers beyond a depth have no effect. Limits are one
    inequality constraint, by how much they are broken in sum. ``problem.archs(X)`` gives the archs of integers.

    Parameters
    ----------
    space
        A space, or its name or file.
    aims
        As for `blockprofile.search.search`.

    Raises
    ------
    OptionError
        If pymoo is not installed, or as `blockprofile.search.build_problem`.
    """
    where = load_space(space) if isinstance(space, str) else space
    problem, _ = build_problem(where, Aims.of(aims))
    return _problem_class()(problem)


def _problem_class() -> Any:
    library = require("pymoo.core.problem")

    class SpaceProblem(library.Problem):  # type: ignore[name-defined,misc]
        """A space's archs as integers."""

        def __init__(self, problem: Problem) -> None:
            most = np.array([len(codes) - 1 for codes in problem.space.allowed])
            super().__init__(
                n_var=problem.space.n_slots, n_obj=len(problem.goals), n_ieq_constr=int(bool(problem.limits)),
                xl=np.zeros_like(most), xu=most, vtype=int,
            )  # fmt: skip
            self.problem = problem

        def archs(self, x: NDArray[Any]) -> Archs:
            """Return the archs of integers (n, n_slots); fractions, which some operators make, are rounded."""
            return _archs(self.problem.space, np.atleast_2d(x))

        def _evaluate(self, x: NDArray[Any], out: dict[str, Any], *_: Any, **__: Any) -> None:
            values = self.problem.evaluate(self.archs(x))
            out["F"] = self.problem.points(values)
            if self.problem.limits:
                out["G"] = self.problem.violations(values, len(x))[:, None]

    return SpaceProblem


def _archs(space: Space, x: NDArray[Any]) -> Archs:
    places = np.rint(x).astype(int)
    archs = np.stack([np.take(codes, places[:, slot]) for slot, codes in enumerate(space.allowed)], axis=1)
    found = np.ascontiguousarray(archs, np.uint8)
    depths = space.depths(found)
    for slot in space.layer_slots:
        found[depths[:, slot.unit - 1] < slot.layer, slot.index] = INACTIVE
    return found
