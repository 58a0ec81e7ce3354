"""Figures of benchmarks: none is lost, and two files stand side by side or say why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.figures import keep, main

Capture = pytest.CaptureFixture[str]


def kept(path: Path, monkeypatch: pytest.MonkeyPatch, *, speed: list[float]) -> str:
    monkeypatch.setenv("BENCH_OUT", str(path))
    keep("search", speed, against="one kind")
    keep("search", [1.0, 2.0], against="another")
    keep("once", speed[0], against="one kind")
    return str(path)


def test_figures_are_kept_by_their_baselines_and_compared_where_they_were_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    files = [
        kept(tmp_path / "a.json", monkeypatch, speed=[3.0, 4.0]),
        kept(tmp_path / "b.json", monkeypatch, speed=[5.0, 6.0]),
    ]
    capsys.readouterr()
    main(files)
    rows = capsys.readouterr().out.splitlines()
    assert rows[3:6] == [
        "search, times one kind        3.5        5.5 *",
        "search, times another         1.5        1.5",
        "once, times one kind            3          5",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [(None, "there is no file"), ("{", "not valid JSON"), ("{}", "make bench"), ("[]", "is damaged")],
)
def test_what_is_no_file_of_figures_is_refused(tmp_path: Path, text: str | None, told: str) -> None:
    path = tmp_path / "a.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SystemExit, match=told):
        main([str(path), str(path)])


def test_two_files_are_compared() -> None:
    with pytest.raises(SystemExit, match="two files"):
        main(["a.json"])
