"""Fitting the shipped calibrated predictors again from ``data``, and writing the result into their folders.

Coefficients, tables, errors and the list of networks are rewritten; the texts of a card stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import UnknownNameError
from blockprofile.papers.calibrate import calibrate, nested_rmse
from blockprofile.papers.moga_top1 import (
    FAMILIES,
    READINGS,
    describe_network,
    fit_top1,
    leave_one_out_top1,
    moga_table,
)
from blockprofile.predict import (
    CARD_NAME,
    TABLE_NAME,
    AdditiveTable,
    Card,
    effect_floor,
    published_operators,
    read_card,
    write_additive_table,
)
from blockprofile.yamlfile import open_yaml, write_yaml

N_MOGA_LAYERS = 14
EXTREMES = {
    "no gate, all e3k3": "e3k3",
    "no gate, all e6k7": "e6k7",
    "all e3k3 with gates": "e3k3se",
    "all e6k7 with gates": "e6k7se",
}


def recalibrate(folder: Path) -> Card:
    """Fit a calibrated predictor again from ``data/published`` and rewrite its folder.

    Parameters
    ----------
    folder
        The folder of ``mace_gpu``, ``snpe_gpu``, ``tflite_cpu`` or ``top1_moga``, or a copy of it.

    Raises
    ------
    UnknownNameError
        If the folder is none of these.
    """
    card = read_card(folder)
    if card.kind == "cost_model":
        return _rewrite(folder, _latency_content(card.device or card.name))
    if card.kind == "table" and card.provenance == "calibrated" and card.spaces == ("moga",):
        write_additive_table(folder / TABLE_NAME, moga_table(fit_top1()))
        return _rewrite(folder, _top1_content())
    raise UnknownNameError(f"predictor {card.name!r} in {str(folder)!r} is not one that is fitted from data/published")


def _rewrite(folder: Path, content: Mapping[str, Any]) -> Card:
    document = open_yaml(folder / CARD_NAME)
    for key, value in content.items():
        if isinstance(value, dict) and key == "error":
            document[key].update(value)
        else:
            document[key] = value
    write_yaml(folder / CARD_NAME, document)
    return read_card(folder)


def _figures(published: NDArray[np.float64], left_out: NDArray[np.float64]) -> dict[str, Any]:
    errors = left_out - published
    return {
        "n": len(errors),
        "rmse": round(float(np.sqrt(np.mean(errors**2))), 3),
        "mae": round(float(np.abs(errors).mean()), 3),
    }


def _floor(rmse: float, n_layers: float) -> float:
    return round(effect_floor(rmse, n_layers=n_layers), 3)


def _fitted_range(published: NDArray[np.float64]) -> list[float]:
    return [float(published.min()), float(published.max())]


def _latency_content(device: str) -> dict[str, Any]:
    found = calibrate(device)
    n_layers = np.mean([sum(op.op == "mbconv" for op in published_operators(name)) for name in found.networks])
    rows = zip(found.networks, found.published, found.fitted, found.left_out, strict=True)
    return {
        "parameters": {
            "coefficients": {name: float(f"{value:.6g}") for name, value in found.coefficients.items()},
            "gate_passes": found.gate_passes,
        },
        "floor": _floor(found.left_out_rmse, float(n_layers)),
        "fitted_range": _fitted_range(found.published),
        "error": _figures(found.published, found.left_out),
        "created": {"fit_rmse": round(found.fit_rmse, 3), "nested_rmse": round(nested_rmse(device), 3)},
        "networks": [
            {
                "network": name,
                "published_ms": float(published),
                "fitted_ms": round(float(fitted), 2),
                "left_out_ms": round(float(left_out), 2),
            }
            for name, published, fitted, left_out in rows
        ],
    }


def _top1_content() -> dict[str, Any]:
    found = leave_one_out_top1()
    moga = np.array([found[name] for name in FAMILIES["moga"]])
    error = _figures(moga[:, 0], moga[:, 2])
    everything = np.array(list(found.values()))
    readings = {reading.name: fit_top1(reading) for reading in READINGS}
    fit = fit_top1()
    fitted_terms: dict[str, Callable[[Any], float]] = {
        "scale": lambda f: f.scale,
        "se_points": lambda f: f.se_points,
        "swish_points": lambda f: f.swish_points,
        "moga_level": lambda f: f.levels["moga"],
    }
    tables = [moga_table(reading) for reading in readings.values()]
    return {
        "floor": _floor(error["rmse"], N_MOGA_LAYERS),
        "fitted_range": _fitted_range(everything[:, 0]),
        "error": error,
        "parameters": {name: round(term(fit), 4) for name, term in fitted_terms.items()},
        "created": {
            "standard_errors": {name: round(value, 4) for name, value in fit.standard_errors.items()},
            "fit_rmse": round(fit.rmse, 3),
            "left_out_rmse_all_networks": _figures(everything[:, 0], everything[:, 2])["rmse"],
            "readings": {
                name: {term: round(read(reading), 4) for term, read in fitted_terms.items()}
                for name, reading in readings.items()
            },
            "range_percent": {
                name: _range([_uniform_arch(table, choice) for table in tables]) for name, choice in EXTREMES.items()
            },
            "outside_the_space": _outside(),
        },
        "networks": [
            {
                "network": name,
                "published_percent": published,
                "fitted_percent": round(fitted, 2),
                "left_out_percent": round(left_out, 2),
            }
            for name, (published, fitted, left_out) in found.items()
        ],
    }


def _uniform_arch(table: AdditiveTable, choice: str) -> float:
    return table["", ""] + sum(value for (_, name), value in table.items() if name == choice)


def _range(values: list[float]) -> list[float]:
    return [round(min(values), 2), round(max(values), 2)]


def _outside() -> dict[str, float]:
    """Predict MobileNetV3-Large, whose expansions (2.3 to 6) the space does not have, as a check from outside."""
    network = describe_network("MobileNetV3-Large", family="moga")
    return {
        "mobilenetv3_large_published_percent": network.top1,
        "mobilenetv3_large_predicted_percent": round(fit_top1().predict(network), 2),
    }
