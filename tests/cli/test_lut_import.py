"""`lut export`, `import` of profiles and `times`, in process: exit status, what is printed, what is written."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import onnx
import pytest

from blockprofile.cli.main import EXIT_DATA, EXIT_USER, main
from blockprofile.device.node_names import find_steps
from blockprofile.predict import read_card
from tests.cli.test_lut import TINY
from tests.device.samples import litert_text, tensorrt, tensorrt_times

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")


def run(capsys: Capture, command: str) -> tuple[int, str, str]:
    status = main(command.split())
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def profile(folder: str, out: str, *, scale: float = 1.0) -> None:
    """Write a profile of every exported model: 1 us for each thousand letters of weights, and 10 us a node."""
    Path(out).mkdir()
    for file in sorted(Path(folder).glob("*.onnx")):
        nodes = [
            (node.name, scale * 0.01 * (1 + find_steps(node.name)[0].index)) for node in onnx.load(file).graph.node
        ]
        (Path(out) / f"{file.stem}.json").write_text(tensorrt(nodes), encoding="utf-8")


def test_from_export_to_an_audited_device(capsys: Capture) -> None:
    status, out, err = run(capsys, "lut export --space tiny.yaml --form networks --out models --batch 2 --json")
    assert status == 0, err
    assert json.loads(out)["models"] == 1
    profile("models", "profiles")
    imported = "lut import profiles --space tiny.yaml --manifest models --hardware h --runtime r --out board"
    status, out, err = run(capsys, f"{imported} --json")
    assert status == 0, err
    told = json.loads(out)
    assert (told["format"], told["operators"], told["left_share"]) == ("tensorrt", 5, 0.0)
    card = read_card(Path("board"))
    assert (card.device, card.batch, card.precision) == ("board_fp32_b2", 2, "float32")
    assert "a profile of tensorrt; 0.0% of the time belonged to no one operator" in card.made_from
    status, out, err = run(capsys, "lut plan --space tiny.yaml --n 8 --out plan")
    assert status == 0, err
    profile("plan", "planned")
    status, out, err = run(capsys, "lut times planned --space tiny.yaml --manifest plan --out times.csv")
    assert status == 0, err
    assert "times.csv: 8 of 8 networks" in out
    status, out, err = run(capsys, "lut audit board --space tiny.yaml --from times.csv")
    assert status == 0, err
    assert read_card(Path("board")).floor is not None
    status, _, err = run(capsys, "lut times planned --space tiny.yaml --manifest plan --out times.csv")
    assert (status, "exists already" in err) == (EXIT_USER, True)


def test_microseconds_under_a_milliseconds_name(capsys: Capture) -> None:
    assert run(capsys, "lut export --space tiny.yaml --form networks --out models")[0] == 0
    profile("models", "profiles", scale=1e5)
    words = "lut import profiles --space tiny.yaml --manifest models --hardware h --runtime r --out board"
    status, _, err = run(capsys, words)
    assert status == EXIT_USER
    assert "these look like microseconds" in err
    assert err.count("\n") == 1
    assert not Path("board").exists()
    assert run(capsys, f"{words} --time-unit us")[0] == 0


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        ("--manifest models --batch 3", EXIT_USER, "--batch has no effect here: the manifest says it"),
        ("--form x", EXIT_USER, "No such option"),
        ("--format trt", EXIT_USER, "format 'trt' is unknown"),
        ("--format vela", EXIT_DATA, "looks like 'tensorrt', not 'vela'"),
        ("--spread all", EXIT_USER, "spread 'all' is unknown"),
        ("--clock-mhz 500", EXIT_USER, "--clock-mhz has no effect here"),
        ("profiles", EXIT_DATA, "hold the same profile; give one of them"),
        ("--batch 0", EXIT_USER, "--batch is 0; must be at least 1"),
    ],
)
def test_options_that_do_not_fit(capsys: Capture, words: str, status: int, told: str) -> None:
    assert run(capsys, "lut export --space tiny.yaml --form networks --out models")[0] == 0
    profile("models", "profiles")
    found, _, err = run(capsys, f"lut import profiles --space tiny.yaml --hardware h --runtime r --out board {words}")
    assert found == status
    assert told in err


def test_what_each_kind_of_file_takes(capsys: Capture) -> None:
    assert run(capsys, "lut template --space tiny.yaml --out times.csv")[0] == 0
    common = "--space tiny.yaml --hardware h --runtime r --out board"
    status, _, err = run(capsys, f"lut import times.csv {common} --spread drop")
    assert (status, "--spread has no effect here: a table" in err) == (EXIT_USER, True)
    status, _, err = run(capsys, f"lut import times.csv times.csv {common}")
    assert (status, "2 files were given" in err) == (EXIT_USER, True)
    Path("whole.json").write_text(tensorrt_times(1.0), encoding="utf-8")
    status, _, err = run(capsys, f"lut import whole.json {common}")
    assert (status, "say by --manifest" in err) == (EXIT_USER, True)
    Path("log.txt").write_text(litert_text([("a", 1.0)]), encoding="utf-8")
    status, _, err = run(capsys, f"lut import log.txt whole.json {common} --manifest .")
    assert (status, "manifest.json" in err) == (EXIT_USER, True)
    status, _, err = run(capsys, f"lut import log.txt whole.json {common}")
    assert status == EXIT_DATA
    assert "whole.json has no nodes, unlike 1 others" in err
    Path("notes.md").write_text("nothing", encoding="utf-8")
    status, _, err = run(capsys, f"lut import notes.md {common}")
    assert (status, "is of no format that is known; choices: csv, onnxruntime" in err) == (EXIT_DATA, True)
