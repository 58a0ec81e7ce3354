"""What Typer lets through and a command must not: numbers that only Python reads, and options that have no effect.

Typer reads a number as Python does. What only Python takes for a number (``1_0``, NaN, other digits) is refused here,
before a command starts.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, get_args, get_type_hints

import typer

from blockprofile.errors import OptionError
from blockprofile.numbers import NUMBER_FORM, read_number

__all__ = ["check_numbers", "refuse_idle"]


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


def check_numbers(app: typer.Typer, args: Sequence[str]) -> None:
    """Check the values of all options that are numbers.

    Raises
    ------
    OptionError
        Naming the option and its value.
    """
    words = iter(args)
    callback = _find_command(app, words)
    names = _number_options(callback) if callback else frozenset()
    option = ""
    for word in words:
        name, sign, value = word.partition("=")
        if option in names or (sign and name in names):
            told = (option, word) if option in names else (name, value)
            if _is_loose(told[1]):
                raise OptionError(f"{told[0]} is {told[1]!r}; must be {NUMBER_FORM}")
        option = word


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


def _number_options(callback: Callable[..., Any]) -> frozenset[str]:
    hints = get_type_hints(callback)
    names: list[str] = []
    for name, parameter in inspect.signature(callback).parameters.items():
        kinds = {hints[name], *get_args(hints[name])}
        if kinds & {int, float}:
            names += getattr(parameter.default, "param_decls", None) or ()
    return frozenset(names)


def _is_loose(word: str) -> bool:
    """Tell whether Python takes a text for a number, and nobody else."""
    try:
        float(word)
    except ValueError:
        return False
    return read_number(word) is None
