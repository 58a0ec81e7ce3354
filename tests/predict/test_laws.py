"""Which half of a table an arch is from, and the error under the papers' law alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from blockprofile.errors import OptionError
from blockprofile.predict.laws import (
    CONCENTRATION,
    _choice_features,
    _choice_kinds,
    _log_extremes,
    _log_papers,
    errors_by_law,
    law_weights,
)
from blockprofile.space import Archs, Space, draw_archs, load_space
from blockprofile.space.definition import Block
from blockprofile.space.slots import INACTIVE
from tests.toy import TOY, all_archs


@pytest.fixture
def full() -> Space:
    """Return a small space that offers every combination of expansion and kernel, and equal depths."""
    blocks = tuple(Block(name=f"e{e}k{k}", expansion=float(e), kernel=k) for e in (2, 4) for k in (3, 5))
    units = tuple(replace(unit, depths=(1, 2)) for unit in TOY.units)
    return Space(replace(TOY, name="full", blocks=blocks, units=units), resolution=32)


def draw_extreme(space: Space, n: int, rng: np.random.Generator) -> Archs:
    """Draw archs each of which has a law of its own."""
    kinds = _choice_kinds(space)
    weights = {kind: rng.dirichlet([CONCENTRATION] * len(values), n) for kind, values in kinds.items()}
    archs = np.full((n, space.n_slots), INACTIVE, np.uint8)
    for slot in space.slots:
        codes = np.asarray(space.allowed[slot.index], np.uint8)
        share = np.ones((n, len(codes)))
        for place, code in enumerate(codes):
            for kind, value in _choice_features(space, slot, int(code)):
                share[:, place] *= weights[kind][:, kinds[kind].index(value)]
        bounds = np.cumsum(share + np.finfo(float).tiny, axis=1)
        picked = (rng.random((n, 1)) * bounds[:, -1:] >= bounds[:, :-1]).sum(axis=1)
        archs[:, slot.index] = codes[picked]
    depths = space.depths(archs)
    for place, unit in enumerate(space.units):
        for layer, index in enumerate(unit.layers, start=1):
            if layer > min(unit.depths):
                archs[depths[:, place] < layer, index] = INACTIVE
    return archs


def test_both_laws_sum_to_one_over_all_archs(full: Space) -> None:
    archs = all_archs(full)
    assert np.exp(_log_papers(full, archs)).sum() == pytest.approx(1.0)
    assert np.exp(_log_extremes(full, archs)).sum() == pytest.approx(1.0)


def test_the_second_law_is_the_one_that_is_drawn(full: Space) -> None:
    archs = all_archs(full)
    drawn = draw_extreme(full, 400_000, np.random.default_rng(0))
    keys = {arch.tobytes(): place for place, arch in enumerate(archs)}
    counts = np.bincount([keys[arch.tobytes()] for arch in drawn], minlength=len(archs))
    expected = 400_000 * np.exp(_log_extremes(full, archs))
    likely = expected > 50
    assert np.abs((counts - expected) / np.sqrt(expected))[likely].max() < 5
    assert np.square((counts - expected) / np.sqrt(expected))[likely].mean() == pytest.approx(1.0, abs=0.5)


@pytest.mark.parametrize("name", ["ofa_mbv3", "ofa_resnet50"])
def test_weighted_rows_follow_the_papers_law(name: str) -> None:
    space = load_space(name)
    rng = np.random.default_rng(3)
    archs = np.concatenate([draw_archs(space, 32_768, rng), draw_extreme(space, 32_768, rng)])
    truth = draw_archs(space, 65_536, np.random.default_rng(4))
    weights = law_weights(space, archs)
    assert weights["papers"].mean() == pytest.approx(0.5, abs=0.01)
    assert weights["papers"] + weights["extremes"] == pytest.approx(1.0)
    first = [slot.index for slot in space.layer_slots if slot.layer == 1]
    for moment in (1, 2):
        kernels = [(rows[:, first] % 3).sum(axis=1).astype(float) ** moment for rows in (archs, truth)]
        assert np.average(kernels[0], weights=weights["papers"]) == pytest.approx(kernels[1].mean(), rel=0.02)
    kernels = (archs[:, first] % 3).sum(axis=1)
    assert np.var(kernels) > 1.3 * np.var((truth[:, first] % 3).sum(axis=1))  # the table alone is another law


def test_errors_by_law_find_an_error_that_one_law_has(full: Space) -> None:
    rng = np.random.default_rng(5)
    papers, extremes = draw_archs(full, 20_000, rng), draw_extreme(full, 20_000, rng)
    # The error depends on the arch: expected under each law from its own draws alone.
    error_of = lambda archs: (archs[:, 0] == 0) * 1.0 + (archs[:, 1] == 1) * 2.0  # noqa: E731
    found = errors_by_law(
        full, np.concatenate([papers, extremes]), error_of(np.concatenate([papers, extremes])), law="halves"
    )
    for name, archs in (("papers", papers), ("extremes", extremes)):
        assert found[name]["mae"] == pytest.approx(np.abs(error_of(archs)).mean(), rel=0.03)
        assert found[name]["rmse"] == pytest.approx(np.sqrt(np.mean(error_of(archs) ** 2)), rel=0.03)
        assert 20_000 <= found[name]["n"] < 40_000
    alone = errors_by_law(full, papers, error_of(papers), law="papers")
    assert alone == {
        "papers": {"n": 20_000, "mae": error_of(papers).mean(), "rmse": np.sqrt(np.mean(error_of(papers) ** 2))}
    }
    assert errors_by_law(full, papers, error_of(papers), law="unknown") == {}


def test_a_space_without_all_combinations_is_refused() -> None:
    space = load_space("proxylessnas")  # skip has neither expansion nor kernel
    archs = draw_archs(space, 10, np.random.default_rng(0))
    with pytest.raises(OptionError, match="does not offer every combination of"):
        law_weights(space, archs)
