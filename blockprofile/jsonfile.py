"""JSON in, records out: the one reader of every JSON file that a run keeps, and the digest of what it says."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from blockprofile.errors import DataError, UnknownNameError
from blockprofile.files import write_text
from blockprofile.yamlfile import Document

__all__ = ["digest_of", "parse_json", "read_json", "write_json"]

T = TypeVar("T")

MAX_BYTES = 1 << 25
_DIGEST = "digest"


def parse_json(text: str | bytes, path: Path | str) -> Any:
    """Read JSON as RFC 8259 has it.

    Raises
    ------
    DataError
        If it is not UTF-8 or not JSON, gives a key twice, holds NaN, an infinity or a number beyond float64, or is
        nested so deeply that it cannot be read.
    """
    try:
        data = text.decode("utf-8") if isinstance(text, bytes) else text
        return json.loads(data, parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_once)
    except RecursionError:
        raise DataError(f"{path} is no JSON that can be read: nested too deeply") from None
    except ValueError as failure:
        raise DataError(f"{path} is not valid JSON: {failure}") from None


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of JSON")


def _finite(word: str) -> float:
    value = float(word)
    if not math.isfinite(value):
        raise ValueError(f"{word[:40]} is too large a number")
    return value


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"key {next(name for name in names if names.count(name) > 1)!r} is given twice")
    return found


def digest_of(data: Any) -> str:
    """Return a digest of plain data, 32 hex digits: equal data, in whatever order of keys, have equal digests.

    Examples
    --------
    >>> digest_of({"a": 1, "b": [2, None]}) == digest_of({"b": [2, None], "a": 1})
    True
    """
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def write_json(path: Path, data: dict[str, Any], *, within: Path | None = None) -> None:
    """Write plain data as JSON with a digest of it under the key ``digest``, whole or not at all.

    Raises
    ------
    DataError
        If the data hold NaN or an infinity, which JSON has no word for.
    """
    try:
        plain = json.loads(json.dumps(data, allow_nan=False))  # keys become texts, tuples lists
    except ValueError as failure:
        raise DataError(f"{path} cannot be written: what it is to hold is no JSON: {failure}") from None
    plain[_DIGEST] = digest_of(plain)
    write_text(path, json.dumps(plain, indent=2, ensure_ascii=False) + "\n", within=within)


def read_json(path: Path, record: type[T], *, schema: str, made_by: str) -> T:
    """Read a file that `write_json` wrote, and validate it into a dataclass.

    Parameters
    ----------
    record
        A dataclass with a field ``schema``.
    schema
        What the file's key ``schema`` must be.
    made_by
        What makes the file anew, for errors.

    Raises
    ------
    UnknownNameError
        If there is no such file.
    DataError
        If it is too large, no JSON, of another schema, not as it was written, or not as the record has it; with the
        file and the key.
    """
    if not path.is_file():
        raise UnknownNameError(f"there is no file {str(path)!r}; make it with {made_by}")
    if path.stat().st_size > MAX_BYTES:
        raise DataError(f"{path} has {path.stat().st_size} bytes; at most {MAX_BYTES} are read")
    data = parse_json(path.read_bytes(), path)
    if not isinstance(data, dict):
        raise DataError(f"{path} is damaged: it must be an object of keys and values")
    if data.get("schema") != schema:
        told = f"schema {data.get('schema')!r} is not read by this version, which reads {schema!r}"
        raise DataError(f"{path}: {told}; make it anew with {made_by}")
    kept = data.pop(_DIGEST, None)
    if kept != digest_of(data):
        told = "its digest differs, so it was damaged or changed by hand"
        raise DataError(f"{path} is not as it was written: {told}; make it anew with {made_by}")
    return Document(path, data, None).validate(record)
