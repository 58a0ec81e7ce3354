"""What a function takes from a file: its parameters whose types plain values can have, and whether a value fits."""

from __future__ import annotations

import inspect
import math
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from blockprofile.options import Options

_PLAIN = {str: "text", int: "a whole number", float: "a number", bool: "true or false", type(None): "null"}
_OTHERS = frozenset({"scheduler"})
"""What the command line alone gives."""


@dataclass(frozen=True, slots=True)
class StageParameter:
    """A parameter that a file may give: the types of its plain values, whether it must be given, its default."""

    hint: Any
    is_required: bool
    default: Any = None


def parameters_of(function: Callable[..., Any]) -> dict[str, StageParameter]:
    """List the parameters of a function that a file may give; records of options stand as their fields.

    Examples
    --------
    >>> def f(n: int, *, names: Sequence[str | Path] = (), call: Callable[[], None] | None = None) -> None: ...
    >>> list(parameters_of(f))
    ['n', 'names']
    """
    found: dict[str, StageParameter] = {}
    for name, hint, default in _parameters(function):
        is_required = default is inspect.Parameter.empty
        if record := _record(hint):
            inner = parameters_of(record).items()
            found |= {key: replace(each, is_required=each.is_required and is_required) for key, each in inner}
        elif name not in {*_OTHERS, *found} and (plain := _plain(hint)) not in {None, type(None)}:
            found[name] = StageParameter(plain, is_required, None if is_required else default)
    return found


def names_of(function: Callable[..., Any]) -> set[str]:
    """Name all parameters of a function, records of options by their fields."""
    records = {name: _record(hint) for name, hint, _ in _parameters(function)}
    return set().union(*(names_of(record) if record else {name} for name, record in records.items()))


def gather(function: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Make a function's arguments from flat ones: fields of its records of options become the records.

    What is a field of a record is given there alone, also where the function has a parameter of that name besides.

    Examples
    --------
    >>> gather(lambda n: n, {"n": 1})
    {'n': 1}
    """
    made: dict[str, Any] = {}
    left = dict(given)
    for name, hint, default in _parameters(function):
        if record := _record(hint):
            inner = {key: value for key, value in given.items() if key in names_of(record)}
            if inner or default is inspect.Parameter.empty:
                made[name] = record(**gather(record, inner))
            left = {key: value for key, value in left.items() if key not in inner}
    return made | {name: left[name] for name, _, _ in _parameters(function) if name in left}


def _parameters(function: Callable[..., Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield name, type and default; of a class those of its fields."""
    called: Any = function.__init__ if isinstance(function, type) else function  # type: ignore[misc]
    for name, parameter in inspect.signature(function).parameters.items():
        yield name, _hint(called, name), parameter.default


def _record(hint: Any) -> type[Options] | None:
    """Find the record of options that a type is, or allows."""
    kinds = get_args(hint) if get_origin(hint) in {Union, types.UnionType} else (hint,)
    return next((each for each in kinds if isinstance(each, type) and issubclass(each, Options)), None)


def _hint(function: Callable[..., Any], name: str) -> Any:
    """Read the type of one parameter; None if it has none, or one that is there for type checkers alone."""
    if name not in function.__annotations__:
        return None
    holder = type("Holder", (), {"__annotations__": {name: function.__annotations__[name]}})
    known = {"Mapping": Mapping, "Sequence": Sequence, "Path": Path, **getattr(function, "__globals__", {})}
    try:
        return get_type_hints(holder, globalns=known)[name]
    except NameError:
        return None


def _plain(hint: Any) -> Any:
    """Keep of a type what plain values can have; None if nothing is left."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Path:
        return str
    if origin is Literal or (origin is None and hint in _PLAIN):
        return hint
    if origin in {Union, types.UnionType}:
        kept = [each for argument in arguments if (each := _plain(argument)) is not None]
        return reduce(or_, dict.fromkeys(kept)) if kept else None
    return _container(origin, arguments)


def _container(origin: Any, arguments: Sequence[Any]) -> Any:
    kind = {Mapping: dict, Sequence: list, list: list, dict: dict}.get(origin)
    inner = () if kind is None else tuple(_plain(argument) for argument in arguments)
    return None if kind is None or not inner or None in inner else types.GenericAlias(kind, inner)


def wrong_type(value: object, hint: Any) -> str:
    """Say what a value should be, if it is not; empty if it fits.

    Examples
    --------
    >>> wrong_type(5, list[str] | None)
    'should be a list of text, or null'
    >>> wrong_type(["a"], list[str] | None), wrong_type(2, float)
    ('', '')
    """
    from pydantic import ConfigDict, TypeAdapter, ValidationError

    if isinstance(value, float) and math.isnan(value):
        return "should be a number, and NaN is none"
    try:
        TypeAdapter(hint, config=ConfigDict(strict=True, allow_inf_nan=False)).validate_python(value)
    except ValidationError:
        return f"should be {_words(hint)}"
    return ""


def _words(hint: Any) -> str:
    if hint in _PLAIN:
        return _PLAIN[hint]
    if get_origin(hint) is list:
        return f"a list of {_words(get_args(hint)[0])}"
    if get_origin(hint) is Literal:
        return f"one of {', '.join(map(str, get_args(hint)))}"
    if get_origin(hint) is dict:
        return f"a mapping of {' to '.join(_words(argument) for argument in get_args(hint))}"
    return ", or ".join(_words(argument) for argument in get_args(hint))
