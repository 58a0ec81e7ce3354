"""An energy of a device, from a table to every command that takes a device: in process, with figures told in mJ."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from blockprofile.cli.main import EXIT_DATA, EXIT_USER, main
from blockprofile.predict import build_predictor, caption_of, find_device, read_card, tell_stated
from blockprofile.space import decode_all, load_space
from tests.cli.test_lut import TINY
from tests.toy import all_archs

Capture = pytest.CaptureFixture[str]
BOARD = "--space tiny.yaml --hardware h --runtime r --metric energy_mj --out board"


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")


def run(capsys: Capture, command: str) -> tuple[int, str, str]:
    status = main(command.split())
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def told(capsys: Capture, command: str) -> str:
    """Run a command, which must work, and return what it says."""
    status, out, err = run(capsys, command)
    assert status == 0, err
    return out + err


def fill(capsys: Capture) -> None:
    """Fill a template: an operator's energy is its number in the list, in mJ."""
    assert "fill in mean_mj, and spread_mj and count" in told(
        capsys, "lut template --space tiny.yaml --metric energy_mj --out energy.csv"
    )
    table = pd.read_csv("energy.csv")
    table["mean_mj"] = 1.0 + np.arange(len(table))
    table.to_csv("energy.csv", index=False)


def write_networks(name: str, *, offset: float) -> None:
    """Write the energies of all networks: the table's, and so much more."""
    space = load_space("tiny.yaml")
    archs = all_archs(space)
    energies = build_predictor(find_device("board", space), space).predict(archs) + offset
    pd.DataFrame({"arch": decode_all(space, archs), "mean_mj": energies}).to_csv(name, index=False)


def test_from_a_table_to_a_front(capsys: Capture) -> None:
    fill(capsys)
    assert "mJ; measured" in told(capsys, f"lut import energy.csv {BOARD}")
    card = read_card(Path("board"))
    assert (card.metric, card.unit, card.title) == ("energy_mj:board", "mJ", "Energy on h, r")
    assert "mean_mj" in pd.read_parquet("board/table.parquet").columns
    assert "mJ" in told(capsys, "exact --space tiny.yaml --device board")
    assert "energy_mj:board" in told(
        capsys, "sample --space tiny.yaml --device board --metric macs_m --n 14 --out pool"
    )
    assert "energy_mj:board" in told(capsys, "profile pool")
    told(capsys, "heatmap pool --kind layers")
    goals = "--objective energy_mj:board:min --objective params_m:max --limit energy_mj:board<=40"
    told(capsys, f"search --space tiny.yaml --device board {goals} --budget 40 --population 10 --out found")
    assert "energy_mj:board" in told(capsys, "pick found --knee")
    assert "mJ" in told(capsys, "device show board")
    # a device whose energy is known is weighed by it, asked for or not
    for device in ("", " --device board"):
        name = f"p{len(device)}.yaml"
        told(capsys, f"prune pool --gain macs_m{device} --no-certificate --out {name}")
        assert "pruned for energy on board" in Path(name).read_text(encoding="utf-8")


def test_what_a_space_states_itself_is_said(capsys: Capture) -> None:
    own = "  - {name: own, op: custom, costs: [{metrics: {macs_m: 1, params_m: 1, 'energy_mj:board': 3}}]}\n"
    Path("tiny.yaml").write_text(TINY.replace("stem:", f"{own}stem:"), encoding="utf-8")
    fill(capsys)
    text = told(capsys, f"lut import energy.csv {BOARD}")
    assert "tiny, which states the energy of custom blocks itself, and were left out" in text
    space = load_space("tiny.yaml")
    assert caption_of(build_predictor(find_device("board", space), space), space).endswith("; stated for 'own'")
    assert tell_stated(space, "flops_m") == "stated for 'own'"
    assert tell_stated(space, "latency_ms:board") == ""
    for arch, said in [("own", True), ("e2k3", False)]:
        assert ("; stated for 'own'" in told(capsys, f"arch price {arch} --space tiny.yaml --device board")) is said


def test_audited_and_repaired_by_networks(capsys: Capture) -> None:
    fill(capsys)
    told(capsys, f"lut import energy.csv {BOARD}")
    write_networks("networks.csv", offset=5.0)
    text = told(capsys, "lut audit board --space tiny.yaml --from networks.csv --repair")
    assert "biased: RMSE 5 mJ" in text
    assert "rmse_mj" in text
    assert " ms" not in text
    correction = read_card(Path("board")).parameters["correction"]
    assert correction["offset_mj"] == pytest.approx(5.0, abs=1e-3)
    assert set(correction) == {"call_mj", "offset_mj", "per_operator_mj", "scale"}
    assert "predicted_mj" in pd.read_parquet("board/audit.parquet").columns
    again = json.loads(told(capsys, "lut audit board --space tiny.yaml --from networks.csv --json"))
    assert again["figures"]["rmse_mj"] == pytest.approx(0.0, abs=1e-3)


def test_solved_from_networks(capsys: Capture) -> None:
    fill(capsys)
    told(capsys, f"lut import energy.csv {BOARD}")
    Path("tiny.yaml").write_text(TINY.replace("[1, 2, 3]", "[1, 2, 3, 4]"), encoding="utf-8")
    write_networks("networks.csv", offset=2.0)
    text = told(capsys, "lut solve networks.csv --space tiny.yaml --metric energy_mj --out solved")
    assert "rmse_mj" in text
    card = read_card(Path("solved"))
    assert (card.metric, card.unit, card.title) == ("energy_mj:solved", "mJ", "Energy on solved")
    assert set(card.parameters["correction"]) == {"offset_mj"}
    assert card.error.rmse is not None
    assert card.error.rmse < 0.5
    assert not re.search(r"\bms\b|\btimes?\b", card.error.notes)


@pytest.mark.parametrize(
    ("command", "status", "message"),
    [
        (f"lut import energy.csv {BOARD} --time-unit s", EXIT_USER, "a time unit has no effect on energies"),
        (
            f"lut import energy.csv {BOARD.replace('energy_mj', 'memory_mb')}",
            EXIT_USER,
            "metric 'memory_mb' is none of",
        ),
        (f"lut import energy.csv {BOARD.replace('energy_mj', 'latency_ms')}", EXIT_DATA, "column 'mean_ms' is missing"),
        (
            f"lut import fbnet.json {BOARD} --column gpu_latency",
            EXIT_USER,
            "holds no energy_mj; say --metric latency_ms",
        ),
        (f"lut import lut.json {BOARD}", EXIT_USER, "'nnmeter', which gives times, not energy_mj"),
        (f"lut import profile.json {BOARD}", EXIT_USER, "profile of 'tensorrt', which gives times"),
        ("lut template --space tiny.yaml --metric params_m --out t.csv", EXIT_USER, "metric 'params_m' is none of"),
    ],
)
def test_what_energies_do_not_take(capsys: Capture, command: str, status: int, message: str) -> None:
    fill(capsys)
    Path("fbnet.json").write_text('{"gpu_latency": {"FC_Cin8_Cout10": 1}, "gpu_energy": {"FC_Cin8_Cout10": 1}}')
    Path("lut.json").write_text('{"conv_8_8_8_2_1_relu_3_nose": 1}')
    Path("profile.json").write_text('[{"count": 1}, {"name": "a", "averageMs": 1}]')
    found, _, err = run(capsys, command)
    assert (found, message in err) == (status, True), err
