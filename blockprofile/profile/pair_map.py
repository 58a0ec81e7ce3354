"""Where a metric's interactions are: how much any two decisions add together, beyond what each does alone."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from blockprofile.profile.pair_model import Draws, Features, fit_pair_model
from blockprofile.profile.rows import KeptRows
from blockprofile.space import Slot, Space

Doubles = NDArray[np.float64]

N_DRAWS = 100
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class JointEffect:
    """What two choices do together beyond what each does alone, with its 95 % interval.

    ``is_sure`` holds where 0 is outside the interval that covers all choices of all decisions of the map at once.
    """

    first: Slot
    first_choice: str
    second: Slot
    second_choice: str
    effect: float
    low: float
    high: float
    is_sure: bool


@dataclass(frozen=True, slots=True, eq=False)
class PairMap:
    """How much every two decisions interact.

    ``sizes``, ``low`` and ``high`` are symmetric, shape (n_slots, n_slots): the standard deviation of what the two add
    together, over all their choices alike, in the metric's unit, with its 95 % interval; NaN on the diagonal.
    ``strongest`` has the largest joint effect of every two decisions, the largest first.
    """

    metric: str
    slots: tuple[Slot, ...]
    sizes: Doubles
    low: Doubles
    high: Doubles
    strongest: tuple[JointEffect, ...]


def find_pair_map(space: Space, rows: KeptRows, metric: str, *, seed: int = 0) -> PairMap:
    """Fit main effects and pairs to archs and tell where the pairs are.

    Notes
    -----
    Sizes are medians over sums that agree with the archs (`blockprofile.profile.PairModel`), effects those of the
    expected sum, which is nearer to 0 than the truth where archs are few.
    """
    model = fit_pair_model(space, rows.archs, rows.values[metric], seed=seed)
    drawn = model.draw(N_DRAWS, np.random.default_rng(seed))
    mean = model.mean()
    features = model.features
    slots = tuple(space.slots[index] for index in features.slots)
    sizes, low, high = (np.full((len(slots), len(slots)), np.nan) for _ in range(3))
    strongest, pairs = [], list(combinations(range(len(slots)), 2))
    sizes_of = [len(space.allowed[slot.index]) for slot in slots]
    n_effects = sum(sizes_of[i] * sizes_of[j] for i, j in pairs)
    for i, j in pairs:
        effects = _joint(features, mean, i, j)[0]
        draws = _joint(features, drawn, i, j)
        spreads = np.sqrt(np.square(draws).mean(axis=(1, 2)))
        ends = np.quantile(spreads, [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2])
        for table, end in zip((low, sizes, high), ends, strict=True):
            table[i, j] = table[j, i] = end
        errors = draws.std(axis=0, ddof=1)
        strongest.append(_strongest(space, (slots[i], slots[j]), effects, errors, n_effects=n_effects))
    strongest.sort(key=lambda each: -abs(each.effect))
    return PairMap(metric, slots, sizes, low, high, tuple(strongest))


def _joint(features: Features, draws: Draws, i: int, j: int) -> Doubles:
    """Return what the choices of two slots add together: shape (n_draws, n_choices of i, n_choices of j)."""
    tables = []
    for place in (i, j):
        codes = np.asarray(features.space.allowed[features.slots[place]])
        tables.append(features.tables[place][codes])
    first, second = (slice(*features.bounds[place : place + 2]) for place in (i, j))
    return np.asarray(tables[0] @ draws.pair[:, first, second] @ tables[1].T)


def _strongest(
    space: Space, slots: tuple[Slot, Slot], effects: Doubles, errors: Doubles, *, n_effects: int
) -> JointEffect:
    """Return the largest of two slots' effects; whether it is sure allows for all that are looked at (Bonferroni)."""
    from scipy.special import ndtri

    row, column = np.unravel_index(int(np.argmax(np.abs(effects))), effects.shape)
    effect, error = float(effects[row, column]), float(errors[row, column])
    first, second = slots
    half = -float(ndtri((1 - LEVEL) / 2)) * error
    sure = -float(ndtri((1 - LEVEL) / 2 / n_effects)) * error
    return JointEffect(
        first, _name(space, first, int(row)), second, _name(space, second, int(column)), effect, effect - half,
        effect + half, abs(effect) > sure,
    )  # fmt: skip


def _name(space: Space, slot: Slot, place: int) -> str:
    code = space.allowed[slot.index][place]
    return space.block_names[code] if slot.kind == "layer" else f"{slot.kind} {slot.choices[code]}"
