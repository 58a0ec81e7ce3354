"""What one fit works on: the rows that are trained on, left out fold by fold and held out; and its members."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import DataError
from blockprofile.predict.additive_tables import AdditiveTables
from blockprofile.predict.crossfit import cut_folds
from blockprofile.predict.labels import LabelTable
from blockprofile.predict.members import Arrays, Choice, Members, choose_kind, predict_table, train_members
from blockprofile.predict.recipe import Recipe
from blockprofile.predict.relu_training import train_relu
from blockprofile.predict.repeats import Pooled, pool_repeats, split_archs
from blockprofile.predict.training import Layout, fit_additive, train_network
from blockprofile.predict.weights import NetworkFile, network_codes, network_layout, read_network, write_network
from blockprofile.space.slots import Archs
from blockprofile.space.space import Space

__all__ = ["Fit", "Progress"]

Progress = Callable[[int, int, float], None]
"""Called after every epoch with its number, the number of epochs, and the loss."""


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """One network to fit: the rows to train on, those held out, and how they are cut into folds."""

    space: Space
    recipe: Recipe
    provider: str
    progress: Progress
    resolutions: tuple[int, ...]
    layout: Layout
    pooled: Pooled
    train: Pooled
    held: Pooled
    drawn: LabelTable | None
    folds: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        table: LabelTable,
        space: Space,
        recipe: Recipe,
        *,
        drawn: LabelTable | None,
        provider: str,
        progress: Progress,
    ) -> Fit:
        """Split and pool a table as its recipe says."""
        columns = [recipe.metrics[metric].get("column", metric) for metric in recipe.metrics]
        resolutions = _resolutions(table)
        train, held = (
            pool_repeats(table.take(rows), columns)
            for rows in split_archs(table.archs, holdout=recipe.holdout, seed=recipe.seed)
        )
        return cls(
            space, recipe, provider, progress, resolutions, Layout(*network_layout(space, len(resolutions))),
            pool_repeats(table, columns), train, held,
            None if drawn is None else _further(drawn, resolutions, held.table),
            cut_folds(train.table.archs, folds=recipe.folds, seed=recipe.seed),
        )  # fmt: skip

    @property
    def columns(self) -> list[str]:
        """The column of each metric."""
        return [entry.get("column", metric) for metric, entry in self.recipe.metrics.items()]

    @property
    def ceilings(self) -> NDArray[np.float32]:
        """The largest value that each metric can have, shape (n_metrics, 1)."""
        return np.array([[entry.get("ceiling", np.inf)] for entry in self.recipe.metrics.values()], np.float32)

    @property
    def n_train(self) -> int:
        """The archs that are trained on, each at each of its resolutions."""
        return len(self.train.counts) + (0 if self.drawn is None else len(self.drawn.archs))

    def rows(self, table: LabelTable) -> NDArray[np.int64]:
        """Number the choices of a table's archs, as additive tables hold them: shape (n, n_slots)."""
        codes = network_codes(table.archs, table.resolutions, self.space, self.resolutions)
        rows: NDArray[np.int64] = codes.astype(np.int64) + np.asarray(self.layout.offsets, np.int64)
        return rows[:, list(self.layout.slots)]

    def without(self, fold: int) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        """Return codes and labels of what is trained on without a fold, shapes (n, n_slots) and (n, n_metrics)."""
        used = [self.train.table.take(np.flatnonzero(self.folds != fold))]
        if self.drawn is not None:
            left_out = self.train.table.take(np.flatnonzero(self.folds == fold))
            used.append(_further(self.drawn, self.resolutions, left_out))
        codes = [network_codes(t.archs, t.resolutions, self.space, self.resolutions) for t in used]
        labels = [np.stack([t.label(column) for column in self.columns], axis=1) for t in used]
        return np.concatenate(codes), np.concatenate(labels)

    def train_network(self, fold: int) -> Arrays:
        """Train a network without a fold."""
        codes, labels = self.without(fold)
        if self.recipe.relu is not None:
            return train_relu(
                codes, labels, self.layout, self.space, self.recipe.relu, device=self.provider, progress=self.progress
            )
        return train_network(codes, labels, self.layout, self.recipe.options, progress=self.progress)

    def fit_tables(self, fold: int) -> AdditiveTables:
        """Fit additive tables alone without a fold."""
        return AdditiveTables(*fit_additive(*self.without(fold), self.layout))

    def choose(self, file: NetworkFile, tables: AdditiveTables) -> tuple[Choice, ...]:
        """Weigh the first network against its tables on the fold left out; without folds, on the archs held out.

        What is cut off at a ceiling is no sum: such a metric keeps its network.
        """
        unseen = self.train.table.take(np.flatnonzero(self.folds == 0)) if self.recipe.folds else self.held.table
        alone, whole = tables.predict(self.rows(unseen)), predict_table(file, self.space, unseen)
        return tuple(
            Choice(is_additive=False, why="network kept: the metric has a ceiling")
            if np.isfinite(ceiling)
            else choose_kind(unseen.label(column), alone[place], whole[place])
            for place, (column, ceiling) in enumerate(zip(self.columns, self.ceilings[:, 0], strict=True))
        )

    def members(self, path: Path) -> Members:
        """Fit all members; the networks' file, where a metric keeps one, is at ``path``."""
        relu = self.recipe.relu

        def store(networks: Sequence[Arrays]) -> NetworkFile:
            write_network(
                path, networks[0], space=self.space, metrics=list(self.recipe.metrics), resolutions=self.resolutions,
                eight_bits=relu is not None and relu.eight_bits, others=networks[1:],
            )  # fmt: skip
            return read_network(path)

        found = train_members(
            self.train_network, self.fit_tables, store, self.choose, n_members=max(1, self.recipe.folds)
        )
        if found.file is None:
            path.unlink()
        return found


def _further(drawn: LabelTable, resolutions: Sequence[int], held: LabelTable) -> LabelTable:
    """Return the drawn rows that may be trained on: those of archs that are not held out."""
    if bool(_resolutions(drawn)) != bool(resolutions) or not set(_resolutions(drawn)) <= set(resolutions):
        raise DataError(
            f"{drawn.path} holds labels at resolutions {_resolutions(drawn)}, the table at {tuple(resolutions)}; "
            "every resolution of the drawn archs must be among those of the table"
        )
    keys: NDArray[np.uint64] = np.random.default_rng(0).integers(1 << 63, size=drawn.archs.shape[1:], dtype=np.uint64)
    free = ~np.isin(_hashes(drawn.archs, keys), _hashes(held.archs, keys))
    return drawn if free.all() else drawn.take(np.flatnonzero(free))


def _hashes(archs: Archs, keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Hash archs to 64 bits; two of a million differ in their hash but for one chance in ten million."""
    hashes = np.zeros(len(archs), np.uint64)
    for slot, key in enumerate(keys):
        hashes += archs[:, slot].astype(np.uint64) * key
    return hashes


def _resolutions(table: LabelTable) -> tuple[int, ...]:
    """List the resolutions of a table's rows, none where its rows have none of their own."""
    return () if table.resolutions is None else tuple(int(r) for r in np.unique(table.resolutions))
