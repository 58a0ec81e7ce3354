"""From names to a problem: what --device and --metric bring is found, and nothing is taken for something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from blockprofile.compare import compare
from blockprofile.errors import OptionError, UnknownNameError
from blockprofile.predict import find_device, find_metric
from blockprofile.predict.lookup import value_column
from blockprofile.predict.registry import select_entries
from blockprofile.prune import prune
from blockprofile.run import PoolRequest
from blockprofile.run.limits import find_limited, parse_limit
from blockprofile.search import Aims, Reward
from blockprofile.search.request import build_problem
from blockprofile.space import Space
from tests.predict.test_lookup import operators_of, rows_of, write
from tests.toy import ProductPredictor

CARD = """\
schema: blockprofile.predictor/1
name: {name}
title: {metric}
kind: lookup
metric: {metric}
unit: ms
provenance: measured
spaces: [toy]
floor: 0.1
"""


@pytest.fixture
def folders(toy: Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make predictor folders of the toy space in the working directory."""
    metrics = {
        "board": "energy_mj:board", "phone": "latency_ms:made", "note10": "latency_ms:mine", "top": "top1_percent:mine",
        "other": "latency_ms:made", "plain": "top1_percent",
    }  # fmt: skip
    for name, metric in metrics.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "card.yaml").write_text(CARD.format(name=name, metric=metric))
        write(tmp_path / name, rows_of(operators_of(toy)).rename(columns={"mean_ms": value_column(metric)}))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("given", [{"devices": ["board"]}, {"metrics": ["board"]}, {"metrics": ["./board"]}])
@pytest.mark.parametrize("goal", ["energy_mj:board:min", "energy_mj:board", "energy_mj"])
def test_an_objective_finds_what_was_brought(toy: Space, folders: Path, given: dict[str, list[str]], goal: str) -> None:
    problem, described = build_problem(toy, Aims([goal, "macs_m:max"], **given))  # type: ignore[arg-type]
    assert problem.names == ("energy_mj:board", "macs_m")
    assert problem.goals[0].direction == "min"
    assert problem.metrics == ("energy_mj:board", "macs_m")
    assert described["energy_mj:board"]["provenance"] == "measured"


def test_limits_and_rewards_find_it_too(toy: Space, folders: Path) -> None:
    reward = Reward(latency="latency_ms", target=2.0, accuracy="top1_percent")
    problem, _ = build_problem(
        toy, Aims([reward], limits=["latency_ms<=3", "energy_mj<=9"], devices=["phone"], metrics=["top", "board"])
    )
    assert problem.goals[0].metrics == ("top1_percent:mine", "latency_ms:made")
    assert [each.metric for each in problem.limits] == ["latency_ms:made", "energy_mj:board"]
    entry = find_device("phone", toy)
    assert find_limited(parse_limit("latency_ms:made<=3"), toy, entries=[entry]) == entry
    with pytest.raises(UnknownNameError, match="'latency_ms:phone' is unknown"):
        find_limited(parse_limit("latency_ms:phone<=3"), toy)


@pytest.mark.parametrize("given", [{"metrics": ["top"]}, {"devices": ["phone", "top"]}])
def test_an_accuracy_that_was_given_is_searched_for(toy: Space, folders: Path, given: dict[str, list[str]]) -> None:
    problem, _ = build_problem(toy, Aims(**{"devices": ["phone"], **given}))  # type: ignore[arg-type]
    assert problem.names == ("top1_percent:mine", "latency_ms:made")
    assert [goal.direction for goal in problem.goals] == ["max", "min"]


def test_a_folders_name_is_no_devices_name(toy: Space, folders: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"'latency_ms:phone' is unknown.*latency_ms:made"):
        build_problem(toy, Aims(["latency_ms:phone", "params_m:max"], devices=["./phone"]))
    with pytest.raises(UnknownNameError, match="'latency_ms:phone' is unknown"):
        find_metric("latency_ms:phone", toy)


def test_a_name_that_means_two_things_is_refused(toy: Space, folders: Path) -> None:
    with pytest.raises(OptionError, match=r"device 'note10' is shipped, and a folder .* write './note10'"):
        find_device("note10", toy)
    assert find_device("./note10", toy)[0].metric == "latency_ms:mine"


def test_two_predictors_of_one_metric_are_refused(toy: Space, folders: Path) -> None:
    with pytest.raises(OptionError, match="'phone' and 'other' both give 'latency_ms:made'"):
        select_entries(toy, devices=["phone", "other"])
    with pytest.raises(OptionError, match="both give 'latency_ms:made'"):
        build_problem(toy, Aims(["latency_ms", "params_m"], devices=["phone"], metrics=["other"]))
    assert [card.metric for card, _ in select_entries(toy, devices=["phone", "./phone"], metrics=[])] == [
        "latency_ms:made"
    ]


def test_two_devices_leave_latency_open(toy: Space, folders: Path) -> None:
    with pytest.raises(OptionError, match=r"'latency_ms' does not say which one; .*latency_ms:made, latency_ms:mine"):
        build_problem(toy, Aims(["latency_ms", "params_m"], devices=["phone", "./note10"]))


def test_a_given_accuracy_comes_before_the_shipped_one(ofa_mbv3: Space, toy: Space, folders: Path) -> None:
    metrics = [card.metric for card, _ in select_entries(toy, devices=["phone", "plain"])]
    assert metrics == ["latency_ms:made", "top1_percent", "macs_m", "params_m"]
    mine = ProductPredictor(ofa_mbv3, metric="top1_percent:mine")
    problem, _ = build_problem(ofa_mbv3, Aims(["top1_percent", "macs_m"], predictors=[mine]))
    assert problem.predictors[0] is mine


def test_a_text_is_no_list() -> None:
    for make in (
        lambda: Aims("macs_m:min"),
        lambda: Aims(["macs_m:min"], limits="params_m<=5"),
        lambda: PoolRequest("moga", devices="note10"),
        lambda: compare("moga", "smaller.yaml"),
        lambda: prune("runs/none", policies="depth"),
    ):
        with pytest.raises(OptionError, match=r"is '.*', one text; must be a list such as \['"):
            make()
