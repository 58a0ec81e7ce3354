"""The policies that compare blocks: dominated, exchange rate, max-accuracy. Each judges one scope at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from blockprofile.prune.decision import ALPHA, Decision, View, make_evidence
from blockprofile.prune.duel import Duel, adjust, dominating, outbid
from blockprofile.prune.figures import Competition, Scope
from blockprofile.prune.wording import contrast, rate_unit, rival_name, signed

BLOCK_SCOPES: tuple[Scope, ...] = ("network", "unit", "layer", "width")
Duels = Callable[[Competition], list[Duel]]
Words = Callable[[Competition, Duel], str]


def decide(view: View, scope: Scope, policy: str, *, duels: Duels, dropped: Words, kept: Words) -> list[Decision]:
    """Turn duels into decisions: p-values are adjusted over all that is decided, and what is sure enough is dropped.

    Parameters
    ----------
    duels
        Gives one duel for each choice of a competition.
    dropped, kept
        Word the two verdicts.

    Notes
    -----
    Benjamini and Hochberg over the p-values of all choices, scopes and policies of the pruning, as they are before
    anything is dropped: of all drops of a pruning at most 5 % are false on average. What is left has fewer rivals, but
    its p-values still allow for all that there were.
    """
    fought = [(found, duel) for found in view.figures.competitions(scope) if len(found) > 1 for duel in duels(found)]
    adjusted = adjust([duel.p_value for _, duel in fought], among=view.p_values)
    decisions = []
    for (found, duel), p_adjusted in zip(fought, adjusted, strict=True):
        is_sure = duel.rival >= 0 and p_adjusted < ALPHA
        decisions.append(
            Decision(
                policy=policy,
                where=found.where,
                kind=found.kind,
                code=found.codes[duel.row],
                name=found.names[duel.row],
                verdict="drop" if is_sure else "keep",
                why=_why(view, found, duel, p_adjusted, (dropped, kept)),
                strength=duel.loss,
                p_value=duel.p_value,
                evidence=make_evidence(view.figures, found, duel, p_adjusted),
            )
        )
    return decisions


def _why(view: View, found: Competition, duel: Duel, p_adjusted: float, words: tuple[Words, Words]) -> str:
    dropped, kept = words
    if duel.rival < 0:
        return kept(found, duel)
    if p_adjusted < ALPHA:
        return dropped(found, duel)
    return f"{contrast(view.figures, found, duel)}, but the adjusted p-value is {p_adjusted:.2g}"


@dataclass(frozen=True, slots=True)
class Dominated:
    """Drop what another choice at the same place is at least as accurate and as cheap as, one beyond the floor."""

    name: ClassVar[str] = "dominated"
    scopes: ClassVar[tuple[Scope, ...]] = BLOCK_SCOPES

    def judge(self, view: View, scope: Scope) -> list[Decision]:
        """Decide on every choice of one scope."""

        def dropped(found: Competition, duel: Duel) -> str:
            return f"{contrast(view.figures, found, duel)}, no better in either"

        def kept(_found: Competition, _duel: Duel) -> str:
            return "no choice is as good in both, and better beyond the floor in one"

        return decide(
            view, scope, self.name,
            duels=lambda found: dominating(found, floors=view.floors), dropped=dropped, kept=kept,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class ExchangeRate:
    """Drop what is not worth its cost at any exchange rate that the space's own front offers."""

    name: ClassVar[str] = "exchange-rate"
    scopes: ClassVar[tuple[Scope, ...]] = BLOCK_SCOPES

    def judge(self, view: View, scope: Scope) -> list[Decision]:
        """Decide on every choice of one scope."""
        unit = rate_unit(view.figures.gain, view.figures.cost)

        def dropped(found: Competition, duel: Duel) -> str:
            lost = signed(duel.loss, view.figures.gain.unit).removeprefix("+")
            return (
                f"{contrast(view.figures, found, duel)}: at the rate that favours it most, {duel.rate:.3g} {unit}, "
                f"it is worth {lost} less"
            )

        def kept(_found: Competition, duel: Duel) -> str:
            return f"no choice is worth more beyond the floor at {duel.rate:.3g} {unit}"

        return decide(
            view, scope, self.name,
            duels=lambda found: outbid(found, view.rates.values, floors=view.floors), dropped=dropped, kept=kept,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class MaxAccuracy:
    """Drop what lowers the accuracy that can be reached, whatever it costs.

    A choice goes when another is more accurate beyond the floor, on average and (where the profile has the
    quantile) at the top as well.
    """

    name: ClassVar[str] = "max-accuracy"
    scopes: ClassVar[tuple[Scope, ...]] = (*BLOCK_SCOPES, "depth")

    def judge(self, view: View, scope: Scope) -> list[Decision]:
        """Decide on every choice of one scope."""
        floors = view.floors[0], float("inf")

        def duels(found: Competition) -> list[Duel]:
            fought = outbid(found, np.zeros(1), floors=floors)
            if not len(found.top_gain):
                return fought
            top = found.top_gain
            return [
                duel if duel.rival < 0 or top[duel.rival] > top[duel.row] else replace(duel, rival=-1)
                for duel in fought
            ]

        def dropped(found: Competition, duel: Duel) -> str:
            less = signed(float(found.gain[duel.row] - found.gain[duel.rival]), view.figures.gain.unit)
            return f"lowers {view.figures.gain.name}: {less} against {rival_name(found, duel)}"

        def kept(_found: Competition, _duel: Duel) -> str:
            return f"no choice has more {view.figures.gain.name} beyond the floor"

        return decide(view, scope, self.name, duels=duels, dropped=dropped, kept=kept)
