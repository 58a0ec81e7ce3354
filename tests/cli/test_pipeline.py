"""sample -> profile -> heatmap -> run on the command line: exit codes, what is printed where, files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from blockprofile.cli.main import main


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "moga"
    assert main(["sample", "--space", "moga", "--device", "mace_gpu", "--n", "20k", "--out", str(folder)]) == 0
    assert main(["profile", str(folder)]) == 0
    return folder


def test_sample_says_what_it_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["sample", "--space", "moga", "--metric", "macs_m", "--n", "1e3", "--out", str(tmp_path / "run")]
    assert main(arguments) == 0
    printed = capsys.readouterr()
    assert "1,000 archs with macs_m" in printed.out
    assert "archs/s" in printed.err
    assert main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n_new"] == 0


def test_profile_shows_responses_with_provenance(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profile", str(run)]) == 0
    printed = capsys.readouterr()
    for word in ("e6k7se", "calibrated", "counted", "latency_ms:mace_gpu [ms]", "top1_percent [%]"):
        assert word in printed.out
    assert "next: blockprofile heatmap" in printed.err


def test_heatmap_writes_png_and_svg(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["heatmap", str(run), "--metric", "macs_m", "--out", str(tmp_path), "--json"]) == 0
    files = [Path(name) for name in json.loads(capsys.readouterr().out)["files"]]
    assert {file.suffix for file in files} == {".png", ".svg"}
    assert all(file.stat().st_size > 1000 for file in files)
    assert files[0].read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["sample", "--space", "mogga", "--out", "x"], 2, "space 'mogga' is unknown; did you mean 'moga'?"),
        (["sample", "--space", "moga", "--device", "note11", "--out", "x"], 2, "device 'note11' is unknown"),
        (["sample", "--space", "moga", "--device", "note10", "--out", "x"], 2, "operators that space 'moga' needs"),
        (["sample", "--space", "moga", "--n", "0", "--out", "x"], 2, "--n is 0; it must be a whole number from 1"),
        (["sample", "--space", "moga", "--n", "-5", "--out", "x"], 2, "--n is -5; it must be a whole number from 1"),
        (["sample", "--space", "moga", "--law", "paper", "--out", "x"], 2, "did you mean 'papers'?"),
        (["sample", "--space", "moga", "--limit", "macs_m<=1", "--n", "5", "--out", "x"], 2, "the feasible range is"),
        (["sample", "--space", "moga", "--limit", "macs_m=1", "--n", "5", "--out", "x"], 2, "METRIC<=VALUE"),
        (["sample", "--space", "nowhere.yaml", "--out", "x"], 2, "there is no space file 'nowhere.yaml'"),
        (["profile", "nowhere"], 2, "'nowhere' does not exist"),
        (["profile"], 2, "give either a run folder or --space"),
        (["profile", "--space", "moga"], 2, "--space needs --out"),
        (["heatmap", "nowhere"], 2, "'nowhere' does not exist; give a folder that was profiled"),
        (["run", "nowhere"], 2, "there is no study 'nowhere'"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_in_a_line_without_traceback(
    arguments: list[str],
    status: int,
    told: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == status
    printed = capsys.readouterr()
    assert told in printed.err
    assert "Traceback" not in printed.err
    assert printed.out == ""
    assert len(printed.err.strip().splitlines()) <= 2
    assert not (tmp_path / "x" / "samples").exists() or not any((tmp_path / "x" / "samples").iterdir())


def test_an_unwritable_folder_is_the_users_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("in the way")
    assert main(["sample", "--space", "moga", "--n", "5", "--out", str(tmp_path / "file" / "run")]) == 2
    assert "Not a directory" in capsys.readouterr().err


def test_a_full_disk_is_told_with_what_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyarrow.parquet as pq

    def refuse(*_arguments: object, **_options: object) -> None:
        raise OSError(28, "No space left on device", "part-00000.parquet.partial")

    monkeypatch.setattr(pq, "write_table", refuse)
    assert main(["sample", "--space", "moga", "--n", "5", "--out", str(tmp_path / "run")]) == 2
    assert "No space left on device: part-00000.parquet.partial; what was finished is kept" in capsys.readouterr().err


def test_a_user_s_space_file_with_a_slip_is_told_by_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from blockprofile.content import content_dir

    text = (content_dir("spaces") / "proxylessnas.yaml").read_text().replace("[e3k3, e3k5,", "[e3k3, e3k55,", 1)
    (tmp_path / "mine.yaml").write_text(text)
    assert main(["space", "check", str(tmp_path / "mine.yaml")]) == 3
    told = capsys.readouterr().err
    assert "mine.yaml:26:94: units[0].layers[0].blocks[1]: " in told
    assert "block 'e3k55' is unknown; did you mean 'e3k5'?" in told


def test_a_table_of_labels_is_profiled_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import numpy as np
    import pandas as pd

    from blockprofile.space import decode, draw_archs, load_space

    moga = load_space("moga")
    archs = draw_archs(moga, 400, np.random.default_rng(0))
    frame = pd.DataFrame({"arch": [decode(moga, arch) for arch in archs], "acc": 60.0 + archs.sum(axis=1) / 10})
    table = tmp_path / "labels.parquet"
    frame.to_parquet(table)
    command = ["profile", str(table), "--space", "moga", "--metric", "top1_percent=acc", "--out", str(tmp_path / "out")]
    assert main(command) == 0
    printed = capsys.readouterr()
    assert "400 labelled archs of labels.parquet, for the law 'papers'" in printed.out
    assert "Intervals hold for the truth: top1_percent (400 labelled archs)." in printed.err
    assert main([*command, "--n", "1000"]) == 2
    assert "--n" in capsys.readouterr().err
    assert main(["profile", str(table), "--space", "moga"]) == 2
    assert "needs --space, at least one --metric NAME[=COLUMN], and --out" in capsys.readouterr().err
