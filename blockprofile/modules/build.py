"""The torch module of an operator list.

A network is described once: this module only joins the torch layers of the steps of `blockprofile.space.primitives`
(`blockprofile.modules.steps`), so its parameters and multiply-adds are those that the space counts. Weight sharing and
training are not here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from blockprofile.errors import ArchError
from blockprofile.modules.steps import activation, step_layers
from blockprofile.space import Operator, Primitive, primitives

if TYPE_CHECKING:
    from torch import nn


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


def step_modules(step: Primitive) -> nn.Module:
    """Build the torch module of one step alone; ``add`` and ``scale`` take the two values that they join."""
    import torch
    from torch import nn

    class Join(nn.Module):
        """Add or multiply two values, and activate what comes of it."""

        def __init__(self) -> None:
            super().__init__()
            self.last = nn.Sequential(*activation(step.act))

        def forward(self, main: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
            joined: torch.Tensor = self.last(main + other if step.kind == "add" else main * other)
            return joined

    return Join() if step.kind in {"add", "scale"} else nn.Sequential(*step_layers(step))


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
            return _residual(nn.Sequential(*main), shortcut, activation(step.act))
        if step.kind == "scale":
            main.append(_squeeze_excite(excite))
        else:
            path = {"main": main, "se": excite, "shortcut": shortcut}[step.part]
            path.extend([nn.Dropout(op.dropout)] if op.dropout and step.kind == "linear" else [])
            path.extend(step_layers(step))
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
