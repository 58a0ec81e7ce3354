"""Factor tables: the vectorised sum equals the fold over every arch's operator list, exactly."""

from __future__ import annotations

import numpy as np
import pytest

from blockprofile.errors import CoverageError
from blockprofile.space import (
    INACTIVE,
    CompiledSum,
    Factor,
    Operator,
    Space,
    count_macs,
    count_params,
    draw_archs,
    factorize,
    list_operators,
)
from blockprofile.space.factors import table_shape
from tests.conftest import Freeze
from tests.toy import additive_factors, all_archs, smaller_toy_space, unit_sums


def folded(space: Space, archs: np.ndarray) -> np.ndarray:
    lists = [list_operators(space, arch) for arch in archs]
    return np.array([[count_macs(ops) for ops in lists], [count_params(ops) for ops in lists]])


def compiled(space: Space, archs: np.ndarray, **options: int) -> np.ndarray:
    sums = [factorize(space, count_macs), factorize(space, count_params)]
    return CompiledSum(space, sums, **options)(archs)


def test_every_toy_arch_equals_its_operator_list(toy: Space, mixed: Space, frozen: Freeze) -> None:
    for space in (toy, mixed, smaller_toy_space()):
        archs = frozen(all_archs(space))
        assert np.array_equal(compiled(space, archs), folded(space, archs))


def test_random_archs_of_shipped_spaces_equal_their_operator_lists(shipped: Space) -> None:
    archs = draw_archs(shipped, 150, np.random.default_rng(5))
    assert np.array_equal(compiled(shipped, archs), folded(shipped, archs))


@pytest.mark.parametrize("max_table", [1, 4, 20, 1 << 16])
def test_merging_tables_changes_nothing(mixed: Space, max_table: int) -> None:
    archs = all_archs(mixed)
    assert np.array_equal(compiled(mixed, archs, max_table=max_table), folded(mixed, archs))


def test_factors_given_by_hand(toy: Space) -> None:
    archs = all_archs(toy)
    values = CompiledSum(toy, [additive_factors(toy)])(archs)
    assert values.shape == (1, 468)
    assert values.dtype == np.float64
    assert values[0] == pytest.approx(2.0 + unit_sums(toy, archs).sum(axis=1), abs=1e-12)


def test_tables_have_an_entry_for_inactive_layers_and_none_for_other_slots(toy: Space, mixed: Space) -> None:
    assert table_shape(toy, (0, 1, 2)) == (2, 4, 4)
    assert table_shape(mixed, (0, 5, 7)) == (2, 3, 4)
    by_scope = {factor.scope: factor.table for factor in factorize(toy, count_macs)}
    last = by_scope[toy.slot("u2l3").index,]
    assert last.shape == (4,)
    assert last[3] == 0
    assert (last[:3] > 0).all()


def test_a_constant_alone(toy: Space) -> None:
    values = CompiledSum(toy, [[Factor((), np.array(2.5))], []])(all_archs(toy)[:3])
    assert values.tolist() == [[2.5] * 3, [0.0] * 3]


def test_no_archs_no_values(toy: Space) -> None:
    assert CompiledSum(toy, [additive_factors(toy)])(np.empty((0, 7), np.uint8)).shape == (1, 0)


def test_the_constant_holds_what_every_arch_has(toy: Space) -> None:
    constant, *rest = factorize(toy, count_params)
    assert constant.scope == ()
    assert float(constant.table) == (3 * 8 * 9 + 16) + (16 * 10 + 10)
    assert all(factor.scope for factor in rest)


def test_a_cost_is_asked_once_per_distinct_operator(toy: Space) -> None:
    asked: list[Operator] = []

    def cost(op: Operator) -> float:
        asked.append(op)
        return 1.0

    ones = CompiledSum(toy, [factorize(toy, cost)])
    archs = all_archs(toy)
    assert len(asked) == len(set(asked))
    lengths = [len(list_operators(toy, arch)) for arch in archs]
    assert ones(archs)[0].tolist() == lengths


def test_what_a_cost_raises_passes_through(toy: Space) -> None:
    def cost(op: Operator) -> float:
        raise CoverageError(f"no entry for {op.describe()}")

    with pytest.raises(CoverageError, match="no entry for conv k3 s2 3->8 at 32 relu"):
        factorize(toy, cost)


def test_inactive_codes_meet_the_last_entry(toy: Space) -> None:
    """Code 255 and code n_choices both stand for the table's last entry, so no index leaves the table."""
    table = np.array([1.0, 2.0, 3.0, 40.0])
    total = CompiledSum(toy, [[Factor((toy.slot("u2l3").index,), table)]])
    arch = np.array([[0, 0, INACTIVE, 0, 0, INACTIVE, INACTIVE]], np.uint8)
    assert total(arch).tolist() == [[40.0]]
