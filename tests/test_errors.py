"""Errors: which exit status they lead to, and how choices are worded."""

from __future__ import annotations

from pathlib import Path

import pytest

from blockprofile import errors
from blockprofile.content import content_dir
from blockprofile.errors import DataError, DefinitionError, UserError, one_of


def test_every_error_is_the_users_or_the_datas() -> None:
    classes = [getattr(errors, name) for name in errors.__all__ if name not in {"check_choice", "one_of"}]
    assert all(issubclass(each, UserError) != issubclass(each, DataError) for each in classes)
    assert all(issubclass(each, ValueError) for each in classes)


@pytest.mark.parametrize(
    ("value", "choices", "words"),
    [
        ("moag", ["moga", "ofa_mbv3"], "did you mean 'moga'? choices: moga, ofa_mbv3"),
        ("zzz", ["moga", "ofa_mbv3"], "choices: moga, ofa_mbv3"),
        (7, [3, 5], "choices: 3, 5"),
        ("a", [], "choices: none"),
        ("", ["a"], "choices: a"),
        ("e3k4", ("e3k3", "e6k7"), "did you mean 'e3k3'? choices: e3k3, e6k7"),
    ],
)
def test_choices_with_the_nearest_first(value: object, choices: list[object], words: str) -> None:
    assert one_of(value, choices) == words


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ({}, "wrong"),
        ({"key": "a.b"}, "a.b: wrong"),
        ({"path": Path("x.yaml")}, "x.yaml: wrong"),
        ({"path": "x.yaml", "line": 3}, "x.yaml:3: wrong"),
        ({"path": "x.yaml", "line": 3, "column": 7, "key": "a[0]"}, "x.yaml:3:7: a[0]: wrong"),
    ],
)
def test_the_place_leads_the_message(place: dict[str, object], words: str) -> None:
    error = DefinitionError("wrong", **place)  # type: ignore[arg-type]
    assert str(error) == words
    assert (error.line, error.column, error.key) == (place.get("line"), place.get("column"), place.get("key", ""))


def test_an_incomplete_installation_is_bad_data() -> None:
    with pytest.raises(DataError, match=r"the folder 'nothing' is neither beside nor inside .*; the installation"):
        content_dir("nothing")  # type: ignore[arg-type]
