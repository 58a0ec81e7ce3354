"""The operator: one entry of the list that a network's costs, table keys and torch module are made from.

An `Operator` is block-sized (a whole MBConv is one). `primitives` expands it into convolutions, activations
and the like; multiply-adds and parameters are folds over those.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from blockprofile.errors import ArchError
from blockprofile.space.definition import Act, Gate
from blockprofile.space.primitives import Part, Primitive, PrimitiveKind

__all__ = ["OpName", "Operator", "count_macs", "count_params", "make_divisible", "primitives"]

OpName = Literal["conv", "mbconv", "fused_mbconv", "bottleneck", "custom", "max_pool", "global_pool", "linear"]
MILLION = 10**6


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One operator of a network.

    Sizes are the side of a square feature map in pixels. ``hidden_channels`` and ``kernel`` are 0 where they
    have no meaning. ``skip`` is an identity shortcut, ``pool_skip`` one through a 3x3 average pool; a bottleneck
    without either projects its shortcut. ``se_channels`` is the squeeze width, 0 without squeeze-and-excite.
    ``expand`` keeps the first 1x1 convolution of an mbconv whose hidden channels are its input's. ``block`` and
    ``costs`` (metric, value) are a custom block's name and figures.
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
    pool_skip: bool = False
    se_gate: Gate = "hsigmoid"
    groups: int = 1
    shuffle: bool = False
    expand: bool = False
    block: str = ""
    costs: tuple[tuple[str, float], ...] = ()

    @property
    def macs(self) -> int:
        """Count the multiply-adds of one image."""
        return count_macs(self)

    @property
    def params(self) -> int:
        """Count the parameters."""
        return count_params(self)

    @property
    def kind(self) -> str:
        """Name what the operator is, beside its sizes, kernel, stride, activation and shortcut.

        Examples
        --------
        >>> op = Operator(op="mbconv", in_size=8, out_size=8, in_channels=8, out_channels=8, hidden_channels=8,
        ...               kernel=3, groups=2, expand=True, pool_skip=True)
        >>> op.kind, Operator(op="conv", in_size=8, out_size=8, in_channels=8, out_channels=8).kind
        ('mbconv:g2:expanded:pool', 'conv')
        """
        if self.op == "custom":
            return f"custom:{self.block}"
        parts = [str(self.op), *([f"g{self.groups}" + "s" * self.shuffle] if self.groups > 1 else [])]
        parts += ["expanded"] * self.expand + ["pool"] * self.pool_skip
        gated = self.hidden_channels or self.out_channels
        if self.se_channels and self.se_channels not in {gated // 4, make_divisible(gated // 4)}:
            parts.append(f"se{self.se_channels}")
        return ":".join(parts + ["sigmoid"] * (self.se_gate == "sigmoid"))

    def describe(self) -> str:
        """Write the operator in a short readable form, used in messages.

        Examples
        --------
        >>> Operator(op="conv", in_size=224, out_size=112, in_channels=3, out_channels=16, kernel=3, stride=2,
        ...          act="hswish").describe()
        'conv k3 s2 3->16 at 224 hswish'
        """
        parts: list[str] = [f"custom {self.block!r}" if self.op == "custom" else self.op]
        if self.kernel:
            parts.append(f"k{self.kernel}")
        if self.op not in {"global_pool", "linear"}:
            parts.append(f"s{self.stride}")
        hidden = f"({self.hidden_channels})" if self.hidden_channels else ""
        parts.append(f"{self.in_channels}{hidden}->{self.out_channels} at {self.in_size}")
        if self.groups > 1:
            parts.append(f"g{self.groups}" + "s" * self.shuffle)
        parts.extend(["expanded"] * self.expand + ["se"] * bool(self.se_channels))
        parts.extend(["skip"] * self.skip + ["pool"] * self.pool_skip)
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


def _pointwise(
    channels: tuple[int, int], size: int, *, act: Act = "none", part: Part = "main", groups: int = 1
) -> Primitive:
    """Make a 1x1 convolution with batch normalisation."""
    return Primitive(
        kind="conv", in_channels=channels[0], out_channels=channels[1], in_size=size, out_size=size, bn=True, act=act,
        part=part, groups=groups,
    )  # fmt: skip


def _spatial(kind: PrimitiveKind, channels: tuple[int, int], op: Operator) -> Primitive:
    """Make the convolution that has the operator's kernel and stride, with batch normalisation."""
    return Primitive(
        kind=kind, in_channels=channels[0], out_channels=channels[1], in_size=op.in_size, out_size=op.out_size,
        kernel=op.kernel, stride=op.stride, bn=True, act=op.act,
        groups=op.groups if kind == "conv" else 1,
    )  # fmt: skip


def _gate(channels: tuple[int, int], act: Act | Gate) -> Primitive:
    """Make one of the two layers of a squeeze-and-excite."""
    return Primitive(
        kind="conv", in_channels=channels[0], out_channels=channels[1], in_size=1, out_size=1, bias=True, act=act,
        part="se",
    )  # fmt: skip


def _same(kind: PrimitiveKind, channels: int, sizes: tuple[int, int], *, part: Part = "main") -> Primitive:
    """Make a step that keeps the channels and has no parameters."""
    return Primitive(
        kind=kind, in_channels=channels, out_channels=channels, in_size=sizes[0], out_size=sizes[1], part=part
    )


def _squeeze_excite(op: Operator, channels: int) -> list[Primitive]:
    """Make the gate of what has so many channels at the output's size; nothing where there is none."""
    if not op.se_channels:
        return []
    return [
        _same("global_pool", channels, (op.out_size, 1), part="se"),
        _gate((channels, op.se_channels), op.se_act),
        _gate((op.se_channels, channels), op.se_gate),
        _same("scale", channels, (op.out_size, op.out_size), part="se"),
    ]


def _mbconv(op: Operator) -> list[Primitive]:
    hidden, steps = op.hidden_channels, []
    if hidden != op.in_channels or op.expand:
        steps.append(_pointwise((op.in_channels, hidden), op.in_size, act=op.act, groups=op.groups))
        if op.shuffle:
            steps.append(replace(_same("shuffle", hidden, (op.in_size, op.in_size)), groups=op.groups))
    steps += [_spatial("depthwise", (hidden, hidden), op), *_squeeze_excite(op, hidden)]
    steps.append(_pointwise((hidden, op.out_channels), op.out_size, groups=op.groups))
    return steps


def _fused_mbconv(op: Operator) -> list[Primitive]:
    """Expand by the kernel x kernel convolution; without expansion it is the only one (EfficientNetV2)."""
    hidden = op.hidden_channels
    if hidden == op.in_channels:
        return [_spatial("conv", (op.in_channels, op.out_channels), op), *_squeeze_excite(op, op.out_channels)]
    return [
        _spatial("conv", (op.in_channels, hidden), op),
        *_squeeze_excite(op, hidden),
        _pointwise((hidden, op.out_channels), op.out_size),
    ]


def _bottleneck(op: Operator) -> list[Primitive]:
    mid = op.hidden_channels
    steps = [
        _pointwise((op.in_channels, mid), op.in_size, act=op.act),
        _spatial("conv", (mid, mid), op),
        *_squeeze_excite(op, mid),
        _pointwise((mid, op.out_channels), op.out_size),
    ]
    if not (op.skip or op.pool_skip):
        if op.stride > 1:
            pool = _same("avg_pool", op.in_channels, (op.in_size, op.out_size), part="shortcut")
            steps.append(replace(pool, kernel=op.stride, stride=op.stride))
        steps.append(_pointwise((op.in_channels, op.out_channels), op.out_size, part="shortcut"))
    return steps


def _plain(op: Operator) -> list[Primitive]:
    """Expand an operator that is a single step."""
    kinds: dict[OpName, PrimitiveKind] = {
        "conv": "conv",
        "linear": "linear",
        "max_pool": "max_pool",
        "global_pool": "global_pool",
    }
    has_weights = op.op in {"conv", "linear"}
    return [
        Primitive(
            kind=kinds[op.op], in_channels=op.in_channels, out_channels=op.out_channels, in_size=op.in_size,
            out_size=op.out_size, kernel=op.kernel or 1, stride=op.stride, bn=op.bn and has_weights,
            bias=op.bias and has_weights, act=op.act, groups=op.groups,
        ),
        *_squeeze_excite(op, op.out_channels),
    ]  # fmt: skip


_EXPANSIONS: dict[str, Callable[[Operator], list[Primitive]]] = {
    "mbconv": _mbconv, "fused_mbconv": _fused_mbconv, "bottleneck": _bottleneck,
}  # fmt: skip
POOL_KERNEL = 3
"""The kernel of a pooled shortcut; the papers that have one leave it open."""


@lru_cache(maxsize=65536)
def primitives(op: Operator) -> tuple[Primitive, ...]:
    """Expand an operator into its steps, in the order in which they run.

    A bottleneck ends with its shortcut's projection, the addition and the last activation.

    Raises
    ------
    ArchError
        If the operator is a custom block.
    """
    if op.op == "custom":
        raise ArchError(f"block {op.block!r} is custom: what it is made of is not known, its costs alone are")
    steps = _EXPANSIONS.get(op.op, _plain)(op)
    if op.pool_skip:
        pool = _same("avg_pool", op.in_channels, (op.in_size, op.out_size), part="shortcut")
        steps.append(replace(pool, kernel=POOL_KERNEL, stride=op.stride))
    if op.skip or op.pool_skip or op.op == "bottleneck":
        joined = _same("add", op.out_channels, (op.out_size, op.out_size))
        steps.append(replace(joined, act=op.act) if op.op == "bottleneck" else joined)
    return tuple(steps)


def _stated(op: Operator, metric: str) -> int:
    """Return a count that a custom block states in millions."""
    return round(dict(op.costs)[metric] * MILLION)


def count_macs(ops: Operator | Iterable[Operator]) -> int:
    """Count the multiply-adds of an operator or of a whole list, for one image."""
    if isinstance(ops, Operator):
        return _stated(ops, "macs_m") if ops.op == "custom" else sum(step.macs for step in primitives(ops))
    return sum(count_macs(op) for op in ops)


def count_params(ops: Operator | Iterable[Operator]) -> int:
    """Count the parameters of an operator or of a whole list."""
    if isinstance(ops, Operator):
        return _stated(ops, "params_m") if ops.op == "custom" else sum(step.params for step in primitives(ops))
    return sum(count_params(op) for op in ops)
