"""A supernet as a predictor: every arch that is asked for is judged once, and remembered in the supernet's folder."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import CoverageError
from blockprofile.predict import Card, CardPredictor
from blockprofile.space import Archs, Space
from blockprofile.supernet.evaluate import Verdicts, check_archs
from blockprofile.supernet.folder import SupernetFolder, open_supernet
from blockprofile.supernet.judging import Judge, JudgeOptions


class SupernetPredictor(CardPredictor):
    """The accuracy that archs have with shared weights, in percent of the held-out images; see `Predictor`."""

    is_costly = True
    """A search asks it for the archs of its budget and no others."""

    def __init__(self, card: Card, space: Space, found: SupernetFolder) -> None:
        super().__init__(card, space)
        self._found = found

    @cached_property
    def _verdicts(self) -> Verdicts:
        recipe = self._found.recipe
        options = JudgeOptions(accelerator=recipe.accelerator, threads=recipe.threads)
        return Verdicts(self._found, Judge(self._found.net, self._found.load_data(), options))

    def predict(self, archs: Archs) -> NDArray[np.float32]:
        """Return the accuracy of every arch; one that was asked for before is not judged again.

        Raises
        ------
        ArchError
            If an arch is none that the supernet has weights for.
        RunError, DataError
            If the images are no longer where they were, or are others.
        """
        rows = self.rows(archs)
        check_archs(self._found.net.space, rows)
        return np.array([self._verdicts.of(arch) for arch in rows], np.float32)


def build_supernet_predictor(card: Card, folder: Path, space: Space) -> SupernetPredictor:
    """Make the predictor of a supernet's folder.

    Raises
    ------
    CoverageError
        If it was trained for another space or resolution.
    """
    found = open_supernet(folder)
    theirs = found.net.space
    if theirs.base.hash != space.base.hash or theirs.resolution != space.resolution:
        raise CoverageError(
            f"supernet {card.name!r} was trained for space {theirs.base.name!r} at {theirs.resolution} pixels, not for "
            f"{space.base.name!r} at {space.resolution}, or for another definition of it"
        )
    return SupernetPredictor(card, space, found)
