"""Pruning of a small space by all that its labels leave open, pairs of choices included (``prune --order 2``).

Main effects say what a block is worth on average. The best arch within a limit has the blocks that are best together,
so here the sum of main effects and pairs is drawn as often as it takes, with what neither explains as every arch's own,
and a choice goes only if the best archs do without it in almost all draws.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import OptionError
from blockprofile.metric import parse_metric
from blockprofile.numbers import write_count
from blockprofile.profile import KeptRows, PairModel, fit_pair_model
from blockprofile.prune.compose import Bounds, Outcome
from blockprofile.prune.decision import Decision, make_evidence
from blockprofile.prune.duel import Duel
from blockprofile.prune.figures import Competition, Figures
from blockprofile.prune.front import front_rates
from blockprofile.prune.likely import prune_by_draws
from blockprofile.space import MOST_LISTED, Archs, Evidence, Space, count_archs, list_archs

Doubles = NDArray[np.float64]

N_DRAWS = 64
OWN_SHARE = 1.0
"""The share of what main effects and pairs do not explain that is taken to be an arch's own, and to have been drawn
anew for every arch. Chosen on half of the repetitions of the study truth_macro, which reports on the other half."""


@dataclass(frozen=True, slots=True)
class Scale:
    """The scale that a metric adds up on: ``to`` it and ``back``, which both ascend, and the ``slope`` of ``to``.

    A noise of values is that times the slope, which is there however near the values are to 100 %.
    """

    to: Callable[[Doubles], Doubles]
    back: Callable[[Doubles], Doubles]
    slope: Callable[[Doubles], Doubles]


def scale_of(metric: str, values: Doubles) -> Scale:
    """Choose the scale: of an accuracy in percent the logarithm of its error, of any other metric its own.

    Networks fail in many ways at once and are right in one: what a block adds near the top is little in points and as
    much in shares of the error.
    """
    if parse_metric(metric).unit == "%" and values.max() < 100:
        return Scale(
            to=lambda percent: -np.log(100 - percent),
            back=lambda scaled: 100 - np.exp(-scaled),
            slope=lambda percent: 1 / (100 - percent),
        )
    return Scale(np.asarray, np.asarray, np.ones_like)


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """Archs that are labelled: their ``rows`` among all, their ``values`` on the metric's own scale, and the standard
    deviation ``noise`` of each, a number or shape (n,).
    """

    rows: NDArray[np.intp]
    values: Doubles
    noise: Doubles | float


def draw_accuracies(
    model: PairModel, archs: Archs, scale: Scale, *, known: Known | None, rng: np.random.Generator, noise: float
) -> Doubles:
    """Draw the accuracy of every arch: shape (n_draws, n_archs), on the metric's own scale.

    Parameters
    ----------
    known
        What the model was fitted to, and further labels; None where their noise is not known, so that none is believed.
    noise
        The standard deviation between two trainings of an arch, on the metric's own scale: no part of what is an arch's
        own.
    """
    sums = model.draw(N_DRAWS, rng)(archs)
    own = own_spread(model, archs, scale, noise=noise)
    return add_own(sums, rng.normal(size=sums.shape), scale, own=own, known=known)


def add_own(sums: Doubles, apart: Doubles, scale: Scale, *, own: float, known: Known | None) -> Doubles:
    """Add what is every arch's own to sums of main effects and pairs, and return to the metric's own scale.

    Parameters
    ----------
    sums, apart
        Draws on the scale of the model, shape (n_draws, n_archs), and as many standard normal numbers.
    own
        The standard deviation of what is an arch's own. Of a labelled arch its label tells a share: as much as it is
        less noisy than that.
    known
        The labelled archs, if labels are believed at all.
    """
    drawn = apart * own
    if own > 0 and known is not None:
        blurred = known.noise * scale.slope(known.values)
        told = own**2 / (own**2 + blurred**2)
        left = scale.to(known.values) - sums[:, known.rows]
        drawn[:, known.rows] = told * left + np.sqrt(1 - told) * drawn[:, known.rows]
    return scale.back(sums + drawn)


def own_spread(model: PairModel, archs: Archs, scale: Scale, *, noise: float, own: float = OWN_SHARE) -> float:
    """Return the standard deviation of what is an arch's own, on the scale of the model."""
    blurred = noise * float(np.median(scale.slope(scale.back(model.mean()(archs)[0]))))
    return float(np.sqrt(own * max(0.0, model.sizes.rest - blurred**2)))


def compose_by_pairs(
    figures: Figures,
    rows: KeptRows,
    cost_of: Callable[[Archs], Doubles],
    *,
    bounds: Bounds,
    noise: float | None = None,
    seed: int = 0,
) -> Outcome:
    """Prune a space of few archs.

    Parameters
    ----------
    figures
        Of the space, for evidence.
    rows
        Archs with the accuracy's values.
    noise
        The standard deviation between two values of an arch; None where it is not known.

    Raises
    ------
    OptionError
        If the space has too many archs to look at one by one.
    """
    space, metric = figures.space, figures.gain.name
    if (n := count_archs(space)) > MOST_LISTED:
        raise OptionError(
            f"--order 2 looks at every arch: it takes a space of at most {MOST_LISTED:,}, and {space.name!r} has "
            f"{write_count(n)}; --order 1 prunes by main effects"
        )
    lose = bounds.may_lose(noise)
    archs = list_archs(space)
    values = rows.values[metric]
    scale = scale_of(metric, values)
    model = fit_pair_model(space, rows.archs, scale.to(values), seed=seed)
    known = None if noise is None else Known(_places(archs, rows.archs), values, noise / np.sqrt(rows.counts))
    drawn = draw_accuracies(model, archs, scale, known=known, noise=noise or 0.0, rng=np.random.default_rng(seed))
    allowed, drops = prune_by_draws(
        space, archs, cost_of(archs), drawn, tolerance=lose, risk=bounds.allowed_risk, keep=bounds.fewest
    )
    pruned = space.restricted(allowed, name=space.name)
    decisions = []
    for drop in drops:
        why = (
            f"with all that went before, the best within every limit of {figures.cost.name} loses more than "
            f"{lose:.3g} {figures.gain.unit} in {100 * drop.missed:.2g} % of {len(drawn)} draws of what "
            f"{len(values):,} archs leave open"
        )
        decisions.append(_decide(figures, pruned, drop.slot, drop.code, why))
    for slot in space.slots:
        is_decided = slot.kind in {"depth", "width"} or slot.index in figures.layers
        if is_decided and len(space.allowed[slot.index]) > 1:
            codes = pruned.allowed[slot.index]
            decisions += [_decide(figures, pruned, slot.index, code, "the best archs may need it") for code in codes]
    rates = front_rates(figures, tolerance=0.0)
    return Outcome(pruned, tuple(decisions), {}, figures, rates)


def _places(archs: Archs, some: Archs) -> NDArray[np.intp]:
    """Find some archs among all of them."""
    place = {arch.tobytes(): number for number, arch in enumerate(archs)}
    return np.array([place[arch.tobytes()] for arch in some], np.intp)


def _decide(figures: Figures, pruned: Space, index: int, code: int, why: str) -> Decision:
    found = _competition(figures, index)
    slot = figures.space.slots[index]
    name = figures.space.block_names[code] if slot.kind == "layer" else str(slot.choices[code])
    evidence: tuple[Evidence, ...] = ()
    verdict = "keep" if code in pruned.allowed[index] else "drop"
    if verdict == "drop" and code in found.codes:
        row = found.codes.index(code)
        rivals = [place for place, other in enumerate(found.codes) if other in pruned.allowed[index]]
        if rivals:
            rival = max(rivals, key=lambda place: float(found.gain[place]))
            evidence = make_evidence(figures, found, Duel(row, rival, 0.0, 0.0, 1.0), None)
    return Decision(
        policy="pairs", where=found.where, kind=found.kind, code=code, name=name,
        verdict="drop" if verdict == "drop" else "keep", why=why, evidence=evidence,
    )  # fmt: skip


def _competition(figures: Figures, index: int) -> Competition:
    slot = figures.space.slots[index]
    tables: Mapping[str, Mapping[int, Competition]] = {"depth": figures.depths, "width": figures.widths}
    return figures.layers[index] if slot.kind == "layer" else tables[slot.kind][slot.unit]
