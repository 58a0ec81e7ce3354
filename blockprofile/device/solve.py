"""A lookup table from the times of whole networks: how much each operator takes, so that the sums come out.

Least squares with times of at least 0, drawn towards a roofline that is fitted to the same networks; how strongly
follows from their likelihood, and networks left out judge the whole. Nothing is read or written here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blockprofile.device.roofline import likeness, operator_quantities
from blockprofile.predict import LookupKey, lookup_key
from blockprofile.space import Archs, Operator, Space, build_sites, distinct_operators

Floats = NDArray[np.float64]

FOLDS = 5
LEAST_SHARE = 0.1
"""Operators miss the roofline by a standard deviation in proportion to the square root of what it gives, and of what is
at least this share of its mean."""
_RIDGES = np.logspace(-6, 3, 91)
"""Ratios that are tried: the variance of networks around the sum, by that of operators around the roofline."""


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """How often each operator stands in each network.

    Parameters
    ----------
    operators
        The distinct operators by their key in a table; the first of those that share one.
    counts
        float64, shape (n_networks, n_operators).
    known
        What custom blocks state that they cost, summed, in ms, shape (n_networks,); they are no columns.
    """

    operators: Mapping[LookupKey, Operator]
    counts: Floats
    known: Floats

    def take(self, rows: NDArray[np.int64]) -> Design:
        """Return the design of these networks alone."""
        return Design(self.operators, self.counts[rows], self.known[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """A solved table.

    Parameters
    ----------
    times
        Of each operator in the order of the design's, ms; float64, shape (k,).
    offset_ms
        What every network takes beside its operators.
    residual_ms
        The standard deviation of networks around their sums, by the likelihood: noise, and what is no sum.
    left_out
        What each network was given by a table that was solved without it, ms, shape (n,).
    """

    times: Floats
    offset_ms: float
    residual_ms: float
    left_out: Floats

    def error_ms(self, measured: Floats) -> float:
        """The root mean square error of the networks, each left out."""
        return float(np.sqrt(np.mean((self.left_out - measured) ** 2)))

    def networks_to_halve(self, measured: Floats) -> float:
        """Estimate how many networks, in all, would halve the error; infinity where none do.

        Notes
        -----
        The squared error of n networks' table is taken to be s^2 + c / n, with s the ``residual_ms``.
        """
        now, least = self.error_ms(measured) ** 2, self.residual_ms**2
        gain, wanted = now - least, now / 4 - least
        return len(measured) * gain / wanted if gain > 0 and wanted > 0 else float("inf")


def count_operators(space: Space, archs: Archs, *, metric: str) -> Design:
    """Count the operators of archs.

    Parameters
    ----------
    archs
        uint8, shape (n, n_slots); archs of the definition.
    metric
        The device's metric: a custom block that states what it costs in it is known, and is no unknown.
    """
    stated = {op: dict(op.costs)[metric] for op in distinct_operators(space) if metric in dict(op.costs)}
    operators: dict[LookupKey, Operator] = {}
    for each in distinct_operators(space):
        if each not in stated:
            operators.setdefault(lookup_key(each), each)
    columns = {key: column for column, key in enumerate(operators)}
    counts, known = np.zeros((len(archs), len(operators))), np.zeros(len(archs))
    for site in build_sites(space):
        codes = archs[:, list(site.scope)]
        distinct, inverse = np.unique(codes, axis=0, return_inverse=True)
        for number, row in enumerate(distinct):
            op = site.table.get(tuple(int(code) for code in row))
            if op is None:
                continue
            there = inverse.reshape(-1) == number
            if op in stated:
                known[there] += stated[op]
            else:
                counts[there, columns[lookup_key(op)]] += 1
    return Design(operators, counts, known)


def join_designs(parts: Sequence[tuple[NDArray[np.int64], Design]], n: int) -> Design:
    """Put together the designs of rows at several resolutions: those rows, of ``n`` in all, and their design."""
    operators: dict[LookupKey, Operator] = {}
    for _, design in parts:
        for key, op in design.operators.items():
            operators.setdefault(key, op)
    columns = {key: column for column, key in enumerate(operators)}
    counts, known = np.zeros((n, len(operators))), np.zeros(n)
    for rows, design in parts:
        places = np.array([columns[key] for key in design.operators])
        counts[rows[:, None], places] = design.counts
        known[rows] = design.known
    return Design(operators, counts, known)


def _roofline(quantities: Floats, counts: Floats, times: Floats) -> Floats:
    """Fit a roofline and a constant to whole networks; return what it gives each operator."""
    from scipy.optimize import nnls

    rows = np.column_stack([counts @ quantities, np.ones(len(counts))])
    scale = np.where((mean := rows.mean(axis=0)) > 0, mean, 1.0)
    weights, _ = nnls(rows / scale, times, maxiter=100 * rows.shape[1])
    given: Floats = quantities @ (weights / scale)[:-1]
    return given


class _Fit:
    """The fit to one set of networks, in units of their mean time."""

    def __init__(self, tables: tuple[Floats, Floats], counts: Floats, times: Floats) -> None:
        quantities, alike = tables
        self.scale, self.counts = float(times.mean()), counts
        self.times = times / self.scale
        self.prior = _roofline(quantities, counts, self.times)
        # Where the roofline gives nothing, a hundredth of an even share: a ridge needs some measure of its own.
        level = max(float(self.prior.mean()), 0.01 / max(float(counts.sum(axis=1).mean()), 1.0))
        deviation = np.sqrt(np.maximum(self.prior, LEAST_SHARE * level) * level)
        self.root = np.linalg.cholesky(deviation[:, None] * alike * deviation[None, :])
        self.ridge, self.variance = self._likeliest()

    def _likeliest(self) -> tuple[float, float]:
        """Find the ridge of the greatest restricted likelihood, and the variance around the sum.

        Notes
        -----
        Of y = X p + b + X d + e, d ~ N(0, S v / r) and e ~ N(0, v): in the eigenvectors of the contrasts' covariance
        the likelihood is that of independent normal values.
        """
        apart = self.counts - self.counts.mean(axis=0)
        gaps = self.times - self.counts @ self.prior
        left, spread, _ = np.linalg.svd(apart @ self.root, full_matrices=False)
        # One direction is the constant's; those without spread tell the variance alone.
        n, told = len(gaps) - 1, np.square(left.T @ (gaps - gaps.mean()))
        rest = max(float(np.square(gaps - gaps.mean()).sum() - told.sum()), 0.0)
        best = (-np.inf, float(_RIDGES[0]), 0.0)
        for ridge in _RIDGES:
            widths = spread[:n] ** 2 / ridge + 1
            variance = float((told[:n] / widths).sum() + rest) / n
            best = max(best, (-n * np.log(max(variance, 1e-300)) - np.log(widths).sum(), float(ridge), variance))
        return best[1], best[2]

    def solve(self) -> tuple[Floats, float]:
        """Return the operators' times and the offset, in ms."""
        from scipy.optimize import nnls

        k = len(self.prior)
        data: Floats = np.column_stack([self.counts, np.ones(len(self.times)), self.times])
        if len(data) > k + 2:
            # Least squares see a tall matrix through its triangle alone.
            data = np.asarray(np.linalg.qr(data, mode="r"))
        pull = np.sqrt(self.ridge) * np.linalg.inv(self.root)
        rows = np.vstack([data[:, :-1], np.column_stack([pull, np.zeros(k)])])
        found, _ = nnls(rows, np.concatenate([data[:, -1], pull @ self.prior]), maxiter=100 * (k + 1))
        return found[:-1] * self.scale, float(found[-1]) * self.scale


def _operator_tables(design: Design) -> tuple[Floats, Floats]:
    """Return quantities, scaled to a mean of 1 so that none is rounded away, and likeness of a design's operators."""
    operators = list(design.operators.values())
    quantities = np.stack([operator_quantities(op) for op in operators])
    return quantities / np.where((mean := quantities.mean(axis=0)) > 0, mean, 1.0), likeness(operators)


def solve_table(design: Design, measured: Floats, *, seed: int = 0) -> Solution:
    """Solve a table from whole networks, and judge it by networks left out.

    Parameters
    ----------
    measured
        The networks' times in ms, shape (n,); float64, above 0.
    seed
        Of the five folds.

    Notes
    -----
    With counts X, times t >= 0, an offset b >= 0, a roofline p fitted to the same networks and a covariance S of what
    operators take beside it: minimises |X t + b - y|^2 + r |t - p|^2, the latter in the norm of S^-1. The ridge r is
    that of the greatest restricted likelihood. Networks left out judge all of it: roofline and ridge are made anew
    without them.
    """
    tables, times = _operator_tables(design), measured - design.known
    fold = np.random.default_rng(seed).permutation(np.arange(len(times)) % FOLDS)
    left_out = np.empty(len(times))
    for out in range(FOLDS):
        kept, held = fold != out, fold == out
        found, offset = _Fit(tables, design.counts[kept], times[kept]).solve()
        left_out[held] = design.counts[held] @ found + design.known[held] + offset
    fit = _Fit(tables, design.counts, times)
    found, offset = fit.solve()
    return Solution(found, offset, float(np.sqrt(fit.variance)) * fit.scale, left_out)
