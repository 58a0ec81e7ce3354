"""What one fit works on: the rows that are trained on, left out fold by fold and held out; and its members."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.predict.additive_tables import AdditiveTables
from blockprofile.predict.crossfit import cut_folds
from blockprofile.predict.labels import LabelTable
from blockprofile.predict.members import Arrays, Choice, Members, choose_kind, predict_table, train_members
from blockprofile.predict.onehot import OneHot
from blockprofile.predict.recipe import Recipe
from blockprofile.predict.repeats import Pooled, pool_repeats, split_archs
from blockprofile.predict.training import Progress, train_network
from blockprofile.predict.weights import NetworkFile, read_network, write_network
from blockprofile.space import Space


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """One metric to fit: the rows to train on, those held out, and how they are cut into folds."""

    metric: str
    space: Space
    recipe: Recipe
    accelerator: str
    progress: Progress
    inputs: OneHot
    pooled: Pooled
    train: Pooled
    held: Pooled
    folds: NDArray[np.int64]

    @classmethod
    def of(
        cls, metric: str, table: LabelTable, space: Space, recipe: Recipe, *, accelerator: str, progress: Progress
    ) -> Fit:
        """Split and pool a table as its recipe says."""
        column = recipe.metrics[metric].get("column", metric)
        train, held = (
            pool_repeats(table.take(rows), [column])
            for rows in split_archs(table.archs, holdout=recipe.holdout, seed=recipe.seed)
        )
        return cls(
            metric, space, recipe, accelerator, progress, OneHot.of(space, _resolutions(table)),
            pool_repeats(table, [column]), train, held,
            cut_folds(train.table.archs, folds=recipe.folds, seed=recipe.seed),
        )  # fmt: skip

    @property
    def about(self) -> dict[str, Any]:
        """What the recipe says of the metric."""
        return self.recipe.metrics[self.metric]

    @property
    def column(self) -> str:
        """The metric's column."""
        return str(self.about.get("column", self.metric))

    @property
    def ceiling(self) -> np.float32:
        """The largest value that the metric can have."""
        return np.float32(self.about.get("ceiling", np.inf))

    def rows(self, table: LabelTable) -> NDArray[np.int64]:
        """Number the choices of a table's archs: shape (n, n_slots)."""
        return self.inputs.rows(table.archs, table.resolutions)

    def without(self, fold: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return choices and labels of what is trained on without a fold, shapes (n, n_slots) and (n,)."""
        used = self.train.table.take(np.flatnonzero(self.folds != fold))
        return self.rows(used), used.label(self.column)

    def train_network(self, fold: int, tables: AdditiveTables) -> Arrays:
        """Train a network without a fold, on what additive tables leave."""
        return train_network(
            *self.without(fold), tables, self.recipe.options, windows=self.inputs.windows(self.space),
            blocks=self.inputs.blocks(self.space), device=self.accelerator, progress=self.progress,
        )  # fmt: skip

    def fit_tables(self, fold: int) -> AdditiveTables:
        """Fit additive tables alone without a fold."""
        return AdditiveTables.fit(*self.without(fold), n_rows=self.inputs.n_rows)

    def choose(self, file: NetworkFile, tables: AdditiveTables) -> Choice:
        """Weigh the first network against its tables on the fold left out; without folds, on the archs held out.

        What is cut off at a ceiling is no sum: such a metric keeps its network.
        """
        if np.isfinite(self.ceiling):
            return Choice(is_additive=False, why="network kept: the metric has a ceiling")
        unseen = self.train.table.take(np.flatnonzero(self.folds == 0)) if self.recipe.folds else self.held.table
        alone, whole = tables.predict(self.rows(unseen)), predict_table(file, self.space, unseen)
        return choose_kind(unseen.label(self.column), alone, whole)

    def members(self, path: Path) -> Members:
        """Fit all members; the networks' file, where they are kept, is at ``path``."""

        def store(networks: Sequence[Arrays]) -> NetworkFile:
            import torch

            arrays = {name: torch.stack([each[name] for each in networks]) for name in networks[0]}
            write_network(path, arrays, self.inputs)
            return read_network(path)

        found = train_members(
            self.train_network, self.fit_tables, store, self.choose, n_members=max(1, self.recipe.folds)
        )
        if found.file is None:
            path.unlink()
        return found


def _resolutions(table: LabelTable) -> tuple[int, ...]:
    """List the resolutions of a table's rows, none where its rows have none of their own."""
    return () if table.resolutions is None else tuple(int(r) for r in np.unique(table.resolutions))
