"""The sum of main effects and pairs with its prior: against closed forms, and what it says of its own error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from blockprofile.profile.pair_map import find_pair_map
from blockprofile.profile.pair_model import Features, PairModel, Sizes, fit_main, fit_pair_model, fit_sizes
from blockprofile.profile.rows import Explained, KeptRows, explain_by_order, read_rows, write_rows
from blockprofile.space import Archs, CompiledSum, Space, draw_archs, load_space
from blockprofile.space.listing import list_archs


@pytest.fixture(scope="module")
def macro() -> Space:
    return load_space("nas_bench_macro")


@pytest.fixture(scope="module")
def everything(macro: Space) -> Archs:
    return list_archs(macro)


def metric(archs: Archs, *, pairs: float) -> np.ndarray:
    main = archs.astype(float) @ np.linspace(0.5, 1.0, archs.shape[1])
    return main + pairs * np.where(archs[:, 0] == archs[:, 5], 1.0, 0.0)


def test_features_are_centred_and_of_size_one(macro: Space, everything: Archs) -> None:
    features = Features(macro)
    rows = features(everything)
    assert np.abs(rows.mean(axis=0)).max() < 1e-12
    ones, pairs = features.kernels(rows[:50], rows[:50])
    assert np.allclose(np.diag(ones), 8)
    assert np.allclose(np.diag(pairs), 8 * 7 / 2)
    # Pairs' kernel: the sum over pairs of slots of the products of single slots' kernels.
    parts = np.stack([rows[:5, low : low + 3] @ rows[:5, low : low + 3].T for low in range(0, 24, 3)])
    brute = sum(parts[i] * parts[j] for i in range(8) for j in range(i))
    assert np.allclose(pairs[:5, :5], brute)


def test_mean_is_the_normal_posterior_mean(macro: Space, everything: Archs) -> None:
    rng = np.random.default_rng(0)
    known, other = everything[rng.permutation(len(everything))[:40]], everything[:30]
    values = metric(known, pairs=1.0)
    sizes = Sizes(main=0.3, pair=0.05, rest=0.2)
    model = PairModel(macro, known, values, sizes=sizes)
    features = Features(macro)
    first, second = features(other), features(known)

    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        ones, pairs = features.kernels(a, b)
        return sizes.main * ones + sizes.pair * pairs

    solved = np.linalg.solve(kernel(second, second) + sizes.rest * np.eye(40), values - values.mean())
    assert np.allclose(model.mean()(other)[0], values.mean() + kernel(first, second) @ solved, atol=1e-6)
    drawn = model.draw(4000, np.random.default_rng(1))(other)
    posterior = kernel(first, first) - kernel(first, second) @ np.linalg.solve(
        kernel(second, second) + sizes.rest * np.eye(40), kernel(second, first)
    )
    assert np.allclose(drawn.mean(axis=0), model.mean()(other)[0], atol=0.12)
    assert np.allclose(np.cov(drawn.T), posterior, atol=0.25)


def test_additive_part_is_a_sum_of_factors(macro: Space, everything: Archs) -> None:
    known = everything[np.random.default_rng(0).permutation(len(everything))[:200]]
    model = fit_pair_model(macro, known, metric(known, pairs=0.0), order=1)
    factors = fit_main(macro, known, metric(known, pairs=0.0), sizes=model.sizes)
    summed = CompiledSum(macro, [factors])(everything[:100])[0]
    assert np.allclose(summed, model.mean()(everything[:100])[0])
    assert np.allclose(summed, metric(everything[:100], pairs=0.0), atol=0.2)


def test_sizes_tell_pairs_from_main_effects_and_noise(macro: Space) -> None:
    archs = draw_archs(macro, 300, np.random.default_rng(2))
    alone = fit_sizes(macro, archs, metric(archs, pairs=0.0))
    both = fit_sizes(macro, archs, metric(archs, pairs=2.0))
    assert alone.pair * 28 < 0.05 * alone.main * 8
    assert both.pair * 28 > 0.1 * both.main * 8
    noisy = fit_sizes(macro, archs, np.random.default_rng(3).normal(size=300))
    assert noisy.rest > 0.6


def test_shares_are_those_of_the_decomposition(macro: Space, everything: Archs) -> None:
    values = metric(everything, pairs=3.0)
    chosen = np.random.default_rng(5).permutation(len(everything))[:600]
    found = explain_by_order(macro, everything[chosen], values[chosen])
    assert found is not None
    main = fit_pair_model(macro, everything[::5], values[::5], order=1).mean()(everything)[0]
    assert found.main == pytest.approx(1 - np.var(values - main) / np.var(values), abs=0.06)
    assert found.both > found.main + 0.05
    assert found.is_by_pairs
    plain = explain_by_order(macro, everything[chosen], metric(everything[chosen], pairs=0.0))
    assert plain is not None
    assert not plain.is_by_pairs
    assert explain_by_order(macro, everything[:600], np.ones(600)) is None
    assert not Explained(0.6, 0.9, 0.2, 100).is_by_pairs


def test_pair_map_finds_the_pair_and_its_closed_form(macro: Space) -> None:
    archs = list_archs(macro)[np.random.default_rng(4).permutation(6561)[:500]]
    noise = np.random.default_rng(6).normal(size=500) * 0.3
    rows = KeptRows.labelled(archs, {"m": metric(archs, pairs=3.0) + noise}, np.ones(500, np.int64))
    found = find_pair_map(macro, rows, "m")
    most, others = found.strongest[0], found.strongest[1:]
    assert (most.first.index, most.second.index) == (0, 5)
    # 3 where the codes are alike, less its means: +2 on the diagonal, -1 beside it, standard deviation sqrt(2).
    assert most.low < 2.0 < most.high
    assert most.high - most.low < 0.6
    assert most.first_choice == most.second_choice
    assert found.sizes[5, 0] == pytest.approx(np.sqrt(2), rel=0.05)
    assert found.low[0, 5] < found.sizes[0, 5] < found.high[0, 5]
    assert most.is_sure
    assert not any(other.is_sure for other in others)
    assert max(abs(other.effect) for other in others) < 0.3


def test_labelled_rows_are_kept_whole_and_read_back(macro: Space, tmp_path: Path) -> None:
    """A table that is sorted by its codes has all choices among what the model takes."""
    archs = list_archs(macro)
    rows = KeptRows.labelled(archs, {"m": metric(archs, pairs=0.0)}, np.full(len(archs), 3))
    write_rows(tmp_path, {"seed": 0}, macro, rows)
    back = read_rows(tmp_path, {"seed": 0}, macro)
    assert back is not None
    assert np.array_equal(back.archs, archs)
    assert (back.counts == 3).all()
    fitted = fit_pair_model(macro, back.archs, back.values["m"], order=1)
    assert np.allclose(fitted.mean()(archs)[0], back.values["m"], atol=0.05)


def test_kept_rows_are_distinct(macro: Space) -> None:
    archs = np.repeat(draw_archs(macro, 3, np.random.default_rng(0)), 2, axis=0)
    assert len(KeptRows.first(archs, {"a": np.arange(6.0)}).archs) <= 3


def test_values_that_are_all_alike_have_no_effects(toy: Space) -> None:
    archs = list_archs(toy)[::5]
    rows = KeptRows(archs, {"m": np.full(len(archs), 70.0)}, np.ones(len(archs), np.int64))
    found = find_pair_map(toy, rows, "m")
    assert not any(each.effect or each.is_sure for each in found.strongest)
