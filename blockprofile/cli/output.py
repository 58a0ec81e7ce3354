"""What commands print: tables for people, JSON for machines, both on stdout; progress and notes on stderr."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

import typer

from blockprofile.loudness import is_quiet

if TYPE_CHECKING:
    from blockprofile.profile import Profile
    from blockprofile.space import Space

__all__ = ["JSON_OPTION", "note", "note_base", "print_factors", "print_json", "print_table", "tell", "warn"]

JSON_OPTION = typer.Option(False, "--json", help="Print the result as JSON, for machines.")


_IN_ASCII = {
    "±": "+-", "–": "-", "—": "-", "…": "...", "×": "x", "·": ".", "µ": "u", "≤": "<=", "≥": ">=", "→": "->",
    "τ": "tau", "²": "2", "§": "section",
}  # fmt: skip
MAX_INTEGER = 1 << 53
"""Readers of JSON may hold numbers as float64, which tells integers apart up to here (RFC 8259, section 6)."""


def note_base(space: Space, what: str) -> None:
    """Say of a pruned space that something is of its base."""
    if space.is_pruned:
        note(f"space {space.name!r} is pruned; {what} {space.base.name!r}")


def print_json(data: object) -> None:
    """Print JSON (RFC 8259) on stdout.

    What JSON has no word for becomes null (NaN, an infinity), integers beyond 2^53 text; arrays become lists, paths
    text. Letters that the stream cannot write are escaped.
    """
    plain = _plain(data)
    text = json.dumps(plain, allow_nan=False, indent=2, ensure_ascii=False)
    tell(text if _fit(text, sys.stdout) == text else json.dumps(plain, allow_nan=False, indent=2))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    is_small = isinstance(value, int) and abs(value) <= MAX_INTEGER
    return value if value is None or is_small or isinstance(value, bool) else str(value)


def note(message: str) -> None:
    """Print a remark, a hint or progress on stderr; nothing under ``--quiet``."""
    if not is_quiet():
        warn(message)


def warn(message: str) -> None:
    """Print on stderr what is not to be missed."""
    print(_fit(message, sys.stderr), file=sys.stderr, flush=True)


def tell(text: object) -> None:
    """Print a line of the result on stdout."""
    print(_fit(str(text), sys.stdout), flush=True)


def _fit(text: str, stream: TextIO) -> str:
    """Write in ASCII what the stream's encoding cannot, so that nothing that is printed can fail.

    Examples
    --------
    >>> import io
    >>> _fit("0.5 ± 0.1 … τ ≥ 2", io.TextIOWrapper(io.BytesIO(), encoding="latin-1"))
    '0.5 ± 0.1 ... tau >= 2'
    """
    encoding = stream.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return "".join(_fit_letter(letter, encoding) for letter in text)
    return text


def _fit_letter(letter: str, encoding: str) -> str:
    try:
        letter.encode(encoding)
    except UnicodeEncodeError:
        return _IN_ASCII.get(letter) or letter.encode("ascii", "backslashreplace").decode()
    return letter


def print_table(rows: Sequence[Mapping[str, Any]], *, title: str = "", wrap: Sequence[str] = ()) -> None:
    """Print rows as a table on stdout; numbers are aligned right. Columns named in ``wrap`` may break lines."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    for name in columns:
        numeric = all(isinstance(row.get(name), int | float) or row.get(name) in {None, ""} for row in rows)
        table.add_column(
            escape(_fit(name, sys.stdout)),
            justify="right" if numeric else "left",
            no_wrap=name not in wrap,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(escape(_fit(_word(row.get(name)), sys.stdout)) for name in columns))
    console = Console(file=sys.stdout, highlight=False)
    if not console.is_terminal:
        console = Console(file=sys.stdout, highlight=False, width=160)
    if title:
        console.print(escape(_fit(title, sys.stdout)), style="italic", soft_wrap=True)
    console.print(table)


def print_factors(profile: Profile) -> None:
    """Print what the steps of factors do over the network and which interact; nothing where there are none."""
    from blockprofile.profile import factor_summary, pair_words

    steps = factor_summary(profile)
    if steps:
        tell("")
        print_table(steps, title="steps of factors over the network, blocks alike otherwise; (…) is below the floor")
        for sentence in pair_words(profile):
            tell(sentence)


def _word(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.1f}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) and abs(value) >= 10_000 else str(value)
