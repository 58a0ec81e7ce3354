"""Two devices compared: what is drawn is what was computed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from blockprofile.device.compare import Comparison, compare_devices
from blockprofile.plot.devices import MOVES, STAYS, block_ranks_data, draw_devices, save_devices
from blockprofile.plot.style import figure_style
from blockprofile.space import Space


@pytest.fixture(scope="module")
def found() -> Comparison:
    from blockprofile.space import load_space

    return compare_devices(load_space("moga"), ("tflite_cpu", "mace_gpu"), n=2_500)


def test_blocks_are_ordered_by_the_first_device(found: Comparison, moga: Space) -> None:
    data = block_ranks_data(found)
    assert data.ranks[:, 0].tolist() == list(range(1, 13))
    assert sorted(data.ranks[:, 1].tolist()) == list(range(1, 13))
    assert sorted(data.blocks) == sorted(moga.block_names)
    assert (np.diff(data.percents[:, 0]) >= 0).all()
    by_second = data.percents[np.argsort(data.ranks[:, 1]), 1]
    assert (np.diff(by_second) >= 0).all()


def test_a_block_that_moves_far_is_coloured(found: Comparison) -> None:
    data = block_ranks_data(found)
    with figure_style():
        figure = draw_devices(found, space="moga")
    scatter, ranks = figure.axes
    assert len(scatter.collections[0].get_offsets()) == 2_000
    for line, (first, second) in zip(ranks.lines, data.ranks.tolist(), strict=True):
        assert list(line.get_ydata()) == [first, second]
        assert line.get_color() == (MOVES if abs(first - second) >= 3 else STAYS)
    assert "calibrated" in figure.get_supxlabel()
    assert f"tau {found.tau:.2f}" in scatter.get_title()


def test_pictures_are_written(found: Comparison, tmp_path: Path) -> None:
    png, svg = save_devices(found, tmp_path / "new" / "pair", space="moga")
    assert png.read_bytes().startswith(b"\x89PNG")
    assert "mace_gpu" in svg.read_text(encoding="utf-8")
