"""MnasNet's scalar reward: accuracy times a power of latency over its target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import OptionError, one_of
from blockprofile.metric import Direction
from blockprofile.numbers import parse_number, write_number

SOFT = (-0.07, -0.07)
"""(alpha, beta) of the soft constraint: twice the latency is worth five per cent of accuracy (MnasNet, section 3)."""

HARD = (0.0, -1.0)
"""(alpha, beta) of the hard constraint: no reward for being faster than the target (MnasNet, section 6)."""

_FORMS = {"soft": SOFT, "hard": HARD}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reward:
    """The reward ``ACC * (LAT / T)^w``, w = alpha where LAT <= T and beta beyond; more is better.

    Parameters
    ----------
    latency, accuracy
        The metrics' columns.
    target
        T, in the unit of ``latency``, greater than 0.
    alpha, beta
        The exponents, at most 0; `SOFT` by default.
    weight
        Its share of the crowding distance, where there are further objectives.

    Raises
    ------
    OptionError
        If target, exponents or weight are out of range.

    References
    ----------
    Tan et al., "MnasNet: Platform-Aware Neural Architecture Search for Mobile", CVPR 2019, equations 2 and 3.

    Examples
    --------
    >>> values = {"top1_percent": np.float32([75, 75]), "latency_ms:x": np.float32([40, 160])}
    >>> (-Reward(latency="latency_ms:x", target=80.0).minimised(values)).round(2).tolist()
    [78.73, 71.45]
    """

    latency: str
    target: float
    accuracy: str = "top1_percent"
    alpha: float = SOFT[0]
    beta: float = SOFT[1]
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.target < float("inf"):
            raise OptionError(f"target {self.target} of the reward on {self.latency!r} must be greater than 0")
        if self.alpha > 0 or self.beta > 0:
            raise OptionError(f"alpha {self.alpha} and beta {self.beta} of the reward must be at most 0")
        if not 0 <= self.weight < float("inf"):
            raise OptionError(f"weight {self.weight} of the reward must be finite and at least 0")

    @property
    def name(self) -> str:
        """The label."""
        return "reward"

    @property
    def metrics(self) -> tuple[str, ...]:
        """Accuracy and latency."""
        return (self.accuracy, self.latency)

    @property
    def direction(self) -> Direction:
        """More is better."""
        return "max"

    def minimised(self, values: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float64]:
        """Return the negated reward: float64, shape (n,)."""
        ratio = values[self.latency].astype(np.float64) / self.target
        exponent = np.where(ratio <= 1, self.alpha, self.beta)
        return -values[self.accuracy].astype(np.float64) * ratio**exponent

    def describe(self) -> dict[str, object]:
        """Describe it in plain values, for a manifest."""
        return {"reward": asdict(self)}


def write_reward(reward: Reward) -> str:
    """Write a reward as `parse_reward` reads it; empty where its exponents have no word."""
    form = next((form for form, ends in _FORMS.items() if ends == (reward.alpha, reward.beta)), "")
    return f"{reward.latency}:{write_number(reward.target)}:{form}" if form else ""


def parse_reward(text: str) -> Reward:
    """Read ``LATENCY:TARGET[:soft|hard]``.

    Raises
    ------
    OptionError
        If the text is not of that form.

    Examples
    --------
    >>> reward = parse_reward("latency_ms:note10:30:hard")
    >>> reward.latency, reward.target, reward.alpha, reward.beta
    ('latency_ms:note10', 30.0, 0.0, -1.0)
    """
    words = text.split(":")
    form: Literal["soft", "hard"] | str = "soft"
    if words and not words[-1][:1].isdecimal():
        form = words.pop()
    if form not in _FORMS:
        raise OptionError(f"--reward {text!r} ends in {form!r}; {one_of(form, _FORMS)}")
    if len(words) < 2:
        raise OptionError(f"--reward {text!r} is not of the form METRIC:TARGET[:soft|hard]")
    target = parse_number(words[-1], f"the target of --reward {text!r}", above=0)
    alpha, beta = _FORMS[form]
    return Reward(latency=":".join(words[:-1]), target=target, alpha=alpha, beta=beta)
