"""Reports of small runs, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from blockprofile.report import report
from tests.report.pages import make_comparison, make_profile, make_search


@pytest.fixture(scope="session")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One report of each kind."""
    home = tmp_path_factory.mktemp("reports")
    makers = {"profile": make_profile, "search": make_search, "comparison": make_comparison}
    return {name: report(make(home / name)) for name, make in makers.items()}
