"""`blockprofile device list | show`: every figure with its provenance and error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from blockprofile.cli.main import main
from blockprofile.predict import list_devices

Capture = pytest.CaptureFixture[str]


def test_list_names_every_device_with_its_provenance(capsys: Capture) -> None:
    assert main(["device", "list"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    for device, entries in list_devices().items():
        assert device in printed.out
        assert {card.provenance for card, _ in entries} <= {"measured", "calibrated", "distilled", "user"}
    assert main(["device", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["device"] for row in rows} == set(list_devices())
    note10 = next(row for row in rows if row["device"] == "note10")
    assert note10["spaces"] == "ofa_mbv3"
    assert note10["resolutions"] == "160 176 192 208 224"
    assert note10["error"].startswith("measured")


@pytest.mark.parametrize("device", sorted(list_devices()))
def test_show_gives_provenance_error_sources_and_limits(device: str, capsys: Capture) -> None:
    assert main(["device", "show", device]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    for card, _ in list_devices()[device]:
        assert card.title in printed
        assert f"provenance: {card.provenance}" in printed
        floor = "unknown: not audited" if card.floor is None else f"{card.floor:g} ms: no effect below it is claimed"
        assert f"floor: {floor}" in printed
        assert all(" ".join(source.split()) in printed for source in card.sources)
    assert "error:" in printed


def test_show_for_machines(capsys: Capture) -> None:
    assert main(["device", "show", "pixel1", "--json"]) == 0
    cards = json.loads(capsys.readouterr().out)
    assert [card["name"] for card in cards] == ["pixel1"]
    assert cards[0]["error"]["rmse"] == 0.75


def test_a_users_folder_can_be_shown(tmp_path: Path, capsys: Capture) -> None:
    card = (
        "schema: blockprofile.predictor/1\nname: mine\ntitle: My phone\nkind: lookup\nmetric: latency_ms:mine\n"
        "unit: ms\ndevice: mine\nprovenance: measured\nfloor: 0.25\n"
    )
    (tmp_path / "card.yaml").write_text(card, encoding="utf-8")
    assert main(["device", "show", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("My phone\n")
    assert "floor:        0.25 ms" in printed


def test_an_unknown_device(capsys: Capture) -> None:
    assert main(["device", "show", "note1O"]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("blockprofile: device 'note1O' is unknown; did you mean 'note10'? choices: ")
    assert printed.err.rstrip().endswith("; or the path of a predictor folder")


def test_a_folder_without_a_card(tmp_path: Path, capsys: Capture) -> None:
    assert main(["device", "show", str(tmp_path)]) == 2
    assert "is no predictor: it holds no card.yaml" in capsys.readouterr().err


def test_a_mistaken_card_has_its_place(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "card.yaml").write_text("schema: blockprofile.predictor/1\nname: mine\nkind: lokup\n", encoding="utf-8")
    assert main(["device", "show", str(tmp_path)]) == 3
    assert (
        f"{tmp_path / 'card.yaml'}:3:1: kind: 'lokup' is not allowed; did you mean 'lookup'?" in capsys.readouterr().err
    )
