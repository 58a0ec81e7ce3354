"""The toy spaces' closed forms against brute force: what other tests lean on."""

from __future__ import annotations

import numpy as np
import pytest

from blockprofile.space import LAWS, Space, count_archs
from tests.toy import (
    ProductPredictor,
    additive_predictor,
    all_archs,
    all_places,
    arch_probabilities,
    expected_additive,
    expected_product,
    mixed_space,
    smaller_toy_space,
    toy_space,
    unit_sums,
)

SPACES = [toy_space(), mixed_space(), smaller_toy_space()]


@pytest.fixture(params=SPACES, ids=lambda space: space.name)
def space(request: pytest.FixtureRequest) -> Space:
    return request.param


def test_enumeration_is_complete_and_without_duplicates(space: Space) -> None:
    archs = all_archs(space)
    assert len(np.unique(archs, axis=0)) == len(archs) == count_archs(space)
    assert space.contains(archs).all()


def test_the_two_counts_written_in_the_docstring() -> None:
    assert [len(all_archs(each)) for each in SPACES] == [468, 1296, 72]


@pytest.mark.parametrize("law", LAWS)
def test_expectations_equal_enumeration(space: Space, law: str) -> None:
    archs = all_archs(space)
    weights = arch_probabilities(space, archs, law)
    sums = unit_sums(space, archs)
    assert weights.sum() == pytest.approx(1)
    assert expected_additive(space, law=law) == pytest.approx(2.0 + weights @ sums.sum(axis=1))
    assert expected_product(space, law=law) == pytest.approx(weights @ sums.prod(axis=1))


@pytest.mark.parametrize("law", LAWS)
def test_conditional_expectations_equal_enumeration(space: Space, law: str) -> None:
    archs = all_archs(space)
    weights = arch_probabilities(space, archs, law)
    sums = unit_sums(space, archs)
    for place in all_places(space):
        held = archs[:, space.units[place[0] - 1].layers[place[1] - 1]] == place[2]
        given = weights[held] / weights[held].sum()
        assert expected_additive(space, law=law, place=place) == pytest.approx(2.0 + given @ sums[held].sum(axis=1))
        assert expected_product(space, law=law, place=place) == pytest.approx(given @ sums[held].prod(axis=1))


def test_presence_differs_only_where_the_depth_can_be_less() -> None:
    space = toy_space()
    rules = ("given", "promoted", "cikm21", "figure4")
    always = {expected_additive(space, place=(2, 1, 2), presence=rule) for rule in rules}
    deepest = [expected_product(space, place=(2, 3, 2), presence=rule) for rule in rules]
    assert len(always) == 1
    # Depth 1, 2 or 3: conditioned and raised both have depth 3; raised to 2 only, the block is there in a third.
    assert deepest[0] == pytest.approx(deepest[1])
    assert deepest[2] < deepest[0]


def test_given_and_promoted_differ_in_the_middle() -> None:
    given, promoted = (expected_additive(toy_space(), place=(2, 2, 0), presence=rule) for rule in ("given", "promoted"))
    # Layer 3 is there in 1 of 2 draws of depth >= 2, but in 1 of 3 when depth 1 is raised to 2.
    values = [(1 + 0.5 * code) * 1.75 + 0.125 * 6 + 0.125 * code * code for code in range(3)]
    assert given - promoted == pytest.approx(np.mean(values) * (1 / 2 - 1 / 3))


def test_predictors_equal_the_sums(space: Space) -> None:
    archs = all_archs(space)
    sums = unit_sums(space, archs)
    assert additive_predictor(space).predict(archs) == pytest.approx(2.0 + sums.sum(axis=1))
    assert ProductPredictor(space).predict(archs) == pytest.approx(sums.prod(axis=1))


def test_the_product_is_not_additive() -> None:
    space = toy_space()
    archs = all_archs(space)
    one_hot = np.concatenate([(archs[:, [s.index]] == np.arange(3)) for s in space.layer_slots], axis=1)
    design = np.column_stack([np.ones(len(archs)), one_hot])
    product = unit_sums(space, archs).prod(axis=1)
    rest = product - design @ np.linalg.lstsq(design, product, rcond=None)[0]
    assert rest.std() > 0.2 * product.std()
