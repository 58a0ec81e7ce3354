"""Several predictors on the same archs at once, with the shared work done once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import DataError
from blockprofile.predict.base import AdditivePredictor, Predictor
from blockprofile.space.factors import CompiledSum
from blockprofile.space.slots import Archs
from blockprofile.space.space import Space

__all__ = ["Evaluator", "JointPredictor"]

ROWS_TRIED = 64
"""Archs on which a predictor of unknown make is tried twice when it is first used."""


@runtime_checkable
class JointPredictor(Protocol):
    """A predictor that can be evaluated together with others of its kind, faster than alone."""

    metric: str

    def joint_key(self) -> object:
        """Return what predictors must share to be evaluated together."""
        ...

    def predict_jointly(self, others: Sequence[Predictor], archs: Archs) -> list[NDArray[np.float32]]:
        """Predict for every one of ``others`` (this one among them), in order."""
        ...


class Evaluator:
    """Evaluate a fixed set of predictors.

    Parameters
    ----------
    space
        The space whose archs will come.
    predictors
        With distinct metrics.

    Examples
    --------
    >>> from blockprofile.space import load_space
    >>> from blockprofile.predict import load_predictors
    >>> moga = load_space("moga")
    >>> evaluate = Evaluator(moga, load_predictors(moga, metrics=["macs_m", "params_m"]))
    >>> archs = np.array([[8, 10, 6, 7, 1, 7, 6, 10, 5, 10, 6, 6, 9, 9]], np.uint8)
    >>> {name: round(float(values[0]), 2) for name, values in evaluate(archs).items()}
    {'macs_m': 304.04, 'params_m': 5.16}
    """

    def __init__(self, space: Space, predictors: Sequence[Predictor]) -> None:
        self.space, self.predictors = space, tuple(predictors)
        self.metrics = tuple(predictor.metric for predictor in predictors)
        if len(set(self.metrics)) != len(self.metrics):
            raise ValueError(f"metrics must be distinct; got {', '.join(self.metrics)}")
        self._additive = [p for p in predictors if isinstance(p, AdditivePredictor)]
        self._sum = CompiledSum(space, [p.factors for p in self._additive]) if self._additive else None
        self._joint: dict[object, list[JointPredictor]] = {}
        self._single: list[Predictor] = []
        self._tried: set[str] = set()
        for predictor in predictors:
            if isinstance(predictor, AdditivePredictor):
                continue
            if isinstance(predictor, JointPredictor):
                self._joint.setdefault(predictor.joint_key(), []).append(predictor)
            else:
                self._single.append(predictor)

    def __call__(self, archs: Archs) -> dict[str, NDArray[np.float32]]:
        """Evaluate all predictors.

        Parameters
        ----------
        archs
            uint8, shape (n, n_slots).

        Returns
        -------
        Metric -> float32, shape (n,), in the order of the predictors.

        Raises
        ------
        ArchError
            If dtype or shape do not fit the space.
        DataError
            If a predictor returns another shape, a value that is not finite, or another value for the same archs
            (tried on its first use).
        """
        rows = np.atleast_2d(self.space.check(archs))
        found: dict[str, NDArray[np.float32]] = {}
        if self._sum is not None:
            sums = self._sum(rows)
            found |= {p.metric: values.astype(np.float32) for p, values in zip(self._additive, sums, strict=True)}
        for group in self._joint.values():
            outputs = group[0].predict_jointly(group, rows)  # type: ignore[arg-type]
            found |= {p.metric: values for p, values in zip(group, outputs, strict=True)}
        for predictor in self._single:
            if predictor.metric not in self._tried and len(rows):
                _try(predictor, rows[:ROWS_TRIED])
                self._tried.add(predictor.metric)
            found[predictor.metric] = predictor.predict(rows)
        return {metric: _checked(metric, found[metric], len(rows)) for metric in self.metrics}


def _try(predictor: Predictor, archs: Archs) -> None:
    """Try a predictor of unknown make on its first archs: the same input must give the same values."""
    first = _checked(predictor.metric, predictor.predict(archs.copy()), len(archs))
    again = _checked(predictor.metric, predictor.predict(archs.copy()), len(archs))
    if not np.array_equal(first, again):
        place = int(np.flatnonzero(first != again)[0])
        raise DataError(
            f"the predictor of {predictor.metric!r} is not deterministic: arch number {place} gave {first[place]}, "
            f"then {again[place]}"
        )


def _checked(metric: str, values: NDArray[np.float32], n: int) -> NDArray[np.float32]:
    array = np.asarray(values)
    if array.shape != (n,) or array.dtype != np.float32:
        raise DataError(f"the predictor of {metric!r} returned {array.dtype} {array.shape}; must be float32 ({n},)")
    if not np.isfinite(array).all():
        place = int(np.flatnonzero(~np.isfinite(array))[0])
        raise DataError(f"the predictor of {metric!r} returned {array[place]} for arch number {place}; must be finite")
    return array
