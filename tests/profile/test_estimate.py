"""Standard errors of contrasts over several units: the closed form, what units do together included."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from blockprofile.profile.accumulate import Accumulator
from blockprofile.profile.record import Profile
from blockprofile.profile.responses import MetricInfo, Settings, response_table
from blockprofile.space import Space
from tests.toy import TOY, all_archs

COPIES = 40


def two_layers() -> Space:
    """Two units of one layer each, three blocks: nine archs, whose codes are independent."""
    return Space(replace(TOY, name="nine", units=tuple(replace(unit, depths=(1,)) for unit in TOY.units)))


@pytest.mark.parametrize("second", [(0.0, 1.0, 5.0), (1.0, 4.0, 2.0), (5.0, 1.0, 0.0)])
def test_the_error_of_a_blocks_response_is_that_of_the_closed_form(second: tuple[float, ...]) -> None:
    """The pool is all nine archs forty times, the metric a sum of one value for each layer's block.

    The response of a block is half of each layer's effect, ``e`` and ``f`` here. In a layer the values of archs with
    one block differ by the other layer's block. The layers' errors go together where a block raises (or lowers) both:
    their covariance is ``e f / n``. Of what they take off each other half of the variance is believed at most.
    """
    space = two_layers()
    archs = np.tile(all_archs(space), (COPIES, 1))
    values = np.array([(1.0, 3.0, 4.0), second])
    codes = archs[:, [slot.index for slot in space.layer_slots]]
    metric = (values[0, codes[:, 0]] + values[1, codes[:, 1]]).astype(np.float32)
    seen = Accumulator(space, ("score",), n_planned=len(archs))
    seen.add(archs, {"score": metric})
    rows = Profile(response_table(seen, info={"score": MetricInfo()}, settings=Settings(taus=()))).rows("M_b", "score")
    n, m = len(archs), len(archs) / 3
    effects = (values - values.mean(axis=1, keepdims=True)) / 2
    np.testing.assert_allclose(rows["effect"], effects.sum(axis=0), atol=1e-6)
    squares = 3 * (np.square(2 / 3) + 2 * np.square(1 / 3)) / 4
    within = squares * values.var(axis=1).sum() * m / (m - 1)
    together = np.maximum(2 * effects.prod(axis=0), -within / 2)
    np.testing.assert_allclose(rows["se"], np.sqrt((within + together) / n), rtol=1e-5)
    assert np.ptp(rows["se"]) > 0.01


def test_the_closed_form_is_what_repeated_pools_scatter_by() -> None:
    space = two_layers()
    every = all_archs(space)
    slots = [slot.index for slot in space.layer_slots]
    values = np.array([(1.0, 3.0, 4.0), (0.0, 1.0, 5.0)])
    rng = np.random.default_rng(0)
    effects, errors = [], []
    for _ in range(100):
        archs = every[rng.integers(0, len(every), 300)]
        codes = archs[:, slots]
        seen = Accumulator(space, ("score",), n_planned=300)
        seen.add(archs, {"score": (values[0, codes[:, 0]] + values[1, codes[:, 1]]).astype(np.float32)})
        table = response_table(seen, info={"score": MetricInfo()}, settings=Settings(taus=()))
        rows = Profile(table).rows("M_b", "score")
        effects.append(rows["effect"].to_numpy())
        errors.append(rows["se"].to_numpy())
    # A standard deviation of 100 is known to 7 %: three of these.
    np.testing.assert_allclose(np.mean(errors, axis=0), np.std(effects, axis=0), rtol=0.21)
