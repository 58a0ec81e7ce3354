"""How long a search may go on: a number of evaluations, or of seconds."""

from __future__ import annotations

from dataclasses import dataclass

from blockprofile.errors import OptionError
from blockprofile.numbers import parse_count, parse_number

_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """At most so many evaluations, and no new generation after so many seconds.

    Raises
    ------
    OptionError
        If a number is not greater than 0.
    """

    evaluations: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        for name in ("evaluations", "seconds"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise OptionError(f"a budget of {value} {name}; it must be greater than 0")
        if self.evaluations is None and self.seconds is None:
            raise OptionError("a budget needs a number of evaluations or of seconds")

    def left(self, n_evaluations: int, seconds: float) -> int:
        """Return how many evaluations may still be made."""
        if self.seconds is not None and seconds >= self.seconds:
            return 0
        return 1 << 62 if self.evaluations is None else max(0, self.evaluations - n_evaluations)


def parse_budget(text: str | int) -> Budget:
    """Read ``2100``, ``1e4`` (evaluations), ``90s``, ``5min`` or ``2h``.

    Raises
    ------
    OptionError
        If it is none of these.

    Examples
    --------
    >>> parse_budget("1e4"), parse_budget("5min").seconds
    (Budget(evaluations=10000, seconds=None), 300.0)
    """
    word = str(text).strip()
    for ending, scale in _SECONDS.items():
        if word.endswith(ending):
            return Budget(
                seconds=scale * parse_number(word.removesuffix(ending), f"the time of --budget {text!r}", above=0)
            )
    try:
        return Budget(evaluations=parse_count(word, name="--budget"))
    except OptionError as failure:
        raise OptionError(f"{failure}; or a time such as 90s, 5min or 2h") from None
