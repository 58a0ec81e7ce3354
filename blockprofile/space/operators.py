"""The operator: one entry of the list that a network's costs, table keys and torch module are made from.

An `Operator` is block-sized (a whole MBConv is one). `primitives` expands it into convolutions, activations
and the like; multiply-adds and parameters are folds over those.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from blockprofile.space.definition import Act
from blockprofile.space.primitives import Primitive

__all__ = ["OpName", "Operator", "count_macs", "count_params", "make_divisible", "primitives"]

OpName = Literal["conv", "mbconv", "bottleneck", "max_pool", "global_pool", "linear"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One operator of a network.

    Sizes are the side of a square feature map in pixels. ``hidden_channels`` and ``kernel`` are 0 where they
    have no meaning. ``skip`` is an identity shortcut; a bottleneck without one projects its shortcut.
    ``se_channels`` is the squeeze width, 0 without squeeze-and-excite.
    """

    op: OpName
    in_size: int
    out_size: int
    in_channels: int
    out_channels: int
    hidden_channels: int = 0
    kernel: int = 0
    stride: int = 1
    se_channels: int = 0
    se_act: Act = "none"
    act: Act = "none"
    skip: bool = False
    bn: bool = True
    bias: bool = False
    dropout: float = 0.0

    @property
    def macs(self) -> int:
        """Count the multiply-adds of one image."""
        return count_macs(self)

    @property
    def params(self) -> int:
        """Count the parameters."""
        return count_params(self)

    def describe(self) -> str:
        """Write the operator in a short readable form, used in messages.

        Examples
        --------
        >>> Operator(op="conv", in_size=224, out_size=112, in_channels=3, out_channels=16, kernel=3, stride=2,
        ...          act="hswish").describe()
        'conv k3 s2 3->16 at 224 hswish'
        """
        parts: list[str] = [self.op]
        if self.kernel:
            parts.append(f"k{self.kernel}")
        if self.op in {"conv", "mbconv", "bottleneck", "max_pool"}:
            parts.append(f"s{self.stride}")
        hidden = f"({self.hidden_channels})" if self.hidden_channels else ""
        parts.append(f"{self.in_channels}{hidden}->{self.out_channels} at {self.in_size}")
        parts.extend(["se"] * bool(self.se_channels) + ["skip"] * self.skip)
        if self.act != "none":
            parts.append(self.act)
        return " ".join(parts)


def make_divisible(value: float, divisor: int = 8) -> int:
    """Round to the nearest multiple of ``divisor``, never below 0.9 of the value (MobileNet's rule).

    Examples
    --------
    >>> make_divisible(18), make_divisible(20), make_divisible(3)
    (24, 24, 8)
    """
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded


def _mbconv(op: Operator) -> list[Primitive]:
    hidden, steps = op.hidden_channels, []
    if hidden != op.in_channels:
        steps.append(
            Primitive(
                kind="conv",
                in_channels=op.in_channels,
                out_channels=hidden,
                in_size=op.in_size,
                out_size=op.in_size,
                bn=True,
                act=op.act,
            )
        )
    steps.append(
        Primitive(
            kind="depthwise",
            in_channels=hidden,
            out_channels=hidden,
            in_size=op.in_size,
            out_size=op.out_size,
            kernel=op.kernel,
            stride=op.stride,
            bn=True,
            act=op.act,
        )
    )
    if op.se_channels:
        squeeze = op.se_channels
        steps += [
            Primitive(
                kind="global_pool", in_channels=hidden, out_channels=hidden, in_size=op.out_size, out_size=1, part="se"
            ),
            Primitive(
                kind="conv",
                in_channels=hidden,
                out_channels=squeeze,
                in_size=1,
                out_size=1,
                bias=True,
                act=op.se_act,
                part="se",
            ),
            Primitive(
                kind="conv",
                in_channels=squeeze,
                out_channels=hidden,
                in_size=1,
                out_size=1,
                bias=True,
                act="hsigmoid",
                part="se",
            ),
            Primitive(
                kind="scale",
                in_channels=hidden,
                out_channels=hidden,
                in_size=op.out_size,
                out_size=op.out_size,
                part="se",
            ),
        ]
    steps.append(
        Primitive(
            kind="conv",
            in_channels=hidden,
            out_channels=op.out_channels,
            in_size=op.out_size,
            out_size=op.out_size,
            bn=True,
        )
    )
    return steps


def _bottleneck(op: Operator) -> list[Primitive]:
    mid = op.hidden_channels
    steps = [
        Primitive(
            kind="conv",
            in_channels=op.in_channels,
            out_channels=mid,
            in_size=op.in_size,
            out_size=op.in_size,
            bn=True,
            act=op.act,
        ),
        Primitive(
            kind="conv",
            in_channels=mid,
            out_channels=mid,
            in_size=op.in_size,
            out_size=op.out_size,
            kernel=op.kernel,
            stride=op.stride,
            bn=True,
            act=op.act,
        ),
        Primitive(
            kind="conv",
            in_channels=mid,
            out_channels=op.out_channels,
            in_size=op.out_size,
            out_size=op.out_size,
            bn=True,
        ),
    ]
    if not op.skip:
        if op.stride > 1:
            steps.append(
                Primitive(
                    kind="avg_pool",
                    in_channels=op.in_channels,
                    out_channels=op.in_channels,
                    in_size=op.in_size,
                    out_size=op.out_size,
                    kernel=op.stride,
                    stride=op.stride,
                    part="shortcut",
                )
            )
        steps.append(
            Primitive(
                kind="conv",
                in_channels=op.in_channels,
                out_channels=op.out_channels,
                in_size=op.out_size,
                out_size=op.out_size,
                bn=True,
                part="shortcut",
            )
        )
    return steps


@lru_cache(maxsize=65536)
def primitives(op: Operator) -> tuple[Primitive, ...]:
    """Expand an operator into its steps, in the order in which they run.

    A bottleneck ends with its shortcut's projection, the addition and the last activation.
    """
    if op.op == "mbconv":
        steps = _mbconv(op)
    elif op.op == "bottleneck":
        steps = _bottleneck(op)
    elif op.op == "conv":
        steps = [
            Primitive(
                kind="conv",
                in_channels=op.in_channels,
                out_channels=op.out_channels,
                in_size=op.in_size,
                out_size=op.out_size,
                kernel=op.kernel,
                stride=op.stride,
                bn=op.bn,
                bias=op.bias,
                act=op.act,
            )
        ]
    elif op.op == "linear":
        steps = [
            Primitive(
                kind="linear",
                in_channels=op.in_channels,
                out_channels=op.out_channels,
                in_size=1,
                out_size=1,
                bias=op.bias,
            )
        ]
    else:
        steps = [
            Primitive(
                kind=op.op,
                in_channels=op.in_channels,
                out_channels=op.out_channels,
                in_size=op.in_size,
                out_size=op.out_size,
                kernel=op.kernel,
                stride=op.stride,
            )
        ]
    if op.skip or op.op == "bottleneck":
        steps.append(
            Primitive(
                kind="add",
                in_channels=op.out_channels,
                out_channels=op.out_channels,
                in_size=op.out_size,
                out_size=op.out_size,
                act=op.act if op.op == "bottleneck" else "none",
            )
        )
    return tuple(steps)


def count_macs(ops: Operator | Iterable[Operator]) -> int:
    """Count the multiply-adds of an operator or of a whole list, for one image."""
    if isinstance(ops, Operator):
        return sum(step.macs for step in primitives(ops))
    return sum(count_macs(op) for op in ops)


def count_params(ops: Operator | Iterable[Operator]) -> int:
    """Count the parameters of an operator or of a whole list."""
    if isinstance(ops, Operator):
        return sum(step.params for step in primitives(ops))
    return sum(count_params(op) for op in ops)
