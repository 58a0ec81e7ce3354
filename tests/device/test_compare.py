"""Comparing devices: what is known in closed form about a device and itself, and about two that are opposed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from blockprofile.device import TimedOn
from blockprofile.device.compare import compare_devices, kind_of, latency_shares
from blockprofile.device.imported import write_imported
from blockprofile.device.median import Median
from blockprofile.device.operator_table import OperatorTable
from blockprofile.device.probes import table_operators
from blockprofile.errors import CoverageError, OptionError
from blockprofile.plot.latency import comparison_data
from blockprofile.predict.registry import build_predictor, find_device
from blockprofile.space import Operator, Space, draw_archs, list_operators, load_space
from blockprofile.space.load import find_space_file


def device(space: Space, folder: Path, cost) -> str:  # type: ignore[no-untyped-def]
    times = {op: Median(cost(op), 0.0, 0.0, 1) for op in table_operators(space)}
    write_imported(
        folder, OperatorTable(times, 0), space, name=folder.name, source="x", timed=TimedOn(hardware="h", runtime="r")
    )
    return str(folder)


def macs(op: Operator) -> float:
    return op.macs / 1e6


def opposed(op: Operator) -> float:
    return 100 - op.macs / 1e6 if op.op == "mbconv" else 0.0


def test_a_device_agrees_with_itself(moga: Space, tmp_path: Path) -> None:
    name = device(moga, tmp_path / "a", macs)
    found = compare_devices(moga, (name, name), n=500)
    assert [found.tau, found.rho, found.block_tau, found.cell_tau] == pytest.approx([1.0] * 4)
    assert all(row["moves"] == 0 for row in found.blocks)
    assert sum(row["percent_a"] for row in found.shares) == pytest.approx(100)
    assert [row["percent_a"] for row in found.shares] == [row["percent_b"] for row in found.shares]
    assert found.devices == ("a (A)", "a (B)")
    assert found.tau_half == 0


def test_opposed_devices_have_opposed_ranks(moga: Space, tmp_path: Path) -> None:
    names = device(moga, tmp_path / "a", macs), device(moga, tmp_path / "b", opposed)
    found = compare_devices(moga, names, n=2000)
    assert found.tau == pytest.approx(-1, abs=0.01)
    assert found.block_tau == pytest.approx(-1)
    first = found.blocks[0]
    assert {first["rank_a"], first["rank_b"]} == {1, 12}
    assert abs(first["moves"]) == 11
    moves = [abs(row["moves"]) for row in found.blocks]
    assert moves == sorted(moves, reverse=True)
    data = comparison_data(found, space="moga")
    assert (data.x_label, data.y_label) == ("a [ms]", "b [ms]")
    assert np.array_equal(data.x, found.latencies[0])


def test_block_responses_are_those_of_the_definition(moga: Space, tmp_path: Path) -> None:
    # One block costs 3 ms more than the others at every place: it is 3 ms less 3/12 above the mean, wherever it stands.
    extra = moga.block_names.index("e6k7se")
    largest = {
        op
        for op in table_operators(moga)
        if op.kernel == 7 and op.se_channels and op.hidden_channels == 6 * op.in_channels
    }
    name = device(moga, tmp_path / "a", lambda op: 5.0 if op in largest else 2.0)
    found = compare_devices(moga, (name, name), n=20_000)
    mean = found.latencies[0].mean()
    row = next(row for row in found.blocks if row["block"] == moga.block_names[extra])
    assert row["percent_a"] == pytest.approx(100 * (3 - 3 / 12) / mean, rel=0.05)


def test_shares_add_up_operator_by_operator(toy: Space, tmp_path: Path) -> None:
    name = device(toy, tmp_path / "a", macs)
    archs = draw_archs(toy, 50, np.random.default_rng(0))
    shares = latency_shares(build_predictor(find_device(name, toy), toy), toy, archs)
    assert shares is not None
    totals: dict[str, float] = {}
    for arch in archs:
        for op in list_operators(toy, arch):
            totals[kind_of(op)] = totals.get(kind_of(op), 0.0) + macs(op)
    whole = sum(totals.values())
    assert shares == pytest.approx({kind: value / whole for kind, value in totals.items()})


def test_devices_that_are_not_made_of_operators_have_no_shares(ofa_mbv3: Space) -> None:
    found = compare_devices(ofa_mbv3, ("note10", "kirin9000_npu"), n=200)
    assert all(row["percent_b"] is None and row["percent_a"] is not None for row in found.shares)
    assert found.devices == ("note10", "kirin9000_npu")


def test_cost_models_have_shares(moga: Space) -> None:
    found = compare_devices(moga, ("mace_gpu", "tflite_cpu"), n=200)
    assert sum(row["percent_b"] for row in found.shares) == pytest.approx(100)


def test_a_custom_block_has_the_share_that_the_space_states(tmp_path: Path) -> None:
    costs = '[{metrics: {macs_m: 1, params_m: 1, "latency_ms:mace_gpu": 2.0, "latency_ms:tflite_cpu": 3.0}}]'
    text = find_space_file("moga").read_text("utf-8")
    own = tmp_path / "own.yaml"
    own.write_text(text.replace("\nstem:", f"  - {{name: att, op: custom, costs: {costs}}}\n\nstem:", 1), "utf-8")
    space = load_space(own)
    found = compare_devices(space, ("mace_gpu", "tflite_cpu"), n=200)
    shares = {row["kind"]: row["percent_a"] for row in found.shares}
    archs = draw_archs(space, 200, np.random.default_rng(0))
    stated = 2.0 * (archs == 12).sum(axis=1).mean()
    assert shares["att"] == pytest.approx(100 * stated / found.latencies[0].mean(), rel=1e-5)


def test_what_is_refused(moga: Space) -> None:
    with pytest.raises(OptionError, match="--n is 99"):
        compare_devices(moga, ("mace_gpu", "tflite_cpu"), n=99)
    with pytest.raises(OptionError, match="--seed -1 must be at least 0"):
        compare_devices(moga, ("mace_gpu", "tflite_cpu"), seed=-1)
    with pytest.raises(CoverageError, match="table of 'note10' lacks"):
        compare_devices(moga, ("mace_gpu", "note10"))
