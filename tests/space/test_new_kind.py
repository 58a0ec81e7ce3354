"""A made-up kind of block, told once to the space and once to the builder, from its file to torch and ONNX."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from blockprofile.device import onnx_model
from blockprofile.errors import DefinitionError, OptionError
from blockprofile.modules import Step, build_operator, register_step, steps
from blockprofile.predict import load_predictors
from blockprofile.profile.contrasts import block_levels
from blockprofile.space import (
    SHAPED,
    Kind,
    Operator,
    Primitive,
    count_archs,
    count_macs,
    count_networks,
    count_params,
    draw_archs,
    encode,
    kind,
    list_operators,
    load_space,
    register_kind,
    shaped_operator,
)
from blockprofile.space.operators import EXPANSIONS
from blockprofile.space.primitives import WEIGHTS
from blockprofile.space.steps import join, pointwise, spatial, squeeze_excite
from tests.modules.test_build import counts_of_network

SPACE = """schema: blockprofile.space/1
name: airy
title: A kind of block of one's own
sources: [made up]
input: {default: 32, resolutions: [32]}
blocks:
  - product: {op: {air: {op: atrous, expansion: 2}, mb: {op: mbconv, expansion: 2}}, kernel: [3, 5], se: [no, yes]}
  - {name: skip, op: project}
stem:
  - {op: conv, out: 8, kernel: 3, stride: 2, act: relu}
units:
  - {out: [8, 16], stride: 2, act: relu, depths: [1, 2]}
  - {out: 16, stride: 1, act: hswish, depths: [1, 2], shared: true}
head:
  - {op: global_pool}
  - {op: linear, out: 10, bias: true}
"""


def dilated_weights(step: Primitive) -> int:
    return step.in_channels * step.out_channels * step.kernel**2


def atrous_steps(op: Operator) -> list[Primitive]:
    """A dilated convolution that expands, a gate, and a projection."""
    hidden = op.hidden_channels
    first = spatial("dilated", (op.in_channels, hidden), op)
    return join(op, [first, *squeeze_excite(op, hidden), pointwise((hidden, op.out_channels), op.out_size)])


ATROUS = Kind(
    name="atrous",
    takes=SHAPED | {"expansion"},
    needs=("expansion", "kernel"),
    operator=lambda block, place: shaped_operator(
        "atrous", block, place, hidden=round(place.in_channels * (block.expansion or 1))
    ),
    steps=atrous_steps,
    weights={"dilated": dilated_weights},
)


def dilated_layers(step: Primitive) -> list[nn.Module]:
    channels = step.in_channels, step.out_channels
    convolution = nn.Conv2d(*channels, step.kernel, step.stride, step.kernel - 1, dilation=2, bias=False)
    return [convolution, nn.BatchNorm2d(step.out_channels), *steps.activation(step.act)]


def dilated_node(graph: steps.Graph, step: Primitive, value: str) -> str:
    weights = graph.layer(step.out_channels, step.in_channels, step.kernel, step.kernel, bias=True, spread=0.1)
    window = {"kernel_shape": [step.kernel] * 2, "strides": [step.stride] * 2, "pads": [step.kernel - 1] * 4}
    return graph.activate(graph.node("Conv", [value, *weights], dilations=[2, 2], **window), step.act)


@pytest.fixture
def registers() -> Iterator[None]:
    """What is registered in a test is forgotten after it."""
    held = [(register, dict(register)) for register in (kind._KINDS, EXPANSIONS, WEIGHTS, steps._STEPS)]
    yield
    for register, before in held:
        register.clear()
        register.update(before)  # type: ignore[arg-type]


@pytest.fixture
def file(tmp_path: Path, registers: None) -> Path:
    register_kind(ATROUS)
    register_step("dilated", Step(dilated_layers, dilated_node))
    (tmp_path / "airy.yaml").write_text(SPACE)
    return tmp_path / "airy.yaml"


def test_it_is_counted_as_torch_counts_it(file: Path) -> None:
    space = load_space(file)
    assert count_archs(space) == 2 * (9 + 81) * 2 * 9
    assert (count_networks(space) or 0) < count_archs(space)  # a skip is a smaller depth
    archs = draw_archs(space, 4, np.random.default_rng(0))
    macs, params = (each.predict(archs) for each in load_predictors(space, devices=[], metrics=["macs_m", "params_m"]))
    for arch, macs_m, params_m in zip(archs, macs, params, strict=True):
        operators = list_operators(space, arch)
        counts = count_params(operators), count_macs(operators)
        assert counts == counts_of_network(space, arch)
        assert (macs_m * 1e6, params_m * 1e6) == pytest.approx(counts[::-1], rel=1e-6)


def test_its_first_step_has_the_weights_that_it_states(file: Path) -> None:
    (first,) = (
        op
        for op in list_operators(load_space(file), encode(load_space(file), "8: airk3 | skip*1"))
        if op.kernel == 3 and op.hidden_channels
    )
    assert count_params(first) == 8 * 16 * 9 + 2 * 16 + 16 * 8 + 2 * 8
    assert count_macs(first) == (8 * 16 * 9 + 16 * 8) * 8 * 8


def test_its_graph_runs_and_gives_what_torch_gives(file: Path) -> None:
    from onnx import numpy_helper
    from onnxruntime import InferenceSession

    space = load_space(file)
    op = next(
        op for op in list_operators(space, encode(space, "16: airk5se | airk3*2")) if op.op == "atrous" and op.skip
    )
    op = replace(op, se_channels=0)
    model, module = onnx_model([op]), build_operator(op).eval()
    weights = {item.name: numpy_helper.to_array(item).copy() for item in model.graph.initializer}
    held = [weights[name] for node in model.graph.node if node.op_type == "Conv" for name in node.input[1:]]
    layers = [layer for layer in module.modules() if isinstance(layer, nn.Conv2d | nn.BatchNorm2d)]
    with torch.no_grad():
        for array, layer in zip(held, layers, strict=True):
            (layer.weight if isinstance(layer, nn.Conv2d) else layer.bias).copy_(torch.from_numpy(array))
            if isinstance(layer, nn.BatchNorm2d):
                layer.eps = 0.0
        features = torch.randn(1, op.in_channels, op.in_size, op.in_size, generator=torch.Generator().manual_seed(0))
        found = InferenceSession(model.SerializeToString()).run(None, {"input": features.numpy()})[0]
        assert np.allclose(module(features).numpy(), found, atol=1e-4)


def test_its_keys_are_its_factors_and_a_block_without_one_is_told(file: Path) -> None:
    assert block_levels(load_space(file))[1] == {"op": "air", "kernel": 3, "se": True}
    file.write_text(SPACE.replace("op: atrous, expansion: 2", "op: atrous"))
    with pytest.raises(DefinitionError, match="is an atrous and needs expansion and kernel"):
        load_space(file)
    file.write_text(SPACE.replace("op: atrous, expansion: 2", "op: atrous, expansion: 2, groups: 2"))
    with pytest.raises(DefinitionError, match="is an atrous, on which groups has no effect"):
        load_space(file)
    file.write_text(SPACE.replace("op: atrous", "op: atrus"))
    with pytest.raises(DefinitionError, match=r"blocks\[0\].*'atrus' is not allowed; did you mean 'atrous'"):
        load_space(file)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"name": "conv"}, "kind 'conv' needs a name"),
        ({"name": "Atrous2"}, "kind 'Atrous2' needs a name of small letters"),
        ({"takes": SHAPED | {"dilation"}}, "key 'dilation' is none of a block"),
        ({"weights": {"conv": dilated_weights}}, "step 'conv' is there already"),
    ],
)
def test_a_kind_that_cannot_be_is_refused(changed: dict[str, object], message: str, registers: None) -> None:
    with pytest.raises(OptionError, match=message):
        register_kind(replace(ATROUS, **changed))  # type: ignore[arg-type]


def test_a_step_that_is_there_is_refused() -> None:
    with pytest.raises(OptionError, match="step 'conv' is there already"):
        register_step("conv", Step(dilated_layers, dilated_node))


def test_a_step_that_nobody_translated_is_named() -> None:
    with pytest.raises(OptionError, match=r"step 'odd' has no translation; give it one by .*register_step"):
        steps.step_layers(Primitive(kind="odd", in_channels=1, out_channels=1, in_size=8, out_size=8))
