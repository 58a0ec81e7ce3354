"""What the weights of an operator are for: the names under which operators at one place can share them.

A role (``expand``, ``depthwise``, ``project``, ...) is a convolution or linear layer of an operator together with its
batch normalisation. Roles are read off the steps of `blockprofile.space.primitives` and lead to the names that
`blockprofile.modules.build` gives the same layers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from blockprofile.modules import build_operator
from blockprofile.space import Operator, Primitive, primitives

if TYPE_CHECKING:
    from torch import nn

BN_EPS = 1e-5
"""What torch's batch normalisations add to a variance unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Role:
    """One weighted layer of an operator.

    ``layer`` and ``norm`` are the names of the layer and of its batch normalisation in the module that `build_operator`
    makes; ``norm`` is empty where there is none.
    """

    name: str
    step: Primitive
    layer: str
    norm: str = ""


def sizeless(op: Operator) -> Operator:
    """Return the operator without the sizes of its features, on which no weight depends."""
    return replace(op, in_size=1, out_size=1)


def family_of(op: Operator) -> str:
    """Name the operators that can share weights: one kind; grouped convolutions share at equal channels alone.

    Examples
    --------
    >>> family_of(Operator(op="mbconv", in_size=8, out_size=8, in_channels=4, out_channels=4, hidden_channels=8))
    'mbconv'
    """
    if op.groups == 1:
        return str(op.op)
    shape = "x".join(str(count) for count in (op.in_channels, op.hidden_channels, op.out_channels))
    return f"{op.op}-g{op.groups}{'s' * op.shuffle}-{shape}"


def set_bn_eps(module: nn.Module, eps: float) -> None:
    """Set what all batch normalisations of a module add to a variance."""
    from torch import nn

    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.eps = eps


@lru_cache(maxsize=4096)
def template_of(op: Operator, bn_eps: float = BN_EPS) -> nn.Module:
    """Return the operator's module without values (torch's meta device), one for all that differ in sizes alone."""
    import torch

    with torch.device("meta"):
        template = build_operator(op)
    set_bn_eps(template, bn_eps)
    return template


@lru_cache(maxsize=4096)
def roles_of(op: Operator) -> tuple[Role, ...]:
    """List the weighted layers of an operator, in the order in which they run."""
    from torch import nn

    steps = [step for step in primitives(op) if step.params]
    modules = list(template_of(op).named_modules())
    layers = [name for name, module in modules if isinstance(module, nn.Conv2d | nn.Linear)]
    norms = iter([name for name, module in modules if isinstance(module, nn.BatchNorm2d)])
    names = _names(op, steps)
    return tuple(
        Role(name, step, layer, next(norms) if step.bn else "")
        for name, step, layer in zip(names, steps, layers, strict=True)
    )


def _names(op: Operator, steps: list[Primitive]) -> list[str]:
    """Name the steps by where they stand around the one that has the operator's kernel."""
    main = [step for step in steps if step.part == "main"]
    depthwise = [place for place, step in enumerate(main) if step.kind == "depthwise"]
    spatial = depthwise[0] if depthwise else 1 if op.op == "bottleneck" else 0
    gate = iter(["squeeze", "excite"])
    names: list[str] = []
    place = 0
    for step in steps:
        if step.part != "main":
            names.append(next(gate) if step.part == "se" else "shortcut")
            continue
        centre = "linear" if step.kind == "linear" else "depthwise" if step.kind == "depthwise" else "spatial"
        names.append("expand" if place < spatial else centre if place == spatial else "project")
        place += 1
    return names
