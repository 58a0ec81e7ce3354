"""Exact fronts: against enumeration, and beyond what any search finds."""

from __future__ import annotations

import numpy as np
import pytest

from blockprofile.errors import CoverageError, OptionError
from blockprofile.search import (
    Aims,
    Reward,
    minimal_sums,
    search,
)
from blockprofile.space import CompiledSum, Factor, Space
from tests.search.helpers import (
    MACS_LATENCY,
    brute_nondominated,
    toy_search,
)
from tests.toy import additive_factors, all_archs, smaller_toy_space


@pytest.mark.parametrize("which", ["toy", "mixed", "smaller"])
@pytest.mark.parametrize("n_sums", [1, 2, 3])
def test_exact_fronts_agree_with_enumeration(which: str, n_sums: int, toy: Space, mixed: Space) -> None:
    space = {"toy": toy, "mixed": mixed, "smaller": smaller_toy_space()}[which]
    rng = np.random.default_rng(n_sums)
    first = additive_factors(space)
    pairs = [(i, i + 1) for i in range(space.n_slots - 1)]
    sums = [first]
    for _ in range(n_sums - 1):
        # Factors over two neighbouring slots, to couple what a chain has to remember.
        sums += [tuple(Factor(pair, rng.integers(-9, 9, _shape(space, pair)).astype(float)) for pair in pairs)]
    archs, points = minimal_sums(space, sums)
    everything = CompiledSum(space, sums)(all_archs(space)).T
    truth = np.unique(np.round(everything[brute_nondominated(np.round(everything, 9))], 9), axis=0)
    np.testing.assert_allclose(points, truth, atol=1e-8)
    assert space.contains(archs).all()
    np.testing.assert_allclose(CompiledSum(space, sums)(archs).T, points, atol=1e-8)


@pytest.mark.parametrize("scale", [1e-12, 1e9])
def test_exact_fronts_do_not_depend_on_the_unit(scale: float, toy: Space) -> None:
    sums = [additive_factors(toy), _negated(additive_factors(toy)[:3])]
    archs, points = minimal_sums(toy, sums)
    scaled = [tuple(Factor(factor.scope, scale * factor.table) for factor in factors) for factors in sums]
    found, values = minimal_sums(toy, scaled)
    assert len(found) == len(archs) > 3
    np.testing.assert_allclose(values, scale * points, rtol=1e-9)


def _shape(space: Space, scope: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(space.slots[i].n_choices + (space.slots[i].kind == "layer") for i in scope)


def test_exact_bounds_every_search(moga: Space) -> None:
    exact = search(moga, MACS_LATENCY, algorithm="exact")
    found = search(moga, MACS_LATENCY, budget=2_000)
    assert 0.9 < found.hypervolume / exact.hypervolume <= 1
    assert moga.contains(exact.front.archs).all()
    for point in found.front.points:
        assert (exact.front.points <= point + 1e-4).all(axis=1).any()


def test_exact_knows_limits(moga: Space) -> None:
    free = search(moga, MACS_LATENCY, algorithm="exact")
    limited = search(moga, Aims(MACS_LATENCY, limits=["latency_ms:mace_gpu<=9"]), algorithm="exact")
    below = free.front.metrics["latency_ms:mace_gpu"] <= 9
    assert len(limited.front) == below.sum()
    other = search(moga, Aims(["macs_m:min"], limits=["params_m>=5", "latency_ms:mace_gpu<=10"]), algorithm="exact")
    assert len(other.front) == 1
    assert other.front.metrics["params_m"][0] >= 5
    tried = search(moga, Aims(["macs_m:min"], limits=["params_m>=5", "latency_ms:mace_gpu<=10"]), budget=3_000)
    assert tried.top(1).metrics["macs_m"][0] >= other.front.metrics["macs_m"][0] - 1e-3


def test_exact_refuses_what_is_no_sum_and_what_is_too_large(toy: Space, moga: Space) -> None:
    with pytest.raises(CoverageError, match="top1_percent"):
        toy_search(toy, algorithm="exact")
    with pytest.raises(CoverageError, match="reward"):
        search(moga, [Reward(latency="macs_m", target=1.0, accuracy="params_m")], algorithm="exact")
    with pytest.raises(OptionError, match="more than 10; take fewer objectives"):
        minimal_sums(toy, [additive_factors(toy), _negated(additive_factors(toy))], max_points=10)


def _negated(factors: tuple[Factor, ...]) -> tuple[Factor, ...]:
    return tuple(Factor(factor.scope, -factor.table) for factor in factors)
