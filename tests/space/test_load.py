"""Space files: what is read, by which names, and what narrows them."""

from __future__ import annotations

from pathlib import Path

import pytest

from blockprofile.content import content_dir
from blockprofile.errors import DefinitionError, OptionError, UnknownNameError
from blockprofile.space import Space, build_sites, count_archs, decode, list_spaces, load_space, named_archs
from blockprofile.space.load import find_space_file, read_space
from tests.space.files import MIXED_YAML, TOY_YAML, write
from tests.toy import MIXED, TOY


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


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"space 'mogaa' is unknown; did you mean 'moga'\? choices: fairnas, "):
        load_space("mogaa")


def test_a_missing_file_is_called_a_file(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"there is no space file '.*other\.yaml'; shipped spaces: fairnas, "):
        load_space(tmp_path / "other.yaml")


def test_a_folder_is_no_space(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError):
        load_space(tmp_path)


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
