from __future__ import annotations

import numpy as np
import pytest

from blockprofile.errors import OptionError
from blockprofile.search import Objective, Reward, parse_objective, parse_reward
from blockprofile.search.objectives import normalised_weights

VALUES = {"top1_percent": np.float32([70, 75, 80]), "latency_ms:x": np.float32([10, 20, 40])}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("top1_percent", Objective("top1_percent", "max")),
        ("top1_percent:max:0.4", Objective("top1_percent", "max", 0.4)),
        ("latency_ms:mace_gpu:min", Objective("latency_ms:mace_gpu", "min")),
        ("latency_ms:mace_gpu", Objective("latency_ms:mace_gpu", "min")),
        ("params_m:max:0.2", Objective("params_m", "max", 0.2)),
        ("energy_mj:min:3", Objective("energy_mj", "min", 3.0)),
    ],
)
def test_an_objective_is_read(text: str, expected: Objective) -> None:
    assert parse_objective(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("score_mj", "does not say max or min"),
        ("top1_percent:max:heavy", "'heavy'; must be a number"),
        ("top1_percent:max:0,4", "'0,4'; must be a number"),
        ("top1_percent:max:0.4:1", "not of the form"),
        (":max", "not of the form"),
        ("top1_percent:max:-1", "at least 0"),
        ("top1_percent:max:nan", "'nan'; must be a number"),
    ],
)
def test_a_wrong_objective_is_refused(text: str, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        parse_objective(text)


def test_direction_is_checked() -> None:
    with pytest.raises(OptionError, match="choices: max, min"):
        Objective("top1_percent", "up")  # type: ignore[arg-type]


def test_maximised_metrics_are_negated() -> None:
    assert Objective("top1_percent", "max").minimised(VALUES).tolist() == [-70, -75, -80]
    assert Objective("latency_ms:x", "min").minimised(VALUES).tolist() == [10, 20, 40]


def test_weights_sum_to_one() -> None:
    goals = [Objective("a", "min", 2), Objective("b", "max", 1), Objective("c", "max", 1)]
    assert normalised_weights(goals).tolist() == [0.5, 0.25, 0.25]


@pytest.mark.parametrize(
    ("goals", "message"),
    [
        ([], "at least one objective"),
        ([Objective("a", "min"), Objective("a", "max")], "given twice"),
        ([Objective("a", "min", 0), Objective("b", "min", 0)], "all 0"),
    ],
)
def test_goals_that_make_no_sense_are_refused(goals: list[Objective], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        normalised_weights(goals)


def test_soft_reward_by_hand() -> None:
    reward = Reward(latency="latency_ms:x", target=20.0)
    expected = [70 * 0.5**-0.07, 75.0, 80 * 2**-0.07]
    np.testing.assert_allclose(-reward.minimised(VALUES), expected, rtol=1e-12)


def test_hard_reward_is_accuracy_up_to_the_target_and_falls_beyond() -> None:
    reward = Reward(latency="latency_ms:x", target=20.0, alpha=0.0, beta=-1.0)
    np.testing.assert_allclose(-reward.minimised(VALUES), [70, 75, 40], rtol=1e-12)


def test_rewards_are_read() -> None:
    assert parse_reward("latency_ms:note10:30") == Reward(latency="latency_ms:note10", target=30.0)
    hard = parse_reward("latency_ms:note10:7.5:hard")
    assert (hard.target, hard.alpha, hard.beta) == (7.5, 0.0, -1.0)


@pytest.mark.parametrize("text", ["latency_ms", "latency_ms:note10", "latency_ms:note10:30:firm", "30", ""])
def test_wrong_rewards_are_refused(text: str) -> None:
    with pytest.raises(OptionError, match="--reward"):
        parse_reward(text)


@pytest.mark.parametrize("wrong", [{"target": 0.0}, {"target": float("nan")}, {"alpha": 0.1}, {"weight": -1.0}])
def test_reward_parameters_are_checked(wrong: dict[str, float]) -> None:
    with pytest.raises(OptionError):
        Reward(**{"latency": "latency_ms:x", "target": 20.0, **wrong})  # type: ignore[arg-type]
