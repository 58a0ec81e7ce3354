"""What holds for every command: strict JSON, output for any terminal, folders that are made or refused in a line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from blockprofile.cli.main import EXIT_DATA, EXIT_USER, main
from tests.cli.everything import GOALS, every_command

Capture = pytest.CaptureFixture[str]

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
    "lut export": "--space tiny.yaml --out {new}",
    "lut solve": "networks.csv --space tiny.yaml --column mean_ms --hardware h --runtime r --out {new}",
    "lut plan": "--space tiny.yaml --n 6 --out {new}",
    "lut run": "models --space tiny.yaml --on adb --command {{model}} --dry-run --out nowhere",
    "lut times": "profiles --space tiny.yaml --manifest models --out {new}.csv",
    "label plan": "--space tiny.yaml --n 6 --out {new}.txt",
    "label read": "labels.csv --space tiny.yaml --metric energy_mj",
    "predictor fit": "labels.csv --space tiny.yaml --metric energy_mj --epochs 1 --folds 0 --out {new}",
    "predictor evaluate": "macs_m labels.csv --space tiny.yaml --column energy_mj",
    "predictor import": "published.pth --out {new}",
    "doctor": "",
}
"""A quick command line of every command; {new} is a name that is not there yet."""


ELSEWHERE = {"lut times"}
"""It reads profiles of other programs: `tests/cli/test_lut_import.py` has some."""


def words_of(command: str, new: str) -> list[str]:
    return [*command.split(), *COMMANDS[command].format(new=new).split()]


def test_every_command_is_tried() -> None:
    assert set(every_command()) == set(COMMANDS) | ELSEWHERE


@pytest.mark.parametrize("command", COMMANDS)
def test_json_is_rfc_8259(command: str, new: str, capsys: Capture) -> None:
    assert main([*words_of(command, new), "--json"]) == 0
    assert json.loads(capsys.readouterr().out, parse_constant=pytest.fail) is not None


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
