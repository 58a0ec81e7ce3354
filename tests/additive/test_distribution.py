from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from blockprofile.additive.distribution import exact_distribution, read_quantiles
from blockprofile.additive.exact_quantiles import TAUS, exact_quantiles
from blockprofile.additive.presence import PRESENCES
from blockprofile.errors import OptionError
from blockprofile.space import CompiledSum, Factor, Space, draw_archs, factorize, load_space
from tests.oracle import all_draws, responded
from tests.toy import additive_factors, all_archs, arch_probabilities, mixed_space, smaller_toy_space, toy_space

SPACES = [toy_space(), mixed_space(), smaller_toy_space()]


def quantiles_of(values: NDArray[np.float64], chances: NDArray[np.float64], taus: list[float]) -> NDArray[np.float64]:
    order = np.argsort(values)
    cumulative = np.cumsum(chances[order])
    return values[order][[int(np.argmax(cumulative >= tau - 1e-12)) for tau in taus]]


def metrics_of(space: Space) -> list[tuple[Factor, ...]]:
    return [additive_factors(space), factorize(space, lambda op: op.macs / 1e3)]


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
@pytest.mark.parametrize("law", ["papers", "architectures"])
@pytest.mark.parametrize("max_error", [None, 0.3, 0.02])
def test_distribution_is_within_its_error_of_the_enumeration(space: Space, law: str, max_error: float | None) -> None:
    archs = all_archs(space)
    chances = arch_probabilities(space, archs, law)
    taus = np.linspace(0, 1, 41).tolist()
    for factors in metrics_of(space):
        values = CompiledSum(space, [factors])(archs)[0]
        found = exact_distribution(space, factors, law=law, max_error=max_error)
        assert max_error is None or 0 < found.error <= max_error
        assert found.mass.sum() == pytest.approx(1, abs=1e-12)
        assert np.abs(found.quantile(taus) - quantiles_of(values, chances, taus)).max() <= found.error + 1e-9
        assert abs(found.values @ found.mass - values @ chances) <= found.error
        for limit in np.linspace(values.min() - 1, values.max() + 1, 57):
            if np.abs(values - limit).min() < 1e-9:
                continue
            share = found.share_under(float(limit))
            assert share.low - 1e-12 <= chances[values <= limit].sum() <= share.high + 1e-12
            assert share.low <= share.value <= share.high


def test_metric_on_a_lattice_has_no_error() -> None:
    space = toy_space()
    factors = tuple(Factor((slot.index,), np.array([1.0, 2.0, 3.0, 0.0])) for slot in space.layer_slots)
    found = exact_distribution(space, factors, max_error=1.75)
    assert found.step == 0.5
    assert found.error == 0
    archs = all_archs(space)
    values = CompiledSum(space, [factors])(archs)[0]
    chances = arch_probabilities(space, archs)
    for value in np.unique(values):
        assert found.mass[found.values == value].sum() == pytest.approx(chances[values == value].sum())


def test_constant_metric() -> None:
    space = toy_space()
    found = exact_distribution(space, (Factor((), np.array(4.0)),))
    assert found.quantile([0.0, 0.5, 1.0]).tolist() == [4.0, 4.0, 4.0]
    assert found.share_under(4.0).low == pytest.approx(1)
    assert found.share_under(3.999).high == 0


def test_large_space_agrees_with_draws() -> None:
    space = load_space("ofa_mbv3")
    factors = factorize(space, lambda op: op.macs / 1e6)
    found = exact_distribution(space, factors)
    archs = draw_archs(space, 100_000, np.random.default_rng(3))
    values = CompiledSum(space, [factors])(archs)[0]
    for tau in (0.01, 0.05, 0.5, 0.95, 0.99):
        below = np.mean(values <= found.quantile(tau))
        assert below == pytest.approx(tau, abs=4 * np.sqrt(tau * (1 - tau) / len(values)))


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
@pytest.mark.parametrize("presence", PRESENCES)
def test_quantile_responses_are_those_of_the_procedure(space: Space, presence: str) -> None:
    taus = [0.0, 0.013, 0.05, 0.5, 0.77, 0.95, 1.0]
    draws = all_draws(space)
    archs, chances = all_archs(space), arch_probabilities(space, all_archs(space))
    for factors in metrics_of(space):
        metric = CompiledSum(space, [factors])
        found = exact_quantiles(space, factors, taus=taus, presence=presence, max_error=0.01)
        within = found.error + 1e-9
        assert found.error <= 0.01
        assert np.abs(found.whole - quantiles_of(metric(archs)[0], chances, taus)).max() <= within
        for place, row in zip(found.places, found.cells, strict=True):
            width = place.width if space.units[place.unit - 1].width is not None else None
            drawn, weights = responded(
                space, draws, unit=place.unit, layer=place.layer, code=place.code, width=width, presence=presence
            )
            assert np.abs(row - quantiles_of(metric(drawn)[0], weights, taus)).max() <= within
        for (unit, depth), row in zip(found.depths, found.by_depth, strict=True):
            holds = space.depths(archs)[:, unit - 1] == depth
            wanted = quantiles_of(metric(archs[holds])[0], chances[holds] / chances[holds].sum(), taus)
            assert np.abs(row - wanted).max() <= within


def test_depths_are_in_the_order_of_the_network() -> None:
    found = exact_quantiles(toy_space(), additive_factors(toy_space()), max_error=0.1)
    assert found.depths == ((1, 1), (1, 2), (2, 1), (2, 2), (2, 3))
    assert found.taus == TAUS
    assert found.by_depth.shape == (5, 5)


def test_mistakes_are_named() -> None:
    space = toy_space()
    factors = additive_factors(space)
    with pytest.raises(OptionError, match=r"quantiles must be between 0 and 1; got \[1.5\]"):
        exact_quantiles(space, factors, taus=[1.5])
    with pytest.raises(OptionError, match="error bound must be above 0; got 0"):
        exact_distribution(space, factors, max_error=0.0)
    with pytest.raises(OptionError, match="at most 4194304 are handled"):
        exact_distribution(space, factors, max_error=1e-9)
    with pytest.raises(OptionError, match="presence 'none' is unknown"):
        exact_quantiles(space, factors, presence="none")  # type: ignore[arg-type]


def test_quantile_of_a_mass_takes_the_first_bin_that_reaches_it() -> None:
    mass = np.array([0.0, 0.25, 0.25, 0.5, 0.0])
    assert read_quantiles(mass, np.array([0.0, 0.25, 0.26, 0.5, 0.51, 1.0])).tolist() == [1, 1, 2, 2, 3, 3]
