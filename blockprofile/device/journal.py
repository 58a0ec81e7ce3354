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
            If it is no journal.
        """
        if self.path is None:
            return
        head = json.loads(json.dumps(configuration))
        if not self.path.exists():
            self.path.write_text(json.dumps(head) + "\n", encoding="utf-8")
            return
        lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True)
        whole = [line for line in lines if line.endswith("\n")]
        try:
            records = [json.loads(line) for line in whole]
            self.rounds = [Round(**{**record, "sentinel_ms": tuple(record["sentinel_ms"])}) for record in records[1:]]
        except (ValueError, TypeError, KeyError) as failure:
            raise DataError(f"{self.path} is no journal of a measurement: {failure}") from None
        if not records:
            self.path.write_text(json.dumps(head) + "\n", encoding="utf-8")
            return
        for key in [*head, *(key for key in records[0] if key not in head)]:
            old, new = records[0].get(key), head.get(key)
            if old != new:
                raise RunError(
                    f"{self.path.parent} holds another measurement: {key} is {_short(old)} there, {_short(new)} now; "
                    f"name another folder, or remove it"
                )
        if len(whole) < len(lines):
            self.path.write_text("".join(whole), encoding="utf-8")

    def append(self, entry: Round) -> None:
        """Keep a round, on disk before anything else happens."""
        self.rounds.append(entry)
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as handle:
                handle.write(json.dumps(asdict(entry)) + "\n")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
