"""The certificate, on the toy space, where everything can be enumerated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from blockprofile.predict import AdditivePredictor
from blockprofile.prune.certificate import Certificate, Points, certify, prune_at_random
from blockprofile.space import Factor, Space, count_archs
from tests.toy import additive_predictor, all_archs

GAIN = (0.0, 1.0, 3.0)
"""Accuracy of each block; all cost the same, so the first two are wasted effort."""


class Everything:
    """Try every arch of a small space, some of them in vain: as much effort as the seed says."""

    words = "30 archs of a small space"

    def __init__(self, space: Space) -> None:
        factors = [Factor((slot.index,), np.array([*GAIN, 0.0])) for slot in space.layer_slots]
        self.gain = AdditivePredictor(replace(additive_predictor(space).card, metric="top1_percent"), space, factors)
        ones = [Factor((slot.index,), np.array([1.0, 1.0, 1.0, 0.0])) for slot in space.layer_slots]
        self.cost = AdditivePredictor(additive_predictor(space).card, space, ones)

    def __call__(self, space: Space, seed: int) -> Points:
        archs = all_archs(space)
        chosen = np.random.default_rng(seed).integers(0, len(archs), 30)
        return np.stack([p.predict(archs[chosen]).astype(float) for p in (self.gain, self.cost)], axis=1)


def only(space: Space, codes: list[int]) -> Space:
    allowed = [
        codes if slot.kind == "layer" else list(old) for slot, old in zip(space.slots, space.allowed, strict=True)
    ]
    return space.restricted(allowed, name="pruned")


def test_a_good_pruning_is_better_than_random_and_than_the_original(toy: Space) -> None:
    found = certify(toy, only(toy, [2]), reach=Everything(toy), seeds=(1, 2, 3), n_random=60)
    assert found.is_better_than_random
    assert found.hypervolume_kept > 1
    assert found.verdict.startswith("better than random: ")
    assert found.front_kept > found.random_front_kept
    after, before = np.array(found.best_after), np.array(found.best_before)
    assert (after >= before - 1e-9).all()
    assert found.n_random == 60


def test_a_pruning_that_is_no_better_than_random_says_so_loudly(toy: Space) -> None:
    found = certify(toy, only(toy, [0]), reach=Everything(toy), seeds=(1, 2, 3), n_random=20)
    assert not found.is_better_than_random
    assert found.n_as_good == 20
    assert found.verdict.startswith("NO BETTER THAN RANDOM: 20 of 20 random prunings")


def test_worse_than_the_original_is_said_too() -> None:
    found = Certificate(
        reach="", seeds=(0,), reference=(0.0, 1.0), front_kept=0.5, hypervolume_before=2.0, hypervolume_after=1.0,
        hypervolume_kept=0.5, limits=(1.0,), best_before=(2.0,), best_after=(1.0,), best_random=(0.5,), n_random=20,
        random_front_kept=0.1, random_hypervolume_kept=0.1, n_as_good=0,
    )  # fmt: skip
    assert (
        found.verdict
        == "better than random, but WORSE THAN THE ORIGINAL: 50.0 % of the original's hypervolume at equal effort"
    )
    assert found.as_mapping()["limits"] == [1.0]


def test_the_whole_space_keeps_all_of_itself(toy: Space) -> None:
    found = certify(toy, toy, reach=Everything(toy), seeds=(0, 1), n_random=2)
    assert found.hypervolume_kept == 1
    assert found.front_kept == 1
    assert found.best_after == found.best_before
    assert found.n_as_good == 2


def test_hypervolume_is_the_area_between_front_and_reference(toy: Space) -> None:
    points = {0: np.array([[3.0, 3.0], [1.0, 1.0], [2.0, 2.0], [2.0, 2.5], [0.0, 4.0]])}

    class Fixed:
        words = "fixed"

        def __call__(self, _space: Space, seed: int) -> Points:
            return points[seed]

    found = certify(toy, toy, reach=Fixed(), seeds=(0,), n_random=0)
    assert found.reference == (0.0, 4.0)
    # Steps of one point of accuracy each, at costs 1, 2, 3 against 4.
    assert found.hypervolume_before == pytest.approx(3 + 2 + 1)


@pytest.mark.parametrize("seed", range(5))
def test_a_random_pruning_has_the_same_size_at_every_slot(mixed: Space, seed: int) -> None:
    allowed = [list(codes[:-1]) if len(codes) > 2 else list(codes) for codes in mixed.allowed]
    after = mixed.restricted(allowed, name="pruned")
    found = prune_at_random(mixed, after, np.random.default_rng(seed))
    assert [len(codes) for codes in found.allowed] == [len(codes) for codes in after.allowed]
    assert mixed.contains(all_archs(found)).all()
    assert count_archs(found) == count_archs(after)
