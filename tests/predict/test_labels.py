"""Reading labelled tables: text, codes, names, values, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from blockprofile.errors import DataError
from blockprofile.predict.labels import read_labels
from blockprofile.space import INACTIVE, Archs, Space, decode, draw_archs


def _slot_frame(space: Space, archs: Archs, *, names: bool = False) -> pd.DataFrame:
    columns: dict[str, list[object]] = {}
    for slot in space.slots:
        if slot.kind == "depth":
            continue
        codes = archs[:, slot.index]
        if slot.kind == "layer":
            columns[slot.name] = [
                None if code == INACTIVE else slot.choices[code] if names else int(code) for code in codes
            ]
        else:
            columns[slot.name] = [slot.choices[code] for code in codes]
    return pd.DataFrame(columns)


def test_text_codes_and_names_say_the_same(shipped: Space, tmp_path: Path) -> None:
    archs = draw_archs(shipped, 40, np.random.default_rng(1))
    frames = {
        "text.csv": pd.DataFrame({"arch": [decode(shipped, arch) for arch in archs]}),
        "codes.csv": _slot_frame(shipped, archs),
        "names.csv": _slot_frame(shipped, archs, names=True),
    }
    for name, frame in frames.items():
        frame.assign(score=np.arange(40.0)).to_csv(tmp_path / name, index=False)
        table = read_labels(tmp_path / name, shipped)
        np.testing.assert_array_equal(table.archs, archs, err_msg=name)
        np.testing.assert_array_equal(table.label("score"), np.arange(40.0))


def test_parquet_with_a_searched_resolution(mixed: Space, tmp_path: Path) -> None:
    archs = draw_archs(mixed, 30, np.random.default_rng(2))
    _slot_frame(mixed, archs).assign(score=1.0).to_parquet(tmp_path / "t.parquet")
    table = read_labels(tmp_path / "t.parquet", mixed)
    np.testing.assert_array_equal(table.archs, archs)
    assert table.resolutions is None


def test_a_resolution_column_is_kept_where_it_is_no_slot(toy: Space, tmp_path: Path) -> None:
    archs = draw_archs(toy, 4, np.random.default_rng(3))
    frame = pd.DataFrame({"arch": [decode(toy, arch) for arch in archs], "resolution": [16, 32, 16, 32], "y": 1.0})
    frame.to_csv(tmp_path / "t.csv", index=False)
    table = read_labels(tmp_path / "t.csv", toy)
    assert table.resolutions is not None
    assert table.resolutions.tolist() == [16, 32, 16, 32]
    assert list(table.labels) == ["y"]


@pytest.mark.parametrize("missing", [-1, 255])
def test_codes_for_inactive_layers(toy: Space, tmp_path: Path, missing: int) -> None:
    frame = pd.DataFrame([{"u1l1": 2, "u1l2": missing, "u2l1": 0, "u2l2": 1, "u2l3": missing, "y": 1.0}])
    frame.to_csv(tmp_path / "t.csv", index=False)
    assert decode(toy, read_labels(tmp_path / "t.csv", toy).archs[0]) == "e4k5se | e2k3 e4k3"


@pytest.mark.parametrize(
    ("row", "match"),
    [
        ({"u1l1": 7}, "row 1: 7.* is not in slot 'u1l1'; choices: e2k3"),
        ({"u1l1": "e9k9"}, "row 1: 'e9k9' is not in slot 'u1l1'"),
        ({"u2l1": -1}, "row 1: .*u2l1"),
        ({"u1l1": 1.5}, "row 1: 1.5 is not in slot"),
    ],
)
def test_names_the_row_that_is_no_arch(toy: Space, tmp_path: Path, row: dict[str, object], match: str) -> None:
    good = {"u1l1": 0, "u1l2": 0, "u2l1": 0, "u2l2": 0, "u2l3": 0, "y": 1.0}
    pd.DataFrame([good | row]).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(DataError, match=match):
        read_labels(tmp_path / "t.csv", toy)


def test_a_wrong_text_names_its_row(toy: Space, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("arch,y\ne2k3 | e2k3,1\ne2k3 | nonsense,2\n")
    with pytest.raises(DataError, match=r"row 2: block 'nonsense' is not in unit 2, layer 1"):
        read_labels(tmp_path / "t.csv", toy)


def test_refuses_other_files(toy: Space, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        read_labels(tmp_path / "none.csv", toy)
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 nonsense")
    with pytest.raises(DataError, match="cannot be read"):
        read_labels(tmp_path / "broken.parquet", toy)
    (tmp_path / "empty.csv").write_text("arch,y\n")
    with pytest.raises(DataError, match="no rows"):
        read_labels(tmp_path / "empty.csv", toy)
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"neither a column 'arch' nor all slots.*u1l1"):
        read_labels(tmp_path / "other.csv", toy)


def test_a_label_must_be_there_and_finite(toy: Space, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("arch,y,word\ne2k3 | e2k3,1,a\ne2k3 | e4k3,,b\n")
    table = read_labels(tmp_path / "t.csv", toy)
    with pytest.raises(DataError, match="column 'y', row 2 holds nan"):
        table.label("y")
    with pytest.raises(DataError, match=r"no column 'word' of numbers; choices: y"):
        table.label("word")
