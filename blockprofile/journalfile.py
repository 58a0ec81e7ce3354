"""Journals: one signed line of JSON for each thing that is done, so that what was killed goes on where it was.

The first line says what the journal is of. A line that a kill cut off in the middle is dropped, one that was changed is
refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from blockprofile.errors import DataError, RunError
from blockprofile.files import write_bytes
from blockprofile.jsonfile import digest_of, parse_json

__all__ = ["append_line", "open_journal"]


def open_journal(path: Path, head: Mapping[str, Any], *, what: str) -> list[dict[str, Any]]:
    """Start a journal, or read the lines that an earlier process left there.

    Parameters
    ----------
    head
        What the journal is of: plain data.
    what
        What a journal of another head is another one of, for errors.

    Raises
    ------
    RunError
        If the file is of something else: which key differs, and how.
    DataError
        If a line is damaged or was changed, with its number; one that a kill cut off at the end is dropped.
    """
    plain = json.loads(json.dumps(dict(head)))
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    whole = [line for line in lines if line.endswith(b"\n")]
    if not whole:
        write_bytes(path, _signed(plain))
        return []
    records = [_record(path, line, number) for number, line in enumerate(whole, start=1)]
    for key in [*plain, *(key for key in records[0] if key not in plain)]:
        old, new = records[0].get(key), plain.get(key)
        if old != new:
            raise RunError(
                f"{path.parent} holds another {what}: {key} is {_short(old)} there, {_short(new)} now; "
                "name another folder"
            )
    if len(whole) < len(lines):
        write_bytes(path, b"".join(whole))
    return records[1:]


def append_line(path: Path, record: Mapping[str, Any]) -> None:
    """Add a line, on disk before anything else happens."""
    with path.open("ab") as handle:
        handle.write(_signed(json.loads(json.dumps(dict(record)))))


def _record(path: Path, line: bytes, number: int) -> dict[str, Any]:
    record = parse_json(line, f"{path}:{number}")
    if not isinstance(record, dict) or record.pop("digest", None) != digest_of(record):
        raise DataError(
            f"{path}:{number} is no line of a journal as it was written: damaged, changed by hand, or of an "
            "earlier version; name another folder to measure anew"
        )
    return record


def _signed(record: dict[str, Any]) -> bytes:
    return json.dumps({**record, "digest": digest_of(record)}).encode() + b"\n"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
