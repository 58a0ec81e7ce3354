"""What stands in the way of a sum: with what whole networks' errors go, once each was left out of its table.

Depth, kernels and size are sums over operators themselves, so a table takes up what is in proportion to them. What it
cannot take up is curvature: deep networks that take more than in proportion (or less, where layers overlap).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from blockprofile.device.roofline import operator_quantities
from blockprofile.device.solve import Design

__all__ = ["LEAST_SHARE", "tell_hindrance"]

Floats = NDArray[np.float64]

LEAST_SHARE = 0.1
"""Of the errors' variance, below which nothing is said to explain them."""
KERNELS = 7
"""The place of kernels among `operator_quantities`."""


def _without(values: Floats, base: Floats) -> Floats:
    """Take out of values what is linear in the columns of ``base``."""
    left: Floats = values - base @ np.linalg.lstsq(base, values, rcond=None)[0]
    return left


def _shares(design: Design, measured: Floats, left_out: Floats) -> dict[str, tuple[float, float]]:
    """Return for each candidate the share of the errors' variance that goes with its square, and the slope's sign."""
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
        r = float(square @ errors) / size if size > 0 else 0.0
        found[name] = (r * r, r)
    return found


def tell_hindrance(design: Design, measured: Floats, left_out: Floats) -> str:
    """Say with what the errors of networks left out go, or that they go with nothing that is looked for.

    Parameters
    ----------
    measured, left_out
        The networks' figures, and what a table without each gave it; float64, shape (n,).
    """
    shares = _shares(design, measured, left_out)
    name = max(shares, key=lambda each: shares[each][0], default="")
    if not name or shares[name][0] < LEAST_SHARE:
        return "What the sum misses goes with neither depth, kernels nor size: it is noise, or pairs of operators."
    share, sign = shares[name]
    which = {
        "depth": "the deepest and the shallowest networks",
        "kernels": "networks of the most and the fewest kernels",
        "size": "the largest and the smallest networks",
    }[name]
    more = "more" if sign > 0 else "less"
    return f"{share:.0%} of what the sum misses is curvature in {name}: {which} take {more} than their sums."
