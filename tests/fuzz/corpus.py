"""A folder with a file of every format, made by the commands themselves where they write it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np

from blockprofile.cli.main import main
from blockprofile.predict import TABLE_NAME
from blockprofile.predict.table import write_additive_table
from blockprofile.space import Space, decode, draw_archs, load_space
from tests.fuzz import texts
from tests.fuzz.foreign import write_foreign

__all__ = ["GOALS", "MEASURE", "POOL", "SEARCH", "in_blocks", "make_corpus", "working_in"]

GOALS = "--objective params_m:max --objective macs_m:min"
SEARCH = f"search --space tiny.yaml {GOALS} --budget 40 --population 20"
MEASURE = "lut measure --space tiny.yaml --runtime torch --clock cpu --precision 90% --time-limit 1 --out measured"
POOL = "profile --space tiny.yaml --metric macs_m --n 9e4 --out pool"
EXACT_LIMITS = ("blockprofile.profile.accumulate.EXACT_LIMIT", "blockprofile.profile.profile.EXACT_LIMIT")


@contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Work in a folder while the block runs."""
    here = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(here)


@contextmanager
def in_blocks() -> Iterator[None]:
    """Profile small pools as large ones are, with sketches and checkpoints."""
    module = "blockprofile.profile.profile"
    with patch(EXACT_LIMITS[0], 1000), patch(EXACT_LIMITS[1], 1000), patch(f"{module}.SKETCH_BLOCK", 1):
        yield


def make_corpus(folder: Path) -> Path:
    """Write a file of every format into a folder that is there."""
    with working_in(folder):
        _write_by_hand()
        _must("lut template --space tiny.yaml --out times.csv")
        _must("lut template --space own.yaml --out own_times.csv")
        for path in (Path("times.csv"), Path("own_times.csv")):
            lines = path.read_text(encoding="utf-8").splitlines()
            filled = [lines[0], *(f"{line.rstrip(',')},0.01,," for line in lines[1:])]
            path.write_text("\n".join(filled) + "\n", encoding="utf-8")
        _must("lut import times.csv --space tiny.yaml --hardware h --runtime r --out lut")
        _must("lut import own_times.csv --space own.yaml --hardware h --runtime r --out own_lut")
        _must(MEASURE)
        _must("predictor fit recipe.yaml --out .")
        _must("predictor fit net.yaml --out .")
        _must("sample --space tiny.yaml --n 200 --metric macs_m --metric params_m --out run")
        _must("profile run")
        _must("prune run --gain params_m --cost macs_m --no-certificate --out pruned.yaml")
        _must(f"{SEARCH} --out search")
        _must(f"compare --space tiny.yaml --insight smaller.yaml {GOALS} --budget 20 --seeds 2 --out compare")
        _leave_halfway()
        for name in ("run", "compare"):
            shutil.copytree(name, Path("stages") / name)
        shutil.copy("tiny.yaml", "stages")
    return folder


def _write_by_hand() -> None:
    import pandas as pd
    import torch

    named = {
        "tiny": texts.SPACE, "own": texts.CUSTOM, "smaller": texts.PRUNED, "study": texts.STUDY,
        "recipe": texts.RECIPE, "net": texts.NET, "timings": texts.TIMINGS,
    }  # fmt: skip
    named |= {f"stage_{name}": texts.stage_study(name) for name in texts.STAGES}
    for name, text in named.items():
        Path(f"{name}.yaml").write_text(text, encoding="utf-8")
    space = load_space("tiny.yaml")
    archs = draw_archs(space, 60, np.random.default_rng(0))
    rows = pd.DataFrame({"arch": [decode(space, arch) for arch in archs], "y": 5 + archs[:, 1] * 0.25})
    rows.to_csv("labels.csv", index=False)
    rows.to_parquet("labels.parquet", index=False)
    rows[:10].rename(columns={"y": "mean_ms"}).to_csv("audit.csv", index=False)
    _write_listed(space)
    write_foreign(space)
    Path("dev").mkdir()
    Path("dev/card.yaml").write_text(texts.CARD, encoding="utf-8")
    slots = [slot for slot in space.slots if slot.kind == "layer"]
    table = {(slot.name, str(choice)): 0.1 * i for slot in slots for i, choice in enumerate(slot.choices)}
    write_additive_table(Path("dev") / TABLE_NAME, {("", ""): 1.0, **table})
    sizes = [(4, 128), (4, 4), (4, 4), (1, 4)]
    torch.save({f"{2 * i}.weight": torch.ones(size) / 9 for i, size in enumerate(sizes)}, "ck.pth")


def _write_listed(space: Space) -> None:
    """Write labels that no sum of blocks explains, and a predictor that lists all archs with them."""
    import pandas as pd

    archs = draw_archs(space, 400, np.random.default_rng(1))
    first, second = (space.units[unit].layers[0] for unit in (0, 1))
    labels = 5 + 2.0 * ((archs[:, first] + archs[:, second]) % 2)
    rows = pd.DataFrame({"arch": [decode(space, arch) for arch in archs], "y": labels})
    rows.to_csv("net.csv", index=False)
    Path("seen").mkdir()
    Path("seen/card.yaml").write_text(texts.LISTED, encoding="utf-8")
    rows.rename(columns={"y": "top1_percent"}).to_parquet("seen/archs.parquet", index=False)


def _leave_halfway() -> None:
    """Leave a search and a profile as a kill in the middle leaves them."""
    kill = patch("blockprofile.search.record.Recorder.finish", side_effect=KeyboardInterrupt)
    with patch("blockprofile.search.record.FLUSH_SECONDS", -1.0), kill:
        main(f"{SEARCH} --out halted".split())
    kill = patch("blockprofile.profile.profile._finish", side_effect=KeyboardInterrupt)
    with in_blocks(), patch("blockprofile.profile.profile.CHECKPOINT_SECONDS", -1.0), kill:
        main(POOL.split())
    with in_blocks():
        _must(POOL.replace("--out pool", "--out pool_whole"))
    for path in ("halted/parts", "pool/profile.state"):
        if not Path(path).exists():
            raise RuntimeError(f"nothing was left of {path}")


def _must(command: str) -> None:
    status = main(command.split())
    if status:
        raise RuntimeError(f"blockprofile {command}: exit {status}")
