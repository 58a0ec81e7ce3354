"""Pictures of a pruning: what is computed, and what is drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure

from blockprofile.plot.pruning import (
    DROPPED,
    KEPT,
    decision_map_data,
    draw_decision_map,
    draw_rivals,
    rivals_data,
)
from blockprofile.profile import Profile
from blockprofile.prune import Bounds, Depth, Dominated, Outcome, prune_profile
from blockprofile.space import Space
from tests.prune.profiles import COST, by_block, made_up


def outcome_of(space: Space) -> Outcome:
    table = made_up(
        space,
        gain=lambda u, _l, b: {"e2k3": 0.0, "e4k3": 1.0, "e4k5se": 0.5}[b] * (1 if u == 1 else 1e-4),
        cost=by_block({"e2k3": 0.0, "e4k3": 1.0, "e4k5se": 2.0}),
        depth_gain=lambda u, d: 0.3 * d if u == 1 else 0.0,
        depth_cost=lambda _u, d: 3.0 * d,
        se=1e-9,
    )
    (outcome,), _ = prune_profile(
        Profile(table), space, costs=[COST], policies=[Dominated(), Depth()], bounds=Bounds(keep=1)
    )
    return outcome


def test_the_map_tells_what_stays_and_what_dropped_it(toy: Space) -> None:
    outcome = outcome_of(toy)
    assert outcome.space.unit_depths(2) == (1,)
    data = decision_map_data(outcome)
    assert data.rows == ("unit 1, layer 1", "unit 1, layer 2", "unit 2, layer 1", "unit 2, layer 2", "unit 2, layer 3")
    assert data.columns == ("e2k3", "e4k3", "e4k5se")
    assert data.firsts == (0, 2)
    np.testing.assert_array_equal(data.states[[0, 1, 2]], [[KEPT, KEPT, DROPPED]] * 3)
    np.testing.assert_array_equal(data.states[[3, 4]], DROPPED)
    assert data.words.tolist() == [["", "", "d"]] * 3 + [["u", "u", "d"]] * 2


def test_a_policy_that_has_no_letter_is_shown_by_its_first(toy: Space) -> None:
    outcome = outcome_of(toy)
    by_pairs = replace(outcome, decisions=tuple(replace(each, policy="pairs") for each in outcome.decisions))
    assert set(decision_map_data(by_pairs).words.ravel()) == {"", "p", "u"}


def test_the_map_is_drawn_with_a_letter_for_every_drop(toy: Space) -> None:
    ax = Figure().subplots()
    draw_decision_map(decision_map_data(outcome_of(toy)), ax)
    assert sorted(filter(None, (text.get_text() for text in ax.texts))) == ["d"] * 5 + ["u"] * 4
    assert [label.get_text() for label in ax.get_xticklabels()] == ["e2k3", "e4k3", "e4k5se"]
    assert ax.collections[0].get_array().shape == (5, 3)


def test_rivals_are_told_apart_by_whether_they_stay(toy: Space) -> None:
    outcome = outcome_of(toy)
    data = rivals_data(outcome, outcome.figures.network)
    assert data.kept.tolist() == [True, True, False]
    assert (data.low, data.high) == (outcome.rates.low, outcome.rates.high)
    assert rivals_data(outcome, outcome.figures.layers[1]).kept.tolist() == [True, True, False]
    ax = Figure().subplots()
    draw_rivals(data, ax, unit="%/ms")
    assert [text.get_text() for text in ax.texts] == ["e2k3", "e4k3", "e4k5se"]
    assert len(ax.lines) == 2
    assert ax.lines[0].get_label() == f"{data.low:.2g} %/ms"
