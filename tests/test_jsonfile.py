import json
from dataclasses import dataclass

import pytest

from blockprofile.errors import DataError, UnknownNameError
from blockprofile.jsonfile import digest_of, parse_json, read_json, write_json


@dataclass(frozen=True, kw_only=True)
class Note:
    schema: str
    n: int
    weights: dict[int, float]
    names: tuple[str, ...] = ()


NOTE = {"schema": "note/1", "n": 3, "weights": {10: 0.1, 9: 1e-300}, "names": ["a", "ü"]}


def read(path):
    return read_json(path, Note, schema="note/1", made_by="`note`")


def test_what_is_written_is_read(tmp_path):
    write_json(tmp_path / "a.json", NOTE)
    assert read(tmp_path / "a.json") == Note(schema="note/1", n=3, weights={9: 1e-300, 10: 0.1}, names=("a", "ü"))


def test_a_file_that_was_edited_is_refused(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, NOTE)
    path.write_text(path.read_text().replace('"n": 3', '"n": 4'))
    with pytest.raises(DataError, match="is not as it was written"):
        read(path)


def test_order_and_blanks_do_not_matter(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, NOTE)
    path.write_text(json.dumps(json.loads(path.read_text()), sort_keys=True))
    assert read(path).n == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n": "three"}, r"a\.json: n: 'three' is wrong"),
        ({"n": None}, r"a\.json: n: None is wrong"),
        ({"m": 3}, r"a\.json: m: unknown key 'm'"),
        ({"schema": "note/2"}, "schema 'note/2' is not read by this version, which reads 'note/1'"),
    ],
)
def test_wrong_values_are_named(tmp_path, change, message):
    write_json(tmp_path / "a.json", NOTE | change)
    with pytest.raises(DataError, match=message):
        read(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not valid JSON"), ("[1, 2", "not valid JSON"), ('{"a": NaN}', "NaN is no number of JSON"),
        ('{"a": -Infinity}', "no number of JSON"), ('{"a": 1e999}', "too large a number"),
        ('{"a": 1, "a": 2}', "key 'a' is given twice"),
        ("[" * 100_000, "nested too deeply"), ("1" * 5000, "not valid JSON"), (b"\xff\xfe", "not valid JSON"),
    ],
)  # fmt: skip
def test_what_is_no_json_is_refused(text, message):
    with pytest.raises(DataError, match=rf"x\.json .*{message}"):
        parse_json(text, "x.json")


def test_missing_and_empty_files(tmp_path):
    with pytest.raises(UnknownNameError, match="there is no file"):
        read(tmp_path / "a.json")
    (tmp_path / "a.json").write_text("[]")
    with pytest.raises(DataError, match="must be an object"):
        read(tmp_path / "a.json")


def test_not_a_number_is_not_written(tmp_path):
    with pytest.raises(DataError, match="is no JSON"):
        write_json(tmp_path / "a.json", {"a": float("nan")})
    assert not (tmp_path / "a.json").exists()
    assert digest_of({"a": 1}) != digest_of({"a": 1.5})
