"""The one CSV reader: what it reads, and that nothing is shifted or dropped without a word."""

from __future__ import annotations

from pathlib import Path

import pytest

from blockprofile import csvfile
from blockprofile.csvfile import read_csv
from blockprofile.errors import DataError, DefinitionError


def _file(folder: Path, content: bytes) -> Path:
    path = folder / "t.csv"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "content",
    [b"a,b\n1,x y\n2,\n", b"\xef\xbb\xbfa,b\r\n1,x y\r\n2,\r\n", b'"a", b\n1 ,"x y"\n\n2, \n',
     b",a,b\n0,1,x y\n1,2,\n"],
)  # fmt: skip
def test_the_same_rows_however_they_are_written(tmp_path: Path, content: bytes) -> None:
    table = read_csv(_file(tmp_path, content))
    assert (table.header, table.fields) == (("a", "b"), (("1", "x y"), ("2", "")))
    assert table.columns() == {"a": ["1", "2"], "b": ["x y", ""]}
    assert [row.number("a") for row in table.rows()] == [1.0, 2.0]


def test_rows_know_their_lines(tmp_path: Path) -> None:
    table = read_csv(_file(tmp_path, b'a,b\n1,"two\nlines"\n\n3,x\n'))
    assert table.lines == (3, 5)
    with pytest.raises(DefinitionError, match=r"t.csv:5: b: 'x' is wrong: should be a number"):
        list(table.rows())[1].number("b")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "t.csv:1: the header is missing"),
        (b"a,b\n1,2\n1,2,3\n", "t.csv:3: the row has 3 fields, the header 2; a decimal comma"),
        (b"a,b\n1\n", "t.csv:2: the row has 1 fields, the header 2"),
        (b"a,b,a\n", "column 'a' stands there twice"),
        (b"a,,b\n1,2,3\n", "column 2 has no name"),
        (b",a\n7,1\n", "column 1 has no name"),
        (b"a;b\n1;2\n", "separated by ';'; must be ','"),
        (b"a\tb\n1\t2\n", "separated by"),
        (b"a,b\n\xff,2\n", "no UTF-8|not UTF-8"),
        (b'a,b\n"1,2\n', "no CSV"),
        (b'a,b\n"1"x,2\n', "t.csv:2: no CSV"),
    ],
)
def test_refuses_what_it_would_have_to_guess(tmp_path: Path, content: bytes, match: str) -> None:
    with pytest.raises(DataError, match=match):
        read_csv(_file(tmp_path, content))


def test_refuses_a_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_csv(tmp_path)


def test_a_file_that_is_too_large_is_refused_with_the_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "1,2\n" * 50, encoding="utf-8")
    monkeypatch.setattr(csvfile, "MAX_ROWS", 49)
    with pytest.raises(DataError, match=r"t\.csv has more than 49 rows; a table as large as that is read as Parquet"):
        csvfile.read_csv(path)
    monkeypatch.setattr(csvfile, "MAX_BYTES", 200)
    with pytest.raises(DataError, match=r"t\.csv has 204 bytes; at most 200 are read: a table as large as that"):
        csvfile.read_csv(path)
