"""Labelled archs in a run folder: what fitted predictors left of labels not seen, weighted to the run's law.

A table of all archs of its space leaves nothing, but the noise of its labels.

They are written when the run is made, beside its samples, so that its profile holds for the truth wherever the folder
is read and whatever has become of the predictor.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from blockprofile.errors import DataError
from blockprofile.files import make_folder
from blockprofile.predict import RESIDUALS_NAME, Entry, read_residuals
from blockprofile.space import Law, Space
from blockprofile.tablecolumn import numbers_of
from blockprofile.tablefile import Column, read_signed, write_table

if TYPE_CHECKING:
    from blockprofile.predict import LabelledArchs
    from blockprofile.run.pool import Pool

FOLDER = "labelled"
FEWEST = 20
"""With fewer labelled archs in the space nothing is corrected."""


def _weighted(entry: Entry, space: Space, law: Law) -> tuple[LabelledArchs | None, str]:
    """Read a predictor's residuals and weigh their archs to a law; None and the reason where that cannot be done."""
    from blockprofile.predict import LabelledArchs, weigh_archs

    if entry[0].kind == "archs":
        return _listed(entry, space, law)
    found = read_residuals(entry[1] / RESIDUALS_NAME, space).at(space)
    if len(found.archs) < FEWEST:
        return None, f"only {len(found.archs)} labelled archs are of space {space.name!r}"
    try:
        weights, how, _ = weigh_archs(space, found.archs, law=law)
    except DataError as failure:
        return None, str(failure)
    return LabelledArchs(found.archs, found.values, weights, how), how


def _listed(entry: Entry, space: Space, law: Law) -> tuple[LabelledArchs | None, str]:
    """Weigh the archs of a table that is whole: nothing is left of their values but noise."""
    from blockprofile.predict import LabelledArchs, build_listed, weigh_archs

    table = build_listed(entry[0], entry[1], space)
    rows = np.flatnonzero(space.contains(table.archs))
    weights, how, is_whole = weigh_archs(space, table.archs[rows], law=law)
    if not is_whole:
        return None, "the table lists some archs alone"
    return LabelledArchs(table.archs[rows], np.zeros(len(rows)), weights, how, table.variances[rows]), how


def describe_labels(entry: Entry, space: Space, *, law: Law) -> dict[str, Any] | None:
    """Say how many labelled archs correct what a predictor says; None where it kept none.

    Returns
    -------
    ``n``, ``n_effective`` and ``how`` they are weighted; ``n`` is 0 where they cannot be, ``how`` then says why.

    Raises
    ------
    DataError
        If the residuals are damaged or of another space.
    """
    if not (entry[1] / RESIDUALS_NAME).is_file() and entry[0].parameters.get("archs") != "all":
        return None
    found, how = _weighted(entry, space, law)
    if found is None:
        return {"n": 0, "n_effective": 0.0, "how": how}
    return {"n": len(found.archs), "n_effective": round(found.n_effective, 1), "how": how}


def _has_labels(about: Mapping[str, Any]) -> bool:
    return bool(about.get("labels") and about["labels"]["n"])


def _path(folder: Path, place: int) -> Path:
    return folder / FOLDER / f"{place:02d}.parquet"


def keep_labelled(folder: Path, pool: Pool) -> None:
    """Write the labelled archs of a pool's predictors into its folder; under a limit, those that meet it."""
    import pyarrow as pa

    if not any(_has_labels(about) for about in pool.config["predictors"].values()):
        return
    limited = pool.tools().limited
    entries = {entry[0].metric: entry for entry in pool.request.entries(pool.space)}
    for place, (metric, about) in enumerate(pool.config["predictors"].items()):
        if not _has_labels(about):
            continue
        found, how = _weighted(entries[metric], pool.space, pool.request.law)
        if found is None:
            raise DataError(f"the labels of {metric!r} changed while they were read: {how}")
        within = np.ones(len(found.archs), bool) if limited is None else limited.meets(found.archs)
        columns = np.ascontiguousarray(found.archs[within].T)
        data = {slot.name: pa.array(columns[slot.index]) for slot in pool.space.slots}
        noise = np.full(len(within), np.nan) if found.noise is None else found.noise
        figures = {"residual": found.values, "weight": found.weights, "noise": noise}
        data |= {name: pa.array(each[within]) for name, each in figures.items()}
        make_folder(folder / FOLDER)
        about_file = {"run": pool.run, "metric": metric, "how": how}
        write_table(_path(folder, place), pa.table(data), about=about_file, within=folder)


def kept_labelled(folder: Path, config: Mapping[str, Any], space: Space) -> dict[str, LabelledArchs]:
    """Read the labelled archs of a run, by metric; those whose archs are too few are left out.

    Raises
    ------
    UnknownNameError
        If a table is missing that the run had.
    DataError
        If one is damaged, or of another run.
    """
    from blockprofile.predict import LabelledArchs
    from blockprofile.run.manifest import run_digest  # which describes labels by this module

    columns = {slot.name: Column("uint8") for slot in space.slots}
    columns |= {"residual": Column("number"), "weight": Column("number", low=0)}
    columns["noise"] = Column("number", low=0, is_nullable=True)
    labelled = {}
    for place, (metric, about) in enumerate(config["predictors"].items()):
        if not _has_labels(about):
            continue
        path = _path(folder, place)
        table, told = read_signed(path, columns, made_by="the command that made the run, again")
        if told.get("run") != run_digest(config) or told.get("metric") != metric:
            raise DataError(f"{path} is of another run; make it anew with the command that made the run, again")
        archs = np.stack([numbers_of(table[slot.name]) for slot in space.slots], axis=1)
        values, weights, noise = (
            numbers_of(table[name]).astype(np.float64) for name in ("residual", "weight", "noise")
        )
        if len(archs) >= FEWEST:
            known = None if np.isnan(noise).any() else noise
            labelled[metric] = LabelledArchs(np.ascontiguousarray(archs), values, weights, str(told.get("how")), known)
    return labelled
