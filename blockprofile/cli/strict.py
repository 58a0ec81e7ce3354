"""What Typer lets through and a command must not: numbers that only Python reads, and options that have no effect.

Typer reads a number as Python does, and of an option that is given twice the last one. What only Python takes for a
number (``1_0``, NaN, other digits), and a second value that would replace the first, are refused here, before a command
starts.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, get_args, get_origin, get_type_hints

import typer

from blockprofile.errors import OptionError
from blockprofile.numbers import NUMBER_FORM, read_number


def _given_options(context: typer.Context, names: Iterable[str]) -> list[str]:
    """Return those of a command's options that were typed, as they are typed (``--time-limit``)."""
    sources = {name: context.get_parameter_source(name) for name in names}
    typed = [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
    return ["--" + name.rstrip("_").replace("_", "-") for name in typed]


def refuse_idle(context: typer.Context, names: Iterable[str], why: str) -> None:
    """Refuse options that were typed and have no effect.

    Parameters
    ----------
    names
        Parameters of the command's function.
    why
        What the message ends with, such as ``the archs of a run folder are drawn already``.

    Raises
    ------
    OptionError
        Naming them all.
    """
    given = _given_options(context, names)
    if given:
        one = len(given) == 1
        told = f"{', '.join(given)} {'has' if one else 'have'} no effect here: {why}"
        raise OptionError(f"{told}; leave {'it' if one else 'them'} out")


def check_words(app: typer.Typer, args: Sequence[str]) -> None:
    """Check the values of all options that are numbers, and that what has one value is given once.

    Raises
    ------
    OptionError
        Naming the option and its value.
    """
    words = iter(args)
    callback = _find_command(app, words)
    kinds = _option_kinds(callback) if callback else {}
    seen: dict[str, str] = {}
    option = ""
    for word in words:
        if option:
            _check_value(option, word, kinds[option], seen)
            option = ""
            continue
        if word == "--":
            break
        name, sign, value = word.partition("=")
        if sign and name in kinds:
            _check_value(name, value, kinds[name], seen)
        elif word in kinds:
            option = word


def _check_value(option: str, value: str, kind: _Kind, seen: dict[str, str]) -> None:
    if kind.is_number and _is_loose(value):
        raise OptionError(f"{option} is {value!r}; must be {NUMBER_FORM}")
    if not kind.is_list and kind.name in seen:
        raise OptionError(f"{option} is given twice, {seen[kind.name]!r} and {value!r}; it takes one value")
    seen[kind.name] = value


def _find_command(app: typer.Typer, words: Iterator[str]) -> Callable[..., Any] | None:
    """Follow the names of groups to a command, taking them off ``words``."""
    name = next((word for word in words if not word.startswith("-")), None)
    for group in app.registered_groups:
        if group.name == name and group.typer_instance is not None:
            return _find_command(group.typer_instance, words)
    for command in app.registered_commands:
        if command.callback and (command.name or command.callback.__name__) == name:
            return command.callback
    return None


@dataclass(frozen=True, slots=True)
class _Kind:
    """An option that has a value: the parameter, whether it is a number, and whether it may be repeated."""

    name: str
    is_number: bool
    is_list: bool


def _option_kinds(callback: Callable[..., Any]) -> dict[str, _Kind]:
    """Return the options of a command that have a value, by each way of typing them."""
    hints = get_type_hints(callback)
    found: dict[str, _Kind] = {}
    for name, parameter in inspect.signature(callback).parameters.items():
        kinds = {hints[name], *get_args(hints[name])}
        names = [each for each in getattr(parameter.default, "param_decls", None) or () if each.startswith("-")]
        if bool not in kinds:
            is_list = any(get_origin(kind) is list for kind in kinds)
            found |= dict.fromkeys(names, _Kind(name, bool(kinds & {int, float}), is_list))
    return found


def _is_loose(word: str) -> bool:
    """Tell whether Python takes a text for a number, and nobody else."""
    try:
        float(word)
    except ValueError:
        return False
    return read_number(word) is None
