"""What `blockprofile doctor` says is what is installed, and it fails where something is missing."""

from __future__ import annotations

import json
from importlib import metadata

import joblib
import pytest

from blockprofile import __version__, doctor
from blockprofile.cli.main import EXIT_USER, main
from blockprofile.doctor import diagnose
from blockprofile.space import list_spaces

Capture = pytest.CaptureFixture[str]
NEEDS = [
    "numpy>=2.0", "torch>=2.4", "nothing-of-this-name>=1; extra == 'odd'", "onnx>=1.16; extra == 'onnx'",
    "pytest; extra == 'test'",
]  # fmt: skip


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Say what the package needs, whatever an earlier install of the checkout wrote down."""
    needs = list(NEEDS)

    class About:
        def get_all(self, name: str) -> list[str]:
            return needs if name == "Requires-Dist" else ["odd", "onnx", "test"]

    monkeypatch.setattr(metadata, "metadata", lambda name: About())
    return needs


def test_it_says_what_is_there() -> None:
    found = diagnose()
    assert found.version == __version__
    assert found.usable_cores == joblib.cpu_count()
    assert set(found.spaces) == set(list_spaces())
    assert "note10" in found.devices
    assert [(package.name, package.version, package.needs) for package in found.packages] == [
        ("numpy", metadata.version("numpy"), ">=2.0"),
        ("torch", metadata.version("torch"), ">=2.4"),
    ]
    assert {extra.name: extra.is_installed for extra in found.extras} == {"odd": False, "onnx": True}


def test_it_prints_and_prints_for_machines(capsys: Capture) -> None:
    assert main(["doctor"]) == 0
    printed = capsys.readouterr().out
    assert f"blockprofile {__version__}" in printed
    assert "extra odd: not installed; pip install 'blockprofile[odd]'" in printed
    assert main(["doctor", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["usable_cores"] == joblib.cpu_count()
    assert told["extras"][0]["install"] == "pip install 'blockprofile[odd]'"


@pytest.mark.parametrize("need", ["numpy>=99", "nothing-of-this-name>=1"])
def test_what_is_missing_or_too_old_is_a_failure_that_says_what_to_install(
    need: str, installed: list[str], capsys: Capture
) -> None:
    installed[0] = need
    assert main(["doctor"]) == EXIT_USER
    assert f"pip install '{need}'" in capsys.readouterr().err


def test_a_folder_that_is_not_installed_says_so(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(doctor.metadata, "metadata", missing)
    assert main(["doctor"]) == 0
    assert "is not installed" in capsys.readouterr().err
