"""A predictor's folder: its data files are those that its card was written with, or nothing is predicted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from blockprofile.errors import DataError
from blockprofile.predict import TABLE_NAME, build_predictor, read_card, replacing_predictor, write_card
from blockprofile.predict.crossfit import RESIDUALS_NAME
from blockprofile.predict.table import write_additive_table
from blockprofile.space import Space

CARD = {
    "schema": "blockprofile.predictor/1", "name": "made", "title": "made up", "kind": "table", "metric": "score",
    "unit": "", "provenance": "user", "floor": None, "spaces": ["toy"],
}  # fmt: skip


def _write(folder: Path, toy: Space, step: float) -> Path:
    slots = [slot for slot in toy.slots if slot.kind == "layer"]
    table = {(slot.name, str(choice)): step * i for slot in slots for i, choice in enumerate(slot.choices)}
    with replacing_predictor(folder) as fresh:
        write_additive_table(fresh / TABLE_NAME, {("", ""): 1.0, **table})
        write_card(fresh, CARD)
    return folder


def _flip(folder: Path) -> None:
    data = bytearray((folder / TABLE_NAME).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / TABLE_NAME).write_bytes(data)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_flip, "table.parquet is not the file that card.yaml beside it was written with"),
        (lambda folder: (folder / TABLE_NAME).unlink(), r"digest none, not [0-9a-f]{16}"),
        (lambda folder: (folder / RESIDUALS_NAME).write_bytes(b""), "residuals.parquet is of another predictor"),
    ],
)
def test_files_that_a_card_was_not_written_with_are_refused(
    toy: Space, tmp_path: Path, change: Callable[[Path], None], message: str
) -> None:
    folder = _write(tmp_path / "made", toy, 1.0)
    build_predictor((read_card(folder), folder), toy)
    change(folder)
    with pytest.raises(DataError, match=message):
        build_predictor((read_card(folder), folder), toy)


def test_a_table_of_another_folder_is_refused_and_taken_where_the_card_does_not_ask(toy: Space, tmp_path: Path) -> None:
    folder, other = _write(tmp_path / "made", toy, 1.0), _write(tmp_path / "other", toy, 2.0)
    (folder / TABLE_NAME).write_bytes((other / TABLE_NAME).read_bytes())
    with pytest.raises(DataError, match=r"delete `files` from card\.yaml if you know better"):
        build_predictor((read_card(folder), folder), toy)
    text = (folder / "card.yaml").read_text(encoding="utf-8")
    (folder / "card.yaml").write_text(text[: text.index("files:")], encoding="utf-8")
    build_predictor((read_card(folder), folder), toy)


def test_nothing_stays_of_the_predictor_before_but_what_is_none_of_it(toy: Space, tmp_path: Path) -> None:
    folder = _write(tmp_path / "made", toy, 1.0)
    for name in (RESIDUALS_NAME, "notes.txt", "audit.parquet", "audit.csv"):
        (folder / name).write_bytes(b"")
    _write(folder, toy, 2.0)
    assert {path.name for path in folder.iterdir()} == {"card.yaml", TABLE_NAME, "notes.txt", "audit.csv"}
    build_predictor((read_card(folder), folder), toy)
