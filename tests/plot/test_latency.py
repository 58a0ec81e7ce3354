"""Scatter pictures: what is drawn, and what is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from blockprofile.device.audit import Audit
from blockprofile.device.repair import fit_repairs
from blockprofile.plot.latency import audit_data, draw_scatter, save_scatter

MEASURED = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
PREDICTED = MEASURED + np.array([0.1, -0.1, 0.1, -0.1, 0.0])


def audit() -> Audit:
    counts = np.array([3.0, 4.0, 3.0, 4.0, 5.0])
    return Audit(
        np.zeros((5, 2), np.uint8), PREDICTED, MEASURED, np.full(5, 0.01), counts, 1.0,
        fit_repairs(PREDICTED, counts, MEASURED), {},
    )  # fmt: skip


def test_audit_data_sets_prediction_against_measurement() -> None:
    data = audit_data(audit(), device="me", space="moga")
    assert np.array_equal(data.x, MEASURED)
    assert np.array_equal(data.y, PREDICTED)
    assert data.is_identity
    assert data.title == "me on moga"
    assert data.caption == "RMSE 0.0894 ms (3.0 %), Kendall tau 1.000, n = 5; measured"


def test_scatter_draws_points_bars_and_the_identity(tmp_path: Path) -> None:
    axes = Figure().add_subplot()
    draw_scatter(audit_data(audit(), device="me", space="moga"), axes)
    points = axes.collections[-1].get_offsets()
    assert np.array_equal(np.asarray(points), np.stack([MEASURED, PREDICTED], axis=1))
    (line,) = axes.lines
    assert np.array_equal(line.get_xdata(), line.get_ydata())
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("measured whole network [ms]", "predicted from the table [ms]")
    png, svg = save_scatter(audit_data(audit(), device="me", space="moga"), tmp_path / "new" / "audit")
    assert png.read_bytes().startswith(b"\x89PNG")
    assert "<svg" in svg.read_text(encoding="utf-8")
