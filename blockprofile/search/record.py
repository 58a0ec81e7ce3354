"""A search's run folder: evaluations as they are made, the finished tables, and going on after a kill.

While a search runs, its generations stand in ``parts/``, each file renamed into place when whole. The finished
run has ``evaluations.parquet``, ``fronts.parquet`` and ``progress.parquet`` instead.
"""

from __future__ import annotations

import itertools
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from blockprofile.errors import DataError, RunError
from blockprofile.run.manifest import MANIFEST_NAME, Manifest, read_manifest, refuse_other, write_manifest
from blockprofile.search.archive import Archive, Proposal
from blockprofile.search.loop import Generation
from blockprofile.search.problem import Problem
from blockprofile.search.result import SearchResult

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["EVALUATIONS", "Recorder", "read_evaluations"]

EVALUATIONS = "evaluations.parquet"
_PARTS, _FRONTS, _PROGRESS = "parts", "fronts.parquet", "progress.parquet"
_ORIGIN = ("generation", "parent", "mate")
FLUSH_SECONDS = 0.5
"""Fast searches write about twice a second; a slow one writes each generation."""


class Recorder:
    """Keep a search in a folder.

    Parameters
    ----------
    folder
        New, empty, or holding the same search, finished or not.
    problem
        What is searched for.
    config
        What decides the result; a folder with another one is refused.
    command
        What the user typed.

    Raises
    ------
    RunError
        If the folder holds something else.
    DataError
        If its tables are damaged.
    """

    def __init__(self, folder: Path, problem: Problem, *, config: Mapping[str, Any], command: str = "") -> None:
        self.folder, self._problem = folder, problem
        self._archive: Archive | None = None
        self._n_kept, self._written = 0, time.monotonic()
        if (folder / MANIFEST_NAME).is_file():
            refuse_other(folder, read_manifest(folder).config, config)
            if self.is_finished:
                shutil.rmtree(folder / _PARTS, ignore_errors=True)
        elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise RunError(f"--out {str(folder)!r} exists and is no run folder; choose another, or empty it")
        else:
            _make_folder(folder)
            write_manifest(folder, Manifest(kind="search", config=config, command=command))

    @property
    def is_finished(self) -> bool:
        """Whether the search was finished before."""
        return (self.folder / EVALUATIONS).is_file()

    def read(self) -> list[Generation]:
        """Read all generations that were kept."""
        generations = read_evaluations(self.folder, self._problem)
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
            (self.folder / _PARTS).mkdir(exist_ok=True)
            first = int(archive.generation[self._n_kept])
            path = self.folder / _PARTS / f"part-{first:06d}.parquet"
            _write(path, _table(archive, slice(self._n_kept, len(archive))))
            self._n_kept = len(archive)
        self._written = time.monotonic()

    def finish(self, result: SearchResult) -> None:
        """Write the finished tables; they take the place of the parts."""
        import pyarrow as pa

        members, progress = result.fronts()
        _write(self.folder / _FRONTS, pa.Table.from_pandas(members, preserve_index=False))
        _write(self.folder / _PROGRESS, pa.Table.from_pandas(progress, preserve_index=False))
        _write(self.folder / EVALUATIONS, _table(result.archive, slice(0, len(result.archive))))
        shutil.rmtree(self.folder / _PARTS, ignore_errors=True)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileNotFoundError, FileExistsError) as failure:
        raise RunError(f"--out {str(folder)!r} cannot be made: {failure.strerror}") from None


def _table(archive: Archive, rows: slice) -> pa.Table:
    """Make the table of some evaluations: where they come from, one uint8 column per slot, float32 metrics."""
    import pyarrow as pa

    columns: dict[str, Any] = {"evaluation": np.arange(len(archive))[rows]}
    columns |= {name: getattr(archive, name)[rows] for name in _ORIGIN}
    codes = np.ascontiguousarray(archive.archs[rows].T)
    columns |= {slot.name: codes[slot.index] for slot in archive.problem.space.slots}
    columns |= {name: values[rows] for name, values in archive.metrics.items()}
    return pa.table({name: pa.array(np.ascontiguousarray(values)) for name, values in columns.items()})


def _write(path: Path, table: pa.Table) -> None:
    import pyarrow.parquet as pq

    partial = path.with_name(path.name + ".partial")
    try:
        pq.write_table(table, partial, compression="zstd", compression_level=1)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def read_evaluations(folder: Path, problem: Problem) -> list[Generation]:
    """Read the generations of a search, finished or not.

    Raises
    ------
    DataError
        If a file is damaged, lacks a column, or generations are missing.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    finished = folder / EVALUATIONS
    paths = [finished] if finished.is_file() else sorted((folder / _PARTS).glob("part-*.parquet"))
    slots = [slot.name for slot in problem.space.slots]
    generations: list[Generation] = []
    for path in paths:
        try:
            table = pq.read_table(path, columns=["evaluation", *_ORIGIN, *slots, *problem.metrics])
            columns = {name: table[name].to_numpy() for name in table.column_names}
            archs = np.ascontiguousarray(np.stack([columns[name] for name in slots], axis=1))
            values = {name: columns[name] for name in problem.metrics}
            bounds = np.flatnonzero(np.diff(columns["generation"])) + 1
        except (pa.ArrowException, OSError, KeyError) as failure:
            raise DataError(f"{path} cannot be read: {failure}; delete it and search again") from None
        edges = [0, *bounds.tolist(), len(archs)]
        for first, last in itertools.pairwise(edges):
            if int(columns["generation"][first]) != len(generations):
                raise DataError(f"{path} holds generation {columns['generation'][first]}, not {len(generations)}")
            rows = slice(first, last)
            proposal = Proposal(archs[rows], columns["parent"][rows], columns["mate"][rows])
            generations.append(Generation(proposal, {name: column[rows] for name, column in values.items()}))
    return generations
