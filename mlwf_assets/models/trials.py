"""What was tried: a trial with its scores, which one is best, the file in which trials are kept.

The file says all that is needed to do the same again and nothing that differs between two runs of the same
(no seconds, no dates): it is content. How trials come about stands in `tuning.py`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mlwf_assets.errors import ModelError
from mlwf_assets.models.families.base import Params


@dataclass(frozen=True)
class Trial:
    """One configuration, tried on one fold after the other.

    Attributes:
        number: in the order in which they were tried.
        params: the configuration.
        subsample: share of the training rows that was learned from.
        state: 'complete', or 'pruned': it was given up after a few folds.
        scores: the metric on each fold.
        rounds: for how long was trained on each fold; 0 where there are no rounds.
        seconds: of each fold; not content.
    """

    number: int
    params: Params
    subsample: float
    state: str
    scores: tuple[float, ...]
    rounds: tuple[int, ...]
    seconds: tuple[float, ...] = ()

    @property
    def score(self) -> float:
        """The mean over the folds that were tried."""
        return float(np.mean(self.scores))

    @property
    def is_complete(self) -> bool:
        """Whether all folds were tried and could be scored."""
        return self.state == "complete" and bool(np.isfinite(self.scores).all())

    def add(self, score: float, rounds: int, seconds: float) -> "Trial":
        """Take in another fold."""
        return replace(
            self,
            scores=(*self.scores, score),
            rounds=(*self.rounds, rounds),
            seconds=(*self.seconds, seconds),
        )

    def to_json(self) -> dict[str, Any]:
        """Write what is content; a score that cannot be told is null."""
        scores = [value if np.isfinite(value) else None for value in self.scores]
        return {
            "number": self.number,
            "state": self.state,
            "params": dict(self.params),
            "subsample": self.subsample,
            "score": self.score if np.isfinite(self.score) else None,
            "scores": scores,
            "rounds": list(self.rounds),
        }

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> "Trial":
        """Read what `to_json` wrote."""
        return cls(
            number=int(state["number"]),
            params=dict(state["params"]),
            subsample=float(state["subsample"]),
            state=str(state["state"]),
            scores=tuple(float("nan") if value is None else float(value) for value in state["scores"]),
            rounds=tuple(int(rounds) for rounds in state["rounds"]),
        )


@dataclass(frozen=True)
class Final:
    """How the final model is made: the mean of models with the configurations of some trials.

    Attributes:
        trials: their numbers, the best first.
        rounds: for how long each is trained; 0 where there are no rounds.
        subsample: share of the rows.
    """

    trials: tuple[int, ...]
    rounds: tuple[int, ...]
    subsample: float


@dataclass(frozen=True)
class Tried:
    """All trials of a family, and what the final model is made from."""

    trials: tuple[Trial, ...]
    final: Final

    @property
    def chosen(self) -> tuple[Trial, ...]:
        """The trials that the final model is made from, the best first."""
        by_number = {trial.number: trial for trial in self.trials}
        return tuple(by_number[number] for number in self.final.trials)


def best_of(trials: Sequence[Trial], *, higher_is_better: bool) -> Trial:
    """Choose the best of those that learned from the most rows; of equal ones the earlier.

    Raises:
        ModelError: if none is complete.
    Example:
        >>> a, b, c = (Trial(n, {}, share, "complete", (score,), (1,))
        ...            for n, (share, score) in enumerate([(0.1, 0.9), (1.0, 0.7), (1.0, 0.8)]))
        >>> best_of([a, b, c], higher_is_better=True).number
        2
    """
    complete = [trial for trial in trials if trial.is_complete]
    if not complete:
        raise ModelError(
            f"at least one trial must be scored on all folds, however: none of {len(trials)}; give a larger budget, "
            "or look at whether the validation rows can be scored by the metric"
        )
    most = max(trial.subsample for trial in complete)
    sign = -1 if higher_is_better else 1
    return min((trial for trial in complete if trial.subsample == most), key=lambda one: (sign * one.score, one.number))


def refit_rounds(trial: Trial) -> int:
    """For how long a model of the final one is trained: as long as the folds' models were on average.

    Example:
        >>> refit_rounds(Trial(0, {}, 1.0, "complete", (0.7, 0.8), (50, 101)))
        76
    """
    return round(float(np.mean(trial.rounds)))


def write_trials(tried: Mapping[str, Tried]) -> bytes:
    """Write the trials of some families as the file that `models.replay` takes."""
    families = {
        name: {"trials": [trial.to_json() for trial in one.trials], "final": vars(one.final)}
        for name, one in sorted(tried.items())
    }
    return json.dumps(families, ensure_ascii=False, indent=1).encode()


def read_trials(content: Any, family: str) -> Tried:
    """Read the trials of one family.

    Args:
        content: the parsed JSON of a trials file.
        family: whose trials.

    Raises:
        ModelError: if the file has another form, or no trials of that family.
    """
    try:
        found = content[family]
        trials = tuple(Trial.from_json(one) for one in found["trials"])
        final = found["final"]
        made_from = Final(tuple(final["trials"]), tuple(final["rounds"]), float(final["subsample"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(_not_a_list(family, f"{type(error).__name__}: {error}")) from error
    complete = {trial.number for trial in trials if trial.state == "complete"}
    if not made_from.trials or not complete.issuperset(made_from.trials):
        raise ModelError(_not_a_list(family, f"the final model is of trials {made_from.trials}, which are not listed"))
    return Tried(trials, made_from)


def _not_a_list(family: str, found: str) -> str:
    return (
        f"models.replay must be a trials file with trials of {family}, as a run with a budget writes it, "
        f"however: {found}; take trials.json of models/ensemble of the run that is to be repeated"
    )


def merge_trials(files: Sequence[bytes]) -> bytes:
    """Put the trials files of several families into one."""
    merged: dict[str, Any] = {}
    for content in files:
        merged |= json.loads(content)
    return json.dumps(dict(sorted(merged.items())), ensure_ascii=False, indent=1).encode()
