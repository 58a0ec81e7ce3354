"""The ONNX graph against the torch module of the same operators, with the same weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper

from blockprofile.device.onnx_graph import onnx_model
from blockprofile.errors import OptionError
from blockprofile.modules import build_network
from blockprofile.space import Operator, Space, draw_archs, list_operators


def run_onnx(model: Any, features: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    output: np.ndarray[Any, Any] = session.run(None, {"input": features})[0]
    return output


def load_weights(network: torch.nn.Module, model: Any) -> None:
    """Give the torch module the graph's weights, in order; batch norms keep their identity and take the biases."""
    arrays = iter([numpy_helper.to_array(tensor) for tensor in model.graph.initializer])
    kinds = (torch.nn.Conv2d, torch.nn.BatchNorm2d, torch.nn.Linear)
    modules = [module for module in network.modules() if isinstance(module, kinds)]
    with torch.no_grad():
        for module in modules:
            if isinstance(module, torch.nn.BatchNorm2d):
                module.bias.copy_(take(arrays, module.bias.shape))
                module.weight.fill_((1 + module.eps) ** 0.5)
                continue
            for parameter in module.parameters():
                parameter.copy_(take(arrays, parameter.shape))


def take(arrays: Any, shape: torch.Size) -> torch.Tensor:
    """Take the next array of that shape; scalars are the bounds of a clip."""
    for array in arrays:
        if array.shape == tuple(shape):
            return torch.from_numpy(array.copy())
        assert array.shape == ()
    raise AssertionError(f"no weights of shape {tuple(shape)} are left")


@pytest.mark.parametrize("part", [slice(6), slice(-4, None)], ids=["first", "last"])
def test_graph_computes_what_the_torch_module_does(shipped: Space, part: slice) -> None:
    # The first six operators and the last four have every kind of step that a space has.
    space = shipped.at_resolution(min(shipped.definition.input.resolutions))
    ops = list_operators(space, draw_archs(space, 1, np.random.default_rng(3))[0])[part]
    model = onnx_model(ops, seed=1)
    onnx.checker.check_model(model, full_check=True)
    network = build_network(ops).eval()
    load_weights(network, model)
    first = ops[0]
    shape = (1, first.in_channels, first.in_size, first.in_size)
    features = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    with torch.inference_mode():
        wanted = network(torch.from_numpy(features)).numpy()
    got = run_onnx(model, features)
    assert got.shape == wanted.shape
    assert np.abs(got - wanted).max() <= 1e-4 * np.abs(wanted).max()


OP = Operator(
    op="mbconv",
    in_size=6,
    out_size=6,
    in_channels=4,
    out_channels=4,
    hidden_channels=8,
    kernel=3,
    act="swish",
    skip=True,
)


def test_every_copy_in_a_chain_has_its_own_weights() -> None:
    first, second = (onnx_model([OP] * 2, seed=0).graph.initializer[i] for i in (0, 6))
    assert first.dims == second.dims
    assert not np.array_equal(numpy_helper.to_array(first), numpy_helper.to_array(second))


def test_batch_and_half_precision_are_in_the_model() -> None:
    model = onnx_model([OP], batch=5, precision="float16")
    shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    assert shape == [5, 4, 6, 6]
    assert model.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT16
    with pytest.raises(OptionError, match=r"'int8'.*float32, float16"):
        onnx_model([OP], precision="int8")
