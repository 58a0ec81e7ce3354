"""Tables on stdout: whatever their width, no figure is cut."""

from __future__ import annotations

import pytest

from blockprofile.cli.output import print_table

METRICS = {f"latency_ms:a_device_with_a_name_{number} [ms]": f"+{number}.5 ±0.125" for number in range(9)}


def test_a_wide_table_is_printed_in_parts_that_each_name_their_rows(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([{"of": "depth", "name": name} | METRICS for name in ("e3k3", "e3k5")], title="responses")
    printed = capsys.readouterr().out
    headings = [line for line in printed.splitlines() if line.startswith("of")]
    assert len(headings) == 3
    assert all(heading.split()[:2] == ["of", "name"] for heading in headings)
    assert max(map(len, printed.splitlines())) <= 160
    for metric, value in METRICS.items():
        assert printed.count(metric) == 1
        assert printed.count(value) == 2
    assert printed.count("e3k5") == 3


def test_on_a_narrow_terminal_too(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    long = "a_name_that_is_longer_than_the_terminal_is_wide"
    print_table([{"block": "e3k3", long: 12345.5, "text": "words " * 20}], wrap=["text"])
    printed = capsys.readouterr().out
    assert long in printed
    assert "12,345.5" in printed
    assert printed.count("words") == 20


def test_an_empty_table_prints_no_row(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([])
    assert not capsys.readouterr().out.strip()
