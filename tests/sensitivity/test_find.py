from __future__ import annotations

import numpy as np
import pytest

from blockprofile.sensitivity.find import find_sensitivities
from tests.toy import ProductPredictor, additive_predictor, toy_space


def test_additive_metrics_are_exact_and_others_sampled_in_the_order_given() -> None:
    space = toy_space()
    found = find_sensitivities(space, [ProductPredictor(space), additive_predictor(space)], n=3000, seed=2)
    assert [each.metric for each in found] == ["top1_percent", "latency_ms:toy"]
    assert [each.is_exact for each in found] == [False, True]
    assert [each.n for each in found] == [3000, 0]
    again = find_sensitivities(space, [ProductPredictor(space)], n=3000, seed=2)
    np.testing.assert_array_equal(again[0].shares, found[0].shares)


def test_no_pool_is_drawn_for_additive_metrics_alone() -> None:
    space = toy_space()
    (found,) = find_sensitivities(space, [additive_predictor(space)], n=0)
    assert found.is_exact


def test_too_small_a_pool_is_refused() -> None:
    space = toy_space()
    with pytest.raises(ValueError, match="the pool has 10 archs"):
        find_sensitivities(space, [ProductPredictor(space)], n=10)
