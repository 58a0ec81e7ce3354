"""From probes to operators: what a call costs is found from chains, and taken out.

A call of k copies takes T_k = c + k t. From the operators that were timed both alone and in a chain,
c = (k T_1 - T_k) / (k - 1). It is modelled as a constant (the call) plus a part in proportion to the elements of input
and output (bringing them into the runtime's own layout and back), both at least 0. A network pays the constant once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from blockprofile.device.median import Median
from blockprofile.device.probes import Probe
from blockprofile.space import Operator


@dataclass(frozen=True, slots=True)
class Overhead:
    """What a call costs beside its operators, from ``n`` chains; ``spread_ms`` is what the fit leaves."""

    call_ms: float = 0.0
    ms_per_melement: float = 0.0
    n: int = 0
    spread_ms: float = 0.0

    def of(self, op: Operator, batch: int) -> float:
        """Return the overhead of a call that runs ``op`` or a chain of it, in ms."""
        return self.call_ms + self.ms_per_melement * _melements(op, batch)


def _melements(op: Operator, batch: int) -> float:
    return batch * (op.in_channels * op.in_size**2 + op.out_channels * op.out_size**2) / 1e6


def _width(median: Median) -> float:
    return median.half_width if np.isfinite(median.half_width) else median.value


def fit_overhead(probes: Sequence[Probe], medians: Mapping[str, Median], *, batch: int = 1) -> Overhead:
    """Fit the overhead of a call by weighted non-negative least squares.

    Parameters
    ----------
    probes, medians
        What was timed. An operator counts if it was timed alone and in a chain.

    Returns
    -------
    Zeros where no operator was timed in a chain.
    """
    from scipy.optimize import nnls

    alone = {probe.operator: medians[probe.name] for probe in probes if probe.length == 1}
    chains = [probe for probe in probes if probe.length > 1]
    if not chains:
        return Overhead()
    rows, values, weights = [], [], []
    for probe in chains:
        one, many, k = alone[probe.operator], medians[probe.name], probe.length
        rows.append([1.0, _melements(probe.operator, batch)])
        values.append((k * one.value - many.value) / (k - 1))
        weights.append((k - 1) / max(float(np.hypot(k * _width(one), _width(many))), 1e-6))
    design, target, weight = np.array(rows), np.array(values), np.array(weights)
    (call_ms, slope), _ = nnls(design * weight[:, None], target * weight)
    left = target - design @ [call_ms, slope]
    return Overhead(float(call_ms), float(slope), len(chains), float(np.median(np.abs(left))))


def operator_times(
    probes: Sequence[Probe], medians: Mapping[str, Median], overhead: Overhead, *, batch: int = 1
) -> dict[Operator, Median]:
    """Return each operator's own time: its longest chain's median less the overhead, over the length.

    Notes
    -----
    Never below 0. Half-width and spread are the chain's over the length; the overhead's own error is not in them.
    """
    longest: dict[Operator, Probe] = {}
    for probe in probes:
        if probe.operator not in longest or probe.length > longest[probe.operator].length:
            longest[probe.operator] = probe
    times: dict[Operator, Median] = {}
    for op, probe in longest.items():
        median, k = medians[probe.name], probe.length
        own = max(0.0, median.value - overhead.of(op, batch)) / k
        times[op] = Median(own, median.half_width / k, median.spread / k, median.n)
    return times
