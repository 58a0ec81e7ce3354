"""What a comparison says, in sentences; every word follows from its figures."""

from __future__ import annotations

import math

from blockprofile.compare import BELOW_FLOOR, Comparison, Verdict
from blockprofile.space import count_archs

SMALL, MIDDLE = 0.5, 0.8
"""Cohen's words for effect sizes."""


def answer_comparison(comparison: Comparison) -> tuple[str, ...]:
    """Say of each case whether it pays, how much sooner, and what it leaves out; three sentences for one case."""
    sentences = []
    for case in comparison.cases[1:]:
        verdicts = [verdict for verdict in comparison.verdicts if verdict.case == case.name]
        sentences.append(_main(comparison, verdicts[0]))
        if len(verdicts) > 1 and (told := _limits(verdicts)):
            sentences.append(told)
    if sizes := _sizes(comparison):
        sentences.append(sizes)
    return tuple(sentences)


def _main(comparison: Comparison, verdict: Verdict) -> str:
    paired, unit = verdict.paired, verdict.indicator.unit
    what = verdict.indicator.title
    if paired.n == 0:
        return f"With {comparison.budget:,} evaluations each, {verdict.case} and the original: {what} {verdict.words}."
    if verdict.is_sure and verdict.is_below_floor:
        better = f"ends with a {what} that differs from the original's by less than the predictors' own error"
    elif verdict.is_better is None:
        better = f"ends with no {what} that differs beyond doubt from the original's"
    else:
        better = f"ends with a {'better' if verdict.is_better else 'worse'} {what} than the original"
    size = f"{paired.difference:+.3g} {unit}".strip()
    interval = f", 95 % interval {paired.ci_low:+.3g} to {paired.ci_high:+.3g}" if math.isfinite(paired.ci_low) else ""
    p_value = f", p = {verdict.p_adjusted:.2g}" if math.isfinite(verdict.p_adjusted) else ""
    words = comparison.sooner[verdict.case].words
    return (
        f"With {comparison.budget:,} evaluations each over {paired.n} seeds, {verdict.case} {better} "
        f"({size}{interval}{p_value}) and {words.replace('reaches it', 'reaches what the original ends with', 1)}."
    )


def _limits(verdicts: list[Verdict]) -> str:
    found = [verdict for verdict in verdicts if verdict.indicator.name.startswith("best_at")]
    told = []
    for verdict in found:
        paired = verdict.paired
        at = verdict.indicator.title.partition(" at ")[2]
        if paired.n == 0:
            told.append(f"{'no arch found' if not any(verdict.n_with) else verdict.words} at {at}")
            continue
        half = (paired.ci_high - paired.ci_low) / 2
        error = f" ± {half:.2g}" if math.isfinite(half) else ""
        below = f" ({BELOW_FLOOR})" if verdict.is_sure and verdict.is_below_floor else ""
        told.append(f"{paired.difference:+.3g}{error} {verdict.indicator.unit} at {at}{below}")
    if not told:
        return ""
    what = found[0].indicator.title.partition(" at ")[0].removeprefix("best ")
    return f"{verdicts[0].case} against the original in the best {what}: {'; '.join(told)}."


def _sizes(comparison: Comparison) -> str:
    told = []
    seen = set()
    for case in comparison.cases[1:]:
        if case.space.is_pruned and case.space.name not in seen:
            seen.add(case.space.name)
            left = count_archs(case.space) / count_archs(case.space.base)
            share = f"{100 * left:.2g}" if left < 0.95 else f"{100 * left:.4g}"
            told.append(f"{case.space.name} keeps {share} % of the archs")
    return f"Of {comparison.cases[0].space.name}, {' and '.join(told)}." if told else ""
