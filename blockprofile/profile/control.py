"""Control variates: an additive part whose responses are known exactly, and a rest that few archs settle.

A metric that does not add up over slots is mostly a sum all the same. Its additive part's responses are exact over
the whole space, so only what is left of the metric has to be estimated, and its variance is 10 to 1,000 times
smaller: an interval of the same width takes as many times fewer archs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blockprofile.additive import ExactProfile, Presence, Target, block_targets, depth_targets, exact_profile
from blockprofile.profile.estimate import TargetWeights, estimate_means, standard_errors
from blockprofile.profile.pool_moments import PoolMoments
from blockprofile.space import Archs, CompiledSum, Factor, Law, Space

__all__ = [
    "Control",
    "ControlledResponses",
    "controlled_responses",
    "fit_control",
    "known_means",
]

Doubles = NDArray[np.float64]
_RIDGE = 1e-8
"""Relative to the number of archs: settles what the codes leave open (an inactive layer tells of the depth)."""


class Control:
    """The additive part of a metric.

    Parameters
    ----------
    space
        The space of the archs.
    factors
        The additive part: a network predictor's own (``predictor.factors``), or from `fit_control`.
    """

    def __init__(self, space: Space, factors: Sequence[Factor]) -> None:
        self.space, self.factors = space, tuple(factors)
        self._sum = CompiledSum(space, [self.factors])

    def rest(self, archs: Archs, values: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return what the additive part leaves of a metric: float32, shape (n,)."""
        return np.asarray(values - self._sum(self.space.check(archs))[0], np.float32)

    def profile(self, *, presence: Presence = "given", law: Law = "papers") -> ExactProfile:
        """Compute the additive part's responses exactly."""
        return exact_profile(self.space, [self.factors], presence=presence, law=law)


def fit_control(space: Space, archs: Archs, values: NDArray[np.floating]) -> tuple[Factor, ...]:
    """Fit an additive part to a metric: one value for every code of every slot, by least squares.

    Parameters
    ----------
    space
        The space of the archs.
    archs, values
        A pilot pool, uint8 (n, n_slots) and (n,). Take other archs than those that the responses are then estimated
        from: a part fitted to the same archs makes the rest look smaller than it is.

    Returns
    -------
    A constant and one factor for each slot.

    Raises
    ------
    ValueError
        If the pool is empty.

    Examples
    --------
    >>> from blockprofile.space import draw_archs, factorize, load_space
    >>> moga = load_space("moga")
    >>> macs = CompiledSum(moga, [factorize(moga, lambda op: op.macs / 1e6)])
    >>> pilot = draw_archs(moga, 2000, np.random.default_rng(0))
    >>> control = Control(moga, fit_control(moga, pilot, macs(pilot)[0]))
    >>> others = draw_archs(moga, 5, np.random.default_rng(1))
    >>> bool(np.abs(control.rest(others, macs(others)[0])).max() < 0.01)
    True
    """
    rows = space.check(archs)
    if len(rows) == 0:
        raise ValueError("the pilot pool holds no archs")
    sizes = np.array([slot.n_choices + (slot.kind == "layer") for slot in space.slots])
    starts = np.cumsum(sizes) - sizes
    held = np.zeros((len(rows), int(sizes.sum())))
    np.put_along_axis(held, (np.minimum(rows, sizes - 1) + starts).astype(np.intp), 1.0, axis=1)
    constant = float(np.mean(values))
    means = held.mean(axis=0)
    held -= means
    normal = held.T @ held + _RIDGE * len(rows) * np.eye(held.shape[1])
    weights: Doubles = np.linalg.solve(normal, held.T @ (np.asarray(values, np.float64) - constant)).astype(np.float64)
    tables = [Factor((slot.index,), weights[starts[slot.index] :][: sizes[slot.index]]) for slot in space.slots]
    return (Factor((), np.array(constant - float(means @ weights))), *tables)


def known_means(known: ExactProfile, targets: Sequence[Target]) -> Doubles:
    """Look up the exact expectations of an additive part under each target: float64, shape (n_targets,)."""
    cells = {(p.unit, p.layer, p.block, 0): value for p, value in zip(known.places, known.cell_mean[0], strict=True)}
    cells |= {
        (unit, 0, "", depth): value for (unit, depth), value in zip(known.depths, known.depth_mean[0], strict=True)
    }
    return np.array([cells[t.unit, t.layer, t.block, t.depth] for t in targets], np.float64)


@dataclass(frozen=True, slots=True)
class ControlledResponses:
    """Responses of a metric by way of its additive part.

    Parameters
    ----------
    targets
        Every (unit, layer, block), then every (unit, depth).
    n
        The number of archs the rest was estimated from.
    mean, mean_se
        Of the metric over the space, with its standard error.
    means
        Of the metric under each target, shape (n_targets,); NaN where no arch of the pool counts.
    effects, errors
        ``means - mean`` (equation 2 of BlockProfile) and their standard errors.
    plain_errors
        The standard errors that the same archs give without the additive part.
    """

    targets: tuple[Target, ...]
    n: int
    mean: float
    mean_se: float
    means: Doubles
    effects: Doubles
    errors: Doubles
    plain_errors: Doubles

    @property
    def reduction(self) -> Doubles:
        """How many times fewer archs each interval takes than without the additive part; infinite if it is exact."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray((self.plain_errors / self.errors) ** 2, np.float64)


def controlled_responses(
    archs: Archs,
    values: NDArray[np.floating],
    *,
    control: Control,
    presence: Presence = "given",
    law: Law = "papers",
) -> ControlledResponses:
    """Estimate the responses of a metric from few archs, its additive part taken exactly.

    Parameters
    ----------
    archs, values
        A pool drawn by ``law``, uint8 (n, n_slots), and the metric, (n,).
    control
        The additive part; not fitted to these archs.
    presence, law
        As in `exact_profile`.

    Raises
    ------
    OptionError
        If the presence is unknown.

    Notes
    -----
    The estimate is the exact response of the additive part plus the sampled response of the rest, without bias
    whatever the additive part is.

    References
    ----------
    Owen, Monte Carlo Theory, Methods and Examples, 2013, section 8.9.
    """
    space = control.space
    known = control.profile(presence=presence, law=law)
    moments = PoolMoments(space, ["metric", "rest"])
    moments.add(archs, {"metric": np.asarray(values, np.float32), "rest": control.rest(archs, values)})
    targets = block_targets(space, moments.groups, presence=presence, law=law)
    targets += depth_targets(space, moments.groups, law=law)
    stacked = TargetWeights(targets, moments)
    found, errors = {}, {}
    for name in ("metric", "rest"):
        found[name] = estimate_means(moments, name, stacked)
        seen = np.diag((found[name].n > 0).astype(np.float64))
        errors[name], _ = standard_errors(moments, name, stacked, found[name], seen, against_mean=True)
    rest_mean, rest_variance = moments.total("rest")
    mean = rest_mean + float(known.mean[0])
    means = found["rest"].means + known_means(known, targets)
    return ControlledResponses(
        tuple(targets), moments.n, mean, math.sqrt(rest_variance / moments.n), means, means - mean,
        errors["rest"], errors["metric"],
    )  # fmt: skip
