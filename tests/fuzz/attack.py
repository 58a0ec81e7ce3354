"""One attack: a file of the corpus is changed, its command is run, and what must hold is checked."""

from __future__ import annotations

import os
import random
import resource
import shutil
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

from blockprofile.cli.main import main
from tests.fuzz.corpus import FORMATS, Format, working_in
from tests.fuzz.mutate import mutate_file

__all__ = ["LONGEST_S", "MOST_KIB", "Failure", "attack", "choose_format"]

LONGEST_S = 20.0
MOST_KIB = 3 << 20
"""Of processor time of one command, and of memory of the whole process."""


@dataclass(frozen=True)
class Failure:
    """What did not hold, and how to see it again."""

    seed: int
    command: str
    change: str
    what: str

    def __str__(self) -> str:
        return f"seed {self.seed}: {self.change}\n  blockprofile {self.command}\n  {self.what}"


def choose_format(rng: random.Random) -> Format:
    """Choose a format by its share."""
    return rng.choices(FORMATS, weights=[each.share for each in FORMATS])[0]


def attack(corpus: Path, work: Path, seed: int) -> Failure | None:
    """Change one file, run its command in-process, and return what does not hold, None where all does.

    Parameters
    ----------
    corpus
        As `tests.fuzz.corpus.make_corpus` makes it; it is copied and left alone.
    work
        A folder of this attack's own, which is emptied.
    """
    rng = random.Random(seed)
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(corpus, work / "here")
    with working_in(work / "here"):
        chosen = choose_format(rng)
        file = rng.choice(sorted(Path().glob(chosen.file)))
        change = f"{file}: {mutate_file(file, rng)}"
        command = chosen.command.format(new="../out/new")
        before, began = _listed(work), time.process_time()
        what = _run(command)
        if not what and time.process_time() - began > LONGEST_S:
            what = f"took {time.process_time() - began:.1f} s of processor time"
        if not what and resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > MOST_KIB:
            what = f"the process has taken more than {MOST_KIB >> 10} MiB"
        strays = sorted(path for path in _listed(work) - before if not _is_allowed(path))
        what = what or (f"wrote {', '.join(strays[:3])}" if strays else "")
    return Failure(seed, command, change, what) if what else None


def _run(command: str) -> str:
    try:
        status = main(command.split())
    except BaseException as failure:
        last = traceback.extract_tb(failure.__traceback__)
        places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in last if "blockprofile" in frame.filename]
        return f"{type(failure).__name__}: {str(failure)[:200]} at {' < '.join(reversed(places[-4:]))}"
    return "" if status in {0, 2, 3} else f"exit status {status}"


def _listed(work: Path) -> set[str]:
    return {
        os.path.relpath(Path(place) / name, work)
        for place, folders, files in os.walk(work)
        for name in (*folders, *files)
    } | {name for name in ("/tmp/stolen",) if Path(name).exists()}


def _is_allowed(path: str) -> bool:
    """Tell whether a command may write there: its --out, a base beside it, and the run folder that it reads."""
    return path in {"out", "out/tiny.yaml"} or path.startswith(
        ("out/new", "here/run/", "here/search/", "here/compare/")
    )
