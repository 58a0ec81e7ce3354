"""`lut` and `device compare`, in process: exit status, what is printed, what is written."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from blockprofile.cli.lut import parse_share
from blockprofile.cli.main import EXIT_DATA, EXIT_USER, main
from blockprofile.errors import OptionError
from blockprofile.predict import load_predictors, read_card
from blockprofile.profile import Profile
from blockprofile.space import decode, load_space
from tests.toy import all_archs

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


def _import_a_table(capsys: pytest.CaptureFixture[str], more: str = "") -> tuple[int, str, str]:
    Path("phone.csv").unlink(missing_ok=True)
    assert run(capsys, "lut template --space tiny.yaml --out phone.csv")[0] == 0
    table = pd.read_csv("phone.csv")
    table["mean_ms"] = 0.01 * (1 + table.index)
    table.to_csv("phone.csv", index=False)
    given = "--space tiny.yaml --out phone --hardware Phone --runtime LiteRT --time-unit ms"
    return run(capsys, f"lut import phone.csv {given} {more}".strip())


def _network_times(offset: float) -> pd.DataFrame:
    """Times of all archs of the tiny space, by the imported table and an offset that alternates."""
    space = load_space("tiny.yaml")
    archs = all_archs(space)
    (phone,) = load_predictors(space, devices=["phone"], metrics=[])
    signs = np.where(np.arange(len(archs)) % 2, 1.0, -1.0)
    return pd.DataFrame(
        {"arch": [decode(space, arch) for arch in archs], "mean_ms": phone.predict(archs) + offset * signs}
    )


def test_a_table_without_an_audit_says_so_everywhere(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = _import_a_table(capsys)
    assert status == 0, err
    assert "floor unknown: not audited" in err
    assert "lut audit phone --space tiny.yaml --from networks.csv" in err
    assert read_card(Path("phone")).floor is None
    assert "floor: unknown: not audited" in " ".join(run(capsys, "device show phone")[1].split())
    given = "--space tiny.yaml --device phone --metric macs_m --n 2000"
    status, _, err = run(capsys, f"sample {given} --out runs/s")
    assert status == 0, err
    assert "latency_ms:phone: measured, floor unknown: not audited" in err
    status, out, err = run(capsys, "profile runs/s")
    assert status == 0, err
    assert "floor unknown: not audited" in out
    assert "latency_ms:phone: floor unknown: not audited; its effects are beyond noise alone" in err
    assert json.loads(run(capsys, "profile runs/s --json")[1])["floors"] == {"latency_ms:phone": None, "macs_m": 0.0}
    table = Profile.read("runs/s").table
    mine = table[table["metric"] == "latency_ms:phone"]
    assert mine["floor"].isna().all()
    assert mine.loc[mine["statistic"] == "M_ulb", "is_effect"].any()
    status, out, err = run(capsys, "report runs/s")
    assert status == 0, err
    assert "unknown: not audited" in Path("runs/s/report.html").read_text(encoding="utf-8")
    status, out, _ = run(capsys, "exact --space tiny.yaml --device phone --metric macs_m")
    assert status == 0
    assert "floor unknown" in " ".join(out.split())


def test_an_audit_is_imported_with_the_table_or_later(capsys: pytest.CaptureFixture[str]) -> None:
    assert _import_a_table(capsys)[0] == 0
    _network_times(0.03).to_csv("times.csv", index=False)
    status, out, err = run(capsys, "lut audit phone --space tiny.yaml --from times.csv --json")
    assert status == 0, err
    told = json.loads(out)
    card = read_card(Path("phone"))
    assert told["figures"]["rmse_ms"] == pytest.approx(0.03, rel=1e-4)
    assert (card.error.n, card.error.rmse) == (14, pytest.approx(0.03, rel=1e-4))
    assert card.error.on == "14 whole networks timed elsewhere, read from times.csv"
    assert card.floor == pytest.approx(0.03 / 2**0.5, rel=1e-4)  # two layers on average
    assert card.created["audit"]["file"] == "times.csv"
    status, out, err = _import_a_table(capsys, "--audit times.csv")
    assert status == 0, err
    assert "floor 0.0212 ms" in err
    assert read_card(Path("phone")).floor == pytest.approx(card.floor)
    # In microseconds, under another name, with every network twice.
    frame = _network_times(0.03)
    twice = pd.concat([frame.assign(us=1000 * frame["mean_ms"] + sign, runs=3) for sign in (-1, 1)])
    twice.drop(columns="mean_ms").to_csv("us.csv", index=False)
    status, out, err = run(
        capsys, "lut audit phone --space tiny.yaml --from us.csv --column us --time-unit us --repair"
    )
    assert status == 0, err
    assert "28 rows of 14 archs, repeats pooled" in err
    assert read_card(Path("phone")).floor == pytest.approx(card.floor, rel=0.2)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({}, "--n 30", "--n has no effect here: an audit --from a file times nothing"),
        ({}, "--pin 0", "--pin has no effect here: an audit --from a file times nothing"),
        ({"factor": 1000.0}, "", "one of them is in another unit; say --time-unit"),
        ({"factor": -1.0}, "", "must be above 0"),
        ({"rows": 4}, "", "holds times of 4 archs; at least 5 networks are needed"),
        ({"name": "time", "more": "runs"}, "", "name one by --column"),
        ({}, "--column us", "has no column 'us' of numbers"),
    ],
)
def test_times_that_are_no_audit(
    capsys: pytest.CaptureFixture[str], change: dict[str, Any], options: str, message: str
) -> None:
    assert _import_a_table(capsys)[0] == 0
    frame = _network_times(0.01).head(change.get("rows", 14))
    frame["mean_ms"] *= change.get("factor", 1.0)
    frame = frame.rename(columns={"mean_ms": change.get("name", "mean_ms")})
    if "more" in change:
        frame[change["more"]] = 3
    frame.to_csv("times.csv", index=False)
    status, _, err = run(capsys, f"lut audit phone --space tiny.yaml --from times.csv {options}".strip())
    assert status in {EXIT_USER, EXIT_DATA}
    assert message in err
    assert "Traceback" not in err
    assert read_card(Path("phone")).floor is None


def test_a_column_without_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert _import_a_table(capsys)[0] == 0
    status, _, err = run(capsys, "lut audit phone --space tiny.yaml --column us")
    assert status == EXIT_USER
    assert "--column has no effect here: the times are taken here, not --from a file" in err


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


def _solve(capsys: pytest.CaptureFixture[str], more: str = "", *, scale: float = 1.0) -> tuple[int, str, str]:
    """Solve a table from all networks of the tiny space, each operator's time in proportion to its place."""
    space = load_space("tiny.yaml")
    archs = all_archs(space)
    depths = space.depths(archs)[:, 0]
    times = scale * (0.05 + 0.01 * depths + 0.02 * (archs == 1).sum(axis=1))
    texts = [decode(space, arch) for arch in archs]
    pd.DataFrame({"arch": texts * 2, "t": np.concatenate([times, times])}).to_csv("times.csv", index=False)
    return run(capsys, f"lut solve times.csv --space tiny.yaml --out board {more}")


def test_solve_and_use(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blockprofile.device.LEAST_SOLVED", 10)
    status, out, err = _solve(capsys, "--hardware Board --batch 8 --json")
    assert status == 0, err
    assert "repeats pooled" in err
    row = json.loads(out)[0]
    assert (row["device"], row["networks"], row["unseen"]) == ("board", 14, 0)
    assert row["rmse_percent"] < 15
    status, out, _ = run(capsys, "device show board")
    assert status == 0
    assert "8" in out.partition("batch:")[2].split()[:1]
    assert "calibrated" in out
    assert run(capsys, "sample --space tiny.yaml --device board --n 1000 --out run")[0] == 0


@pytest.mark.parametrize(
    ("more", "scale", "message"),
    [
        ("", 1.0, "holds times of 14 archs; at least 20 networks are needed"),
        ("--time-unit h", 1.0, "time unit 'h' is unknown; choices: ms, s, us, per_s"),
        ("--column u", 1.0, "has no column 'u'"),
        ("--device a/b", 1.0, "name 'a/b' cannot name a device"),
    ],
)
def test_solve_refuses(capsys: pytest.CaptureFixture[str], more: str, scale: float, message: str) -> None:
    status, out, err = _solve(capsys, more, scale=scale)
    assert status in {EXIT_USER, EXIT_DATA}
    assert out == ""
    assert message in err
    assert not Path("board").exists()


def test_solve_a_recipe(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blockprofile.device.LEAST_SOLVED", 10)
    assert _solve(capsys, "--json")[0] == 0
    Path("all.yaml").write_text(
        "schema: blockprofile.timings/1\ntable: times.csv\nspace: tiny.yaml\ncard: {licence: MIT}\n"
        "devices: {fast: {column: t, batch: 2}}\n",
        encoding="utf-8",
    )
    status, _, err = run(capsys, "lut solve all.yaml --space tiny.yaml --batch 3 --out boards")
    assert status == EXIT_USER
    assert "--space, --batch have no effect here: the recipe says it" in err
    assert run(capsys, "lut solve times.csv --out board")[0] == EXIT_USER
