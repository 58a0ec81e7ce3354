"""Labels less an additive part that was fitted to other labels: the same means from fewer trainings.

What a table of labels says of one block is blurred by all the other blocks of its archs. An additive part, fitted to
nine tenths of the labels, tells most of that for the tenth that is left; its own responses are exact over the whole
space, so only what it leaves has to be averaged. No fitted label judges itself, so the intervals hold whatever the
additive part is.

References
----------
Zrnic and Candes, Cross-prediction-powered inference, PNAS 121, 2024.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from blockprofile.additive import Presence, exact_profile
from blockprofile.predict import LabelledArchs
from blockprofile.profile.exact_table import mean_table
from blockprofile.profile.pair_model import fit_main, fit_sizes
from blockprofile.space import CompiledSum, Factor, Law, Space

if TYPE_CHECKING:
    import pandas as pd


FOLDS = 10
ROWS = 2_000
"""An additive part is fitted to so many labels at most."""


def sharpen(
    space: Space, labelled: LabelledArchs, *, presence: Presence, law: Law, seed: int = 0
) -> tuple[LabelledArchs, pd.DataFrame]:
    """Take an additive part off labels.

    Returns
    -------
    The archs with what is left of their labels, and the means of the additive part, as
    `blockprofile.profile.response_table` takes them back.
    """
    values, n = labelled.values, len(labelled.values)
    rng = np.random.default_rng(seed)
    folds = rng.permutation(n) % FOLDS
    sizes = fit_sizes(space, labelled.archs, values, order=1, seed=seed)
    rest, total = np.empty(n), float(labelled.weights.sum())
    tables = [np.zeros(slot.n_choices + (slot.kind == "layer")) for slot in space.slots]
    constant = 0.0
    for fold in range(FOLDS):
        held = folds == fold
        others = np.flatnonzero(~held)
        others = others if len(others) <= ROWS else rng.choice(others, ROWS, replace=False)
        fitted = fit_main(space, labelled.archs[others], values[others], sizes=sizes)
        rest[held] = values[held] - CompiledSum(space, [fitted])(labelled.archs[held])[0]
        share = float(labelled.weights[held].sum()) / total
        constant += share * float(fitted[0].table)
        for factor in fitted[1:]:
            tables[factor.scope[0]] += share * factor.table
    factors = [Factor((), np.array(constant)), *(Factor((place,), table) for place, table in enumerate(tables))]
    known = exact_profile(space, [factors], presence=presence, law=law)
    return dataclasses.replace(labelled, values=rest), mean_table(known, "")
