"""The shipped studies: every one is valid, names itself, and works on spaces and devices that are shipped."""

from __future__ import annotations

from typing import Any

import pytest

from blockprofile.compare import parse_algorithm
from blockprofile.content import content_dir
from blockprofile.predict.registry import list_devices
from blockprofile.run.study import find_study, list_studies, read_study
from blockprofile.space import list_spaces


@pytest.mark.parametrize("name", list_studies())
def test_study_is_valid_and_keeps_to_what_is_shipped(name: str) -> None:
    study = read_study(find_study(name))
    assert study.file.name == name
    assert study.file.out == f"runs/{name}"
    assert study.stages
    made: set[str] = set()
    for stage, arguments in study.stages:
        _check(stage, arguments, made)
        made |= {str(arguments["out"])} if "out" in arguments else set()


def _check(stage: str, arguments: dict[str, Any], made: set[str]) -> None:
    for key in ("run", "supernet", "table"):
        if key in arguments:
            assert arguments[key] in made, f"{stage} reads {arguments[key]!r}, which no earlier stage makes"
    assert set(arguments.get("searches", [])) <= made
    if "space" in arguments:
        assert arguments["space"] in {*list_spaces(), *made}
    assert set(arguments.get("devices", [])) <= {*list_devices(), *made}
    assert set(arguments.get("insights", [])) <= {*list_spaces(), *made}
    for text in arguments.get("algorithms", []):
        parse_algorithm(text)


def test_every_study_is_in_the_table() -> None:
    words = (content_dir("analysis") / "README.md").read_text(encoding="utf-8")
    for name in list_studies():
        assert f"`{name}`" in words
