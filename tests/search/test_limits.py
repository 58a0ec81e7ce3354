from __future__ import annotations

import numpy as np
import pytest

from blockprofile.errors import InfeasibleError, OptionError
from blockprofile.run import Limit, parse_limit, total_violation
from blockprofile.search import Aims, search
from blockprofile.search.initial import make_initial_pool
from blockprofile.space import Space
from tests.search.helpers import GOALS, toy_problem
from tests.toy import ProductPredictor, additive_predictor, all_archs

VALUES = {"a": np.float32([1, 2, 4]), "b": np.float32([5, 5, 10])}


def test_violations_are_relative_and_add_up() -> None:
    limits = [Limit("a", "<=", 2.0), Limit("b", ">=", 10.0)]
    assert total_violation(limits, VALUES, 3).tolist() == [0.5, 0.5, 1.0]
    assert total_violation([], VALUES, 3).tolist() == [0, 0, 0]


def test_a_limit_may_be_met_exactly_in_float32() -> None:
    assert Limit("a", "<=", 0.1).violation({"a": np.float32([0.1])}).tolist() == [0.0]


@pytest.mark.parametrize("text", ["a", "a<5", "a<=", "<=5", "a<=x", "a<=nan", "a==5"])
def test_wrong_limits_are_refused(text: str) -> None:
    with pytest.raises(OptionError, match="not of the form"):
        parse_limit(text)


def test_limits_are_read() -> None:
    assert parse_limit(" latency_ms:x <= 3e1 ") == Limit("latency_ms:x", "<=", 30.0)
    assert parse_limit("top1_percent>=75").text == "top1_percent>=75"
    for exact in (Limit("macs_m", "<=", 1234567.875), Limit("latency_ms:x", "<=", 1 / 3)):
        assert parse_limit(exact.text) == exact


@pytest.mark.parametrize("sense", ["<=", ">="])
def test_the_first_generation_keeps_a_limit_on_a_sum(toy: Space, sense: str) -> None:
    archs = all_archs(toy)
    metric = additive_predictor(toy).predict(archs)
    value = float(np.quantile(metric, 0.03 if sense == "<=" else 0.97))
    problem = toy_problem(toy, limits=[Limit("latency_ms:toy", sense, value)])  # type: ignore[arg-type]
    drawn = make_initial_pool(problem).draw(200, np.random.default_rng(0))
    assert (problem.violations(problem.evaluate(drawn), 200) == 0).all()
    assert toy.contains(drawn).all()
    assert len(np.unique(drawn, axis=0)) > 3


def test_of_several_limits_the_tightest_is_met(toy: Space) -> None:
    metric = additive_predictor(toy).predict(all_archs(toy))
    tight = Limit("latency_ms:toy", "<=", float(np.quantile(metric, 0.05)))
    wide = Limit("top1_percent", ">=", 0.0)
    for limits in ([tight, wide], [wide, tight]):
        problem = toy_problem(toy, limits=limits)
        drawn = make_initial_pool(problem).draw(100, np.random.default_rng(0))
        assert (tight.violation(problem.evaluate(drawn)) == 0).all()


def test_a_limit_on_a_metric_that_is_no_sum_is_kept_by_most_of_the_first_generation(ofa_mbv3: Space) -> None:
    predictors = [ProductPredictor(ofa_mbv3), additive_predictor(ofa_mbv3)]
    result = search(
        ofa_mbv3, Aims(GOALS, predictors=predictors, limits=["top1_percent>=2e7"]), budget=100, algorithm="random"
    )
    unlimited = search(ofa_mbv3, Aims(GOALS, predictors=predictors), budget=100, algorithm="random")
    share = (unlimited.history.metrics["top1_percent"] >= 2e7).mean()
    assert share < 0.3
    assert result.history.feasible.mean() > 0.7


@pytest.mark.parametrize(
    ("limit", "told"),
    [
        (Limit("latency_ms:toy", "<=", 0.5), r"latency_ms:toy<=0.5; latency_ms:toy ranges from [\d.]+ to"),
        (Limit("latency_ms:toy", ">=", 1e6), "no arch of space 'toy' keeps the limit"),
        (Limit("top1_percent", ">=", 1e9), "ranges from about"),
    ],
)
def test_an_impossible_limit_is_refused_with_the_range(toy: Space, limit: Limit, told: str) -> None:
    with pytest.raises(InfeasibleError, match=told):
        make_initial_pool(toy_problem(toy, limits=[limit]))


def test_every_member_of_the_front_keeps_the_limits(toy: Space) -> None:
    result = search(
        toy,
        Aims(
            GOALS,
            predictors=[ProductPredictor(toy), additive_predictor(toy)],
            limits=["latency_ms:toy<=9", "top1_percent>=4"],
        ),
        budget=200,
    )
    assert len(result.front)
    assert (result.front.metrics["latency_ms:toy"] <= 9).all()
    assert (result.front.metrics["top1_percent"] >= 4).all()
