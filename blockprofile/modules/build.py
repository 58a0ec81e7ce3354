"""The torch module of an operator list.

A network is described once: this module only translates the steps of `blockprofile.space.primitives` into torch
layers, so its parameters and multiply-adds are those that the space counts. Weight sharing and training are
not here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from blockprofile.errors import ArchError
from blockprofile.space import Operator, Primitive, primitives

if TYPE_CHECKING:
    from torch import nn

__all__ = ["build_network", "build_operator"]


def _activation(name: str) -> list[nn.Module]:
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


def _convolution(step: Primitive) -> list[nn.Module]:
    from torch import nn

    layers, padding = _padding(step)
    layers.append(
        nn.Conv2d(
            step.in_channels,
            step.out_channels,
            step.kernel,
            stride=step.stride,
            padding=padding,
            groups=step.out_channels if step.kind == "depthwise" else step.groups,
            bias=step.bias,
        )
    )
    if step.bn:
        layers.append(nn.BatchNorm2d(step.out_channels))
    return layers + _activation(step.act)


def _linear(step: Primitive, dropout: float) -> list[nn.Module]:
    from torch import nn

    drop: list[nn.Module] = [nn.Dropout(dropout)] if dropout else []
    return [nn.Flatten(1), *drop, nn.Linear(step.in_channels, step.out_channels, bias=step.bias)]


def _pool(step: Primitive) -> list[nn.Module]:
    from torch import nn

    if step.kind == "global_pool":
        return [nn.AdaptiveAvgPool2d(1)]
    if step.kind == "avg_pool":
        # Windows that do not overlap leave a last one that is cut; others are padded like a convolution's.
        cut = step.kernel == step.stride
        padding = 0 if cut else step.kernel // 2
        return [nn.AvgPool2d(step.kernel, step.stride, padding, ceil_mode=cut, count_include_pad=False)]
    pads, padding = _padding(step, float("-inf"))
    return [*pads, nn.MaxPool2d(step.kernel, step.stride, padding=padding)]


def _layers(step: Primitive, dropout: float) -> list[nn.Module]:
    """Translate one step; ``add`` and ``scale`` join two paths and are translated where the paths are known."""
    from torch import nn

    if step.kind in {"conv", "depthwise"}:
        return _convolution(step)
    if step.kind == "linear":
        return _linear(step, dropout)
    if step.kind == "shuffle":
        return [nn.ChannelShuffle(step.groups)]
    return _pool(step) if step.kind.endswith("pool") else _activation(step.act)


def _squeeze_excite(branch: Sequence[nn.Module]) -> nn.Module:
    import torch
    from torch import nn

    class SqueezeExcite(nn.Module):
        """Scale every channel by a gate computed from the channel means."""

        def __init__(self) -> None:
            super().__init__()
            self.gate = nn.Sequential(*branch)

        def forward(self, features: torch.Tensor) -> torch.Tensor:
            scaled: torch.Tensor = features * self.gate(features)
            return scaled

    return SqueezeExcite()


def _residual(main: nn.Module, shortcut: Sequence[nn.Module], last: Sequence[nn.Module]) -> nn.Module:
    import torch
    from torch import nn

    class Residual(nn.Module):
        """Add a shortcut, the identity or a projection, and activate the sum."""

        def __init__(self) -> None:
            super().__init__()
            self.main, self.shortcut = main, nn.Sequential(*shortcut)
            self.last = nn.Sequential(*last)

        def forward(self, features: torch.Tensor) -> torch.Tensor:
            total: torch.Tensor = self.last(self.main(features) + self.shortcut(features))
            return total

    return Residual()


def build_operator(op: Operator) -> nn.Module:
    """Build the torch module of one operator, with torch's own initial weights.

    Parameters
    ----------
    op
        The operator. Input and output are float tensors of shape (n, channels, size, size); a linear layer
        flattens its input and gives (n, channels).

    Notes
    -----
    Convolutions pad by half their kernel, so that a stride of 2 halves a size rounding up. A shortcut that is
    projected under a stride averages first (ceil mode, padding not counted), as Once-for-All's ResNet does.
    In training mode the inputs of an in-place activation are overwritten; none of them is needed again.

    Examples
    --------
    >>> import torch
    >>> op = Operator(op="mbconv", in_size=8, out_size=4, in_channels=6, out_channels=9, hidden_channels=18,
    ...               kernel=5, stride=2, act="relu")
    >>> module = build_operator(op)
    >>> sum(p.numel() for p in module.parameters()) == op.params
    True
    >>> tuple(module(torch.zeros(2, 6, 8, 8)).shape)
    (2, 9, 4, 4)
    """
    from torch import nn

    main: list[nn.Module] = []
    excite: list[nn.Module] = []
    shortcut: list[nn.Module] = []
    for step in primitives(op):
        if step.kind == "add":
            return _residual(nn.Sequential(*main), shortcut, _activation(step.act))
        if step.kind == "scale":
            main.append(_squeeze_excite(excite))
        else:
            path = {"main": main, "se": excite, "shortcut": shortcut}[step.part]
            path.extend(_layers(step, op.dropout))
    return nn.Sequential(*main)


def build_network(operators: Iterable[Operator]) -> nn.Module:
    """Build the torch module of a whole operator list, the operators one after another.

    Raises
    ------
    ArchError
        If the list is empty, or an operator does not take what the one before it gives.

    Examples
    --------
    >>> import numpy as np
    >>> from blockprofile.space import count_params, list_operators, load_space
    >>> moga_c = np.array([2, 0, 2, 0, 2, 2, 9, 2, 2, 6, 7, 7, 7, 7], np.uint8)
    >>> ops = list_operators(load_space("moga"), moga_c)
    >>> network = build_network(ops)
    >>> sum(p.numel() for p in network.parameters()), count_params(ops)
    (5488200, 5488200)
    """
    from torch import nn

    ops = tuple(operators)
    if not ops:
        raise ArchError("a network needs at least one operator; got an empty list")
    for before, after in pairwise(ops):
        if (before.out_channels, before.out_size) != (after.in_channels, after.in_size):
            raise ArchError(
                f"operator '{after.describe()}' takes {after.in_channels} channels at {after.in_size}, but "
                f"'{before.describe()}' before it gives {before.out_channels} at {before.out_size}"
            )
    return nn.Sequential(*(build_operator(op) for op in ops))
