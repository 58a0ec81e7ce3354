"""Predictors of a user's own: what they are asked for, and noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from blockprofile.compare import Trials, compare
from blockprofile.run.manifest import read_manifest
from blockprofile.search import (
    Aims,
    reference_point,
    search,
)
from blockprofile.space import Archs, Space
from tests.search.helpers import (
    GOALS,
)
from tests.toy import ProductPredictor, additive_predictor


class Trained:
    """A predictor of a user's own, without a card: how many archs it was asked for."""

    metric, unit = "top1_percent", "%"

    def __init__(self, space: Space, *, noise: float = 0.0) -> None:
        self._truth, self.asked, self.noise = ProductPredictor(space), 0, noise
        self._rng = np.random.default_rng(0)

    def predict(self, archs: Archs) -> NDArray[np.float32]:
        self.asked += len(archs)
        return self._truth.predict(archs) + (self.noise * self._rng.standard_normal(len(archs))).astype(np.float32)


@pytest.mark.parametrize("limits", [(), ("top1_percent>=1e6",)])
@pytest.mark.parametrize("algorithm", ["nsga2", "mutation", "random"])
def test_an_own_predictor_is_asked_for_the_budget_and_little_more(
    ofa_mbv3: Space, algorithm: str, limits: tuple[str, ...]
) -> None:
    mine = Trained(ofa_mbv3)
    result = search(
        ofa_mbv3,
        Aims(GOALS, predictors=[mine, additive_predictor(ofa_mbv3)], limits=limits),
        budget=100,
        algorithm=algorithm,
    )
    assert mine.asked == 108
    assert result.asked == {"top1_percent": 108}
    shared = reference_point(result.problem)
    assert np.isnan(shared).tolist() == [True, False]
    assert result.reference.tolist() == [result.archive.points[:, 0].max(), shared[1]]
    assert result.hypervolume > 0


def test_a_noisy_evaluator_is_declared_asked_once_and_written_down(ofa_mbv3: Space, tmp_path: Path) -> None:
    mine = Trained(ofa_mbv3, noise=1e5)
    predictors = [mine, additive_predictor(ofa_mbv3)]
    result = search(ofa_mbv3, Aims(GOALS, predictors=predictors), budget=60, algorithm="random", out=tmp_path / "run")
    assert mine.asked == 60
    about = read_manifest(tmp_path / "run").config
    assert about["predictors"]["top1_percent"]["noise"] == 1e5
    assert about["predictors"]["top1_percent"]["caption"] == "user, noise 1e+05 %, floor unknown: not audited"
    assert about["reference"][0] is None
    again = search(ofa_mbv3, Aims(GOALS, predictors=predictors), budget=60, algorithm="random", out=tmp_path / "run")
    assert mine.asked == 60
    assert again.hypervolume == result.hypervolume


def test_a_comparison_by_an_own_predictor_has_one_reference_point(toy: Space) -> None:
    mine = Trained(toy)
    found = compare(
        toy,
        algorithms=["nsga2", "random"],
        trials=Trials(budget=40, seeds=2),
        aims=Aims(GOALS, predictors=[mine, additive_predictor(toy)]),
    )
    runs = [run for of_case in found.runs for run in of_case]
    worst = max(run.archive.points[:, 0].max() for run in runs)
    assert {run.reference[0] for run in runs} == {worst}
