from __future__ import annotations

import numpy as np
import pytest

import blockprofile.additive.limit as limit_module
from blockprofile.additive.extremes import feasible_range
from blockprofile.additive.limit import LimitedSampler
from blockprofile.errors import InfeasibleError
from blockprofile.predict import load_predictors
from blockprofile.space import CompiledSum, Factor, Space, factorize, load_space
from tests.toy import additive_factors, all_archs, arch_probabilities, mixed_space, smaller_toy_space, toy_space

SPACES = [toy_space(), mixed_space(), smaller_toy_space()]


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
@pytest.mark.parametrize("law", ["papers", "architectures"])
@pytest.mark.parametrize(("tau", "is_lower"), [(0.03, False), (0.4, False), (1.0, False), (0.7, True)])
def test_draws_follow_the_conditional_law(space: Space, law: str, tau: float, is_lower: bool) -> None:
    from scipy.stats import chisquare

    archs = all_archs(space)
    chances = arch_probabilities(space, archs, law)
    factors = additive_factors(space)
    values = CompiledSum(space, [factors])(archs)[0]
    limit = float(np.quantile(values, tau))
    meets = values >= limit if is_lower else values <= limit
    sampler = LimitedSampler(space, factors, limit=limit, law=law, is_lower=is_lower)
    drawn = sampler.draw(20_000, np.random.default_rng(2))
    assert space.contains(drawn).all()
    _, number, counts = np.unique(np.concatenate([archs, drawn]), axis=0, return_inverse=True, return_counts=True)
    counts = counts[number[: len(archs)]] - 1
    assert not counts[~meets].any()
    expected = chances[meets] / chances[meets].sum() * len(drawn)
    assert chisquare(counts[meets], expected).pvalue > 1e-3


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_share_is_bounded(space: Space) -> None:
    archs = all_archs(space)
    chances = arch_probabilities(space, archs)
    factors = additive_factors(space)
    values = CompiledSum(space, [factors])(archs)[0]
    for limit in np.quantile(values, [0.001, 0.2, 0.6, 1.0]):
        share = LimitedSampler(space, factors, limit=float(limit)).share
        assert share.low - 1e-12 <= chances[values <= limit].sum() <= share.high + 1e-12
        above = LimitedSampler(space, factors, limit=float(limit), is_lower=True).share
        assert above.low - 1e-12 <= chances[values >= limit].sum() <= above.high + 1e-12


def test_limit_at_the_smallest_value_gives_the_smallest_archs() -> None:
    space = load_space("ofa_mbv3")
    (macs,) = load_predictors(space, metrics=["macs_m"])
    low, _ = feasible_range(space, macs.factors)  # type: ignore[attr-defined]
    archs = LimitedSampler(space, macs.factors, limit=low).draw(50, np.random.default_rng(0))  # type: ignore[attr-defined]
    assert len(np.unique(archs, axis=0)) == 1
    np.testing.assert_allclose(macs.predict(archs), low, rtol=1e-6)


def test_a_rare_limit_is_met_at_once() -> None:
    space = load_space("moga")
    factors = factorize(space, lambda op: op.macs / 1e6)
    sampler = LimitedSampler(space, factors, limit=155.0)
    assert sampler.share.high < 1e-8
    archs = sampler.draw(2000, np.random.default_rng(1))
    assert archs.shape == (2000, 14)
    assert archs.dtype == np.uint8
    assert archs.flags.c_contiguous
    assert CompiledSum(space, [factors])(archs)[0].max() <= 155.0
    assert len(np.unique(archs, axis=0)) > 100


def test_a_limit_above_all_changes_nothing_in_the_law() -> None:
    space = toy_space()
    drawn = LimitedSampler(space, additive_factors(space), limit=1e9).draw(20_000, np.random.default_rng(5))
    depths = np.bincount(space.depths(drawn)[:, 1], minlength=4)[1:] / len(drawn)
    np.testing.assert_allclose(depths, 1 / 3, atol=0.015)


def test_the_same_generator_gives_the_same_archs() -> None:
    space = toy_space()
    sampler = LimitedSampler(space, additive_factors(space), limit=8.0)
    first, second = (sampler.draw(100, np.random.default_rng(9)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert sampler.draw(0, np.random.default_rng(0)).shape == (0, space.n_slots)


@pytest.mark.parametrize(
    ("limit", "is_lower"), [(3.0, False), (float("nan"), False), (float("-inf"), False), (99, True)]
)
def test_an_impossible_limit_is_refused_at_once(limit: float, is_lower: bool) -> None:
    space = toy_space()
    low, high = feasible_range(space, additive_factors(space))
    with pytest.raises(InfeasibleError, match=rf"limit {limit:g}: the feasible range is {low:.6g} to {high:.6g}"):
        LimitedSampler(space, additive_factors(space), limit=limit, is_lower=is_lower)


def test_archs_a_hair_above_the_limit_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    space = toy_space()
    hair = 1e-5
    slots = space.units[0].layers[:1] + space.units[1].layers[:1]
    factors = tuple(Factor((slot,), np.array([0.0, 0.5 + hair, 0.5 + hair, 0.0])) for slot in slots)
    sampler = LimitedSampler(space, factors, limit=1.0)
    values = CompiledSum(space, [factors])(sampler.draw(200, np.random.default_rng(0)))[0]
    assert values.max() == pytest.approx(0.5 + hair)
    monkeypatch.setattr(limit_module, "MAX_ROUNDS", 1)
    with pytest.raises(InfeasibleError, match=r"only \d+ of 200 archs of space 'toy' met the limit 1 in 219 tries"):
        sampler.draw(200, np.random.default_rng(0))
