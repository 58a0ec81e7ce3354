"""A seeded sample of mutated files of every format: a line each, no traceback, nothing written elsewhere."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.fuzz.attack import attack
from tests.fuzz.corpus import make_corpus
from tests.fuzz.formats import FORMATS

N_PARTS, N_FILES = 10, 500
LONGEST_WAIT_S = 240


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a file of every format; the processes of one run of the tests share it."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    place, fresh = shared / "corpus", shared / "corpus.new"
    try:
        fresh.mkdir()
    except FileExistsError:
        for _ in range(10 * LONGEST_WAIT_S):
            if place.exists():
                break
            time.sleep(0.1)
        else:
            pytest.fail("the corpus was not made by the process that began it")
    else:
        make_corpus(fresh).rename(place)
    return place


@pytest.mark.parametrize("part", range(N_PARTS))
def test_no_mutated_file_gives_more_than_a_line(corpus: Path, tmp_path: Path, part: int) -> None:
    (tmp_path / "work").mkdir()
    seeds = range(part, N_FILES, N_PARTS)
    found = [failure for seed in seeds if (failure := attack(corpus, tmp_path / "work", seed))]
    assert not found, "\n".join(map(str, found))


def test_the_corpus_has_a_file_of_every_format(corpus: Path) -> None:
    assert [each.file for each in FORMATS if not list(corpus.glob(each.file))] == []
