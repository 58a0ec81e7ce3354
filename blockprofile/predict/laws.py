"""Which law drew the archs that a predictor is judged on, and how to read off one law's error from a mixture.

Labelled tables are drawn half by the papers' law, half by a law of each arch's own: for every kind of choice (depth,
kernel, expansion, width ...) the weights of its values come from a Dirichlet distribution, so that networks with large
kernels alone, or shallow throughout, are among them; searches end there, and the papers' law hardly ever does. A table
does not say which half a row is from, but each law says how likely it makes the arch: by Bayes' rule every row belongs
to either half with a known probability, and an average over all rows with these probabilities as weights is an average
under that law.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import OptionError
from blockprofile.space import INACTIVE, Archs, Slot, Space

Floats = NDArray[np.float64]

CONCENTRATION = 0.5
"""Of the Dirichlet distribution that an arch's own weights come from."""

ATTRIBUTES = ("op", "expansion", "kernel", "se", "ratio")
"""The kinds of choice that a block is made of."""

TableLaw = Literal["unknown", "papers", "halves"]
TABLE_LAWS: tuple[TableLaw, ...] = get_args(TableLaw)
"""What drew the rows of a table: nobody knows; the papers' law; half of them that, half a law of their own each."""


def law_weights(space: Space, archs: Archs) -> dict[str, Floats]:
    """Return how likely each arch of a table of two halves was drawn by either law.

    Parameters
    ----------
    archs
        uint8, shape (n, n_slots): half drawn by the papers' law, half by a law of each arch's own.

    Returns
    -------
    ``papers`` and ``extremes``, float64 of shape (n,), which sum to 1 in every row.

    Raises
    ------
    OptionError
        If a slot does not offer every combination of its kinds of choice: the second law has no closed form then.

    Notes
    -----
    An arch's own law has Dirichlet weights for each kind of choice, so that its probability is a product of
    Dirichlet-multinomials over the counts of the kinds' values in active layers. With p and e the two probabilities,
    the mean of f * p / (p + e) over the table, divided by that of p / (p + e), is the mean of f under the papers' law.
    """
    papers, extremes = _log_papers(space, archs), _log_extremes(space, archs)
    share = 1 / (1 + np.exp(np.clip(extremes - papers, -700, 700)))
    return {"papers": share, "extremes": 1 - share}


def errors_by_law(space: Space, archs: Archs, errors: Floats, *, law: TableLaw) -> dict[str, dict[str, float]]:
    """Tell the error under each law that drew a table.

    Parameters
    ----------
    archs, errors
        The rows, and prediction less label of each.

    Returns
    -------
    Law -> ``n`` (how many archs of that law the rows are worth, by Kish), ``mae``, ``rmse``; empty where the law is
    not known.

    Raises
    ------
    OptionError
        As `law_weights`.
    """
    if law == "unknown":
        return {}
    weights = law_weights(space.base, archs) if law == "halves" else {"papers": np.ones(len(errors))}
    return {
        name: {
            "n": float(weight.sum() ** 2 / np.square(weight).sum()),
            "mae": float(np.average(np.abs(errors), weights=weight)),
            "rmse": float(np.sqrt(np.average(np.square(errors), weights=weight))),
        }
        for name, weight in weights.items()
    }


def _log_papers(space: Space, archs: Archs) -> Floats:
    total = np.zeros(len(archs))
    for slot in space.slots:
        total -= np.log(len(space.allowed[slot.index])) * (archs[:, slot.index] != INACTIVE)
    return total


def _log_extremes(space: Space, archs: Archs) -> Floats:
    from scipy.special import gammaln

    kinds = _choice_kinds(space)
    counts = {kind: np.zeros((len(archs), len(values))) for kind, values in kinds.items()}
    for slot in space.slots:
        codes = space.allowed[slot.index]
        features = [dict(_choice_features(space, slot, int(code))) for code in codes]
        used = sorted({kind for each in features for kind in each})
        n_combinations = int(np.prod([len(kinds[kind]) for kind in used]))
        if len({tuple(sorted(each.items(), key=str)) for each in features}) != n_combinations:
            raise OptionError(
                f"slot {slot.name!r} of space {space.name!r} does not offer every combination of {', '.join(used)}: "
                "which half of a table its archs are from cannot be told"
            )
        for code, each in zip(codes, features, strict=True):
            rows = archs[:, slot.index] == code
            for kind, value in each.items():
                counts[kind][rows, kinds[kind].index(value)] += 1
    total = np.zeros(len(archs))
    for found in counts.values():
        whole = CONCENTRATION * found.shape[1]
        total += gammaln(whole) - gammaln(whole + found.sum(axis=1))
        total += (gammaln(found + CONCENTRATION) - gammaln(CONCENTRATION)).sum(axis=1)
    return total


def _choice_features(space: Space, slot: Slot, code: int) -> tuple[tuple[str, object], ...]:
    """List the kinds of choice that a code of a slot is made of, and their values."""
    if slot.kind in {"depth", "width"}:
        return ((slot.kind, code),)
    if slot.kind != "layer":
        return ((slot.name, slot.choices[code]),)
    block = next(block for block in space.definition.blocks if block.name == slot.choices[code])
    return tuple((name, getattr(block, name)) for name in ATTRIBUTES if getattr(block, name) is not None)


def _choice_kinds(space: Space) -> dict[str, list[object]]:
    """List the values of every kind of choice."""
    kinds: dict[str, list[object]] = {}
    for slot in space.slots:
        for code in range(slot.n_choices):
            for kind, value in _choice_features(space, slot, code):
                values = kinds.setdefault(kind, [])
                if value not in values:
                    values.append(value)
    return kinds
