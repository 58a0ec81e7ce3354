"""What stands in the way of a sum: with what whole networks' errors go, once each was left out of its table.

Depth, kernels and size are sums over operators themselves, so a table takes up what is in proportion to them. What it
cannot take up is curvature: deep networks that take more than in proportion (or less, where layers overlap).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from blockprofile.device.roofline import operator_quantities
from blockprofile.device.solve import Design

Floats = NDArray[np.float64]

LEVEL = 0.05
"""The chance that noise alone is said to be curvature, over all that is looked at."""
KERNELS = 7
"""The place of kernels among `operator_quantities`."""


def _without(values: Floats, base: Floats) -> Floats:
    """Take out of values what is linear in the columns of ``base``."""
    left: Floats = values - base @ np.linalg.lstsq(base, values, rcond=None)[0]
    return left


def _curvatures(design: Design, measured: Floats, left_out: Floats) -> dict[str, float]:
    """Return for each candidate the correlation of the errors with its square, beside what is linear in the sums."""
    kernels = design.counts @ np.array([operator_quantities(op)[KERNELS] for op in design.operators.values()])
    candidates = {"depth": design.counts.sum(axis=1), "kernels": kernels, "size": left_out}
    base = np.column_stack([np.ones_like(left_out), left_out])
    errors = _without(measured - left_out, base)
    found = {}
    for name, values in candidates.items():
        spread = float(values.std())
        if spread == 0:
            continue
        square = _without(((values - values.mean()) / spread) ** 2, base)
        size = float(np.linalg.norm(square) * np.linalg.norm(errors))
        if size > 0:
            found[name] = float(square @ errors) / size
    return found


def _p_value(r: float, freedom: int) -> float:
    """Return the chance of a correlation as far from 0 where there is none, by Student's t; two sides."""
    from scipy.stats import t

    if freedom < 1:
        return 1.0
    score = abs(r) * np.sqrt(freedom / max(1 - r * r, np.finfo(float).tiny))
    return float(2 * t.sf(score, freedom))


def tell_hindrance(design: Design, measured: Floats, left_out: Floats) -> str:
    """Say with what the errors of networks left out go, or that they go with nothing that is looked for.

    Something is said of the strongest of the candidates where its correlation is beyond chance: Student's t, by
    Bonferroni over the candidates, at `LEVEL`.

    Parameters
    ----------
    measured, left_out
        The networks' figures, and what a table without each gave it; float64, shape (n,).
    """
    found = _curvatures(design, measured, left_out)
    name = max(found, key=lambda each: abs(found[each]), default="")
    freedom = len(measured) - 3  # the mean, the slope of the sums, the square
    if not name or len(found) * _p_value(found[name], freedom) > LEVEL:
        return (
            "What the sum misses is not seen to go with the squares of depth, kernels or size: noise, pairs of "
            "operators, or too few networks to tell."
        )
    which = {
        "depth": "the deepest and the shallowest networks",
        "kernels": "networks of the most and the fewest kernels",
        "size": "the largest and the smallest networks",
    }[name]
    more = "more" if found[name] > 0 else "less"
    share = f"{found[name] ** 2:.0%} of what the sum misses goes with curvature in {name}"
    return f"{share}: {which} take {more} than their sums."
