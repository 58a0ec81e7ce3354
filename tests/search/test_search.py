"""Searches: what they find, the same from one seed, and requests that are refused."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from blockprofile.errors import OptionError, RunError
from blockprofile.search import (
    NSGA2,
    Aims,
    HierarchicalMutation,
    Objective,
    RandomMutation,
    Reward,
    hypervolume,
    parse_budget,
    search,
)
from blockprofile.search.loop import EVALUATION_CHUNK
from blockprofile.space import Space
from tests.search.helpers import (
    MACS_LATENCY,
    front_points,
    toy_search,
    true_front,
)
from tests.toy import ProductPredictor, smaller_toy_space


@pytest.mark.parametrize("algorithm", [NSGA2(population=20), "mutation", "random"])
def test_a_whole_small_space_is_searched_through(toy: Space, algorithm: object) -> None:
    result = toy_search(toy, algorithm=algorithm, budget=10_000)
    assert len(result.archive) <= 468
    assert result.last_word
    if algorithm != "mutation":
        assert len(result.archive) > 460
    np.testing.assert_allclose(front_points(result), true_front(result.problem))


def test_nsga2_finds_the_front_of_a_toy_space_with_half_of_it(mixed: Space) -> None:
    result = toy_search(mixed, algorithm=NSGA2(population=40), budget=650)
    truth = true_front(result.problem)
    reached = hypervolume(result.front.points, result.reference) / hypervolume(truth, result.reference)
    assert reached > 0.99


def test_nothing_is_evaluated_twice_and_all_are_members(moga: Space) -> None:
    for algorithm in ("nsga2", "mutation", "random"):
        result = search(moga, MACS_LATENCY, algorithm=algorithm, budget=1_000)
        assert len(result.archive) == 1_000
        assert len(np.unique(result.archive.archs, axis=0)) == 1_000
        assert moga.contains(result.archive.archs).all()


def test_searching_beats_drawing(moga: Space) -> None:
    found = {
        name: np.mean(
            [search(moga, MACS_LATENCY, algorithm=name, budget=1_000, seed=seed).hypervolume for seed in (0, 1)]
        )
        for name in ("nsga2", "mutation", "random")
    }
    assert found["nsga2"] > 1.05 * found["random"]
    assert found["mutation"] > 1.05 * found["random"]


def test_the_mutation_defaults_are_the_papers(moga: Space) -> None:
    front = search(moga, MACS_LATENCY, algorithm="mutation")
    assert np.bincount(front.archive.generation).tolist() == [100] + [200] * 10
    best = search(moga, ["macs_m:max"], algorithm="mutation")
    assert np.bincount(best.archive.generation).tolist() == [20] + [50] * 4
    parents = np.unique(best.archive.parent[best.archive.generation == 4])
    earlier = best.archive.points[best.archive.generation < 4, 0]
    assert set(parents) <= set(np.argsort(earlier, kind="stable")[:10])


def test_children_of_mutation_are_edits_of_their_parents(ofa_mbv3: Space) -> None:
    result = search(ofa_mbv3, ["macs_m:max", "params_m:min"], algorithm="mutation", budget=500)
    archive = result.archive
    made = archive.parent >= 0
    differ = archive.archs[made] != archive.archs[archive.parent[made]]
    units = np.array([slot.unit for slot in ofa_mbv3.slots])
    touched = np.bincount([len(np.unique(units[row])) for row in differ], minlength=6) / made.sum()
    # Five units, each with a chance of one half, and one at least; what was evaluated before is drawn again.
    assert touched == pytest.approx(np.array([0, 5, 10, 10, 5, 1]) / 31, abs=0.08)
    depths = [unit.depth for unit in ofa_mbv3.units]
    steps = archive.archs[made][:, depths].astype(int) - archive.archs[archive.parent[made]][:, depths]
    assert np.abs(steps).max() == 1
    first = archive.generation[made] == 1
    children = np.bincount(archive.parent[made][first])
    assert np.ptp(children[children > 0]) <= 1, "every arch of the front has as many"
    assert (archive.generation[archive.parent[made]] < archive.generation[made]).all()


def test_a_used_up_neighbourhood_ends_the_search_with_a_word(toy: Space) -> None:
    single = toy.restricted([[0, 1] if i == 1 else [0] for i in range(toy.n_slots)], name="two archs")
    result = toy_search(single, algorithm="mutation", budget=500)
    assert len(result.archive) == 2
    assert "every arch that an edit of one unit" in result.last_word


def test_a_layer_with_one_candidate_is_fine() -> None:
    space = smaller_toy_space()
    allowed = [list(codes) for codes in space.allowed]
    allowed[space.slot("u2l1").index] = [1]
    result = toy_search(space.restricted(allowed, name="one candidate"), algorithm="mutation", budget=400)
    np.testing.assert_allclose(front_points(result), true_front(result.problem))


def test_weights_reach_the_crowding() -> None:
    goals = [Objective("macs_m", "max", 1.0), Objective("latency_ms:mace_gpu", "min", 0.0)]
    even = search("moga", MACS_LATENCY, budget=1_500, seed=1)
    skewed = search("moga", goals, budget=1_500, seed=1)
    assert even.reference.tolist() == skewed.reference.tolist()
    assert not np.array_equal(even.archive.archs, skewed.archive.archs)


def test_hard_reward_stays_near_its_target(moga: Space) -> None:
    reward = Reward(latency="latency_ms:mace_gpu", target=9.0, accuracy="macs_m", alpha=0.0, beta=-1.0)
    result = search(moga, [reward], algorithm="mutation", budget=600)
    assert result.top(1).metrics["latency_ms:mace_gpu"][0] <= 9.1
    assert result.problem.names == ("reward",)


@pytest.mark.parametrize("algorithm", ["nsga2", "mutation", "random", NSGA2(mutation=HierarchicalMutation())])
def test_one_seed_gives_one_result(moga: Space, algorithm: object) -> None:
    runs = [search(moga, MACS_LATENCY, algorithm=algorithm, budget=700, seed=seed) for seed in (3, 3, 4)]  # type: ignore[arg-type]
    assert np.array_equal(runs[0].archive.archs, runs[1].archive.archs)
    assert not np.array_equal(runs[0].archive.archs, runs[2].archive.archs)


def test_the_result_does_not_depend_on_workers(moga: Space) -> None:
    algorithm = NSGA2(population=EVALUATION_CHUNK * 2 + 7)
    runs = [search(moga, MACS_LATENCY, algorithm=algorithm, budget=2_000, workers=workers) for workers in (1, 4)]
    assert np.array_equal(runs[0].archive.archs, runs[1].archive.archs)
    for name, values in runs[0].archive.metrics.items():
        assert np.array_equal(values, runs[1].archive.metrics[name])


def test_a_budget_of_seconds_ends(moga: Space) -> None:
    start = time.monotonic()
    result = search(moga, MACS_LATENCY, budget="0.3s")
    assert time.monotonic() - start < 10
    assert len(result.archive) >= 100
    assert len(result.archive) % 100 == 0


@pytest.mark.parametrize("budget", ["x", "0", "-5", "2.5", "nan", "inf", "0s", "s", 0])
def test_wrong_budgets_are_refused(budget: str | int) -> None:
    with pytest.raises(OptionError, match="budget"):
        parse_budget(budget)


def test_a_budget_below_the_population_is_kept(moga: Space) -> None:
    assert len(search(moga, MACS_LATENCY, budget=1).archive) == 1
    assert len(search(moga, MACS_LATENCY, budget=130).archive) == 130


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"algorithm": "nsga3"}, "did you mean 'nsga2'"),
        ({"seed": -1}, "seed -1"),
        ({"aims": ()}, "nothing to search for"),
        ({"aims": ["latency_ms:min"]}, "does not say on which device"),
        ({"workers": 0}, "--workers is 0"),
    ],
)
def test_wrong_requests_are_refused(given: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        search(**{"space": "moga", "aims": MACS_LATENCY, "budget": 100, **given})  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="law 'paper'"):
        Aims(law="paper")


@pytest.mark.parametrize("wrong", [{"pool": 0}, {"children": 0}, {"top": 0}])
def test_mutation_parameters_are_checked(wrong: dict[str, int]) -> None:
    with pytest.raises(OptionError, match="at least 1"):
        RandomMutation(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("chance", [0.0, -0.5, 1.5, float("nan")])
def test_the_chance_of_mutation_is_checked(chance: float) -> None:
    with pytest.raises(OptionError, match="above 0 and at most 1"):
        RandomMutation(chance=chance)


def test_population_is_checked() -> None:
    with pytest.raises(OptionError, match="at least 2"):
        NSGA2(population=1)


def test_one_device_gives_latency_its_name(moga: Space) -> None:
    result = search(moga, Aims(["macs_m:max", "latency_ms:min:0.5"], devices=["mace_gpu"]), budget=100)
    assert result.problem.names == ("macs_m", "latency_ms:mace_gpu")
    assert result.problem.weights == pytest.approx([2 / 3, 1 / 3])


def test_without_objectives_accuracy_is_searched_against_the_devices(ofa_mbv3: Space, toy: Space) -> None:
    predictors = [ProductPredictor(ofa_mbv3, metric="top1_percent:mine")]
    result = search(ofa_mbv3, Aims(devices=["note10"], predictors=predictors), budget=100)
    assert result.problem.names == ("top1_percent:mine", "latency_ms:note10")
    with pytest.raises(OptionError, match="no accuracy predictor covers space 'toy'"):
        search(toy, Aims(devices=["mace_gpu"]), budget=100)


def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="is no run folder"):
        search("moga", MACS_LATENCY, budget=100, out=tmp_path / "file")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere" / "deep")
    with pytest.raises(RunError, match="cannot be made"):
        search("moga", MACS_LATENCY, budget=100, out=tmp_path / "dangling")
