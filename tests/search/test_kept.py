"""Folders of searches: killed, finished, damaged, of another search."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from blockprofile.content import content_dir
from blockprofile.errors import DataError, OptionError, RunError, UnknownNameError
from blockprofile.search import (
    NSGA2,
    Aims,
    HierarchicalMutation,
    load_search,
    reference_point,
    search,
)
from blockprofile.space import Space
from tests.search.helpers import (
    MACS_LATENCY,
    toy_problem,
)
from tests.toy import smaller_toy_space

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
