"""Cards: what is read, what a mistaken card says, and what the shipped ones promise."""

from __future__ import annotations

from pathlib import Path

import pytest

from blockprofile.errors import DefinitionError, UnknownNameError
from blockprofile.predict import Card, list_predictors, read_card

CARD = """\
schema: blockprofile.predictor/1
name: phone
title: Latency on a phone
kind: lookup
metric: latency_ms:phone
unit: ms
device: phone
provenance: measured
spaces: [toy]
floor: 0.5
error: {on: whole networks, n: 12, rmse: 0.25, mae: 0.2}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "card.yaml").write_text(CARD, encoding="utf-8")
    return tmp_path


def test_a_card_is_read(folder: Path) -> None:
    card = read_card(folder)
    assert (card.metric, card.unit, card.device, card.provenance) == ("latency_ms:phone", "ms", "phone", "measured")
    assert (card.spaces, card.floor, card.error.rmse, card.error.n) == (("toy",), 0.5, 0.25, 12)
    assert (card.batch, card.resolutions, card.parameters) == (None, (), {})


@pytest.mark.parametrize(
    ("old", "new", "caption"),
    [
        ("", "", "measured, RMSE 0.25 ms (whole networks)"),
        ("rmse: 0.25, ", "", "measured, MAE 0.2 ms (whole networks)"),
        ("on: whole networks, ", "", "measured, RMSE 0.25 ms"),
        ("error: {on: whole networks, n: 12, rmse: 0.25, mae: 0.2}\n", "", "measured"),
    ],
)
def test_the_caption_says_provenance_and_error(folder: Path, old: str, new: str, caption: str) -> None:
    (folder / "card.yaml").write_text(CARD.replace(old, new), encoding="utf-8")
    assert read_card(folder).caption == caption


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        (
            "kind: lookup",
            "kind: lookop",
            (4, 1),
            r"kind: 'lookop' is not allowed; did you mean 'lookup'\? choices",
        ),
        ("provenance: measured", "provenance: guessed", (8, 1), r"'guessed' is not allowed; .*: measured, trained"),
        ("floor: 0.5", "floor: small", (10, 1), "'small' is wrong: should be a valid number"),
        ("floor: 0.5\n", "", (1, 1), "required key 'floor' is missing"),
        ("unit: ms", "units: ms", (6, 1), r"unknown key 'units'; did you mean 'unit'\?"),
        ("rmse: 0.25", "rsme: 0.25", (11, 36), r"error\.rsme: unknown key 'rsme'; did you mean 'rmse'\?"),
    ],
)
def test_a_mistake_has_its_place(folder: Path, old: str, new: str, place: tuple[int, int], message: str) -> None:
    (folder / "card.yaml").write_text(CARD.replace(old, new), encoding="utf-8")
    with pytest.raises(DefinitionError, match=message) as caught:
        read_card(folder)
    assert (caught.value.line, caught.value.column) == place


def test_a_folder_without_a_card(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"there is no file '.*card\.yaml'; choices: none"):
        read_card(tmp_path)


SHIPPED = {folder.name: card for card, folder in list_predictors()}


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_shipped_cards_say_what_a_reader_needs(name: str) -> None:
    card: Card = SHIPPED[name]
    assert card.title
    assert card.made_from or card.networks
    if card.provenance == "counted":
        assert card.floor == 0
        return
    assert card.sources
    if card.kind == "archs":
        assert (card.floor, card.provenance) == (0, "trained")
        assert card.error.label_spread
        return
    assert card.floor is None or card.floor > 0
    assert (card.floor is None) == (card.error.rmse is None)
    is_published = card.name in {"pixel1_tunas", "fpga_fbnet_32", "eyeriss_fbnet_32"}
    assert (card.fitted_range is not None) == (card.provenance == "calibrated" and not is_published)
    assert (card.label_error is not None) == bool(card.error.by_law) == (card.provenance == "distilled")
    assert card.spaces or card.kind in {"cost_model", "zero_cost"}
    figures = (card.error.r2, card.error.mae, card.error.rmse)
    assert card.error.notes or (card.error.on and any(figure is not None for figure in figures))
    if card.device:
        assert card.metric == f"latency_ms:{card.device}"
        assert card.unit == "ms"
        assert card.hardware
        assert card.batch or "batch is not stated" in card.error.notes


def test_shipped_metrics_and_spaces_do_not_overlap() -> None:
    claims = [(card.metric, space) for card in SHIPPED.values() for space in card.spaces or ("any",)]
    assert len(claims) == len(set(claims))
