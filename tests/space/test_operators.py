"""Operators and their primitives: counts worked out by hand, and published totals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockprofile.space import Operator, Space, count_macs, count_params, encode, list_operators, primitives
from blockprofile.space.operators import make_divisible

CONV = Operator(op="conv", in_size=32, out_size=16, in_channels=3, out_channels=8, kernel=3, stride=2, act="relu")
MBCONV = Operator(
    op="mbconv",
    in_size=16,
    out_size=8,
    in_channels=8,
    out_channels=12,
    hidden_channels=32,
    kernel=5,
    stride=2,
    se_channels=8,
    se_act="relu",
    act="hswish",
)
BOTTLENECK = Operator(
    op="bottleneck", in_size=8, out_size=4, in_channels=16, out_channels=32, hidden_channels=8, kernel=3, stride=2
)


def test_a_convolution_by_hand() -> None:
    assert CONV.macs == 3 * 8 * 9 * 16 * 16
    assert CONV.params == 3 * 8 * 9 + 2 * 8


def test_a_biased_convolution_without_normalisation_by_hand() -> None:
    conv = Operator(op="conv", in_size=1, out_size=1, in_channels=5, out_channels=7, kernel=1, bn=False, bias=True)
    assert (conv.macs, conv.params) == (35, 35 + 7)


def test_an_mbconv_by_hand() -> None:
    expand, depthwise, project = 8 * 32 * 16 * 16, 32 * 25 * 8 * 8, 32 * 12 * 8 * 8
    assert MBCONV.macs == expand + depthwise + project + 2 * 32 * 8
    squeeze = (32 * 8 + 8) + (8 * 32 + 32)
    assert MBCONV.params == (8 * 32 + 64) + (32 * 25 + 64) + (32 * 12 + 24) + squeeze


def test_an_mbconv_without_expansion_has_no_first_convolution() -> None:
    thin = Operator(
        op="mbconv", in_size=8, out_size=8, in_channels=6, out_channels=6, hidden_channels=6, kernel=3, skip=True
    )
    assert [step.kind for step in primitives(thin)] == ["depthwise", "conv", "add"]
    assert thin.macs == (6 * 9 + 36) * 64


def test_a_bottleneck_by_hand() -> None:
    main = 16 * 8 * 64 + 8 * 8 * 9 * 16 + 8 * 32 * 16
    assert BOTTLENECK.macs == main + 16 * 32 * 16
    assert BOTTLENECK.params == (16 * 8 + 16) + (8 * 8 * 9 + 16) + (8 * 32 + 64) + (16 * 32 + 64)
    kinds = [(step.kind, step.part) for step in primitives(BOTTLENECK)]
    assert kinds == [
        ("conv", "main"),
        ("conv", "main"),
        ("conv", "main"),
        ("avg_pool", "shortcut"),
        ("conv", "shortcut"),
        ("add", "main"),
    ]


def test_a_bottleneck_with_an_identity_shortcut_projects_nothing() -> None:
    same = Operator(
        op="bottleneck", in_size=8, out_size=8, in_channels=32, out_channels=32, hidden_channels=8, kernel=3, skip=True
    )
    assert same.macs == (32 * 8 + 8 * 8 * 9 + 8 * 32) * 64
    assert [step.kind for step in primitives(same)] == ["conv", "conv", "conv", "add"]


def test_pooling_and_addition_count_nothing() -> None:
    pool = Operator(op="global_pool", in_size=7, out_size=1, in_channels=10, out_channels=10)
    most = Operator(op="max_pool", in_size=8, out_size=4, in_channels=10, out_channels=10, kernel=3, stride=2)
    assert (pool.macs, pool.params, most.macs, most.params) == (0, 0, 0, 0)


def test_a_linear_layer_by_hand() -> None:
    linear = Operator(op="linear", in_size=1, out_size=1, in_channels=12, out_channels=10, bias=True, bn=False)
    assert (linear.macs, linear.params) == (120, 130)


def test_counts_of_a_list_add_up() -> None:
    assert count_macs([CONV, MBCONV]) == CONV.macs + MBCONV.macs
    assert count_params([CONV, MBCONV]) == CONV.params + MBCONV.params
    assert (count_macs([]), count_params([])) == (0, 0)


def test_steps_of_squeeze_and_excite() -> None:
    branch = [step for step in primitives(MBCONV) if step.part == "se"]
    assert [step.kind for step in branch] == ["global_pool", "conv", "conv", "scale"]
    assert [(step.in_channels, step.out_channels, step.act) for step in branch[1:3]] == [
        (32, 8, "relu"),
        (8, 32, "hsigmoid"),
    ]
    assert all(step.bias and not step.bn for step in branch[1:3])


def test_the_last_convolution_of_a_block_is_linear() -> None:
    assert primitives(MBCONV)[-1].act == "none"
    assert [step.act for step in primitives(MBCONV) if step.kind == "depthwise"] == ["hswish"]


def test_elements_count_the_output() -> None:
    assert [step.elements for step in primitives(CONV)] == [8 * 16 * 16]


def test_describe_names_everything_that_matters() -> None:
    assert CONV.describe() == "conv k3 s2 3->8 at 32 relu"
    assert MBCONV.describe() == "mbconv k5 s2 8(32)->12 at 16 se hswish"
    assert BOTTLENECK.describe() == "bottleneck k3 s2 16(8)->32 at 8"


@given(st.floats(1, 5000), st.sampled_from([1, 4, 8, 16]))
def test_make_divisible(value: float, divisor: int) -> None:
    rounded = make_divisible(value, divisor)
    assert rounded % divisor == 0
    assert rounded >= divisor
    assert rounded >= 0.9 * value
    # Nearest, unless the nearest falls below nine tenths: then the next one.
    assert rounded - value <= divisor if value > divisor else rounded == divisor or rounded == 2 * divisor


@pytest.mark.parametrize(
    ("value", "rounded"), [(18, 24), (20, 24), (3, 8), (32, 32), (144 // 4, 40), (33.6, 32), (8.7, 8), (9, 16)]
)
def test_make_divisible_by_hand(value: float, rounded: int) -> None:
    assert make_divisible(value) == rounded


MOGA = {
    "A": ([8, 10, 6, 7, 1, 7, 6, 10, 5, 10, 6, 6, 9, 9], 304.0, 5.160),
    "B": ([0, 0, 10, 0, 8, 7, 9, 0, 11, 10, 2, 11, 11, 7], 248.6, 5.506),
    "C": ([2, 0, 2, 0, 2, 2, 9, 2, 2, 6, 7, 7, 7, 7], 221.1, 5.488),
}


@pytest.mark.parametrize("name", MOGA)
def test_moga_networks_have_their_published_counts(moga: Space, name: str) -> None:
    choices, macs_m, params_m = MOGA[name]
    blocks = iter(moga.block_names[code] for code in choices)
    text = " | ".join(" ".join(next(blocks) for _ in unit.layers) for unit in moga.units)
    operators = list_operators(moga, encode(moga, text))
    assert count_macs(operators) / 1e6 == pytest.approx(macs_m, abs=0.05)
    assert count_params(operators) / 1e6 == pytest.approx(params_m, abs=0.0005)
