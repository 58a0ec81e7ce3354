"""Where the content folders are: beside the package in a checkout, inside it in an install."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from blockprofile.errors import DataError

__all__ = ["ContentKind", "content_dir"]

ContentKind = Literal["spaces", "predictors", "analysis", "data"]


def content_dir(kind: ContentKind) -> Path:
    """Find a content folder.

    Raises
    ------
    DataError
        If the installation is incomplete.

    Examples
    --------
    >>> (content_dir("spaces") / "moga.yaml").is_file()
    True
    """
    package = Path(__file__).resolve().parent
    for folder in (package / "content" / kind, package.parent / kind):
        if folder.is_dir():
            return folder
    raise DataError(f"the folder {kind!r} is neither beside nor inside {package}; the installation is incomplete")
