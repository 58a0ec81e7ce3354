"""Duels between choices, by hand and against brute force."""

from __future__ import annotations

import numpy as np
import pytest

from blockprofile.prune.duel import adjust, dominating, outbid
from blockprofile.prune.figures import Competition
from blockprofile.space.rules import Where


def compete(gain: list[float], cost: list[float], se: float = 1e-6) -> Competition:
    n = len(gain)
    errors = np.full(n, se)
    names = tuple("abcdefgh"[:n])
    return Competition(
        Where(), "block", tuple(range(n)), names, np.array(gain), np.array(cost), errors, errors, np.full(n, 100)
    )


def test_a_choice_is_dominated_by_what_is_as_accurate_and_cheaper() -> None:
    found = dominating(compete([1.0, 1.0, 2.0], [1.0, 2.0, 3.0]), floors=(0.1, 0.1))
    assert [duel.rival for duel in found] == [-1, 0, -1]
    assert found[1].p_value < 1e-9


def test_below_both_floors_nothing_dominates() -> None:
    assert [d.rival for d in dominating(compete([1.0, 1.05], [1.0, 0.95]), floors=(0.1, 0.1))] == [-1, -1]
    assert [d.rival for d in dominating(compete([1.0, 1.05], [1.0, 0.95]), floors=(0.01, 0.1))] == [1, -1]


def test_equals_do_not_dominate_each_other() -> None:
    assert [duel.rival for duel in dominating(compete([1.0, 1.0], [1.0, 1.0]), floors=(0.0, 0.0))] == [-1, -1]


def test_empty_and_single() -> None:
    for gain in ([], [1.0]):
        found = compete(gain, gain)
        assert [duel.rival for duel in dominating(found, floors=(0.0, 0.0))] == [-1] * len(gain)
        assert [duel.rival for duel in outbid(found, np.array([1.0]), floors=(0.0, 0.0))] == [-1] * len(gain)


def test_little_accuracy_for_much_cost_is_outbid_where_the_front_never_pays_so_much() -> None:
    # The third choice: 0.1 point for 1.3 ms more than the second, that is 0.077 points per ms.
    found = compete([0.0, 1.0, 1.1], [0.0, 0.5, 1.8])
    rates = np.linspace(0.2, 1.0, 5)
    duels = outbid(found, rates, floors=(0.01, 0.01))
    assert [duel.rival for duel in duels] == [1, -1, 1]
    assert duels[2].rate == 0.2
    assert duels[2].loss == pytest.approx(0.2 * 1.3 - 0.1)
    assert outbid(found, np.linspace(0.05, 1.0, 5), floors=(0.01, 0.01))[2].rival == -1


@pytest.mark.parametrize("seed", range(20))
def test_the_loss_is_the_least_over_rates_of_what_the_best_is_worth_more(seed: int) -> None:
    rng = np.random.default_rng(seed)
    gain, cost = rng.normal(size=6), rng.normal(size=6)
    rates = np.sort(rng.exponential(size=9))
    duels = outbid(compete(gain.tolist(), cost.tolist()), rates, floors=(0.0, 0.0))
    worth = gain[:, None] - rates * cost[:, None]
    for row, duel in enumerate(duels):
        others = np.delete(worth, row, axis=0).max(axis=0)
        loss = float((others - worth[row]).min())
        assert (duel.rival >= 0) == (loss > 0)
        if loss > 0:
            assert duel.loss == pytest.approx(loss)


def test_what_is_not_sure_has_a_large_p_value() -> None:
    sure, unsure = (outbid(compete([0.0, 1.0], [0.0, 0.0], se), np.ones(1), floors=(0.0, 0.0)) for se in (0.01, 2.0))
    assert sure[0].p_value < 1e-9
    assert unsure[0].p_value > 0.5


def test_lines_make_the_figures_depend_on_the_rate() -> None:
    found = compete([0.0, 0.0], [0.0, 0.0])
    lines = (np.array([[1.0, 0.0], [0.0, 0.0]]), np.zeros((2, 2)))
    duels = outbid(found, np.array([0.5, 1.0]), floors=(0.0, 0.0), lines=lines)
    # The second is behind at the first rate only; at the other one they are equal.
    assert [duel.rival for duel in duels] == [-1, -1]


def test_adjusted_p_values_are_those_of_benjamini_and_hochberg() -> None:
    assert adjust([0.01, 0.02, 0.03]) == pytest.approx([0.03, 0.03, 0.03])
    assert adjust([]) == []
