"""Tables solved from whole networks: known truths on the toy spaces, real devices, the folder that is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from blockprofile.content import content_dir
from blockprofile.device.audit_file import NetworkUnit, read_times
from blockprofile.device.hindrance import tell_hindrance
from blockprofile.device.roofline import likeness, operator_quantities
from blockprofile.device.solve import Design, Solution, count_operators, join_designs, solve_table
from blockprofile.device.solved import solve_times, write_solved
from blockprofile.device.timings import read_timings
from blockprofile.errors import DataError, DefinitionError, OptionError
from blockprofile.predict.card import read_card
from blockprofile.predict.lookup import lookup_key, read_table
from blockprofile.predict.registry import build_predictor
from blockprofile.space import Archs, Space, list_operators, load_space
from blockprofile.space.sampling import draw_archs
from tests.toy import TOY, all_archs, mixed_space, toy_space

METRIC = "latency_ms:made_up"


def _truth(design: Design, rng: np.random.Generator, *, apart: float = 0.3) -> NDArray[np.float64]:
    """Make times up: a roofline of all quantities, and what operators take beside it."""
    operators = list(design.operators.values())
    quantities = np.stack([operator_quantities(op) for op in operators])
    roofline = quantities @ (rng.uniform(0.2, 1, quantities.shape[1]) / np.maximum(quantities.mean(axis=0), 1e-9))
    shape = np.linalg.cholesky(likeness(operators)) @ rng.normal(size=len(operators))
    return roofline * np.exp(apart * shape / np.sqrt(likeness(operators)[0, 0]))


def test_counts_are_those_of_the_operator_lists() -> None:
    for space in (toy_space(), mixed_space()):
        archs = all_archs(space)
        design = count_operators(space, archs, metric=METRIC)
        keys = list(design.operators)
        for row in (0, 17, len(archs) - 1):
            listed = [lookup_key(op) for op in list_operators(space, archs[row])]
            assert design.counts[row].tolist() == [listed.count(key) for key in keys]


def test_a_sum_is_found_again() -> None:
    space, rng = toy_space(), np.random.default_rng(3)
    archs = all_archs(space)
    design = count_operators(space, archs, metric=METRIC)
    truth = _truth(design, rng)
    measured = design.counts @ truth + 5.0
    some = rng.permutation(len(archs))[:60]
    solution = solve_table(design.take(some), measured[some])
    found = design.counts @ solution.times + solution.offset_ms
    assert np.abs(found - measured).max() < 1e-3 * measured.mean()
    assert solution.error_ms(measured[some]) < 1e-3 * measured.mean()
    assert (solution.times >= 0).all()
    assert solution.offset_ms >= 0


def test_noise_is_told_apart() -> None:
    space, rng = toy_space(), np.random.default_rng(1)
    design = count_operators(space, all_archs(space), metric=METRIC)
    whole = design.counts @ _truth(design, rng)
    solution = solve_table(design, whole + rng.normal(0, 0.05 * whole.mean(), len(whole)))
    assert solution.residual_ms == pytest.approx(0.05 * whole.mean(), rel=0.15)


def test_networks_to_halve() -> None:
    def halves(error: float, residual: float) -> float:
        measured = np.full(100, 10.0)
        solution = Solution(np.zeros(1), 0.0, residual, measured + error)
        return solution.networks_to_halve(measured)

    # s^2 + c / n with s = 1: from an error of sqrt(5) at 100 networks, c = 400, to sqrt(5) / 2, where c / n is 1 / 4.
    assert halves(5**0.5, 1.0) == pytest.approx(1600)
    assert halves(1.0, 0.0) == pytest.approx(400)
    assert halves(1.9, 1.0) == np.inf
    assert halves(0.5, 1.0) == np.inf


def test_what_a_custom_block_states_is_no_unknown() -> None:
    space = _custom_space()
    archs = all_archs(space)
    design = count_operators(space, archs, metric=METRIC)
    assert not any(key[0].startswith("custom") for key in design.operators)
    customs = [sum(op.op == "custom" for op in list_operators(space, arch)) for arch in archs]
    assert design.known.tolist() == pytest.approx(3.0 * np.array(customs))
    other = count_operators(space, archs, metric="latency_ms:another")
    assert any(key[0].startswith("custom") for key in other.operators)
    assert not other.known.any()


def _custom_space() -> Space:
    from dataclasses import replace

    from blockprofile.space.definition import Block, Cost

    costs = (Cost(metrics={"macs_m": 1.0, "params_m": 0.1, METRIC: 3.0}),)
    return Space(replace(TOY, blocks=(*TOY.blocks[:2], Block(name="own", op="custom", costs=costs))))


def test_designs_of_two_resolutions() -> None:
    space = toy_space()
    archs = all_archs(space)[:6]
    large, small = (count_operators(space.at_resolution(size), archs, metric=METRIC) for size in (32, 16))
    joined = join_designs([(np.arange(0, 12, 2), large), (np.arange(1, 12, 2), small)], 12)
    assert len(joined.operators) == len({*large.operators, *small.operators})
    columns = [list(joined.operators).index(key) for key in small.operators]
    assert np.array_equal(joined.counts[1::2][:, columns], small.counts)
    assert joined.counts.sum() == large.counts.sum() + small.counts.sum()


@pytest.fixture(scope="module")
def accel() -> Space:
    return load_space("mnasnet_accel")


@pytest.mark.parametrize(
    ("column", "unit", "most"),
    [
        ("images_per_s:a100", "per_s", {200: 0.6, 100: 1.2}),
        ("latency_ms:zcu102", "ms", {200: 0.7, 100: 2.0}),
        ("latency_ms:vck190", "ms", {200: 1.7, 100: 3.4}),
    ],
)
def test_two_hundred_networks_are_enough(
    accel: Space, column: str, unit: NetworkUnit, most: Mapping[int, float]
) -> None:
    """What 200 networks gave a table of 162 unknowns elsewhere, in percent, is not missed."""
    file = content_dir("data") / "trained/mnasnet_accel.parquet"
    times = read_times(file, accel, column=column, unit=unit, skips_empty=True)
    design, measured = count_operators(accel, times.table.archs, metric=METRIC), times.measured
    order = np.random.default_rng(0).permutation(len(measured))
    for n, percent in most.items():
        some, others = order[:n], order[n:]
        solution = solve_table(design.take(some), measured[some])
        errors = design.counts[others] @ solution.times + solution.offset_ms - measured[others]
        assert 100 * np.sqrt(np.mean(errors**2)) / measured.mean() < percent


def test_shipped_tables_are_what_their_recipe_gives(accel: Space, tmp_path: Path) -> None:
    recipe = read_timings(content_dir("data") / "trained/mnasnet_accel.yaml")
    assert set(recipe.devices) == {"a100", "rtx3090", "tpuv2", "tpuv3", "zcu102", "vck190"}
    device = "vck190"
    times = read_times(
        content_dir("data") / "trained" / recipe.table,
        accel,
        column=recipe.column(device),
        unit=recipe.unit(device),
        skips_empty=True,
    )
    table = solve_times(accel, times, device=device)
    name = f"{device}_mnasnet_accel"
    write_solved(tmp_path / name, table, device=device, unit=recipe.unit(device), about=recipe.fields(device))
    made, shipped = read_card(tmp_path / name), read_card(content_dir("predictors") / name)
    assert (made.title, made.made_from, made.batch) == (shipped.title, shipped.made_from, None)
    assert made.error.rmse == pytest.approx(shipped.error.rmse, rel=1e-3)
    entries, known = (read_table(folder / name / "table.parquet") for folder in (tmp_path, content_dir("predictors")))
    assert entries == pytest.approx(known, rel=1e-3, abs=1e-6)


def _write_times(path: Path, space: Space, archs: Archs, times: NDArray[np.float64]) -> Path:
    from blockprofile.space import decode

    rows = [f"{decode(space, arch)},{time}" for arch, time in zip(archs, times.tolist(), strict=True)]
    path.write_text("\n".join(["arch,mean_ms", *rows]) + "\n", encoding="utf-8")
    return path


def test_the_folder_is_a_device(tmp_path: Path) -> None:
    space = toy_space()
    archs = draw_archs(space, 60, np.random.default_rng(0))
    shallow = archs[space.depths(archs)[:, 1] < 3]
    design = count_operators(space, shallow, metric=METRIC)
    measured = design.counts @ _truth(design, np.random.default_rng(2))
    file = _write_times(tmp_path / "times.csv", space, shallow, measured)
    table = solve_times(space, read_times(file, space), device="made_up", believe=True)
    write_solved(tmp_path / "made_up", table, device="made_up", about={"hardware": "a board", "batch": 8})
    card = read_card(tmp_path / "made_up")
    assert (card.provenance, card.metric, card.batch, card.hardware) == ("calibrated", METRIC, 8, "a board")
    predictor = build_predictor((card, tmp_path / "made_up"), space)
    assert predictor.predict(shallow) == pytest.approx(measured, rel=1e-2)
    assert card.floor == pytest.approx((card.error.rmse or 0) / np.sqrt(3.5), rel=1e-3)
    assert "roofline" in card.made_from


def test_operators_that_stand_in_no_network_are_told(tmp_path: Path) -> None:
    space = toy_space()
    archs = all_archs(space)
    gated = next(slot.choices.index("e4k5se") for slot in space.layer_slots)
    without = archs[~(archs[:, [slot.index for slot in space.layer_slots]] == gated).any(axis=1)]
    design = count_operators(space, without, metric=METRIC)
    file = _write_times(
        tmp_path / "times.csv", space, without, design.counts @ _truth(design, np.random.default_rng(2))
    )
    table = solve_times(space, read_times(file, space), device="made_up", believe=True)
    assert table.n_unseen == sum(op.se_channels > 0 for op in design.operators.values())
    write_solved(tmp_path / "out", table, device="made_up", about={})
    assert (
        f"{table.n_unseen} of {len(design.operators)} operators stand in none"
        in read_card(tmp_path / "out").error.notes
    )


@pytest.mark.parametrize(
    ("bend", "told"),
    [
        (0.02, r"9\d% of what the sum misses goes with curvature in (depth|kernels): .* take more than their sums"),
        (-0.02, r"9\d% of what the sum misses goes with curvature in (depth|kernels): .* take less than their sums"),
        (0.0, "is not seen to go with the squares of depth, kernels or size"),
    ],
)
def test_what_stands_in_the_way_of_a_sum(bend: float, told: str) -> None:
    space = toy_space()
    design = count_operators(space, draw_archs(space, 200, np.random.default_rng(0)), metric=METRIC)
    rng = np.random.default_rng(1)
    sums, depth = design.counts @ _truth(design, rng), design.counts.sum(axis=1)
    measured = sums + bend * (depth - depth.mean()) ** 2 + rng.normal(0, 0.005, len(sums))
    assert re.search(told, tell_hindrance(design, measured, sums))


def test_noise_is_called_curvature_no_oftener_than_stated() -> None:
    """Of 400 draws of 25 networks: 5 % by Bonferroni, which is at most that; 29 is 5 % and 2 standard deviations."""
    space = toy_space()
    design = count_operators(space, draw_archs(space, 25, np.random.default_rng(0)), metric=METRIC)
    rng = np.random.default_rng(1)
    sums = design.counts @ _truth(design, rng)
    told = [tell_hindrance(design, sums + rng.normal(0, 0.1, len(sums)), sums) for _ in range(400)]
    assert 4 <= sum("curvature" in words for words in told) <= 29


def test_another_unit_is_pointed_out(tmp_path: Path) -> None:
    space = toy_space()
    archs = all_archs(space)[:40]
    file = _write_times(tmp_path / "times.csv", space, archs, np.linspace(2e6, 3e6, 40))
    with pytest.raises(OptionError, match="these look like microseconds"):
        solve_times(space, read_times(file, space), device="made_up")


def test_times_that_do_not_differ_are_refused(tmp_path: Path) -> None:
    space = toy_space()
    file = _write_times(tmp_path / "times.csv", space, all_archs(space)[:40], np.full(40, 3.0))
    with pytest.raises(OptionError, match="all 40 networks take 3 ms; figures that do not differ"):
        solve_times(space, read_times(file, space), device="made_up", believe=True)


def test_a_column_of_words_is_named(tmp_path: Path) -> None:
    space = toy_space()
    file = _write_times(tmp_path / "times.csv", space, all_archs(space)[:40], np.full(40, 3.0))
    file.write_text(file.read_text(encoding="utf-8").replace(",3.0", ",fast", 1), encoding="utf-8")
    with pytest.raises(DataError, match=r"no column 'mean_ms' of numbers \(.* holds 'fast'"):
        read_times(file, space)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("table: ../t.parquet", "is no name of a file"),
        ("devices: {a: {time_unit: h}}", "time unit 'h' is unknown; choices: ms, s, us, per_s"),
        ("devices: {a: {flor: 1}}", "device 'a' has a key 'flor'"),
        ("devices: {a: {provenance: measured}}", "provenance of device 'a' is what solving finds out"),
        ("devices: {}", "devices is empty"),
    ],
)
def test_recipes_that_are_wrong(tmp_path: Path, text: str, message: str) -> None:
    key = text.partition(":")[0]
    lines = {"schema": "schema: blockprofile.timings/1", "table": "table: t.parquet", "space": "space: moga"}
    lines = {**lines, "devices": "devices: {a: {}}", key: text}
    (tmp_path / "r.yaml").write_text("\n".join(lines.values()) + "\n", encoding="utf-8")
    with pytest.raises(DefinitionError, match=message):
        read_timings(tmp_path / "r.yaml")
