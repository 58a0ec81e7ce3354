"""Lookup tables: a network is the sum of its operators' rows; what a table lacks or has wrong is named."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from blockprofile.content import content_dir
from blockprofile.errors import CoverageError, DataError
from blockprofile.predict import Card, build_predictor, find_device
from blockprofile.predict.lookup import KEY_COLUMNS, build_lookup, lookup_key, read_table
from blockprofile.space import Operator, Space, build_sites, draw_archs, encode, list_operators, load_space
from tests.toy import all_archs


def make_card(**changes: Any) -> Card:
    fields: dict[str, Any] = {
        "schema": "blockprofile.predictor/1",
        "name": "phone",
        "title": "A phone",
        "kind": "lookup",
        "metric": "latency_ms:phone",
        "unit": "ms",
        "provenance": "measured",
        "floor": 0.1,
        **changes,
    }
    return Card(**fields)


def operators_of(space: Space) -> list[Operator]:
    ops = {op: None for site in build_sites(space) for op in site.table.values() if op is not None}
    return list(ops)


def rows_of(operators: list[Operator]) -> pd.DataFrame:
    """Make a complete table; times are made up, different for every row."""
    rows = [dict(zip(KEY_COLUMNS, lookup_key(op), strict=True)) for op in operators]
    table = pd.DataFrame(rows)
    table["mean_ms"] = 0.125 + np.arange(len(rows)) / 64
    return table


def write(folder: Path, table: pd.DataFrame) -> Path:
    path = folder / "table.parquet"
    table.to_parquet(path, index=False)
    return path


def test_a_network_is_the_sum_of_its_rows(toy: Space, mixed: Space, tmp_path: Path) -> None:
    for space in (toy, mixed):
        table = rows_of(operators_of(space))
        write(tmp_path, table)
        predictor = build_lookup(make_card(), tmp_path, space)
        times = {tuple(row[:-1]): row[-1] for row in table.itertuples(index=False)}
        archs = all_archs(space)
        exact = [sum(times[lookup_key(op)] for op in list_operators(space, arch)) for arch in archs]
        assert predictor.predict(archs) == pytest.approx(exact, rel=1e-6)


def test_a_row_is_found_by_its_whole_key(toy: Space) -> None:
    keys = [lookup_key(op) for op in operators_of(toy)]
    assert len(set(keys)) == len(keys)
    assert all(len(key) == len(KEY_COLUMNS) for key in keys)
    plain, gated = (
        Operator(op="mbconv", in_size=8, out_size=8, in_channels=8, out_channels=8, se_channels=c) for c in (0, 4)
    )
    assert lookup_key(plain) != lookup_key(gated)


def test_operators_that_are_declared_free_cost_nothing(toy: Space, tmp_path: Path) -> None:
    table = rows_of(operators_of(toy))
    pooling = table["op"] == "global_pool"
    pool_ms = float(table.loc[pooling, "mean_ms"].sum())
    write(tmp_path, table)
    whole = build_lookup(make_card(), tmp_path, toy).predict(all_archs(toy))
    write(tmp_path, table[~pooling])
    card = make_card(parameters={"free": ["global_pool"]})
    assert build_lookup(card, tmp_path, toy).predict(all_archs(toy)) == pytest.approx(whole - pool_ms, rel=1e-6)


def test_a_free_operator_that_is_listed_costs_what_it_says(toy: Space, tmp_path: Path) -> None:
    write(tmp_path, rows_of(operators_of(toy)))
    free = build_lookup(make_card(parameters={"free": ["global_pool"]}), tmp_path, toy)
    assert np.array_equal(
        free.predict(all_archs(toy)), build_lookup(make_card(), tmp_path, toy).predict(all_archs(toy))
    )


def test_a_lacking_operator_is_named_with_the_space_and_what_there_is(toy: Space, tmp_path: Path) -> None:
    operators = operators_of(toy)
    lacking = next(op for op in operators if op.kernel == 5 and op.in_channels == 16)
    write(tmp_path, rows_of([op for op in operators if op != lacking]))
    with pytest.raises(CoverageError) as caught:
        build_lookup(make_card(spaces=("toy",)), tmp_path, toy)
    assert str(caught.value) == (
        f"the table of 'phone' lacks 1 of the {len(operators)} operators that space 'toy' needs at resolution 32: "
        f"{lacking.describe()}. It has {len(operators) - 1} operators, for toy, with input sizes [8, 16]"
    )


def test_many_lacking_operators_are_cut_short(toy: Space, tmp_path: Path) -> None:
    write(tmp_path, rows_of(operators_of(toy)))
    with pytest.raises(CoverageError, match=r"lacks \d+ of the \d+ operators that space 'toy' needs .* and \d+ more"):
        build_lookup(make_card(), tmp_path, toy.at_resolution(16))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop(columns="kernel"), "lacks the column 'kernel'"),
        (lambda table: pd.concat([table, table[:1]]), "holds the operator op=conv, in_size=32, .* twice"),
        (lambda table: table.assign(mean_ms=-1.0), r"'mean_ms' holds -1\.0 in row 1; must be at least 0"),
        (lambda table: table.assign(mean_ms=np.inf), "'mean_ms' holds inf in row 1"),
        (lambda table: table.assign(mean_ms=np.nan), "'mean_ms' (holds nan|is empty) in row 1"),
    ],
)
def test_a_wrong_table_is_refused(toy: Space, tmp_path: Path, change: Any, message: str) -> None:
    path = write(tmp_path, change(rows_of(operators_of(toy))))
    with pytest.raises(DataError, match=message):
        read_table(path)


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"table\.parquet is missing"):
        read_table(tmp_path / "table.parquet")
    (tmp_path / "table.parquet").write_bytes(b"PAR1 and then nothing")
    with pytest.raises(DataError, match=r"table\.parquet cannot be read as Parquet"):
        read_table(tmp_path / "table.parquet")


# -- shipped tables against their published rows ---------------------------------------------------------------


def published_rows(name: str) -> list[dict[str, str]]:
    with (content_dir("data") / "lut" / f"{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def note10_ms(op: Operator, resolution: int) -> float:
    """Find an operator in the published Note10 rows, by their own columns."""
    kinds = {"global_pool": "global_pool", "linear": "classifier", "mbconv": "mbconv"}
    for row in published_rows("note10"):
        kind = row["op"]
        if int(row["resolution"]) != resolution or int(row["out_channels"]) != op.out_channels:
            continue
        if op.op == "conv":
            fits = kind == {3: "stem_conv", 192: "head_expand", 1152: "head_mix"}[op.in_channels]
        elif op.op == "mbconv":
            wanted = (op.in_channels, op.in_size, op.hidden_channels, op.kernel, op.stride)
            names = ("in_channels", "input_size", "hidden_channels", "kernel", "stride")
            fits = kind == "mbconv" and wanted == tuple(int(row[name]) for name in names)
        else:
            fits = kind == kinds[op.op]
        if fits:
            return float(row["mean_ms"])
    raise LookupError(op.describe())


@pytest.mark.parametrize("resolution", [160, 176, 192, 208, 224])
def test_note10_is_the_sum_of_the_published_rows(resolution: int) -> None:
    space = load_space("ofa_mbv3", resolution=resolution)
    predictor = build_predictor(find_device("note10", space), space)
    archs = draw_archs(space, 4, np.random.default_rng(resolution))
    exact = [sum(note10_ms(op, resolution) for op in list_operators(space, arch)) for arch in archs]
    assert predictor.predict(archs) == pytest.approx(exact, rel=1e-6)


def pixel1_ms(op: Operator) -> float:
    for row in published_rows("pixel1"):
        if int(row["in_channels"]) != op.in_channels or int(row["out_channels"]) != op.out_channels:
            continue
        if op.op == "mbconv":
            wanted = (op.in_size, op.hidden_channels // op.in_channels, op.kernel, op.stride, int(op.skip))
            names = ("input_size", "expansion_ratio", "kernel", "stride", "skip")
            if row["op"] != "mbconv" or wanted != tuple(int(float(row[name])) for name in names):
                continue
        return float(row["mean_ms"])
    raise LookupError(op.describe())


def test_pixel1_is_the_sum_of_the_published_rows_and_pooling_is_free() -> None:
    space = load_space("proxylessnas")
    predictor = build_predictor(find_device("pixel1", space), space)
    archs = draw_archs(space, 10, np.random.default_rng(0))
    exact = [sum(pixel1_ms(op) for op in list_operators(space, arch) if op.op != "global_pool") for arch in archs]
    assert predictor.predict(archs) == pytest.approx(exact, rel=1e-6)


def test_a_skipped_layer_costs_nothing_on_pixel1() -> None:
    space = load_space("proxylessnas")
    predictor = build_predictor(find_device("pixel1", space), space)
    texts = [
        f"e6k3 {first} skip skip | " + " | ".join(["e3k3 skip skip skip"] * 4) + " | e3k3" for first in ("e3k3", "skip")
    ]
    with_layer, without = predictor.predict(np.stack([encode(space, text) for text in texts]))
    layer = list_operators(space, encode(space, texts[0]))[3]
    assert with_layer - without == pytest.approx(pixel1_ms(layer), abs=1e-4)
