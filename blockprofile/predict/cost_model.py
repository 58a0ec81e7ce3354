"""Cost models: a latency as a sum over operators, linear in a few physical quantities.

The coefficients stand on the predictor's card; `blockprofile.papers.calibrate` fits them. The model adds up over
operators, so it compiles to factor tables like a count does, and its expectations are exact.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import CoverageError, DefinitionError, one_of
from blockprofile.predict.base import AdditivePredictor
from blockprofile.predict.card import CARD_NAME, Card
from blockprofile.space import Operator, Primitive, Space, distinct_operators, primitives

FEATURES = ("dense_macs_m", "depthwise_macs_m", "serial_depth_k", "elementwise_m", "gates")
"""The quantities, in the order of `measure_operator`'s result."""

COVERED = frozenset({"conv", "mbconv", "fused_mbconv", "global_pool", "linear"})
UNFUSED = frozenset({"hswish", "swish"})
"""Activations that mobile runtimes of 2019 ran as steps of their own; ReLU and ReLU6 are part of a convolution."""


def measure_operator(op: Operator, *, gate_passes: float) -> NDArray[np.float64]:
    """Measure an operator in the physical quantities that cost models are linear in.

    Parameters
    ----------
    op
        A convolution, MBConv, global pool or linear layer.
    gate_passes
        What one squeeze-and-excite gate costs per element (its pooling and its scaling), counted in element-wise
        passes of an h-swish.

    Returns
    -------
    float64, shape (5,), in the order of `FEATURES`:

    - ``dense_macs_m``: multiply-adds, 1e6, of all but the depthwise convolutions;
    - ``depthwise_macs_m``: multiply-adds, 1e6, of the depthwise convolutions;
    - ``serial_depth_k``: input channels x kernel area, 1e3, summed over the dense convolutions of the main path:
      the multiply-adds that one output value waits for, whatever runs beside it;
    - ``elementwise_m``: elements, 1e6, that pass through an unfused activation, and ``gate_passes`` times those
      that a squeeze-and-excite gate scales;
    - ``gates``: the number of squeeze-and-excite gates.

    Raises
    ------
    CoverageError
        If the operator is of another kind.

    Examples
    --------
    >>> head = Operator(op="conv", in_size=7, out_size=7, in_channels=160, out_channels=960, kernel=1, act="hswish")
    >>> [float(value) for value in measure_operator(head, gate_passes=2).round(5)]
    [7.5264, 0.0, 0.16, 0.04704, 0.0]
    """
    if op.op not in COVERED:
        raise CoverageError(f"cost models do not cover {op.describe()}; {one_of(op.op, sorted(COVERED))}")
    total = np.zeros(len(FEATURES))
    for step in primitives(op):
        total += _measure(step, gate_passes)
    return total


def _measure(step: Primitive, gate_passes: float) -> NDArray[np.float64]:
    dense = depthwise = depth = passes = gates = 0.0
    if step.kind in {"conv", "linear"}:
        dense = step.macs / 1e6
    if step.kind == "conv" and step.part == "main":
        depth = step.in_channels * step.kernel * step.kernel / 1e3
    if step.kind == "depthwise":
        depthwise = step.macs / 1e6
    if step.part == "main" and step.act in UNFUSED:
        passes = step.elements / 1e6
    if step.kind == "scale":
        passes, gates = gate_passes * step.elements / 1e6, 1.0
    return np.array([dense, depthwise, depth, passes, gates])


def operator_cost(op: Operator, *, coefficients: Mapping[str, float], gate_passes: float) -> float:
    """Cost one operator, in the unit of the coefficients; a quantity without a coefficient is free.

    Raises
    ------
    CoverageError
        If the model does not cover the operator.
    """
    weights = np.array([coefficients.get(name, 0.0) for name in FEATURES])
    return float(weights @ measure_operator(op, gate_passes=gate_passes))


def _coefficients(given: Any, path: Path) -> dict[str, float]:
    key = "parameters.coefficients"
    if not isinstance(given, Mapping) or not given:
        raise DefinitionError("must map quantities to milliseconds", path=path, key=key)
    for name, value in given.items():
        if name not in FEATURES:
            raise DefinitionError(f"unknown quantity {name!r}; {one_of(name, FEATURES)}", path=path, key=key)
        if not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
            raise DefinitionError(f"{value!r} is wrong: must be a number of at least 0", path=path, key=f"{key}.{name}")
    return {str(name): float(value) for name, value in given.items()}


def build_cost_model(card: Card, folder: Path, space: Space) -> AdditivePredictor:
    """Make the predictor of a cost model from its card's ``parameters.coefficients`` and ``.gate_passes``.

    Raises
    ------
    CoverageError
        If the space has an operator that cost models do not cover; which one.
    DefinitionError
        If the card's parameters are wrong.
    """
    path = folder / CARD_NAME
    coefficients = _coefficients(card.parameters.get("coefficients"), path)
    gate_passes = card.parameters.get("gate_passes", 0.0)
    if not isinstance(gate_passes, int | float) or not math.isfinite(gate_passes) or gate_passes < 0:
        message = f"{gate_passes!r} is wrong: must be a number of at least 0"
        raise DefinitionError(message, path=path, key="parameters.gate_passes")
    _check_coverage(card, space)

    def cost(op: Operator) -> float:
        stated = dict(op.costs).get(card.metric)
        if stated is not None:
            return stated
        return operator_cost(op, coefficients=coefficients, gate_passes=gate_passes)

    return AdditivePredictor.over_operators(card, space, cost)


def _is_covered(op: Operator, metric: str) -> bool:
    return op.op in COVERED or metric in dict(op.costs)


def _check_coverage(card: Card, space: Space) -> None:
    lacking = next((op for op in distinct_operators(space) if not _is_covered(op, card.metric)), None)
    if lacking is not None:
        raise CoverageError(
            f"predictor {card.name!r} does not cover space {space.base.name!r}: it has {lacking.describe()}; "
            f"cost models cover {', '.join(sorted(COVERED))}"
            + (f"; a custom block can state {card.metric} among its costs" if lacking.op == "custom" else "")
        )
