"""Made-up truths whose responses are known exactly, labels with noise, and predictors fitted across folds.

A truth is a sum over slots and over pairs of neighbouring layers, so that an additive predictor misses part of it; its
noise is the same for all archs, or grows with what is measured.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from blockprofile.additive import fit_factors
from blockprofile.additive.exact import exact_profile
from blockprofile.predict.crossfit import cut_folds
from blockprofile.predict.labelled import LabelledArchs, weigh_archs
from blockprofile.profile import Control
from blockprofile.profile.accumulate import Accumulator
from blockprofile.profile.exact_table import KEYS, mean_table
from blockprofile.profile.responses import Settings, response_table
from blockprofile.space import Archs, CompiledSum, Factor, Space, draw_archs
from blockprofile.space.definition import Block, Unit
from blockprofile.space.factors import table_shape
from tests.toy import TOY

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
        factors = fit_factors(space, archs[folds != fold], labels[folds != fold])
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


# -- factors: what each step does is written down, and what two of them do together -------------------------------

KERNEL, EXPANSION, BOTH = (0.5, -0.3), (1.0, 0.6), (0.4, -0.8)
"""By unit: what kernel 5 adds, what expansion 4 adds, and what the two add beyond that."""
NEIGHBOURS = 0.5
"""What two neighbouring layers add whose kernels agree; they take it off where they differ."""


def factor_space() -> Space:
    """Make a space of kernel by expansion by squeeze-and-excite, in units of two and three layers."""
    blocks = tuple(
        Block(name=f"e{e}k{k}{'se' * se}", expansion=float(e), kernel=k, se=se)
        for e, k, se in itertools.product((2, 4), (3, 5), (False, True))
    )
    units = (Unit(out=8, stride=1, depths=(2,), act="relu"), Unit(out=16, stride=2, depths=(3,), act="relu"))
    return Space(replace(TOY, name="factors", blocks=blocks, units=units))


def factor_values(space: Space, archs: Archs, rng: np.random.Generator) -> NDArray[np.float32]:
    """Add up what the layers' factors do, what neighbours do, and noise; squeeze-and-excite does nothing."""
    wide = np.array([block.expansion == 4.0 for block in space.blocks])
    large = np.array([block.kernel == 5 for block in space.blocks])
    values: NDArray[np.float64] = rng.normal(size=len(archs))
    for slot in space.layer_slots:
        e, k = wide[archs[:, slot.index]], large[archs[:, slot.index]]
        values += KERNEL[slot.unit - 1] * k + EXPANSION[slot.unit - 1] * e + BOTH[slot.unit - 1] * (k & e)
    for first, second in itertools.pairwise(space.layer_slots):
        values += NEIGHBOURS * np.where(large[archs[:, first.index]] == large[archs[:, second.index]], 1.0, -1.0)
    return values.astype(np.float32)


def true_factors() -> pd.DataFrame:
    """Write down the true effects: ``statistic``, ``u``, ``block``, ``true``."""
    kernel, expansion, se = "kernel 3->5", "expansion 2->4", "se no->yes"
    by_unit = {
        ("M_factor", kernel): np.array(KERNEL) + np.array(BOTH) / 2,
        ("M_factor", expansion): np.array(EXPANSION) + np.array(BOTH) / 2,
        ("M_factor", se): np.zeros(2),
        ("M_pair", f"{expansion} x {kernel}"): np.array(BOTH),
        ("M_pair", f"{expansion} x {se}"): np.zeros(2),
        ("M_pair", f"{kernel} x {se}"): np.zeros(2),
    }
    rows = [
        {"statistic": statistic, "u": unit, "block": name, "true": effect}
        for (statistic, name), effects in by_unit.items()
        for unit, effect in enumerate([effects.mean(), *effects])
    ]
    return pd.DataFrame(rows)


def profile_factors(*, n: int, seed: int) -> pd.DataFrame:
    """Profile a pool of the made-up truth: rows of factors and pairs beside ``true``, and whether it is covered."""
    space, rng = factor_space(), np.random.default_rng([seed, n])
    archs = draw_archs(space, n, rng)
    seen = Accumulator(space, [METRIC], n_planned=n)
    seen.add(archs, {METRIC: factor_values(space, archs, rng)})
    table = response_table(seen, info={}, settings=Settings(taus=()))
    rows = table[table["statistic"].isin(["M_factor", "M_pair"])]
    both = rows.merge(true_factors(), on=["statistic", "u", "block"], how="outer", validate="one_to_one")
    both["is_covered"] = (both["ci_low"] <= both["true"]) & (both["true"] <= both["ci_high"])
    return both
