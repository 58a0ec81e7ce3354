"""Limits such as ``latency_ms:note10<=30``: parsing them, and drawing archs within one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from blockprofile.errors import CoverageError, OptionError
from blockprofile.numbers import read_number
from blockprofile.predict import AdditivePredictor, Entry, build_predictor, find_metric
from blockprofile.space import Law, Space

if TYPE_CHECKING:
    from blockprofile.additive import LimitedSampler

__all__ = ["Limit", "find_limited", "limited_sampler", "parse_limit", "split_limit"]


@dataclass(frozen=True, slots=True)
class Limit:
    """An upper limit on a metric that is a sum over operators."""

    predictor: AdditivePredictor
    value: float


def split_limit(text: str) -> tuple[str, float]:
    """Split ``metric<=value``.

    Raises
    ------
    OptionError
        If it is not of that form, or the value is no finite number.

    Examples
    --------
    >>> split_limit("latency_ms:note10 <= 30")
    ('latency_ms:note10', 30.0)
    """
    metric, sign, value = text.partition("<=")
    number = read_number(value)
    if not sign or not metric.strip() or number is None:
        raise OptionError(f"--limit {text!r} is not of the form METRIC<=VALUE, such as 'latency_ms:note10<=30'")
    return metric.strip(), number


def find_limited(text: str, space: Space, *, entries: Iterable[Entry] = ()) -> Entry:
    """Find the predictor of the metric that a limit is about: one of ``entries`` or a shipped one.

    Raises
    ------
    OptionError
        If the text is malformed.
    UnknownNameError, CoverageError
        If the metric is unknown or does not cover the space.
    """
    return find_metric(split_limit(text)[0], space, brought={each[0].metric: each for each in entries})


def parse_limit(text: str, space: Space, *, entries: Iterable[Entry] = ()) -> Limit:
    """Read a limit and make its predictor; see `find_limited`.

    Raises
    ------
    OptionError
        If the text is malformed.
    UnknownNameError, CoverageError
        If the metric is unknown, does not cover the space, or is no sum over operators (a network's output
        cannot be limited without rejection).
    """
    metric, value = split_limit(text)
    predictor = build_predictor(find_limited(text, space, entries=entries), space)
    if not isinstance(predictor, AdditivePredictor):
        raise CoverageError(
            f"--limit on {metric!r}: its predictor is no sum over operators, so it cannot be sampled under a limit; "
            "limit a counted, measured or calibrated metric"
        )
    return Limit(predictor, value)


def limited_sampler(space: Space, limit: Limit, *, law: Law = "papers") -> LimitedSampler:
    """Prepare to draw archs of the law, given that they are within the limit, without rejection.

    Raises
    ------
    InfeasibleError
        If no arch is within the limit; the message gives the feasible range.
    """
    from blockprofile.additive import LimitedSampler

    return LimitedSampler(space, limit.predictor.factors, limit=limit.value, law=law)
