"""The ONNX graph of an operator list, as an inference engine would be given it.

Made from `blockprofile.space.primitives`, like counts and torch modules. Batch normalisation is folded into the
convolution before it, so every convolution has a bias; dropout is left out. Weights are random where none are given:
latency does not depend on them, as long as no value becomes infinite or denormal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import OptionError
from blockprofile.modules import step_node
from blockprofile.space import Operator, primitives

OPSET = 17
IR_VERSION = 8
"""Old enough for ONNX Runtime 1.14 and later."""


Layer = tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]] | None]
"""Weight and bias of a convolution or linear layer, batch normalisation folded into both."""


class _Graph:
    """Collects nodes and weights; every method takes and returns the name of a value."""

    def __init__(self, seed: int, dtype: type[np.floating[Any]], layers: Iterator[Layer] | None = None) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self._rng = np.random.default_rng(seed)
        self._dtype, self._layers = dtype, layers
        self.prefix = ""

    def node(self, op_type: str, inputs: Iterable[str], **attributes: Any) -> str:
        """Add a node; its output has its name, as tools name what they fuse by either."""
        from onnx import helper

        name = f"{self.prefix}/{op_type.lower()}{len(self.nodes)}" if self.prefix else f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op_type, list(inputs), [name], name=name, **attributes))
        return name

    def weight_name(self) -> str:
        """Name the next weight; a quantised one is named after it, and is read by it."""
        return f"{self.prefix}/w{len(self.weights)}" if self.prefix else f"w{len(self.weights)}"

    def constant(self, array: NDArray[np.floating[Any] | np.signedinteger[Any]]) -> str:
        """Add an array: numbers in the graph's precision, whole ones (sizes) as they are."""
        from onnx import numpy_helper

        name = self.weight_name()
        held = array if np.issubdtype(array.dtype, np.integer) else array.astype(self._dtype)
        self.weights.append(numpy_helper.from_array(held, name))
        return name

    def random(self, *shape: int) -> str:
        """Add weights that keep the spread of what passes through (He et al., 2015)."""
        fan_in = max(1, int(np.prod(shape[1:])))
        return self.constant(self._rng.standard_normal(shape) * np.sqrt(2.0 / fan_in))

    def layer(self, *shape: int, bias: bool, spread: float) -> list[str]:
        """Add the weight of a layer, and its bias if it has one: those given, or random ones."""
        if self._layers is None:
            drawn = self.random(*shape)
            return [drawn, self.constant(self._rng.standard_normal(shape[0]) * spread)] if bias else [drawn]
        weight, offset = next(self._layers)
        if weight.shape != shape or (offset is not None) != bias:
            raise ValueError(f"a layer of shape {shape} was given a weight of shape {weight.shape}")
        return [self.constant(weight)] + ([] if offset is None else [self.constant(offset)])

    def activate(self, value: str, act: str) -> str:
        if act == "none":
            return value
        if act == "relu6":
            bounds = [self.constant(np.array(0.0)), self.constant(np.array(6.0))]
            return self.node("Clip", [value, *bounds])
        if act == "swish":
            return self.node("Mul", [value, self.node("Sigmoid", [value])])
        if act == "hsigmoid":
            return self.node("HardSigmoid", [value], alpha=1.0 / 6.0, beta=0.5)
        if act == "sigmoid":
            return self.node("Sigmoid", [value])
        return self.node({"relu": "Relu", "hswish": "HardSwish"}[act], [value])

    def operator(self, op: Operator, value: str, name: str = "") -> str:
        """Add a whole operator, its nodes named by ``name`` and their step."""
        entry, main, gate, shortcut = value, value, "", value
        for index, step in enumerate(primitives(op)):
            self.prefix = name and f"{name}/{index}_{step.kind}"
            if step.kind == "add":
                main = self.activate(self.node("Add", [main, shortcut]), step.act)
            elif step.kind == "scale":
                main, gate = self.node("Mul", [main, gate]), ""
            elif step.part == "se":
                gate = step_node(self, step, gate or main)
            elif step.part == "shortcut":
                shortcut = step_node(self, step, entry if shortcut == entry else shortcut)
            else:
                main = step_node(self, step, main)
        return main


def onnx_model(
    operators: Iterable[Operator],
    *,
    batch: int | None = 1,
    precision: str = "float32",
    seed: int = 0,
    layers: Iterable[Layer] | None = None,
    names: Sequence[str] = (),
    layout: str = "nchw",
) -> Any:
    """Make the ONNX model of operators that run one after another.

    Parameters
    ----------
    operators
        Consecutive operators; the first one's input is the model's input ``input``.
    batch
        Images in a batch; it is fixed in the model, as sizes are. None leaves it open.
    precision
        ``float32`` or ``float16``, of weights and values.
    seed
        Of the random weights.
    layers
        Weights and biases in the order of the steps that have any, instead of random ones.
    names
        One for each operator, with which the names of its nodes begin (`blockprofile.device.node_names`), and that of
        the output, after which tools name the last node; left out, nodes are numbered.
    layout
        ``nchw``, or ``nhwc``: the input has its channels last, and is transposed first.

    Returns
    -------
    ``onnx.ModelProto``; its output is ``output`` where nodes have no names.

    Raises
    ------
    OptionError
        If the precision is another one.
    """
    from onnx import TensorProto, helper

    kinds: dict[str, tuple[type[np.floating[Any]], int]] = {
        "float32": (np.float32, TensorProto.FLOAT),
        "float16": (np.float16, TensorProto.FLOAT16),
    }
    if precision not in kinds:
        raise OptionError(
            f"precision {precision!r} is not one that ONNX graphs are made in; choices: {', '.join(kinds)}"
        )
    dtype, code = kinds[precision]
    ops = tuple(operators)
    graph = _Graph(seed, dtype, None if layers is None else iter(layers))
    n: int | str = "batch" if batch is None else batch
    value, first, last = "input", ops[0], ops[-1]
    entry = [n, first.in_channels, first.in_size, first.in_size]
    if layout == "nhwc":
        value, entry = graph.node("Transpose", ["input"], perm=[0, 3, 1, 2]), [*entry[:1], *entry[2:], entry[1]]
    for op, name in zip(ops, names or [""] * len(ops), strict=True):
        value = graph.operator(op, value, name)
    if not names:
        graph.nodes[-1].output[0] = value = "output"
    flat = last.op == "linear"
    shape = [n, last.out_channels] if flat else [n, last.out_channels, last.out_size, last.out_size]
    inputs = [helper.make_tensor_value_info("input", code, entry)]
    outputs = [helper.make_tensor_value_info(value, code, shape)]
    body = helper.make_graph(graph.nodes, "network", inputs, outputs, graph.weights)
    return helper.make_model(
        body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="blockprofile"
    )
