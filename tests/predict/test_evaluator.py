"""The evaluator equals its predictors one by one, whatever their kinds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from blockprofile.errors import ArchError, DataError
from blockprofile.predict import Evaluator, Predictor, load_predictors
from blockprofile.predict.evaluator import JointPredictor
from blockprofile.space import Archs, Space, draw_archs
from tests.conftest import Freeze
from tests.toy import ProductPredictor, additive_predictor, all_archs


class Returns:
    """A predictor that returns what it was given."""

    unit = "ms"

    def __init__(self, values: NDArray[np.generic], metric: str = "latency_ms:broken") -> None:
        self.values, self.metric = values, metric

    def predict(self, archs: Archs) -> NDArray[np.float32]:
        return self.values  # type: ignore[return-value]


class Joint:
    """Predictors that count how often they run together."""

    unit = "ms"

    def __init__(self, metric: str, key: str, calls: list[list[str]]) -> None:
        self.metric, self.key, self.calls = metric, key, calls

    def predict(self, archs: Archs) -> NDArray[np.float32]:
        return np.full(len(archs), float(self.metric[-1]), np.float32)

    def joint_key(self) -> object:
        return self.key

    def predict_jointly(self, others: Sequence[Predictor], archs: Archs) -> list[NDArray[np.float32]]:
        self.calls.append([other.metric for other in others])
        return [other.predict(archs) for other in others]


def test_values_equal_the_predictors_one_by_one(toy: Space, frozen: Freeze) -> None:
    archs = frozen(all_archs(toy))
    predictors = [ProductPredictor(toy), additive_predictor(toy), *load_predictors(toy, metrics=["params_m", "macs_m"])]
    found = Evaluator(toy, predictors)(archs)
    assert list(found) == ["top1_percent", "latency_ms:toy", "params_m", "macs_m"]
    for predictor in predictors:
        assert found[predictor.metric].dtype == np.float32
        assert found[predictor.metric] == pytest.approx(predictor.predict(archs), rel=1e-6)


def test_a_shipped_device_beside_counts(ofa_mbv3: Space) -> None:
    predictors = load_predictors(ofa_mbv3, devices=["note10"], metrics=["macs_m"])
    archs = draw_archs(ofa_mbv3, 300, np.random.default_rng(0))
    found = Evaluator(ofa_mbv3, predictors)(archs)
    for predictor in predictors:
        assert found[predictor.metric] == pytest.approx(predictor.predict(archs), rel=1e-6)


def test_joint_predictors_run_once_for_each_key(toy: Space) -> None:
    calls: list[list[str]] = []
    predictors = [Joint("m1", "a", calls), Joint("m2", "b", calls), Joint("m3", "a", calls)]
    assert all(isinstance(predictor, JointPredictor) for predictor in predictors)
    found = Evaluator(toy, predictors)(all_archs(toy)[:4])
    assert calls == [["m1", "m3"], ["m2"]]
    assert {metric: values.tolist() for metric, values in found.items()} == {
        "m1": [1.0] * 4,
        "m2": [2.0] * 4,
        "m3": [3.0] * 4,
    }


def test_one_arch_and_none(toy: Space) -> None:
    evaluate = Evaluator(toy, [ProductPredictor(toy), additive_predictor(toy)])
    archs = all_archs(toy)
    assert [values.shape for values in evaluate(archs[0]).values()] == [(1,), (1,)]
    assert [values.shape for values in evaluate(archs[:0]).values()] == [(0,), (0,)]


def test_no_predictors_no_metrics(toy: Space) -> None:
    assert Evaluator(toy, [])(all_archs(toy)) == {}


def test_metrics_must_be_distinct(toy: Space) -> None:
    with pytest.raises(ValueError, match="metrics must be distinct; got latency_ms:toy, latency_ms:toy"):
        Evaluator(toy, [additive_predictor(toy), additive_predictor(toy)])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros(3, np.float64), r"'latency_ms:broken' returned float64 \(3,\); must be float32 \(3,\)"),
        (np.zeros(2, np.float32), r"returned float32 \(2,\); must be float32 \(3,\)"),
        (np.array([0, np.nan, 1], np.float32), "returned nan for arch number 1; must be finite"),
        (np.array([0, 1, np.inf], np.float32), "returned inf for arch number 2; must be finite"),
    ],
)
def test_a_broken_predictor_is_found_out(toy: Space, values: NDArray[np.generic], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Evaluator(toy, [Returns(values)])(all_archs(toy)[:3])


def test_archs_of_another_space_are_refused(toy: Space, moga: Space) -> None:
    with pytest.raises(ArchError, match=r"archs have shape \(1, 14\); space 'toy' takes \(7,\) or \(n, 7\)"):
        Evaluator(toy, [additive_predictor(toy)])(draw_archs(moga, 1, np.random.default_rng(0)))
