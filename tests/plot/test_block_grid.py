"""Grids of M_b: their figures against closed forms, and what is drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from blockprofile.plot.block_grid import arrange_blocks, block_grid_data, draw_block_grid, draw_block_grids, grid_words
from blockprofile.plot.style import figure_style
from blockprofile.profile import Profile
from blockprofile.profile.exact_table import exact_table
from blockprofile.report.maps import block_table
from blockprofile.space import Block, Space, load_space
from tests.toy import additive_predictor, all_places, expected_additive

METRIC = "latency_ms:toy"


def toy_table(space: Space, *, floor: float = 0.0) -> pd.DataFrame:
    return exact_table(space, [additive_predictor(space, floor=floor)], taus=())


def test_values_are_the_expectations(toy: Space) -> None:
    plain, squeezed = block_grid_data(Profile(toy_table(toy)), toy, METRIC)
    assert (plain.title, plain.rows, plain.columns) == ("", ("expansion 2", "expansion 4"), ("kernel 3",))
    assert (squeezed.title, squeezed.rows, squeezed.columns) == ("with SE", ("expansion 4",), ("kernel 5",))
    for code, value in enumerate([*plain.values.ravel(), *squeezed.values.ravel()]):
        cells = [expected_additive(toy, place=place) for place in all_places(toy) if place[2] == code]
        assert value == pytest.approx(np.mean(cells))
    effects = np.concatenate([plain.effects.ravel(), squeezed.effects.ravel()])
    assert effects.sum() == pytest.approx(0.0, abs=1e-12)
    assert not np.concatenate([plain.half_widths.ravel(), squeezed.half_widths.ravel()]).any()


def test_an_effect_below_the_floor_is_none(toy: Space) -> None:
    grids = block_grid_data(Profile(toy_table(toy, floor=1e3)), toy, METRIC)
    assert not any(grid.is_effect.any() for grid in grids)
    words = grid_words(grids[0], limit=1.0)
    assert words[0, 0].split("\n")[1].startswith("(-")


def test_bottlenecks_stand_by_ratio_and_width() -> None:
    space = load_space("ofa_resnet50")
    name = space.block_names[0]
    labels = {f"{width}:{block}": (1.0, 0.5, 0.1, True) for width in (0.65, 1.0) for block in space.block_names}
    (grid,) = arrange_blocks(space, labels, metric="macs_m", unit="M")
    assert grid.values.shape == (len(space.block_names), 2)
    assert grid.rows[0] == f"ratio {space.blocks[0].ratio:g}", name
    assert grid.columns == ("width 0.65", "width 1.0")


def test_a_searched_width_gets_a_panel_of_its_own(mixed: Space) -> None:
    cells = {"k3": (1.0, 0.0, 0.0, True), "0.5:k3": (2.0, 0.0, 0.0, True), "skip": (3.0, 0.0, 0.0, True)}
    grids = {grid.title: grid for grid in arrange_blocks(mixed, cells, metric=METRIC, unit="ms")}
    assert grids["width 0.5"].values.tolist() == [[2.0]]
    assert grids[""].rows == ("expansion 2", "skip")
    assert grids[""].values.tolist() == [[1.0], [3.0]]


def test_blocks_that_differ_by_name_alone_do_not_hide_each_other(toy: Space) -> None:
    twin = replace(toy.definition, blocks=(*toy.definition.blocks, Block(name="twin", expansion=2.0, kernel=3)))
    cells = {"e2k3": (1.0, 0.1, 0.0, True), "twin": (2.0, 0.2, 0.0, True)}
    (grid,) = arrange_blocks(Space(twin), cells, metric=METRIC, unit="ms")
    assert grid.rows == ("expansion 2", "expansion 2, twin")
    assert grid.values.tolist() == [[1.0], [2.0]]


def test_panels_of_different_shape_make_one_table(toy: Space) -> None:
    table = block_table(block_grid_data(Profile(toy_table(toy)), toy, METRIC), title="toy")
    assert table.columns == ("", "kernel 3", "kernel 5")
    assert [row[0].text for row in table.rows] == ["expansion 2", "expansion 4"]
    assert [cell.text for cell in table.rows[0][1:]].count("·") == 1
    assert "·" not in [cell.text for cell in table.rows[1]]


def test_a_cell_tells_value_effect_and_interval(toy: Space) -> None:
    (grid,) = arrange_blocks(toy, {"e2k3": (12.345, -0.5, 0.0123, True)}, metric=METRIC, unit="ms")
    assert grid_words(grid, limit=0.5)[0, 0] == "12.345\n-0.500\n±0.0123"
    assert grid_words(grid, limit=50.0)[0, 0] == "12.3\n-0.5\n±0.01"


def test_drawn_panels_share_the_scale_of_their_metric(toy: Space) -> None:
    grids = block_grid_data(Profile(toy_table(toy)), toy, METRIC)
    with figure_style():
        figure = draw_block_grids({METRIC: grids}, title="toy", caption=["counted"])
    first, second = figure.axes
    limits = {axes.collections[0].get_clim() for axes in (first, second)}
    largest = max(np.abs(grid.effects).max() for grid in grids)
    assert limits == {(-largest, largest)}
    assert [tick.get_text() for tick in first.get_yticklabels()] == ["expansion 2", "expansion 4"]
    assert second.get_title() == "latency on toy [ms], with SE"
    assert len(first.texts) == 2
    plt.close(figure)


def test_a_skip_is_drawn_as_wide_as_the_row() -> None:
    space = load_space("proxylessnas")
    cells = {block.name: (float(place), 0.5, 0.0, True) for place, block in enumerate(space.blocks)}
    (grid,) = arrange_blocks(space, cells, metric=METRIC, unit="ms")
    assert np.isnan(grid.values[-1, 1:]).all()
    axes = Figure().add_subplot()
    draw_block_grid(grid, axes, limit=1.0)
    image = np.asarray(axes.collections[0].get_array())
    assert image[-1].tolist() == [0.5] * 3
    written = [text for text in axes.texts if text.get_text()]
    assert written[-1].get_position()[0] == 1.5, "one text, in the middle"
    assert len(written) == len(space.blocks)
    assert [patch.get_width() for patch in axes.patches] == [3], "one cell, with no line through its words"


def test_blocks_of_every_kind_have_a_cell_of_their_own() -> None:
    space = load_space("mnasnet")
    more = (
        Block(name="fused", op="fused_mbconv", expansion=4.0, kernel=3), Block(name="cell", op="custom"),
        Block(name="wide", op="bottleneck", ratio=0.5, kernel=5, residual="pool"), Block(name="down", op="project"),
    )  # fmt: skip
    space = Space(replace(space.definition, blocks=(*space.blocks, *more)))
    cells = {block.name: (float(place), 0.5, 0.0, True) for place, block in enumerate(space.blocks)}
    grids = arrange_blocks(space, cells, metric=METRIC, unit="ms")
    shown = [value for grid in grids for value in grid.values.ravel() if not np.isnan(value)]
    assert sorted(shown) == [float(place) for place in range(space.n_blocks)]
    assert {name for grid in grids for name in grid.rows} >= {
        "conv", "conv, no shortcut", "sepconv, pooled shortcut", "fused mbconv, expansion 4", "cell", "down",
        "bottleneck, ratio 0.5, pooled shortcut",
    }  # fmt: skip
    assert [grid.wide for grid in grids if grid.wide] == [("cell", "down")]
