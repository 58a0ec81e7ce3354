"""The committed tables are what the conversion makes of the published rows."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from blockprofile.content import content_dir
from blockprofile.device.published_tables import PUBLISHED_TABLES, convert_table
from blockprofile.errors import UnknownNameError
from blockprofile.predict.lookup import KEY_COLUMNS, read_table


@pytest.mark.parametrize("name", PUBLISHED_TABLES)
def test_the_committed_table_is_the_conversion(name: str) -> None:
    committed = pd.read_parquet(content_dir("predictors") / name / "table.parquet")
    pd.testing.assert_frame_equal(committed, convert_table(name), check_dtype=False, check_exact=True)


@pytest.mark.parametrize(("name", "n_rows"), [("note10", 480), ("pixel1", 72)])
def test_no_published_row_is_lost(name: str, n_rows: int) -> None:
    source = pd.read_csv(content_dir("data") / "lut" / f"{name}.csv")
    table = convert_table(name)
    assert len(source) >= len(table)
    assert table["count"].sum() == source["count"].sum()
    assert len(table) == n_rows
    keys = [key for key in ("resolution", *KEY_COLUMNS) if key in table]
    assert not table.duplicated(keys).any()


@pytest.mark.parametrize("name", PUBLISHED_TABLES)
def test_what_is_written_is_read_again(name: str, tmp_path: Path) -> None:
    table = convert_table(name)
    table.to_parquet(tmp_path / "table.parquet", index=False)
    resolution = int(table["resolution"].iloc[0]) if "resolution" in table else None
    entries = read_table(tmp_path / "table.parquet", resolution=resolution)
    mine = table if resolution is None else table[table["resolution"] == resolution]
    assert entries == {tuple(row[name] for name in KEY_COLUMNS): row["mean_ms"] for row in mine.to_dict("records")}


def test_times_and_spreads_are_positive() -> None:
    for name in PUBLISHED_TABLES:
        table = convert_table(name)
        assert (table["mean_ms"] > 0).all()
        assert (table["spread_ms"] >= 0).all()
        assert (table["count"] > 0).all()


def test_an_unknown_table() -> None:
    with pytest.raises(UnknownNameError, match=r"published table 'note9' is unknown; did you mean 'note10'\?"):
        convert_table("note9")
