"""YAML in, records out, with the line and column of every mistake.

Files are read with ruamel.yaml's round-trip loader, which keeps positions and constructs no objects, and
validated by pydantic against plain dataclasses. Nothing about spaces or studies is known here.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from blockprofile.errors import DataError, DefinitionError, UnknownNameError, one_of
from blockprofile.files import write_text
from blockprofile.yamlbounds import check_bytes, check_graph, check_size

__all__ = ["Document", "open_yaml", "read_yaml", "write_yaml", "yaml_text"]

T = TypeVar("T")
Key = str | int

_MISSING = frozenset({"missing", "missing_argument", "missing_keyword_only_argument"})

LARGEST_INTEGER = 2**63 - 1
COUNTS = ("size",)
"""Where a pruned space says how many archs it leaves: counts for a reader, which exceed 2^63 in most spaces."""


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file: its plain data, and where each key stands; without a source nothing is said of lines.

    ``origins`` tells of lists under a top-level key that were written out from short forms: for each item of the data
    the item of the source that it comes from.
    """

    path: Path
    data: dict[str, Any]
    source: Any
    origins: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def error(self, message: str, loc: Sequence[Key] = ()) -> DefinitionError:
        """Make the error for the place ``loc`` in the file."""
        line, column = (None, None) if self.source is None else self.position(loc)
        return DefinitionError(message, path=self.path, line=line, column=column, key=key_path(loc))

    def position(self, loc: Sequence[Key]) -> tuple[int, int]:
        """Return line and column, counted from 1, of the nearest thing on the way to ``loc``."""
        node, line, column = self.source, 1, 1
        if len(loc) > 1 and loc[0] in self.origins and isinstance(loc[1], int):
            loc = [loc[0], self.origins[str(loc[0])][loc[1]], *loc[2:]]
        for key in loc:
            marks = getattr(getattr(node, "lc", None), "data", None) or {}
            if key in marks:
                line, column = marks[key][0] + 1, marks[key][1] + 1
            try:
                node = node[key]
            except (KeyError, IndexError, TypeError):
                break
        return line, column

    def validate(self, record: type[T]) -> T:
        """Validate the whole document into a dataclass.

        Raises
        ------
        DefinitionError
            For the first mistake, with its place, what is allowed and the nearest valid name.
        """
        from pydantic import ValidationError

        try:
            return _adapter(record).validate_python({"document": self.data}).document  # type: ignore[no-any-return,arg-type]
        except ValidationError as failure:
            mistakes = [(_clean(error["loc"][1:], self.data), error) for error in failure.errors(include_url=False)]
            # A missing key may be there misspelt, and has no place of its own: it comes last.
            loc, first = min(mistakes, key=lambda mistake: (mistake[1]["type"] in _MISSING, self.position(mistake[0])))
            raise self.error(self._word(first, loc, record), loc) from None

    def _word(self, mistake: Mapping[str, Any], loc: Sequence[Key], record: type) -> str:
        kind, value = mistake["type"], mistake.get("input")
        if kind in {"unexpected_keyword_argument", "extra_forbidden"}:
            return f"unknown key {loc[-1]!r}; {one_of(loc[-1], _fields(record, loc[:-1]))}"
        if kind in _MISSING:
            return f"required key {mistake['loc'][-1]!r} is missing"
        if kind == "literal_error":
            choices = [c.strip(" '") for c in str(mistake["ctx"]["expected"]).replace(" or ", ",").split(",")]
            return f"{value!r} is not allowed; {one_of(value, choices)}"
        text = mistake["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
        return f"{value!r} is wrong: should be {text}" if mistake["msg"].startswith("Input") else text


@lru_cache(maxsize=32)
def _adapter(record: Any) -> Any:
    """Make the validator of a dataclass, inside an envelope whose rule holds for all within: no unknown keys."""
    from pydantic import TypeAdapter

    namespace = {"__pydantic_config__": {"extra": "forbid"}}
    return TypeAdapter(dataclasses.make_dataclass("Envelope", [("document", record)], namespace=namespace))


def _fields(record: Any, loc: Sequence[Key]) -> list[str]:
    """List the keys that the record at ``loc`` takes."""
    import typing

    current = record
    for key in loc:
        if dataclasses.is_dataclass(current) and isinstance(key, str):
            current = typing.get_type_hints(current).get(key, current)
        candidates = [current, *typing.get_args(current)]
        current = next((item for item in candidates if dataclasses.is_dataclass(item)), current)
    return [field.name for field in dataclasses.fields(current)] if dataclasses.is_dataclass(current) else []


def _clean(loc: Sequence[Any], data: Any) -> tuple[Key, ...]:
    """Drop what pydantic adds to a location that is no key of the data (names of union branches)."""
    path: list[Key] = []
    node = data
    for part in loc:
        try:
            node = node[part]
        except (KeyError, IndexError, TypeError):
            continue
        path.append(part)
    return tuple(path)


def key_path(loc: Sequence[Key]) -> str:
    """Write a location as a key path.

    Examples
    --------
    >>> key_path(["units", 2, "depths"])
    'units[2].depths'
    """
    text = ""
    for key in loc:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else str(key)
    return text


def _plain(node: Any, refuse: Callable[[str, Sequence[Key]], DefinitionError], loc: tuple[Key, ...] = ()) -> Any:
    """Turn what ruamel makes into plain values; what no definition holds is refused at its place."""
    if isinstance(node, Mapping):
        data = {_plain(key, refuse, loc): _plain(value, refuse, (*loc, key)) for key, value in node.items()}
        if len(data) < len(node):
            raise refuse("two keys are one and the same", loc)
        return data
    if isinstance(node, list):
        return [_plain(item, refuse, (*loc, place)) for place, item in enumerate(node)]
    if isinstance(node, dt.date | dt.datetime):
        return str(node)
    kind = next((kind for kind in (bool, int, float, str) if isinstance(node, kind)), None)
    if kind is None:
        if node is None:
            return None
        raise refuse(f"a value of the kind {type(node).__name__} is not read; write it as a text", loc)
    value = kind(node)
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER and loc[:1] != COUNTS:
        raise refuse(f"a whole number of {value.bit_length()} bits is too large; at most 2^63 - 1 is read", loc)
    if isinstance(value, float) and not math.isfinite(value):
        raise refuse(f"{value} is no number that means anything here; must be finite", loc)
    if isinstance(value, str) and not _is_text(value):
        raise refuse("the text holds half a surrogate pair, which is no character", loc)
    return value


def _is_text(value: str) -> bool:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def read_yaml(path: Path | str) -> Document:
    """Read a YAML file whose top level is a mapping; a text that was read before is not parsed again.

    Raises
    ------
    UnknownNameError
        If there is no such file.
    DataError
        If it cannot be read, is too large or no text.
    DefinitionError
        If it is no valid YAML, with line and column; a key given twice is such a mistake. So are nesting, numbers,
        aliases and merges that nobody means: more than 100 levels, beyond 64 bits, not finite, more than 50,000 values.
    """
    file = Path(path)
    document = Document(file, {}, _parsed(file, _read_text(file)))
    return dataclasses.replace(document, data=_plain(document.source, document.error))


def open_yaml(path: Path) -> Any:
    """Read a file as ruamel's mapping, comments and all, to be changed and written again; raises as `read_yaml`."""
    return _parse(path, _read_text(path))


def _read_text(file: Path) -> str:
    if not file.is_file():
        near = sorted(p.name for p in file.parent.glob("*.y*ml")) if file.parent.is_dir() else []
        raise UnknownNameError(f"there is no file {str(file)!r}; {one_of(file.name, near)}")
    check_bytes(file, file.stat().st_size)
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as failure:
        raise DataError(f"{file} is not UTF-8 text: {failure.reason} at byte {failure.start}") from None
    check_size(file, text)
    return text


def _parse(file: Path, text: str) -> Mapping[str, Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        constructor, _ = YAML(typ="rt").get_constructor_parser(io.StringIO(text))
        root = constructor.composer.get_single_node()
        if root is not None:
            check_graph(file, root)
        source = None if root is None else constructor.construct_document(root)
    except MarkedYAMLError as failure:
        mark = failure.problem_mark or failure.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        raise DefinitionError(f"not valid YAML: {failure.problem}", path=file, line=line, column=column) from None
    except DefinitionError:
        raise
    except RecursionError:
        raise DefinitionError("not valid YAML: nested too deeply", path=file) from None
    # ruamel stumbles over tags and merges that are none in many ways of its own.
    except (YAMLError, ValueError, TypeError, AttributeError, KeyError, IndexError, NotImplementedError) as failure:
        told = str(failure).strip().splitlines()
        raise DefinitionError(f"not valid YAML: {told[0] if told else type(failure).__name__}", path=file) from None
    if not isinstance(source, Mapping):
        raise DefinitionError("the top level must be a mapping of keys to values", path=file, line=1, column=1)
    return source


_parsed = lru_cache(maxsize=32)(_parse)
"""Spaces and cards are read over and over in one process; what this returns is shared, and never written to."""


def write_yaml(path: Path, data: Mapping[str, Any], *, width: int = 110) -> None:
    """Write a mapping (plain, or ruamel's with comments) as YAML, whole or not at all; see `yaml_text`.

    Raises
    ------
    DataError
        If the file would be too large to be read again; nothing is written.
    """
    text = yaml_text(data, width=width)
    check_size(path, text)
    write_text(path, text)


def yaml_text(data: Mapping[str, Any], *, width: int = 110) -> str:
    """Word a mapping (plain, or ruamel's with comments) as YAML; lines are broken at ``width`` where they can be."""
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.width = width
    yaml.indent(mapping=2, sequence=4, offset=2)
    text = io.StringIO()
    yaml.dump(data, text)
    return text.getvalue()
