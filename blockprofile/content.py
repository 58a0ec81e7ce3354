"""Where the content folders are: beside the package in a checkout, inside it in an install."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from blockprofile.errors import DataError, UnknownNameError

__all__ = ["ContentKind", "content_dir", "content_file"]

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


def content_file(kind: ContentKind, name: str) -> Path:
    """Find a file of a content folder by its place in there, such as ``published/layers.csv``.

    Raises
    ------
    UnknownNameError
        If there is no such file, or the name leads out of the folder.
    """
    folder = content_dir(kind)
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
        raise UnknownNameError(f"{name!r} is no file within the folder {str(folder)!r}")
    return path
