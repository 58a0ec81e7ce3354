"""One attack: a file of the corpus is changed, its command is run, and what must hold is checked."""

from __future__ import annotations

import os
import random
import resource
import shutil
import time
import traceback
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyarrow.parquet as pq

from blockprofile.cli.main import main
from blockprofile.predict import load_predictors
from blockprofile.space import count_archs, draw_archs, load_space
from tests.fuzz.corpus import working_in
from tests.fuzz.formats import CALLS, FORMATS, Format
from tests.fuzz.mutate import flip_or_cut, mutate_file

__all__ = ["LONGEST_S", "MOST_KIB", "Failure", "attack", "choose_format"]

LONGEST_S = 20.0
MOST_KIB = 3 << 20
"""Of processor time of one command, and of memory of the whole process."""


Stamp: TypeAlias = tuple[int, int] | None


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
        A folder of the attacks' own: whatever is there of an attack before is made as it was.
    """
    rng = random.Random(seed)
    before = _restore(corpus, work / "here")
    for path in work.iterdir():
        if path.name != "here":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    with working_in(work / "here"):
        chosen = choose_format(rng)
        file = rng.choice(sorted(Path().glob(chosen.file)))
        change = f"{file}: {(mutate_file if chosen.same is None else flip_or_cut)(file, rng)}"
        command = chosen.command.format(new="../out/new")
        began = time.process_time()
        what, is_taken = _run(command)
        if is_taken:
            what = _counts_of(Path(chosen.space)) if chosen.space else _difference(corpus, chosen.same)
        if not what and time.process_time() - began > LONGEST_S:
            what = f"took {time.process_time() - began:.1f} s of processor time"
        if not what and resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > MOST_KIB:
            what = f"the process has taken more than {MOST_KIB >> 10} MiB"
        strays = sorted(path for path in _stamps(work) if path.removeprefix("here/") not in before)
        strays = [path for path in (*strays, *_stolen()) if path != "here" and not _is_allowed(path)]
        what = what or (f"wrote {', '.join(strays[:3])}" if strays else "")
    return Failure(seed, command, change, what) if what else None


def _restore(corpus: Path, here: Path) -> dict[str, Stamp]:
    """Make a folder hold the corpus and nothing else, and return what it holds; what stands as it was is left."""
    meant = _corpus_stamps(corpus)
    if not here.exists():
        shutil.copytree(corpus, here)
        return meant
    stamps = _stamps(here)
    for name in sorted(stamps.keys() - meant.keys(), reverse=True):
        path = here / name
        path.rmdir() if stamps[name] is None else path.unlink()
    for name in sorted(name for name in meant if name not in stamps or stamps[name] != meant[name]):
        if meant[name] is None:
            (here / name).mkdir()
        else:
            shutil.copy2(corpus / name, here / name)
    return meant


@cache
def _corpus_stamps(corpus: Path) -> dict[str, Stamp]:
    return _stamps(corpus)


def _stamps(folder: Path | str, head: str = "") -> dict[str, Stamp]:
    """Return size and time of change of everything in a folder, None for folders."""
    found: dict[str, Stamp] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                found |= {head + entry.name: None, **_stamps(entry.path, f"{head}{entry.name}/")}
            else:
                told = entry.stat(follow_symlinks=False)
                found[head + entry.name] = (told.st_size, told.st_mtime_ns)
    return found


def _run(command: str) -> tuple[str, bool]:
    """Run a command; return what is wrong with how it ended, and whether it took the file."""
    try:
        status = CALLS[command]() if command in CALLS else main(command.split())
    except BaseException as failure:
        return _where(failure), False
    return ("" if status in {0, 2, 3} else f"exit status {status}"), status == 0


def _where(failure: BaseException) -> str:
    last = traceback.extract_tb(failure.__traceback__)
    places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in last if "blockprofile" in frame.filename]
    return f"{type(failure).__name__}: {str(failure)[:200]} at {' < '.join(reversed(places[-4:]))}"


def _counts_of(file: Path) -> str:
    """Return what is wrong with the counts of a space that was taken: they are above 0 and finite."""
    try:
        space = load_space(file)
        archs = draw_archs(space, 20, np.random.default_rng(0))
        counts = [predictor.predict(archs) for predictor in load_predictors(space, metrics=["macs_m", "params_m"])]
    except Exception as failure:
        return f"taken, and then: {_where(failure)}"
    is_right = count_archs(space) >= 1 and np.isfinite(counts).all() and (np.array(counts) > 0).all()
    return "" if is_right else f"a space was taken that counts {np.min(counts, axis=1).tolist()}"


def _difference(corpus: Path, tables: tuple[str, str] | None) -> str:
    """Return whether a table that a command made differs from what it must be."""
    if tables is None:
        return ""
    made, meant = pq.read_table(tables[0]), pq.read_table(corpus / tables[1])
    return "" if made.equals(meant) else f"a damaged file was used: {tables[0]} differs"


def _stolen() -> list[str]:
    return [name for name in ("/tmp/stolen",) if Path(name).exists()]


def _is_allowed(path: str) -> bool:
    """Tell whether a command may write there: its --out, a base beside it, and the run folder that it reads."""
    return path in {"out", "out/tiny.yaml"} or path.startswith(
        (
            "out/new",
            *(f"here/{name}/" for name in ("run", "search", "halted", "pool", "measured", "compare", "stages", "lut")),
        )
    )
