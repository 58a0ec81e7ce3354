"""Journals: what was measured is kept line by line; a cut end is dropped, a changed line refused with its number."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from blockprofile.device.journal import Journal, Round
from blockprofile.errors import DataError, RunError

HEAD = {"what": "test", "n": 3, "names": ("a", "b")}
ROUNDS = [Round({"a": 1.0 + n, "b": 0.1}, (0.5, 0.25), n_runs=7, load=None if n else 0.3) for n in range(3)]


def write(path: Path) -> Path:
    journal = Journal(path)
    journal.open(HEAD)
    for entry in ROUNDS:
        journal.append(entry)
    return path


def read(path: Path) -> list[Round]:
    journal = Journal(path)
    journal.open(HEAD)
    return journal.rounds


def test_what_is_written_is_read(tmp_path: Path) -> None:
    assert read(write(tmp_path / "j.jsonl")) == ROUNDS


def test_a_cut_end_is_dropped(tmp_path: Path) -> None:
    path = write(tmp_path / "j.jsonl")
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    assert read(path) == ROUNDS[:2]
    assert whole.startswith(path.read_bytes())
    path.write_bytes(whole[:10])
    assert read(path) == []


def test_another_measurement_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "j.jsonl")
    with pytest.raises(RunError, match="n is 3 there, 4 now"):
        Journal(path).open({**HEAD, "n": 4})


def test_changed_lines_are_refused_with_their_number(tmp_path: Path) -> None:
    path = write(tmp_path / "j.jsonl")
    path.write_text(path.read_text().replace('"b": 0.1', '"b": 0.2', 1))
    with pytest.raises(DataError, match=r"j\.jsonl:2 is no line of a journal as it was written"):
        read(path)


def test_flipped_bits_are_never_used(tmp_path: Path) -> None:
    path, draw = write(tmp_path / "j.jsonl"), random.Random(0)
    whole = path.read_bytes()
    for _ in range(200):
        data = bytearray(whole)
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        path.write_bytes(data)
        try:
            rounds = read(path)
        except (DataError, RunError):
            continue
        assert rounds == ROUNDS[: len(rounds)]
