"""Pruning on noise: what is dropped where nothing is better than anything else, and what where something is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from blockprofile.profile import Profile
from blockprofile.profile.accumulate import Accumulator
from blockprofile.profile.responses import MetricInfo, Settings, response_table
from blockprofile.prune import POLICIES, find_policies, prune_profile
from blockprofile.space import Space, draw_archs
from tests.prune.profiles import COST, GAIN

POOLS = 20
DROPPING = [name for name in POLICIES if name != "focus"]


def noise_table(space: Space, n: int, seed: int, shift: float = 0.0) -> pd.DataFrame:
    """Profile two metrics of noise; ``shift`` makes one block at one layer slower and less accurate by so much."""
    rng = np.random.default_rng([n, seed])
    archs = draw_archs(space, n, rng)
    values = {name: (50 + rng.normal(size=n)).astype(np.float32) for name in (GAIN, COST)}
    worse = (shift * (archs[:, space.slot("u1l1").index] == 0)).astype(np.float32)
    values[GAIN] -= worse
    values[COST] += worse
    seen = Accumulator(space, tuple(values), n_planned=n)
    seen.add(archs, values)
    return response_table(seen, info={name: MetricInfo() for name in values}, settings=Settings(taus=()))


@pytest.mark.parametrize("n", [300, 3000])
def test_noise_drops_something_in_one_pruning_of_twenty_at_most(toy: Space, n: int) -> None:
    """Twenty pools without floors: more than 3 would come by chance once in sixty runs, were the rate 5 %."""
    tables = [noise_table(toy, n, seed) for seed in range(POOLS)]
    for names in ([], DROPPING, ["dominated"], ["depth"]):
        dropped = [bool(prune_profile(Profile(t), toy, costs=[COST], policies=find_policies(names))[1]) for t in tables]
        assert sum(dropped) <= 3, names


def test_what_is_truly_worse_is_dropped_and_little_else(toy: Space) -> None:
    """A block that is slower and less accurate by a third of a standard deviation, at one of five layers."""
    found = []
    wanted = (1, (toy.block_names[0],))
    for seed in range(20):
        rules = prune_profile(Profile(noise_table(toy, 3000, seed, shift=0.3)), toy, costs=[COST])[1]
        found.append([(rule.where.unit, rule.drop) for rule in rules])
    assert sum(wanted in rules for rules in found) >= 18
    others = sum(len(rules) - (wanted in rules) for rules in found)
    assert others <= 0.1 * sum(len(rules) for rules in found)


def test_a_metric_that_never_varies_drops_nothing(toy: Space) -> None:
    archs = draw_archs(toy, 300, np.random.default_rng(0))
    seen = Accumulator(toy, (GAIN, COST), n_planned=300)
    seen.add(archs, {GAIN: np.full(300, 71.3, np.float32), COST: np.full(300, 0.1, np.float32)})
    table = response_table(seen, info={}, settings=Settings(taus=()))
    assert not prune_profile(Profile(table), toy, costs=[COST], policies=find_policies(DROPPING))[1]
