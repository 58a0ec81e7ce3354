"""What a step is in torch and in ONNX, each kind of step once; `register_step` adds one.

`blockprofile.modules.build` puts the layers together, `blockprofile.device.onnx_graph` the nodes. Steps that join two
paths (``add``, ``scale``) are translated there, where the paths are known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from blockprofile.errors import OptionError
from blockprofile.modules.depthwise import depthwise_class
from blockprofile.space import Primitive

if TYPE_CHECKING:
    from torch import nn


class Graph(Protocol):
    """What a step's ONNX nodes are added to; values go by their names."""

    def node(self, op_type: str, inputs: Iterable[str], **attributes: Any) -> str:
        """Add a node and return its output."""
        ...

    def constant(self, array: Any) -> str:
        """Add an array and return its name."""
        ...

    def layer(self, *shape: int, bias: bool, spread: float) -> list[str]:
        """Add the weight of a layer, and its bias if it has one; both stand for a normalisation that is folded in."""
        ...

    def activate(self, value: str, act: str) -> str:
        """Add an activation."""
        ...


@dataclass(frozen=True, slots=True)
class Step:
    """A kind of step: its torch layers, and its ONNX nodes, given their input."""

    layers: Callable[[Primitive], list[nn.Module]]
    node: Callable[[Graph, Primitive, str], str]


def activation(name: str) -> list[nn.Module]:
    """Return the torch layer of an activation; none for ``none``."""
    from torch import nn

    makers: dict[str, Callable[[], nn.Module]] = {
        "relu": lambda: nn.ReLU(inplace=True),
        "relu6": lambda: nn.ReLU6(inplace=True),
        "hswish": lambda: nn.Hardswish(inplace=True),
        "swish": lambda: nn.SiLU(inplace=True),
        "hsigmoid": lambda: nn.Hardsigmoid(inplace=True),
        "sigmoid": nn.Sigmoid,
    }
    return [] if name == "none" else [makers[name]()]


def _padding(step: Primitive, value: float = 0.0) -> tuple[list[nn.Module], int]:
    """Return what pads before a step, and the padding that the step does itself: even kernels need the former."""
    from torch import nn

    before, after = step.pads
    if before == after:
        return [], before
    return [nn.ConstantPad2d((before, after, before, after), value)], 0


def _pads(step: Primitive) -> list[int]:
    before, after = step.pads
    return [before, before, after, after]


def _groups(step: Primitive) -> int:
    return step.out_channels if step.kind == "depthwise" else step.groups


def _convolution(step: Primitive) -> list[nn.Module]:
    from torch import nn

    layers, padding = _padding(step)
    make = depthwise_class() if step.kind == "depthwise" else nn.Conv2d
    layers.append(
        make(
            step.in_channels,
            step.out_channels,
            step.kernel,
            stride=step.stride,
            padding=padding,
            groups=_groups(step),
            bias=step.bias,
        )
    )
    if step.bn:
        layers.append(nn.BatchNorm2d(step.out_channels))
    return layers + activation(step.act)


def _convolution_node(graph: Graph, step: Primitive, value: str) -> str:
    shape = (step.out_channels, step.in_channels // _groups(step), step.kernel, step.kernel)
    value = graph.node(
        "Conv",
        [value, *graph.layer(*shape, bias=step.bias or step.bn, spread=0.1)],
        kernel_shape=[step.kernel] * 2,
        strides=[step.stride] * 2,
        pads=_pads(step),
        group=_groups(step),
    )
    return graph.activate(value, step.act)


def _linear(step: Primitive) -> list[nn.Module]:
    from torch import nn

    return [nn.Flatten(1), nn.Linear(step.in_channels, step.out_channels, bias=step.bias)]


def _linear_node(graph: Graph, step: Primitive, value: str) -> str:
    flat = graph.node("Flatten", [value], axis=1)
    layer = graph.layer(step.out_channels, step.in_channels, bias=step.bias, spread=0.0)
    return graph.node("Gemm", [flat, *layer], transB=1)


def _shuffle(step: Primitive) -> list[nn.Module]:
    from torch import nn

    return [nn.ChannelShuffle(step.groups)]


def _shuffle_node(graph: Graph, step: Primitive, value: str) -> str:
    """Mix the channels of groups: what stands in rows of one group each is read in columns."""
    size, channels = step.out_size, step.out_channels
    grouped = [0, step.groups, channels // step.groups, size * size]  # 0 keeps the batch
    value = graph.node("Reshape", [value, graph.constant(np.array(grouped, np.int64))])
    value = graph.node("Transpose", [value], perm=[0, 2, 1, 3])
    return graph.node("Reshape", [value, graph.constant(np.array([0, channels, size, size], np.int64))])


def _max_pool(step: Primitive) -> list[nn.Module]:
    from torch import nn

    pads, padding = _padding(step, float("-inf"))
    return [*pads, nn.MaxPool2d(step.kernel, step.stride, padding=padding)]


def _window(step: Primitive) -> dict[str, Any]:
    return {"kernel_shape": [step.kernel] * 2, "strides": [step.stride] * 2}


def _max_pool_node(graph: Graph, step: Primitive, value: str) -> str:
    return graph.node("MaxPool", [value], pads=_pads(step), **_window(step))


def _is_cut(step: Primitive) -> bool:
    """Whether windows do not overlap, which leave a last one that is cut; others are padded like a convolution's."""
    return step.kernel == step.stride


def _average_pool(step: Primitive) -> list[nn.Module]:
    from torch import nn

    cut = _is_cut(step)
    padding = 0 if cut else step.kernel // 2
    return [nn.AvgPool2d(step.kernel, step.stride, padding, ceil_mode=cut, count_include_pad=False)]


def _average_pool_node(graph: Graph, step: Primitive, value: str) -> str:
    edge: dict[str, Any] = {"ceil_mode": 1} if _is_cut(step) else {"pads": _pads(step)}
    return graph.node("AveragePool", [value], count_include_pad=0, **_window(step), **edge)


def _global_pool(_step: Primitive) -> list[nn.Module]:
    from torch import nn

    return [nn.AdaptiveAvgPool2d(1)]


_STEPS: dict[str, Step] = {
    "conv": Step(_convolution, _convolution_node),
    "depthwise": Step(_convolution, _convolution_node),
    "linear": Step(_linear, _linear_node),
    "shuffle": Step(_shuffle, _shuffle_node),
    "max_pool": Step(_max_pool, _max_pool_node),
    "avg_pool": Step(_average_pool, _average_pool_node),
    "global_pool": Step(_global_pool, lambda graph, _step, value: graph.node("GlobalAveragePool", [value])),
}


def register_step(kind: str, step: Step) -> None:
    """Say what a step of a new kind is, from one input to one output.

    Raises
    ------
    OptionError
        If the kind is there already.
    """
    if kind in _STEPS or kind in {"add", "scale"}:
        raise OptionError(f"step {kind!r} is there already; others: {', '.join(sorted(_STEPS))}")
    _STEPS[kind] = step


def step_layers(step: Primitive) -> list[nn.Module]:
    """Translate a step of one input into torch layers.

    Raises
    ------
    OptionError
        If nobody said what a step of its kind is.
    """
    return _known(step).layers(step)


def step_node(graph: Graph, step: Primitive, value: str) -> str:
    """Add a step of one input to an ONNX graph; return its output.

    Raises
    ------
    OptionError
        As `step_layers`.
    """
    return _known(step).node(graph, step, value)


def _known(step: Primitive) -> Step:
    if step.kind not in _STEPS:
        raise OptionError(f"step {step.kind!r} has no translation; give it one by blockprofile.modules.register_step")
    return _STEPS[step.kind]
