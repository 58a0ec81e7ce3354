"""What holds for every command: strict JSON, output for any terminal, folders that are made or refused in a line."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer

from blockprofile.cli.main import EXIT_DATA, EXIT_USER, app, main
from blockprofile.space import decode, draw_archs, load_space

Capture = pytest.CaptureFixture[str]

SPACE = """\
schema: blockprofile.space/1
name: tiny
title: Squeeze-and-excite as a choice, with skip
sources: [made up]
input: {default: 32, resolutions: [16, 32]}
blocks:
  - {name: e3k3, expansion: 3, kernel: 3, se: false}
  - {name: e3k3se, expansion: 3, kernel: 3, se: true}
  - {name: e6k3, expansion: 6, kernel: 3, se: false}
  - {name: skip, op: skip}
stem:
  - {op: conv, out: 8, kernel: 3, stride: 2, act: relu6}
units:
  - {out: 8, stride: 1, act: relu6, depths: [1, 2], layers: [{layer: 1, blocks: &all [e3k3, e3k3se, e6k3]}]}
  - {out: 16, stride: 2, act: relu6, depths: [1, 2, 3], layers: [{layer: 1, blocks: *all}]}
head:
  - {op: global_pool}
  - {op: linear, out: 10, bias: true}
"""

PRUNED = """\
schema: blockprofile.pruned/1
name: smaller
base: {name: tiny, file: tiny.yaml}
rules:
  - {drop: [skip], why: made by hand}
"""

GOALS = "--objective params_m:max --objective macs_m:min"

COMMANDS = {
    "sample": "--space tiny.yaml --n 300 --out {new}",
    "profile": "run",
    "exact": "--space tiny.yaml --metric macs_m --limit macs_m<=0.4",
    "sensitivity": "--space tiny.yaml --metric macs_m",
    "heatmap": "run --kind layers",
    "prune": "run --gain params_m --cost macs_m --no-certificate --explain --out {new}.yaml",
    "run": "study.yaml --out {new}",
    "search": f"--space tiny.yaml {GOALS} --budget 60 --population 20 --out {{new}}",
    "pick": "search --knee",
    "compare": f"--space tiny.yaml --insight smaller.yaml {GOALS} --budget 40 --seeds 2 --out {{new}}",
    "report": "run --out {new}.html",
    "space list": "",
    "space show": "tiny.yaml",
    "space check": "tiny.yaml",
    "space count": "ofa_mbv3",
    "space diff": "tiny.yaml smaller.yaml",
    "arch show": "[0,0,255,0,0,255,255] --space tiny.yaml",
    "arch price": "[0,0,255,0,0,255,255] --space tiny.yaml --layers",
    "arch encode": "[0,0,255,0,0,255,255] --space tiny.yaml",
    "arch decode": "[0,0,255,0,0,255,255] --space tiny.yaml",
    "device list": "",
    "device show": "note10",
    "device compare": "mace_gpu tflite_cpu --space moga --n 300",
    "lut measure": "--space tiny.yaml --runtime torch --time-limit 1 --precision 50% --out {new}",
    "lut audit": "device --space tiny.yaml --n 6 --time-limit 1 --precision 50%",
    "lut template": "--space tiny.yaml --out {new}.csv",
    "lut import": "times.csv --space tiny.yaml --hardware h --runtime r --out {new}",
    "predictor fit": "labels.csv --space tiny.yaml --metric energy_mj --epochs 1 --folds 0 --out {new}",
    "predictor evaluate": "macs_m labels.csv --space tiny.yaml --column energy_mj",
    "predictor label": "macs_m --space tiny.yaml --n 64 --out {new}.parquet",
}
"""A quick command line of every command; {new} is a name that is not there yet."""

ELSEWHERE = {"predictor import"}
"""It needs a published checkpoint; `tests/cli/test_predictor.py` has one."""


def words_of(command: str, new: str) -> list[str]:
    return [*command.split(), *COMMANDS[command].format(new=new).split()]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with what the commands read."""
    folder = tmp_path_factory.mktemp("everything")
    (folder / "tiny.yaml").write_text(SPACE, encoding="utf-8")
    (folder / "smaller.yaml").write_text(PRUNED, encoding="utf-8")
    (folder / "smallest.yaml").write_text(PRUNED.replace("smaller", "smallest").replace("[skip]", "[skip, e6k3]"))
    (folder / "study.yaml").write_text(
        "schema: blockprofile.study/1\nname: tiny\ntitle: tiny\nout: runs\nstages:\n"
        "  - {sample: {space: tiny.yaml, n: 300, out: pool}}\n  - {profile: {run: pool}}\n",
        encoding="utf-8",
    )
    space = load_space(folder / "tiny.yaml")
    archs = draw_archs(space, 60, np.random.default_rng(0))
    rows = [f"{decode(space, arch)},{20 + arch[0] * 0.5:.3f}" for arch in archs]
    (folder / "labels.csv").write_text("\n".join(["arch,energy_mj", *rows]) + "\n", encoding="utf-8")
    here = Path.cwd()
    os.chdir(folder)
    try:
        assert main(["sample", "--space", "tiny.yaml", "--n", "2000", "--out", "run"]) == 0
        assert main(["profile", "run"]) == 0
        assert main(f"search --space tiny.yaml {GOALS} --budget 60 --out search".split()) == 0
        assert main(["lut", "template", "--space", "tiny.yaml", "--out", "times.csv"]) == 0
        lines = (folder / "times.csv").read_text(encoding="utf-8").splitlines()
        filled = [lines[0], *(f"{line.rstrip(',')},0.01,," for line in lines[1:])]
        (folder / "times.csv").write_text("\n".join(filled) + "\n", encoding="utf-8")
        measure = "lut measure --space tiny.yaml --runtime torch --time-limit 1 --precision 50% --out device"
        assert main(measure.split()) == 0
    finally:
        os.chdir(here)
    return folder


@pytest.fixture
def new(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Work in the folder; return a name of something that is not there."""
    monkeypatch.chdir(place)
    return str(tmp_path / "deep" / "new")


def every_command() -> dict[str, set[str]]:
    """Return all commands and their options."""
    found = {}
    for name, command in vars(typer.main.get_command(app))["commands"].items():
        for child, leaf in getattr(command, "commands", {"": command}).items():
            options = {option for parameter in leaf.params for option in parameter.opts if option.startswith("--")}
            found[f"{name} {child}".strip()] = options
    return found


def test_every_command_is_tried() -> None:
    assert set(every_command()) == set(COMMANDS) | ELSEWHERE


@pytest.mark.parametrize("command", COMMANDS)
def test_json_is_rfc_8259(command: str, new: str, capsys: Capture) -> None:
    assert main([*words_of(command, new), "--json"]) == 0
    assert json.loads(capsys.readouterr().out, parse_constant=pytest.fail) is not None


IDLE = [
    *[f"profile run --{each}" for each in ("device x", "metric macs_m", "n 5", "seed 1", "law papers", "out x")],
    "profile run --resolution 16",
    *[
        f"profile --space tiny.yaml --metric macs_m --out x --until ci=1 --{each}"
        for each in ("workers 2", "backend threading", "scheduler tcp://x:1")
    ],
    *[f"prune run --out x.yaml --{each}" for each in ("n 5", "seed 1", "law papers", "workers 2", "profile-out x")],
    "prune run --out x.yaml --resolution 16",
    "prune run --gain params_m --device d --out x.yaml --cost macs_m",
    "sample --space tiny.yaml --n 5 --out x --scheduler tcp://x:1",
    "sample --space tiny.yaml --n 5 --out x --backend dask --scheduler tcp://x:1 --workers 2",
    *[f"sensitivity --space tiny.yaml --metric macs_m --{each}" for each in ("n 5", "seed 1")],
    *[
        f"search --space tiny.yaml {GOALS} --algorithm exact --{each}"
        for each in ("seed 1", "law papers", "workers 2", "budget 50")
    ],
    f"search --space tiny.yaml {GOALS} --algorithm mutation --top 5",
    f"search --space tiny.yaml {GOALS}:2 --algorithm mutation",
    "search --space tiny.yaml --objective macs_m --population 5 --algorithm random",
    "pick search --knee --by macs_m",
    "pick search --knee --top 2",
    "compare --space tiny.yaml --insight smaller.yaml --objective macs_m --out x --at 3",
    f"compare --space tiny.yaml --insight smaller.yaml {GOALS} --out x --algorithm mutation:top=3",
    "report search --metric macs_m",
    "heatmap run --kind quantiles --metric nothing",
    *[f"lut audit device --space tiny.yaml --from times.csv --{each}" for each in ("n 5", "seed 1", "pin 0", "jobs 2")],
    *[f"lut audit device --space tiny.yaml --{each}" for each in ("column ms", "time-unit ms")],
    "predictor evaluate macs_m labels.csv --space tiny.yaml --column energy_mj --seed 3",
    "lut measure --space tiny.yaml --threads 2 --runtime torch --out x --clock cpu",
]
"""Options that would have no effect, each in a command line that is in order but for it."""


@pytest.mark.parametrize("line", IDLE)
def test_an_option_without_effect_is_refused_by_name(line: str, new: str, capsys: Capture) -> None:
    del new
    assert main(line.split()) == EXIT_USER
    printed = capsys.readouterr()
    option = line.rsplit("--", maxsplit=1)[-1].split(maxsplit=1)[0]
    assert printed.err.startswith("blockprofile: ")
    assert printed.err.count("\n") == 1
    assert option in printed.err
    assert not Path("x").exists()


WALK: dict[str, dict[str, str]] = {
    "sample --space tiny.yaml --n 200 --out {new}": {
        "--space": "smaller.yaml", "--device": "device", "--metric": "flops_m", "--n": "300", "--seed": "1",
        "--law": "architectures", "--resolution": "16", "--limit": "macs_m<=0.3",
    },
    "profile --space tiny.yaml --n 200 --out {new}": {
        "--space": "smaller.yaml", "--device": "device", "--metric": "flops_m", "--n": "300", "--seed": "1",
        "--law": "architectures", "--resolution": "16", "--presence": "promoted", "--tau": "0.4", "--until": "ci=0.001",
    },
    "exact --space tiny.yaml --metric macs_m": {
        "--space": "smaller.yaml", "--device": "device", "--metric": "flops_m", "--presence": "promoted",
        "--law": "architectures", "--resolution": "16", "--tau": "0.4", "--limit": "macs_m<=0.4",
    },
    "sensitivity --space tiny.yaml --metric macs_m": {
        "--space": "smaller.yaml", "--device": "device", "--metric": "flops_m", "--law": "architectures",
        "--resolution": "16",
    },
    "sensitivity --space ofa_mbv3 --metric top1_percent:ofa --n 300": {"--n": "400", "--seed": "1"},
    f"search --space tiny.yaml {GOALS} --budget 40 --population 10 --out {{new}}": {
        "--space": "smaller.yaml", "--device": "device", "--objective": "flops_m", "--limit": "macs_m<=0.3",
        "--metric": "flops_m", "--population": "20", "--mutator": "hierarchical",
        "--budget": "30", "--seed": "1", "--law": "architectures", "--resolution": "16",
    },
    f"search --space ofa_mbv3 {GOALS} --budget 130 --algorithm mutation": {"--algorithm": "random"},
    "search --space moga --device mace_gpu --objective params_m:max --budget 30": {
        "--reward": "latency_ms:mace_gpu:30",
    },
    f"search --space ofa_mbv3 {GOALS} --budget 90 --algorithm mutation --pool 20": {
        "--pool": "30", "--chance": "0.2", "--children": "20",
    },
    "search --space ofa_mbv3 --objective macs_m --budget 60 --algorithm mutation --children 10": {"--top": "2"},
    "pick search": {"--knee": "", "--limit": "macs_m<=0.3", "--top": "3", "--by": "macs_m"},
    f"compare --space tiny.yaml --insight smaller.yaml {GOALS} --budget 30 --seeds 1 --algorithm nsga2 --out {{new}}": {
        "--insight": "smallest.yaml", "--algorithm": "nsga2:population=10", "--device": "device",
        "--metric": "flops_m", "--objective": "flops_m", "--limit": "macs_m<=0.3", "--budget": "20", "--seeds": "2",
        "--seed": "1", "--at": "0.3",
        "--resolution": "16", "--law": "architectures",
    },
}  # fmt: skip
"""Command lines, and for each of their options a value that must change what comes of them."""

SAME = {"--workers", "--backend", "--scheduler", "--out", "--json", "--help"}
"""Options that change where the work is done or where the result goes, and nothing else."""


def outcome(line: str, new: str, capsys: Capture) -> str:
    """Run a command; return all that it found: what it prints, and the tables that it wrote."""
    assert main([*line.format(new=new).split(), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    if isinstance(printed, dict):
        for key in ("folder", "path", "seconds"):
            printed.pop(key, None)
    folder = Path(new)
    texts = [pd.read_parquet(path).to_csv() for path in sorted(folder.rglob("*.parquet"))]
    return json.dumps(printed) + "".join(texts)


@pytest.mark.parametrize("line", WALK)
def test_every_option_changes_what_is_found(line: str, tmp_path: Path, new: str, capsys: Capture) -> None:
    del new
    plain = outcome(line, str(tmp_path / "plain"), capsys)
    for number, (option, value) in enumerate(WALK[line].items()):
        words = f"{option} {value}".strip()
        changed = re.sub(rf"{option} \S+", words, line, count=1) if f"{option} " in line else f"{line} {words}"
        assert outcome(changed, str(tmp_path / str(number)), capsys) != plain, words


def test_no_option_is_forgotten() -> None:
    for command in ("sample", "profile", "exact", "sensitivity", "search", "pick", "compare"):
        walked = {option for line, options in WALK.items() if line.split()[0] == command for option in options}
        needed = {"--space"} if command == "compare" else set()
        assert every_command()[command] - SAME - needed == walked


WRITES = {command: words for command, words in COMMANDS.items() if "{new}" in words} | {
    "exact": "--space tiny.yaml --metric macs_m --out {new}.parquet",
    "heatmap": "run --kind layers --metric macs_m --out {new}",
    "prune": "run --gain params_m --cost macs_m --no-certificate --figures {new} --out smallest_again.yaml",
    "device compare": "mace_gpu tflite_cpu --space moga --n 300 --out {new}",
    "predictor evaluate": "macs_m labels.csv --space tiny.yaml --column energy_mj --out {new}",
}
"""Command lines that write to a place that the user names."""


PLACES = [(command, kind) for command in WRITES for kind in ("file above", "link to nowhere above")] + [
    (command, kind) for command in ("sample", "search", "lut template", "report") for kind in ("a file", "a folder")
]


@pytest.mark.parametrize(("command", "kind"), [*PLACES, ("sample", "dangling link"), ("report", "dangling link")])
def test_a_place_that_cannot_be_written_is_told_in_a_line(
    command: str, kind: str, tmp_path: Path, new: str, capsys: Capture
) -> None:
    del new
    ending = re.search(r"\{new\}(\.\w+)?", WRITES[command])
    assert ending is not None
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere" / "deep")
    target = {
        "file above": tmp_path / "file" / "below", "dangling link": tmp_path / "link",
        "link to nowhere above": tmp_path / "link" / "below", "a file": tmp_path / "file", "a folder": tmp_path / "dir",
    }[kind]  # fmt: skip
    named = Path(f"{target}{ending.group(1) or ''}")
    if kind == "a folder":
        named.mkdir()
        (named / "mine").write_text("mine", encoding="utf-8")
    if ending.group(1) and kind in {"dangling link", "a file"}:
        target.rename(named) if kind == "a file" else named.symlink_to(tmp_path / "nowhere" / "deep")
    status = main([*command.split(), *WRITES[command].format(new=target).split()])
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    assert status in {0, EXIT_USER}
    if status:
        told = printed.err.splitlines()[-1]
        assert told.startswith("blockprofile: ")
        assert str(tmp_path) in told
    if not ending.group(1):
        assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"
    if kind == "a folder":
        assert (named / "mine").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("kind", ["missing", "empty", "a file", "dangling"])
@pytest.mark.parametrize("command", ["report {}", "heatmap {}", "profile {}", "pick {}", "prune {} --out x.yaml"])
def test_a_folder_that_is_no_run_is_told_in_a_line(command: str, kind: str, tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / kind.replace(" ", "-")
    if kind == "empty":
        folder.mkdir()
    elif kind == "a file":
        folder.write_text("no run", encoding="utf-8")
    elif kind == "dangling":
        folder.symlink_to(tmp_path / "nowhere")
    assert main(command.format(folder).split()) in {EXIT_USER, EXIT_DATA}
    told = capsys.readouterr().err
    assert told.startswith("blockprofile: ")
    assert told.count("\n") == 1
    assert str(folder) in told
