"""How the program starts and ends: help, version, exit status, and what a failure leaves on stderr."""

from __future__ import annotations

import errno
import io
import json
import runpy
import sys

import pytest

from blockprofile import __version__
from blockprofile.cli import COMMANDS
from blockprofile.cli import main as program
from blockprofile.cli.main import EXIT_USER, main
from blockprofile.cli.output import note, print_json, print_table, tell
from blockprofile.errors import CoverageError, DataError, DefinitionError, UserError

Capture = pytest.CaptureFixture[str]


def test_without_arguments_the_help_is_shown(capsys: Capture) -> None:
    assert main([]) in {0, 2}
    assert "Usage: blockprofile" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_lists_every_command(option: str, capsys: Capture) -> None:
    assert main([option]) == 0
    printed = capsys.readouterr()
    for name in COMMANDS:
        assert f" {name} " in printed.out
    assert printed.err == ""


def test_version(capsys: Capture) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"blockprofile {__version__}\n"


def test_the_package_runs_as_a_module(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["blockprofile", "--version"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("blockprofile", run_name="__main__")
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"blockprofile {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["sampel"], "No such command 'sampel'"),
        (["space", "list", "--jso"], "No such option"),
        (["space", "show"], "Missing argument"),
    ],
)
def test_a_mistyped_command_line_is_the_users(arguments: list[str], told: str, capsys: Capture) -> None:
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert told in printed.err
    assert "Traceback" not in printed.err
    assert printed.out == ""


@pytest.mark.parametrize(
    ("failure", "status", "told"),
    [
        (UserError("a wrong wish"), 2, "blockprofile: a wrong wish\n"),
        (CoverageError("not covered"), 2, "blockprofile: not covered\n"),
        (DataError("a torn file"), 3, "blockprofile: a torn file\n"),
        (DefinitionError("wrong", path="a.yaml", line=3, column=4, key="b"), 3, "blockprofile: a.yaml:3:4: b: wrong\n"),
        (
            OSError(errno.ENOSPC, "No space left on device", "runs/x"),
            2,
            "blockprofile: No space left on device: runs/x; ",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "runs"),
            2,
            "blockprofile: Permission denied: runs; what was",
        ),
    ],
)
def test_failures_become_one_line_and_a_status(
    failure: Exception, status: int, told: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(args: list[str], prog_name: str) -> None:
        raise failure

    monkeypatch.setattr(program, "build_commands", lambda: fail)
    assert main(["space", "list"]) == status
    printed = capsys.readouterr()
    assert printed.err.startswith(told)
    assert printed.err.count("\n") == 1
    assert printed.out == ""


@pytest.mark.parametrize("failure", [ZeroDivisionError("a bug"), OSError(errno.EBADF, "Bad file descriptor")])
def test_a_bug_is_not_hidden(failure: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(args: list[str], prog_name: str) -> None:
        raise failure

    monkeypatch.setattr(program, "build_commands", lambda: fail)
    with pytest.raises(type(failure)):
        main(["space", "list"])


@pytest.mark.parametrize(("code", "status"), [(None, 0), (0, 0), (2, 2), ("a message", 1)])
def test_exit_codes_pass_through(code: object, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(args: list[str], prog_name: str) -> None:
        raise SystemExit(code)

    monkeypatch.setattr(program, "build_commands", lambda: leave)
    monkeypatch.setattr(program, "check_words", lambda *_: None)
    assert main([]) == status


def test_an_interruption_says_that_what_was_finished_is_kept(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(path: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("blockprofile.space.load_space", interrupt)
    assert main(["space", "count", "moga"]) == 130
    assert capsys.readouterr().err.endswith("blockprofile: interrupted; what was finished is kept\n")


def test_json_takes_numpy_and_paths(capsys: Capture) -> None:
    import numpy as np

    print_json({"a": np.float32(0.5), "b": np.arange(2), "c": np.int64(3), "d": "é"})
    printed = capsys.readouterr().out
    assert json.loads(printed) == {"a": 0.5, "b": [0, 1], "c": 3, "d": "é"}
    assert "é" in printed


def test_json_has_null_for_what_is_no_number_and_text_for_large_integers(capsys: Capture) -> None:
    import numpy as np

    odd = {"nan": float("nan"), "inf": [np.inf, -np.inf], "array": np.array([1.0, np.nan]), "tuple": ({3: np.nan},)}
    print_json({**odd, "exact": 2**53, "large": 2**53 + 1, "yes": True, "none": None, "small": np.float32("nan")})
    assert json.loads(capsys.readouterr().out, parse_constant=pytest.fail) == {
        "nan": None, "inf": [None, None], "array": [1.0, None], "tuple": [{"3": None}], "exact": 2**53,
        "large": str(2**53 + 1), "yes": True, "none": None, "small": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("encoding", "wanted"),
    [("ascii", "+-1 ... tau \\u6c49"), ("latin-1", "±1 ... tau \\u6c49"), ("utf-8", "±1 … τ 汉")],
)
def test_what_a_terminal_cannot_write_is_written_in_ascii(
    encoding: str, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(f"sys.{name}", io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict"))
    text = "±1 … τ 汉"
    tell(text)
    note(text)
    print_table([{"τ": text}], title=text)
    print_json({text: text})
    for stream, n in ((sys.stdout, 3), (sys.stderr, 1)):
        stream.flush()
        written = stream.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined]
        assert written.count(wanted) == n + (2 if encoding == "utf-8" and n == 3 else 0)
    sys.stdout.buffer.seek(0)


def test_tables_align_and_format_numbers(capsys: Capture) -> None:
    print_table([{"name": "a", "value": 1.23456, "n": 1234567}, {"name": "b", "value": None, "n": 7}], title="Title")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].strip() == "Title"
    assert lines[1].split() == ["name", "value", "n"]
    assert lines[2].split() == ["a", "1.235", "1,234,567"]
    assert lines[3].split() == ["b", "7"]
    assert lines[3].index("7") == len(lines[2]) - 1


def test_an_empty_table_prints_nothing_but_its_title(capsys: Capture) -> None:
    print_table([])
    assert capsys.readouterr().out.strip() == ""


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (["--n", "2,5e3"], "--n is '2,5e3', no number"),
        (["--n", "1,000"], "--n is '1,000', no number"),
        (["--n", "1_0"], "--n is '1_0', no number"),
        (["--n", "100", "--seed", "1_0"], "--seed is '1_0'; must be a number"),
        (["--n", "100", "--seed=1_0"], "--seed is '1_0'; must be a number"),
        (["--n", "100", "--seed", "\u0663"], "--seed is '\u0663'; must be a number"),
        (["--n", "100", "--limit", "macs_m<=2,5e2"], "METRIC<=VALUE"),
    ],
)
def test_numbers_are_read_in_one_way(capsys: pytest.CaptureFixture[str], words: list[str], match: str) -> None:
    assert main(["sample", "--space", "moga", "--out", "never", *words]) == EXIT_USER
    assert match in capsys.readouterr().err


@pytest.mark.parametrize("value", ["nan", "inf", "1_0"])
def test_shares_are_numbers(capsys: pytest.CaptureFixture[str], value: str) -> None:
    assert main(["predictor", "evaluate", "note10", "t.csv", "--space", "moga", "--holdout", value]) == EXIT_USER
    assert f"--holdout is {value!r}" in capsys.readouterr().err
