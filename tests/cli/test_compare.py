"""`compare` and `report`: tables on stdout, the rest on stderr, JSON for machines, mistakes with status 2."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from blockprofile.cli.main import EXIT_USER, main
from blockprofile.compare import load_comparison
from blockprofile.plot.choices import choices_data
from tests.cli.test_lut import TINY

ASKED = [
    "compare", "--space", "moga", "--algorithm", "nsga2", "--algorithm", "random", "--objective", "params_m:max",
    "--objective", "macs_m:min", "--budget", "200", "--seeds", "2", "--at", "300",
]  # fmt: skip


def test_compare_prints_a_table_and_report_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run"
    assert main([*ASKED, "--out", str(folder)]) == 0
    seen = capsys.readouterr()
    assert "best params_m at macs_m <= 300 M" in seen.out
    assert "original, random: reaches it" in seen.out
    assert "hypervolume from reference point params_m" in seen.err
    assert "counted" in seen.err
    assert main(["report", str(folder)]) == 0
    assert capsys.readouterr().out.strip() == str(folder / "report.html")
    assert (folder / "report.html").stat().st_size > 10_000


def test_json_holds_every_value(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*ASKED, "--out", str(tmp_path / "run"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["seeds"] == [0, 1]
    assert set(told["reference"]) == {"params_m", "macs_m"}
    assert {row["indicator"] for row in told["rows"]} >= {"hypervolume", "igd_plus", "epsilon", "sooner"}
    assert all(len(row["values"]) == 2 for row in told["rows"] if row["indicator"] != "sooner")
    assert main(["report", str(tmp_path / "run"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bytes"] > 10_000


def test_searches_without_an_arch_within_all_limits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(TINY, encoding="utf-8")
    asked = "compare --space tiny.yaml --algorithm nsga2:population=2 --algorithm random --objective params_m:max "
    asked += "--objective macs_m:min"
    some = f"{asked} --limit macs_m<=0.5 --limit params_m>=0.0028 --seeds 4 --budget 3 --out some"
    assert main(some.split()) == 0
    seen = capsys.readouterr()
    assert "nan" not in seen.out
    assert "(1 of 4 seeds)" in seen.out
    found = load_comparison("some")
    assert [[len(run.front) for run in runs] for runs in found.runs] == [[1, 1, 1, 1], [0, 0, 0, 1]]
    data = choices_data(found.cases[1].space, [run.front.archs for run in found.runs[1]])
    assert (data.n_archs, data.n_fronts, np.nanmax(data.shares[-1])) == (1, 1, 1.0)
    none = f"{asked} --limit macs_m<=0.35 --limit params_m>=0.0022 --seeds 2 --budget 2 --out none"
    assert main(none.split()) == EXIT_USER
    told = "none of 4 searches of 2 evaluations each found an arch that keeps all limits: macs_m<=0.35, params_m>="
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["report", "nowhere"], "does not exist"),
        (["compare", "--space", "moga", "--device", "mace_gpu", "--out", "x"], "nothing to compare"),
        ([*ASKED[:-4], "--seeds", "0", "--out", "x"], "--seeds is 0"),
    ],
)
def test_mistakes_leave_status_2_and_one_line(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == EXIT_USER
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
