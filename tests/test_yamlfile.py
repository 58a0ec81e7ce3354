"""Reading YAML with positions, and writing it in one piece."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blockprofile import yamlbounds
from blockprofile.errors import DataError, DefinitionError, UnknownNameError
from blockprofile.yamlfile import key_path, open_yaml, read_yaml, write_yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    name: str
    size: int | tuple[int, ...] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    kind: Literal["oak", "ash"]
    leaves: tuple[Leaf, ...] = ()
    best: Leaf | None = None
    notes: dict[str, int] = field(default_factory=dict)


TEXT = """\
# A tree.
kind: oak
leaves:
  - {name: a, size: 2}
  - name: b
    size: [3, 4]
best: {name: c}
notes: {height: 12}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "tree.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_becomes_its_record(tmp_path: Path) -> None:
    tree = read_yaml(write(tmp_path, TEXT)).validate(Tree)
    leaves = (Leaf(name="a", size=2), Leaf(name="b", size=(3, 4)))
    assert tree == Tree(kind="oak", leaves=leaves, best=Leaf(name="c"), notes={"height": 12})


def test_the_data_are_plain(tmp_path: Path) -> None:
    data = read_yaml(write(tmp_path, TEXT)).data
    assert type(data) is dict
    assert type(data["leaves"]) is list
    assert type(data["kind"]) is str
    assert type(data["leaves"][0]["size"]) is int


@pytest.mark.parametrize(
    ("loc", "place"),
    [
        ((), (1, 1)),
        (("kind",), (2, 1)),
        (("leaves", 0), (4, 5)),
        (("leaves", 0, "size"), (4, 15)),
        (("leaves", 1, "size", 1), (6, 15)),
        (("notes", "height"), (8, 9)),
        (("leaves", 1, "colour"), (5, 5)),
        (("nothing", "at", "all"), (1, 1)),
    ],
)
def test_positions_are_those_of_the_nearest_thing(
    tmp_path: Path, loc: tuple[str | int, ...], place: tuple[int, int]
) -> None:
    assert read_yaml(write(tmp_path, TEXT)).position(loc) == place


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        ("kind: oak", "kind: elm", (2, 1), r"kind: 'elm' is not allowed; .*choices: oak, ash"),
        ("kind: oak\n", "", (1, 1), "required key 'kind' is missing"),
        (
            "name: b",
            "nam: b",
            (5, 5),
            r"leaves\[1\]\.nam: unknown key 'nam'; did you mean 'name'\? choices: name, size",
        ),
        ("size: 2", "sizes: 2", (4, 15), r"leaves\[0\]\.sizes: unknown key 'sizes'; did you mean 'size'\?"),
        ("{name: c}", "{name: c, szie: 1}", (7, 17), r"best\.szie: unknown key 'szie'; did you mean 'size'\?"),
        ("notes:", "note:", (8, 1), r"unknown key 'note'; did you mean 'notes'\? choices: kind, leaves, best, notes"),
        ("height: 12", "height: tall", (8, 9), r"notes\.height: 'tall' is wrong: should be a valid integer"),
        ("{name: c}", "7", (7, 1), "best: "),
    ],
)
def test_mistakes_have_their_place(tmp_path: Path, old: str, new: str, place: tuple[int, int], message: str) -> None:
    assert old in TEXT
    with pytest.raises(DefinitionError, match=message) as caught:
        read_yaml(write(tmp_path, TEXT.replace(old, new))).validate(Tree)
    assert (caught.value.line, caught.value.column) == place


def test_an_error_for_a_place_that_the_reader_chooses(tmp_path: Path) -> None:
    error = read_yaml(write(tmp_path, TEXT)).error("too large", ["leaves", 0, "size"])
    assert str(error) == f"{tmp_path / 'tree.yaml'}:4:15: leaves[0].size: too large"
    assert (error.line, error.column, error.key) == (4, 15, "leaves[0].size")


def test_a_missing_file_names_its_neighbours(tmp_path: Path) -> None:
    write(tmp_path, TEXT)
    with pytest.raises(UnknownNameError, match=r"there is no file '.*tre\.yaml'; did you mean 'tree\.yaml'\?"):
        read_yaml(tmp_path / "tre.yaml")
    with pytest.raises(UnknownNameError, match="choices: none"):
        read_yaml(tmp_path / "no" / "tree.yaml")


def test_a_file_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yamlbounds, "MAX_BYTES", 20)
    with pytest.raises(DataError, match=rf"tree\.yaml has {len(TEXT)} bytes; at most 20 are read"):
        read_yaml(write(tmp_path, TEXT))


def test_a_file_of_more_structure_than_is_read_in_seconds_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    text = f"{TEXT}more: [{','.join(['1'] * yamlbounds.MAX_MARKS)}]\n"
    began = time.process_time()
    with pytest.raises(DataError, match=r"tree\.yaml has 30,0\d\d commas, colons, brackets and line breaks; at"):
        read_yaml(write(tmp_path, text))
    assert time.process_time() - began < 0.5


def test_comments_are_no_structure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yamlbounds, "MAX_MARKS", 40)
    assert read_yaml(write(tmp_path, TEXT + "  # a, b, c: [d]\n" * 50)).data["kind"] == "oak"


def test_merges_are_counted_for_their_time_grows_with_the_square(tmp_path: Path) -> None:
    text = "a: &a {x: 1}\n" + "".join(f"b{i}: {{<<: *a}}\n" for i in range(yamlbounds.MAX_MERGES + 1))
    with pytest.raises(DefinitionError, match=r"tree\.yaml:302:8: more than 300 merges"):
        read_yaml(write(tmp_path, text))
    assert read_yaml(write(tmp_path, text.removesuffix("b300: {<<: *a}\n"))).data["b299"] == {"x": 1}


def test_what_could_not_be_read_again_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yamlbounds, "MAX_MARKS", 40)
    with pytest.raises(DataError, match=r"data\.yaml has 52 commas, colons, brackets and line breaks; at most 40"):
        write_yaml(tmp_path / "data.yaml", {"a": [1] * 50})
    assert not list(tmp_path.iterdir())


def test_a_few_lines_that_expand_without_end_are_stopped(tmp_path: Path) -> None:
    """Nine levels of ten references each would be a thousand million values."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    with pytest.raises(DataError, match="it expands to more than 50000 values"):
        read_yaml(write(tmp_path, "\n".join(lines) + "\n"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: " + "[" * 300 + "]" * 300, r":1:\d+: nested more than 100 levels deep"),
        ("a: " + "[" * 5000 + "]" * 5000, "nested more than 100 levels deep"),
        ("a: " + "- " * 5000, "nested too deeply|sequence entries are not allowed"),
        ("a:\n" + "- " * 5000, "nested too deeply"),
        ("a: &a\n  <<: *a\n", ":1:4: an alias or a merge leads back"),
        ("a: &a [*a]\n", ":1:4: an alias or a merge leads back"),
        ("a: {<<: 5}\n", "not valid YAML"),
        ("a: {<<: *b}\n", "not valid YAML"),
        ("? {a: 1}\n: 2\n", ":1:3: a list or a mapping cannot be a key"),
        ("b: 1\na: 0x" + "F" * 5000 + "\n", ":2:1: a: a whole number of 20000 bits is too large"),
        ("a: " + "9" * 5000 + "\n", "not valid YAML"),
        ("a: [1, 1180591620717411303424]\n", r"a\[1\]: a whole number of 71 bits is too large"),
        ('a: "\\ud800"\n', "not valid YAML|half a surrogate"),
        ("a: !!binary aGk=\n", "a value of the kind bytes is not read"),
        ("a: !!set {b, c}\n", "is not read; write it as a text"),
        ("1: a\ntrue: b\n", "found duplicate key"),
    ],
)
def test_yaml_that_nobody_means_is_refused_in_a_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DefinitionError, match=message) as caught:
        read_yaml(write(tmp_path, text))
    assert len(str(caught.value).splitlines()) == 1


def test_merges_that_expand_without_end_are_stopped(tmp_path: Path) -> None:
    lines = ["a0: &a0 {x: 1}"]
    lines += [f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 10)}]}}" for i in range(1, 30)]
    with pytest.raises(DefinitionError, match="it expands to more than 50000 values"):
        read_yaml(write(tmp_path, "\n".join(lines) + "\n"))


def test_a_date_is_a_text_and_a_plain_merge_is_followed(tmp_path: Path) -> None:
    text = "on: 2024-05-01\nbase: &b {x: 1, y: 2}\nmore: {<<: *b, y: 3}\n"
    data = read_yaml(write(tmp_path, text)).data
    assert data["on"] == "2024-05-01"
    assert data["more"] == {"x": 1, "y": 3}


@pytest.mark.parametrize("text", ["a: !!python/object/apply:os.system ['true']\n", "a: !mine {b: 1}\n"])
def test_no_object_is_ever_made(tmp_path: Path, text: str) -> None:
    data = read_yaml(write(tmp_path, text)).data
    assert type(data["a"]) in {dict, list}


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
    | st.text("abc:#-|é ", max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abcxyz", min_size=1, max_size=6), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(st.text("abcxyz", min_size=1, max_size=6), plain, max_size=4))
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, data: dict[str, object]) -> None:
    path = tmp_path_factory.mktemp("yaml") / "data.yaml"
    write_yaml(path, data)
    assert read_yaml(path).data == data


def test_nothing_is_left_beside_the_file(tmp_path: Path) -> None:
    write_yaml(tmp_path / "data.yaml", {"a": 1})
    write_yaml(tmp_path / "data.yaml", {"a": 2})
    assert list(tmp_path.iterdir()) == [tmp_path / "data.yaml"]
    assert read_yaml(tmp_path / "data.yaml").data == {"a": 2}


def test_a_failed_write_keeps_what_was_there(tmp_path: Path) -> None:
    write_yaml(tmp_path / "data.yaml", {"a": 1})
    with pytest.raises(Exception, match=r"represent|serial"):
        write_yaml(tmp_path / "data.yaml", {"a": object()})
    assert read_yaml(tmp_path / "data.yaml").data == {"a": 1}


@pytest.mark.parametrize(
    ("loc", "text"),
    [((), ""), (("units", 2, "depths"), "units[2].depths"), ((0, "a"), "[0].a"), (("a", 1, 2), "a[1][2]")],
)
def test_key_paths(loc: tuple[str | int, ...], text: str) -> None:
    assert key_path(loc) == text


def test_what_was_read_before_is_read_afresh(tmp_path: Path) -> None:
    path = write(tmp_path, "a: {b: [1, 2]}\n")
    read_yaml(path).data["a"]["b"].append(3)
    open_yaml(path)["a"]["b"].append(4)
    assert read_yaml(path).data == {"a": {"b": [1, 2]}}
    assert open_yaml(path) == {"a": {"b": [1, 2]}}
    write(tmp_path, "a: {b: [1, 2, x]}\n")
    assert read_yaml(path).data == {"a": {"b": [1, 2, "x"]}}
