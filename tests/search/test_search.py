from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from blockprofile.compare import Trials, compare
from blockprofile.content import content_dir
from blockprofile.errors import CoverageError, DataError, InfeasibleError, OptionError, RunError, UnknownNameError
from blockprofile.run import Limit
from blockprofile.run.manifest import read_manifest
from blockprofile.search import (
    NSGA2,
    Aims,
    HierarchicalMutation,
    Objective,
    RandomMutation,
    Reward,
    SearchResult,
    hypervolume,
    knee_place,
    load_search,
    minimal_sums,
    parse_budget,
    pick,
    reference_point,
    search,
)
from blockprofile.search.loop import EVALUATION_CHUNK
from blockprofile.space import Archs, CompiledSum, Factor, Space, encode
from tests.search.helpers import GOALS, brute_nondominated, toy_problem, true_front
from tests.toy import ProductPredictor, additive_factors, additive_predictor, all_archs, smaller_toy_space

MACS_LATENCY = ("macs_m:max", "latency_ms:mace_gpu:min")


def toy_search(space: Space, **given: object) -> SearchResult:
    predictors = [ProductPredictor(space), additive_predictor(space)]
    return search(space, Aims(GOALS, predictors=predictors), **given)  # type: ignore[arg-type]


def front_points(result: SearchResult) -> np.ndarray:
    return np.unique(result.front.points, axis=0)


# -- the answer ------------------------------------------------------------------------------------------------


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


# -- exact fronts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["toy", "mixed", "smaller"])
@pytest.mark.parametrize("n_sums", [1, 2, 3])
def test_exact_fronts_agree_with_enumeration(which: str, n_sums: int, toy: Space, mixed: Space) -> None:
    space = {"toy": toy, "mixed": mixed, "smaller": smaller_toy_space()}[which]
    rng = np.random.default_rng(n_sums)
    first = additive_factors(space)
    pairs = [(i, i + 1) for i in range(space.n_slots - 1)]
    sums = [first]
    for _ in range(n_sums - 1):
        # Factors over two neighbouring slots, to couple what a chain has to remember.
        sums += [tuple(Factor(pair, rng.integers(-9, 9, _shape(space, pair)).astype(float)) for pair in pairs)]
    archs, points = minimal_sums(space, sums)
    everything = CompiledSum(space, sums)(all_archs(space)).T
    truth = np.unique(np.round(everything[brute_nondominated(np.round(everything, 9))], 9), axis=0)
    np.testing.assert_allclose(points, truth, atol=1e-8)
    assert space.contains(archs).all()
    np.testing.assert_allclose(CompiledSum(space, sums)(archs).T, points, atol=1e-8)


def _shape(space: Space, scope: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(space.slots[i].n_choices + (space.slots[i].kind == "layer") for i in scope)


def test_exact_bounds_every_search(moga: Space) -> None:
    exact = search(moga, MACS_LATENCY, algorithm="exact")
    found = search(moga, MACS_LATENCY, budget=2_000)
    assert 0.9 < found.hypervolume / exact.hypervolume <= 1
    assert moga.contains(exact.front.archs).all()
    for point in found.front.points:
        assert (exact.front.points <= point + 1e-4).all(axis=1).any()


def test_exact_knows_limits(moga: Space) -> None:
    free = search(moga, MACS_LATENCY, algorithm="exact")
    limited = search(moga, Aims(MACS_LATENCY, limits=["latency_ms:mace_gpu<=9"]), algorithm="exact")
    below = free.front.metrics["latency_ms:mace_gpu"] <= 9
    assert len(limited.front) == below.sum()
    other = search(moga, Aims(["macs_m:min"], limits=["params_m>=5", "latency_ms:mace_gpu<=10"]), algorithm="exact")
    assert len(other.front) == 1
    assert other.front.metrics["params_m"][0] >= 5
    tried = search(moga, Aims(["macs_m:min"], limits=["params_m>=5", "latency_ms:mace_gpu<=10"]), budget=3_000)
    assert tried.top(1).metrics["macs_m"][0] >= other.front.metrics["macs_m"][0] - 1e-3


def test_exact_refuses_what_is_no_sum_and_what_is_too_large(toy: Space, moga: Space) -> None:
    with pytest.raises(CoverageError, match="top1_percent"):
        toy_search(toy, algorithm="exact")
    with pytest.raises(CoverageError, match="reward"):
        search(moga, [Reward(latency="macs_m", target=1.0, accuracy="params_m")], algorithm="exact")
    with pytest.raises(OptionError, match="more than 10; take fewer objectives"):
        minimal_sums(toy, [additive_factors(toy), _negated(additive_factors(toy))], max_points=10)


def _negated(factors: tuple[Factor, ...]) -> tuple[Factor, ...]:
    return tuple(Factor(factor.scope, -factor.table) for factor in factors)


# -- repetition, workers, folders ------------------------------------------------------------------------------


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


CHILD = """
import os, signal, sys
from blockprofile.search import HierarchicalMutation, NSGA2, search
algorithm = NSGA2(mutation=HierarchicalMutation()) if sys.argv[1] == "hierarchical" else sys.argv[1]
last = int(sys.argv[3])
def kill(archive):
    if archive.n_generations == last:
        os.kill(os.getpid(), signal.SIGKILL)
import blockprofile.search.record as record
record.FLUSH_SECONDS = 0.0
search("moga", ["macs_m:max", "latency_ms:mace_gpu:min"], algorithm=algorithm, budget=1500, seed=5, out=sys.argv[2],
       on_generation=kill)
"""


@pytest.mark.parametrize(("algorithm", "last"), [("nsga2", 7), ("mutation", 4), ("hierarchical", 9)])
def test_a_killed_search_goes_on_as_if_it_had_not_been(tmp_path: Path, algorithm: str, last: int) -> None:
    command = [sys.executable, "-c", CHILD, algorithm, str(tmp_path / "killed"), str(last)]
    killed = subprocess.run(command, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(list((tmp_path / "killed" / "parts").glob("*.parquet"))) == last
    assert not (tmp_path / "killed" / "evaluations.parquet").exists()
    same = NSGA2(mutation=HierarchicalMutation()) if algorithm == "hierarchical" else algorithm
    for name in ("killed", "whole"):
        search("moga", MACS_LATENCY, algorithm=same, budget=1_500, seed=5, out=tmp_path / name)
    for name in ("evaluations.parquet", "fronts.parquet", "progress.parquet"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert not (tmp_path / "killed" / "parts").exists()


def test_a_finished_run_is_read_and_not_searched_again(moga: Space, tmp_path: Path) -> None:
    first = search("moga", MACS_LATENCY, budget=300, out=tmp_path / "run")
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()}
    generations: list[int] = []
    again = search(
        "moga", MACS_LATENCY, budget=300, out=tmp_path / "run", on_generation=lambda a: generations.append(len(a))
    )
    assert generations == []
    assert again.hypervolume == first.hypervolume
    assert before == {path.name: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()}
    loaded = load_search(tmp_path / "run")
    assert np.array_equal(loaded.archive.archs, first.archive.archs)
    assert loaded.hypervolume == first.hypervolume
    assert loaded.problem.names == first.problem.names


def test_a_users_own_device_folder_is_found_again(tmp_path: Path) -> None:
    folder = tmp_path / "user_device"
    shutil.copytree(content_dir("predictors") / "mace_gpu", folder)
    card = folder / "card.yaml"
    card.write_text(card.read_text().replace("latency_ms:mace_gpu", "latency_ms:mine"))
    result = search(
        "moga", Aims(["macs_m:max", "latency_ms:min"], devices=[str(folder)]), budget=100, out=tmp_path / "run"
    )
    assert result.problem.names == ("macs_m", "latency_ms:mine")
    assert load_search(tmp_path / "run").hypervolume == result.hypervolume


def test_an_interrupted_search_keeps_what_it_has(tmp_path: Path) -> None:
    def stop(archive: object) -> None:
        if len(archive) >= 300:  # type: ignore[arg-type]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search("moga", MACS_LATENCY, budget=1_000, out=tmp_path / "run", on_generation=stop)
    assert len(load_search(tmp_path / "run").archive) == 300
    resumed = search("moga", MACS_LATENCY, budget=1_000, out=tmp_path / "run")
    assert np.array_equal(resumed.archive.archs, search("moga", MACS_LATENCY, budget=1_000).archive.archs)


def test_another_search_is_not_mixed_in(tmp_path: Path) -> None:
    search("moga", MACS_LATENCY, budget=200, out=tmp_path / "run")
    with pytest.raises(RunError, match="seed is 0 there and 1 here"):
        search("moga", MACS_LATENCY, budget=200, seed=1, out=tmp_path / "run")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    with pytest.raises(RunError, match="is no run folder"):
        search("moga", MACS_LATENCY, budget=200, out=tmp_path / "other")


def test_damaged_runs_are_reported(tmp_path: Path) -> None:
    search("moga", MACS_LATENCY, budget=200, out=tmp_path / "run")
    table = tmp_path / "run" / "evaluations.parquet"
    table.write_bytes(table.read_bytes()[:500])
    with pytest.raises(DataError, match="cannot be read"):
        load_search(tmp_path / "run")
    manifest = tmp_path / "run" / "manifest.json"
    data = json.loads(manifest.read_text())
    del data["config"]["goals"]
    manifest.write_text(json.dumps(data))
    with pytest.raises(DataError, match="is not as it was written"):
        load_search(tmp_path / "run")
    with pytest.raises(UnknownNameError, match="does not exist"):
        load_search(tmp_path / "nowhere")


def test_the_manifest_writes_the_reference_point_down(tmp_path: Path) -> None:
    result = search("moga", MACS_LATENCY, budget=200, out=tmp_path / "run")
    config = json.loads((tmp_path / "run" / "manifest.json").read_text())["config"]
    assert config["reference"] == result.problem.natural(result.reference).tolist()
    assert config["predictors"]["latency_ms:mace_gpu"]["provenance"] == "calibrated"
    given = search("moga", Aims(MACS_LATENCY, reference=[150.0, 20.0]), budget=200)
    assert given.reference.tolist() == [-150.0, 20.0]
    with pytest.raises(OptionError, match="one finite number"):
        search("moga", Aims(MACS_LATENCY, reference=[150.0]), budget=200)


def test_a_pruned_space_has_its_bases_reference_point() -> None:
    space = smaller_toy_space()
    assert reference_point(toy_problem(space)).tolist() == reference_point(toy_problem(space.base)).tolist()


# -- tables, picking, budgets ----------------------------------------------------------------------------------


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


class Trained:
    """A predictor of a user's own, without a card: how many archs it was asked for."""

    metric, unit = "top1_percent", "%"

    def __init__(self, space: Space, *, noise: float = 0.0) -> None:
        self._truth, self.asked, self.noise = ProductPredictor(space), 0, noise
        self._rng = np.random.default_rng(0)

    def predict(self, archs: Archs) -> NDArray[np.float32]:
        self.asked += len(archs)
        return self._truth.predict(archs) + (self.noise * self._rng.standard_normal(len(archs))).astype(np.float32)


@pytest.mark.parametrize("limits", [(), ("top1_percent>=1e6",)])
@pytest.mark.parametrize("algorithm", ["nsga2", "mutation", "random"])
def test_an_own_predictor_is_asked_for_the_budget_and_little_more(
    ofa_mbv3: Space, algorithm: str, limits: tuple[str, ...]
) -> None:
    mine = Trained(ofa_mbv3)
    result = search(
        ofa_mbv3,
        Aims(GOALS, predictors=[mine, additive_predictor(ofa_mbv3)], limits=limits),
        budget=100,
        algorithm=algorithm,
    )
    assert mine.asked == 108
    assert result.asked == {"top1_percent": 108}
    shared = reference_point(result.problem)
    assert np.isnan(shared).tolist() == [True, False]
    assert result.reference.tolist() == [result.archive.points[:, 0].max(), shared[1]]
    assert result.hypervolume > 0


def test_a_noisy_evaluator_is_declared_asked_once_and_written_down(ofa_mbv3: Space, tmp_path: Path) -> None:
    mine = Trained(ofa_mbv3, noise=1e5)
    predictors = [mine, additive_predictor(ofa_mbv3)]
    result = search(ofa_mbv3, Aims(GOALS, predictors=predictors), budget=60, algorithm="random", out=tmp_path / "run")
    assert mine.asked == 60
    about = read_manifest(tmp_path / "run").config
    assert about["predictors"]["top1_percent"]["noise"] == 1e5
    assert about["predictors"]["top1_percent"]["caption"] == "user, noise 1e+05 %, floor unknown: not audited"
    assert about["reference"][0] is None
    again = search(ofa_mbv3, Aims(GOALS, predictors=predictors), budget=60, algorithm="random", out=tmp_path / "run")
    assert mine.asked == 60
    assert again.hypervolume == result.hypervolume


def test_a_comparison_by_an_own_predictor_has_one_reference_point(toy: Space) -> None:
    mine = Trained(toy)
    found = compare(
        toy,
        algorithms=["nsga2", "random"],
        trials=Trials(budget=40, seeds=2),
        aims=Aims(GOALS, predictors=[mine, additive_predictor(toy)]),
    )
    runs = [run for of_case in found.runs for run in of_case]
    worst = max(run.archive.points[:, 0].max() for run in runs)
    assert {run.reference[0] for run in runs} == {worst}
