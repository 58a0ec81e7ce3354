"""Progress: a bar that moves, and that leaves alone what is being timed."""

from __future__ import annotations

import io
import threading

import pytest

from blockprofile.run import show_progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("alone", [False, True])
def test_the_bar_moves_and_draws_from_no_thread_where_it_is_alone(alone: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    before = threading.active_count()
    with show_progress("this round", 3, unit="probes", alone=alone) as advance:
        assert (threading.active_count() == before) == alone
        advance(1)
        drawn = terminal.getvalue()
        advance(2)
    assert ("1/3" in drawn) or not alone
    assert "3/3" in terminal.getvalue()
