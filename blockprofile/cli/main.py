"""The command `blockprofile`: its subcommands, and how failures leave it.

One file per subcommand; each imports what it needs inside its function, so that ``--help`` answers at once.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Sequence
from importlib import import_module

import typer

from blockprofile import __version__
from blockprofile.cli.help import build_commands
from blockprofile.cli.output import tell, warn
from blockprofile.cli.strict import check_words
from blockprofile.command import typed
from blockprofile.errors import DataError, UserError
from blockprofile.loudness import LOG, loudness

EXIT_BUG, EXIT_USER, EXIT_DATA = 1, 2, 3
EXIT_INTERRUPTED = 130

_USERS_OS_ERRORS = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS,
     errno.ENOENT, errno.ENOTDIR, errno.EISDIR,
     errno.ENAMETOOLONG, errno.ELOOP, errno.EFBIG}
)  # fmt: skip

QUIET, VERBOSE = "--quiet", "--verbose"

app = typer.Typer(
    name="blockprofile",
    help="""Which blocks of a search space are worth their cost on a device, where, and what can be thrown away.

    Examples
    --------
    blockprofile sample --space moga --device mace_gpu --n 1e6 --out runs/moga
    blockprofile profile runs/moga
    blockprofile heatmap runs/moga
    blockprofile prune runs/moga --out smaller.yaml
    """,
    no_args_is_help=True,
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
    quiet: bool = typer.Option(False, QUIET, help="No progress, remarks and hints; warnings and errors stay."),
    verbose: bool = typer.Option(False, VERBOSE, help="Tell every stage and file on stderr, with the time."),
) -> None:
    """Hold the options of the whole program; `main` has looked at them already."""


def _register() -> None:
    from blockprofile.cli import COMMANDS

    for name in COMMANDS:
        import_module(f"blockprofile.cli.{name}").register(app)


def _to_the_front(words: Sequence[str]) -> list[str]:
    """Put the program's own options first: they may stand anywhere before a ``--``."""
    end = words.index("--") if "--" in words else len(words)
    own = [word for word in words[:end] if word in {QUIET, VERBOSE}]
    return [*own, *(word for word in words[:end] if word not in own), *words[end:]]


def _run(words: Sequence[str]) -> None:
    start = time.monotonic()
    check_words(app, words)
    with loudness(quiet=QUIET in words, verbose=VERBOSE in words):
        LOG.info("blockprofile %s", __version__)
        try:
            build_commands()(args=_to_the_front(words), prog_name="blockprofile")
        finally:
            LOG.info("ended after %.2f s", time.monotonic() - start)


def main(args: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit status: 0 done, 1 a bug, 2 the user's mistake, 3 bad data."""
    words = list(sys.argv[1:] if args is None else args)
    try:
        with typed(words):
            _run(words)
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
    warn(f"blockprofile: {message}")
    return status


def run() -> None:
    """Run as the console script, with linear algebra in one thread.

    Its matrices are small: more threads wait for each other, and their number decides the last digits.
    """
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read when numpy and scipy are imported, which is later
    sys.exit(main())


_register()
