"""A profile that is summed on a device of torch is the one that is summed on the processor, within rounding."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from blockprofile.errors import OptionError
from blockprofile.predict import Evaluator, load_predictors
from blockprofile.profile import profile_pool, profile_run
from blockprofile.profile.accumulate import EXACT_LIMIT, Accumulator
from blockprofile.profile.on_device import DeviceAccumulator
from blockprofile.run import Execution, Pool, PoolRequest
from blockprofile.space import Space, draw_archs
from tests.predict.test_on_device import DEVICES


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("n_planned", [EXACT_LIMIT, EXACT_LIMIT + 1])
def test_the_state_is_that_of_the_processor(moga: Space, n_planned: int, device: str) -> None:
    evaluate = Evaluator(moga, load_predictors(moga, metrics=["macs_m", "params_m"]), accelerator=device)
    plain = Accumulator(moga, evaluate.metrics, n_planned=n_planned)
    there = DeviceAccumulator(moga, evaluate.metrics, n_planned=n_planned, device=torch.device(device))
    rng = np.random.default_rng(3)
    # The first archs are alike, so that the bins of a sketch must widen at the next.
    for archs in (np.repeat(draw_archs(moga, 1, rng), 50, axis=0), *(draw_archs(moga, 2000, rng) for _ in range(3))):
        columns, values = evaluate.on_accelerator(archs)
        there.add(archs, columns, values)
        plain.add(archs, {name: each.cpu().numpy() for name, each in values.items()})
    seen = there.take()
    assert seen.moments.n == plain.moments.n
    for name in evaluate.metrics:
        for index in range(len(plain.moments.groups)):
            np.testing.assert_array_equal(seen.moments.counts[index], plain.moments.counts[index])
            np.testing.assert_allclose(seen.moments.sums[name][index], plain.moments.sums[name][index], rtol=1e-12)
            np.testing.assert_allclose(
                seen.moments.squares[name][index], plain.moments.squares[name][index], rtol=1e-12
            )
        taus = (0.01, 0.5, 0.99)
        np.testing.assert_array_equal(
            seen.quantiles.overall(name, taus).values, plain.quantiles.overall(name, taus).values
        )
    assert seen.quantiles.error == plain.quantiles.error
    assert seen.first is not None
    assert plain.first is not None
    np.testing.assert_array_equal(seen.first.archs, plain.first.archs)


@pytest.mark.parametrize("limit", [EXACT_LIMIT, 1000])
def test_the_table_is_that_of_the_processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    for module in ("accumulate", "profile"):
        monkeypatch.setattr(f"blockprofile.profile.{module}.EXACT_LIMIT", limit)
    request = PoolRequest("ofa_mbv3", n=70_000, devices=["note10"], seed=2)
    here = profile_pool(request, out=tmp_path / "here", execution=Execution(workers=1)).table
    monkeypatch.setattr(Pool, "on", lambda self, _: replace(self, accelerator="cpu"))
    there = profile_pool(request, out=tmp_path / "there", execution=Execution(workers=2, backend="threading")).table
    exact = [name for name in here.columns if here[name].dtype.kind in "OiUb"]
    pd.testing.assert_frame_equal(there[exact], here[exact])
    counted = here["metric"] != "top1_percent"
    pd.testing.assert_frame_equal(there[counted], here[counted], rtol=1e-6, atol=1e-9)
    pd.testing.assert_frame_equal(there, here, rtol=1e-4, atol=2e-4)


def test_archs_that_are_evaluated_already_need_no_accelerator(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"--accelerator cuda has no effect here: the archs of '.*' are evaluated"):
        profile_run(tmp_path, execution=Execution(accelerator="cuda"))
