"""Taking the cost of a call out: exact on times that were made by the model."""

from __future__ import annotations

import pytest

from blockprofile.device.median import Median
from blockprofile.device.overhead import Overhead, fit_overhead, operator_times
from blockprofile.device.probes import CHAIN, SHORT_CHAIN, keeps_shape, pick_sentinel, plan_probes, table_operators
from blockprofile.predict.lookup import lookup_key
from blockprofile.space import Operator, Space, build_sites
from tests.device.fake import CALL_MS, MS_PER_MELEMENT, melements, true_ms


def exact(op: Operator, length: int) -> Median:
    chain = [op] * length
    return Median(CALL_MS + MS_PER_MELEMENT * melements(chain) + sum(map(true_ms, chain)), 1e-6, 0.0, 9)


def test_overhead_and_operators_are_found_exactly(toy: Space) -> None:
    probes = plan_probes(table_operators(toy))
    medians = {probe.name: exact(probe.operator, probe.length) for probe in probes}
    overhead = fit_overhead(probes, medians)
    assert overhead.call_ms == pytest.approx(CALL_MS, rel=1e-6)
    assert overhead.ms_per_melement == pytest.approx(MS_PER_MELEMENT, rel=1e-6)
    assert overhead.spread_ms < 1e-9
    for op, time in operator_times(probes, medians, overhead).items():
        assert time.value == pytest.approx(true_ms(op), rel=1e-6)


def test_without_chains_nothing_is_taken_out() -> None:
    op = Operator(op="conv", in_size=8, out_size=4, in_channels=3, out_channels=8, kernel=3, stride=2)
    probes = plan_probes([op])
    medians = {probes[0].name: exact(op, 1)}
    assert fit_overhead(probes, medians) == Overhead()
    assert operator_times(probes, medians, Overhead())[op].value == medians[probes[0].name].value


def test_an_operator_is_never_negative() -> None:
    op = Operator(op="global_pool", in_size=7, out_size=1, in_channels=8, out_channels=8)
    probes = plan_probes([op])
    assert operator_times(probes, {"0x1": Median(0.001, 0.0, 0.0, 9)}, Overhead(call_ms=1.0))[op].value == 0.0


def test_every_operator_of_a_space_is_planned_once(shipped: Space) -> None:
    operators = table_operators(shipped)
    keys = {lookup_key(op) for site in build_sites(shipped) for op in site.table.values() if op is not None}
    assert {lookup_key(op) for op in operators} == keys
    assert len(operators) == len(keys)
    probes = plan_probes(operators)
    for op in operators:
        lengths = [probe.length for probe in probes if probe.operator == op]
        assert lengths in ([[1, CHAIN], [1, SHORT_CHAIN]] if keeps_shape(op) else [[1]])
    assert pick_sentinel(operators) == pick_sentinel(operators[::-1])


def test_resolutions_add_operators(ofa_mbv3: Space) -> None:
    one = table_operators(ofa_mbv3)
    both = table_operators(ofa_mbv3, (160, 224))
    assert {lookup_key(op) for op in one} < {lookup_key(op) for op in both}
    assert len(both) == len({lookup_key(op) for op in both})
