"""What the help shows, what a shell completes, and how much is said on stderr."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import pytest
import typer

import blockprofile
from blockprofile.additive import PRESENCES
from blockprofile.cli import COMMANDS
from blockprofile.cli.help import build_commands, examples_of, leaves
from blockprofile.cli.main import EXIT_USER, main
from blockprofile.cli.options import ALGORITHM_WORDS, LAW_WORDS, POLICY_WORDS, PRESENCE_WORDS
from blockprofile.prune import POLICIES
from blockprofile.search import ALGORITHMS
from blockprofile.space import LAWS

Capture = pytest.CaptureFixture[str]
LEAVES = dict(leaves(build_commands(), "blockprofile"))


def test_every_command_has_examples_that_are_understood(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr(typer.core.TyperCommand, "invoke", lambda command, context: None)
    groups = {f"blockprofile {name}": each for name, each in build_commands().commands.items()}
    for name, command in {"blockprofile": build_commands(), **groups, **LEAVES}.items():
        assert command.examples, name
        assert any(example.startswith(f"{name} ") or example == name for example in command.examples), name
        for example in command.examples:
            assert main(shlex.split(example)[1:]) == 0, f"{example}: {capsys.readouterr().err}"


def test_the_help_shows_an_example_that_can_be_pasted(capsys: Capture) -> None:
    assert main(["lut", "run", "--help"]) == 0
    shown = capsys.readouterr().out.partition("Example:")[2]
    pasted = shlex.split(re.sub(r"\\\s*\n", "", shown))
    assert pasted == shlex.split(LEAVES["blockprofile lut run"].examples[0])


@pytest.mark.parametrize("command", [[], ["prune"], ["space"], ["pick"]])
def test_flags_have_no_type(command: list[str], capsys: Capture) -> None:
    assert main([*command, "--help"]) == 0
    assert "bool" not in capsys.readouterr().out


def test_examples_go_on_in_indented_lines() -> None:
    text = "Say.\n\nExamples\n--------\nsay it\n  --twice\nsay that\n"
    assert examples_of(text) == ("Say.", ["say it --twice", "say that"])
    assert examples_of("Say.") == ("Say.", [])


def test_choices_are_explained_where_they_are_chosen() -> None:
    assert set(PRESENCE_WORDS) == set(PRESENCES)
    assert set(LAW_WORDS) == set(LAWS)
    assert set(POLICY_WORDS) == set(POLICIES)
    assert set(ALGORITHM_WORDS) == set(ALGORITHMS)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("sample --space mo", {"moga", "moga_32"}),
        ("exact --device note", {"note10"}),
        ("prune --policy d", {"dominated", "depth"}),
        ("sens", {"sensitivity"}),
    ],
)
def test_a_shell_completes(words: str, told: set[str], monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setenv("_BLOCKPROFILE_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", f"blockprofile {words}")
    monkeypatch.setenv("COMP_CWORD", str(len(words.split())))
    assert main([]) == 0
    assert set(capsys.readouterr().out.split()) == told


@pytest.mark.parametrize("words", ["--quiet sample", "sample --quiet"])
def test_quiet_leaves_results_alone(words: str, tmp_path: Path, capsys: Capture) -> None:
    line = f"{words} --space moga --metric macs_m --n 100 --out"
    assert main([*line.split(), str(tmp_path / "run")]) == 0
    printed = capsys.readouterr()
    assert "100 archs" in printed.out
    assert printed.err == ""
    assert main(["--quiet", "profile", str(tmp_path / "none")]) == EXIT_USER
    assert capsys.readouterr().err.startswith("blockprofile: ")


def test_verbose_tells_stages_and_files(tmp_path: Path, capsys: Capture) -> None:
    line = "sample --space moga --device mace_gpu --n 100 --verbose --out"
    assert main([*line.split(), str(tmp_path / "run")]) == 0
    told = capsys.readouterr().err
    for word in (
        "blockprofile ",
        "moga.yaml",
        "latency_ms:mace_gpu: ",
        "sampling moga: 100 archs",
        "manifest.json",
        "ended after",
    ):
        assert word in told
    assert main(["space", "count", "moga"]) == 0
    assert "moga.yaml" not in capsys.readouterr().err


def test_quiet_and_verbose_contradict_each_other(capsys: Capture) -> None:
    assert main(["space", "count", "moga", "--quiet", "--verbose"]) == EXIT_USER
    assert "--quiet and --verbose contradict" in capsys.readouterr().err


def test_no_message_advises_to_delete_what_was_made() -> None:
    """Measurements and trainings take hours; another folder is always a way out."""
    advice = re.compile(r"\b(remove|delete|rm) (it|the file|the folder|them|that)\b")
    package = Path(blockprofile.__file__).parent
    for file in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise):
                assert not advice.search(ast.unparse(node)), f"{file}: {ast.unparse(node)}"


def test_the_help_of_the_program_lists_all_commands() -> None:
    assert {name.split()[1] for name in LEAVES} == set(COMMANDS)
