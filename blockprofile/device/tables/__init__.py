"""Readers of tables of operators that others published, one a format; which is recognised by what the file holds."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from blockprofile.device.formats import ProfileFile, open_profile
from blockprofile.device.median import Median
from blockprofile.device.operator_table import OperatorTable, check_complete
from blockprofile.device.tables import layers
from blockprofile.device.tables.entries import Entries
from blockprofile.errors import DataError, OptionError
from blockprofile.metric import LATENCY
from blockprofile.predict import lookup_key
from blockprofile.space import Operator, Space

__all__ = ["TABLE_FORMATS", "find_table_format", "read_published", "table_note"]

LAYERS = "layers"
TABLE_FORMATS = ("ofa", "nnmeter", "hwnasbench", LAYERS)
"""The formats of published tables; each is a module of this package."""
LONE = ("hwnasbench", LAYERS)
"""Those of which a file holds several devices, so that two files are not one table."""


def _module(name: str) -> Any:
    return import_module(f"blockprofile.device.tables.{name}")


def find_table_format(file: ProfileFile) -> str | None:
    """Tell which format a file has; None where it is none of them."""
    return next((name for name in TABLE_FORMATS if _module(name).recognises(file)), None)


def table_note(form: str) -> str:
    """Return what whoever uses tables of a format should know; empty where nothing is to be said."""
    return str(_module(form).NOTE)


def read_published(
    paths: Sequence[Path],
    form: str,
    space: Space,
    operators: Sequence[Operator],
    *,
    column: str = "",
    metric: str = LATENCY,
) -> OperatorTable:
    """Read the times, or energies, of operators from a table that others published.

    Parameters
    ----------
    paths
        Files of one format, read as one: an operator that stands in several has the mean of their times. None may
        be recognised as of another.
    operators
        Those that the table must have.
    column
        Which of several tables of a file: its name, or its device.

    Raises
    ------
    DataError, DefinitionError
        If a file is not what it should be, or operators are missing.
    OptionError
        If a file holds several tables and it is not said which is meant, it holds another metric, or the format takes
        one file alone.
    """
    if form in LONE and len(paths) > 1:
        raise OptionError(f"{len(paths)} files were given, of which {paths[0]} is of the format {form!r}; give one")
    if form == LAYERS:
        return layers.read_layers(paths[0], space, column, metric)
    module = _module(form)
    times: dict[str, list[Median]] = {}
    for path in paths:
        file = open_profile(path)
        if (other := find_table_format(file)) not in {None, form}:
            raise DataError(f"{path} looks like {other!r}, unlike {paths[0]}, which is read as {form!r}")
        for name, time in module.read(file, column, metric).items():
            times.setdefault(name, []).append(time)
    entries = Entries(times)
    found = {op: module.find(op, entries, operators) for op in operators}
    check_complete(paths, {lookup_key(op) for op, time in found.items() if time is not None}, operators, space)
    return OperatorTable(found, entries.n_extra)
