"""`blockprofile exact` and `blockprofile sensitivity`."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from blockprofile.cli.main import main

Capture = pytest.CaptureFixture[str]
MOGA = ["--space", "moga", "--metric", "macs_m"]


def test_exact_prints_range_quantiles_blocks_and_share(tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "exact.parquet"
    assert main(["exact", *MOGA, "--tau", "0.5", "--limit", "macs_m<=200", "--out", str(out)]) == 0
    printed = capsys.readouterr()
    assert "153" in printed.out
    assert "364.5" in printed.out
    assert "50 %" in printed.out
    assert "+8.402" in printed.out
    assert "macs_m<=200: 1.6" in printed.out
    assert "kernel 5 → 7" in printed.out
    assert "macs_m: 3 of 5 pairs of steps interact: most expansion 3 → 6 with kernel 5 → 7" in printed.out
    assert f"{out} (" in printed.err
    table = pd.read_parquet(out)
    assert set(table["statistic"]) == {"mean", "M_ulb", "M_b", "quantile", "M_tau", "M_factor", "M_pair"}


def test_exact_for_machines(capsys: Capture) -> None:
    assert main(["exact", *MOGA, "--tau", "0.5", "--limit", "macs_m<=200", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    low, high = found["limit"]["share"]
    assert 0.01 < low < high < 0.02
    assert found["limit"]["of"] == 12**14
    assert found["rows"][0]["value"] == pytest.approx(246.828336)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--limit", "macs_m<=100"], "no arch of space 'moga' meets the limit 100: the feasible range is 153.014 to"),
        (["--presence", "givn"], "presence 'givn' is unknown; did you mean 'given'"),
        (["--tau", "2"], "--tau is 2"),
        (["--law", "paper"], "law 'paper' is unknown"),
    ],
)
def test_mistakes_end_with_status_2(options: list[str], message: str, capsys: Capture) -> None:
    assert main(["exact", *MOGA, *options]) == 2
    assert message in capsys.readouterr().err


def test_sensitivity_prints_shares_and_sentences(capsys: Capture) -> None:
    assert main(["sensitivity", "--space", "ofa_mbv3", "--device", "note10", "--metric", "macs_m"]) == 0
    printed = capsys.readouterr().out
    assert "Latency on note10 answers to how many layers the units have (59 % of its variance)" in printed
    assert "[counted]" in printed
    assert "unit   u1" in printed


def test_sensitivity_for_machines(capsys: Capture) -> None:
    assert main(["sensitivity", *MOGA, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    units = [row["share"]["value"] for row in found["rows"] if row["kind"] == "unit"]
    assert sum(units) == pytest.approx(1)
    assert list(found["sentences"]) == ["macs_m"]
