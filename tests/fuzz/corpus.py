"""A folder with a file of every format, and the commands that read each of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from blockprofile.cli.main import main
from blockprofile.predict.lookup import TABLE_NAME
from blockprofile.predict.table import write_additive_table
from blockprofile.space import decode, draw_archs, load_space

__all__ = ["FORMATS", "Format", "make_corpus", "working_in"]

SPACE = """\
schema: blockprofile.space/1
name: tiny
title: tiny
sources: [made up]
input: {default: 32, resolutions: [16, 32]}
blocks:
  - {name: e3k3, expansion: 3, kernel: 3}
  - {name: e3k5, expansion: 3, kernel: 5}
  - {name: skip, op: skip}
stem:
  - {op: conv, out: 8, kernel: 3, stride: 2, act: relu6}
units:
  - {out: 8, stride: 2, act: relu6, depths: [1, 2], layers: [{layer: 1, blocks: [e3k3, e3k5]}]}
  - {out: 16, stride: 2, act: relu6, depths: [1, 2], layers: [{layer: 1, blocks: [e3k3, e3k5]}]}
head:
  - {op: global_pool}
  - {op: linear, out: 10, bias: true}
"""
PRUNED = """\
schema: blockprofile.pruned/1
name: smaller
base: {name: tiny, file: tiny.yaml}
rules:
  - {drop: [skip], why: made by hand}
  - {where: {unit: 2}, drop: [e3k5], why: made by hand}
"""
STUDY = """\
schema: blockprofile.study/1
name: s
title: t
out: runs
stages:
  - {sample: {space: tiny.yaml, metrics: [macs_m], n: 30, seed: 1, limit: ["macs_m<=100"], out: pool}}
"""
RECIPE = """\
schema: blockprofile.recipe/1
table: labels.csv
space: tiny.yaml
card: {title: t, licence: MIT, batch: 1}
metrics: {"latency_ms:ok": {column: y, unit: ms, direction: min}}
holdout: 0.2
folds: 0
options: {epochs: 1, min_steps: 2, width: 8, hidden: 8, depth: 1, batch: 32, learning_rate: 0.004, seed: 0}
"""
CARD = """\
schema: blockprofile.predictor/1
name: dev
title: made up
kind: table
metric: latency_ms:dev
unit: ms
device: dev
direction: min
provenance: user
spaces: [tiny]
resolutions: [32]
floor: 0.1
error: {on: nothing, mae: 0.1, rmse: 0.1, n: 5}
fitted_range: [0.0, 100.0]
sources: [made up]
parameters: {}
"""
_SAMPLE = "sample --space tiny.yaml --n 10 --metric macs_m"


@dataclass(frozen=True)
class Format:
    """A file of a format and the command that reads it; ``{new}`` is its --out, ``share`` how often it is tried."""

    file: str
    command: str
    share: int = 4


FORMATS = (
    Format("tiny.yaml", "space check tiny.yaml", 8),
    Format("tiny.yaml", "sample --space tiny.yaml --n 10 --metric macs_m --out {new}"),
    Format("smaller.yaml", "space count smaller.yaml"),
    Format("smaller.yaml", "space diff tiny.yaml smaller.yaml"),
    Format("dev/card.yaml", f"{_SAMPLE} --device dev --out {{new}}", 6),
    Format("dev/table.parquet", f"{_SAMPLE} --device dev --out {{new}}", 6),
    Format("lut/card.yaml", f"{_SAMPLE} --device lut --out {{new}}"),
    Format("lut/table.parquet", f"{_SAMPLE} --device lut --out {{new}}"),
    Format("ok_tiny/card.yaml", f"{_SAMPLE} --device ok_tiny --out {{new}}"),
    Format("ok_tiny/weights.safetensors", f"{_SAMPLE} --device ok_tiny --out {{new}}", 6),
    Format("ck.pth", "predictor import ck.pth --out {new}"),
    Format("labels.csv", "predictor evaluate macs_m labels.csv --space tiny.yaml --column y", 6),
    Format("labels.parquet", "predictor evaluate macs_m labels.parquet --space tiny.yaml --column y"),
    Format("labels.csv", "profile labels.csv --space tiny.yaml --metric y --out {new}", 1),
    Format("recipe.yaml", "predictor fit recipe.yaml --out {new}", 3),
    Format("study.yaml", "run study.yaml --out {new}", 4),
    Format("times.csv", "lut import times.csv --space tiny.yaml --hardware h --runtime r --out {new}", 6),
    Format("run/manifest.json", "heatmap run --kind layers", 2),
    Format("run/manifest.json", "profile run", 2),
    Format("run/samples/*.parquet", "profile run", 3),
    Format("run/profile.parquet", "heatmap run --kind layers", 3),
    Format("run/profile.parquet", "prune run --gain params_m --cost macs_m --no-certificate --out {new}.yaml", 3),
    Format("search/manifest.json", "pick search --knee"),
    Format("search/*.parquet", "pick search --knee", 6),
    Format("compare/manifest.json", "report compare --out {new}.html", 2),
    Format("compare/*.json", "report compare --out {new}.html", 2),
    Format("compare/**/*.parquet", "report compare --out {new}.html", 2),
)


@contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Work in a folder while the block runs."""
    here = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(here)


def make_corpus(folder: Path) -> Path:
    """Write a file of every format into a folder that is there, by the commands themselves where they write it."""
    import pandas as pd
    import torch

    with working_in(folder):
        for name, text in (("tiny", SPACE), ("smaller", PRUNED), ("study", STUDY), ("recipe", RECIPE)):
            Path(f"{name}.yaml").write_text(text, encoding="utf-8")
        space = load_space("tiny.yaml")
        archs = draw_archs(space, 60, np.random.default_rng(0))
        rows = pd.DataFrame({"arch": [decode(space, arch) for arch in archs], "y": 5 + archs[:, 1] * 0.25})
        rows.to_csv("labels.csv", index=False)
        rows.to_parquet("labels.parquet", index=False)
        Path("dev").mkdir()
        Path("dev/card.yaml").write_text(CARD, encoding="utf-8")
        slots = [slot for slot in space.slots if slot.kind == "layer"]
        table = {(slot.name, str(choice)): 0.1 * i for slot in slots for i, choice in enumerate(slot.choices)}
        write_additive_table(Path("dev") / TABLE_NAME, {("", ""): 1.0, **table})
        sizes = [(4, 128), (4, 4), (4, 4), (1, 4)]
        torch.save({f"{2 * i}.weight": torch.ones(size) / 9 for i, size in enumerate(sizes)}, "ck.pth")
        goals = "--objective params_m:max --objective macs_m:min"
        _must("lut template --space tiny.yaml --out times.csv")
        lines = Path("times.csv").read_text(encoding="utf-8").splitlines()
        filled = [lines[0], *(f"{line.rstrip(',')},0.01,," for line in lines[1:])]
        Path("times.csv").write_text("\n".join(filled) + "\n", encoding="utf-8")
        _must("lut import times.csv --space tiny.yaml --hardware h --runtime r --out lut")
        _must("predictor fit recipe.yaml --out .")
        _must("sample --space tiny.yaml --n 200 --metric macs_m --metric params_m --out run")
        _must("profile run")
        _must(f"search --space tiny.yaml {goals} --budget 40 --population 20 --out search")
        _must(f"compare --space tiny.yaml --insight smaller.yaml {goals} --budget 20 --seeds 2 --out compare")
    return folder


def _must(command: str) -> None:
    status = main(command.split())
    if status:
        raise RuntimeError(f"blockprofile {command}: exit {status}")
