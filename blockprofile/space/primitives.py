"""The primitive: one step inside an operator, with its multiply-adds, parameters and elements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from blockprofile.space.definition import Act, Gate

Part = Literal["main", "se", "shortcut"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Primitive:
    """One step inside an operator; for ``act``, ``add`` and ``scale`` only channels and sizes have meaning.

    ``kind`` is ``conv``, ``depthwise`` or ``linear``, which have weights; ``add``, ``scale``, ``shuffle``,
    ``max_pool``, ``avg_pool`` or ``global_pool``; or what a kind of block brings along.
    ``part`` tells where it stands: in the main path, in the squeeze-and-excite branch, or in a shortcut that is not
    the identity. ``groups`` are those of a convolution, or those whose channels a ``shuffle`` mixes.
    """

    kind: str
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
    def weights(self) -> int:
        """Count the weights, each of which is used once for every place of the output; biases and norms apart."""
        return WEIGHTS[self.kind](self) if self.kind in WEIGHTS else 0

    @property
    def macs(self) -> int:
        """Count multiply-adds: of convolutions and linear layers alone, as torch's own counter does."""
        return self.weights * self.out_size * self.out_size

    @property
    def params(self) -> int:
        """Count weights, biases and the two vectors of a batch normalisation."""
        weights = self.weights
        return weights + self.out_channels * (int(self.bias) + 2 * int(self.bn)) if weights else 0

    @property
    def elements(self) -> int:
        """Count the elements of the output."""
        return self.out_channels * self.out_size * self.out_size


def _dense_weights(step: Primitive) -> int:
    return step.in_channels // step.groups * step.out_channels * step.kernel * step.kernel


WEIGHTS: dict[str, Callable[[Primitive], int]] = {
    "conv": _dense_weights,
    "linear": _dense_weights,
    "depthwise": lambda step: step.out_channels * step.kernel * step.kernel,
}
"""How many weights the steps have that have any."""
