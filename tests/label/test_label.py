"""Plans of archs to label, and labels that come back: from the command line to the intervals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from blockprofile.cli.main import main
from blockprofile.errors import DataError, OptionError
from blockprofile.label.plan import discrepancy, plan_archs
from blockprofile.label.read import append_labels, labels_needed, read_plan, read_results, read_round
from blockprofile.predict import load_predictors, read_labels
from blockprofile.space import Space, decode, draw_archs, load_space
from blockprofile.space.forms import read_arch
from tests.toy import all_archs, smaller_toy_space


@pytest.fixture(scope="module")
def macro() -> Space:
    return load_space("nas_bench_macro")


def test_a_plan_is_balanced_distinct_and_its_beginning_good(macro: Space) -> None:
    plan = plan_archs(macro, 54, seed=1)
    assert len(np.unique(plan, axis=0)) == 54
    counts = np.array([np.bincount(column, minlength=3) for column in plan.T])
    assert np.abs(counts - 18).max() <= 1
    drawn = [discrepancy(macro, draw_archs(macro, 54, np.random.default_rng(seed))) for seed in range(5)]
    assert discrepancy(macro, plan) < 0.5 * min(drawn)
    assert np.array_equal(plan, plan_archs(macro, 54, seed=1))


def test_effects_from_a_plan_are_several_times_as_precise(macro: Space) -> None:
    from tests.profile.test_pair_model import metric

    def error(archs: np.ndarray) -> float:
        values = metric(archs, pairs=3.0)
        steps = np.array([-1.0, 0.0, 1.0]) * np.linspace(0.5, 1.0, 8)[3]
        found = np.array([values[archs[:, 3] == code].mean() for code in range(3)]) - values.mean()
        return float(np.mean((found - steps) ** 2))

    planned = np.mean([error(plan_archs(macro, 54, seed=seed)) for seed in range(5)])
    drawn = np.mean([error(draw_archs(macro, 54, np.random.default_rng(seed))) for seed in range(20)])
    assert planned < drawn / 3


def test_known_archs_are_gone_on_from(macro: Space) -> None:
    known = draw_archs(macro, 40, np.random.default_rng(0))
    more = plan_archs(macro, 30, known=known)
    both = np.concatenate([np.unique(known, axis=0), more])
    assert len(np.unique(both, axis=0)) == len(both)
    alone = np.concatenate([known, plan_archs(macro, 30)])
    assert discrepancy(macro, np.concatenate([known, more])) < discrepancy(macro, alone)
    with pytest.raises(OptionError, match="there are 5 archs to choose from that are not labelled yet"):
        plan_archs(macro, 6, candidates=plan_archs(macro, 5))
    with pytest.raises(OptionError, match="at least 1 arch"):
        plan_archs(macro, 0)


def test_a_plan_may_be_all_of_a_small_space(toy: Space) -> None:
    assert np.array_equal(np.unique(plan_archs(toy, 468), axis=0), np.unique(all_archs(toy), axis=0))


def test_labels_of_a_pruned_space_are_those_of_its_archs(toy: Space) -> None:
    archs, small = all_archs(toy), smaller_toy_space()
    values = np.where(archs == 255, 0, archs).sum(axis=1) * 1.0
    inside = small.contains(archs)
    assert read_round(small, archs, values, metric="score").n == inside.sum() == 72


def test_spaces_of_depths_have_plans() -> None:
    ofa = load_space("ofa_mbv3")
    plan = plan_archs(ofa, 60, candidates=draw_archs(ofa, 2000, np.random.default_rng(0)))
    assert ofa.contains(plan).all()
    depths = [np.bincount(plan[:, unit.depth], minlength=3) for unit in ofa.units if unit.depth is not None]
    assert np.abs(np.array(depths) - 20).max() <= 3


@pytest.mark.parametrize("form", ["json", "text", "ofa"])
def test_a_plan_comes_back_as_labels(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "ofa_mbv3_w10" if form == "ofa" else "nas_bench_macro"
    space, plan = load_space(name), tmp_path / "plan"
    assert main(["label", "plan", "--space", name, "--n", "30", "--form", form, "--out", str(plan)]) == 0
    archs = read_plan(plan, space)
    assert len(archs) == 30
    lines = [line for line in plan.read_text("utf-8").splitlines() if not line.startswith("#")]
    (macs,) = load_predictors(space, metrics=["macs_m"])
    with (tmp_path / "results.jsonl").open("w") as file:
        for line in lines[:25]:
            arch = read_arch(space, line)
            told = line if form == "text" else json.loads(line)["arch"]
            file.write(json.dumps({"arch": told, "acc": float(macs.predict(arch)[0])}) + "\n")
    capsys.readouterr()
    words = ["label", "read", str(tmp_path / "results.jsonl"), "--space", name, "--metric", "top1_percent=acc"]
    if form == "ofa":
        assert main([*words, "--plan", str(plan)]) == 0
        return
    assert main([*words, "--plan", str(plan), "--width", "2", "--out", str(tmp_path / "all.csv"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["n"], found["missing"]) == (25, 5)
    assert found["needed"] >= 25
    assert main([*words, "--out", str(tmp_path / "all.csv"), "--json"]) == 0
    again = capsys.readouterr()
    assert json.loads(again.out)["n"] == 25
    assert "25 of 25 labels stand in" in again.err
    assert len((tmp_path / "all.csv").read_text().splitlines()) == 26


def test_collected_labels_lose_no_column_and_count_trainings(macro: Space, tmp_path: Path) -> None:
    archs, values, path = macro.check(plan_archs(macro, 3)), np.array([1.0, 2.0, 3.0]), tmp_path / "all.csv"
    assert append_labels(path, macro, "top1_percent", archs, values) == 0
    assert append_labels(path, macro, "top1_percent", archs, np.array([1.0, 2.5, 3.0])) == 2
    assert append_labels(path, macro, "top1_percent", archs[[0, 0]], np.array([1.0, 1.0])) == 1
    assert sorted(read_labels(path, macro).labels["top1_percent"]) == [1.0, 1.0, 2.0, 2.5, 3.0]
    lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join([f"{lines[0]},seed", *(f"{line},0" for line in lines[1:])]))
    with pytest.raises(DataError, match=r"has a column 'seed', which collecting would lose"):
        append_labels(path, macro, "top1_percent", archs, values)


def test_collected_labels_keep_their_resolution_and_any_name(tmp_path: Path) -> None:
    space, path = load_space("ofa_mbv3"), tmp_path / "all.csv"
    archs = draw_archs(space, 3, np.random.default_rng(0))
    for size, value in ((160, 1.0), (192, 2.0), (192, 2.0)):
        append_labels(path, space.at_resolution(size), "acc, final", archs, np.full(3, value))
    assert path.read_text("utf-8").splitlines()[0] == 'arch,resolution,"acc, final"'
    for size, value in ((160, 1.0), (192, 2.0)):
        found, values, left_out = read_results(path, space.at_resolution(size), "acc, final")
        assert (values.tolist(), left_out) == ([value] * 3, 3)
        assert np.array_equal(found, archs)


def test_labels_of_another_resolution_are_left_out(tmp_path: Path) -> None:
    space, path = load_space("ofa_mbv3"), tmp_path / "r.csv"
    archs = draw_archs(space, 4, np.random.default_rng(0))
    told = [
        {"arch": decode(space, arch), "resolution": 160 if row else 224, "acc": row} for row, arch in enumerate(archs)
    ]
    rows = [f'"{each["arch"]}",{each["resolution"]},{each["acc"]}' for each in told]
    for file, text in ((path, ["arch,resolution,acc", *rows]), (tmp_path / "r.jsonl", map(json.dumps, told))):
        file.write_text("\n".join(text))
        found, values, left_out = read_results(file, space.at_resolution(160), "acc")
        assert (values.tolist(), left_out) == ([1, 2, 3], 1)
        assert np.array_equal(found, archs[1:])
    with pytest.raises(DataError, match=r"holds no label of space 'ofa_mbv3' at resolution 192"):
        read_results(path, space.at_resolution(192), "acc")


def test_labels_needed_goes_with_the_square() -> None:
    assert labels_needed(100, 0.3, 0.1) == 900
    assert labels_needed(100, 0.1, 0.3) == 100
    assert labels_needed(100, np.inf, 0.3) is None


def test_what_cannot_be_read_is_told_with_its_line(macro: Space, tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    path.write_text('{"arch": "e3k3 e3k3 | e3k3 e3k3 e3k3 | e3k3 e3k3 e3k3", "acc": "x"}\n')
    with pytest.raises(DataError, match=r"results\.jsonl has no column 'acc' of numbers \(line 1 holds 'x'"):
        read_results(path, macro, "acc")
    path.write_text('{"arch": "e3k9", "acc": 1}\n')
    with pytest.raises(DataError, match=r"results\.jsonl: line 1: "):
        read_results(path, macro, "acc")
    path.write_text("nonsense\n")
    with pytest.raises(DataError, match=r"plan|results\.jsonl:1"):
        read_plan(path, macro)
    with pytest.raises(OptionError, match="--width is 0"):
        read_round(macro, draw_archs(macro, 30, np.random.default_rng(0)), np.ones(30), metric="score", width=0.0)
    with pytest.raises(DataError, match="all 30 labels are 1: they tell nothing"):
        read_round(macro, plan_archs(macro, 30), np.ones(30), metric="score", width=0.1)
    with pytest.raises(DataError, match="10 archs of nas_bench_macro are labelled"):
        read_round(macro, plan_archs(macro, 10), np.ones(10), metric="score")


def test_labels_of_another_resolution_are_not_known_at_this_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    space, plans = load_space("ofa_mbv3"), []
    texts = [decode(space, arch) for arch in draw_archs(space, 30, np.random.default_rng(0))]
    known = tmp_path / "known.csv"
    known.write_text("\n".join(["arch,resolution,acc", *(f'"{text}",160,1' for text in texts)]))
    for number, words in enumerate(([], ["--known", str(known)], ["--known", str(known), "--resolution", "160"])):
        out = tmp_path / f"{number}.jsonl"
        assert main(["label", "plan", "--space", "ofa_mbv3", "--n", "5", "--out", str(out), *words]) == 0
        plans.append(out.read_text())
    assert plans[0] == plans[1] != plans[2]
    capsys.readouterr()
