"""Responses by unit depth: exact recovery of an additive law, and the committed table against the labels."""

import numpy as np
import pytest

from blockprofile.errors import CoverageError, DataError
from blockprofile.papers.supernet_top1 import depth_responses, load_responses


def _codes(rng, n, depths=(2, 3)):
    depth = rng.choice(depths, size=(n, 2))
    codes = rng.integers(0, 9, size=(n, 2, 3))
    codes[np.arange(3) >= depth[:, :, None]] = -1
    return codes, depth


def test_an_additive_law_is_recovered():
    rng = np.random.default_rng(0)
    codes, depth = _codes(rng, 4000)
    worth = rng.normal(size=(2, 4, 3, 9))
    top1 = np.full(4000, 70.0)
    for unit in range(2):
        for layer in range(3):
            active = codes[:, unit, layer] >= 0
            top1[active] += worth[unit, depth[active, unit], layer, codes[active, unit, layer]]
    found = depth_responses(codes, top1, space="toy")
    values = [_value(found, row) for row in codes[:200]]
    np.testing.assert_allclose(values, top1[:200], atol=1e-4)
    effects = found.points[2, 3, 1]
    np.testing.assert_allclose(effects - effects.mean(), worth[1, 3, 0] - worth[1, 3, 0].mean(), atol=1e-4)
    levels = [sum(found.points[1, d, layer].mean() for layer in range(1, d + 1)) for d in (2, 3)]
    assert sum(levels) == pytest.approx(0, abs=1e-6)


def _value(found, row):
    blocks = [[((3, 4, 6)[code // 3], (3, 5, 7)[code % 3]) for code in unit if code >= 0] for unit in row]
    return found.value(blocks)


def test_expansions_between_are_interpolated():
    found = load_responses("ofa_mbv3")
    at = [found.at((4, 2, 1), expansion=e, kernel=5) for e in (2, 3, 4, 5, 6)]
    assert at[0] == pytest.approx(2 * at[1] - at[2])
    assert at[3] == pytest.approx((at[2] + at[4]) / 2)


def test_committed_responses_have_every_place():
    for space, places in {"ofa_mbv3": 45, "ofa_proxyless": 46}.items():
        found = load_responses(space)
        assert len(found.points) == places
        assert 70 < found.base < 80
        assert all(np.abs(row).max() < 1 for row in found.points.values())


def test_what_was_not_labelled_is_refused():
    with pytest.raises(CoverageError, match="kernel 3 at unit 1 of depth 1, layer 1"):
        load_responses("ofa_mbv3").value([[(3, 3)]])
    with pytest.raises(CoverageError, match="kernel 9"):
        load_responses("ofa_mbv3").at((1, 2, 1), expansion=3, kernel=9)
    with pytest.raises(CoverageError, match="no supernet responses for space 'moga'"):
        load_responses("moga")
    with pytest.raises(DataError, match="do not fit"):
        depth_responses(np.zeros((3, 2, 2), int), np.zeros(4), space="toy")
    with pytest.raises(DataError, match="up to 9"):
        depth_responses(np.full((3, 2, 2), 9), np.zeros(3), space="toy")
