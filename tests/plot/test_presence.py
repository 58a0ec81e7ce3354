"""The presences side by side: exact figures, and one scale."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib import pyplot as plt

from blockprofile.additive.presence import PRESENCES
from blockprofile.errors import OptionError
from blockprofile.plot.presence import draw_presences, presence_data
from blockprofile.plot.style import figure_style


def test_the_published_rule_shrinks_late_layers() -> None:
    given, published = presence_data()
    assert (given.presence, published.presence) == ("given", "cikm21")
    layers = given.layers.layers
    contrast = [np.ptp(view.layers.effects, axis=0) for view in (given, published)]
    # The block is there in all draws at layers 1 and 2, in two of three at layer 3, in one of three at layer 4.
    shares = {1: 1.0, 2: 1.0, 3: 2 / 3, 4: 1 / 3}
    for place, (_, layer) in enumerate(layers):
        assert contrast[1][place] == pytest.approx(shares[layer] * contrast[0][place], rel=0.02)


def test_first_layers_do_not_depend_on_the_rule() -> None:
    views = presence_data(metric="macs_m", presences=PRESENCES)
    firsts = [view.layers.effects[:, view.layers.layers.index((1, 1))] for view in views]
    assert firsts[0] == pytest.approx(firsts[1])
    assert firsts[0] == pytest.approx(firsts[2])


def test_a_metric_that_does_not_add_up_is_refused() -> None:
    with pytest.raises(OptionError, match="only sums have exact responses"):
        presence_data(metric="top1_percent")


def test_drawn_columns_share_their_scales() -> None:
    with figure_style():
        figure = draw_presences(presence_data())
    grids = [axes for axes in figure.axes if axes.get_title().startswith("presence")]
    assert [axes.get_title().split(":")[0] for axes in grids] == ["presence 'given'", "presence 'cikm21'"]
    assert len({axes.collections[0].get_clim() for axes in grids}) == 1
    bars = [axes for axes in figure.axes if not axes.get_title()]
    assert len({axes.get_ylim() for axes in bars}) == 1
    assert "Provenance: measured" in figure.get_supxlabel().replace("\n", " ")
    plt.close(figure)
