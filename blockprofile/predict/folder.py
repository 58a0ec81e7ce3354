"""A predictor's folder: written whole under a lock, its card with a digest of every data file that it speaks of.

A weight, table or residual that was damaged, or that belongs to another card, is so refused when it is read. Folders
that people write by hand, and most shipped ones, have no digests and are read as they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from blockprofile.errors import DataError
from blockprofile.files import replacing_folder
from blockprofile.predict.card import CARD_NAME, TABLE_NAME, Card
from blockprofile.predict.crossfit import RESIDUALS_NAME
from blockprofile.predict.listed import ARCHS_NAME
from blockprofile.predict.weights import WEIGHTS_NAME
from blockprofile.yamlfile import write_yaml

DATA_NAMES = (WEIGHTS_NAME, TABLE_NAME, RESIDUALS_NAME, ARCHS_NAME)
AUDIT_NAMES = ("audit.parquet", "audit.png", "audit.svg")
"""What was found of the predictor that the folder held."""


@contextmanager
def replacing_predictor(folder: Path, *, within: Path | None = None) -> Iterator[Path]:
    """Write a predictor in the place of an earlier one, of which card, data and audit go; other files stay.

    Yields
    ------
    A new folder; see `blockprofile.files.replacing_folder`, also for what is raised.
    """
    with replacing_folder(folder, within=within, is_kept=True) as fresh:
        for name in (CARD_NAME, *DATA_NAMES, *AUDIT_NAMES):
            (fresh / name).unlink(missing_ok=True)
        yield fresh


def write_card(folder: Path, content: Mapping[str, Any]) -> None:
    """Write the card of a folder whose data files are written; it says what they hold."""
    files = {name: _digest(folder / name) for name in DATA_NAMES if (folder / name).is_file()}
    write_yaml(folder / CARD_NAME, {**content, **({"files": files} if files else {})})


def check_files(card: Card, folder: Path) -> None:
    """Refuse data files that are not those that the card was written with.

    Raises
    ------
    DataError
        Naming the file.
    """
    for name, digest in card.files.items():
        path = folder / name
        now = _digest(path) if name in DATA_NAMES and path.is_file() else "none"
        if now != digest:
            raise DataError(
                f"{path} is not the file that {CARD_NAME} beside it was written with (digest {now}, not {digest}): it "
                "is damaged, was changed, or is of another predictor, so that the card's error does not hold; make the "
                f"folder anew, or delete `files` from {CARD_NAME} if you know better"
            )
    for name in DATA_NAMES if card.files else ():
        if name not in card.files and (folder / name).exists():
            raise DataError(f"{folder / name} is of another predictor: {CARD_NAME} beside it lists no such file")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
