"""Space files: what is read, and what a reader of a mistaken file is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from blockprofile.content import content_dir
from blockprofile.errors import DataError, DefinitionError, OptionError, UnknownNameError
from blockprofile.space import Space, build_sites, count_archs, decode, list_spaces, load_space, named_archs
from blockprofile.space.load import find_space_file, load_pruned, read_space
from tests.toy import MIXED, TOY

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


# -- what is read --------------------------------------------------------------------------------------------


def test_a_file_gives_its_definition(tmp_path: Path) -> None:
    assert read_space(write(tmp_path, TOY_YAML)) == Space(TOY)
    assert read_space(write(tmp_path, TOY_YAML)).definition == TOY
    assert read_space(write(tmp_path, MIXED_YAML)).definition == MIXED


def test_a_users_file_is_taken_wherever_a_name_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, TOY_YAML)
    assert load_space(path) == load_space(str(path)) == Space(TOY)
    monkeypatch.chdir(tmp_path)
    assert load_space("mine.yaml") == Space(TOY)


def test_the_shipped_names_come_first_and_the_pruned_last() -> None:
    names = list_spaces()
    plain = [name for name in names if "/" not in name]
    assert plain == sorted(plain)
    assert {"moga", "ofa_mbv3", "ofa_proxyless", "ofa_resnet50", "proxylessnas"} <= set(plain)
    assert names[: len(plain)] == tuple(plain)
    assert all(name.startswith("insight/") for name in names[len(plain) :])


def test_every_shipped_space_loads_and_derives_its_operators() -> None:
    for name in list_spaces():
        space = load_space(name)
        assert count_archs(space) > 1
        assert build_sites(space)
        assert space.definition.sources


def test_a_shipped_name_is_its_file(shipped: Space) -> None:
    assert find_space_file(shipped.name) == content_dir("spaces") / f"{shipped.name}.yaml"


def test_a_resolution_is_set_on_loading(tmp_path: Path) -> None:
    assert load_space(write(tmp_path, TOY_YAML), resolution=16).resolution == 16
    with pytest.raises(OptionError, match="resolution 64 is not one of space 'toy'"):
        load_space(write(tmp_path, TOY_YAML), resolution=64)


def test_strings_of_digits_are_no_numbers_and_values_keep_their_type(tmp_path: Path) -> None:
    space = read_space(write(tmp_path, MIXED_YAML))
    assert [type(value) for value in space.slot("u2_width").choices] == [float] * 3
    assert [type(value) for value in space.slot("stem_depth").choices] == [int] * 2


# -- names ---------------------------------------------------------------------------------------------------


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"space 'mogaa' is unknown; did you mean 'moga'\? choices: fairnas, "):
        load_space("mogaa")


def test_a_missing_file_is_called_a_file(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"there is no space file '.*other\.yaml'; shipped spaces: fairnas, "):
        load_space(tmp_path / "other.yaml")


def test_a_folder_is_no_space(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError):
        load_space(tmp_path)


# -- mistakes with their place -------------------------------------------------------------------------------

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


def test_a_pruned_space_narrows_the_resolution_and_an_option(tmp_path: Path) -> None:
    base = write(tmp_path, MIXED_YAML)
    path = tmp_path / "small.yaml"
    path.write_text(
        "schema: blockprofile.pruned/1\nname: small\nbase: {name: mixed, file: mine.yaml}\nrules:\n"
        "  - {option: resolution, keep: [16]}\n  - {option: stem_depth, drop: [2]}\n",
        encoding="utf-8",
    )
    small = load_space(path)
    assert count_archs(small) == count_archs(read_space(base)) // 4
    with pytest.raises(OptionError, match=r"resolution 16 cannot be set: in space 'small' it is a slot, .*keep:"):
        load_space(path, resolution=16)
    path.write_text(path.read_text(encoding="utf-8").replace("[16]", "[24]"), encoding="utf-8")
    with pytest.raises(DefinitionError, match=r"small.yaml:5:5: rules\[0\]: value 24 is not in option 'resolution'"):
        load_space(path)


NETWORKS = (
    TOY_YAML
    + """\
networks:
  ours: e2k3 | e4k3 e4k5se
  wide: e4k3 e4k3 | e4k5se
"""
)


def test_named_networks_leave_the_hash_and_a_pruned_space_has_those_it_allows(tmp_path: Path) -> None:
    plain, named = tmp_path / "plain.yaml", tmp_path / "named.yaml"
    plain.write_text(TOY_YAML, encoding="utf-8")
    named.write_text(NETWORKS, encoding="utf-8")
    space = read_space(named)
    assert space.hash == read_space(plain).hash
    assert {name: decode(space, arch) for name, arch in named_archs(space).items()} == {
        "ours": "e2k3 | e4k3 e4k5se",
        "wide": "e4k3 e4k3 | e4k5se",
    }
    allowed = [list(codes) for codes in space.allowed]
    allowed[space.slot("u1_depth").index] = [0]
    assert list(named_archs(space.restricted(allowed, name="shallow"))) == ["ours"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("ours: e2k3 | e9k3", r"networks\.ours: network 'ours' is no arch of the space: block 'e9k3' is not in unit 2"),
        ("ours: e2k3", "1 units; space 'toy' has 2"),
        ("ours: 5", "should be a valid string"),
        ("'': e2k3 | e2k3", "network name ''"),
        ("a=b: e2k3 | e2k3", "network name 'a=b'"),
    ],
)
def test_networks_that_are_no_archs(line: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "named.yaml"
    path.write_text(f"{TOY_YAML}networks:\n  {line}\n", encoding="utf-8")
    with pytest.raises(DefinitionError, match=message):
        read_space(path)


def test_hundreds_of_units_are_refused_at_once(tmp_path: Path) -> None:
    unit = "  - {out: 8, stride: 1, depths: [1, 2], act: relu}\n"
    assert TOY_YAML.count(unit) == 1
    error = failure(tmp_path, TOY_YAML.replace(unit, unit * 200))
    assert "201 units; at most 100 are allowed" in str(error)
