"""`blockprofile predictor fit | evaluate | import`, from the command line to the files."""

from __future__ import annotations

import errno
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from blockprofile.cli.main import EXIT_DATA, EXIT_USER, main
from blockprofile.predict import read_card
from blockprofile.space import decode, draw_archs, load_space

Capture = pytest.CaptureFixture[str]
RECIPE = """\
schema: blockprofile.recipe/1
table: phone.csv
space: moga
options: {widths: [8], epochs: 1, min_steps: 30}
card: {hardware: my phone}
metrics:
  latency_ms:phone: {column: ms, notes: made up}
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A CSV of 200 MoGA archs whose latency adds up."""
    moga = load_space("moga")
    archs = draw_archs(moga, 200, np.random.default_rng(0))
    milliseconds = 5 + 0.1 * archs.sum(axis=1) * (1 + archs[:, 3] / 50)
    frame = pd.DataFrame({"arch": [decode(moga, arch) for arch in archs], "ms": milliseconds, "s": milliseconds / 1000})
    frame.to_csv(tmp_path / "phone.csv", index=False)
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return tmp_path / "phone.csv"


def test_fit_then_use_the_folder(table: Path, capsys: Capture) -> None:
    out = table.parent / "out"
    assert main(["predictor", "fit", str(table.with_name("recipe.yaml")), "--out", str(out), "--json"]) == 0
    printed = capsys.readouterr()
    (row,) = json.loads(printed.out)
    assert "epoch" in printed.err
    assert row["metric"] == "latency_ms:phone"
    assert row["n"] == 20
    folder = out / "phone_moga"
    card = read_card(folder)
    assert (card.device, card.hardware, card.provenance, card.unit) == ("phone", "my phone", "user", "ms")
    assert main(["device", "show", str(folder)]) == 0
    assert "R2" in capsys.readouterr().out
    arguments = ["predictor", "evaluate", str(folder), str(table), "--space", "moga", "--column", "ms"]
    assert main([*arguments, "--holdout", "0.1", "--json", "--out", str(out / "judged")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["mae"] == pytest.approx(card.error.mae, rel=1e-4)
    assert found["n"] == 20
    residuals = pd.read_csv(out / "judged" / "residuals.csv")
    assert len(residuals) == 14 * 12
    assert residuals["n"].sum() == 14 * 20
    assert (out / "judged" / "scatter.png").read_bytes().startswith(b"\x89PNG")
    assert main(arguments) == 0
    assert "Kendall tau" in capsys.readouterr().out


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a place where no folder can be made")
def test_a_folder_that_cannot_be_made_is_told_in_a_line(capsys: Capture) -> None:
    assert main(["lut", "template", "--space", "moga", "--out", "/proc/nowhere/t.csv"]) == EXIT_USER
    assert "'/proc/nowhere' cannot be made: No such file or directory" in capsys.readouterr().err


def test_fit_warns_of_seconds(table: Path, capsys: Capture) -> None:
    text = RECIPE.replace("column: ms", "column: s")
    table.with_name("recipe.yaml").write_text(text)
    assert main(["predictor", "fit", str(table.with_name("recipe.yaml")), "--out", str(table.parent / "out")]) == 0
    printed = capsys.readouterr()
    assert "warning: latency_ms:phone lies between" in printed.err
    assert "look like seconds" in printed.err
    assert "latency_ms:phone" in printed.out


@pytest.mark.parametrize(
    ("arguments", "status", "match"),
    [
        (["fit", "phone.csv"], EXIT_USER, "needs --space and at least one --metric"),
        (["fit", "phone.csv", "--space", "moga", "--metric", "score"], EXIT_DATA, "no column 'score'"),
        (["fit", "phone.csv", "--space", "mogo", "--metric", "score=ms"], EXIT_USER, "did you mean 'moga'"),
        (["fit", "recipe.yaml", "--space", "moga"], EXIT_USER, "leave out --space"),
        (["fit", "none.csv", "--space", "moga", "--metric", "score=ms"], EXIT_DATA, "does not exist"),
        (["evaluate", "nothing", "phone.csv", "--space", "moga"], EXIT_USER, "'nothing' is unknown"),
        (["evaluate", "mace_gpu", "phone.csv", "--space", "moga"], EXIT_DATA, "no column 'latency_ms:mace_gpu'"),
        (["evaluate", "mace_gpu", "phone.csv", "--space", "moga", "--column=ms", "--holdout=2"], EXIT_USER, "must"),
        (["import", "phone.csv", "--out", "x"], EXIT_DATA, "no checkpoint of tensors alone"),
    ],
)  # fmt: skip
def test_mistakes_are_worded(
    table: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, arguments: list[str], status: int, match: str
) -> None:
    monkeypatch.chdir(table.parent)
    assert main(["predictor", *arguments]) == status
    printed = capsys.readouterr()
    assert match in printed.err
    assert printed.out == ""


def test_evaluate_a_calibrated_device(table: Path, capsys: Capture) -> None:
    arguments = ["predictor", "evaluate", "mace_gpu", str(table), "--space", "moga", "--column", "ms", "--json"]
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["n"] == 200


def test_fit_and_evaluate_point_microseconds_out_alike(table: Path, capsys: Capture) -> None:
    frame = pd.read_csv(table)
    frame.assign(us=1000 * frame["ms"]).to_csv(table, index=False)
    out = table.parent / "out"
    fit = ["predictor", "fit", str(table), "--space", "moga", "--metric", "latency_ms:x=us", "--out", str(out)]
    assert main([*fit, "--epochs", "1", "--folds", "0"]) == 0
    first = [line for line in capsys.readouterr().err.splitlines() if "look like microseconds" in line]
    judge = ["predictor", "evaluate", str(out / "x_moga"), str(table), "--space", "moga", "--column", "us"]
    assert main(judge) == 0
    second = [line for line in capsys.readouterr().err.splitlines() if "look like microseconds" in line]
    assert len(first) == 1
    assert first == second


def test_a_pruned_space_is_judged_by_its_own_archs(place: Path, new: str, capsys: pytest.CaptureFixture[str]) -> None:
    judge = "predictor evaluate macs_m labels.csv --column energy_mj --json"
    assert main(f"{judge} --space tiny.yaml".split()) == 0
    whole = json.loads(capsys.readouterr().out)["n"]
    assert main(f"{judge} --space smallest.yaml --out {new}".split()) == 0
    printed = capsys.readouterr()
    assert 0 < json.loads(printed.out)["n"] < whole
    told = printed.err.splitlines()
    assert re.fullmatch(r"\d+ of 60 rows of labels.csv are of archs that space 'smallest' has not.*left out", told[0])
    assert sorted(path.name for path in Path(new).iterdir()) == ["residuals.csv", "scatter.png", "scatter.svg"]
    assert place == Path.cwd()


def test_what_a_predictor_learnt_from_does_not_judge_it_without_a_word(
    place: Path, new: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fit = f"predictor fit labels.csv --space tiny.yaml --metric energy_mj --epochs 1 --folds 2 --out {new}"
    assert main(fit.split()) == 0
    err = capsys.readouterr().err
    assert re.search(r"^energy_mj: 60 rows of 54 archs, repeats pooled", err, flags=re.MULTILINE)
    assert re.search(r"^energy_mj: additive tables kept: RMSE ", err, flags=re.MULTILINE)
    judge = f"predictor evaluate {new}/energy_mj_tiny labels.csv --space tiny.yaml"
    assert main(judge.split()) == 0
    assert "54 of these 54 archs are in the table that energy_mj_tiny was fitted to" in capsys.readouterr().err
    assert main(f"{judge} --holdout 0.1".split()) == 0
    assert "fitted to" not in capsys.readouterr().err
    assert place == Path.cwd()


def test_a_full_disk_is_a_line_and_leaves_nothing(
    place: Path, new: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "card.yaml")

    monkeypatch.setattr("blockprofile.predict.fit.write_fit_card", fill)
    fit = f"predictor fit labels.csv --space tiny.yaml --metric energy_mj --epochs 1 --folds 0 --out {new}"
    assert main(fit.split()) == EXIT_USER
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("blockprofile: ")]
    assert told == ["blockprofile: No space left on device: card.yaml; what was finished is kept"]
    assert list(Path(new).iterdir()) == []
    assert place == Path.cwd()
