from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from blockprofile.cli.main import EXIT_USER, main
from blockprofile.search import load_search

SEARCH = ["search", "--space", "moga", "--objective", "macs_m:max", "--objective", "latency_ms:mace_gpu:min"]


def test_search_then_pick(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = str(tmp_path / "run")
    assert main([*SEARCH, "--budget", "300", "--seed", "2", "--out", run, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["n_evaluations"] == 300
    assert told["reference"].keys() == {"macs_m", "latency_ms:mace_gpu"}
    assert {"evaluation", "macs_m", "latency_ms:mace_gpu", "arch"} <= told["front"][0].keys()

    assert main(["pick", run, "--knee"]) == 0
    out, err = capsys.readouterr()
    assert "e3k3" in out or "e6k" in out
    assert "calibrated" in err
    assert "counted" in err

    assert main(["pick", run, "--limit", "latency_ms:mace_gpu<=10", "--top", "3", "--json"]) == 0
    picked = json.loads(capsys.readouterr().out)
    assert len(picked) == 3
    assert all(row["latency_ms:mace_gpu"] <= 10 for row in picked)
    assert picked[0]["macs_m"] >= picked[2]["macs_m"]


def test_options_reach_the_search(capsys: pytest.CaptureFixture[str]) -> None:
    command = [*SEARCH, "--budget", "90", "--population", "30", "--mutator", "hierarchical", "--json"]
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["n_generations"] == 3
    command = ["search", "--space", "moga", "--reward", "latency_ms:mace_gpu:9:hard", "--algorithm", "mutation"]
    assert main([*command, "--pool", "10", "--children", "15", "--budget", "40", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["n_generations"] == 3
    assert told["reference"].keys() == {"reward"}


def test_exact_from_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SEARCH, "--algorithm", "exact"]) == 0
    assert re.search(r"hypervolume [0-9.]+ .* from reference", capsys.readouterr().err)


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--budget", "soon"], "--budget is 'soon'"),
        (["--algorithm", "mutation", "--population", "5"], "--population belongs to --algorithm nsga2"),
        (["--mutator", "clever"], "--mutator 'clever'"),
        (["--limit", "latency_ms:mace_gpu<=1"], "latency_ms:mace_gpu ranges from"),
        (["--objective", "speed:max"], "metric 'speed' is unknown"),
        (["--limit", "latency_ms:mace_gpu"], "not of the form"),
    ],
)
def test_mistakes_get_a_line(extra: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SEARCH, *extra]) == EXIT_USER
    err = capsys.readouterr().err
    assert message in err
    assert "Traceback" not in err
    assert len(err.strip().splitlines()) <= 2


def test_picking_from_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pick", str(tmp_path)]) == EXIT_USER
    assert "is no run folder" in capsys.readouterr().err


def test_a_front_outside_the_fitted_range_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["search", "--space", "ofa_mbv3", "--device", "tflite_cpu", "--budget", "60", "--out", str(tmp_path / "s")]
    assert main(given) == 0
    told = " ".join(capsys.readouterr().err.split())
    assert "latency_ms:tflite_cpu: calibrated, fitted on 70 to 126 ms; 63 % of the archs lie outside" in told
    values = load_search(tmp_path / "s").front.metrics["latency_ms:tflite_cpu"]
    outside = int(((values < 70) | (values > 126)).sum())
    assert outside > 0
    assert f"of the front's {len(values)} archs {outside}" in told
