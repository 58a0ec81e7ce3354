"""Sensitivities of several metrics at once: exact where a metric adds up, from one common pool where not."""

from __future__ import annotations

from collections.abc import Sequence

from blockprofile.predict import AdditivePredictor, Evaluator, Predictor
from blockprofile.run import draw_chunk, n_chunks
from blockprofile.sensitivity.pair_sums import PairSums
from blockprofile.sensitivity.shares import Sensitivity, estimate_sensitivity, exact_sensitivity
from blockprofile.space import Law, Space

DEFAULT_N = 200_000


def find_sensitivities(
    space: Space, predictors: Sequence[Predictor], *, n: int = DEFAULT_N, seed: int = 0, law: Law = "papers"
) -> tuple[Sensitivity, ...]:
    """Find what each metric's variance comes from.

    Parameters
    ----------
    predictors
        With distinct metrics.
    n
        The number of archs for metrics that do not add up; 200,000 give shares to about 0.002.
    seed, law
        Of the pool, which is the one that `blockprofile.run.sample` draws.

    Returns
    -------
    In the order of the predictors.

    Raises
    ------
    OptionError
        If ``n`` is below the number of folds and a metric has to be sampled.
    """
    sampled = [predictor for predictor in predictors if not isinstance(predictor, AdditivePredictor)]
    sums = PairSums(space, [predictor.metric for predictor in sampled])
    if sampled:
        evaluate = Evaluator(space, sampled)
        for index in range(n_chunks(n)):
            archs = draw_chunk(space, seed=seed, index=index, n=n, law=law)
            sums.add(archs, evaluate(archs))
    return tuple(
        exact_sensitivity(space, predictor.factors, metric=predictor.metric, law=law)
        if isinstance(predictor, AdditivePredictor)
        else estimate_sensitivity(sums, predictor.metric, law=law, seed=seed)
        for predictor in predictors
    )
