from __future__ import annotations

import functools

import numpy as np
import pytest
from numpy.typing import NDArray

from blockprofile.additive.slot_moments import exact_moments
from blockprofile.errors import OptionError
from blockprofile.sensitivity.anova import component_variance, decompose, slot_laws
from blockprofile.sensitivity.pair_sums import PairSums
from blockprofile.sensitivity.shares import Sensitivity, estimate_sensitivity, exact_sensitivity
from blockprofile.space import Archs, CompiledSum, Factor, Space, draw_archs, factorize, load_space
from tests.oracle import all_draws, finish
from tests.toy import ProductPredictor, additive_factors, mixed_space, smaller_toy_space, toy_space

SPACES = [toy_space(), mixed_space(), smaller_toy_space()]


@functools.cache
def analysis_of_variance(space_number: int, metric: str) -> dict[str, float]:
    """Shares of main effects and pairs by statsmodels, on the full factorial of all draws."""
    import pandas as pd
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    space = SPACES[space_number]
    draws, _ = all_draws(space)
    values = metrics_of(space, finish(space, draws))[metric]
    varied = [slot for slot in space.slots if len(space.allowed[slot.index]) > 1]
    table = pd.DataFrame({slot.name: draws[:, slot.index] for slot in varied})
    table["y"] = values
    names = " + ".join(f"C({slot.name})" for slot in varied)
    squares = anova_lm(ols(f"y ~ ({names})**2", table).fit())["sum_sq"]
    total = ((values - values.mean()) ** 2).sum()
    return {str(name).replace("C(", "").replace(")", ""): float(value) / total for name, value in squares.items()}


def metrics_of(space: Space, archs: Archs) -> dict[str, NDArray[np.float64]]:
    """Evaluate three metrics: additive; with widths and resolutions; the product."""
    additive = CompiledSum(space, [additive_factors(space), factorize(space, lambda op: op.macs / 1e3)])(archs)
    product = ProductPredictor(space).predict(archs).astype(np.float64)
    return {"sum": additive[0], "macs": additive[1], "product": product}


def named_shares(found: Sensitivity) -> dict[str, float]:
    slots = found.space.slots
    names = [":".join(slots[index].name for index in term) for term in found.terms]
    return dict(zip(names, found.shares.tolist(), strict=True))


@pytest.mark.parametrize("number", range(len(SPACES)), ids=[space.name for space in SPACES])
def test_shares_are_those_of_an_analysis_of_variance(number: int) -> None:
    space = SPACES[number]
    exact = {"sum": additive_factors(space), "macs": factorize(space, lambda op: op.macs / 1e3)}
    for metric, factors in exact.items():
        wanted = analysis_of_variance(number, metric)
        ours = named_shares(exact_sensitivity(space, factors, metric=metric))
        assert set(ours) <= set(wanted)
        for name, share in wanted.items():
            if name != "Residual":
                assert ours.get(name, 0.0) == pytest.approx(share, abs=1e-9), name


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
@pytest.mark.parametrize("law", ["papers", "architectures"])
def test_components_add_up_to_the_metric_and_its_variance(space: Space, law: str) -> None:
    draws, _ = all_draws(space)
    laws = slot_laws(space, law=law)
    for factors in (additive_factors(space), factorize(space, lambda op: op.macs)):
        parts = decompose(space, factors, law=law)
        rebuilt = sum(part[tuple(draws[:, index] for index in term)] for term, part in parts.items())
        np.testing.assert_allclose(rebuilt, CompiledSum(space, [factors])(finish(space, draws))[0], rtol=1e-10)
        variance = sum(component_variance(term, part, laws) for term, part in parts.items() if term)
        moments = exact_moments(space, [factors], law=law)
        assert variance == pytest.approx(moments.variance[0], rel=1e-9)
        for term, part in parts.items():
            for axis, index in enumerate(term):
                np.testing.assert_allclose(np.tensordot(part, laws[index], (axis, 0)), 0, atol=1e-9 * abs(parts[()]))


def test_additive_metric_without_widths_is_explained_within_its_units() -> None:
    space = load_space("ofa_mbv3")
    found = exact_sensitivity(space, factorize(space, lambda op: op.macs), metric="macs_m")
    rows = list(found.rows())
    units = [row.share.value for row in rows if row.kind == "unit"]
    assert sum(units) == pytest.approx(1)
    assert rows[-1].kind == "rest"
    assert rows[-1].share.value == pytest.approx(0, abs=1e-12)
    parts = [row.share.value for row in rows if row.kind in {"depth", "layer"}]
    assert sum(parts) == pytest.approx(1)
    assert all(row.is_exact and row.share.low == row.share.value == row.share.high for row in rows)
    pairs = [row.share.value for row in rows if row.kind == "pair"]
    assert pairs == sorted(pairs, reverse=True)


def test_main_effects_are_the_slots_responses() -> None:
    space = toy_space()
    factors = additive_factors(space)
    found = exact_sensitivity(space, factors, metric="m")
    moments = exact_moments(space, [factors])
    for cell in moments.slots:
        if cell.slot.kind == "depth":
            wanted = cell.mean[0, 0, 0] - moments.mean[0]
            np.testing.assert_allclose(found.effects[cell.slot.index], wanted, atol=1e-12)
    pruned = exact_sensitivity(smaller_toy_space(), factors, metric="m")
    assert np.isnan(pruned.effects[space.slot("u2l1").index]).tolist() == [False, False, True]


def test_a_constant_metric_has_no_sensitivities() -> None:
    space = toy_space()
    found = exact_sensitivity(space, (Factor((), np.array(3.0)),), metric="m")
    assert found.variance == 0
    assert found.terms == ()
    assert np.isnan([row.share.value for row in found.rows()]).all()


def test_a_metric_that_differs_by_rounding_alone_has_no_variance() -> None:
    space = toy_space()
    steps = [np.array(0.1), np.array([0.2, 0.2 * (1 + 4e-16)]), np.array([0.7, 0.7])]
    scopes = [(), (space.slot("u1_depth").index,), (space.slot("u1_depth").index,)]
    factors = tuple(Factor(scope, table) for scope, table in zip(scopes, steps, strict=True))
    assert exact_sensitivity(space, factors, metric="m").variance == 0
    archs = draw_archs(space, 4_000, np.random.default_rng(0))
    wobble = np.where(archs[:, 0] == 0, np.float32(20.1), np.nextafter(np.float32(20.1), np.float32(21)))
    sums = PairSums(space, ["same", "off by one bit", "differs"], n_folds=40)
    same = np.full(len(archs), 20.1, np.float32)
    sums.add(archs, {"same": same, "off by one bit": wobble, "differs": same + archs[:, 0] * np.float32(0.01)})
    variances = [estimate_sensitivity(sums, metric).variance for metric in sums.totals]
    assert variances[:2] == [0, 0]
    assert variances[2] == pytest.approx(0.01**2 / 4, rel=0.02)


def pool_sums(space: Space, n: int, seed: int, law: str = "papers", n_folds: int = 40) -> PairSums:
    archs = draw_archs(space, n, np.random.default_rng(seed), law=law)
    values = metrics_of(space, archs)
    sums = PairSums(space, list(values), n_folds=n_folds)
    sums.add(archs, values)
    return sums


@pytest.mark.parametrize("number", range(len(SPACES)), ids=[space.name for space in SPACES])
def test_estimates_agree_with_the_analysis_of_variance(number: int) -> None:
    space = SPACES[number]
    draws, _ = all_draws(space)
    sums = pool_sums(space, 60_000, 1)
    for metric, values in metrics_of(space, finish(space, draws)).items():
        wanted = analysis_of_variance(number, metric)
        found = estimate_sensitivity(sums, metric)
        assert found.n == 60_000
        assert not found.is_exact
        assert found.variance == pytest.approx(values.var(), rel=0.03)
        for name, share in named_shares(found).items():
            assert share == pytest.approx(wanted.get(name, 0.0), abs=0.015), (metric, name)


def test_estimates_are_without_bias_and_their_intervals_cover() -> None:
    """Small pools, under the law over architectures."""
    space = toy_space()
    factors = additive_factors(space)
    exact = exact_sensitivity(space, factors, metric="sum", law="architectures")
    terms = list(exact.terms)
    wanted = exact.shares
    found, covered = [], []
    for seed in range(100):
        estimate = estimate_sensitivity(
            pool_sums(space, 3000, seed, "architectures", 20), "sum", law="architectures", n_replicates=100, seed=seed
        )
        shares = [estimate.share_of([term]) for term in terms]
        found.append([share.value for share in shares])
        covered.append([share.low <= value <= share.high for share, value in zip(shares, wanted, strict=True)])
    spread = np.std(found, axis=0) / np.sqrt(len(found))
    assert (np.abs(np.mean(found, axis=0) - wanted) < 4 * spread + 0.002).all()
    assert 0.88 < np.mean(covered) < 0.99


def test_sums_merge() -> None:
    space = mixed_space()
    whole, other = pool_sums(space, 4000, 3), pool_sums(space, 4000, 4)
    before = whole.counts.sum()
    whole.merge(other)
    assert whole.counts.sum() == 2 * before
    assert whole.totals["sum"][:, 0].sum() == 8000
    apart = estimate_sensitivity(other, "sum")
    np.testing.assert_array_equal(estimate_sensitivity(other, "sum").replicates, apart.replicates)


def test_counts_are_those_of_the_pool() -> None:
    space = toy_space()
    archs = draw_archs(space, 500, np.random.default_rng(0))
    values = np.arange(500.0)
    sums = PairSums(space, ["m"], n_folds=3)
    sums.add(archs, {"m": values})
    depth, layer = space.slot("u1_depth").index, space.slot("u2l3").index
    inactive = int(sums.bounds[layer + 1]) - 1
    holds = (archs[:, depth] == 1) & (archs[:, layer] == 255)
    cell = (slice(None), int(sums.bounds[depth]) + 1, inactive)
    assert sums.counts[cell].sum() == holds.sum()
    assert sums.sums["m"][cell].sum() == pytest.approx(values[holds].sum())


def test_mistakes_are_named() -> None:
    with pytest.raises(OptionError, match="n_folds is 2; at least 3"):
        PairSums(toy_space(), ["m"], n_folds=2)
    with pytest.raises(ValueError, match="the pool has 0 archs; each of its 40 folds needs one"):
        estimate_sensitivity(PairSums(toy_space(), ["m"]), "m")
    space = load_space("ofa_mbv3")
    wide = Factor(tuple(range(1, 5)) + tuple(range(6, 10)), np.zeros((10,) * 8, np.float32))
    with pytest.raises(OptionError, match="a factor couples u1_depth, u1l1"):
        decompose(space, [wide])
