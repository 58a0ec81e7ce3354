"""The operator: one entry of the list that a network's costs, table keys and torch module are made from.

An `Operator` is block-sized (a whole MBConv is one). `primitives` expands it into convolutions, activations
and the like, as its kind says; multiply-adds and parameters are folds over those.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from blockprofile.errors import ArchError
from blockprofile.space.definition import Act, Gate
from blockprofile.space.primitives import Primitive

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

    op: str
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
        parts = [self.op, *([f"g{self.groups}" + "s" * self.shuffle] if self.groups > 1 else [])]
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


EXPANSIONS: dict[str, Callable[[Operator], list[Primitive]]] = {}
"""Operator -> its steps; filled by `blockprofile.space.kinds`."""


@lru_cache(maxsize=65536)
def primitives(op: Operator) -> tuple[Primitive, ...]:
    """Expand an operator into its steps, in the order in which they run.

    Raises
    ------
    ArchError
        If the operator is a custom block.
    """
    if op.op == "custom":
        raise ArchError(f"block {op.block!r} is custom: what it is made of is not known, its costs alone are")
    return tuple(EXPANSIONS[op.op](op))


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
