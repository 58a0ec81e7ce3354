"""Tables of a search, fronts by generation, hypervolume and picks."""

from __future__ import annotations

import numpy as np
import pytest

from blockprofile.errors import InfeasibleError, OptionError
from blockprofile.run import Limit
from blockprofile.search import (
    Aims,
    hypervolume,
    knee_place,
    pick,
    search,
)
from blockprofile.space import Space, encode
from tests.search.helpers import (
    MACS_LATENCY,
    brute_nondominated,
)


def test_tables(moga: Space) -> None:
    result = search(moga, Aims(MACS_LATENCY, metrics=["params_m"]), budget=450)
    frame = result.to_frame()
    assert len(frame) == 450
    assert np.array_equal(encode(moga, frame.arch[77]), result.archive.archs[77])
    codes = result.to_frame(codes=True)
    assert np.array_equal(codes[[slot.name for slot in moga.slots]].to_numpy(), result.archive.archs)
    assert "params_m" in frame
    members, progress = result.fronts()
    assert progress.n_evaluations.tolist() == [100, 200, 300, 400, 450]
    assert progress.hypervolume.is_monotonic_increasing
    assert progress.hypervolume.iloc[-1] == pytest.approx(result.hypervolume)
    last = members[members.generation == 4].evaluation
    assert set(last) == set(result.front.numbers)


def test_the_front_after_each_generation_is_that_of_all_before(moga: Space) -> None:
    result = search(moga, MACS_LATENCY, budget=500)
    members, progress = result.fronts()
    for generation, n in zip(progress.generation, progress.n_evaluations, strict=True):
        points = result.archive.points[:n]
        expected = points[brute_nondominated(points)]
        found = result.archive.points[members[members.generation == generation].evaluation]
        assert np.array_equal(np.unique(found, axis=0), np.unique(expected, axis=0))


def test_hypervolume_by_hand() -> None:
    points = np.array([[1.0, 2.0], [2.0, 1.0], [5.0, 0.0]])
    assert hypervolume(points, np.array([3.0, 3.0])) == 3.0
    assert hypervolume(points[:0], np.array([3.0, 3.0])) == 0.0
    assert hypervolume(points[:, :1], np.array([3.0])) == 2.0
    assert hypervolume(np.array([[0.0, 0.0, 0.0]]), np.array([1.0, 2.0, 3.0])) == 6.0


def test_the_knee_by_hand() -> None:
    assert knee_place(np.array([[0.0, 10.0], [1.0, 2.0], [10.0, 0.0]])) == 1
    assert knee_place(np.array([[3.0, 3.0]])) == 0
    assert knee_place(np.array([[0.0, 1.0], [1.0, 0.0]])) == 0


def test_picking(moga: Space) -> None:
    result = search(moga, MACS_LATENCY, budget=600)
    knee = pick(result, knee=True)
    assert knee.numbers[0] in result.front.numbers
    within = pick(result, limits=[Limit("latency_ms:mace_gpu", "<=", 9.0)])
    latency, macs = result.archive.metrics["latency_ms:mace_gpu"], result.archive.metrics["macs_m"]
    assert within.metrics["macs_m"][0] == macs[latency <= 9].max()
    top = pick(result, top=5, goal="latency_ms:mace_gpu")
    assert top.metrics["latency_ms:mace_gpu"].tolist() == np.sort(latency)[:5].tolist()


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"knee": True, "top": 3}, OptionError, "--knee or --top"),
        ({"top": 0}, OptionError, "at least 1"),
        ({"top": 1, "goal": "params_m"}, OptionError, "choices: macs_m, latency_ms:mace_gpu"),
        ({"limits": [Limit("params_m", "<=", 5)]}, OptionError, "has no 'params_m'"),
        ({"limits": [Limit("macs_m", "<=", 5)]}, InfeasibleError, "macs_m ranges from"),
    ],
)
def test_picks_that_make_no_sense_are_refused(given: dict[str, object], error: type[Exception], message: str) -> None:
    result = search("moga", MACS_LATENCY, budget=200)
    with pytest.raises(error, match=message):
        pick(result, **given)  # type: ignore[arg-type]
