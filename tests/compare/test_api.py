"""Comparisons of whole searches: what is compared, that it is kept, read back, and paired."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from blockprofile.compare import Trials, compare, comparison_frame, comparison_rows, load_comparison, make_cases
from blockprofile.compare.algorithms import parse_algorithm
from blockprofile.compare.paired import adjust_holm, compare_paired
from blockprofile.compare.verdict import Indicator, Verdict
from blockprofile.errors import DataError, OptionError, RunError, UnknownNameError
from blockprofile.report.comparison_answer import answer_comparison
from blockprofile.search import NSGA2, HierarchicalMutation, hypervolume, search

GOALS = ["params_m:max", "macs_m:min"]
PRUNED = """
schema: blockprofile.pruned/1
name: small
base: {name: moga}
rules:
  - {drop: [e3k3se, e3k5se, e3k7se, e6k3se, e6k5se, e6k7se], why: "nothing but parameters", policy: by hand}
"""


def _pruned(folder: Path) -> Path:
    path = folder / "small.yaml"
    path.write_text(PRUNED)
    return path


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """One small comparison for all tests."""
    home = tmp_path_factory.mktemp("compare")
    found = compare(
        "moga", insights=[_pruned(home)], out=home / "run", trials=Trials(budget=300, seeds=3, at=[300.0]), aims=GOALS
    )
    return home / "run", found


def test_values_are_those_of_single_searches(kept: tuple[Path, Any]) -> None:
    _, found = kept
    values = {indicator.name: indicator.values for indicator in found.indicators}
    alone = search("moga", GOALS, budget=300, seed=1)
    assert values["hypervolume"][0, 1] == pytest.approx(alone.hypervolume)
    params, macs = alone.archive.metrics["params_m"], alone.archive.metrics["macs_m"]
    assert values["best_at_300"][0, 1] == pytest.approx(params[macs <= 300].max())


def test_all_searches_share_reference_and_budget(kept: tuple[Path, Any]) -> None:
    _, found = kept
    references = {tuple(run.reference) for runs in found.runs for run in runs}
    assert len(references) == 1
    assert {len(run.archive) for runs in found.runs for run in runs} == {300}
    assert [[run.seed for run in runs] for runs in found.runs] == [[0, 1, 2]] * 2


def test_curves_end_at_the_final_hypervolume(kept: tuple[Path, Any]) -> None:
    _, found = kept
    final = [
        [hypervolume(front, runs[0].reference) for front in fronts]
        for fronts, runs in zip(found.fronts, found.runs, strict=True)
    ]
    assert found.curves[:, :, -1] == pytest.approx(np.array(final))


def test_verdicts_follow_from_the_values(kept: tuple[Path, Any]) -> None:
    _, found = kept
    verdict = found.verdicts[0]
    values = found.indicators[0].values
    assert verdict.case == "small"
    assert verdict.paired.difference == pytest.approx((values[1] - values[0]).mean())
    # Squeeze-and-excite brings parameters at next to no multiply-adds: without it the front is smaller beyond doubt.
    assert verdict.is_better is False
    assert found.sooner["small"].n_reached < 3
    # A seed in which the original finds nothing has nothing to be reached.
    again = dataclasses.replace(found)
    again.__dict__["curves"] = np.where(np.arange(3)[:, None] == 1, 0.0, found.curves)
    assert again.sooner["small"].n == 2


def test_reading_back_gives_the_same_table(kept: tuple[Path, Any]) -> None:
    folder, found = kept
    again = load_comparison(folder)
    ours, theirs = comparison_frame(found), comparison_frame(again)
    assert ours.drop(columns="values").equals(theirs.drop(columns="values"))
    table = pq.read_table(folder / "comparison.parquet").to_pandas()
    assert table["indicator"].tolist() == ours["indicator"].tolist()
    assert [len(values) for values in table["values"]] == [len(values) for values in ours["values"]]
    assert len(comparison_rows(found)) == len(found.verdicts)


def test_the_pruned_file_may_go(kept: tuple[Path, Any], tmp_path: Path) -> None:
    source = _pruned(tmp_path)
    compare("moga", insights=[source], out=tmp_path / "run", trials=Trials(budget=100, seeds=1), aims=GOALS)
    source.unlink()
    assert load_comparison(tmp_path / "run").cases[1].name == "small"


def test_the_same_command_reads_what_is_there(kept: tuple[Path, Any]) -> None:
    folder, found = kept
    insight = folder.parent / "small.yaml"
    again = compare("moga", insights=[insight], out=folder, trials=Trials(budget=300, seeds=3, at=[300.0]), aims=GOALS)
    assert (again.curves == found.curves).all()
    with pytest.raises(RunError, match="budget is 300 there and 200 here"):
        compare("moga", insights=[insight], out=folder, trials=Trials(budget=200, seeds=3, at=[300.0]), aims=GOALS)


def test_algorithms_are_cases_too() -> None:
    found = compare("moga", algorithms=["nsga2", "random"], trials=Trials(budget=200, seeds=2), aims=GOALS)
    assert [case.name for case in found.cases] == ["original, nsga2", "original, random"]


def test_one_goal_compares_the_best() -> None:
    found = compare(
        "moga", algorithms=["mutation", "random"], trials=Trials(budget=120, seeds=2), aims=["params_m:max"]
    )
    (indicator,) = found.indicators
    assert indicator.is_more_better
    assert indicator.values[0, 0] == pytest.approx(found.runs[0][0].archive.metrics["params_m"].max())
    assert found.cost_limits == ()


def test_one_seed_has_a_difference_but_no_interval() -> None:
    found = compare("moga", algorithms=["nsga2", "random"], trials=Trials(budget=120, seeds=1), aims=GOALS)
    assert np.isfinite(found.verdicts[0].paired.difference)
    assert found.verdicts[0].is_better is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "nothing to compare"),
        ({"insights": ["ofa_mbv3"]}, "is made from 'ofa_mbv3'"),
        ({"algorithms": ["nsga2", "nsga2"]}, "must differ"),
        ({"algorithms": ["nsga3"]}, "did you mean 'nsga2'"),
        ({"algorithms": ["nsga2", "random"], "trials": {"seeds": 0}}, "--seeds is 0"),
        ({"algorithms": ["nsga2", "random"], "trials": {"seed": -1}}, "--seed -1"),
        ({"algorithms": ["nsga2", "random"], "trials": {"budget": "few"}}, "--budget is 'few', no number"),
    ],
)
def test_mistakes_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        compare("moga", aims=GOALS, trials=Trials(**options.pop("trials", {})), **options)


def test_a_pruned_space_is_no_original(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="name its base with --space"):
        make_cases(_pruned(tmp_path), [], ["nsga2", "random"])


def test_folders_that_are_no_comparison(kept: tuple[Path, Any], tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="does not exist"):
        load_comparison(tmp_path / "none")
    with pytest.raises(RunError, match=r"is a run of kind .*, not 'comparison'; `blockprofile compare` makes one"):
        load_comparison(kept[0] / "runs" / "original" / "seed-0")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_text("")
    with pytest.raises(RunError, match="is no run folder"):
        compare("moga", algorithms=["nsga2", "random"], out=tmp_path / "other", aims=GOALS)


def test_an_unfinished_comparison_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    compare("moga", algorithms=["nsga2", "random"], out=folder, trials=Trials(budget=100, seeds=1), aims=GOALS)
    (folder / "comparison.parquet").unlink()
    with pytest.raises(RunError, match="is unfinished"):
        load_comparison(folder)
    (folder / "comparison.parquet").write_text("")
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text.replace('"seeds"', '"seedz"'))
    with pytest.raises(DataError, match="is not as it was written"):
        load_comparison(folder)


def test_algorithms_are_parsed_with_parameters() -> None:
    found = parse_algorithm("nsga2:population=40,mutator=hierarchical")
    assert isinstance(found, NSGA2)
    assert found.population == 40
    assert isinstance(found.mutation, HierarchicalMutation)
    for text, message in [
        ("nsga2:pool=3", "has no parameter 'pool'"),
        ("nsga2:population=x", "'x', no number"),
        ("mutation:chance=half", "chance of algorithm 'mutation:chance=half' is 'half'"),
        ("mutation:chance=2", "chance is 2.0; it must be above 0 and at most 1"),
        ("nsga2:population", "KEY=VALUE"),
        ("nsga2:mutator=odd", "mutator 'odd'"),
        ("mutation:top=0", "from 1 to"),
        ("nsga2:population=8,population=9", "twice"),
    ]:
        with pytest.raises(OptionError, match=message):
            parse_algorithm(text)


def test_a_limit_that_no_arch_keeps_is_said(kept: tuple[Path, Any]) -> None:
    folder, _ = kept
    insight = folder.parent / "small.yaml"
    found = compare("moga", insights=[insight], trials=Trials(budget=60, seeds=2, at=[1.0]), aims=GOALS)
    verdict = found.verdicts[-1]
    assert verdict.indicator.name == "best_at_1"
    assert verdict.words == "none found"
    row = comparison_rows(found)[-1]
    assert (row["original"], row["mean"], row["difference"], row["p"], row["effect size"]) == (None, None, "", "", "")
    own = comparison_frame(found).iloc[-2 - len(found.sooner)]
    assert (own["indicator"], own["case"], own["n"]) == ("best_at_1", found.cases[0].name, 0)
    assert found.verdicts[0].words in {"better", "worse", "undecided"}
    assert "no arch found at macs_m <= 1 M" in " ".join(answer_comparison(found))


def test_two_workers_find_what_one_finds(tmp_path: Path) -> None:
    options: dict[str, Any] = {"algorithms": ["nsga2", "random"], "aims": GOALS, "trials": Trials(budget=100, seeds=1)}
    one, two = compare("moga", **options), compare("moga", **options, workers=2, out=tmp_path / "run")
    assert (one.curves == two.curves).all()
    assert [(a.indicator.name, a.paired.difference) for a in one.verdicts] == [
        (b.indicator.name, b.paired.difference) for b in two.verdicts
    ]


def _comparison(found: Any, floor: float | None, metric: str = "params_m") -> Any:
    """Give the metric's predictor another floor, in a comparison that is otherwise the same."""
    problem = found.problem
    cards = [each.card for each in problem.predictors]
    for predictor in problem.predictors:
        if predictor.metric == metric:
            predictor.card = dataclasses.replace(predictor.card, floor=floor)
    try:
        again = dataclasses.replace(found)
        _ = again.verdicts
    finally:
        for predictor, card in zip(problem.predictors, cards, strict=True):
            predictor.card = card
    return again


def test_a_difference_below_the_floor_is_not_called_worse(kept: tuple[Path, Any]) -> None:
    _, found = kept
    at = next(v for v in found.verdicts if v.indicator.name == "best_at_300")
    assert (at.words, at.indicator.floor, at.indicator.unaudited) == ("worse", 0.0, ())
    gap = abs(at.paired.difference)
    just = _comparison(found, 0.99 * gap)
    assert next(v for v in just.verdicts if v.indicator.name == "best_at_300").words == "worse"
    below = _comparison(found, 1.01 * gap)
    verdict = next(v for v in below.verdicts if v.indicator.name == "best_at_300")
    assert (verdict.is_better, verdict.is_sure, verdict.words) == (None, True, "below the predictor's own error")
    assert verdict.indicator.floor == pytest.approx(1.01 * gap)
    row = comparison_frame(below).query("indicator == 'best_at_300' and case == 'small'").iloc[0]
    assert (row["floor"], row["verdict"]) == (pytest.approx(1.01 * gap), "below the predictor's own error")
    assert "(below the predictor's own error)" in answer_comparison(below)[1]


def test_the_floor_of_the_hypervolume_is_what_moved_fronts_gain(kept: tuple[Path, Any]) -> None:
    _, found = kept
    moved = _comparison(found, 0.5)
    reference = found.runs[0][0].reference
    shift = np.array([0.5, 0.0])
    gains = [hypervolume(run.front.points - shift, reference) - run.hypervolume for run in found.runs[0]]
    verdict = moved.verdicts[0]
    assert verdict.indicator.floor == pytest.approx(np.mean(gains))
    assert moved.goal_floors.tolist() == [0.5, 0.0]
    assert verdict.words == ("worse" if abs(verdict.paired.difference) > np.mean(gains) else verdict.words)
    huge = _comparison(found, 100.0)
    assert {v.words for v in huge.verdicts} <= {"below the predictor's own error", "undecided"}
    assert "differs from the original's by less than the predictors' own error" in answer_comparison(huge)[0]


def test_an_unknown_floor_is_said_and_the_interval_decides(kept: tuple[Path, Any]) -> None:
    _, found = kept
    unknown = _comparison(found, None)
    at = next(v for v in unknown.verdicts if v.indicator.name == "best_at_300")
    assert (at.words, at.indicator.unaudited) == ("worse", ("params_m",))
    rows = [row for row in comparison_rows(unknown) if row["indicator"].startswith("best")]
    assert {row["floor"] for row in rows} == {"unknown"}
    assert comparison_frame(unknown).query("case == 'small' and indicator == 'best_at_300'")["floor"].isna().all()
    of_cost = _comparison(found, None, "macs_m")
    names = {v.indicator.name: v.indicator.unaudited for v in of_cost.verdicts}
    assert names["hypervolume"] == ("macs_m",)
    assert names["best_at_300"] == ()


def test_weights_that_no_algorithm_looks_at_are_refused() -> None:
    aims = ["params_m:max:0.7", "macs_m:min:0.3"]
    with pytest.raises(OptionError, match="weights of --objective have no effect here: no --algorithm weighs"):
        compare("moga", algorithms=["mutation", "random"], aims=aims, trials=Trials(budget=20, seeds=1))


def test_a_verdict_of_several_cases_counts_them_all() -> None:
    """p is 0.032 and 0.039 alone, and 0.064 by Holm of the two."""
    spread = np.array([-2.0, -1.0, 0.0, 0.0, 1.0, 2.0])
    values = np.stack([np.zeros(6), spread + 1.7, spread + 1.6])
    paired = [compare_paired(case, values[0]) for case in values[1:]]
    assert all(one.ci_low > 0 and 0.025 < one.p_t < 0.05 for one in paired)
    indicator = Indicator("hypervolume", "hypervolume", "", is_more_better=True, values=values)
    alone = Verdict("ours", indicator, paired[0], adjust_holm(np.array([paired[0].p_t]))[0], (6, 6))
    both = [
        Verdict("ours", indicator, one, p, (6, 6))
        for one, p in zip(paired, adjust_holm(np.array([one.p_t for one in paired])), strict=True)
    ]
    assert [alone.words, *(verdict.words for verdict in both)] == ["better", "undecided", "undecided"]
