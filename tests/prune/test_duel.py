"""Duels between choices, by hand and against brute force."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from blockprofile.prune.duel import Lines, adjust, dominating, outbid, p_of_best
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
    nothing = np.zeros((2, 2))
    lines = Lines(np.array([[1.0, 0.0], [0.0, 0.0]]), nothing, nothing, nothing, np.ones(2), math.inf)
    duels = outbid(found, np.array([0.5, 1.0]), floors=(0.0, 0.0), lines=lines)
    # The second is behind at the first rate only; at the other one they are equal.
    assert [duel.rival for duel in duels] == [-1, -1]


def test_adjusted_p_values_are_those_of_benjamini_and_hochberg() -> None:
    assert adjust([0.01, 0.02, 0.03]) == pytest.approx([0.03, 0.03, 0.03])
    assert adjust([]) == []


def test_the_best_of_many_rivals_is_allowed_for() -> None:
    """Equal choices with errors: the least p-value of a choice is below 5 % in at most 5 % of cases, at any rate."""
    rng = np.random.default_rng(0)
    rates = np.geomspace(0.1, 10, 8)
    least = []
    for _ in range(200):
        gain, cost = rng.normal(size=(2, 9))
        found = replace(compete(gain.tolist(), cost.tolist(), se=1.0), n=np.full(9, 10_000))
        # The worst that can be done: the one rate at which the choice looks worst.
        picked = [outbid(found, rates[place : place + 1], floors=(0.0, 0.0))[0].p_value for place in range(len(rates))]
        least.append((dominating(found, floors=(0.0, 0.0))[0].p_value, min(picked)))
    assert (np.array(least) <= 0.05).mean(axis=0).max() <= 0.05


def test_what_was_dropped_still_counts_as_a_rival() -> None:
    whole = compete([0.0, 0.0, 1.0, 2.0], [0.0] * 4, se=0.5)
    narrow = whole.among([0, 2])
    assert narrow.n_choices == 4
    found = dominating(narrow, floors=(0.0, 0.0))[0].p_value
    alone = dominating(compete([0.0, 1.0], [0.0] * 2, se=0.5), floors=(0.0, 0.0))[0].p_value
    assert found == pytest.approx(min(1.0, 3 * alone))


def test_few_archs_have_students_tails() -> None:
    assert p_of_best(4.0, 1, 2.0) == pytest.approx(0.0572, abs=1e-4)
    assert p_of_best(4.0, 1, math.inf) == pytest.approx(6.33e-5, rel=1e-2)
    assert p_of_best(4.0, 1, 0.0) == 1.0


def test_a_family_is_adjusted_as_a_whole() -> None:
    family = np.random.default_rng(1).random(50).tolist()
    wanted = false_discovery_control(family)
    assert adjust(family[:7], among=family) == pytest.approx(wanted[:7].tolist())
    assert adjust([0.5], among=[0.001] * 9 + [0.5]) == [0.5]
