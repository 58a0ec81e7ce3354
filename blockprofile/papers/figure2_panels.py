"""BlockProfile's Figure 2, computed again: M_b of ofa_mbv3 for each of its twelve panels, ours beside theirs.

Additive metrics are exact; the others are estimated from a pool. Drawing is in `blockprofile.papers.figure2`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.additive import Presence, block_targets, check_presence, exact_profile
from blockprofile.errors import CoverageError
from blockprofile.predict import AdditivePredictor, Card, Predictor, build_predictor, find_metric, read_published_table
from blockprofile.profile import PoolMoments, TargetWeights, estimate_means, standard_errors
from blockprofile.run import PoolRequest, draw_and_evaluate, n_chunks, show_progress
from blockprofile.space import Space, load_space

SPACE = "ofa_mbv3"
Z95 = 1.959963984540054
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel: M_b of the nine blocks, expansions (rows) by kernels (columns), ascending.

    ``metric`` is a column's name. ``theirs`` is as printed. ``ours`` and ``half_widths`` (of 95 % intervals; 0 where
    exact) are NaN where no predictor covers the panel; ``how`` says how ours were found, or why not. ``floor`` is the
    predictor's own error, ``decimals`` how many are printed.
    """

    metric: str
    unit: str
    resolution: int
    expansions: tuple[int, ...]
    kernels: tuple[int, ...]
    theirs: Values
    ours: Values
    half_widths: Values
    decimals: int
    how: str = ""
    caption: str = ""
    floor: float = 0.0

    @property
    def is_compared(self) -> bool:
        """Whether there are figures of ours."""
        return bool(np.isfinite(self.ours).any())

    @property
    def differences(self) -> Values:
        """Ours less theirs."""
        return self.ours - self.theirs

    @property
    def largest(self) -> float:
        """The largest absolute difference; NaN where there is nothing to compare."""
        return float(np.abs(self.differences).max())

    @property
    def spread(self) -> float:
        """The largest absolute difference that is left when their mean is taken off."""
        return float(np.abs(self.differences - self.differences.mean()).max())


def published_panels() -> tuple[Panel, ...]:
    """Read the panels of Figure 2 as printed, ours still empty.

    References
    ----------
    Mills et al., Profiling Neural Blocks and Design Spaces for Mobile Neural Architecture Search, CIKM 2021, Figure 2.

    Examples
    --------
    >>> panels = published_panels()
    >>> len(panels), panels[0].metric, panels[0].theirs[-1].tolist()
    (12, 'top1_percent', [77.51, 77.54, 77.58])
    """
    cells: dict[tuple[str, str, int], dict[tuple[int, int], str]] = {}
    for row in read_published_table("figure2_ofa"):
        metric = row["metric"] + (f":{row['device']}" if row["device"] else "")
        key = (metric, row["unit"], int(row["resolution"]))
        cells.setdefault(key, {})[int(row["expansion"]), int(row["kernel"])] = row["value"]
    return tuple(_empty_panel(*key, values) for key, values in cells.items())


def _empty_panel(metric: str, unit: str, resolution: int, values: Mapping[tuple[int, int], str]) -> Panel:
    expansions, kernels = (tuple(sorted({key[axis] for key in values})) for axis in (0, 1))
    theirs = np.array([[float(values[expansion, kernel]) for kernel in kernels] for expansion in expansions])
    decimals = max(len(text.partition(".")[2].rstrip("0")) for text in values.values())
    unknown = np.full(theirs.shape, np.nan)
    return Panel(
        metric=metric, unit=unit, resolution=resolution, expansions=expansions, kernels=kernels, theirs=theirs,
        ours=unknown, half_widths=unknown, decimals=decimals,
    )  # fmt: skip


def sampled_block_means(
    request: PoolRequest, metrics: Sequence[str], *, presence: Presence
) -> dict[str, dict[str, tuple[float, float]]]:
    """Estimate M_b (BlockProfile, equation 1) from a pool that is drawn on the way and not kept.

    Parameters
    ----------
    request
        The pool; it evaluates ``metrics`` among others.

    Returns
    -------
    Metric -> block -> (M_b, its standard error).
    """
    pool = request.resolve()
    space = pool.space
    moments = PoolMoments(space, metrics)
    with show_progress(f"sampling {request.space}", pool.n) as advance:
        for index in range(n_chunks(pool.n)):
            archs, values = draw_and_evaluate(pool, index)
            moments.add(archs, values)
            advance(len(archs))
    targets = block_targets(space, moments.groups, presence=presence, law=request.law)
    stacked = TargetWeights(targets, moments)
    names = tuple(dict.fromkeys(target.block for target in targets))
    member = np.array([[target.block == name for target in targets] for name in names], np.float64)
    member /= member.sum(axis=1, keepdims=True)
    found = {}
    for metric in metrics:
        cells = estimate_means(moments, metric, stacked)
        errors, _ = standard_errors(moments, metric, stacked, cells, member, against_mean=False)
        means = member @ cells.means
        found[metric] = {name: (float(m), float(e)) for name, m, e in zip(names, means, errors, strict=True)}
    return found


def _find_predictors(panels: Iterable[Panel]) -> dict[tuple[str, int], tuple[Space, Predictor]]:
    """Build what predicts each panel; panels that nothing covers are left out."""
    found = {}
    for panel in panels:
        space = load_space(SPACE, resolution=panel.resolution)
        try:
            predictor = build_predictor(find_metric(panel.metric, space), space)
        except CoverageError:
            continue
        found[panel.metric, panel.resolution] = space, predictor
    return found


def _fill(panel: Panel, space: Space, cells: Mapping[str, tuple[float, float]], *, how: str, card: Card) -> Panel:
    of_shape = {(block.expansion, block.kernel): cells[block.name] for block in space.blocks}
    pairs = np.array([[of_shape[expansion, kernel] for kernel in panel.kernels] for expansion in panel.expansions])
    words: dict[str, Any] = {"caption": card.caption, "floor": card.floor or 0.0}
    return replace(panel, ours=pairs[..., 0], half_widths=Z95 * pairs[..., 1], how=how, **words)


def compare_panels(*, presence: str = "cikm21", n: int = 1_000_000, seed: int = 0) -> tuple[Panel, ...]:
    """Compute every panel of Figure 2 that a shipped predictor covers.

    Parameters
    ----------
    presence
        The figure was made with the rule ``cikm21``.
    n, seed
        Archs and seed of the pool for metrics that do not add up; the others are exact.

    Returns
    -------
    All panels, in the order of the figure; those that nothing covers keep NaN, and say so.

    Raises
    ------
    OptionError
        If the presence is unknown.
    """
    rule = check_presence(presence)
    panels = published_panels()
    known = _find_predictors(panels)
    sampled: dict[int, dict[str, dict[str, tuple[float, float]]]] = {}
    for resolution in dict.fromkeys(panel.resolution for panel in panels):
        wanted = tuple(m for (m, r), (_, p) in known.items() if r == resolution and not _is_additive(p))
        if wanted:
            request = PoolRequest(space=SPACE, n=n, metrics=wanted, seed=seed, resolution=resolution)
            sampled[resolution] = sampled_block_means(request, wanted, presence=rule)
    return tuple(_compared(panel, known, sampled, rule, n) for panel in panels)


def _is_additive(predictor: Predictor) -> bool:
    return isinstance(predictor, AdditivePredictor)


def _compared(
    panel: Panel,
    known: Mapping[tuple[str, int], tuple[Space, Predictor]],
    sampled: Mapping[int, Mapping[str, Mapping[str, tuple[float, float]]]],
    presence: Presence,
    n: int,
) -> Panel:
    if (panel.metric, panel.resolution) not in known:
        return replace(panel, how=f"no predictor at {panel.resolution}")
    space, predictor = known[panel.metric, panel.resolution]
    card = find_metric(panel.metric, space)[0]
    if isinstance(predictor, AdditivePredictor):
        exact = exact_profile(space, [predictor.factors], presence=presence)
        cells = {block: (float(value), 0.0) for block, value in zip(exact.blocks, exact.block_mean[0], strict=True)}
        return _fill(panel, space, cells, how="exact", card=card)
    return _fill(panel, space, sampled[panel.resolution][panel.metric], how=f"{n:,} archs", card=card)
