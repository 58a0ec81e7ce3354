from __future__ import annotations

import numpy as np

from blockprofile.predict import AdditivePredictor, load_predictors
from blockprofile.sensitivity.pair_sums import PairSums
from blockprofile.sensitivity.shares import estimate_sensitivity, exact_sensitivity
from blockprofile.sensitivity.wording import describe_metric, describe_sensitivity
from blockprofile.space import CompiledSum, Factor, Space, draw_archs, factorize, load_space
from blockprofile.space.rules import Rule, apply_rule
from tests.toy import additive_factors, mixed_space, toy_space


def per_layer(space: Space, values: dict[str, list[float]]) -> tuple[Factor, ...]:
    return tuple(Factor((space.slot(name).index,), np.array([*table, 0.0])) for name, table in values.items())


def test_metric_of_depth_alone() -> None:
    space = toy_space()
    same = {"u1l2": [1.0] * 3, "u2l2": [2.0] * 3, "u2l3": [3.0] * 3}
    found = exact_sensitivity(space, per_layer(space, same), metric="latency_ms:phone")
    assert describe_sensitivity(found, unit="ms") == (
        "Latency on phone answers to how many layers the units have: that explains 100 % of its variance, "
        "which blocks stand in the layers under 1 %.",
        "It answers most to the last unit (94 %), and to unit 1 least (6 %).",
        "Of the depths, whether unit 2 has a third layer counts most: it adds 3 ms on average, "
        "and that unit's depth explains 94 %.",
        "Which block stands in a layer hardly counts: the largest share of a single layer is under 1 %.",
    )


def test_metric_of_blocks_alone() -> None:
    space = toy_space()
    found = exact_sensitivity(space, per_layer(space, {"u1l1": [-1.0, 0.0, 1.0]}), metric="top1_percent")
    first, second, _, last = describe_sensitivity(found, unit="%")
    assert first.startswith("Top-1 accuracy answers to which blocks stand in the layers: that explains 100 %")
    assert second == "It answers most to the first unit (100 %), and to unit 2 least (under 1 %)."
    assert last == "Of single layers, the block at unit 1, layer 1 explains most: 100 %."


def test_effect_of_a_depth_may_be_negative() -> None:
    space = toy_space()
    found = exact_sensitivity(space, per_layer(space, {"u1l2": [-0.5] * 3}), metric="top1_percent")
    assert "whether unit 1 has a second layer counts most: it takes off 0.5 percentage points" in " ".join(
        describe_sensitivity(found, unit="%")
    )


def test_space_with_one_kind_of_decision_names_the_metric_in_the_next_sentence() -> None:
    moga = load_space("moga")
    (params,) = load_predictors(moga, metrics=["params_m"])
    assert isinstance(params, AdditivePredictor)
    sentences = describe_sensitivity(exact_sensitivity(moga, params.factors, metric="params_m"), unit="M")
    assert len(sentences) == 2
    assert sentences[0].startswith("The number of parameters answers most to the last unit (")


def test_no_decision_of_two_thirds() -> None:
    space = mixed_space()
    found = exact_sensitivity(space, additive_factors(space), metric="energy")
    sentence = describe_sensitivity(found)[0]
    assert sentence.startswith("energy answers to ")
    assert "the input resolution" not in sentence


def test_estimates_carry_their_uncertainty() -> None:
    space = toy_space()
    archs = draw_archs(space, 400, np.random.default_rng(0))
    sums = PairSums(space, ["m"], n_folds=20)
    sums.add(archs, {"m": CompiledSum(space, [additive_factors(space)])(archs)[0]})
    sentences = describe_sensitivity(estimate_sensitivity(sums, "m"))
    assert " ± " in sentences[1]


def test_constant_metric() -> None:
    space = toy_space()
    found = exact_sensitivity(space, (Factor((), np.array(1.0)),), metric="macs_m")
    assert describe_sensitivity(found) == ("The number of multiply-adds is the same for all archs.",)


def test_decisions_that_are_taken_already_are_not_named() -> None:
    space = mixed_space()
    small = apply_rule(apply_rule(space, Rule(option="resolution", keep=(16,))), Rule(option="stem_depth", keep=(0,)))
    found = exact_sensitivity(small, factorize(small, lambda op: op.macs), metric="macs_m")
    sentences = " ".join(describe_sensitivity(found))
    assert "resolution" not in sentences
    assert "stem" not in sentences
    assert "how wide the units are" in sentences


def test_names_of_metrics() -> None:
    assert describe_metric("latency_ms") == "Latency"
    assert describe_metric("custom:dev") == "custom on dev"
