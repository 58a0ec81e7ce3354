"""The model's front against enumeration."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from blockprofile.profile import Profile
from blockprofile.prune.figures import Figures
from blockprofile.prune.front import front_rates, support
from blockprofile.prune.reading import read_figures
from blockprofile.space import INACTIVE, Space
from tests.prune.profiles import COST, GAIN, made_up
from tests.toy import all_archs


def enumerate_model(figures: Figures) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Add up accuracy and cost of every arch, choice by choice."""
    space = figures.space
    archs = all_archs(space)
    sums = np.zeros((2, len(archs)))
    tables = [*figures.layers.items()]
    tables += [(space.units[unit - 1].depth, found) for unit, found in figures.depths.items()]  # type: ignore[misc]
    tables += [(space.units[unit - 1].width, found) for unit, found in figures.widths.items()]  # type: ignore[misc]
    for slot, found in tables:
        for row, code in enumerate(found.codes):
            held = archs[:, slot] == code
            assert code != INACTIVE
            sums[0, held] += found.gain[row]
            sums[1, held] += found.cost[row]
    return sums[0], sums[1]


def random_figures(space: Space, seed: int) -> Figures:
    rng = np.random.default_rng(seed)
    effects: dict[object, float] = {}

    def draw(*key: object) -> float:
        return effects.setdefault(key, float(rng.normal()))

    table = made_up(
        space,
        gain=lambda *place: draw("gain", *place),
        cost=lambda *place: draw("cost", *place),
        depth_gain=lambda u, d: draw("gain", u, d) + d,
        depth_cost=lambda u, d: draw("cost", u, d) + d,
    )
    return read_figures(Profile(table), space, gain=GAIN, cost=COST)


@pytest.mark.parametrize("seed", range(5))
def test_support_is_the_best_worth_of_all_archs(toy: Space, mixed: Space, seed: int) -> None:
    rates = np.array([0.0, 0.1, 0.7, 3.0, 50.0])
    for space in (toy, mixed):
        figures = random_figures(space, seed)
        gain, cost = enumerate_model(figures)
        expected = (gain[:, None] - rates * cost[:, None]).max(axis=0)
        np.testing.assert_allclose(support(figures, rates), expected)


@pytest.mark.parametrize("seed", range(5))
def test_what_is_given_up_at_the_ends_is_the_tolerance_at_most(toy: Space, seed: int) -> None:
    figures = random_figures(toy, seed)
    gain, cost = enumerate_model(figures)
    wide, narrow = front_rates(figures, tolerance=0.0), front_rates(figures, tolerance=0.1)
    assert wide.low <= narrow.low <= narrow.high <= wide.high
    assert wide.worth[0] == pytest.approx((gain - wide.low * cost).max())
    most, cheapest = int(np.lexsort((cost, -gain))[0]), float(cost.min())
    at_low = np.argmax(gain - wide.low * cost)
    at_high = np.argmax(gain - wide.high * cost)
    assert gain[at_low] <= gain[most]
    assert cost[at_high] >= cheapest - 1e-12
    assert wide.span == pytest.approx(gain[most] - gain[cost == cheapest].max())


def test_a_profile_without_contrast_has_one_rate(toy: Space) -> None:
    # The layers' effect of 1 is that of being there at all, which is the depth's.
    table = made_up(toy, gain=lambda *_: 1.0, cost=lambda *_: 1.0, depth_gain=lambda *_: 0.0, depth_cost=lambda *_: 0.0)
    rates = front_rates(read_figures(Profile(table), toy, gain=GAIN, cost=COST), tolerance=0.01)
    assert rates.values.tolist() == [0.0]
    assert rates.span == 0
