"""Studies: stages run in order inside the output folder; mistakes are found before the first stage."""

from __future__ import annotations

from pathlib import Path

import pytest

from blockprofile.errors import DefinitionError, OptionError, RunError, UnknownNameError
from blockprofile.run.study import STAGES, find_study, list_studies, read_study, run_study, stage_parameters

GOOD = """
schema: blockprofile.study/1
name: small
title: A small study
out: runs/small
stages:
  - sample: {space: moga, metrics: [macs_m], n: 2000, out: pool}
  - profile: {run: pool}
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "study.yaml"
    path.write_text(text)
    return path


def test_stages_run_in_order_inside_the_folder(tmp_path: Path) -> None:
    study = read_study(write(tmp_path, GOOD))
    done = list(run_study(study, out=tmp_path / "out"))
    assert [stage.stage for stage in done] == ["sample", "profile"]
    assert (tmp_path / "out" / "pool" / "profile.parquet").is_file()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("- sample:", "- smaple:", r"study.yaml:7:5: stages\[0\].smaple: .*did you mean 'sample'"),
        ("n: 2000", "m: 2000", r"study.yaml:7:\d+: .*takes no 'm'"),
        ("out: pool", "out: ../pool", r"study.yaml:7:\d+: .*leaves the study's output folder"),
        ("out: pool", "out: /tmp/pool", "leaves the study's output folder"),
        ("{run: pool}", "{}", "needs 'run'"),
        ("title: A small study", "tilte: A small study", r"study.yaml:4:1: tilte: unknown key 'tilte'"),
        ("blockprofile.study/1", "blockprofile.study/9", "schema"),
        ("space: moga", "space: 5", r"stages\[0\].sample.space: 5 is wrong: should be text"),
        ("out: pool", "out: null", "None is wrong: should be text"),
        ("[macs_m]", "5", "5 is wrong: should be a list of text, or null"),
        ("[macs_m]", "macs_m", "'macs_m' is wrong: should be a list of text"),
        ("n: 2000", "n: [2]", r"\[2\] is wrong: should be a whole number, or text"),
        ("n: 2000", "n: null", "None is wrong: should be a whole number, or text$"),
        ("n: 2000", "n: 2000, seed: abc", "'abc' is wrong: should be a whole number"),
        ("n: 2000", "n: 2000, seed: true", "True is wrong: should be a whole number"),
        ("n: 2000", "n: 2000, limit: 5", "5 is wrong: should be text, or null"),
        ("n: 2000", "n: 2000, command: rm", "takes no 'command'"),
        ("n: 2000", "n: 2000, scheduler: 'tcp://x:1'", "a study names no cluster"),
        ("n: 2000", "n: 2000, backend: dask", "a study names no cluster"),
        ("n: 2000", "n: 2k, law: even", r"study.yaml:7:\d+: .*'even'"),
        ("- profile: {run: pool}", "- prune: {run: pool, order: 1, lose: 1.0, out: p.yaml}", "--lose has no effect"),
        ("out: runs/small", "out: /tmp/small", "/tmp/small' is not below the folder"),
        ("out: runs/small", "out: ../small", "small' is not below the folder"),
    ],
)
def test_a_mistake_is_found_with_its_place_before_anything_runs(tmp_path: Path, old: str, new: str, told: str) -> None:
    with pytest.raises(DefinitionError, match=told):
        read_study(write(tmp_path, GOOD.replace(old, new)))


def test_shipped_studies_are_found_by_name_and_are_in_order() -> None:
    assert "quickstart" in list_studies()
    for name in list_studies():
        assert read_study(find_study(name)).file.name == name
    assert find_study("analysis/quickstart.yaml").stem == "quickstart"


def test_an_unknown_study_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'quickstart'"):
        find_study("quikstart")


def test_an_input_is_a_file_of_the_study_or_a_name(tmp_path: Path) -> None:
    text = """
schema: blockprofile.study/1
name: small
title: Prune by hand, then search
out: runs/small
stages:
  - search: {space: SPACE, objectives: ["params_m:max"], budget: 40, out: found}
"""
    pruned = "schema: blockprofile.pruned/1\nname: mine\nbase: {name: moga}\nrules: [{drop: [e6k7se]}]\n"
    (tmp_path / "out" / "moga").mkdir(parents=True)
    (tmp_path / "out" / "mine.yaml").write_text(pruned)
    for name, expected in [("moga", "moga"), ("mine.yaml", "mine"), (str(tmp_path / "out" / "mine.yaml"), "mine")]:
        study = read_study(write(tmp_path, text.replace("SPACE", name).replace("found", f"found-{len(name)}")))
        (stage,) = run_study(study, out=tmp_path / "out")
        assert stage.result.problem.space.name == expected
        assert stage.out == tmp_path / "out" / f"found-{len(name)}"


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_says_what_it_takes(name: str) -> None:
    taken = stage_parameters(name)
    assert taken
    assert not {"command", "scheduler", "on_generation", "predictors"} & taken.keys()


def test_a_link_does_not_lead_a_stage_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / "pool").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunError, match="through a link"):
        list(run_study(read_study(write(tmp_path, GOOD)), out=tmp_path / "out"))
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_scheduler_that_no_stage_could_use_is_refused(tmp_path: Path) -> None:
    text = GOOD.replace("  - profile: {run: pool}\n", "").replace(
        "sample: {space: moga, metrics: [macs_m], n: 2000, out: pool}",
        "search: {space: moga, objectives: ['macs_m:min'], budget: 20, out: s}",
    )
    with pytest.raises(OptionError, match="no stage of the study works on a cluster"):
        list(run_study(read_study(write(tmp_path, text)), out=tmp_path / "out", scheduler="tcp://x:1"))
