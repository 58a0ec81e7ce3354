"""A search's run folder: evaluations as they are made, the finished tables, and going on after a kill.

While a search runs, its generations stand in ``parts/``, each file renamed into place when whole. The finished
run has ``evaluations.parquet``, ``fronts.parquet`` and ``progress.parquet`` instead.
"""

from __future__ import annotations

import itertools
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import DataError
from blockprofile.files import make_folder
from blockprofile.search.archive import Archive, Proposal
from blockprofile.search.loop import Generation
from blockprofile.search.problem import Problem
from blockprofile.search.result import SearchResult
from blockprofile.tablefile import Column, read_signed, write_table

if TYPE_CHECKING:
    import pyarrow as pa

EVALUATIONS = "evaluations.parquet"
_PARTS, _FRONTS, _PROGRESS = "parts", "fronts.parquet", "progress.parquet"
_ORIGIN = ("generation", "parent", "mate")
_MADE_BY = "the same search on another --out"
_AGAIN = f"make it anew with {_MADE_BY}"
FLUSH_SECONDS = 0.5
"""Fast searches write about twice a second; a slow one writes each generation."""


class Recorder:
    """Keep a search in a folder.

    Parameters
    ----------
    run
        The digest of what decides the result; every table carries it.
    """

    def __init__(self, folder: Path, problem: Problem, *, run: str) -> None:
        self.folder, self._problem, self._run = folder, problem, run
        self._archive: Archive | None = None
        self._n_kept, self._written = 0, time.monotonic()
        if self.is_finished:
            shutil.rmtree(folder / _PARTS, ignore_errors=True)

    @property
    def is_finished(self) -> bool:
        """Whether the search was finished before."""
        return (self.folder / EVALUATIONS).is_file()

    def read(self) -> list[Generation]:
        """Read all generations that were kept."""
        generations = read_evaluations(self.folder, self._problem, run=self._run)
        self._n_kept = sum(len(generation.proposal.archs) for generation in generations)
        return generations

    def add(self, archive: Archive) -> None:
        """Keep the generations that were added to the archive since the last call, at once or a little later."""
        self._archive = archive
        if time.monotonic() - self._written >= FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what is not written yet."""
        archive = self._archive
        if archive is not None and len(archive) > self._n_kept:
            make_folder(self.folder / _PARTS)
            first = int(archive.generation[self._n_kept])
            path = self.folder / _PARTS / f"part-{first:06d}.parquet"
            self._write(path, _table(archive, slice(self._n_kept, len(archive))))
            self._n_kept = len(archive)
        self._written = time.monotonic()

    def finish(self, result: SearchResult) -> None:
        """Write the finished tables; they take the place of the parts."""
        import pyarrow as pa

        members, progress = result.fronts()
        self._write(self.folder / _FRONTS, pa.Table.from_pandas(members, preserve_index=False))
        self._write(self.folder / _PROGRESS, pa.Table.from_pandas(progress, preserve_index=False))
        self._write(self.folder / EVALUATIONS, _table(result.archive, slice(0, len(result.archive))))
        shutil.rmtree(self.folder / _PARTS, ignore_errors=True)

    def _write(self, path: Path, table: pa.Table) -> None:
        about = {"run": self._run, "table": path.stem}
        write_table(
            path, table, about=about, within=self.folder, sync=False, compression="zstd", compression_level=1
        )  # fmt: skip


def _table(archive: Archive, rows: slice) -> pa.Table:
    """Make the table of some evaluations: where they come from, one uint8 column per slot, float32 metrics."""
    import pyarrow as pa

    columns: dict[str, Any] = {"evaluation": np.arange(len(archive))[rows]}
    columns |= {name: getattr(archive, name)[rows] for name in _ORIGIN}
    codes = np.ascontiguousarray(archive.archs[rows].T)
    columns |= {slot.name: codes[slot.index] for slot in archive.problem.space.slots}
    columns |= {name: values[rows] for name, values in archive.metrics.items()}
    return pa.table({name: pa.array(np.ascontiguousarray(values)) for name, values in columns.items()})


def read_evaluations(folder: Path, problem: Problem, *, run: str) -> list[Generation]:
    """Read the generations of a search, finished or not.

    Parameters
    ----------
    run
        The digest of the search that they must be of.

    Raises
    ------
    DataError
        If a file is damaged, is of another search, lacks a column, or generations are missing.
    """
    finished = folder / EVALUATIONS
    paths = [finished] if finished.is_file() else sorted((folder / _PARTS).glob("part-*.parquet"))
    slots = [slot.name for slot in problem.space.slots]
    generations: list[Generation] = []
    n = 0
    for path in paths:
        columns = _read(path, slots, problem.metrics, run)
        generation = columns["generation"]
        if not np.array_equal(columns["evaluation"], np.arange(n, n + len(generation))):
            raise DataError(f"{path} does not go on at evaluation {n}; {_AGAIN}")
        n += len(generation)
        archs = np.ascontiguousarray(np.stack([columns[name] for name in slots], axis=1))
        edges = [0, *(np.flatnonzero(np.diff(generation)) + 1).tolist(), len(archs)]
        for first, last in itertools.pairwise(edges):
            if first == last or int(generation[first]) != len(generations):
                raise DataError(f"{path} does not hold generation {len(generations)} where it must; {_AGAIN}")
            rows = slice(first, last)
            proposal = Proposal(archs[rows], columns["parent"][rows], columns["mate"][rows])
            generations.append(Generation(proposal, {name: columns[name][rows] for name in problem.metrics}))
    return generations


def _read(path: Path, slots: Sequence[str], metrics: Sequence[str], run: str) -> dict[str, NDArray[Any]]:
    number, parent = Column("integer", low=0), Column("integer", low=-1)
    columns = {"evaluation": number, "generation": number, "parent": parent, "mate": parent}
    columns |= dict.fromkeys(slots, Column("uint8")) | dict.fromkeys(metrics, Column("float32"))
    table, about = read_signed(path, columns, made_by=_MADE_BY)
    if about.get("run") != run or about.get("table") != path.stem:
        raise DataError(f"{path} is of another search; {_AGAIN}")
    return {name: table[name].to_numpy() for name in table.column_names}
