import random

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blockprofile import tablebounds
from blockprofile.errors import DataError, UnknownNameError
from blockprofile.tablecolumn import column_of, numbers_of
from blockprofile.tablefile import Column, read_columns, read_signed, write_table

COLUMNS = {
    "code": Column("uint8"),
    "score": Column("float32", is_nullable=True),
    "name": Column("text", is_nullable=True),
    "n": Column("integer", low=0),
    "is_kept": Column("flag"),
    "values": Column("numbers"),
}


def make_table() -> pa.Table:
    rng = np.random.default_rng(0)
    return pa.table(
        {
            "code": pa.array(rng.integers(0, 255, 300), pa.uint8()),
            "score": pa.array([None, *rng.normal(size=299).tolist()], pa.float32()),
            "name": pa.array(["a", None, "ü"] * 100),
            "n": pa.array(range(300)),
            "is_kept": pa.array([True, False, True] * 100),
            "values": pa.array([[1.0, np.nan], [], [2.0]] * 100, pa.list_(pa.float64())),
        }
    )


def read(path, **changes):
    return read_signed(path, COLUMNS | changes, made_by="`make it`")


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "t.parquet"
    write_table(path, make_table(), about={"seed": 3})
    table, about = read(path)
    assert about == {"seed": 3}
    assert table.column_names == list(COLUMNS)
    assert table["name"].to_pylist() == make_table()["name"].to_pylist()
    assert table["score"].to_pylist() == make_table()["score"].to_pylist()
    assert [path.name for path in tmp_path.iterdir()] == ["t.parquet"]


@pytest.mark.parametrize("options", [{"row_group_size": 7}, {"use_dictionary": False}, {"compression": "none"}])
def test_checksums_do_not_depend_on_how_the_file_is_cut(tmp_path, options):
    write_table(tmp_path / "t.parquet", make_table(), **options)
    assert read(tmp_path / "t.parquet")[0].num_rows == 300


def test_empty_table(tmp_path):
    write_table(tmp_path / "t.parquet", make_table().slice(0, 0))
    assert read(tmp_path / "t.parquet")[0].num_rows == 0


def test_flipped_bits_and_cuts_are_never_used(tmp_path):
    path = tmp_path / "t.parquet"
    write_table(path, make_table(), about={"seed": 3}, compression="none", use_dictionary=False)
    whole, draw, refused = path.read_bytes(), random.Random(0), 0
    expected = make_table().to_pydict()
    for _ in range(300):
        data = bytearray(whole)
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        path.write_bytes(data if draw.random() < 0.8 else data[: draw.randrange(len(data))])
        try:
            table, about = read(path)
        except DataError:
            refused += 1
            continue
        assert about == {"seed": 3}
        assert str(table.to_pydict()) == str(expected)
    assert refused > 150


def test_values_of_another_table_are_refused(tmp_path):
    path, table = tmp_path / "t.parquet", make_table()
    write_table(path, table)
    stored = pq.read_table(path)
    place = stored.column_names.index("n")
    pq.write_table(stored.set_column(place, "n", pa.array([*range(299), 7])), path)
    with pytest.raises(DataError, match="column 'n' are not as they were written; make it anew with `make it`"):
        read(path)


def test_a_table_without_checksums_says_so(tmp_path):
    pq.write_table(make_table(), tmp_path / "t.parquet")
    with pytest.raises(DataError, match="no checksums"):
        read(tmp_path / "t.parquet")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"nn": Column("integer")}, "lacks the column 'nn'; did you mean 'n'"),
        ({"n": Column("text")}, "column 'n' holds int64; must be text"),
        ({"code": Column("float32")}, "column 'code' holds uint8; must be float32"),
        ({"n": Column("integer", high=100)}, "column 'n' holds 101 in row 102; must be at most 100"),
        ({"score": Column("float32")}, "column 'score' is empty in row 1"),
        ({"name": Column("text")}, "column 'name' is empty in row 2"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, columns, message):
    write_table(tmp_path / "t.parquet", make_table())
    with pytest.raises(DataError, match=message):
        read_columns(tmp_path / "t.parquet", columns)


def test_an_infinity_is_refused_unless_it_is_the_bound(tmp_path):
    path = tmp_path / "t.parquet"
    write_table(path, pa.table({"x": [1.0, np.inf]}))
    with pytest.raises(DataError, match="holds inf in row 2"):
        read_columns(path, {"x": Column("number")})
    assert read_columns(path, {"x": Column("number", high=np.inf)}).num_rows == 2
    write_table(path, pa.table({"x": [1.0, np.nan]}))
    with pytest.raises(DataError, match="holds nan in row 2; must be finite"):
        read_columns(path, {"x": Column("number")})


def test_a_missing_column_may_be_optional(tmp_path):
    write_table(tmp_path / "t.parquet", make_table())
    columns = {"n": Column("integer"), "m": Column("integer", is_optional=True)}
    assert read_columns(tmp_path / "t.parquet", columns).column_names == ["n"]


def test_a_table_that_unfolds_is_refused_before_it_does(tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"x": np.zeros(3_000_000)}), path, compression="zstd")
    assert path.stat().st_size < 20_000
    with pytest.raises(DataError, match="3,000,000 rows; at most 1,000,000"):
        read_columns(path, {"x": Column("number")}, max_rows=10**6)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (pa.array(np.ones(1000)), "1,000 rows of 20 columns, which take 160,000 bytes"),
        (pa.array(np.ones(1000, np.uint8)), "1,000 rows of 20 columns, which take 20,000 bytes"),
        (pa.array([[1.0] * 2] * 1000), "1,000 rows of 20 columns, which take 160,000 bytes"),
        (pa.array(["x" * 50] * 1000), "1,000 rows of 20 columns, which take 80,000 bytes"),
    ],
)
def test_a_file_of_one_value_over_and_over_is_counted_by_rows_and_columns(tmp_path, monkeypatch, values, told):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({f"a.{i}": values for i in range(20)}), path)
    monkeypatch.setattr(tablebounds, "MAX_BYTES", 19_999)
    with pytest.raises(DataError, match=rf"{told}; at most 19,999 are read: leave out rows or columns"):
        read_columns(path, {}, with_others=True)
    assert read_columns(path, {}).num_rows == 1000  # what is not read does not count


def test_texts_count_by_what_they_unfold_to_all_columns_together(tmp_path, monkeypatch):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({name: ["x" * 100] * 1000 for name in "ab"} | {"c": pa.array([b"x" * 100] * 1000)}), path)
    monkeypatch.setattr(tablebounds, "MAX_BYTES", 250_000)
    assert read_columns(path, {"a": Column("text"), "b": Column("text")}).num_rows == 1000
    with pytest.raises(DataError, match="column 'c' unfolds to 300,000 bytes; at most 250,000 are read"):
        read_columns(path, {}, with_others=True)


def test_categories_of_numbers_are_unfolded(tmp_path):
    coded = pa.array([3, 5, 3]).dictionary_encode()
    pq.write_table(pa.table({"a": coded}), tmp_path / "t.parquet")
    assert read_columns(tmp_path / "t.parquet", {}, with_others=True)["a"].to_pylist() == [3, 5, 3]


def test_damaged_words_of_pandas_are_left_alone(tmp_path):
    table = pa.Table.from_pandas(pd.DataFrame({"a": [1, 2]}), preserve_index=False)
    broken = table.schema.metadata[b"pandas"].replace(b"numpy_type", b"numpy_tipe")
    write_table(tmp_path / "t.parquet", table.replace_schema_metadata({b"pandas": broken}))
    table, _ = read_signed(tmp_path / "t.parquet", {"a": Column("integer")}, made_by="`make it`")
    assert table.to_pandas()["a"].tolist() == [1, 2]


def test_what_is_no_table_is_refused(tmp_path):
    (tmp_path / "t.parquet").write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        read_columns(tmp_path / "t.parquet", {})
    with pytest.raises(UnknownNameError, match="there is no file"):
        read_columns(tmp_path / "u.parquet", {})


@pytest.mark.parametrize(
    "values",
    [
        pa.chunked_array([pa.array([1, 2, 3], pa.uint8())[1:], pa.array([4], pa.uint8())]),
        pa.chunked_array([pa.array([0.5, 1.5, 2.5], pa.float32())[1:2]]),
        pa.chunked_array([], pa.int64()),
        pa.chunked_array([pa.array([1.0, None])]),
        pa.chunked_array([pa.array([True, False])]),
        pa.array([7, 8, 9], pa.int32())[2:],
    ],
)
def test_numbers_are_those_that_arrow_gives(values: pa.ChunkedArray | pa.Array) -> None:
    expected = values.to_numpy(**({} if isinstance(values, pa.ChunkedArray) else {"zero_copy_only": False}))
    found = numbers_of(values)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def test_a_column_of_numbers_is_the_one_that_arrow_makes() -> None:
    for numbers in (np.arange(6, dtype=np.uint8)[::2], np.array([0.5, -1], np.float32), np.empty(0)):
        assert column_of(numbers).equals(pa.array(numbers))
