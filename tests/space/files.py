"""Space files of the toy spaces, and what reading a mistaken one says."""

from __future__ import annotations

from pathlib import Path

import pytest

from blockprofile.errors import DefinitionError
from blockprofile.space.load import read_space

TOY_YAML = """\
schema: blockprofile.space/1
name: toy
title: Toy space, two units of searched depth
sources: [made up]
input: {default: 32, resolutions: [16, 32]}
squeeze_excite: {divisor: 4, round_to: 1, act: relu}
blocks:
  - {name: e2k3, expansion: 2, kernel: 3}
  - {name: e4k3, expansion: 4, kernel: 3}
  - {name: e4k5se, expansion: 4, kernel: 5, se: true}
stem:
  - {op: conv, out: 8, kernel: 3, stride: 2, act: relu}
units:
  - {out: 8, stride: 1, depths: [1, 2], act: relu}
  - {out: 16, stride: 2, depths: [1, 2, 3], act: hswish}
head:
  - {op: global_pool}
  - {op: linear, out: 10, bias: true}
"""

MIXED_YAML = """\
schema: blockprofile.space/1
name: mixed
title: Toy space with a searched resolution, an option, a width, a skip
sources: [made up]
input: {default: 32, resolutions: [16, 32], searched: true}
blocks:
  - {name: k3, expansion: 2, kernel: 3}
  - {name: k5, expansion: 2, kernel: 5}
  - {name: skip, op: skip}
options:
  - {name: stem_depth, values: [0, 2]}
stem:
  - {op: conv, out: 8, kernel: 3, stride: 2, act: relu}
  - {op: conv, kernel: 3, act: relu, skip: true, when: {stem_depth: 2}}
units:
  - {out: 8, stride: 2, depths: [3], act: relu, layers: [{layer: 1, blocks: [k3, k5]}]}
  - {out: [16, 24, 32], widths: [0.5, 0.75, 1.0], stride: 2, depths: [1, 2], act: relu6, blocks: [k3, k5]}
head:
  - {op: conv, out: 32, act: relu}
  - {op: global_pool}
  - {op: linear, out: 10}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def failure(folder: Path, text: str) -> DefinitionError:
    with pytest.raises(DefinitionError) as caught:
        read_space(write(folder, text))
    assert caught.value.path == folder / "mine.yaml"
    return caught.value
