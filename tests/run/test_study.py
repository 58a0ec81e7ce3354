"""Studies: stages run in order inside the output folder; mistakes are found before the first stage."""

from __future__ import annotations

from pathlib import Path

import pytest

from blockprofile.errors import DefinitionError, UnknownNameError
from blockprofile.run.study import find_study, list_studies, read_study, run_study

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
