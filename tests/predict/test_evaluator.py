"""Evaluators: one call for all metrics, and what a predictor of a user's own must give."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from blockprofile.errors import ArchError, DataError
from blockprofile.predict import Evaluator, Predictor
from blockprofile.space import Archs, Space, draw_archs
from tests.toy import additive_predictor


@dataclass
class Mine:
    """A user's predictor: how many archs it was asked for, and one possible fault."""

    fault: str = ""
    metric: str = "score"
    unit: str = ""
    calls: int = 0

    def predict(self, archs: Archs) -> NDArray[np.float32]:
        self.calls += 1
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
        ("shape", r"returned float32 \(30, 1\); must be float32 \(30,\)"),
        ("dtype", "returned float64"),
        ("finite", "returned nan for arch number 1; must be finite"),
        ("deterministic", "'score' is not deterministic: arch number 0 gave"),
    ],
)
def test_faults_are_found_on_first_use(toy: Space, fault: str, match: str) -> None:
    with pytest.raises(DataError, match=match):
        Evaluator(toy, [Mine(fault)])(draw_archs(toy, 30, np.random.default_rng(0)))


def test_no_archs(toy: Space) -> None:
    assert Evaluator(toy, [Mine()])(np.empty((0, toy.n_slots), np.uint8))["score"].shape == (0,)


def test_metrics_must_be_distinct_and_archs_fit(toy: Space) -> None:
    with pytest.raises(ValueError, match="distinct; got score, score"):
        Evaluator(toy, [Mine(), Mine()])
    with pytest.raises(ArchError, match="uint8"):
        Evaluator(toy, [Mine()])(np.zeros((2, toy.n_slots)))  # type: ignore[arg-type]
