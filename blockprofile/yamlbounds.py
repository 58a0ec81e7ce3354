"""How much YAML is read: bounds of a file's size and structure, checked before anything is made of it."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

from blockprofile.errors import DataError, DefinitionError

__all__ = ["check_bytes", "check_graph", "check_size"]

MAX_BYTES = 1 << 18
MAX_MARKS = 30_000
"""Of structure outside of comments. The time to read a file goes by their number, some 0.13 ms each: the largest pruned
spaces with all their evidence have a tenth of it."""
MAX_NODES = 50_000
MAX_DEPTH = 100
MAX_MERGES = 300
_MERGE = "tag:yaml.org,2002:merge"
_COMMENTS = re.compile(r"^[ \t]*#[^\n]*\n", re.MULTILINE)
_BRACKETS = re.compile(r"[\[\]{}]")


def check_bytes(path: Path, n_bytes: int) -> None:
    """Check that a file has no more bytes than are read.

    Raises
    ------
    DataError
        With the file, its size and the bound.
    """
    if n_bytes > MAX_BYTES:
        raise DataError(f"{path} has {n_bytes:,} bytes; at most {MAX_BYTES:,} are read")


def check_size(path: Path, text: str) -> None:
    """Check that a text is no larger than what is read, before anything is made of it.

    Raises
    ------
    DataError
        With the file, its size and the bound.
    DefinitionError
        If brackets nest so deeply that the parser would be lost among them; `check_graph` is exact.
    """
    check_bytes(path, len(text.encode("utf-8", "surrogatepass")))
    bare = _COMMENTS.sub("", text)
    n_marks = sum(map(bare.count, "\n\r\x85\u2028\u2029,:[]{}"))
    if n_marks > MAX_MARKS:
        raise DataError(
            f"{path} has {n_marks:,} commas, colons, brackets and line breaks; at most {MAX_MARKS:,} are read"
        )
    steps = (1 if bracket in "[{" else -1 for bracket in _BRACKETS.findall(bare))
    if max(itertools.accumulate(steps), default=0) > 4 * MAX_DEPTH:
        raise DefinitionError(f"nested more than {MAX_DEPTH} levels deep", path=path)


def check_graph(file: Path, root: Any) -> None:
    """Check the nodes before anything is made of them: keys, depth, and how much aliases and merges expand to.

    Raises
    ------
    DefinitionError
        With the place of the node.
    """
    _Graph(file).measure(root)


class _Graph:
    """A walk over nodes, each measured once."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.sizes: dict[int, int] = {}
        self.open_ones: set[int] = set()
        self.n_merges = 0

    def measure(self, node: Any) -> int:
        """Return how many values a node expands to, itself counted."""
        if isinstance(node.value, str):
            return 1
        if id(node) in self.sizes:
            return self.sizes[id(node)]
        if id(node) in self.open_ones:
            raise self._refuse(node, "an alias or a merge leads back to what holds it")
        if len(self.open_ones) >= MAX_DEPTH:
            raise self._refuse(node, f"nested more than {MAX_DEPTH} levels deep")
        self.open_ones.add(id(node))
        size = 1
        for item in node.value:
            key, value = item if isinstance(item, tuple) else (None, item)
            if key is not None:
                self._check_key(key)
            size += self.measure(value)
        if size > MAX_NODES:
            raise self._refuse(node, f"it expands to more than {MAX_NODES} values")
        self.open_ones.discard(id(node))
        self.sizes[id(node)] = size
        return size

    def _check_key(self, key: Any) -> None:
        if not isinstance(key.value, str):
            raise self._refuse(key, "a list or a mapping cannot be a key")
        self.n_merges += key.tag == _MERGE
        if self.n_merges > MAX_MERGES:
            raise self._refuse(key, f"more than {MAX_MERGES} merges")

    def _refuse(self, node: Any, message: str) -> DefinitionError:
        mark = node.start_mark
        return DefinitionError(message, path=self.file, line=mark.line + 1, column=mark.column + 1)
