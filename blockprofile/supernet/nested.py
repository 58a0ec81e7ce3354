"""Weights that operators share by nesting: the smaller one takes a part of the larger one's.

First channels of inputs and outputs, the centre of kernels (through a learnt matrix for each step down, if asked for),
first entries of batch normalisations. Which layers and depths there are is not decided here.

References
----------
Cai et al., Once-for-All: Train One Network and Specialize it for Efficient Deployment, ICLR 2020, section 3.3.
Stamoulis et al., Single-Path NAS, ECML-PKDD 2019 (the superkernel).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from blockprofile.space import Operator
from blockprofile.supernet.roles import Role, roles_of

if TYPE_CHECKING:
    from torch import Tensor, nn


def _shape(role: Role) -> tuple[int, int, int, int]:
    """Return outputs, inputs of one group, kernel and groups of a layer."""
    step = role.step
    groups = step.out_channels if step.kind == "depthwise" else step.groups
    return step.out_channels, step.in_channels // groups, step.kernel, groups


def nested_layers(ops: Sequence[Operator], *, transform: bool) -> nn.ModuleDict:
    """Make the weights of operators of one family: for every role a layer that holds each operator's.

    Parameters
    ----------
    transform
        Whether a smaller kernel is the centre of the next larger one times a matrix, which begins as the identity.

    Returns
    -------
    Role -> ``layer``, ``norm`` where there is one, and ``matrices`` by ``7to5``.
    """
    from torch import nn

    held: dict[str, list[Role]] = {}
    for op in ops:
        for role in roles_of(op):
            held.setdefault(role.name, []).append(role)
    return nn.ModuleDict({name: _layer(roles, transform=transform) for name, roles in held.items()})


def _layer(roles: Sequence[Role], *, transform: bool) -> nn.Module:
    import torch
    from torch import nn

    outs, ins, kernels, groups = zip(*(_shape(role) for role in roles), strict=True)
    out, kernel, kind = max(outs), max(kernels), roles[0].step.kind
    bias = any(role.step.bias for role in roles)
    parts: dict[str, nn.Module] = {}
    if kind == "linear":
        parts["layer"] = nn.Linear(max(ins), out, bias=bias)
    else:
        apart = out if kind == "depthwise" else groups[0]
        parts["layer"] = nn.Conv2d(max(ins) * apart, out, kernel, groups=apart, bias=bias)
    if any(role.norm for role in roles):
        parts["norm"] = nn.BatchNorm2d(out)
    steps = list(pairwise(sorted(set(kernels), reverse=True))) if transform else []
    if steps:
        parts["matrices"] = nn.ParameterDict(
            {f"{large}to{small}": nn.Parameter(torch.eye(small * small)) for large, small in steps}
        )
    return nn.ModuleDict(parts)


def nested_state(layers: nn.ModuleDict, op: Operator) -> dict[str, Tensor]:
    """Return the part of the weights that an operator takes, under the names of its own module.

    Values are views where nothing is computed, so that batch statistics which a forward pass updates are kept.
    """
    state: dict[str, Tensor] = {}
    for role in roles_of(op):
        parts = layers[role.name]
        out, ins, kernel, _ = _shape(role)
        layer = parts["layer"]  # type: ignore[index]
        weight = layer.weight[:out, :ins]
        if weight.ndim == 4:
            weight = _kernel(weight, kernel, dict(parts["matrices"]) if "matrices" in parts else {})  # type: ignore
        state[f"{role.layer}.weight"] = weight
        if role.step.bias:
            state[f"{role.layer}.bias"] = layer.bias[:out]
        if role.norm:
            norm = parts["norm"]  # type: ignore[index]
            for name in ("weight", "bias", "running_mean", "running_var"):
                state[f"{role.norm}.{name}"] = getattr(norm, name)[:out]
            state[f"{role.norm}.num_batches_tracked"] = norm.num_batches_tracked
    return state


def _kernel(weight: Tensor, kernel: int, matrices: dict[str, Tensor]) -> Tensor:
    """Take the centre of a kernel, from one size to the next where matrices lead down."""
    held = weight.shape[-1]
    if held == kernel:
        return weight
    steps = sorted((tuple(map(int, name.split("to"))), matrix) for name, matrix in matrices.items())
    for (large, small), matrix in reversed(steps):
        if kernel < large:
            centre = _centre(weight, small)
            weight = (centre.flatten(2) @ matrix.T).view_as(centre)
    return _centre(weight, kernel)


def _centre(weight: Tensor, kernel: int) -> Tensor:
    start = (weight.shape[-1] - 1) // 2 - (kernel - 1) // 2
    return weight[..., start : start + kernel, start : start + kernel]


def sort_channels(layers: nn.ModuleDict) -> None:
    """Put the inner channels in the order of their importance, so that the first ones are the most important.

    Notes
    -----
    A channel's importance is the sum of the absolute weights that read it (Once-for-All, section 3.3). The largest
    operator computes what it did before. Channels between blocks keep their places.
    """
    chain = [name for name in ("expand", "spatial", "project") if name in layers]
    for before, after in pairwise(chain):
        reader = layers[after]["layer"].weight  # type: ignore[index]
        if reader.ndim == 4 and layers[after]["layer"].groups == 1:  # type: ignore[index]
            gated = not (after == "spatial" and before == "expand")
            _reorder(layers, before, after, _order(reader), gated=gated)
    if "squeeze" in layers:
        _permute_outputs(layers["squeeze"], order := _order(layers["excite"]["layer"].weight))  # type: ignore
        _permute_inputs(layers["excite"], order)


def _order(reader: Tensor) -> Tensor:
    return reader.detach().abs().sum(dim=(0, 2, 3)).argsort(descending=True, stable=True)


def _reorder(layers: nn.ModuleDict, before: str, after: str, order: Tensor, *, gated: bool) -> None:
    """Permute the channels between two layers, and in what stands between them."""
    _permute_outputs(layers[before], order)
    if "depthwise" in layers:
        _permute_outputs(layers["depthwise"], order)
    if gated and "squeeze" in layers:
        _permute_inputs(layers["squeeze"], order)
        _permute_outputs(layers["excite"], order)
    _permute_inputs(layers[after], order)


def _permute_outputs(parts: nn.Module, order: Tensor) -> None:
    import torch
    from torch import nn

    with torch.no_grad():
        for part in (parts[name] for name in ("layer", "norm") if name in parts):  # type: ignore[operator, index]
            assert isinstance(part, nn.Module)
            for value in (*part.parameters(), *part.buffers()):
                if value.ndim:
                    value.copy_(value[order])


def _permute_inputs(parts: nn.Module, order: Tensor) -> None:
    import torch

    with torch.no_grad():
        weight = parts["layer"].weight  # type: ignore[index]
        weight.copy_(weight[:, order])
