"""Several predictors on the same archs at once, with the shared work done once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import DataError, OptionError
from blockprofile.predict.base import AdditivePredictor, Predictor
from blockprofile.predict.network import NetworkPredictor
from blockprofile.predict.on_device import DeviceEvaluator
from blockprofile.space import Archs, CompiledSum, Space

if TYPE_CHECKING:
    import torch
    from torch import Tensor

ROWS_TRIED = 8
"""Archs that a predictor of unknown make is asked for twice when it is first used; every one may cost a training."""

_COUNTING = threading.Lock()


def noise_of(predictor: Predictor) -> float:
    """Return the standard deviation between two values of one arch that a predictor declares by its ``noise``.

    Raises
    ------
    OptionError
        If it is no finite number of at least 0.
    """
    noise = getattr(predictor, "noise", 0.0)
    if isinstance(noise, bool) or not isinstance(noise, int | float) or not 0 <= noise < np.inf:
        raise OptionError(f"the noise of the predictor of {predictor.metric!r} is {noise!r}; must be a number from 0")
    return float(noise)


class Evaluator:
    """Evaluate a fixed set of predictors.

    ``asked`` counts how many archs each predictor of unknown make was asked for. One that declares ``noise`` is asked
    once for every arch, and need not be deterministic.

    Parameters
    ----------
    predictors
        With distinct metrics.
    accelerator
        The device of torch that evaluates, such as ``cuda``; None is this processor, without torch where no predictor
        is a network. See `blockprofile.predict.on_device`.

    Raises
    ------
    OptionError
        If a predictor cannot be evaluated on the accelerator, or it is not there.

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

    def __init__(self, space: Space, predictors: Sequence[Predictor], *, accelerator: str | None = None) -> None:
        self.space, self.predictors = space, tuple(predictors)
        self.metrics = tuple(predictor.metric for predictor in predictors)
        if len(set(self.metrics)) != len(self.metrics):
            raise ValueError(f"metrics must be distinct; got {', '.join(self.metrics)}")
        self._additive = [p for p in predictors if isinstance(p, AdditivePredictor)]
        self._sum = CompiledSum(space, [p.factors for p in self._additive]) if self._additive else None
        self._networks = [p for p in predictors if isinstance(p, NetworkPredictor)]
        self._others = [p for p in predictors if not isinstance(p, AdditivePredictor | NetworkPredictor)]
        self.asked = {p.metric: 0 for p in self._others}
        self._on_device = None
        if accelerator is not None:
            self._on_device = DeviceEvaluator(space, self._sum, self.predictors, accelerator=accelerator)
        self._noisy: dict[str, dict[bytes, np.float32]] = {p.metric: {} for p in predictors if noise_of(p) > 0}

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
        if self._on_device is not None:
            _, values = self.on_accelerator(rows)
            return {metric: values[metric].cpu().numpy() for metric in self.metrics}
        found: dict[str, NDArray[np.float32]] = {}
        if self._sum is not None:
            sums = self._sum(rows)
            with np.errstate(over="ignore"):  # what float32 does not hold is refused below
                found |= {p.metric: values.astype(np.float32) for p, values in zip(self._additive, sums, strict=True)}
        found |= {p.metric: p.predict(rows) for p in self._networks}
        for predictor in self._others:
            ask = self._recall if predictor.metric in self._noisy else self._ask
            found[predictor.metric] = ask(predictor, rows)
        return {metric: _checked(metric, found[metric], len(rows)) for metric in self.metrics}

    @property
    def device(self) -> torch.device | None:
        """The device of torch that evaluates; None is this processor."""
        return None if self._on_device is None else self._on_device.device

    def on_accelerator(self, archs: Archs) -> tuple[Tensor, dict[str, Tensor]]:
        """Evaluate all predictors on the accelerator, and leave there what is found.

        Returns
        -------
        The archs as columns, int64 (n_slots, n), and metric -> float32 (n,).

        Raises
        ------
        DataError
            If a value is not finite.
        """
        assert self._on_device is not None
        columns = self._on_device.send(archs)
        values = self._on_device(columns)
        for metric, each in values.items():
            if not each.isfinite().all():
                _checked(metric, each.cpu().numpy(), len(archs))
        return columns, values

    def _ask(self, predictor: Predictor, archs: Archs) -> NDArray[np.float32]:
        """Ask a predictor of unknown make; of its first archs some are asked for again, which must change nothing."""
        metric = predictor.metric
        with _COUNTING:
            tried = 0 if self.asked[metric] or metric in self._noisy else min(ROWS_TRIED, len(archs))
            self.asked[metric] += len(archs) + tried
        if not tried:
            return predictor.predict(archs)
        first, again = (_checked(metric, predictor.predict(archs[:tried].copy()), tried) for _ in range(2))
        if not np.array_equal(first, again):
            place = int(np.flatnonzero(first != again)[0])
            raise DataError(
                f"the predictor of {metric!r} is not deterministic: arch number {place} gave {first[place]}, then "
                f"{again[place]}; if it is to be noisy, give it an attribute 'noise', the standard deviation"
            )
        rest = archs[tried:]
        return np.concatenate([first, _checked(metric, predictor.predict(rest), len(rest))]) if len(rest) else first

    def _recall(self, predictor: Predictor, archs: Archs) -> NDArray[np.float32]:
        """Ask a noisy predictor once for every arch: what it said of one before is what it says again."""
        known, keys = self._noisy[predictor.metric], [arch.tobytes() for arch in archs]
        fresh = {key: place for place, key in enumerate(keys) if key not in known}
        if fresh:
            values = self._ask(predictor, archs[list(fresh.values())])
            known.update(zip(fresh, _checked(predictor.metric, values, len(fresh)), strict=True))
        return np.array([known[key] for key in keys], np.float32)


def _checked(metric: str, values: NDArray[np.float32], n: int) -> NDArray[np.float32]:
    array = np.asarray(values)
    if array.shape != (n,) or array.dtype != np.float32:
        raise DataError(f"the predictor of {metric!r} returned {array.dtype} {array.shape}; must be float32 ({n},)")
    if not np.isfinite(array).all():
        place = int(np.flatnonzero(~np.isfinite(array))[0])
        raise DataError(f"the predictor of {metric!r} returned {array[place]} for arch number {place}; must be finite")
    return array
