"""What the tests of all commands share: a tiny space, and all commands with their options."""

from __future__ import annotations

import typer

from blockprofile.cli.main import app

SPACE = """\
schema: blockprofile.space/1
name: tiny
title: Squeeze-and-excite as a choice, with skip
sources: [made up]
input: {default: 32, resolutions: [16, 32]}
blocks:
  - {name: e3k3, expansion: 3, kernel: 3, se: false}
  - {name: e3k3se, expansion: 3, kernel: 3, se: true}
  - {name: e6k3, expansion: 6, kernel: 3, se: false}
  - {name: skip, op: skip}
stem:
  - {op: conv, out: 8, kernel: 3, stride: 2, act: relu6}
units:
  - {out: 8, stride: 1, act: relu6, depths: [1, 2], layers: [{layer: 1, blocks: &all [e3k3, e3k3se, e6k3]}]}
  - {out: 16, stride: 2, act: relu6, depths: [1, 2, 3], layers: [{layer: 1, blocks: *all}]}
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
"""

GOALS = "--objective params_m:max --objective macs_m:min"

STUDY = """\
schema: blockprofile.study/1
name: tiny
title: tiny
out: runs
stages:
  - {sample: {space: tiny.yaml, n: 300, out: pool}}
  - {profile: {run: pool}}
"""


def every_command() -> dict[str, set[str]]:
    """Return all commands and their options, but for those that train networks: `tests/supernet` tries them."""
    found = {}
    for name, command in vars(typer.main.get_command(app))["commands"].items():
        for child, leaf in getattr(command, "commands", {"": command}).items():
            options = {option for parameter in leaf.params for option in parameter.opts if option.startswith("--")}
            found[f"{name} {child}".strip()] = options
    return {command: options for command, options in found.items() if not command.startswith("supernet ")}
