"""The wheel holds the content folders, and works where there is no checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from blockprofile.content import content_dir

ROOT = Path(__file__).resolve().parents[1]
MAX_BYTES = 10 << 20


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from the checkout, with the backend that is installed: no network."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel alone into a fresh environment, which borrows the dependencies; return its scripts.

    The dependencies come by PYTHONPATH, which stands before the environment's own packages; this checkout's
    editable install is a `.pth` file, and those are not followed there.
    """
    folder = tmp_path_factory.mktemp("env")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*command, str(wheel)], check=True, capture_output=True, text=True)
    return folder / "bin"


def run(installed: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": sysconfig.get_path("purelib"), "PYTHONSAFEPATH": "1"}
    return subprocess.run(
        [str(installed / arguments[0]), *arguments[1:]],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_carries_every_content_file_but_the_labels(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for kind in ("spaces", "predictors", "analysis", "data"):
        folder = content_dir(kind)  # type: ignore[arg-type]
        files = [
            path.relative_to(folder) for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")
        ]
        if kind == "data":
            assert Path("labels/ofa_mbv3.parquet") in files
            files = [file for file in files if file.parts[0] not in {"labels", "README.md"}]
        assert files
        missing = [str(file) for file in files if f"blockprofile/content/{kind}/{file.as_posix()}" not in names]
        assert not missing
    assert "blockprofile/py.typed" in names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/"))]


def test_the_wheel_is_small(wheel: Path) -> None:
    assert wheel.stat().st_size < MAX_BYTES
    assert not [name for name in zipfile.ZipFile(wheel).namelist() if "/labels/" in name]


def test_a_recipe_without_its_table_says_where_it_is_to_be_had(installed: Path, tmp_path: Path) -> None:
    shutil.copy(ROOT / "data" / "labels" / "ofa_resnet50_ofa.yaml", tmp_path)
    done = run(installed, "blockprofile", "predictor", "fit", "ofa_resnet50_ofa.yaml", "--out", "fit", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "ofa_resnet50.parquet does not exist" in done.stderr
    assert "it is to be had from data/labels in the source of blockprofile" in done.stderr


def test_the_installed_package_is_not_the_checkout(installed: Path, tmp_path: Path) -> None:
    done = run(installed, "python", "-c", "import blockprofile; print(blockprofile.__file__)", cwd=tmp_path)
    assert done.stdout.startswith(str(installed.parent)), done.stderr


def test_shipped_spaces_and_devices_are_found_from_anywhere(installed: Path, tmp_path: Path) -> None:
    spaces = run(installed, "blockprofile", "space", "list", "--json", cwd=tmp_path)
    assert spaces.returncode == 0, spaces.stderr
    assert {row["space"] for row in json.loads(spaces.stdout)} >= {"moga", "ofa_mbv3"}
    devices = run(installed, "blockprofile", "device", "list", "--json", cwd=tmp_path)
    assert {row["device"] for row in json.loads(devices.stdout)} >= {"note10", "mace_gpu"}


def test_sample_works_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    arguments = [
        "sample",
        "--space",
        "ofa_mbv3",
        "--device",
        "note10",
        "--metric",
        "macs_m",
        "--n",
        "1000",
        "--out",
        "run",
    ]
    done = run(installed, "blockprofile", *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "manifest.json").is_file()
    assert (tmp_path / "run" / "samples" / "part-00000.parquet").is_file()
