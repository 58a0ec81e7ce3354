"""The texts of the corpus: a small space and what is made from it."""

from __future__ import annotations

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
  - {sample: {space: tiny.yaml, metrics: [macs_m], n: 30, seed: 1, limit: "macs_m<=100", out: pool}}
"""
CUSTOM = """\
schema: blockprofile.space/1
name: own
title: own
sources: [made up]
input: {default: 32, resolutions: [32]}
blocks:
  - product: {expansion: [3, 6], kernel: [3, 5]}
  - name: attention
    op: custom
    costs:
      - {metrics: {macs_m: 1.5, params_m: 0.25, "latency_ms:lut": 0.5, "latency_ms:own_lut": 0.5}}
      - {unit: 1, metrics: {macs_m: 0.5}}
      - {unit: 1, layer: 2, metrics: {macs_m: 0.75, "latency_ms:own_lut": 0.25}}
stem:
  - {op: conv, out: 8, kernel: 3, stride: 2, act: relu6}
units:
  - {out: 16, stride: 2, act: relu6, depths: [2]}
  - {out: {ratios: [0.5, 1], of: 16, round_to: 8}, stride: 1, act: relu6, depths: [0, 1], shared: true}
head:
  - {op: linear, out: 10, bias: true}
"""
STAGES = {
    "profile": "{run: run, presence: promoted}",
    "prune": "{run: run, gain: params_m, cost: macs_m, certificate: false, out: smaller.yaml}",
    "heatmap": "{run: run, kind: layers, out: maps}",
    "search": "{space: tiny, objectives: [params_m:max, macs_m:min], budget: 40, population: 20, seed: 3, out: found}",
    "figures": "{run: compare, out: figures}",
    "report": "{run: compare, out: report.html}",
}
"""Stages of studies, each alone, on folders that are there."""
LISTED = """\
schema: blockprofile.predictor/1
name: seen
title: made up
kind: archs
metric: top1_percent:made_up
unit: "%"
direction: max
provenance: user
spaces: [tiny]
resolutions: [32]
floor: 0.1
error: {label_spread: 0.1}
sources: [made up]
parameters: {archs: all}
"""
NET = """\
schema: blockprofile.recipe/1
table: net.csv
space: tiny.yaml
card: {title: t, licence: MIT, batch: 1}
metrics: {"latency_ms:net": {column: y, unit: ms, direction: min}}
holdout: 0.2
folds: 2
options: {widths: [64, 32], epochs: 20, min_steps: 2, batch: 64, learning_rate: 0.01, weight_decay: 0.0, seed: 0}
"""
RECIPE = """\
schema: blockprofile.recipe/1
table: labels.csv
space: tiny.yaml
card: {title: t, licence: MIT, batch: 1}
metrics: {"latency_ms:ok": {column: y, unit: ms, direction: min}}
holdout: 0.2
folds: 0
options: {epochs: 1, min_steps: 2, widths: [16, 8], batch: 32, learning_rate: 0.004, seed: 0}
"""
TIMINGS = """\
schema: blockprofile.timings/1
table: labels.csv
space: tiny.yaml
card: {sources: [made up], licence: MIT, batch: 1}
devices:
  solved: {title: t, column: y, time_unit: ms, hardware: h}
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


def stage_study(name: str) -> str:
    """Return a study of one stage."""
    return f"schema: blockprofile.study/1\nname: s\ntitle: t\nout: runs\nstages:\n  - {{{name}: {STAGES[name]}}}\n"
