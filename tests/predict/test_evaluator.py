"""Evaluators: one call for all metrics, and what a predictor of a user's own must give."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from blockprofile.errors import ArchError, DataError, OptionError
from blockprofile.predict import AdditivePredictor, Evaluator, Predictor
from blockprofile.space import Archs, Space, draw_archs
from tests.toy import additive_predictor


@dataclass
class Mine:
    """A user's predictor: how many archs it was asked for, and one possible fault."""

    fault: str = ""
    metric: str = "score"
    unit: str = ""
    calls: int = 0
    asked: int = 0
    noise: float = 0.0

    def predict(self, archs: Archs) -> NDArray[np.float32]:
        self.calls += 1
        self.asked += len(archs)
        values = archs.sum(axis=1).astype(np.float32)
        if self.fault == "shape":
            return values[:, None]
        if self.fault == "dtype":
            return values.astype(np.float64)  # type: ignore[return-value]
        if self.fault == "finite":
            values[1] = np.nan
        if self.fault == "deterministic":
            values += self.calls
        return values


def test_a_users_predictor_stands_beside_the_shipped_kinds(toy: Space) -> None:
    archs = draw_archs(toy, 30, np.random.default_rng(0))
    mine, additive = Mine(), additive_predictor(toy)
    assert isinstance(mine, Predictor)
    found = Evaluator(toy, [mine, additive])(archs)
    assert list(found) == ["score", additive.metric]
    np.testing.assert_array_equal(found["score"], archs.sum(axis=1))
    np.testing.assert_array_equal(found[additive.metric], additive.predict(archs))


def test_a_sum_that_float32_does_not_hold_is_refused(toy: Space) -> None:
    toys = additive_predictor(toy)
    whole = replace(toys.factors[0], table=toys.factors[0].table + 1e300)
    huge = AdditivePredictor(toys.card, toy, (whole, *toys.factors[1:]))
    with pytest.raises(DataError, match="returned inf for arch number 0; must be finite"):
        Evaluator(toy, [huge])(draw_archs(toy, 3, np.random.default_rng(0)))


def test_it_is_tried_on_its_first_use_alone(toy: Space) -> None:
    archs = draw_archs(toy, 30, np.random.default_rng(0))
    mine = Mine()
    evaluate = Evaluator(toy, [mine])
    evaluate(archs)
    first = mine.calls
    evaluate(archs)
    assert (first, mine.calls) == (3, 4)


@pytest.mark.parametrize(
    ("fault", "match"),
    [
        ("shape", r"returned float32 \(8, 1\); must be float32 \(8,\)"),
        ("dtype", "returned float64"),
        ("finite", "returned nan for arch number 1; must be finite"),
        ("deterministic", "'score' is not deterministic: arch number 0 gave"),
    ],
)
def test_faults_are_found_on_first_use(toy: Space, fault: str, match: str) -> None:
    with pytest.raises(DataError, match=match):
        Evaluator(toy, [Mine(fault)])(draw_archs(toy, 30, np.random.default_rng(0)))


def test_what_is_asked_is_counted(toy: Space) -> None:
    mine = Mine()
    evaluate = Evaluator(toy, [mine, additive_predictor(toy)])
    for _ in range(2):
        evaluate(draw_archs(toy, 30, np.random.default_rng(0)))
    assert evaluate.asked == {"score": 30 + 8 + 30}
    assert mine.asked == 68


def test_a_noisy_predictor_is_asked_once_for_every_arch(toy: Space) -> None:
    archs = draw_archs(toy, 30, np.random.default_rng(0))
    archs[7] = archs[3]
    n = len(np.unique(archs, axis=0))
    mine = Mine("deterministic", noise=0.5)
    evaluate = Evaluator(toy, [mine])
    first, again = evaluate(archs)["score"], evaluate(archs[::-1])["score"]
    np.testing.assert_array_equal(first, again[::-1])
    assert first[7] == first[3]
    assert evaluate.asked == {"score": n}
    assert mine.asked == n


@pytest.mark.parametrize("noise", [-1.0, float("nan"), float("inf"), "much", True])
def test_a_noise_that_is_no_size_is_refused(toy: Space, noise: float) -> None:
    with pytest.raises(OptionError, match="the noise of the predictor of 'score' is"):
        Evaluator(toy, [Mine(noise=noise)])


def test_no_archs(toy: Space) -> None:
    assert Evaluator(toy, [Mine()])(np.empty((0, toy.n_slots), np.uint8))["score"].shape == (0,)


def test_metrics_must_be_distinct_and_archs_fit(toy: Space) -> None:
    with pytest.raises(ValueError, match="distinct; got score, score"):
        Evaluator(toy, [Mine(), Mine()])
    with pytest.raises(ArchError, match="uint8"):
        Evaluator(toy, [Mine()])(np.zeros((2, toy.n_slots)))  # type: ignore[arg-type]
