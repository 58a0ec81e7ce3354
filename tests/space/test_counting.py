"""Exact counts: the published numbers, enumeration, and the law of the whole."""

from __future__ import annotations

import pytest

from blockprofile.space import Space, count_archs, count_networks, depth_counts, load_space
from tests.toy import all_archs, smaller_toy_space

UNIT = 9**2 + 9**3 + 9**4


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("moga", 12**14),
        ("ofa_mbv3", 7371**5),
        ("ofa_proxyless", 9 * 7371**5),
        ("proxylessnas", 6**6 * 7**15),
        # 2 * 3 * 3 stem choices, 3^4 unit widths, three units of 2-4 layers and one of 4-6, 3 ratios a layer.
        ("ofa_resnet50", 18 * 3**4 * (9 + 27 + 81) ** 3 * (81 + 243 + 729)),
    ],
)
def test_shipped_spaces_have_their_published_sizes(name: str, count: int) -> None:
    assert count_archs(load_space(name)) == count


def test_counts_are_exact_beyond_64_bits(ofa_mbv3: Space) -> None:
    count = count_archs(ofa_mbv3)
    assert isinstance(count, int)
    assert count > 2**63
    assert count % 7371 == 0
    assert UNIT == 7371


def test_counts_equal_enumeration(toy: Space, mixed: Space) -> None:
    for space in (toy, mixed, smaller_toy_space()):
        assert count_archs(space) == len(all_archs(space))


def test_depth_counts(toy: Space) -> None:
    assert depth_counts(toy, 1) == {1: 3, 2: 9}
    assert depth_counts(toy, 2) == {1: 3, 2: 9, 3: 27}
    assert depth_counts(smaller_toy_space(), 2) == {1: 2, 2: 4}


def test_a_fixed_depth_counts_once(moga: Space) -> None:
    assert depth_counts(moga, 3) == {4: 12**4}


def test_a_layer_with_its_own_blocks_counts_them(mixed: Space) -> None:
    assert depth_counts(mixed, 1) == {3: 2 * 3 * 3}


@pytest.mark.parametrize(
    ("name", "count"),
    [("nas_bench_macro", 3969), ("mnasnet_wide", 13_869_489_586_176), ("scarlet", 490_090_457_801_617_920_000)],
)
def test_distinct_networks_of_shipped_spaces(name: str, count: int) -> None:
    assert count_networks(load_space(name)) == count
