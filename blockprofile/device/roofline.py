"""What is expected of an operator's time before anything is timed: a roofline, and which operators miss it alike.

A time is a sum of non-negative parts: multiply-adds at a device's rate, values moved at its bandwidth, and a share for
every kernel that is started. What an operator takes beside that is alike in operators that are alike.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from blockprofile.space import Operator, Primitive, primitives

_CONVOLUTIONS = frozenset({"conv", "depthwise", "linear"})
_ELEMENTWISE = frozenset({"act", "add", "scale", "shuffle"})


def _quantities(step: Primitive) -> list[float]:
    is_depthwise, is_gate = step.kind == "depthwise", step.kind == "scale"
    computes = step.kind in _CONVOLUTIONS
    moved = (step.elements + step.in_channels * step.in_size**2) * computes
    return [
        0 if is_depthwise else step.macs, step.macs * is_depthwise, moved, moved * is_depthwise, step.params,
        step.elements * (step.kind in _ELEMENTWISE), step.elements * is_gate, computes and step.part == "main", is_gate,
    ]  # fmt: skip


def operator_quantities(op: Operator) -> NDArray[np.float64]:
    """Measure an operator in the quantities of a roofline, float64, shape (9,).

    In this order: dense and depthwise multiply-adds, values moved, those moved in depthwise convolutions, weights,
    element-wise values, gated values, kernels, gates. Of a custom block nothing is known but what it states of its
    multiply-adds and parameters; it counts as one kernel.

    Examples
    --------
    >>> op = Operator(op="conv", in_size=8, out_size=8, in_channels=4, out_channels=2, kernel=1, bn=False)
    >>> operator_quantities(op).tolist()
    [512.0, 0.0, 384.0, 0.0, 8.0, 0.0, 0.0, 1.0, 0.0]
    """
    if op.op == "custom":
        return np.array([op.macs, 0, 0, 0, op.params, 0, 0, 1, 0], np.float64)
    total: NDArray[np.float64] = np.array([_quantities(step) for step in primitives(op)], np.float64).sum(axis=0)
    return total


def _shape(op: Operator) -> tuple[object, ...]:
    return (op.op, op.in_size, op.out_size, op.in_channels, op.out_channels)


_ALIKE: tuple[tuple[float, Callable[[Operator], Hashable]], ...] = (
    (0.5, _shape),
    (1.0, lambda op: (_shape(op), op.hidden_channels)),
    (1.0, lambda op: (_shape(op), op.kernel)),
    (1.0, lambda op: (_shape(op), op.se_channels > 0)),
    (0.2, lambda op: (_shape(op), op.hidden_channels, op.kernel)),
    (0.2, lambda op: (_shape(op), op.hidden_channels, op.se_channels > 0)),
)
_ALONE = 0.05
"""The variance that is an operator's own; the rest it shares with the operators that are alike in some way. Chosen on
six devices of Accel-NASBench, by networks left out."""


def likeness(operators: Sequence[Operator]) -> NDArray[np.float64]:
    """Say how far operators miss a roofline alike: their covariance in units of its own, shape (k, k).

    Operators of one shape share a part; those that have the expansion, the kernel or the gate in common, more.
    """
    total = _ALONE * np.eye(len(operators))
    for weight, key in _ALIKE:
        numbers: dict[Hashable, int] = {}
        group = np.array([numbers.setdefault(key(op), len(numbers)) for op in operators])
        total += weight * (group[:, None] == group[None, :])
    return total
