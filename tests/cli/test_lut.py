"""`lut` and `device compare`, in process: exit status, what is printed, what is written."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from blockprofile.cli.lut import parse_share
from blockprofile.cli.main import EXIT_DATA, EXIT_USER, main
from blockprofile.errors import OptionError

TINY = """\
schema: blockprofile.space/1
name: tiny
title: A tiny space
sources: [made up]
input: {default: 32, resolutions: [32]}
blocks:
  - {name: e2k3, expansion: 2, kernel: 3}
  - {name: e4k5, expansion: 4, kernel: 5, se: true}
stem:
  - {op: conv, out: 8, kernel: 3, stride: 2, act: relu}
units:
  - {out: 8, stride: 1, depths: [1, 2, 3], act: relu}
head:
  - {op: global_pool}
  - {op: linear, out: 10, bias: true}
"""


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")


def run(capsys: pytest.CaptureFixture[str], command: str) -> tuple[int, str, str]:
    status = main(command.split())
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_measure_audit_repair_and_use(capsys: pytest.CaptureFixture[str]) -> None:
    fast = "--precision 50% --time-limit 5"
    status, out, err = run(capsys, f"lut measure --space tiny.yaml --runtime torch --clock cpu --out me {fast} --json")
    assert status == 0, err
    told = json.loads(out)
    assert (told["name"], told["operators"], told["adapter"]) == ("me", 5, "torch")
    assert "min left" in err
    status, out, err = run(capsys, f"lut measure --space tiny.yaml --runtime torch --clock cpu --out me {fast}")
    assert status == 0
    assert "5 operators" in out
    assert "measured" in out
    status, out, err = run(capsys, f"lut audit me --space tiny.yaml --n 8 {fast} --repair")
    assert status == 0, err
    assert "RMSE" in out
    assert "errors by unit" in out
    for name in ("audit.png", "audit.svg", "audit.parquet", "card.yaml", "table.parquet"):
        assert (Path("me") / name).stat().st_size > 0
    assert len(pd.read_parquet("me/audit.parquet")) == 8
    status, out, _ = run(capsys, "device show me")
    assert status == 0
    assert "8 whole networks" in out
    status, out, _ = run(capsys, f"lut audit me --space tiny.yaml --n 8 {fast} --json")
    assert status == 0
    assert json.loads(out)["figures"]["n"] == 8


def test_another_configuration_in_the_folder(capsys: pytest.CaptureFixture[str]) -> None:
    fast = "--precision 50% --time-limit 1 --runtime torch --out me"
    assert run(capsys, f"lut measure --space tiny.yaml --clock cpu {fast}")[0] == 0
    status, out, err = run(capsys, f"lut measure --space tiny.yaml {fast}")
    assert (status, out) == (EXIT_USER, "")
    assert "me holds another measurement: settings is" in err
    assert "Traceback" not in err


def test_template_and_import(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "lut template --space moga --out phone.csv")
    assert status == 0
    assert "126 operators" in out
    status, _, err = run(capsys, "lut template --space moga --out phone.csv")
    assert status == EXIT_USER
    assert "exists already" in err
    given = "--space moga --out phone --hardware Phone --runtime LiteRT"
    status, _, err = run(capsys, f"lut import phone.csv {given}")
    assert status == EXIT_DATA
    assert "phone.csv:2: mean_ms: the time of conv" in err
    table = pd.read_csv("phone.csv")
    table["mean_ms"] = 0.004
    table.to_csv("phone.csv", index=False)
    status, _, err = run(capsys, f"lut import phone.csv {given}")
    assert status == EXIT_USER
    assert "say --time-unit s" in err
    status, out, err = run(capsys, f"lut import phone.csv {given} --time-unit s --json")
    assert status == 0, err
    assert json.loads(out)["mean_ms"] == pytest.approx(80, rel=1e-4)
    status, out, _ = run(capsys, "device show phone")
    assert status == 0
    assert "measured" in out


def test_device_compare(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "device compare mace_gpu tflite_cpu --space moga --n 500 --out pictures")
    assert status == 0, err
    assert "Kendall tau" in out
    assert "calibrated" in out
    assert (Path("pictures") / "mace_gpu-tflite_cpu.png").exists()
    status, out, _ = run(capsys, "device compare mace_gpu tflite_cpu --space moga --n 500 --json")
    told = json.loads(out)
    assert len(told["blocks"]) == 12
    status, _, err = run(capsys, "device compare mace_gpu note1 --space moga")
    assert status == EXIT_USER
    assert "device 'note1' is unknown" in err


@pytest.mark.parametrize("text", ["2%", "0.02"])
def test_shares_are_read(text: str) -> None:
    assert parse_share(text) == 0.02


@pytest.mark.parametrize("text", ["0", "100%", "two", "-1%", ""])
def test_shares_that_cannot_be(text: str) -> None:
    with pytest.raises(OptionError, match=r"as 2% or 0.02"):
        parse_share(text)


def test_help_names_the_commands() -> None:
    from blockprofile.cli.main import app

    result = CliRunner().invoke(app, ["lut", "--help"])
    assert result.exit_code == 0
    for name in ("measure", "audit", "template", "import"):
        assert name in result.output
