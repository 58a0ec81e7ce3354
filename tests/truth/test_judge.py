"""Judging by a truth: brute force on what it says, and the study's page from its figures."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from blockprofile.errors import DataError, OptionError
from blockprofile.truth import judge
from blockprofile.truth.judge import Repeats, summarise
from blockprofile.truth.repetition import DEFAULT
from blockprofile.truth.scores import plan_row
from blockprofile.truth.table import Truth, read_truth
from blockprofile.truth.trials import judge_pruning, prune_by_truth
from blockprofile.truth.words import scores_words, share


@pytest.fixture(scope="module")
def truth() -> Truth:
    return read_truth("nas_bench_macro", "top1_percent:cifar10")


def test_every_arch_has_its_trainings(truth: Truth) -> None:
    assert truth.runs.shape == (6561, 3)
    assert np.allclose(truth.source.predict(truth.archs), truth.runs.mean(axis=1), atol=1e-4)
    assert np.allclose(truth.without(1), truth.runs[:, [0, 2]].mean(axis=1))
    assert np.std(truth.runs[:, 0] - truth.runs[:, 1]) / np.sqrt(2) == pytest.approx(truth.spread, rel=0.1)


def test_what_is_best_within_limits(truth: Truth) -> None:
    cost, accuracy = truth.cost("macs_m"), truth.without(0)
    best = cost.best_archs(accuracy)
    for row, limit in zip(best, cost.limits, strict=True):
        assert cost.values[row] <= limit
        assert accuracy[row] == accuracy[cost.values <= limit].max()


def test_a_pruning_is_judged_by_what_it_lacks(truth: Truth) -> None:
    cost, accuracy = truth.cost("params_m"), truth.without(2)
    whole = judge_pruning(truth, cost, accuracy, truth.space)
    assert (whole.left, whole.most, whole.hypervolume, set(whole.survives)) == (1.0, 0.0, 1.0, {True})
    allowed = [codes[1:] if slot == 0 else codes for slot, codes in enumerate(truth.space.allowed)]
    pruned = truth.space.restricted(allowed, name="x")
    found = judge_pruning(truth, cost, accuracy, pruned)
    without_last = truth.space.restricted([codes[:1] for codes in truth.space.allowed], name="y")
    inside = truth.archs[:, 0] != 0
    lacks = [accuracy[cost.values <= at].max() - accuracy[inside & (cost.values <= at)].max() for at in cost.limits]
    assert found.lacks == pytest.approx(tuple(lacks))
    assert found.left == pytest.approx(2 / 3)
    assert found.hypervolume <= 1
    assert judge_pruning(truth, cost, accuracy, without_last).hypervolume < 1
    by_truth = judge_pruning(truth, cost, accuracy, prune_by_truth(truth, accuracy, cost))
    assert by_truth.most <= truth.spread
    assert by_truth.left < 0.1


def test_what_is_no_truth_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is no table of all archs"):
        read_truth("mnasnet_accel", "top1_percent:accel_nasbench")
    with pytest.raises(OptionError, match="4 repetitions"):
        judge("nas_bench_macro", metric="top1_percent:cifar10", out=tmp_path, repeats=Repeats(repetitions=2))
    with pytest.raises(OptionError, match="scored is 5; must be 0, or 20"):
        judge("nas_bench_macro", metric="top1_percent:cifar10", out=tmp_path, scored=5)


def test_figures_are_averaged_with_their_errors() -> None:
    rows = [{"repetition": k % 2, "n": 5, "most": float(k), "by_limit": (k > 1, True)} for k in range(4)]
    (found,) = summarise(rows, ("n",))
    assert (found["most"], found["repetitions"], found["by_limit"]) == (1.5, 2, [0.5, 1.0])
    assert found["most_se"] == pytest.approx(np.std(range(4), ddof=1) / np.sqrt(2))
    assert share(0.955, 0.01) == "96 ± 2 %"


def test_the_study_writes_its_page_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["blockprofile.truth.repetition"], "WAYS", (DEFAULT,))
    folder = judge(
        "nas_bench_macro",
        metric="top1_percent:cifar10",
        out=tmp_path / "out",
        costs=["macs_m"],
        n=[30],
        searched=[30],
        repeats=Repeats(repetitions=4),
    )
    results = json.loads((folder / "results.json").read_text())
    kept = {row["how"]: row for row in results["prunings"]}
    assert kept["the truth"]["kept"] == 1.0
    assert 0 < kept[results["default"]]["left"] <= 1.0
    assert {row["where"] for row in results["searches"]} == {"pruned", "whole", "whole, labels too"}
    assert {row["by"] for row in results["fits"]} == {"main effects", "with pairs"}
    assert [row["statistic"] for row in results["plans"]] == ["M_b", "M_ulb"]
    page = (folder / "page.md").read_text()
    assert f"{results['spread']:.3g} points" in page
    assert f"rank all archs alike with a tau of {results['again']:.2f}" in page
    assert (folder / "images" / "truth_macro_kept.png").is_file()
    # What was killed goes on: of a journal cut in its last line only the last trial is missing.
    journal = folder / "judged.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:-1]) + lines[-1][:40])
    seen: list[str] = []

    def do_again(kind: str, what: object, trial: object) -> object:
        seen.append(kind)
        return json.loads(lines[-1])["found"]

    monkeypatch.setattr(sys.modules["blockprofile.truth.judge"], "_do", do_again)
    monkeypatch.setattr("blockprofile.truth.page.truth_figures", lambda *_, **__: None)
    again = judge(
        "nas_bench_macro", metric="top1_percent:cifar10", out=tmp_path / "out", costs=["macs_m"], n=[30],
        searched=[30], repeats=Repeats(repetitions=4),
    )  # fmt: skip
    assert seen == ["labels"]
    assert json.loads((again / "results.json").read_text()) == results


def test_planned_labels_are_compared_pair_by_pair() -> None:
    found = plan_row([(4.0, 2.0), (2.0, 1.0), (6.0, 3.0)])
    assert (found["factor"], found["factor_se"], found["repetitions"]) == (2.0, pytest.approx(0), 3)
    assert plan_row([(4.0, 2.0)])["factor"] is None


def test_a_score_is_better_only_beyond_doubt() -> None:
    def row(by: str, tau: float) -> dict[str, object]:
        return {"by": by, "tau": tau, "low": tau - 0.1, "high": tau + 0.1}

    told = scores_words([row("macs_m", 0.5), row("params_m", 0.3), row("a", 0.8), row("b", 0.55), row("c", 0.2)])
    assert told.endswith("(tau 0.50): a better beyond doubt; c worse beyond doubt; b undecided.")
