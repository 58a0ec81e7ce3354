"""What holds for every command: strict JSON, output for any terminal, folders that are made or refused in a line."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import typer

from blockprofile.cli.main import app, main
from blockprofile.space import decode, draw_archs, load_space

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
    "device list": "",
    "device show": "note10",
    "device compare": "mace_gpu tflite_cpu --space moga --n 300",
    "lut measure": "--space tiny.yaml --runtime torch --time-limit 1 --precision 50% --out {new}",
    "lut audit": "device --space tiny.yaml --n 6 --time-limit 1 --precision 50%",
    "lut template": "--space tiny.yaml --out {new}.csv",
    "lut import": "times.csv --space tiny.yaml --hardware h --runtime r --out {new}",
    "predictor fit": "labels.csv --space tiny.yaml --metric energy_mj --epochs 1 --out {new}",
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


def every_command() -> list[str]:
    found = []
    for name, command in vars(typer.main.get_command(app))["commands"].items():
        found += [f"{name} {child}".strip() for child in getattr(command, "commands", {"": command})]
    return found


def test_every_command_is_tried() -> None:
    assert set(every_command()) == set(COMMANDS) | ELSEWHERE


@pytest.mark.parametrize("command", COMMANDS)
def test_json_is_rfc_8259(command: str, new: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words_of(command, new), "--json"]) == 0
    assert json.loads(capsys.readouterr().out, parse_constant=pytest.fail) is not None
