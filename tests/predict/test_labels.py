"""Reading labelled tables: text, codes, names, values, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from blockprofile.errors import DataError
from blockprofile.predict.labels import read_labels
from blockprofile.space import INACTIVE, Archs, Space, decode, draw_archs


def _write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def _slot_frame(space: Space, archs: Archs, *, names: bool = False) -> pd.DataFrame:
    columns: dict[str, list[object]] = {}
    for slot in space.slots:
        if slot.kind == "depth" and not space.units[slot.unit - 1].shared:
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


def test_blocks_that_are_named_by_numbers_are_meant_by_them(toy: Space, tmp_path: Path) -> None:
    blocks = [replace(block, name=name) for block, name in zip(toy.blocks, ("1", "2", "0"), strict=True)]
    space = Space(replace(toy.definition, blocks=tuple(blocks)))
    archs = draw_archs(space, 20, np.random.default_rng(1))
    frame = _slot_frame(space, archs, names=True).astype(float).assign(score=1.0)
    frame.to_parquet(tmp_path / "numbers.parquet")
    np.testing.assert_array_equal(read_labels(tmp_path / "numbers.parquet", space).archs, archs)


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
        ({"u1l1": 7}, "line 2: 7.* is not in slot 'u1l1'; choices: e2k3"),
        ({"u1l1": "e9k9"}, "line 2: 'e9k9' is not in slot 'u1l1'"),
        ({"u2l1": -1}, "line 2: .*u2l1"),
        ({"u1l1": 1.5}, "line 2: 1.5 is not in slot"),
    ],
)
def test_names_the_row_that_is_no_arch(toy: Space, tmp_path: Path, row: dict[str, object], match: str) -> None:
    good = {"u1l1": 0, "u1l2": 0, "u2l1": 0, "u2l2": 0, "u2l3": 0, "y": 1.0}
    pd.DataFrame([good | row]).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(DataError, match=match):
        read_labels(tmp_path / "t.csv", toy)


def test_a_wrong_text_names_its_row(toy: Space, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("arch,y\ne2k3 | e2k3,1\ne2k3 | nonsense,2\n")
    with pytest.raises(DataError, match=r"line 3: block 'nonsense' is not in unit 2, layer 1"):
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


@pytest.mark.parametrize("value", ["1e300", "-2e18"])
def test_a_label_whose_square_no_float32_holds_is_refused(toy: Space, tmp_path: Path, value: str) -> None:
    archs = [decode(toy, arch) for arch in draw_archs(toy, 2, np.random.default_rng(0))]
    path = _write(tmp_path / "t.csv", "arch,y\n" + "".join(f"{arch},{value}\n" for arch in archs))
    with pytest.raises(DataError, match=r"column 'y', line 2 holds .*; must be a finite number of at most 1e\+18"):
        read_labels(path, toy).label("y")


def test_a_label_must_be_there_and_finite(toy: Space, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("arch,y,word\ne2k3 | e2k3,1,a\ne2k3 | e4k3,,b\n")
    table = read_labels(tmp_path / "t.csv", toy)
    with pytest.raises(DataError, match="column 'y', line 3 holds nan"):
        table.label("y")
    with pytest.raises(
        DataError, match=r"no column 'word' of numbers \(line 2 holds 'a'; write a number .*; choices: y"
    ):
        table.label("word")


DEPTHS = "u1_depth,u2_depth,u1l1,u1l2,u2l1,u2l2,u2l3,y\n"


def test_depth_columns_say_which_layers_are_active(toy: Space, tmp_path: Path) -> None:
    table = _write(tmp_path / "t.csv", DEPTHS + "1,2,2,1,0,1,2,7.5\n2,3,0,1,2,1,0,8.5\n")
    archs = read_labels(table, toy).archs
    assert [decode(toy, arch) for arch in archs] == ["e4k5se | e2k3 e4k3", "e2k3 e4k3 | e4k5se e4k3 e2k3"]


def test_padding_behind_the_depth_changes_nothing(shipped: Space, tmp_path: Path) -> None:
    archs = draw_archs(shipped, 40, np.random.default_rng(1))
    columns = {}
    for slot in shipped.slots:
        codes = archs[:, slot.index].astype(int)
        if slot.kind == "layer":
            codes = np.where(codes == INACTIVE, np.random.default_rng(2).integers(0, slot.n_choices, 40), codes)
            columns[slot.name] = codes.tolist()
        else:
            columns[slot.name] = [slot.choices[code] for code in codes]
    frame = pd.DataFrame(columns).assign(y=1.0)
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    frame.assign(arch=[decode(shipped, arch) for arch in archs]).to_csv(tmp_path / "both.csv", index=False)
    for name in ("t.csv", "t.parquet", "both.csv"):
        np.testing.assert_array_equal(read_labels(tmp_path / name, shipped).archs, archs, err_msg=name)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (DEPTHS + "2,2,2,,0,1,,7\n", "line 2: u1_depth is 2, but layer 2 of unit 1 is empty"),
        (DEPTHS + "4,2,2,1,0,1,,7\n", "line 2: 4 is not in slot 'u1_depth'; choices: 1, 2"),
        (DEPTHS + ",2,2,1,0,1,,7\n", "line 2: '' is not in slot 'u1_depth'"),
        ("arch,u1l1,y\ne2k3 | e2k3,0,1\ne2k3 | e2k3,1,1\n", "line 3: column 'u1l1' says 'e4k3', column 'arch'"),
        ("arch,u1l2,y\ne2k3 | e2k3,1,1\n", "line 2: column 'u1l2' says 'e4k3', column 'arch' says inactive"),
        ("arch,u1_depth,y\ne2k3 | e2k3,2,1\n", "line 2: column 'u1_depth' says 2, column 'arch' says 1"),
        ("arch,u9l1,y\ne2k3 | e2k3,2,1\n", "column 'u9l1' looks like a slot and is none of space 'toy'"),
        ("arch,u3_depth,y\ne2k3 | e2k3,2,1\n", "column 'u3_depth' looks like a slot"),
        ("arch,U1L1,y\ne2k3 | e2k3,0,1\n", "column 'U1L1' looks like a slot .*did you mean 'u1l1'"),
        ("Arch,y\ne2k3 | e2k3,1\n", "column 'Arch' looks like .*did you mean 'arch'"),
        ("arch,d2,y\ne2k3 | e2k3,2,1\n", "column 'd2' looks like a slot"),
        ("arch,depths,y\ne2k3 | e2k3,2 1,1\n", "column 'depths' looks like a slot"),
        ("arch,ks,y\ne2k3 | e2k3,\"[3, 3]\",1\n", "column 'ks' looks like a slot"),
        ("arch,depth_u1,y\ne2k3 | e2k3,2,1\n", "column 'depth_u1' looks like a slot"),
        ("arch,r,y\ne2k3 | e2k3,48,1\n", "column 'r' looks like .*choices: resolution"),
        ("arch,image_size,y\ne2k3 | e2k3,32,1\n", "column 'image_size' looks like .*choices: resolution"),
        ("arch,resolution,y\ne2k3 | e2k3,48,1\n", "line 2: 48 is not in slot 'resolution'; choices: 16, 32"),
        ("arch,resolution,y\ne2k3 | e2k3,,1\n", "line 2: '' is not in slot 'resolution'"),
        ("arch,y,y\ne2k3 | e2k3,1,2\n", "t.csv:1: column 'y' stands there twice"),
        ("arch,y\ne2k3 | e2k3,1,311\n", "t.csv:2: the row has 3 fields, the header 2; a decimal comma"),
        ("arch,y\ne2k3 | e2k3\n", "t.csv:2: the row has 1 fields, the header 2"),
        ("arch;y\ne2k3 | e2k3;1,5\n", "t.csv:1: fields are separated by ';'"),
        ("arch,y\n5,1\n", "line 2: .*'5'"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_or_is_not_understood_is_refused(
    toy: Space, tmp_path: Path, text: str, match: str
) -> None:
    with pytest.raises(DataError, match=match):
        read_labels(_write(tmp_path / "t.csv", text), toy)


@pytest.mark.parametrize("cell", ['"1,5"', "1_0", "1 000", "0x10", "1.2.3", "inf", "two"])
def test_garbled_numbers_are_refused_with_their_line(toy: Space, tmp_path: Path, cell: str) -> None:
    table = read_labels(_write(tmp_path / "t.csv", f"arch,y,z\ne2k3 | e2k3,1,1\ne4k3 | e2k3,{cell},2\n"), toy)
    assert list(table.labels) == ["z"]
    assert "line 3 holds" in table.unread["y"]
    with pytest.raises(DataError, match=r"no column 'y' of numbers \(line 3 holds"):
        table.label("y")


def test_a_file_of_windows_is_read(toy: Space, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbfarch,y\r\ne2k3 | e2k3, 1.5\r\n\r\ne4k3 | e2k3,2e1\r\n")
    np.testing.assert_array_equal(read_labels(tmp_path / "t.csv", toy).label("y"), [1.5, 20.0])


def test_indexes_of_pandas_are_columns_or_nothing(toy: Space, tmp_path: Path) -> None:
    archs = draw_archs(toy, 30, np.random.default_rng(5))
    frame = pd.DataFrame({"arch": [decode(toy, arch) for arch in archs], "y": np.arange(30.0)})
    frame.set_index("arch").to_parquet(tmp_path / "index.parquet")
    frame.sample(frac=1, random_state=0).to_parquet(tmp_path / "shuffled.parquet")
    frame.convert_dtypes().assign(arch=frame["arch"].astype("category")).to_parquet(tmp_path / "nullable.parquet")
    frame.to_csv(tmp_path / "numbered.csv")
    frame.set_index("arch").to_csv(tmp_path / "index.csv")
    for path in sorted(tmp_path.iterdir()):
        table = read_labels(path, toy)
        assert list(table.labels) == ["y"], path.name
        order = np.argsort(table.label("y"))
        np.testing.assert_array_equal(table.archs[order], archs, err_msg=path.name)


def test_columns_of_other_kinds_are_named(toy: Space, tmp_path: Path) -> None:
    frame = pd.DataFrame({"arch": ["e2k3 | e2k3"], "y": [1.0], "shape": [[3, 5]], "name": ["a"]})
    frame.to_parquet(tmp_path / "t.parquet")
    table = read_labels(tmp_path / "t.parquet", toy)
    assert set(table.unread) == {"shape", "name"}
    assert "row 1 holds 'a'" in table.unread["name"]
