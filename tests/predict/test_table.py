"""Additive tables: values by hand on moga, and what a wrong table says."""

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blockprofile.errors import CoverageError, DataError
from blockprofile.predict import TABLE_NAME
from blockprofile.predict.registry import find_metric
from blockprofile.predict.table import build_table, read_additive_table, write_additive_table
from blockprofile.space import load_space

MOGA = load_space("moga")
CARD = dataclasses.replace(find_metric("macs_m", MOGA)[0], name="mine", kind="table", metric="score")


def _table(**changes):
    table = {("", ""): 10.0}
    table |= {("u1l1", name): float(code) for code, name in enumerate(MOGA.block_names)}
    return table | changes


def test_values_by_hand(tmp_path):
    write_additive_table(tmp_path / TABLE_NAME, _table())
    archs = np.zeros((3, 14), np.uint8)
    archs[:, 0] = [0, 5, 11]
    archs[:, 1] = 7
    assert build_table(CARD, tmp_path, MOGA).predict(archs).tolist() == [10, 15, 21]


def test_what_is_written_is_read_again(tmp_path):
    write_additive_table(tmp_path / TABLE_NAME, _table())
    assert read_additive_table(tmp_path / TABLE_NAME) == _table()


def test_an_empty_table_predicts_zero(tmp_path):
    write_additive_table(tmp_path / TABLE_NAME, {})
    assert build_table(CARD, tmp_path, MOGA).predict(np.zeros((2, 14), np.uint8)).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({("u9l1", "e3k3"): 1.0}, "has a slot 'u9l1', space 'moga' has none"),
        ({("u1l1", "e3k3"): 1.0}, "differ in the choices of slot 'u1l1': e3k3se"),
        (_table() | {("u1l1", "e9k9"): 1.0}, "slot 'u1l1': e9k9"),
    ],
)
def test_tables_of_another_space_are_refused(tmp_path, table, message):
    write_additive_table(tmp_path / TABLE_NAME, table)
    with pytest.raises(CoverageError, match=message):
        build_table(CARD, tmp_path, MOGA)


def test_broken_files_are_refused(tmp_path):
    path = tmp_path / TABLE_NAME
    with pytest.raises(DataError, match="is missing"):
        read_additive_table(path)
    path.write_bytes(b"PAR1 no table")
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        read_additive_table(path)
    pq.write_table(pa.table({"slot": ["u1l1"], "value": [1.0]}), path)
    with pytest.raises(DataError, match="lacks the column 'choice'"):
        read_additive_table(path)
    pq.write_table(pa.table({"slot": ["a", "a"], "choice": ["b", "b"], "value": [1.0, 2.0]}), path)
    with pytest.raises(DataError, match="gives choice 'b' of slot 'a' twice"):
        read_additive_table(path)
    pq.write_table(pa.table({"slot": ["a"], "choice": ["b"], "value": [float("nan")]}), path)
    with pytest.raises(DataError, match="column 'value' holds nan in row 1; must be finite"):
        read_additive_table(path)
