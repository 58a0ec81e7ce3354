"""Mutations of files: bytes flipped, cut, put in; keys and columns gone, renamed, doubled; values of other kinds."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from blockprofile.files import write_bytes
from blockprofile.jsonfile import write_json
from blockprofile.tablefile import write_table
from blockprofile.yamlfile import read_yaml

__all__ = ["ODD_VALUES", "flip_or_cut", "mutate_file"]

ODD_VALUES: list[Any] = [
    None, [], {}, [1], {"a": 1}, "", "x" * 5000, 2**63, 2**70, -1, 0, 1, 1e308, float("nan"), float("inf"), -0.5,
    True, "../x", "/tmp/stolen", "..", "$\\frac$", "$x$", "\n", "\u2028", "ä", "<b>", [[1, 2]], [None], "1e3",
    "nan", "~", "-",
]  # fmt: skip
"""What stands where something else was meant."""

_YAML_TAILS = (
    "\nx: &a\n  <<: *a\n", "\nx: &a [*a]\n", "\n? {a: 1}\n: 2\n", "\nx: " + "[" * 400 + "]" * 400 + "\n",
    "\nx: *none\n",
    "\nx: 0x" + "F" * 5000 + "\n", "\nx: {<<: 5}\n", "\nx: !!binary aGk=\n", "\nname: again\n", "\n\t- x\n",
    "\n---\na: 1\n",
    "\nx: !!python/object/apply:os.system ['true']\n",
)  # fmt: skip


def mutate_file(path: Path, rng: random.Random) -> str:
    """Change a file in one way that its kind has; return what was done."""
    by_bytes: list[Callable[[Path, random.Random], str]] = [_flip, _cut, _insert, _double]
    by_kind = {
        ".yaml": [_change_tree, _change_tree, _change_tree, _add_yaml, _change_text],
        ".json": [_change_tree, _change_tree, _change_text],
        ".jsonl": [_change_text],
        ".csv": [_change_text, _change_text, _change_text],
        ".txt": [_change_text, _change_text, _change_text],
        ".parquet": [_change_table, _change_table, _change_table],
    }
    return rng.choice([*by_bytes, *by_kind.get(path.suffix, []) * 2])(path, rng)


def flip_or_cut(path: Path, rng: random.Random) -> str:
    """Change a file's bytes, so that no digest within it holds."""
    return rng.choice((_flip, _flip, _cut, _insert, _double))(path, rng)


def _flip(path: Path, rng: random.Random) -> str:
    data = bytearray(path.read_bytes())
    for _ in range(rng.choice((1, 1, 8))):
        place = rng.randrange(len(data))
        data[place] ^= 1 << rng.randrange(8)
    path.write_bytes(data)
    return "bits flipped"


def _cut(path: Path, rng: random.Random) -> str:
    data = path.read_bytes()
    start = rng.randrange(len(data))
    end = rng.choice((len(data), min(len(data), start + 16)))
    path.write_bytes(data[:start] + data[end:])
    return f"cut from {start} to {end}"


def _insert(path: Path, rng: random.Random) -> str:
    data = path.read_bytes()
    place, extra = rng.randrange(len(data) + 1), rng.choice((b"\0", b"\xff\xfe", b"{", b"[" * 200, b"\n", b"9" * 400))
    path.write_bytes(data[:place] + extra + data[place:])
    return f"{extra[:8]!r} put in at {place}"


def _double(path: Path, rng: random.Random) -> str:
    data = path.read_bytes()
    path.write_bytes(data + data if rng.random() < 0.7 else b"")
    return "doubled or emptied"


def _add_yaml(path: Path, rng: random.Random) -> str:
    tail = rng.choice(_YAML_TAILS)
    write_bytes(path, path.read_bytes() + tail.encode())
    return f"tail {tail[:30]!r}"


def _change_text(path: Path, rng: random.Random) -> str:
    lines = path.read_bytes().decode("utf-8", "replace").splitlines()
    at = rng.randrange(len(lines))
    odd = str(rng.choice(ODD_VALUES))
    sign = next((sign for sign in "\t;" if sign in lines[at]), ",")
    words = lines[at].split(sign)
    words[rng.randrange(len(words))] = odd
    what = rng.choice(("field", "line gone", "line twice", "swap"))
    if what == "field":
        lines[at] = sign.join(words)
    elif what == "line gone":
        del lines[at]
    elif what == "line twice":
        lines.insert(at, lines[at])
    else:
        other = rng.randrange(len(lines))
        lines[at], lines[other] = lines[other], lines[at]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="replace")
    return f"{what} {odd[:20]!r} in line {at + 1}"


def _change_tree(path: Path, rng: random.Random) -> str:
    is_json = path.suffix == ".json"
    data = json.loads(path.read_text(encoding="utf-8")) if is_json else read_yaml(path).data
    done = _change_node(data, rng)
    if is_json:
        has_digest = isinstance(data, dict) and data.pop("digest", None) is not None
        path.write_text(json.dumps(data), encoding="utf-8")
        if has_digest and rng.random() < 0.8 and "NaN" not in json.dumps(data) and "Infinity" not in json.dumps(data):
            write_json(path, data)
    else:
        text = json.dumps(data).replace("NaN", ".nan").replace("Infinity", ".inf")  # JSON is YAML
        path.write_text(text + "\n", encoding="utf-8")
    return done


def _change_node(data: dict[str, Any] | list[Any], rng: random.Random) -> str:
    """Change one thing somewhere in a tree."""
    node: Any = data
    where: list[Any] = []
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = rng.choice(keys)
        where.append(key)
        if not isinstance(node[key], dict | list) or not node[key] or rng.random() < 0.25:
            break
        node = node[key]
    what = rng.choice(("value", "value", "value", "gone", "renamed", "twice"))
    if what == "value":
        node[key] = rng.choice(ODD_VALUES)
        return f"{where} is {str(node[key])[:20]!r}"
    if what == "gone" or (what == "renamed" and isinstance(node, list)):
        del node[key]
    elif what == "renamed":
        node[f"{key}x"] = node.pop(key)
    elif isinstance(node, list):
        node.append(node[key])
    else:
        node[rng.choice(("", "name", "x"))] = node[key]
    return f"{where} {what}"


def _change_table(path: Path, rng: random.Random) -> str:  # noqa: C901 - one branch a mutation
    table = pq.read_table(path)
    place = rng.randrange(table.num_columns)
    name, n = table.column_names[place], table.num_rows
    what = rng.choice(("gone", "renamed", "twice", "kind", "value", "empty", "rows", "no rows", "swap"))
    if what == "gone":
        table = table.drop_columns([name])
    elif what == "renamed":
        table = table.rename_columns([f"{each}x" if each == name else each for each in table.column_names])
    elif what == "twice":
        table = table.append_column(name, table[name])
    elif what == "kind":
        odd = rng.choice(([[1, 2]] * n, [{"a": 1}] * n, ["x"] * n, [b"x"] * n, [True] * n, [None] * n, [2**62] * n))
        table = table.set_column(place, name, pa.array(odd))
    elif what in {"value", "empty"} and n:
        values = table[name].to_pylist()
        odd_ones: dict[type, list[Any]] = {
            str: ["", "../x", "$x$", "x" * 5000, "nan"], bool: [True, False], int: [0, 255, 100, 7],
            float: [np.nan, np.inf, -1.0, 1e300, 0.0],
        }  # fmt: skip
        at = rng.randrange(n)
        values[at] = None if what == "empty" else rng.choice(odd_ones.get(type(values[at]), [None]))
        try:
            table = table.set_column(place, name, pa.array(values, table[name].type))
        except (pa.ArrowException, OverflowError):
            table = table.set_column(place, name, pa.array([None] * n))
    elif what == "rows" and n:
        table = table.take([rng.randrange(n) for _ in range(n)])
    elif what == "no rows":
        table = table[:0]
    else:
        table = table.select(table.column_names[::-1])
    told = (table.schema.metadata or {}).get(b"blockprofile")
    if told is not None and rng.random() < 0.8 and b"blockprofile.sums" in table.schema.metadata:
        try:
            write_table(path, table, about=json.loads(told))
        except (pa.ArrowException, ValueError, KeyError, TypeError, NotImplementedError):
            pq.write_table(table, path)
    else:
        pq.write_table(table, path)
    return f"column {name!r}: {what}"
