"""How far a space reaches beyond what a predictor was fitted on, and the words that figures are shown with.

A calibrated predictor knows its error on networks like those that made it. Outside their range the error is not known,
and whoever sees a figure is told so, with the share of archs for which that holds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from blockprofile.additive import LimitedSampler, exact_distribution
from blockprofile.errors import OptionError
from blockprofile.predict.base import AdditivePredictor, Predictor
from blockprofile.predict.evaluator import noise_of
from blockprofile.space import INACTIVE, Archs, Law, Space, distinct_operators, draw_archs

ROUNDING = 1e-9
"""What sums of float64 probabilities may miss 1 by."""
N_DRAWN = 20_000
"""Archs that a share is estimated from where there is no exact distribution: within 0.7 points, 95 % interval."""
_COUNTED_FROM = {"flops_m": "macs_m", "weights_mb": "params_m"}
"""Columns that are counted from another, which a custom block states in their place."""


def share_outside(
    predictor: Predictor, space: Space, *, law: Law = "papers", within: LimitedSampler | None = None
) -> float:
    """Return the share of a space's archs that lie outside the range that a predictor was fitted on.

    Exact for additive metrics, estimated from 20,000 archs for others and under a limit; 0 for a predictor that names
    no range.

    Parameters
    ----------
    space
        Pruned or not; the share is that of its own archs.
    within
        Draws the archs of a pool that is limited; the share is then that of the pool.

    Examples
    --------
    >>> from blockprofile.predict import load_predictors
    >>> from blockprofile.space import load_space
    >>> ofa = load_space("ofa_mbv3")
    >>> (mace,) = load_predictors(ofa, devices=["mace_gpu"], metrics=[])
    >>> round(share_outside(mace, ofa), 3)
    0.875
    """
    card = getattr(predictor, "card", None)
    if card is None or card.fitted_range is None:
        return 0.0
    low, high = card.fitted_range
    if within is None and isinstance(predictor, AdditivePredictor):
        try:
            found = exact_distribution(space, predictor.factors, law=law)
        except OptionError:  # factors that couple too many slots
            pass
        else:
            share = found.share_under(low).value + 1 - found.share_under(high).value
            return share if share > ROUNDING else 0.0
    rng = np.random.default_rng(0)
    archs = draw_archs(space, N_DRAWN, rng, law=law) if within is None else within.draw(N_DRAWN, rng)
    values = predictor.predict(archs)
    return count_outside(predictor, values) / len(values)


def count_outside(predictor: Predictor, values: NDArray[np.float32]) -> int:
    """Count the values that lie outside the range that a predictor was fitted on."""
    card = getattr(predictor, "card", None)
    if card is None or card.fitted_range is None:
        return 0
    low, high = card.fitted_range
    return int(((values < low) | (values > high)).sum())


def tell_stated(space: Space, metric: str, archs: Archs | None = None) -> str:
    """Name the custom blocks whose part of a metric is what the space states; empty where there are none.

    Parameters
    ----------
    archs
        uint8, shape (n, n_slots): of these alone; None looks at all that the space allows.
    """
    column = metric.partition(":")[0]
    key = _COUNTED_FROM.get(column, metric)
    stated = {op.block for op in distinct_operators(space) if key in dict(op.costs)}
    if not stated:
        return ""
    there = set()
    for slot in space.layer_slots:
        codes = space.allowed[slot.index] if archs is None else np.unique(archs[:, slot.index]).tolist()
        there |= {slot.choices[code] for code in codes if code != INACTIVE}
    names = ", ".join(repr(name) for name in space.block_names if name in stated & there)
    return f"stated for {names}" if names else ""


def caption_of(predictor: Predictor, space: Space, *, law: Law = "papers", within: LimitedSampler | None = None) -> str:
    """Say in a few words where a predictor's figures of a space come from, and how wrong they are.

    A predictor without a card is the user's own, of whose error nothing is known. One that was read from a finished run
    has the ``caption`` that it had there.
    """
    kept = getattr(predictor, "caption", None)
    if isinstance(kept, str):
        return kept
    card = getattr(predictor, "card", None)
    if card is None:
        noise = noise_of(predictor)
        return f"user{f', noise {noise:.3g} {predictor.unit}' if noise else ''}, floor unknown: not audited"
    told: str = card.tell(share_outside(predictor, space, law=law, within=within))
    return "; ".join(filter(None, [told, tell_stated(space, predictor.metric)]))
