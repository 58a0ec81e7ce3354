"""Zero-cost scores as predictors: every arch is built once and scored at its initial weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import DataError, one_of
from blockprofile.predict import Card, CardPredictor
from blockprofile.space import Archs, Space
from blockprofile.zerocost.jacobian import jacobian
from blockprofile.zerocost.naswot import naswot
from blockprofile.zerocost.synflow import synflow

SCORES: Mapping[str, Callable[..., float]] = {"synflow": synflow, "naswot": naswot, "jacobian": jacobian}


class ZeroCostPredictor(CardPredictor):
    """A score of networks at their initial weights; see `blockprofile.predict.Predictor`.

    Parameters
    ----------
    card
        Its ``parameters`` name the ``score``, one of `SCORES`, and the ``seed`` of weights and images.

    Notes
    -----
    An arch takes some hundredths of a second at 32 pixels and some tenths at 224: for hundreds of archs, not millions.
    """

    is_costly = True
    """A search asks it for the archs of its budget and no others."""

    def __init__(self, card: Card, space: Space) -> None:
        name = str(card.parameters.get("score"))
        if name not in SCORES:
            raise DataError(f"predictor {card.name!r}: parameters.score is {name!r}; {one_of(name, SCORES)}")
        super().__init__(card, space)
        seed = card.parameters.get("seed", 0)
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            raise DataError(f"predictor {card.name!r}: parameters.seed is {seed!r}; must be a whole number from 0")
        self._score, self._seed = SCORES[name], seed
        self._known: dict[bytes, float] = {}

    def predict(self, archs: Archs) -> NDArray[np.float32]:
        """Score every arch; one that was asked for before is not scored again.

        Raises
        ------
        ArchError
            If dtype or shape do not fit the space.
        """
        return np.array([self._of(arch) for arch in self.rows(archs)], np.float32)

    def _of(self, arch: Archs) -> float:
        key = arch.tobytes()
        if key not in self._known:
            self._known[key] = self._score(self.space, arch, seed=self._seed)
        return self._known[key]


def build_zero_cost(card: Card, _folder: Path, space: Space) -> ZeroCostPredictor:
    """Make the predictor of a card.

    Raises
    ------
    DataError
        If the card names no score, or its seed is none.
    """
    return ZeroCostPredictor(card, space)
