"""A search as the objective of an Optuna study."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from blockprofile.interchange.values import allowed_values, archs_of_values, depths_with
from blockprofile.search import Aims, Goal, build_problem
from blockprofile.space import Archs, Space, Value, load_space


class OptunaObjective:
    """What ``optuna.Study.optimize`` calls: a trial suggests an arch slot by slot, layers as far as its depths go.

    Limits are one constraint of the trial, by how much they are broken in sum (Optuna 5 or newer).

    Parameters
    ----------
    space
        A space, or its name or file.
    aims
        As for `blockprofile.search.search`.

    Examples
    --------
    >>> objective = OptunaObjective("moga", ["top1_percent:max", "latency_ms:mace_gpu:min"])
    >>> objective.directions
    ['maximize', 'minimize']
    """

    def __init__(self, space: Space | str, aims: Aims | Sequence[str | Goal] = ()) -> None:
        self.space = load_space(space) if isinstance(space, str) else space
        self.problem, _ = build_problem(self.space, Aims.of(aims))

    @property
    def directions(self) -> list[str]:
        """What ``optuna.create_study(directions=...)`` takes."""
        return ["maximize" if goal.direction == "max" else "minimize" for goal in self.problem.goals]

    def __call__(self, trial: Any) -> tuple[float, ...]:
        """Suggest an arch and return its objectives, each in its own direction."""
        values: dict[str, Value] = {}
        for slot in self.space.slots:
            if slot.kind == "layer":
                depth = self.space.units[slot.unit - 1].depth
                known = depth is None or values[self.space.slots[depth].name] in depths_with(self.space, slot)
                if not known or not depths_with(self.space, slot):
                    continue
            values[slot.name] = trial.suggest_categorical(slot.name, list(allowed_values(self.space, slot)))
        found = self.problem.evaluate(archs_of_values(self.space, [values]))
        if self.problem.limits:
            trial.set_constraint("limits", float(self.problem.violations(found, 1)[0]))
        return tuple(map(float, self.problem.natural(self.problem.points(found))[0]))

    def archs(self, trials: Iterable[Any]) -> Archs:
        """Return the archs of trials, such as ``study.best_trials``: uint8, shape (n, n_slots)."""
        rows = [trial.params for trial in trials]
        if not rows:
            return np.empty((0, self.space.n_slots), np.uint8)
        return archs_of_values(self.space, rows)
