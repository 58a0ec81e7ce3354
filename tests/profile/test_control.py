from __future__ import annotations

import numpy as np
import pytest

from blockprofile.additive.exact import exact_profile
from blockprofile.additive.presence import PRESENCES
from blockprofile.profile.control import (
    Control,
    ControlledResponses,
    controlled_responses,
    fit_control,
    known_means,
)
from blockprofile.space import Archs, CompiledSum, Space, draw_archs
from tests.toy import (
    ProductPredictor,
    additive_factors,
    all_archs,
    arch_probabilities,
    expected_product,
    mixed_space,
    smaller_toy_space,
    toy_space,
)


def pool(space: Space, n: int, seed: int, law: str = "papers") -> Archs:
    return draw_archs(space, n, np.random.default_rng(seed), law=law)


def product_control(space: Space) -> Control:
    pilot = pool(space, 3000, 999)
    return Control(space, fit_control(space, pilot, ProductPredictor(space).predict(pilot)))


def truths(space: Space, found: ControlledResponses, presence: str) -> np.ndarray:
    """Exact effects of the product metric: blocks by their closed form, depths by enumeration."""
    archs, whole = all_archs(space), expected_product(space)
    chances, values = arch_probabilities(space, archs), ProductPredictor(space).predict(archs).astype(np.float64)
    depths = space.depths(archs)
    effects = []
    for target in found.targets:
        if target.layer:
            place = (target.unit, target.layer, space.block_names.index(target.block))
            effects.append(expected_product(space, place=place, presence=presence) - whole)
        else:
            holds = depths[:, target.unit - 1] == target.depth
            effects.append(values[holds] @ chances[holds] / chances[holds].sum() - whole)
    return np.array(effects)


@pytest.mark.parametrize("presence", PRESENCES)
def test_intervals_cover_the_truth_in_95_percent_of_repetitions(presence: str) -> None:
    """Pools of 600 archs of a metric that does not add up; every response."""
    space = toy_space()
    control, product = product_control(space), ProductPredictor(space)
    whole = expected_product(space)
    covered, plain_means, controlled_means, mean_covered = [], [], [], []
    wanted = None
    n_repetitions = 140
    for seed in range(n_repetitions):
        archs = pool(space, 600, seed)
        found = controlled_responses(archs, product.predict(archs), control=control, presence=presence)
        wanted = truths(space, found, presence) if wanted is None else wanted
        covered.append(np.abs(found.effects - wanted) <= 1.96 * found.errors)
        controlled_means.append(found.effects)
        plain_means.append(found.plain_errors)
        mean_covered.append(abs(found.mean - whole) <= 1.96 * found.mean_se)
    assert wanted is not None
    assert 0.93 < np.mean(covered) < 0.97
    assert 0.91 < np.mean(mean_covered) < 0.985
    bias = np.mean(controlled_means, axis=0) - wanted
    assert (np.abs(bias) < 4.5 * np.std(controlled_means, axis=0) / np.sqrt(n_repetitions)).all()
    assert (np.std(controlled_means, axis=0) < 0.75 * np.mean(plain_means, axis=0)).mean() > 0.8


def test_a_wrong_additive_part_does_no_harm_to_the_truth() -> None:
    space = toy_space()
    archs = pool(space, 200_000, 3)
    control = Control(space, additive_factors(space))
    found = controlled_responses(archs, ProductPredictor(space).predict(archs), control=control)
    scores = (found.effects - truths(space, found, "given")) / found.errors
    assert np.abs(scores).max() < 4.5


@pytest.mark.parametrize("space", [toy_space(), mixed_space(), smaller_toy_space()], ids=lambda space: space.name)
@pytest.mark.parametrize("law", ["papers", "architectures"])
def test_an_additive_metric_is_known_exactly(space: Space, law: str) -> None:
    factors = additive_factors(space)
    archs = pool(space, 500, 4, law)
    values = CompiledSum(space, [factors])(archs)[0]
    found = controlled_responses(archs, values, control=Control(space, factors), law=law)
    exact = exact_profile(space, [factors], law=law)
    wanted = np.concatenate([exact.cell_mean[0], exact.depth_mean[0]])
    np.testing.assert_allclose(found.means, wanted, rtol=1e-6)
    np.testing.assert_allclose(found.errors, 0, atol=1e-6)
    assert found.mean == pytest.approx(exact.mean[0], rel=1e-6)


@pytest.mark.parametrize("space", [toy_space(), mixed_space(), smaller_toy_space()], ids=lambda space: space.name)
def test_fit_finds_an_additive_metric(space: Space) -> None:
    metric = CompiledSum(space, [additive_factors(space)])
    pilot = pool(space, 2000, 5)
    control = Control(space, fit_control(space, pilot, metric(pilot)[0]))
    others = pool(space, 100, 6)
    np.testing.assert_allclose(control.rest(others, metric(others)[0]), 0, atol=1e-3)


def test_known_means_follow_the_targets() -> None:
    space = toy_space()
    archs = pool(space, 300, 7)
    found = controlled_responses(archs, np.zeros(300), control=Control(space, additive_factors(space)))
    known = exact_profile(space, [additive_factors(space)])
    labels = [(t.unit, t.layer, t.block, t.depth) for t in found.targets]
    assert labels[: len(known.places)] == [(p.unit, p.layer, p.block, 0) for p in known.places]
    swapped = known_means(known, found.targets[::-1])
    np.testing.assert_array_equal(swapped, [*known.depth_mean[0][::-1], *known.cell_mean[0][::-1]])


def test_unseen_cells_are_nan() -> None:
    space = toy_space()
    archs = all_archs(space)[:1]
    found = controlled_responses(archs, np.ones(1), control=Control(space, additive_factors(space)))
    assert np.isnan(found.means).any()


def test_an_empty_pilot_is_refused() -> None:
    space = toy_space()
    with pytest.raises(ValueError, match="pilot pool holds no archs"):
        fit_control(space, np.zeros((0, space.n_slots), np.uint8), np.zeros(0))
