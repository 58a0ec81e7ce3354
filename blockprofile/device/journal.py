"""The journal of a measurement: one line of JSON for each round, so that a killed measurement goes on where it was.

The first line says what is measured, and how.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from blockprofile.journalfile import append_line, open_journal
from blockprofile.yamlfile import Document


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
        """Start the file, or read what an earlier process left there; see `open_journal`."""
        if self.path is not None:
            records = open_journal(self.path, configuration, what="measurement")
            self.rounds = [Document(self.path, record, None).validate(Round) for record in records]

    def append(self, entry: Round) -> None:
        """Keep a round, on disk before anything else happens."""
        self.rounds.append(entry)
        if self.path is not None:
            append_line(self.path, asdict(entry))
