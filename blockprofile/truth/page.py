"""Writing what was judged as a page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["write_page"]


def write_page(folder: Path, results: Mapping[str, Any]) -> None:
    """Write the page and its figures."""
