"""What a reader of a mistaken space file is told: the place, the key, the choices."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from blockprofile.errors import DataError, DefinitionError
from blockprofile.space.load import load_pruned, read_space
from tests.space.files import MIXED_YAML, TOY_YAML, failure, write

MISTAKES = {
    "a misspelt key": (
        ("stride: 1, depths: [1, 2]", "strid: 1, depths: [1, 2]"),
        (14, 14, "units[0].strid"),
        r"unknown key 'strid'; did you mean 'stride'\? choices: out, stride, depths, act",
    ),
    "a misspelt key at the top": (
        ("squeeze_excite:", "squeze_excite:"),
        (6, 1, "squeze_excite"),
        r"unknown key 'squeze_excite'; did you mean 'squeeze_excite'\? choices: schema, name",
    ),
    "a missing key": (
        ("{out: 8, stride: 1, depths", "{out: 8, depths"),
        (14, 5, "units[0]"),
        "required key 'stride' is missing",
    ),
    "a missing key at the top": (("name: toy\n", ""), (1, 1, ""), "required key 'name' is missing"),
    "a wrong type": (
        ("kernel: 5", "kernel: five"),
        (10, 34, "blocks[2].kernel"),
        "'five' is wrong: should be a valid integer",
    ),
    "a value that is not allowed": (
        ("act: hswish", "act: hswisch"),
        (15, 45, "units[1].act"),
        r"'hswisch' is not allowed; did you mean 'hswish'\? choices: none, relu, relu6, hswish, swish",
    ),
    "an unknown operator": (
        ("op: conv", "op: convolution"),
        (12, 6, "stem[0].op"),
        "'convolution' is not allowed; .*choices: conv, mbconv, max_pool, global_pool, linear",
    ),
    "an unknown schema": (
        ("blockprofile.space/1", "blockprofile.space/2"),
        (1, 1, "schema"),
        r"schema 'blockprofile.space/2' is unknown; did you mean 'blockprofile.space/1'",
    ),
    "a shortcut of a fixed layer that changes the shape": (
        ("kernel: 3, stride: 2, act: relu}\nunits", "kernel: 3, stride: 2, act: relu, skip: true}\nunits"),
        (12, 57, "stem[0].skip"),
        "skip: true, but the layer makes 8 channels at 16 pixels of 3 at 32",
    ),
    "a resolution that is not listed": (
        ("default: 32", "default: 48"),
        (5, 1, "input"),
        r"resolution 48 is not one of space 'toy'; .*choices: 16, 32",
    ),
    "no blocks": (
        (
            "blocks:\n  - {name: e2k3, expansion: 2, kernel: 3}\n  - {name: e4k3, expansion: 4, kernel: 3}\n"
            "  - {name: e4k5se, expansion: 4, kernel: 5, se: true}\n",
            "blocks: []\n",
        ),
        (7, 1, "blocks"),
        "a space needs at least one block",
    ),
    "a block twice": (
        ("name: e4k3,", "name: e2k3,"),
        (9, 6, "blocks[1].name"),
        "block 'e2k3' is given twice",
    ),
    "a block's name with a blank": (
        ("name: e4k3,", "name: e4 k3,"),
        (9, 5, "blocks[1]"),
        "block name 'e4 k3' must not be empty or hold blanks",
    ),
    "an mbconv without a kernel": (
        ("expansion: 4, kernel: 3", "expansion: 4"),
        (9, 5, "blocks[1]"),
        "block 'e4k3' is an mbconv and needs expansion and kernel",
    ),
    "a bottleneck without a ratio": (
        ("{name: e4k3, expansion: 4, kernel: 3}", "{name: b20, op: bottleneck}"),
        (9, 5, "blocks[1]"),
        "block 'b20' is a bottleneck and needs ratio",
    ),
    "an expansion below 1": (
        ("expansion: 2", "expansion: 0.5"),
        (8, 18, "blocks[0].expansion"),
        "expansion 0.5 must be from 1 to 1000",
    ),
    "a kernel of nothing": (
        ("kernel: 5", "kernel: 0"),
        (10, 34, "blocks[2].kernel"),
        "kernel 0 must be from 1 to 64",
    ),
    "a key without effect": (
        ("kernel: 5", "kernel: 5, ratio: 0.25"),
        (10, 45, "blocks[2].ratio"),
        "block 'e4k5se' is an mbconv, on which ratio has no effect",
    ),
    "layers of a shared unit": (
        ("act: hswish}", "act: hswish, shared: true, layers: [{layer: 3, blocks: [e2k3]}]}"),
        (15, 72, "units[1].layers"),
        "a shared unit has one block for all of its layers",
    ),
    "widths that coincide": (
        ("out: 16, stride", "out: {ratios: [0.75, 1], of: 24, round_to: 8}, stride"),
        (15, 6, "units[1].out"),
        r"two ratios give one width \(0.75 is 24, 1 is 24\)",
    ),
    "a factor of a product without what its blocks need": (
        ("{name: e4k3, expansion: 4, kernel: 3}", "{product: {op: {mb: {op: mbconv, kernel: 3}}, se: [no, yes]}}"),
        (9, 5, "blocks[1]"),
        "block 'mb' is an mbconv and needs expansion and kernel",
    ),
    "a custom block without costs": (
        ("{name: e4k3, expansion: 4, kernel: 3}", "{name: attention, op: custom}"),
        (9, 5, "blocks[1]"),
        "block 'attention' is a custom and needs costs",
    ),
    "depths out of order": (
        ("depths: [1, 2, 3]", "depths: [2, 1]"),
        (15, 26, "units[1].depths"),
        r"depths \[2, 1\] must be ascending, distinct and from 0 to 64",
    ),
    "a depth of zero": (
        ("depths: [1, 2, 3]", "depths: [0]"),
        (15, 26, "units[1].depths"),
        r"depths \[0\] must be ascending",
    ),
    "a stride of zero": (
        ("stride: 2, depths", "stride: 0, depths"),
        (15, 15, "units[1].stride"),
        "stride 0 must be from 1 to 10000",
    ),
    "an unknown block in a unit": (
        ("act: hswish}", "act: hswish, blocks: [e2k3, e4k4]}"),
        (15, 73, "units[1].blocks[1]"),
        r"block 'e4k4' is unknown; did you mean 'e4k3'\? choices: e2k3, e4k3, e4k5se",
    ),
    "an empty list of blocks": (
        ("act: hswish}", "act: hswish, blocks: []}"),
        (15, 58, "units[1].blocks"),
        "the list of blocks is empty",
    ),
    "an unknown block in a layer": (
        ("act: hswish}", "act: hswish, layers: [{layer: 3, blocks: [e2k5]}]}"),
        (15, 87, "units[1].layers[0].blocks[0]"),
        r"block 'e2k5' is unknown; did you mean",
    ),
    "a layer beyond the depth": (
        ("act: hswish}", "act: hswish, layers: [{layer: 4, blocks: [e2k3]}]}"),
        (15, 68, "units[1].layers[0].layer"),
        "layer 4 is not in 1 to 3",
    ),
    "a width that is not positive": (
        ("out: 16, stride", "out: [16, 0], stride"),
        (15, 6, "units[1].out"),
        "out 0 must be from 1 to 1000000",
    ),
    "a width beyond any network": (
        ("out: 16, stride", "out: 16000000, stride"),
        (15, 6, "units[1].out"),
        "out 16000000 must be from 1 to 1000000",
    ),
    "a stem of kernel 0": (
        ("kernel: 3, stride: 2, act: relu}", "kernel: 0, stride: 2, act: relu}"),
        (12, 24, "stem[0].kernel"),
        "kernel 0 must be from 1 to 64",
    ),
    "a stem of stride 0": (
        ("kernel: 3, stride: 2, act: relu}", "kernel: 3, stride: 0, act: relu}"),
        (12, 35, "stem[0].stride"),
        "stride 0 must be from 1 to 10000",
    ),
    "an expansion that is no number": (
        ("kernel: 3, stride: 2, act: relu}", "kernel: 3, stride: 2, act: relu, expansion: .nan}"),
        (12, 57, "stem[0].expansion"),
        "nan is no number that means anything here",
    ),
    "names of widths that do not match": (
        ("out: 16, stride", "out: [16, 24], widths: [1.0], stride"),
        (15, 21, "units[1].widths"),
        "1 names for 2 widths",
    ),
    "a condition on an unknown option": (
        ("kernel: 3, stride: 2, act: relu}", "kernel: 3, stride: 2, act: relu, when: {stem: 2}}"),
        (12, 5, "stem[0]"),
        "option 'stem' is unknown; choices: none",
    ),
    "no units": (
        (
            "units:\n  - {out: 8, stride: 1, depths: [1, 2], act: relu}\n"
            "  - {out: 16, stride: 2, depths: [1, 2, 3], act: hswish}\n",
            "units: []\n",
        ),
        (13, 1, "units"),
        "a space needs at least one unit",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_names_line_column_key_and_choices(tmp_path: Path, name: str) -> None:
    (old, new), place, message = MISTAKES[name]
    assert TOY_YAML.count(old) >= 1
    error = failure(tmp_path, TOY_YAML.replace(old, new, 1))
    assert re.search(message, str(error))
    assert (error.line, error.column, error.key) == place
    assert str(error).startswith(f"{tmp_path / 'mine.yaml'}:{place[0]}:{place[1]}: {place[2]}".rstrip(": "))


MIXED_MISTAKES = {
    "a value that the option lacks": (
        ("when: {stem_depth: 2}", "when: {stem_depth: 1}"),
        (14, 57, "stem[1].when.stem_depth"),
        "value 1; choices: 0, 2",
    ),
    "an option with a name of two words": (
        ("name: stem_depth, values", "name: stem depth, values"),
        (11, 6, "options[0].name"),
        "option name 'stem depth' must be a single word, given once",
    ),
    "an option without values": (
        ("values: [0, 2]", "values: []"),
        (11, 5, "options[0]"),
        "option 'stem_depth' has 0 values; 1 to 250",
    ),
    "a list of widths without its option": (
        ("{op: conv, out: 8, kernel", "{op: conv, out: [8, 16], kernel"),
        (13, 16, "stem[0].out"),
        "a list of widths needs out_by",
    ),
    "a list of widths of another length": (
        ("{op: conv, out: 8, kernel", "{op: conv, out: [8], out_by: stem_depth, kernel"),
        (13, 16, "stem[0].out"),
        "with one width per value of that option",
    ),
    "a skip in a unit's first layer": (
        (", layers: [{layer: 1, blocks: [k3, k5]}]", ""),
        (16, 5, "units[0]"),
        "block 'skip' skips; a unit's first layer that changes the shape cannot",
    ),
}


@pytest.mark.parametrize("name", MIXED_MISTAKES)
def test_a_mistake_about_options_widths_and_skips(tmp_path: Path, name: str) -> None:
    (old, new), place, message = MIXED_MISTAKES[name]
    assert MIXED_YAML.count(old) == 1
    error = failure(tmp_path, MIXED_YAML.replace(old, new))
    assert re.search(message, str(error))
    assert (error.line, error.column, error.key) == place


def test_too_many_blocks_for_eight_bits(tmp_path: Path) -> None:
    many = "".join(f"  - {{name: b{i}, expansion: 2, kernel: 3}}\n" for i in range(251))
    start, end = TOY_YAML.index("  - {name: e2k3"), TOY_YAML.index("stem:")
    error = failure(tmp_path, TOY_YAML[:start] + many + TOY_YAML[end:])
    assert re.search("251 blocks; codes are 8 bit and at most 250 are allowed", str(error))


def test_the_first_mistake_in_the_file_is_told(tmp_path: Path) -> None:
    text = TOY_YAML.replace("act: hswish", "act: swisch").replace("kernel: 5", "kernel: five")
    assert failure(tmp_path, text).line == 10


def test_broken_yaml_names_its_line(tmp_path: Path) -> None:
    error = failure(tmp_path, TOY_YAML.replace("depths: [1, 2],", "depths: [1, 2,"))
    assert re.search("not valid YAML", str(error))
    assert error.line is not None
    assert error.line >= 14


def test_a_key_given_twice_is_a_mistake(tmp_path: Path) -> None:
    error = failure(tmp_path, TOY_YAML + "name: again\n")
    assert re.search('not valid YAML: found duplicate key "name"', str(error))
    assert error.line == 19


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "toy\n"])
def test_a_file_that_is_no_mapping(tmp_path: Path, text: str) -> None:
    assert re.search("the top level must be a mapping of keys to values", str(failure(tmp_path, text)))


def test_a_pruned_space_is_not_read_as_a_plain_one(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=r"blockprofile\.pruned/1"):
        load_pruned(write(tmp_path, TOY_YAML))


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"name: \xff\xfe\n")
    with pytest.raises(DataError, match="is not UTF-8 text"):
        read_space(path)


def test_hundreds_of_units_are_refused_at_once(tmp_path: Path) -> None:
    unit = "  - {out: 8, stride: 1, depths: [1, 2], act: relu}\n"
    assert TOY_YAML.count(unit) == 1
    error = failure(tmp_path, TOY_YAML.replace(unit, unit * 200))
    assert "201 units; at most 100 are allowed" in str(error)
