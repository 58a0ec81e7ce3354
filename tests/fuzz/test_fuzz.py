"""A seeded sample of mutated files of every format: a line each, no traceback, nothing written elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.attack import attack
from tests.fuzz.corpus import make_corpus

N_PARTS, N_FILES = 4, 60


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a file of every format."""
    return make_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.mark.parametrize("part", range(N_PARTS))
def test_no_mutated_file_gives_more_than_a_line(corpus: Path, tmp_path: Path, part: int) -> None:
    seeds = range(part, N_FILES, N_PARTS)
    found = [failure for seed in seeds if (failure := attack(corpus, tmp_path / "work", seed))]
    assert not found, "\n".join(map(str, found))
