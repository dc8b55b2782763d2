"""Which trials of a family make its model together.

The best trial first, then the one whose predictions, averaged in, do most for the out-of-fold score, as long as
it does not get worse: models that err apart are better together, and the mean of a few hangs less on the luck
of one. Sources: Caruana and others (2004); for means of tuned models Salinas and Erickson (2024).
"""

from collections.abc import Sequence

import numpy as np

from mlwf_assets.models.families.mean import mean_of
from mlwf_assets.models.fits import Fits, score
from mlwf_assets.models.metrics import Array
from mlwf_assets.models.trials import Trial, best_of

_MOST_TOGETHER = 3
# Trials that are far behind help nobody: only so many of the best are looked at.
_MOST_CANDIDATES = 8


def choose_together(trials: Sequence[Trial], fits: Fits, *, at_most: int = _MOST_TOGETHER) -> tuple[Trial, ...]:
    """Choose the trials whose models are averaged, the best first.

    Args:
        trials: all that were tried.
        fits: remembers what they predicted.
        at_most: how many may be chosen.

    Raises:
        ModelError: if no trial could be scored.
    """
    higher = fits.task.problem.metric.higher_is_better
    sign = 1.0 if higher else -1.0
    best = best_of(trials, higher_is_better=higher)
    peers = [one for one in trials if one.is_complete and one.subsample == best.subsample and one is not best]
    peers = sorted(peers, key=lambda one: (-sign * one.score, one.number))[: _MOST_CANDIDATES - 1]
    chosen, value = [best], sign * best.score
    while peers and len(chosen) < min(at_most, _MOST_TOGETHER):
        values = [sign * score_together([*chosen, one], fits) for one in peers]
        top = int(np.argmax(np.nan_to_num(values, nan=-np.inf)))
        if not values[top] >= value:
            break
        value = values[top]
        chosen.append(peers.pop(top))
    return tuple(chosen)


def score_together(trials: Sequence[Trial], fits: Fits) -> float:
    """Mean over the folds of the metric of the averaged predictions."""
    metric, y = fits.task.problem.metric, fits.task.truth.y
    said = predict_together(trials, fits)
    return float(np.mean([score(metric, y[fold.valid], p) for fold, p in zip(fits.task.folds, said, strict=True)]))


def predict_together(trials: Sequence[Trial], fits: Fits) -> list[Array]:
    """Average what trials said of the validation rows of each fold."""
    return [
        mean_of([fits.prediction(one.params, index, share=one.subsample) for one in trials])
        for index in range(len(fits.task.folds))
    ]
