"""Fitting cost models to the published latencies of whole networks, and how far they miss a network left out.

Few networks were measured, so the coefficients are few and not negative, and devices with the same hardware are
fitted together: a ridge draws their coefficients, in milliseconds at the average network, towards one another.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import UnknownNameError, one_of
from blockprofile.predict import FEATURES, Edition, measure_operator, published_latencies, published_operators

Floats = NDArray[np.float64]

TIES = (0.0, 0.3, 3.0)
"""The ridges that `nested_rmse` chooses among."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CostModelFit:
    """What is fitted together: devices of the same hardware, their quantities and the ridge between them.

    ``features`` are those of `FEATURES` that the devices pay for.
    """

    devices: tuple[str, ...]
    features: tuple[str, ...]
    gate_passes: float
    tie: float


MODELS = (
    # An h-swish reads and writes once; a gate is a pooling and a scaling, two passes, beside its fixed cost.
    CostModelFit(devices=("mace_gpu", "snpe_gpu"), features=FEATURES, gate_passes=2.0, tie=0.3),
    # On the CPU the gate's share is the ratio that the measured blocks of data/lut/note10.csv show (0.24 to 0.48 ms
    # per million elements). Neither depth nor a fixed cost of the gate shows in single-thread figures.
    CostModelFit(
        devices=("tflite_cpu",),
        features=("dense_macs_m", "depthwise_macs_m", "elementwise_m"),
        gate_passes=0.5,
        tie=0.0,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A fitted device.

    ``published``, ``fitted`` and ``left_out`` are latencies in ms, shape (n_networks,): as printed, as the model
    gives them, and as the model gives them when fitted without that network (on every device of the fit).
    """

    device: str
    coefficients: dict[str, float]
    gate_passes: float
    networks: tuple[str, ...]
    published: Floats
    fitted: Floats
    left_out: Floats

    @property
    def fit_rmse(self) -> float:
        """The root mean square of fitted minus published, in ms."""
        return _rms(self.fitted - self.published)

    @property
    def left_out_rmse(self) -> float:
        """The root mean square of left-out prediction minus published, in ms."""
        return _rms(self.left_out - self.published)


def _rms(errors: Floats) -> float:
    return float(np.sqrt(np.mean(np.square(errors))))


def fit_tied(quantities: Floats, latencies: Floats, *, tie: float) -> Floats:
    """Fit non-negative coefficients of several devices, drawn towards one another.

    Parameters
    ----------
    quantities
        float64, shape (n_networks, k).
    latencies
        In ms, shape (n_networks, n_devices).
    tie
        The ridge's weight; 0 fits every device alone.

    Returns
    -------
    float64, shape (k, n_devices); not negative.

    Notes
    -----
    Minimises ``sum_d |X w_d - y_d|^2 + tie * sum_d |s (w_d - c)|^2`` over w_d >= 0 and a common c >= 0, where s
    holds the average of every quantity, so that the ridge acts on milliseconds.

    Examples
    --------
    >>> x = np.array([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]])
    >>> fit_tied(x, x @ np.array([[3.0], [0.5]]), tie=0.0).ravel().round(6).tolist()
    [3.0, 0.5]
    """
    from scipy.optimize import nnls

    n_networks, k = quantities.shape
    n_devices = latencies.shape[1]
    scale = np.where((average := quantities.mean(axis=0)) > 0, average, 1.0)
    # Unknowns: the common coefficients, then those of each device, all in ms at the average network.
    rows = np.zeros((n_devices * (n_networks + k), (n_devices + 1) * k))
    target = np.zeros(len(rows))
    for device in range(n_devices):
        own = slice((device + 1) * k, (device + 2) * k)
        first = device * (n_networks + k)
        rows[first : first + n_networks, own] = quantities / scale
        target[first : first + n_networks] = latencies[:, device]
        ridge = rows[first + n_networks : first + n_networks + k]
        ridge[:, own] = np.sqrt(tie) * np.eye(k)
        ridge[:, :k] = -np.sqrt(tie) * np.eye(k)
    solution, _ = nnls(rows, target, maxiter=10_000)
    own_part = np.asarray(solution, np.float64)[k:].reshape(n_devices, k)
    return (own_part / scale).T


def _leave_one_out(quantities: Floats, latencies: Floats, *, tie: float) -> Floats:
    predicted = np.empty_like(latencies)
    for place in range(len(quantities)):
        rest = np.arange(len(quantities)) != place
        predicted[place] = quantities[place] @ fit_tied(quantities[rest], latencies[rest], tie=tie)
    return predicted


def _model_of(device: str) -> CostModelFit:
    for model in MODELS:
        if device in model.devices:
            return model
    known = [name for model in MODELS for name in model.devices]
    raise UnknownNameError(f"device {device!r} has no cost model; {one_of(device, known)}")


def _gather(model: CostModelFit, edition: Edition) -> tuple[tuple[str, ...], Floats, Floats]:
    """Collect networks, all quantities of `FEATURES`, and the latencies of a model's devices."""
    tables = []
    for device in model.devices:
        # Only the MACE column was printed twice with other figures.
        chosen = edition if device == "mace_gpu" else "later"
        tables.append(published_latencies(device, edition=chosen))
    networks = tuple(name for name in tables[0] if all(name in table for table in tables))
    quantities = np.array(
        [
            np.sum([measure_operator(op, gate_passes=model.gate_passes) for op in published_operators(name)], axis=0)
            for name in networks
        ]
    )
    return networks, quantities, np.array([[table[name] for table in tables] for name in networks])


def _columns(features: Sequence[str]) -> list[int]:
    return [FEATURES.index(name) for name in features]


def calibrate(device: str, *, edition: Edition = "later") -> Calibration:
    """Fit the cost model of a device again, from ``data/published``.

    Parameters
    ----------
    device
        ``mace_gpu``, ``snpe_gpu`` or ``tflite_cpu``.
    edition
        Which print of the MACE column to use: ``later`` (the default; what the paper and the repository have
        said since 2019) or ``first`` (three networks differ).

    Raises
    ------
    UnknownNameError
        If the device has no cost model.

    Examples
    --------
    >>> mace = calibrate("mace_gpu")
    >>> len(mace.networks), mace.left_out_rmse < 0.42
    (8, True)
    """
    model = _model_of(device)
    networks, quantities, latencies = _gather(model, edition)
    used = quantities[:, _columns(model.features)]
    place = model.devices.index(device)
    coefficients = fit_tied(used, latencies, tie=model.tie)
    return Calibration(
        device=device,
        coefficients=dict(zip(model.features, coefficients[:, place].tolist(), strict=True)),
        gate_passes=model.gate_passes,
        networks=networks,
        published=latencies[:, place],
        fitted=(used @ coefficients)[:, place],
        left_out=_leave_one_out(used, latencies, tie=model.tie)[:, place],
    )


def nested_rmse(device: str, *, edition: Edition = "later") -> float:
    """Leave one network out with the choice of the model inside the loop.

    For every network left out, the quantities (any subset of `FEATURES` with at least two) and the ridge are chosen
    anew by the leave-one-out error of the others, over all devices of the fit. What remains is what a choice made on
    these few networks costs.

    Returns
    -------
    The root mean square error of the networks left out, in ms.
    """
    model = _model_of(device)
    _, quantities, latencies = _gather(model, edition)
    subsets = [list(s) for n in range(2, len(FEATURES) + 1) for s in itertools.combinations(range(len(FEATURES)), n)]
    ties = TIES if len(model.devices) > 1 else (0.0,)
    predicted = np.empty_like(latencies)
    for place in range(len(quantities)):
        rest = np.arange(len(quantities)) != place
        x, y = quantities[rest], latencies[rest]
        subset, tie = min(
            itertools.product(subsets, ties),
            key=lambda choice: _rms(_leave_one_out(x[:, choice[0]], y, tie=choice[1]) - y),
        )
        predicted[place] = quantities[place, subset] @ fit_tied(x[:, subset], y, tie=tie)
    column = model.devices.index(device)
    return _rms((predicted - latencies)[:, column])
