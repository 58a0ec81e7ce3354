"""Models on another machine, by a fake ssh and scp (and adb) on PATH that do on this one what they are told."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from blockprofile.cli.main import EXIT_USER, main
from tests.cli.test_lut import TINY

FAKES = {
    "ssh": '#!/bin/sh\n[ "$1" = -- ] || exit 9\nshift 2\nexec sh -c "$1"\n',
    "scp": '#!/bin/sh\n[ "$1$2" = -q-- ] || exit 9\nexec cp "${3#board:}" "${4#board:}"\n',
    "adb": '#!/bin/sh\ncase $1 in shell) exec sh -c "$2";; push|pull) exec cp "$2" "$3";; esac\nexit 9\n',
}
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder with an export whose path a shell would take apart, and the fakes first on PATH."""
    (tmp_path / "bin").mkdir()
    for name, text in FAKES.items():
        (tmp_path / "bin" / name).write_text(text, encoding="utf-8")
        (tmp_path / "bin" / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    work = tmp_path / "it's; touch gone $(touch gone)"
    work.mkdir()
    monkeypatch.chdir(work)
    Path("tiny.yaml").write_text(TINY, encoding="utf-8")
    assert main(["lut", "export", "--space", "tiny.yaml", "--form", "networks", "--out", "models"]) == 0


def run(there: Path, *words: str) -> int:
    folder = [] if "--folder" in words else ["--folder", str(there / "there")]
    return main(["lut", "run", "models", "--space", "tiny.yaml", "--out", "profiles", *folder, *words])


@pytest.mark.parametrize("how", [["--on", "ssh", "--to", "board"], ["--on", "adb"]], ids=["ssh", "adb"])
@pytest.mark.parametrize("tool", ["cp {model} {output}", "cat {model}"])
def test_models_go_and_profiles_come(tmp_path: Path, capsys: Capture, how: list[str], tool: str) -> None:
    capsys.readouterr()
    assert run(tmp_path, *how, "--command", tool, "--dry-run") == 0
    printed = capsys.readouterr().out.splitlines()
    assert not Path("profiles").exists()
    assert len(printed) == (5 if "output" in tool else 4)
    assert run(tmp_path, *how, "--command", tool) == 0
    assert Path("profiles/network0.json").read_bytes() == Path("models/network0.onnx").read_bytes()
    assert list((tmp_path / "there").iterdir()) == []
    assert capsys.readouterr().err.splitlines() == printed


def test_names_are_never_a_shells(tmp_path: Path) -> None:
    assert run(tmp_path, "--on", "ssh", "--to", "board", "--command", "cat '; touch gone' {model}") == EXIT_USER
    assert run(tmp_path, "--on", "ssh", "--to", "board", "--command", "cp {model} {output}") == 0
    assert not Path("gone").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--on", "telnet", "--command", "t {model}"], "--on 'telnet' is unknown; choices: ssh, adb"),
        (["--on", "ssh", "--to=-oProxyCommand=x", "--command", "t {model}"], "cannot name a host"),
        (["--on", "ssh", "--command", "t {model}"], "--on ssh needs --to, the host"),
        (["--on", "ssh", "--to", "board", "--command", "t"], "lack {model}"),
        (["--on", "ssh", "--to", "board", "--command", "t '{model}"], "cannot be read"),
        (["--on", "ssh", "--to", "board", "--command", "t {model}", "--ending", "json"], "ending 'json' is wrong"),
        (["--on", "ssh", "--to", "board", "--command", "t {model}", "--folder", "/a;b"], "folder '/a;b' is not"),
        (["--on", "ssh", "--to", "board", "--command", "false {model}"], "failed (1): no word"),
    ],
)
def test_slips_are_told_in_a_line(tmp_path: Path, capsys: Capture, words: list[str], told: str) -> None:
    capsys.readouterr()
    assert run(tmp_path, *words) == EXIT_USER
    assert told in capsys.readouterr().err.splitlines()[-1]
