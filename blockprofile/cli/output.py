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

JSON_OPTION = typer.Option(False, "--json", help="Print the result as JSON, for machines.")


_IN_ASCII = {
    "±": "+-", "–": "-", "—": "-", "…": "...", "×": "x", "·": ".", "µ": "u", "≤": "<=", "≥": ">=", "→": "->",
    "τ": "tau", "²": "2", "§": "section",
}  # fmt: skip
PIPED_WIDTH = 160
COLUMN_GAP = 2
LEAST_WRAPPED = 24
"""How narrow a column that may break lines can be made, in letters."""
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
    """Print rows as a table on stdout; numbers are aligned right. Columns named in ``wrap`` may break lines.

    Nothing is cut: what is wider than the terminal is printed as several tables, each with the columns that name a row.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    columns = list(dict.fromkeys(name for row in rows for name in row))
    cells = {name: [_fit(_word(row.get(name)), sys.stdout) for row in rows] for name in columns}
    room = console.width if (console := Console(file=sys.stdout)).is_terminal else PIPED_WIDTH
    if title:
        Console(file=sys.stdout, highlight=False).print(escape(_fit(title, sys.stdout)), style="italic", soft_wrap=True)
    for number, group in enumerate(_column_groups(cells, wrap=wrap, room=room)):
        table = Table(box=None, header_style="bold", pad_edge=False)
        for name in group:
            numeric = all(isinstance(row.get(name), int | float) or row.get(name) in {None, ""} for row in rows)
            heading = escape(_fit(name, sys.stdout))
            table.add_column(heading, justify="right" if numeric else "left", no_wrap=name not in wrap, overflow="fold")
        for index in range(len(rows)):
            table.add_row(*(escape(cells[name][index]) for name in group))
        if number:
            tell("")
        wide = sum(_column_width(name, cells[name], wrap) + COLUMN_GAP for name in group)
        Console(file=sys.stdout, highlight=False, width=max(room, wide)).print(table)


def _column_width(name: str, cells: Sequence[str], wrap: Sequence[str]) -> int:
    from rich.cells import cell_len

    widest = max(cell_len(text) for text in [name, *cells])
    return min(widest, LEAST_WRAPPED) if name in wrap else widest


def _column_groups(cells: Mapping[str, Sequence[str]], *, wrap: Sequence[str], room: int) -> list[list[str]]:
    """Part columns into tables that fit; the leading ones that tell the rows apart stand in each."""
    columns = list(cells)
    n_rows = len(next(iter(cells.values()), ()))
    beginnings = [columns[:n] for n in range(1, len(columns))]
    keys = next((keys for keys in beginnings if len({*zip(*map(cells.get, keys), strict=True)}) == n_rows), columns[:1])
    widths = {name: _column_width(name, cells[name], wrap) + COLUMN_GAP for name in columns}
    start = sum(widths[name] for name in keys)
    groups, taken = [list(keys)], start
    for name in columns[len(keys) :]:
        if taken + widths[name] - COLUMN_GAP > room and len(groups[-1]) > len(keys):
            groups.append(list(keys))
            taken = start
        groups[-1].append(name)
        taken += widths[name]
    return groups


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
    if value is None or value != value:  # noqa: PLR0124 -- NaN
        return ""
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.1f}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) and abs(value) >= 10_000 else str(value)
