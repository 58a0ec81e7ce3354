"""Text files of lines: the one reader of archs and labels that stand one on each line."""

from __future__ import annotations

import sys
from pathlib import Path

from blockprofile.errors import DataError, UnknownNameError

__all__ = ["read_lines"]

MAX_BYTES = 1 << 30


def read_lines(path: Path) -> list[tuple[int, str]]:
    """Read a file's lines, without the empty ones and those that ``#`` begins; ``-`` is stdin.

    Returns
    -------
    Each line's number, from 1, and its text without the blanks around it.

    Raises
    ------
    UnknownNameError
        If there is no such file.
    DataError
        If it is larger than a gigabyte, or is no UTF-8 text.
    """
    try:
        text = sys.stdin.read() if str(path) == "-" else _text_of(path)
    except UnicodeDecodeError as failure:
        raise DataError(f"{path} is not UTF-8 text: {failure.reason} at byte {failure.start}") from None
    numbered = ((number, line.strip()) for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1))
    return [(number, line) for number, line in numbered if line and not line.startswith("#")]


def _text_of(path: Path) -> str:
    if not path.is_file():
        raise UnknownNameError(f"{str(path)!r} does not exist or is no file")
    if path.stat().st_size > MAX_BYTES:
        raise DataError(f"{path} is larger than a gigabyte")
    return path.read_text(encoding="utf-8")
