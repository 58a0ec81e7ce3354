"""`import blockprofile` and its verbs: each name is there, and callable whatever was imported before."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import blockprofile
from blockprofile.profile.profile import profile_run
from blockprofile.run import PoolRequest
from blockprofile.search.api import search


@pytest.mark.parametrize("name", blockprofile.__all__)
def test_every_name_is_there(name: str) -> None:
    assert getattr(blockprofile, name) is not None
    assert name in dir(blockprofile)


def test_what_is_not_there_is_told() -> None:
    with pytest.raises(AttributeError, match="'blockprofile' has no attribute 'profil'"):
        _ = blockprofile.profil  # type: ignore[attr-defined]


@pytest.mark.parametrize("before", ["import blockprofile.search", "from blockprofile.search.api import search", ""])
def test_a_verb_is_called_whatever_was_imported_before(before: str) -> None:
    ask = "try: search('mogga', ['macs_m'])\nexcept UserError as failure: print(failure)"
    program = "\n".join([before, "from blockprofile import search", "from blockprofile.errors import UserError", ask])
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("space 'mogga' is unknown")


def test_a_verb_has_the_signature_of_its_function() -> None:
    assert inspect.signature(blockprofile.search) == inspect.signature(search)
    assert inspect.signature(blockprofile.profile) == inspect.signature(profile_run)


def test_from_a_space_to_a_profile(tmp_path: Path) -> None:
    blockprofile.sample(PoolRequest("moga", n=500, metrics=["macs_m"]), out=tmp_path / "run")
    profile = blockprofile.profile(tmp_path / "run")
    assert isinstance(profile, blockprofile.Profile)
    assert profile.n == 500
