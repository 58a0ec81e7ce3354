"""Commands that are suggested: what is printed after "next:" is pasted and works, in folders with blanks and quotes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from blockprofile.cli.main import EXIT_DATA, main
from blockprofile.command import command_line, typed, typed_by_nobody, typed_command
from tests.cli.everything import GOALS, SPACE

Capture = pytest.CaptureFixture[str]

FAST = {"prune": "--no-certificate", "compare": "--budget 30 --seeds 2", "heatmap": "--kind layers --metric macs_m"}
"""What is added to a suggestion to keep it quick."""


def paste(line: str, capsys: Capture) -> str:
    """Run a command line as a shell would take it; return the one that it suggests, or nothing."""
    words = shlex.split(line)
    assert words[0] == "blockprofile"
    assert main([*words[1:], *FAST.get(words[1], "").split()]) == 0, capsys.readouterr().err
    found = re.findall(r"(?:next|then): (blockprofile .*)$", capsys.readouterr().err, flags=re.MULTILINE)
    return found[-1] if found else ""


@pytest.fixture(autouse=True)
def odd_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "it's a (test) & $HOME"
    folder.mkdir()
    monkeypatch.chdir(folder)
    Path("my tiny.yaml").write_text(SPACE, encoding="utf-8")


def test_from_drawing_to_the_report(capsys: Capture) -> None:
    line, verbs = command_line("sample", space="moga", device="mace_gpu", n=2000, out="runs/my 'run'"), []
    while line:
        verbs.append(line.split()[1])
        line = paste(line, capsys)
    assert verbs == ["sample", "profile", "heatmap", "prune", "compare", "report"]


def test_without_an_accuracy_no_pruning_is_suggested(capsys: Capture) -> None:
    line, verbs = command_line("sample", space="my tiny.yaml", n=300, out="a run"), []
    while line:
        verbs.append(line.split()[1])
        line = paste(line, capsys)
    assert verbs == ["sample", "profile", "heatmap", "report"]


@pytest.mark.parametrize("goals", [GOALS, "--objective macs_m"])
def test_after_a_search(goals: str, capsys: Capture) -> None:
    words = ["search", "--space", "my tiny.yaml", *goals.split(), "--budget", "5", "--out", "a search"]
    following = paste(shlex.join(["blockprofile", *words]), capsys)
    assert following.split()[1] == "pick"
    assert paste(following, capsys) == ""


def test_a_device_of_ones_own(capsys: Capture) -> None:
    fast = "--runtime torch --clock cpu --time-limit 1 --precision 50%"
    line = command_line("lut measure", space="my tiny.yaml", out="my phones/first")
    following = paste(f"{line} {fast}", capsys)
    assert following.startswith("blockprofile lut audit 'my phones/first'")
    assert paste(f"{following} --n 5 --time-limit 1 --precision 50%", capsys) == ""
    following = paste(command_line("lut template", space="my tiny.yaml", out="my times.csv"), capsys)
    assert main(shlex.split(following)[1:]) == EXIT_DATA
    assert "my times.csv:2: mean_ms: the time of conv" in capsys.readouterr().err
    table = Path("my times.csv").read_text(encoding="utf-8")
    Path("my times.csv").write_text(table.replace(",,,", ",0.01,,"), encoding="utf-8")
    assert paste(following, capsys) == ""
    assert Path("my_device/card.yaml").is_file()


def test_what_was_typed_is_what_main_was_given() -> None:
    with typed(["sample", "--limit", "macs_m<=3"]):
        assert typed_command() == "blockprofile sample --limit 'macs_m<=3'"
        with typed_by_nobody():
            assert typed_command() == ""
    assert typed_command() == ""
