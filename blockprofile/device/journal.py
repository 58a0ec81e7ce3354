"""The journal of a measurement: one line of JSON for each round, so that a killed measurement goes on where it was.

The first line says what is measured, and how. A line that a kill cut off in the middle is dropped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from blockprofile.errors import DataError, RunError
from blockprofile.files import write_bytes
from blockprofile.jsonfile import digest_of, parse_json
from blockprofile.yamlfile import Document

__all__ = ["Journal", "Round"]


@dataclass(frozen=True, slots=True)
class Round:
    """One pass over the probes.

    ``ms`` gives each visited probe's best run, ``sentinel_ms`` the sentinel's, in the order in which they were
    taken; ``n_disturbed`` counts runs in which the system took the processor away, of ``n_runs``. A
    round that is not ``steady`` drifted too far and is not used.
    """

    ms: Mapping[str, float]
    sentinel_ms: tuple[float, ...]
    n_runs: int = 0
    n_disturbed: int = 0
    seconds: float = 0.0
    load: float | None = None
    steady: bool = True


@dataclass(slots=True)
class Journal:
    """The rounds so far, and the file that keeps them; without a path they are kept in memory alone."""

    path: Path | None = None
    rounds: list[Round] = field(default_factory=list)

    def open(self, configuration: Mapping[str, Any]) -> None:
        """Start the file, or read what an earlier process left there.

        Raises
        ------
        RunError
            If the file is of another measurement: which key differs, and how.
        DataError
            If a line is damaged or was changed, with its number; one that a kill cut off at the end is dropped.
        """
        if self.path is None:
            return
        head = json.loads(json.dumps(configuration))
        lines = self.path.read_bytes().splitlines(keepends=True) if self.path.exists() else []
        whole = [line for line in lines if line.endswith(b"\n")]
        if not whole:
            write_bytes(self.path, _signed(head))
            return
        records = [self._record(line, number) for number, line in enumerate(whole, start=1)]
        self.rounds = [Document(self.path, record, None).validate(Round) for record in records[1:]]
        for key in [*head, *(key for key in records[0] if key not in head)]:
            old, new = records[0].get(key), head.get(key)
            if old != new:
                raise RunError(
                    f"{self.path.parent} holds another measurement: {key} is {_short(old)} there, {_short(new)} now; "
                    f"name another folder, or remove it"
                )
        if len(whole) < len(lines):
            write_bytes(self.path, b"".join(whole))

    def _record(self, line: bytes, number: int) -> dict[str, Any]:
        record = parse_json(line, f"{self.path}:{number}")
        if not isinstance(record, dict) or record.pop("digest", None) != digest_of(record):
            raise DataError(
                f"{self.path}:{number} is no line of a journal as it was written: damaged, changed by hand, or of an "
                "earlier version; remove the file and measure again"
            )
        return record

    def append(self, entry: Round) -> None:
        """Keep a round, on disk before anything else happens."""
        self.rounds.append(entry)
        if self.path is not None:
            with self.path.open("ab") as handle:
                handle.write(_signed(json.loads(json.dumps(asdict(entry)))))


def _signed(record: dict[str, Any]) -> bytes:
    return json.dumps({**record, "digest": digest_of(record)}).encode() + b"\n"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
