"""The steps that kinds of block are made of: convolutions with normalisation, gates, shortcuts."""

from __future__ import annotations

from dataclasses import replace

from blockprofile.space.definition import Act, Gate
from blockprofile.space.operators import Operator
from blockprofile.space.primitives import Part, Primitive

POOL_KERNEL = 3
"""The kernel of a pooled shortcut; the papers that have one leave it open."""


def pointwise(
    channels: tuple[int, int], size: int, *, act: Act = "none", part: Part = "main", groups: int = 1
) -> Primitive:
    """Make a 1x1 convolution with batch normalisation."""
    return Primitive(
        kind="conv", in_channels=channels[0], out_channels=channels[1], in_size=size, out_size=size, bn=True, act=act,
        part=part, groups=groups,
    )  # fmt: skip


def spatial(kind: str, channels: tuple[int, int], op: Operator) -> Primitive:
    """Make the step that has the operator's kernel, stride and activation, with batch normalisation."""
    return Primitive(
        kind=kind, in_channels=channels[0], out_channels=channels[1], in_size=op.in_size, out_size=op.out_size,
        kernel=op.kernel, stride=op.stride, bn=True, act=op.act,
        groups=op.groups if kind == "conv" else 1,
    )  # fmt: skip


def same(kind: str, channels: int, sizes: tuple[int, int], *, part: Part = "main") -> Primitive:
    """Make a step that keeps the channels and has no parameters."""
    return Primitive(
        kind=kind, in_channels=channels, out_channels=channels, in_size=sizes[0], out_size=sizes[1], part=part
    )


def single(op: Operator) -> list[Primitive]:
    """Expand an operator into the one step that has its name, and what may follow: a gate, a shortcut."""
    has_weights = op.op in {"conv", "linear"}
    step = Primitive(
        kind=op.op, in_channels=op.in_channels, out_channels=op.out_channels, in_size=op.in_size, out_size=op.out_size,
        kernel=op.kernel or 1, stride=op.stride, bn=op.bn and has_weights, bias=op.bias and has_weights, act=op.act,
        groups=op.groups,
    )  # fmt: skip
    return join(op, [step, *squeeze_excite(op, op.out_channels)])


def _gate(channels: tuple[int, int], act: Act | Gate) -> Primitive:
    """Make one of the two layers of a squeeze-and-excite."""
    return Primitive(
        kind="conv", in_channels=channels[0], out_channels=channels[1], in_size=1, out_size=1, bias=True, act=act,
        part="se",
    )  # fmt: skip


def squeeze_excite(op: Operator, channels: int) -> list[Primitive]:
    """Make the gate of what has so many channels at the output's size; nothing where there is none."""
    if not op.se_channels:
        return []
    return [
        same("global_pool", channels, (op.out_size, 1), part="se"),
        _gate((channels, op.se_channels), op.se_act),
        _gate((op.se_channels, channels), op.se_gate),
        same("scale", channels, (op.out_size, op.out_size), part="se"),
    ]


def join(op: Operator, steps: list[Primitive]) -> list[Primitive]:
    """Add the shortcut that the operator has, the identity or a pool, to its steps; nothing where it has none."""
    joined = list(steps)
    if op.pool_skip:
        pool = same("avg_pool", op.in_channels, (op.in_size, op.out_size), part="shortcut")
        joined.append(replace(pool, kernel=POOL_KERNEL, stride=op.stride))
    if op.skip or op.pool_skip:
        joined.append(same("add", op.out_channels, (op.out_size, op.out_size)))
    return joined
