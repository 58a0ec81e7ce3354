"""Made-up truths whose responses are known exactly, labels with noise, and predictors fitted across folds.

A truth is a sum over slots and over pairs of neighbouring layers, so that an additive predictor misses part of it; its
noise is the same for all archs, or grows with what is measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from blockprofile.predict.crossfit import cut_folds
from blockprofile.profile.accumulate import Accumulator
from blockprofile.profile.control import Control, fit_control
from blockprofile.profile.exact import exact_profile
from blockprofile.profile.exact_table import KEYS, mean_table
from blockprofile.profile.labelled import LabelledArchs, weigh_archs
from blockprofile.profile.responses import Settings, response_table
from blockprofile.space import Archs, CompiledSum, Factor, Space, draw_archs
from blockprofile.space.factors import table_shape

METRIC = "top1_percent"
STATISTICS = ("M_b", "M_ulb", "M_d")
FOLDS = 5


@dataclass(frozen=True, slots=True)
class Truth:
    """A truth: its factors, its exact effects by `KEYS`, and its spread."""

    space: Space
    factors: tuple[Factor, ...]
    table: pd.DataFrame
    mean: float
    spread: float

    def label(self, archs: Archs, rng: np.random.Generator, *, noise: float, is_uneven: bool) -> NDArray[np.float64]:
        """Label archs with noise of ``noise`` spreads of the truth; uneven noise is e^0.8 larger a spread above."""
        values = CompiledSum(self.space, [self.factors])(archs)[0]
        own = np.exp(0.8 * (values - self.mean) / self.spread) if is_uneven else 1.0
        labels: NDArray[np.float64] = values + rng.normal(size=len(archs)) * noise * self.spread * own
        return labels


def make_truth(space: Space, *, seed: int) -> Truth:
    """Draw values for all codes of all slots, and half as large ones for pairs of neighbouring layers."""
    rng = np.random.default_rng(seed)
    factors = [Factor((slot.index,), rng.normal(0, 1.0, table_shape(space, (slot.index,)))) for slot in space.slots]
    for first, second in zip(space.layer_slots, space.layer_slots[1:], strict=False):
        pair = (first.index, second.index)
        factors.append(Factor(pair, rng.normal(0, 0.5, table_shape(space, pair))))
    found = exact_profile(space, [factors])
    return Truth(
        space, tuple(factors), mean_table(found, METRIC), float(found.mean[0]), float(found.variance[0] ** 0.5)
    )


def predict_across_folds(
    space: Space, archs: Archs, labels: NDArray[np.float64], *, seed: int
) -> tuple[Control, NDArray[np.float64]]:
    """Fit additive predictors without each fold: return their mean, and what each left of its fold's labels."""
    folds = cut_folds(archs, folds=FOLDS, seed=seed)
    left = np.empty(len(archs))
    parts = []
    for fold in range(FOLDS):
        factors = fit_control(space, archs[folds != fold], labels[folds != fold])
        left[folds == fold] = Control(space, factors).rest(archs[folds == fold], labels[folds == fold])
        parts += [Factor(factor.scope, factor.table / FOLDS) for factor in factors]
    return Control(space, parts), left


def profile_fitted(
    truth: Truth, *, n_labels: int, n_pool: int, seed: int, noise: float, is_uneven: bool, corrected: bool = True
) -> pd.DataFrame:
    """Label archs, fit, draw a pool, profile it: the table beside the true effects, in ``true``."""
    space, rng = truth.space, np.random.default_rng([seed, n_labels])
    archs = draw_archs(space, n_labels, rng)
    labels = truth.label(archs, rng, noise=noise, is_uneven=is_uneven)
    predictor, left = predict_across_folds(space, archs, labels, seed=seed)
    pool = draw_archs(space, n_pool, rng)
    values = -predictor.rest(pool, np.zeros(n_pool))
    seen = Accumulator(space, [METRIC], n_planned=n_pool)
    seen.add(pool, {METRIC: values})
    weights, how, _ = weigh_archs(space, archs, law="papers")
    labelled: Mapping[str, LabelledArchs] = {METRIC: LabelledArchs(archs, left, weights, how)} if corrected else {}
    table = response_table(seen, info={}, settings=Settings(taus=()), labelled=labelled)
    return beside_truth(table, truth)


def beside_truth(table: pd.DataFrame, truth: Truth) -> pd.DataFrame:
    """Put the true effect beside each, and whether its interval holds it."""
    known = truth.table[[*KEYS, "effect"]].rename(columns={"effect": "true"})
    both = table[table["statistic"].isin(STATISTICS)].merge(known, on=list(KEYS), validate="one_to_one")
    both["is_covered"] = (both["ci_low"] <= both["true"]) & (both["true"] <= both["ci_high"])
    return both
