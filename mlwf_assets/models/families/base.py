"""What a model family is: how it is tuned, trained, saved and loaded. One file beside this per family.

A family knows its own search space and how to turn a raw frame of features (numbers with gaps, text
categories) into what its library wants; folds, budgets, trials, blending are not its business but
`tuning.py`'s and `ensemble.py`'s. Every family passes the same battery of tests.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pandas as pd

from mlwf_assets.models.metrics import Array, Metric
from mlwf_assets.spec.names import Kind

if TYPE_CHECKING:
    import optuna

Params = Mapping[str, Any]


@dataclass(frozen=True)
class Problem:
    """What is to be learned.

    Attributes:
        kind: binary, multiclass or regression.
        features: name and kind (numeric, boolean, categorical) of each column, in order.
        classes: number of classes; 2 for binary, 0 for regression.
        metric: what is optimized.
    """

    kind: Kind
    features: Sequence[Mapping[str, Any]]
    classes: int
    metric: Metric

    @property
    def names(self) -> list[str]:
        """The features' columns, in order."""
        return [str(feature["name"]) for feature in self.features]

    @property
    def categorical(self) -> list[str]:
        """The columns that hold text."""
        return [str(feature["name"]) for feature in self.features if feature["kind"] == "categorical"]


@dataclass(frozen=True)
class Rows:
    """Some rows to learn from or to be judged on.

    Attributes:
        frame: (n, features) doubles with NaN, or text with None; more columns do no harm.
        y: (n,) 0/1, class number, or value.
        weight: (n,) how much each row counts, in the loss and in the metric that ends a training; None: all the same.
        memo: where a family keeps what it made of these rows (bins, codes) and wants to find again in the next
            trial; never part of a result.
    """

    frame: pd.DataFrame
    y: Array
    weight: Array | None = None
    memo: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)


def never() -> bool:
    """Say no: the default of what a training is asked."""
    return False


@dataclass(frozen=True)
class Context:
    """How a model is trained, as far as it is not a parameter.

    Attributes:
        seed: of everything random.
        threads: how many cores may be used; a fixed number, for results may depend on it.
        device: 'cpu' or 'cuda'; only torch families look at it.
        checkpoint_dir: where a family that trains in epochs keeps its state after each of them, to go on
            there after it was stopped; None: it keeps none.
        should_stop: asked after each round or epoch; True: leave at once with `Stopped` (a checkpoint is kept).
        is_enough: asked after each round or epoch of a training that validation rows end; True: it ends there, as if
            nothing had got better since.
    """

    seed: int = 0
    threads: int = 2
    device: str = "cpu"
    checkpoint_dir: Path | None = None
    should_stop: Callable[[], bool] = never
    is_enough: Callable[[], bool] = never


class Stopped(Exception):  # noqa: N818 (a request that was met, no error)
    """Training was asked to stop and did; what was reached stands in the checkpoint."""


class Fitted(ABC):
    """A trained model.

    Attributes:
        rounds: boosting rounds or epochs that it was trained for; 0 where there are none.
    """

    rounds: int = 0

    @abstractmethod
    def predict(self, frame: pd.DataFrame) -> Array:
        """Predict rows.

        Returns:
            (n,) probability of the second class, (n, classes), or (n,) values; the same bits for a row
            whatever rows stand beside it, and after `save` and `load`.
        """

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write native files (no pickle) into an existing empty folder; the same bytes for the same model."""

    def contributions(self, frame: pd.DataFrame) -> Array | None:
        """Split predictions into what each feature contributed, (n, features), before the link function.

        None where the family cannot tell, or for more than two classes.
        """
        return None


class Family(ABC):
    """A kind of model.

    Attributes:
        name: as in workflow files.
        distributions: packages whose versions its results depend on.
    """

    name: ClassVar[str]
    distributions: ClassVar[tuple[str, ...]]

    def defaults(self, problem: Problem, *, rows: int) -> Sequence[Params]:
        """Return strong configurations that are tried first, the best guess first; JSON values.

        Here one without parameters.
        """
        return [{}]

    def suggest(self, trial: "optuna.trial.BaseTrial", problem: Problem, *, rows: int) -> Params:
        """Draw a configuration from the search space; JSON values.

        Where nothing is drawn, only the defaults are tried.
        """
        return {}

    @abstractmethod
    def fit(
        self, params: Params, train: Rows, valid: Rows | None, *, problem: Problem, context: Context, rounds: int | None
    ) -> Fitted:
        """Train a model.

        Args:
            params: a configuration.
            train: the rows to learn from.
            valid: rows for early stopping by the problem's metric; with `rounds` they are not looked at.
            problem: what is to be learned.
            context: how.
            rounds: exactly so many rounds or epochs, instead of early stopping. Training for the number of
                rounds that early stopping chose gives the same model, bit for bit.

        Raises:
            Stopped: if `context.should_stop` said so.
        """

    @abstractmethod
    def load(self, folder: Path) -> Fitted:
        """Load what `Fitted.save` wrote."""
