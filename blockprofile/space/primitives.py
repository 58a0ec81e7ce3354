"""The primitive: one step inside an operator, with its multiply-adds, parameters and elements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from blockprofile.space.definition import Act, Gate

__all__ = ["Part", "Primitive", "PrimitiveKind"]

PrimitiveKind = Literal[
    "conv", "depthwise", "linear", "act", "add", "scale", "shuffle", "max_pool", "avg_pool", "global_pool"
]
Part = Literal["main", "se", "shortcut"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Primitive:
    """One step inside an operator; for ``act``, ``add`` and ``scale`` only channels and sizes have meaning.

    ``part`` tells where it stands: in the main path, in the squeeze-and-excite branch, or in a shortcut that is not
    the identity. ``groups`` are those of a convolution, or those whose channels a ``shuffle`` mixes.
    """

    kind: PrimitiveKind
    in_channels: int
    out_channels: int
    in_size: int
    out_size: int
    kernel: int = 1
    stride: int = 1
    bn: bool = False
    bias: bool = False
    act: Act | Gate = "none"
    part: Part = "main"
    groups: int = 1

    @property
    def pads(self) -> tuple[int, int]:
        """The padding before and after each side; with an even kernel there is one row more after."""
        return (self.kernel - 1) // 2, self.kernel // 2

    @property
    def macs(self) -> int:
        """Count multiply-adds: of convolutions and linear layers alone, as torch's own counter does."""
        area = self.out_size * self.out_size
        if self.kind in {"conv", "linear"}:
            return self.in_channels // self.groups * self.out_channels * self.kernel * self.kernel * area
        if self.kind == "depthwise":
            return self.out_channels * self.kernel * self.kernel * area
        return 0

    @property
    def params(self) -> int:
        """Count weights, biases and the two vectors of a batch normalisation."""
        if self.kind in {"conv", "linear"}:
            weights = self.in_channels // self.groups * self.out_channels * self.kernel * self.kernel
        elif self.kind == "depthwise":
            weights = self.out_channels * self.kernel * self.kernel
        else:
            return 0
        return weights + self.out_channels * (int(self.bias) + 2 * int(self.bn))

    @property
    def elements(self) -> int:
        """Count the elements of the output."""
        return self.out_channels * self.out_size * self.out_size
