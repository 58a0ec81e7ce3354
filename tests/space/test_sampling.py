"""Random archs: both laws against exact probabilities, determinism, and the edges."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy import stats

from blockprofile.errors import OptionError
from blockprofile.space import INACTIVE, LAWS, Law, Space, depth_probabilities, draw_archs
from blockprofile.space.sampling import check_law
from tests.toy import all_archs, arch_probabilities, depth_law, mixed_space, smaller_toy_space, toy_space

SPACES = {space.name: space for space in (toy_space(), mixed_space(), smaller_toy_space())}
N_DRAWS = 200_000

# Seeds are fixed, so a test passes always or never; 0.001 bounds how unlucky the fixed draws may be.
P_VALUE = 0.001


@cache
def observed(name: str, law: Law) -> np.ndarray:
    """Draw by a law, and count how often each arch of `all_archs` comes."""
    space = SPACES[name]
    drawn = draw_archs(space, N_DRAWS, np.random.default_rng(7), law=law)
    known, drawn = (archs.astype(np.int64) % 11 @ 11 ** np.arange(space.n_slots) for archs in (all_archs(space), drawn))
    order = np.argsort(known)
    counts = np.zeros(len(known), np.int64)
    values, n = np.unique(drawn, return_counts=True)
    places = order[np.searchsorted(known, values, sorter=order)]
    assert np.array_equal(known[places], values)
    counts[places] = n
    return counts


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("name", SPACES)
def test_the_whole_law_by_chi_square(name: str, law: Law) -> None:
    expected = N_DRAWS * arch_probabilities(SPACES[name], all_archs(SPACES[name]), law)
    assert expected.min() > 20
    assert stats.chisquare(observed(name, law), expected).pvalue > P_VALUE


@pytest.mark.parametrize("name", ["toy", "mixed"])
def test_the_two_laws_are_told_apart(name: str) -> None:
    """The test above can fail: draws of one law are refused as draws of the other."""
    other = N_DRAWS * arch_probabilities(SPACES[name], all_archs(SPACES[name]), "architectures")
    assert stats.chisquare(observed(name, "papers"), other).pvalue < 1e-100


def test_the_papers_law_on_a_shipped_space(ofa_mbv3: Space) -> None:
    drawn = draw_archs(ofa_mbv3, 90_000, np.random.default_rng(3))
    depths = ofa_mbv3.depths(drawn)
    for unit in ofa_mbv3.units:
        of_unit = depths[:, unit.unit - 1]
        assert stats.chisquare(np.bincount(of_unit, minlength=5)[2:]).pvalue > P_VALUE
        for layer, index in enumerate(unit.layers, start=1):
            blocks = drawn[of_unit >= layer, index]
            assert stats.chisquare(np.bincount(blocks, minlength=9)).pvalue > P_VALUE
            assert (drawn[of_unit < layer, index] == INACTIVE).all()


@pytest.mark.parametrize("law", LAWS)
def test_slots_of_different_units_are_independent(law: Law) -> None:
    space = toy_space()
    drawn = draw_archs(space, N_DRAWS, np.random.default_rng(11), law=law)
    table = np.zeros((2, 3))
    np.add.at(table, (drawn[:, space.slot("u1_depth").index], drawn[:, space.slot("u2_depth").index]), 1)
    assert stats.chi2_contingency(table).pvalue > P_VALUE


@pytest.mark.parametrize("law", LAWS)
def test_draws_follow_from_the_seed(toy: Space, law: Law) -> None:
    first, again, other = (draw_archs(toy, 1000, np.random.default_rng(seed), law=law) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_generator_moves_on(toy: Space) -> None:
    rng = np.random.default_rng(0)
    assert not np.array_equal(draw_archs(toy, 100, rng), draw_archs(toy, 100, rng))


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("n", [0, 1, 5])
def test_shape_dtype_and_layout(mixed: Space, n: int, law: Law) -> None:
    archs = draw_archs(mixed, n, np.random.default_rng(0), law=law)
    assert archs.shape == (n, 9)
    assert archs.dtype == np.uint8
    assert archs.flags.c_contiguous


@pytest.mark.parametrize("law", LAWS)
def test_depth_probabilities_equal_their_definition(law: Law) -> None:
    for space in SPACES.values():
        for unit in space.units:
            expected = depth_law(space, unit.unit, law)
            assert depth_probabilities(space, unit.unit, law).tolist() == pytest.approx(list(expected.values()))


def test_depth_probabilities_of_the_toy_space(toy: Space) -> None:
    assert depth_probabilities(toy, 2).tolist() == pytest.approx([1 / 3] * 3)
    assert depth_probabilities(toy, 2, "architectures").tolist() == pytest.approx([3 / 39, 9 / 39, 27 / 39])


def test_laws_are_checked_by_name() -> None:
    assert [check_law(law) for law in LAWS] == ["papers", "architectures"]
    with pytest.raises(OptionError, match=r"law 'paper' is unknown; did you mean 'papers'\? choices: papers, arch"):
        check_law("paper")
