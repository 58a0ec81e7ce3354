from __future__ import annotations

import numpy as np
import pytest

from blockprofile.additive.extremes import feasible_range, max_arch, min_arch
from blockprofile.space import CompiledSum, Space, decode, factorize, load_space
from tests.toy import additive_factors, all_archs, mixed_space, smaller_toy_space, toy_space


@pytest.mark.parametrize("space", [toy_space(), mixed_space(), smaller_toy_space()], ids=lambda space: space.name)
def test_range_and_archs_are_those_of_the_enumeration(space: Space) -> None:
    archs = all_archs(space)
    for factors in (additive_factors(space), factorize(space, lambda op: op.macs)):
        metric = CompiledSum(space, [factors])
        values = metric(archs)[0]
        low, high = feasible_range(space, factors)
        assert low == pytest.approx(values.min(), rel=1e-12)
        assert high == pytest.approx(values.max(), rel=1e-12)
        ends = np.stack([min_arch(space, factors), max_arch(space, factors)])
        assert space.contains(ends).all()
        np.testing.assert_allclose(metric(ends)[0], [low, high], rtol=1e-12)


def test_ties_go_to_the_first_codes() -> None:
    moga = load_space("moga")
    free = min_arch(moga, factorize(moga, lambda op: 0.0))
    assert decode(moga, free).replace(" | ", " ").split() == ["e3k3"] * 14
