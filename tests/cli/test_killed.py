"""What a kill leaves at any rename: the same command goes on or starts clean, to what it gives undisturbed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

import pyarrow.parquet as pq
import pytest
import torch

from blockprofile import files
from blockprofile.cli.main import main
from tests.fuzz import texts

GOALS = "--objective params_m:max --objective macs_m:min"
COMMANDS = {
    "sample": "sample --space tiny.yaml --n 50 --metric macs_m --out {new}",
    "profile": "profile --space tiny.yaml --metric macs_m --n 50 --out {new}",
    "profile of samples": "profile {run}",
    "search": f"search --space tiny.yaml {GOALS} --budget 20 --population 10 --out {{new}}",
    "predictor import": "predictor import ck.pth --out {new}",
    "lut import": "lut import times.csv --space tiny.yaml --hardware h --runtime r --out {new}",
}
MOST = 4
"""A command is killed at its first and last renames, so many in all."""


class Kill(BaseException):
    """What ends a command at once."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("killed")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        Path("tiny.yaml").write_text(texts.SPACE, encoding="utf-8")
        sizes = [(4, 128), (4, 4), (4, 4), (1, 4)]
        torch.save({f"{2 * i}.weight": torch.ones(size) / 9 for i, size in enumerate(sizes)}, "ck.pth")
        assert main(["lut", "template", "--space", "tiny.yaml", "--out", "times.csv"]) == 0
        head, *rows = Path("times.csv").read_text(encoding="utf-8").splitlines()
        lines = [head, *(f"{row.rstrip(',')},0.01,," for row in rows)]
        Path("times.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        yield folder


def _killed(command: list[str], at: int) -> int:
    """Run a command that is killed at a rename, nothing put in order by what it has opened; return how many it did."""
    done = 0

    def counted(move: Callable[..., object]) -> Callable[..., object]:
        def moved(*paths: object) -> object:
            nonlocal done
            done += 1
            if done == at:
                raise Kill
            return move(*paths)

        return moved

    unlink = Path.unlink

    def left(path: Path, *, missing_ok: bool = False) -> None:
        if at and files.is_leftover(path):
            return
        unlink(path, missing_ok=missing_ok)

    with (
        patch.object(Path, "replace", counted(Path.replace)),
        patch.object(Path, "rename", counted(Path.rename)),
        patch.object(files, "_exchange", counted(files._exchange)),
        patch.object(Path, "unlink", left),
        patch.object(files.shutil, "rmtree", (lambda *_, **__: None) if at else files.shutil.rmtree),
        suppress(Kill),
    ):
        assert main(command) == 0
    return done


def _held(folder: Path) -> Mapping[str, object]:
    """Return what a folder holds: tables by their values, other files by their bytes."""
    return {
        str(path.relative_to(folder)): pq.read_table(path).to_pydict()
        if path.suffix == ".parquet"
        else path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_that_was_killed_at_a_rename_is_given_again(
    place: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    new = place / name.replace(" ", "_")
    command = COMMANDS[name].format(new=new.name, run=new.name).split()
    is_of_samples = "{run}" in COMMANDS[name]

    def clear() -> None:
        files.shutil.rmtree(new, ignore_errors=True)
        if is_of_samples:
            assert main(COMMANDS["sample"].format(new=new.name).split()) == 0

    clear()
    n = _killed(command, 0)
    assert n
    whole = _held(new)
    for at in sorted({*range(1, n + 1)[: MOST // 2], *range(1, n + 1)[-MOST // 2 :]}):
        clear()
        assert _killed(command, at) == at
        assert main(command) == 0, at
        assert _held(new) == whole, at
        assert [path.name for path in place.rglob("*") if files.is_leftover(path)] == [], at
