"""A run folder holds all that reading it needs, and nothing that was changed since is used without a word."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from blockprofile.cli.main import main
from blockprofile.compare import Trials, compare, load_comparison
from blockprofile.content import content_dir
from blockprofile.errors import DataError, RunError
from blockprofile.folderlock import LOCK_NAME, lock_folder
from blockprofile.predict.registry import list_predictors
from blockprofile.predict.table import write_additive_table
from blockprofile.profile import Profile, profile_run
from blockprofile.prune import prune
from blockprofile.run import RunFolder, sample, shard_paths
from blockprofile.run.manifest import MANIFEST_NAME
from blockprofile.run.pool import Pool, PoolRequest
from blockprofile.run.shards import read_shard
from blockprofile.search import Aims, load_search, search
from blockprofile.space import list_spaces, load_space
from blockprofile.space.record import describe_space, kept_space

METRICS = ("macs_m", "params_m")
GOALS = ["macs_m:min", "params_m:max"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with a space and a device of one's own."""
    folder = tmp_path / "project"
    folder.mkdir()
    text = (content_dir("spaces") / "moga.yaml").read_text().replace("name: moga", "name: own", 1)
    (folder / "own.yaml").write_text(text)
    monkeypatch.chdir(folder)
    write_device(folder / "phone", 1.0)
    return folder


def write_device(folder: Path, scale: float) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "card.yaml").write_text(
        "schema: blockprofile.predictor/1\nname: phone\ntitle: Mine\nkind: table\nmetric: latency_ms:phone\n"
        "unit: ms\nprovenance: user\nfloor: 0.1\nspaces: [own]\n"
    )
    space = load_space("own.yaml")
    table = {
        (slot.name, str(choice)): scale * (place + 1)
        for slot in space.slots
        for place, choice in enumerate(slot.choices)
    }
    write_additive_table(folder / "table.parquet", table)


def values(folder: Path) -> np.ndarray:
    _, found = read_shard(shard_paths(folder)[0], load_space("own.yaml"), ("latency_ms:phone",))
    return found["latency_ms:phone"]


@pytest.mark.parametrize("name", list_spaces())
def test_every_shipped_space_survives_being_written_down(name: str, tmp_path: Path) -> None:
    import json

    space = load_space(name)
    kept = kept_space(json.loads(json.dumps(describe_space(space, name))), tmp_path)
    assert kept == space
    assert kept.allowed == space.allowed


def test_a_run_is_read_elsewhere_when_space_and_predictors_are_gone(project: Path, tmp_path: Path) -> None:
    sample(PoolRequest("own.yaml", n=500, devices=["phone"], metrics=METRICS), out="run")
    search("own.yaml", Aims(["latency_ms:phone:min", "params_m:max"], devices=["phone"]), budget=60, out="search")
    profile_run("run")
    found = search("own.yaml", Aims(["latency_ms:phone:min", "params_m:max"], devices=["phone"]), budget=60)
    for name in ("run", "search"):
        (project / name).rename(tmp_path / name)
    shutil.rmtree(project / "phone")
    (project / "own.yaml").unlink()
    kept = load_search(tmp_path / "search")
    assert kept.front.to_frame().equals(found.front.to_frame())
    card = kept.problem.predictors[0].card  # type: ignore[attr-defined]
    assert card.caption == "user"
    drawn = ["heatmap", "run", "--kind", "layers", "--metric", "params_m"]
    for command in (["report", "run"], ["report", "search"], ["pick", "search", "--knee"], drawn):
        assert main([command[0], str(tmp_path / command[1]), *command[2:]]) == 0
    profile_run(tmp_path / "run")
    pruning = prune(tmp_path / "run", cost="latency_ms:phone", gain="params_m", out=tmp_path / "small.yaml")
    assert load_space(tmp_path / "small.yaml") == pruning.space
    with pytest.raises(RunError, match="cannot be evaluated"):
        kept.problem.evaluate(kept.history.archs)


def test_a_comparison_of_an_own_pruned_space_is_read_when_both_files_are_gone(project: Path) -> None:
    (project / "small.yaml").write_text(
        "schema: blockprofile.pruned/1\nname: small\nbase: {name: own, file: own.yaml}\n"
        "rules: [{drop: [e3k3], why: 'for a reason'}]\n"
    )
    options = {"insights": ["small.yaml"], "aims": GOALS, "trials": Trials(budget=60, seeds=2)}
    found = compare("own.yaml", out="run", **options)  # type: ignore[arg-type]
    compare("./own.yaml", out="run", **options | {"insights": [project / "small.yaml"]})  # type: ignore[arg-type]
    for name in ("own.yaml", "small.yaml"):
        (project / name).unlink()
    assert np.array_equal(load_comparison("run").curves, found.curves)
    assert main(["report", "run"]) == 0
    assert "for a reason" in (project / "run" / "report.html").read_text()


def test_paths_are_compared_by_content(project: Path) -> None:
    sample(PoolRequest("own.yaml", n=100, devices=["phone"], metrics=METRICS), out="run")
    again = sample(
        PoolRequest(project / "own.yaml", n=100, devices=[str(project / "phone")], metrics=METRICS), out="run"
    )
    assert again.n_new == 0
    write_device(project / "phone", 2.0)
    with pytest.raises(RunError, match=r"latency_ms:phone\.hash is"):
        sample(PoolRequest("own.yaml", n=100, devices=["phone"], metrics=METRICS), out="run")


def test_a_limits_predictor_belongs_to_the_configuration(project: Path) -> None:
    limit = "./phone<=100"
    sample(PoolRequest("own.yaml", n=100, metrics=METRICS, limit=limit), out="run")
    assert RunFolder.read(Path("run")).config["limit"] == "latency_ms:phone<=100"
    assert sample(PoolRequest("own.yaml", n=100, metrics=METRICS, limit=f"{project}/phone<=100"), out="run").n_new == 0
    write_device(project / "phone", 0.5)
    with pytest.raises(RunError, match=r"limited_by\.hash is"):
        sample(PoolRequest("own.yaml", n=100, metrics=METRICS, limit=limit), out="run")


def test_a_device_that_changed_gives_its_new_values_in_the_same_process(project: Path) -> None:
    sample(PoolRequest("own.yaml", n=50, devices=["phone"], metrics=()), out="a")
    write_device(project / "phone", 100.0)
    sample(PoolRequest("own.yaml", n=50, devices=["phone"], metrics=()), out="b")
    assert np.allclose(values(Path("b")), 100 * values(Path("a")))


def test_a_worker_refuses_a_predictor_that_is_not_what_the_run_was_started_with(project: Path) -> None:
    write_device(project / "phone", 7.0)
    pool: Pool = PoolRequest(space="own.yaml", n=10, devices=("phone",), metrics=()).resolve()
    write_device(project / "phone", 3.0)
    with pytest.raises(RunError, match="is not what the run was started with"):
        pool.tools()


def test_shipped_cards_are_found_by_their_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "macs_m"
    shutil.copytree(content_dir("predictors") / "macs_m", folder)
    monkeypatch.setattr("blockprofile.predict.registry.content_dir", lambda _: tmp_path)
    assert [card.floor for card, _ in list_predictors()] == [0.0]
    card = folder / "card.yaml"
    card.write_text(card.read_text().replace("floor: 0", "floor: 2", 1))
    assert [card.floor for card, _ in list_predictors()] == [2.0]


def test_flipped_bits_in_shards_are_refused_and_the_run_mends_them(tmp_path: Path) -> None:
    sample(PoolRequest("moga", n=2000, metrics=METRICS), out=tmp_path)
    path, space, draw = shard_paths(tmp_path)[0], load_space("moga"), random.Random(0)
    whole = path.read_bytes()
    archs, metrics = read_shard(path, space, METRICS)
    n_refused = 0
    for _ in range(60):
        data = bytearray(whole)
        data[draw.randrange(4, len(data) - 4)] ^= 1 << draw.randrange(8)
        path.write_bytes(data)
        try:
            seen, found = read_shard(path, space, METRICS)
        except DataError:
            n_refused += 1
            continue
        assert np.array_equal(seen, archs)
        assert all(np.array_equal(found[name], metrics[name]) for name in METRICS)
    assert n_refused > 40
    path.write_bytes(whole[: len(whole) // 2])
    assert sample(PoolRequest("moga", n=2000, metrics=METRICS), out=tmp_path).n_new == 2000
    assert path.read_bytes() == whole


def test_shards_of_another_run_or_another_place_are_refused(tmp_path: Path) -> None:
    for seed in (0, 1):
        sample(PoolRequest("moga", n=70_000, metrics=METRICS, seed=seed), out=tmp_path / str(seed))
    ours, theirs = shard_paths(tmp_path / "0"), shard_paths(tmp_path / "1")
    run = RunFolder.read(tmp_path / "0").digest
    shutil.copy(theirs[0], ours[0])
    with pytest.raises(DataError, match="of another run"):
        read_shard(ours[0], load_space("moga"), METRICS, run=run)
    with pytest.raises(DataError, match=r"part-00000.parquet is a shard of another run"):
        profile_run(tmp_path / "0")
    assert sample(PoolRequest("moga", n=70_000, metrics=METRICS), out=tmp_path / "0").n_new == 65_536
    shutil.copy(ours[0], ours[1])
    with pytest.raises(DataError, match="another place"):
        read_shard(ours[1], load_space("moga"), METRICS)


def test_a_profile_or_search_of_another_run_is_refused(tmp_path: Path) -> None:
    for seed in (0, 1):
        sample(PoolRequest("moga", n=500, metrics=METRICS, seed=seed), out=tmp_path / f"r{seed}")
        profile_run(tmp_path / f"r{seed}")
        search("moga", GOALS, budget=60, seed=seed, out=tmp_path / f"s{seed}")
    shutil.copy(tmp_path / "r1" / "profile.parquet", tmp_path / "r0")
    with pytest.raises(RunError, match="profile of another run"):
        Profile.read(tmp_path / "r0")
    shutil.copy(tmp_path / "s1" / "evaluations.parquet", tmp_path / "s0")
    with pytest.raises(DataError, match="of another search"):
        load_search(tmp_path / "s0")


def test_a_run_that_was_killed_before_its_manifest_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    (folder / "samples").mkdir(parents=True)
    for name in (LOCK_NAME, f"{MANIFEST_NAME}.0123abcd.partial", "samples/part-00000.parquet.0123abcd.partial"):
        (folder / name).write_text("")
    assert sample(PoolRequest("moga", n=100, metrics=METRICS), out=folder).n_new == 100
    assert sorted(path.name for path in folder.rglob("*")) == [MANIFEST_NAME, "part-00000.parquet", "samples"]
    empty = tmp_path / "search"
    empty.mkdir()
    assert len(search("moga", GOALS, budget=60, out=empty).history) == 60


def test_two_commands_on_one_folder_are_kept_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sample(PoolRequest("moga", n=100, metrics=METRICS), out=tmp_path)
    with lock_folder(tmp_path):
        assert main(["sample", "--space", "moga", "--metric", "macs_m", "--metric", "params_m", "--n", "100",
                     "--out", str(tmp_path)]) == 2  # fmt: skip
        assert main(["profile", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("is in use by process") == 2


@pytest.mark.parametrize("name", ["/tmp/stolen", "../stolen", "..", "''", "a/b"])
def test_a_pruned_spaces_name_is_no_path(project: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "small.yaml").write_text(
        f"schema: blockprofile.pruned/1\nname: {name}\nbase: {{name: own, file: own.yaml}}\nrules: [{{drop: [e3k3]}}]\n"
    )
    before = sorted(project.parent.rglob("*"))
    command = [
        "compare",
        "--space",
        "own.yaml",
        "--insight",
        "small.yaml",
        "--budget",
        "60",
        "--seeds",
        "2",
        "--out",
        "c",
    ]
    assert main([*command, "--objective", "macs_m:min", "--objective", "params_m:max"]) in {2, 3}
    assert "cannot name a file" in capsys.readouterr().err
    assert sorted(project.parent.rglob("*")) == before
