"""Counted metrics equal the fold over the operator list."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from blockprofile.errors import ArchError, DataError
from blockprofile.predict import Predictor, build_predictor, find_metric
from blockprofile.predict.counted import build_counted
from blockprofile.space import Space, count_macs, count_params, draw_archs, list_operators
from tests.conftest import Freeze
from tests.toy import all_archs

METRICS = {"macs_m": count_macs, "flops_m": lambda ops: 2 * count_macs(ops), "params_m": count_params}


def counted(metric: str, space: Space) -> Predictor:
    return build_predictor(find_metric(metric, space), space)


@pytest.mark.parametrize("metric", METRICS)
def test_every_toy_arch(metric: str, toy: Space, mixed: Space, frozen: Freeze) -> None:
    for space in (toy, mixed):
        archs = frozen(all_archs(space))
        exact = [METRICS[metric](list_operators(space, arch)) / 1e6 for arch in archs]
        values = counted(metric, space).predict(archs)
        assert values.dtype == np.float32
        assert values == pytest.approx(exact, rel=1e-7)


@pytest.mark.parametrize("metric", METRICS)
def test_random_archs_of_shipped_spaces(metric: str, shipped: Space) -> None:
    archs = draw_archs(shipped, 20, np.random.default_rng(4))
    exact = [METRICS[metric](list_operators(shipped, arch)) / 1e6 for arch in archs]
    assert counted(metric, shipped).predict(archs) == pytest.approx(exact, rel=1e-7)


def test_flops_are_twice_the_multiply_adds(moga: Space) -> None:
    archs = draw_archs(moga, 100, np.random.default_rng(0))
    macs, flops = (counted(metric, moga).predict(archs) for metric in ("macs_m", "flops_m"))
    assert np.array_equal(flops, 2 * macs)


def test_costs_follow_the_resolution_and_parameters_do_not(ofa_mbv3: Space) -> None:
    archs = draw_archs(ofa_mbv3, 50, np.random.default_rng(0))
    small = ofa_mbv3.at_resolution(160)
    assert (counted("macs_m", small).predict(archs) < counted("macs_m", ofa_mbv3).predict(archs)).all()
    assert np.array_equal(counted("params_m", small).predict(archs), counted("params_m", ofa_mbv3).predict(archs))


def test_one_arch_and_none(toy: Space) -> None:
    predictor = counted("macs_m", toy)
    archs = all_archs(toy)
    assert predictor.predict(archs[7]).tolist() == predictor.predict(archs[7:8]).tolist()
    assert predictor.predict(archs[:0]).shape == (0,)
    assert predictor.predict(archs[[3, 3]]).tolist() == [predictor.predict(archs)[3]] * 2


def test_wrong_arrays_are_refused(toy: Space) -> None:
    with pytest.raises(ArchError, match="archs have dtype int64; space 'toy' takes uint8 codes"):
        counted("macs_m", toy).predict(np.zeros((1, 7), np.int64))  # type: ignore[arg-type]


def test_a_metric_that_cannot_be_counted(toy: Space, tmp_path: Path) -> None:
    card = replace(find_metric("macs_m", toy)[0], metric="macs")
    with pytest.raises(DataError, match=r"metric 'macs' cannot be counted; did you mean 'macs_m'\? choices"):
        build_counted(card, tmp_path, toy)
