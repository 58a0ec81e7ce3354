"""The command `blockprofile`: its subcommands, and how failures leave it.

One file per subcommand; each imports what it needs inside its function, so that ``--help`` answers at once.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module

import typer

from blockprofile import __version__
from blockprofile.cli.output import note, tell
from blockprofile.cli.strict import check_numbers
from blockprofile.command import remember_arguments
from blockprofile.errors import DataError, UserError

__all__ = ["EXIT_BUG", "EXIT_DATA", "EXIT_USER", "app", "main", "run"]

EXIT_BUG, EXIT_USER, EXIT_DATA = 1, 2, 3
EXIT_INTERRUPTED = 130

_USERS_OS_ERRORS = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS,
     errno.ENOENT, errno.ENOTDIR, errno.EISDIR,
     errno.ENAMETOOLONG, errno.ELOOP, errno.EFBIG}
)  # fmt: skip

app = typer.Typer(
    name="blockprofile",
    help="Which blocks of a search space are worth their cost on a device, where, and what can be thrown away.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(value: bool) -> None:
    if value:
        tell(f"blockprofile {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_show_version, is_eager=True, help="Show the version."),
) -> None:
    """Hold the options of the whole program."""


def _register() -> None:
    from blockprofile.cli import COMMANDS

    for name in COMMANDS:
        import_module(f"blockprofile.cli.{name}").register(app)


@cache
def _command() -> Callable[..., object]:
    """Build the commands once a process: Typer takes 50 ms for it."""
    return typer.main.get_command(app)


def main(args: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit status: 0 done, 1 a bug, 2 the user's mistake, 3 bad data."""
    words = list(sys.argv[1:] if args is None else args)
    remember_arguments(words)
    try:
        check_numbers(app, words)
        _command()(args=words, prog_name="blockprofile")
    except SystemExit as leaving:
        if leaving.code == EXIT_INTERRUPTED:
            return _fail("interrupted; what was finished is kept", EXIT_INTERRUPTED)
        return leaving.code if isinstance(leaving.code, int) else EXIT_BUG if leaving.code else 0
    except UserError as failure:
        return _fail(str(failure), EXIT_USER)
    except DataError as failure:
        return _fail(str(failure), EXIT_DATA)
    except OSError as failure:
        if failure.errno not in _USERS_OS_ERRORS:
            raise
        place = f": {failure.filename}" if failure.filename else ""
        return _fail(f"{failure.strerror}{place}; what was finished is kept", EXIT_USER)
    return 0


def _fail(message: str, status: int) -> int:
    note(f"blockprofile: {message}")
    return status


def run() -> None:
    """Run as the console script."""
    sys.exit(main())


_register()
