"""Options that several commands have together: they stand once, and a command gets them as one record."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

Command = Callable[..., None]


def takes_record(
    record: str, options: Mapping[str, tuple[Any, Any]], make: Callable[[dict[str, Any]], Any]
) -> Callable[[Command], Command]:
    """Give a command options in place of its parameter ``record``, which is made of their values.

    Parameters
    ----------
    options
        Name -> type and Typer's option.
    make
        Makes the record of the values by name.
    """

    def give(command: Command) -> Command:
        @wraps(command)
        def run(**given: Any) -> None:
            command(**{record: make({name: given.pop(name) for name in options})}, **given)

        named = inspect.Parameter.KEYWORD_ONLY
        own = [each.replace(kind=named) for each in inspect.signature(command).parameters.values()]
        place = [each.name for each in own].index(record)
        own[place : place + 1] = [
            inspect.Parameter(name, named, default=option) for name, (_, option) in options.items()
        ]
        # What is required stands first.
        own.sort(key=lambda each: getattr(each.default, "default", ...) is not ...)
        run.__signature__ = inspect.Signature(own)  # type: ignore[attr-defined]
        written = {name: words for name, words in command.__annotations__.items() if name != record}
        run.__annotations__ = written | {name: kind for name, (kind, _) in options.items()}
        return run

    return give
