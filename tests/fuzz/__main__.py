"""``python -m tests.fuzz [N] [FIRST_SEED]``: N attacks (10,000), progress at every hundred, exit 1 if any succeeds."""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from tests.fuzz.attack import attack
from tests.fuzz.corpus import make_corpus


def run(n: int, first: int) -> int:
    """Run attacks and print what succeeds, each kind once."""
    kinds: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as place, Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        (Path(place) / "corpus").mkdir()
        (Path(place) / "work").mkdir()
        with redirect_stdout(nowhere), redirect_stderr(nowhere):
            corpus = make_corpus(Path(place) / "corpus")
        for seed in range(first, first + n):
            with redirect_stdout(nowhere), redirect_stderr(nowhere):
                found = attack(corpus, Path(place) / "work", seed)
            if found is not None:
                kind = found.what.rpartition(" at ")[2]
                kinds[kind] += 1
                if kinds[kind] == 1:
                    print(found, flush=True)
            if (seed - first + 1) % 100 == 0:
                print(f"{seed - first + 1} files, {sum(kinds.values())} failures of {len(kinds)} kinds", flush=True)
    return 1 if kinds else 0


if __name__ == "__main__":
    warnings.simplefilter("error")
    given = [int(word) for word in sys.argv[1:]] + [10_000, 0][len(sys.argv) - 1 :]
    sys.exit(run(*given))
