"""Manifests: what is read back, and what a damaged or missing one says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from blockprofile.errors import DataError, RunError, UnknownNameError
from blockprofile.run import PoolRequest, sample
from blockprofile.run.manifest import MANIFEST_NAME, Manifest, read_manifest, refuse_other, write_manifest


def test_a_manifest_is_read_back_as_written(tmp_path: Path) -> None:
    manifest = Manifest(kind="notes", config={"seed": 1, "space": {"name": "moga"}}, command="blockprofile sample")
    write_manifest(tmp_path, manifest)
    assert read_manifest(tmp_path) == manifest
    assert [path.name for path in tmp_path.iterdir()] == [MANIFEST_NAME]


def test_a_missing_folder_and_a_folder_without_manifest_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="does not exist"):
        read_manifest(tmp_path / "none")
    with pytest.raises(UnknownNameError, match="holds no manifest"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": "other/1"}', '{"schema": "blockprofile.run/1"}'])
def test_a_damaged_manifest_is_bad_data(tmp_path: Path, text: str) -> None:
    (tmp_path / MANIFEST_NAME).write_text(text)
    with pytest.raises(DataError, match=MANIFEST_NAME):
        read_manifest(tmp_path)


def test_equal_configs_are_accepted_and_nested_differences_named(tmp_path: Path) -> None:
    old = {"seed": 0, "space": {"hash": "aa"}}
    refuse_other(tmp_path, old, {"seed": 0, "space": {"hash": "aa"}})
    with pytest.raises(RunError, match=r"space.hash is 'aa' there and 'bb' here"):
        refuse_other(tmp_path, old, {"seed": 0, "space": {"hash": "bb"}})


def test_a_manifest_that_was_edited_is_refused(tmp_path: Path) -> None:
    write_manifest(tmp_path, Manifest(kind="notes", config={"seed": 1}))
    path = tmp_path / MANIFEST_NAME
    path.write_text(path.read_text().replace('"seed": 1', '"seed": 2'))
    with pytest.raises(DataError, match="is not as it was written"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("key", ["space", "predictors", "seed", "law", "n"])
@pytest.mark.parametrize("value", [None, 1e300, {}, [], True])
def test_a_config_without_what_its_run_is_read_by_is_refused(tmp_path: Path, key: str, value: object) -> None:
    sample(PoolRequest("moga", n=10, metrics=["macs_m"]), out=tmp_path)
    manifest = read_manifest(tmp_path)
    if type(value) is type(manifest.config[key]):
        return
    write_manifest(tmp_path, replace(manifest, config={**manifest.config, key: value}))
    with pytest.raises(DataError, match=rf"config\.{key}: .* is wrong; must be"):
        read_manifest(tmp_path)


def test_what_was_typed_is_not_compared(tmp_path: Path) -> None:
    old = {"space": {"hash": "aa", "source": "my.yaml"}, "devices": ["phone"], "metrics": None}
    refuse_other(tmp_path, old, {"space": {"hash": "aa", "source": "./my.yaml"}, "devices": ["./phone"], "metrics": []})
