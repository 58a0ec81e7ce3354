"""What every reader of a profiler's file makes of it: the nodes of one model in the order of running, and the whole."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from blockprofile.errors import DataError, UnknownNameError
from blockprofile.jsonfile import parse_json
from blockprofile.numbers import read_number

MAX_BYTES = 1 << 27
MAX_FIELD = 1 << 22
"""Characters of a field: a node that fuses a whole network has all its modules in one."""
_PICKLES = {".pkl", ".pickle"}
_PROTOCOLS = [bytes([number]) for number in range(2, 6)]


@dataclass(frozen=True, slots=True)
class NodeTime:
    """A node as the tool names it and its time in ms; fused nodes that took none may stand there with 0."""

    name: str
    ms: float


@dataclass(frozen=True, slots=True)
class Trace:
    """One model's profile.

    ``nodes`` are in the order of running, none where the tool gives the whole alone; ``whole_ms`` is the time of a run,
    None where only the nodes' are given; ``n_runs`` is how many runs the times are of, 0 where that is not said; so are
    ``batch``, the images in a batch, and ``precision``, as exports name it, empty where they are not said.
    """

    path: Path
    nodes: tuple[NodeTime, ...]
    whole_ms: float | None
    n_runs: int = 0
    batch: int = 0
    precision: str = ""


@dataclass(frozen=True)
class ProfileFile:
    """A file that some tool wrote, read as text."""

    path: Path
    text: str

    @cached_property
    def json(self) -> Any:
        """What it holds as JSON; None where it is none."""
        if self.text.lstrip()[:1] not in {"[", "{"}:
            return None
        try:
            return parse_json(self.text, self.path)
        except DataError as failure:
            if "Extra data" in str(failure):
                raise self.error("it holds two runs, one after another; give each a file of its own") from None
            raise

    @cached_property
    def lines(self) -> list[str]:
        """Its lines."""
        return self.text.splitlines()

    @cached_property
    def rows(self) -> list[list[str]]:
        """Its lines as CSV, those with nothing in them left out; all have as many fields as the first.

        Raises
        ------
        DataError
            If they are none, or a line has other fields.
        """
        before = csv.field_size_limit(MAX_FIELD)
        try:
            rows = [(number, row) for number, row in enumerate(csv.reader(self.lines), start=1) if row]
        except csv.Error as failure:
            raise self.error(f"no CSV: {failure}") from None
        finally:
            csv.field_size_limit(before)
        odd = next(((number, row) for number, row in rows if len(row) != len(rows[0][1])), None)
        if odd is not None:
            told = f"line {odd[0]} has {len(odd[1])} fields, the header {len(rows[0][1])}"
            raise self.error(f"{told}; was it cut off, or are there decimal commas?")
        return [row for _, row in rows]

    def error(self, message: str) -> DataError:
        """Make the error of the file."""
        return DataError(f"{self.path}: {message}")


def open_profile(path: Path) -> ProfileFile:
    """Read a file as text.

    Raises
    ------
    UnknownNameError
        If there is no such file.
    DataError
        If it is empty, too large, or no UTF-8 text.
    """
    if not path.is_file():
        raise UnknownNameError(f"there is no file {str(path)!r}")
    check_pickle(path)
    if path.stat().st_size > MAX_BYTES:
        raise DataError(f"{path} has {path.stat().st_size:,} bytes; at most {MAX_BYTES:,} are read")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as failure:
        raise DataError(f"{path} is not UTF-8 text: {failure.reason} at byte {failure.start}") from None
    if not text.strip():
        raise DataError(f"{path} is empty")
    return ProfileFile(path, text)


def check_pickle(path: Path) -> None:
    """Refuse a pickle, whatever its name says: to open one is to run what it says.

    Raises
    ------
    DataError
        If the file is one; with how its tables become JSON.
    """
    with path.open("rb") as handle:
        head = handle.read(2)
    if path.suffix.lower() in _PICKLES or (head[:1] == b"\x80" and head[1:] in _PROTOCOLS):
        raise DataError(
            f"{path} is a pickle, which runs what it says when it is opened, and is not read; where you trust it, "
            "write its tables as JSON by the package that published it (HW-NAS-Bench's: json.dump of what "
            "get_op_lookup_tables() gives)"
        )


def known_value(file: ProfileFile, name: str, value: object) -> float:
    """Return a value of a file that should be a number of at least 0.

    Raises
    ------
    DataError
        If it is no number of at least 0.
    """
    number = read_number(value) if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, int | float) or number < 0:
        raise file.error(f"{name} is {value!r}; should be a number of at least 0")
    return float(number)


def number_of(file: ProfileFile, record: Any, names: Sequence[str], what: str) -> float:
    """Return the first of the named fields that a record has, a number of at least 0.

    Raises
    ------
    DataError
        If it has none of them, or what stands there is no such number.
    """
    for name in names:
        if isinstance(record, dict) and name in record:
            return known_value(file, f"{name} of {what}", record[name])
    raise file.error(f"{what} has no {' and no '.join(names)}")
