"""Designs: members of the space, drawn from their seed, typical and extreme; labels find their archs again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blockprofile.errors import CoverageError, DataError, OptionError
from blockprofile.predict import build_predictor, find_metric
from blockprofile.predict.design import draw_design, draw_extreme
from blockprofile.predict.drawn import label_design, read_drawn, write_drawn
from blockprofile.predict.features import row_features
from blockprofile.predict.weights import network_layout
from blockprofile.space import Space, draw_archs, load_space


def test_archs_are_members(shipped: Space) -> None:
    design = draw_design(shipped, 500, seed=3)
    assert shipped.contains(design.archs).all()
    assert set(design.resolutions) <= set(shipped.definition.input.resolutions)


def test_a_pruned_space_keeps_to_its_codes(ofa_mbv3: Space) -> None:
    pruned = ofa_mbv3.restricted([codes[-2:] for codes in ofa_mbv3.allowed], name="large")
    assert pruned.contains(draw_extreme(pruned, 400, np.random.default_rng(0))).all()


def test_a_smaller_design_is_the_beginning_of_a_larger_one(toy: Space) -> None:
    small, large = draw_design(toy, 100, seed=1), draw_design(toy, 70_000, seed=1)
    np.testing.assert_array_equal(small.archs, large.archs[:100])
    np.testing.assert_array_equal(small.resolutions, large.resolutions[:100])
    assert (draw_design(toy, 100, seed=2).archs != small.archs).any()


def test_extreme_archs_keep_to_few_choices(ofa_mbv3: Space) -> None:
    def most_common_share(archs: np.ndarray) -> float:
        kernels = [row[row != 255] % 3 for row in archs[:, [slot.index for slot in ofa_mbv3.layer_slots]]]
        return float(np.mean([np.bincount(row, minlength=3).max() / len(row) for row in kernels]))

    rng = np.random.default_rng(0)
    typical = most_common_share(draw_archs(ofa_mbv3, 2000, rng))
    assert most_common_share(draw_extreme(ofa_mbv3, 2000, rng)) > typical + 0.15


def test_all_values_are_equally_frequent_in_the_mean(ofa_mbv3: Space) -> None:
    archs = draw_extreme(ofa_mbv3, 20_000, np.random.default_rng(0))
    shares = np.bincount(archs[:, ofa_mbv3.layer_slots[0].index], minlength=9) / len(archs)
    np.testing.assert_allclose(shares, 1 / 9, atol=0.012)


@pytest.mark.parametrize(("n", "seed"), [(0, 0), (5, -1)])
def test_refuses_what_is_out_of_range(toy: Space, n: int, seed: int) -> None:
    with pytest.raises(OptionError, match="at least 1 arch and seed 0"):
        draw_design(toy, n, seed=seed)


def test_labels_find_their_archs_again(tmp_path: Path) -> None:
    space = load_space("ofa_mbv3")
    entry = find_metric("macs_m", space)
    path = tmp_path / "labels.parquet"
    written = write_drawn(path, entry, space, n=300, seed=4, step=0.01)
    table = read_drawn(path, space)
    np.testing.assert_array_equal(table.label("macs_m"), written)
    assert table.resolutions is not None
    for resolution in (160, 224):
        rows = table.resolutions == resolution
        expected = build_predictor(entry, space.at_resolution(resolution)).predict(table.archs[rows])
        np.testing.assert_allclose(table.label("macs_m")[rows], expected, rtol=0, atol=0.0051)


@pytest.mark.parametrize("step", [0.25, 40.0, 1e-6])
def test_labels_are_whole_steps(tmp_path: Path, toy: Space, step: float) -> None:
    entry = find_metric("macs_m", toy)
    path = tmp_path / "labels.parquet"
    write_drawn(path, entry, toy, n=200, seed=1, step=step)
    labels, design = read_drawn(path, toy).label("macs_m"), draw_design(toy, 200, seed=1)
    np.testing.assert_allclose(labels / step, np.rint(labels / step), rtol=0, atol=1e-6)
    expected = label_design(entry, toy, design)
    np.testing.assert_allclose(labels, expected, rtol=1e-6, atol=0.5 * step * (1 + 1e-6))


def test_a_pruned_space_is_refused(tmp_path: Path, ofa_mbv3: Space) -> None:
    pruned = ofa_mbv3.restricted([codes[-2:] for codes in ofa_mbv3.allowed], name="large")
    with pytest.raises(OptionError, match="space 'large' is pruned; labels are of a whole space: give 'ofa_mbv3'"):
        write_drawn(tmp_path / "x.parquet", find_metric("macs_m", pruned), pruned, n=50, seed=0, step=0.001)


def test_a_coarse_step_takes_fewer_bytes(tmp_path: Path) -> None:
    space = load_space("ofa_mbv3")
    sizes = []
    for step in (0.1, 20.0):
        path = tmp_path / f"{step}.parquet"
        write_drawn(path, find_metric("macs_m", space), space, n=20_000, seed=0, step=step)
        sizes.append(path.stat().st_size)
    assert sizes[1] < 0.7 * sizes[0]


@pytest.mark.parametrize(
    ("step", "match"),
    [
        (0.0, "steps of 0.0; the step must be above 0"),
        (-1.0, "steps of -1.0; the step must be above 0"),
        (float("nan"), "steps of nan; the step must be above 0"),
        (1e-9, "steps of 1e-09; take a larger step"),
    ],
)
def test_steps_out_of_range_are_refused(tmp_path: Path, toy: Space, step: float, match: str) -> None:
    with pytest.raises(OptionError, match=match):
        write_drawn(tmp_path / "labels.parquet", find_metric("macs_m", toy), toy, n=50, seed=0, step=step)
    assert not list(tmp_path.iterdir())


def test_other_spaces_files_and_archs_are_refused(tmp_path: Path, moga: Space) -> None:
    space = load_space("ofa_mbv3")
    path = tmp_path / "labels.parquet"
    write_drawn(path, find_metric("macs_m", space), space, n=50, seed=0, step=0.001)
    with pytest.raises(DataError, match="space 'moga' is asked for"):
        read_drawn(path, moga)
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        read_drawn(path, space)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"seed": 1}, "seed 1 are not those that were labelled"),
        ({"format": "blockprofile.drawn/1"}, "its format is 'blockprofile.drawn/1', not 'blockprofile.drawn/2'"),
        ({"step": -0.5}, "its step is -0.5; must be above 0"),
        ({"table": [1.0]}, "its additive table must hold 210 finite numbers"),
        ({"constant": float("nan")}, "NaN is no number of JSON"),
        ({"least": "none"}, "cannot be read as labels of drawn archs"),
    ],
)
def test_changed_headers_are_refused(tmp_path: Path, change: dict[str, object], match: str) -> None:
    space = load_space("ofa_mbv3")
    path = tmp_path / "labels.parquet"
    write_drawn(path, find_metric("macs_m", space), space, n=50, seed=0, step=0.001)
    table = pq.read_table(path)
    header = json.loads(table.schema.metadata[b"blockprofile"]) | change
    pq.write_table(table.replace_schema_metadata({b"blockprofile": json.dumps(header).encode()}), path)
    with pytest.raises(DataError, match=match):
        read_drawn(path, space)


def test_labels_that_are_no_whole_numbers_are_refused(tmp_path: Path) -> None:
    space = load_space("ofa_mbv3")
    path = tmp_path / "labels.parquet"
    write_drawn(path, find_metric("macs_m", space), space, n=50, seed=0, step=0.001)
    table = pq.read_table(path)
    missing = pa.array([None, *range(49)], pa.int32())
    pq.write_table(pa.table({"macs_m": missing}).replace_schema_metadata(table.schema.metadata), path)
    with pytest.raises(DataError, match="its column 'macs_m' must hold whole numbers"):
        read_drawn(path, space)


def test_a_teacher_must_know_every_resolution(tmp_path: Path) -> None:
    space = load_space("ofa_mbv3")
    with pytest.raises(CoverageError, match="does not cover resolution"):
        write_drawn(
            tmp_path / "x.parquet", find_metric("latency_ms:kirin9000_npu", space), space, n=50, seed=0, step=0.001
        )


def test_features_share_what_choices_share(ofa_mbv3: Space) -> None:
    _, offsets, n_rows = network_layout(ofa_mbv3, 2)
    chained = row_features(ofa_mbv3, offsets, n_rows, chained=True)
    apart = row_features(ofa_mbv3, offsets, n_rows, chained=False)
    first, second = (offsets[slot.index] for slot in ofa_mbv3.layer_slots[:2])
    assert int((chained[first] * chained[second]).sum()) == 4
    assert int((apart[first] * apart[second]).sum()) == 0
    assert chained.shape[1] == 5 + 4 + 1 + 3 + 3 + 2
    assert apart.shape[1] == 20 * (1 + 3 + 3) + 2
