"""Reading CSV: one strict reader for every table that somebody wrote.

UTF-8 with or without a byte-order mark, any line ends, a header of distinct names, and in every row as many fields as
the header has. What a lenient reader makes of a decimal comma (one field too many, the first column an index) is a
wrong figure without a word; here it is refused with its line.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from blockprofile.errors import DataError, DefinitionError
from blockprofile.numbers import NUMBER_FORM, read_number

__all__ = ["CsvFile", "Row", "read_csv"]

MAX_BYTES = 1 << 27
MAX_ROWS = 1 << 22
"""A row takes some ten times its text in memory."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its fields by column, stripped, and where it stands."""

    path: Path
    line: int
    fields: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.fields[name]

    def get(self, name: str) -> str:
        """Return a field; empty where there is no such column."""
        return self.fields.get(name, "")

    def error(self, name: str, message: str) -> DefinitionError:
        """Make the error of a field, with file, line and column."""
        return DefinitionError(message, path=self.path, line=self.line, key=name)

    def number(self, name: str, *, form: str = NUMBER_FORM) -> float:
        """Read a finite number.

        Raises
        ------
        DefinitionError
            If the field holds anything else.
        """
        value = read_number(self.fields[name])
        if value is None:
            raise self.error(name, f"{self.fields[name]!r} is wrong: should be {form}")
        return value


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A file as read: the header, and for each row its line, counted from 1, and its stripped fields."""

    path: Path
    header: tuple[str, ...]
    lines: tuple[int, ...]
    fields: tuple[tuple[str, ...], ...]

    def rows(self) -> Iterator[Row]:
        """Yield the rows, in the order of the file."""
        for line, fields in zip(self.lines, self.fields, strict=True):
            yield Row(self.path, line, dict(zip(self.header, fields, strict=True)))

    def columns(self) -> dict[str, list[str]]:
        """Return the fields by column."""
        return {name: [fields[place] for fields in self.fields] for place, name in enumerate(self.header)}


def read_csv(path: Path, *, delimiter: str = ",") -> CsvFile:
    """Read a CSV file; lines with nothing in them are passed over.

    A first column without a name, which holds the numbers of the rows (what pandas writes with an index), is left out.

    Raises
    ------
    DataError
        If the file cannot be read, is too large, is no UTF-8 text or no CSV.
    DefinitionError
        With file and line, if the header is missing, names a column twice or not at all, has other separators, or a
        row has more or fewer fields than the header.
    """
    try:
        _check_size(path, path.stat().st_size)
        with path.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.reader(handle, delimiter=delimiter, strict=True)
            header = [name.strip() for name in next(reader, [])]
            _check_header(path, header, delimiter)
            lines, rows, same = list[int](), list[tuple[str, ...]](), dict[str, str]()
            for fields in reader:
                if not fields:
                    continue
                if len(fields) != len(header):
                    raise _wrong_length(path, reader.line_num, header, fields)
                if len(lines) == MAX_ROWS:
                    raise DataError(
                        f"{path} has more than {MAX_ROWS:,} rows; a table as large as that is read as Parquet"
                    )
                lines.append(reader.line_num)
                rows.append(tuple(same.setdefault(field.strip(), field.strip()) for field in fields))
    except UnicodeDecodeError as failure:
        raise DataError(f"{path} is not UTF-8 text: {failure.reason} at byte {failure.start}") from None
    except csv.Error as failure:
        raise DataError(f"{path}:{reader.line_num}: no CSV: {failure}") from None
    except OSError as failure:
        raise DataError(f"{path} cannot be read: {failure.strerror or failure}") from None
    if header[0] == "":
        if [row[0] for row in rows] != [str(number) for number in range(len(rows))]:
            raise DefinitionError("column 1 has no name", path=path, line=1)
        header, rows = header[1:], [row[1:] for row in rows]
    return CsvFile(path, tuple(header), tuple(lines), tuple(rows))


def _check_size(path: Path, n_bytes: int) -> None:
    if n_bytes > MAX_BYTES:
        told = f"{path} has {n_bytes:,} bytes; at most {MAX_BYTES:,} are read"
        raise DataError(f"{told}: a table as large as that is read as Parquet")


def _check_header(path: Path, header: Sequence[str], delimiter: str) -> None:
    if not header:
        raise DefinitionError("the header is missing; the first line must name the columns", path=path, line=1)
    other = next((sign for sign in ";\t|" if len(header) == 1 and sign in header[0]), None)
    if other is not None:
        raise DefinitionError(
            f"fields are separated by {other!r}; must be {delimiter!r}, and numbers written with a decimal point",
            path=path, line=1,
        )  # fmt: skip
    twice = next((name for place, name in enumerate(header) if name in header[:place]), None)
    if twice is not None:
        raise DefinitionError(f"column {twice!r} stands there twice", path=path, line=1)
    if "" in header[1:] or header == [""]:
        raise DefinitionError(f"column {header.index('', len(header) > 1) + 1} has no name", path=path, line=1)


def _wrong_length(path: Path, line: int, header: Sequence[str], fields: Sequence[str]) -> DefinitionError:
    message = f"the row has {len(fields)} fields, the header {len(header)}"
    if len(fields) > len(header):
        message += "; a decimal comma makes one field two: write a decimal point"
    return DefinitionError(message, path=path, line=line)
