"""Cost models: quantities by hand, sums over operators, and what they refuse."""

import dataclasses

import numpy as np
import pytest

from blockprofile.errors import CoverageError, DefinitionError
from blockprofile.predict import load_predictors
from blockprofile.predict.cost_model import FEATURES, build_cost_model, measure_operator, operator_cost
from blockprofile.predict.registry import find_device
from blockprofile.space import Operator, draw_archs, list_operators, load_space

BLOCK = Operator(
    op="mbconv", in_size=28, out_size=14, in_channels=40, out_channels=80, hidden_channels=240, kernel=5, stride=2,
    se_channels=60, se_act="hswish", act="hswish",
)  # fmt: skip


def test_quantities_of_a_block_by_hand():
    found = dict(zip(FEATURES, measure_operator(BLOCK, gate_passes=2.0), strict=True))
    expand, project, squeeze = 40 * 240 * 28**2, 240 * 80 * 14**2, 2 * 240 * 60
    assert found["dense_macs_m"] == pytest.approx((expand + project + squeeze) / 1e6)
    assert found["depthwise_macs_m"] == pytest.approx(240 * 25 * 14**2 / 1e6)
    assert found["serial_depth_k"] == pytest.approx((40 + 240) / 1e3)
    # h-swish after the expansion at 28 and after the depthwise at 14; the gate scales the latter, two passes.
    assert found["elementwise_m"] == pytest.approx(240 * (28**2 + 14**2 + 2 * 14**2) / 1e6)
    assert found["gates"] == 1


def test_relu_is_fused_and_no_gate_is_free():
    plain = dataclasses.replace(BLOCK, act="relu", se_channels=0, se_act="none")
    assert measure_operator(plain, gate_passes=2.0)[3:].tolist() == [0, 0]


def test_a_block_without_expansion_has_one_dense_convolution():
    narrow = dataclasses.replace(BLOCK, hidden_channels=40, se_channels=0, se_act="none")
    assert measure_operator(narrow, gate_passes=0)[FEATURES.index("serial_depth_k")] == pytest.approx(0.04)


def test_cost_is_linear_in_the_coefficients():
    one = operator_cost(BLOCK, coefficients={"gates": 1.0, "dense_macs_m": 0.5}, gate_passes=2)
    assert one == pytest.approx(1 + 0.5 * measure_operator(BLOCK, gate_passes=2)[0])


def test_larger_blocks_cost_more_on_every_device():
    moga = load_space("moga")
    small, large = np.zeros((1, 14), np.uint8), np.full((1, 14), 11, np.uint8)
    for predictor in load_predictors(moga, devices=["mace_gpu", "snpe_gpu", "tflite_cpu"], metrics=[]):
        assert predictor.predict(large)[0] > 1.3 * predictor.predict(small)[0]


@pytest.mark.parametrize("space_name", ["moga", "ofa_mbv3", "ofa_proxyless", "proxylessnas"])
@pytest.mark.parametrize("device", ["mace_gpu", "snpe_gpu", "tflite_cpu"])
def test_predictions_are_the_sum_over_the_operator_list(space_name, device):
    space = load_space(space_name)
    (predictor,) = load_predictors(space, devices=[device], metrics=[])
    archs = draw_archs(space, 20, np.random.default_rng(0))
    given = predictor.card.parameters
    expected = [
        sum(
            operator_cost(op, coefficients=given["coefficients"], gate_passes=given["gate_passes"])
            for op in list_operators(space, arch)
        )
        for arch in archs
    ]
    np.testing.assert_allclose(predictor.predict(archs), expected, rtol=1e-6)


def test_bottlenecks_and_other_resolutions_are_refused():
    with pytest.raises(CoverageError, match="'mace_gpu' does not cover space 'ofa_resnet50'"):
        load_predictors(load_space("ofa_resnet50"), devices=["mace_gpu"], metrics=[])
    with pytest.raises(CoverageError, match="cost models do not cover max_pool"):
        measure_operator(Operator(op="max_pool", in_size=4, out_size=2, in_channels=3, out_channels=3), gate_passes=0)
    with pytest.raises(CoverageError, match="resolution 160; choices: 224"):
        load_predictors(load_space("ofa_mbv3").at_resolution(160), devices=["mace_gpu"], metrics=[])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "must map quantities"),
        ({"coefficients": {"macs": 1.0}}, "unknown quantity 'macs'"),
        ({"coefficients": {"gates": -0.1}}, "-0.1 is wrong: must be a number of at least 0"),
        ({"coefficients": {"gates": float("nan")}}, "nan is wrong"),
        ({"coefficients": {"gates": "1"}}, "'1' is wrong"),
        ({"coefficients": {"gates": 1.0}, "gate_passes": -1}, "-1 is wrong"),
    ],
)
def test_wrong_cards_are_refused(parameters, message):
    moga = load_space("moga")
    card, folder = find_device("mace_gpu", moga)
    with pytest.raises(DefinitionError, match=message):
        build_cost_model(dataclasses.replace(card, parameters=parameters), folder, moga)
