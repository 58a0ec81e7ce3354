"""Weights that make archs stand for a law, and means under targets with their errors, on the toy space."""

from __future__ import annotations

import numpy as np
import pytest

from blockprofile.additive.groups import make_groups
from blockprofile.additive.targets import block_targets, depth_targets
from blockprofile.errors import DataError
from blockprofile.predict.labelled import LabelledArchs, effective_number, weigh_archs
from blockprofile.profile.summary import holding_words
from blockprofile.profile.weighted import FEW, WeightedRows
from blockprofile.space import LAWS, Law, Space, draw_archs, load_space
from tests.toy import additive_predictor, all_archs, arch_probabilities, expected_additive


@pytest.mark.parametrize("law", LAWS)
def test_draws_of_the_law_weigh_alike(toy: Space, law: Law) -> None:
    archs = draw_archs(toy, 300, np.random.default_rng(0), law=law)
    weights, how, is_whole = weigh_archs(toy, archs, law=law)
    assert (how, is_whole) == ("drawn by the law", False)
    assert (weights == 1).all()


@pytest.mark.parametrize("law", LAWS)
def test_all_archs_weigh_their_probability(toy: Space, law: Law) -> None:
    archs = all_archs(toy)
    weights, _, is_whole = weigh_archs(toy, archs, law=law)
    assert is_whole
    np.testing.assert_allclose(weights / weights.sum(), arch_probabilities(toy, archs, law))


def test_other_draws_are_raked_to_the_law(toy: Space) -> None:
    archs = draw_archs(toy, 3000, np.random.default_rng(0), law="architectures")
    weights, how, _ = weigh_archs(toy, archs, law="papers")
    assert how == "weighted to the law"
    assert weights.mean() == pytest.approx(1)
    for unit in toy.units:
        shares = np.bincount(archs[:, unit.depth], weights) / len(archs)
        np.testing.assert_allclose(shares, 1 / len(unit.depths), atol=2e-4)
    for slot in toy.layer_slots:
        active = archs[:, slot.index] != 255
        shares = np.bincount(archs[active, slot.index], weights[active])
        np.testing.assert_allclose(shares / shares.sum(), 1 / 3, atol=2e-4)
    # Both laws draw slots independently, so the weights are the ratio of the laws up to the draw's own chance.
    ratio = arch_probabilities(toy, archs, "papers") / arch_probabilities(toy, archs, "architectures")
    assert np.corrcoef(weights, ratio)[0, 1] > 0.99
    assert 300 < effective_number(weights) < 3000


def test_archs_that_were_chosen_by_what_they_reached_are_told() -> None:
    """Choosing the sums of independent slots makes the slots depend on each other; choosing one slot does not."""
    space = load_space("nas_bench_macro")
    archs = np.unique(draw_archs(space, 4000, np.random.default_rng(0)), axis=0)
    archs = archs[np.random.default_rng(2).permutation(len(archs))]
    values = np.random.default_rng(1).normal(size=(space.n_slots, 3))[np.arange(space.n_slots), archs].sum(axis=1)
    best = archs[np.argsort(values)[-400:]]
    others = archs[(archs[:, 0] < 2) | (np.arange(len(archs)) % 3 == 0)]
    for law in LAWS:
        assert weigh_archs(space, others, law=law)[1] == "weighted to the law"
        _, how, _ = weigh_archs(space, np.unique(np.concatenate([best, archs[:300]]), axis=0), law=law)
        assert "; their slots depend on each other (p " in how
    about = {"provenance": "user", "labels": {"n": 700, "n_effective": 700.0, "how": how}}
    assert holding_words({"score": about}, ["score"]).startswith(
        "Intervals hold for archs chosen as these were: score (700 labelled archs; their slots depend on each other"
    )


def test_archs_that_cannot_stand_for_the_law_are_refused(toy: Space) -> None:
    archs = draw_archs(toy, 500, np.random.default_rng(0))
    layer = toy.layer_slots[0]
    with pytest.raises(DataError, match=f"none holds 'e4k3' in slot '{layer.name}'"):
        weigh_archs(toy, archs[archs[:, layer.index] != 1], law="papers")
    first, second = (unit.depth for unit in toy.units)
    with pytest.raises(DataError, match="no weights make all its codes as frequent"):
        weigh_archs(toy, archs[(archs[:, first] == 0) == (archs[:, second] == 2)], law="papers")


def _rows(space: Space, labelled: LabelledArchs, law: Law = "papers") -> WeightedRows:
    groups = make_groups(space)
    targets = block_targets(space, groups, law=law) + depth_targets(space, groups, law=law)
    return WeightedRows(labelled, targets, groups)


def test_means_under_the_law_are_the_closed_form(toy: Space) -> None:
    archs = all_archs(toy)
    weights, how, _ = weigh_archs(toy, archs, law="papers")
    values = additive_predictor(toy).predict(archs).astype(np.float64)
    rows = _rows(toy, LabelledArchs(archs, values, weights, how))
    assert rows.mean == pytest.approx(expected_additive(toy), rel=1e-6)
    groups = make_groups(toy)
    for target, mean in zip(block_targets(toy, groups), rows.means, strict=False):
        place = (target.unit, target.layer, toy.block_names.index(target.block))
        assert mean == pytest.approx(expected_additive(toy, place=place), rel=1e-6)


def test_the_error_of_a_cell_is_the_textbooks(toy: Space) -> None:
    archs = draw_archs(toy, 200, np.random.default_rng(3))
    values = np.random.default_rng(4).normal(size=200)
    rows = _rows(toy, LabelledArchs(archs, values, np.ones(200), ""))
    found = rows.combine(np.eye(len(rows.means)), np.zeros(len(rows.means)))
    slot = toy.layer_slots[0].index
    for code in range(3):
        own = values[archs[:, slot] == code]
        assert found.values[code] == pytest.approx(own.mean())
        assert found.errors[code] == pytest.approx(own.std(ddof=1) / np.sqrt(len(own)))
        assert found.freedom[code] == pytest.approx(len(own) - 1)


def test_errors_are_those_of_repetition(toy: Space) -> None:
    """Effects against the space, of rows with unequal weights: the error is the spread over repetitions."""
    effects, errors = [], []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        archs = draw_archs(toy, 150, rng)
        values = additive_predictor(toy).predict(archs) + rng.normal(size=150)
        rows = _rows(toy, LabelledArchs(archs, values, rng.uniform(0.2, 2, 150), ""))
        found = rows.combine(np.eye(len(rows.means)), -np.ones(len(rows.means)))
        effects.append(found.values)
        errors.append(found.errors)
    ratio = np.sqrt(np.square(errors).mean(axis=0)) / np.std(effects, axis=0)
    assert 0.85 < ratio.min() < ratio.max() < 1.15
    assert ratio.mean() == pytest.approx(1, abs=0.04)


def test_few_rows_take_the_spread_of_all(toy: Space) -> None:
    archs = draw_archs(toy, 100, np.random.default_rng(5))
    slot = toy.layer_slots[0].index
    archs = np.concatenate([archs[archs[:, slot] != 0], archs[archs[:, slot] == 0][:1]])
    values = np.random.default_rng(6).normal(size=len(archs))
    rows = _rows(toy, LabelledArchs(archs, values, np.ones(len(archs)), ""))
    found = rows.combine(np.eye(len(rows.means))[:1], np.zeros(1))
    assert FEW > 1
    assert found.errors[0] == pytest.approx(values.std(ddof=1))
    assert found.freedom[0] == len(archs) - 1
    none = archs[archs[:, slot] != 0]
    rows = _rows(toy, LabelledArchs(none, np.ones(len(none)), np.ones(len(none)), ""))
    found = rows.combine(np.eye(len(rows.means))[:2], np.zeros(2))
    assert found.is_known.tolist() == [False, True]
    assert np.isnan(found.errors[0])


def test_all_archs_have_the_noise_of_their_labels_alone(toy: Space) -> None:
    archs = all_archs(toy)
    noise = np.full(len(archs), 0.25)
    rows = _rows(toy, LabelledArchs(archs, np.arange(len(archs)) * 1.0, np.ones(len(archs)), "", noise))
    found = rows.combine(np.zeros((1, len(rows.means))), np.ones(1))
    assert found.errors[0] == pytest.approx(0.5 / np.sqrt(len(archs)))
    assert np.isinf(found.freedom[0])
