"""What is done to the commands that Typer builds: examples below their help, flags without a type.

A command's docstring ends with a section ``Examples``, as NumPy has it: a line begins an example, indented lines
after it go on with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import typer

WIDTH = 68
_HEAD = "\n\nExamples\n--------\n"


def examples_of(text: str) -> tuple[str, list[str]]:
    """Take a docstring apart: what it says, and its examples, each a line.

    Examples
    --------
    >>> examples_of(f"Say it.{_HEAD}program say it")
    ('Say it.', ['program say it'])
    """
    said, _, rest = text.partition(_HEAD)
    found: list[str] = []
    for line in filter(None, map(str.rstrip, rest.splitlines())):
        if line.startswith(" ") and found:
            found[-1] += f" {line.strip()}"
        else:
            found.append(line)
    return said.strip(), found


def _wrapped(example: str) -> str:
    """Break an example between words, as a shell takes it."""
    lines = [""]
    for word in re.findall(r"""(?:"[^"]*"|'[^']*'|\S)+""", example):
        if lines[-1] and len(lines[-1]) + len(word) > WIDTH:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return " \\\n      ".join(lines)


def leaves(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield every command that does something, with its full name."""
    children = getattr(command, "commands", None)
    if children is None:
        yield path, command
        return
    for name, child in children.items():
        yield from leaves(child, f"{path} {name}")


def _is_flag(parameter: Any) -> bool:
    return bool(getattr(parameter, "is_flag", False))


def _no_type(ctx: object) -> None:
    """Show no type, in the place of Typer's own word for it."""


def _untyped(find: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Change what finds the option --help, which is made only then."""

    def found(context: Any) -> Any:
        option = find(context)
        option.display_type_rich = _no_type
        return option

    return found


def _finish(command: Any) -> None:
    for parameter in command.params:
        if _is_flag(parameter):
            parameter.display_type_rich = _no_type
        elif parameter.param_type_name == "argument":
            parameter.metavar = parameter.metavar or parameter.name.upper()
    command.get_help_option = _untyped(command.get_help_option)
    said, examples = examples_of(command.help or "")
    command.help = said
    if examples:
        # Rich takes square brackets for markup.
        shown = [_wrapped(each).replace("[", r"\[") for each in examples]
        command.epilog = "\n  ".join(["Examples:" if len(shown) > 1 else "Example:", *shown])
    command.examples = examples


@cache
def _build(app: typer.Typer) -> Any:
    root = typer.main.get_command(app)
    groups: list[Any] = [root]
    for group in groups:
        _finish(group)
        groups += getattr(group, "commands", {}).values()
    return root


def build_commands() -> Any:
    """Build all commands once a process: Typer takes 50 ms for it."""
    from blockprofile.cli.main import app

    return _build(app)
