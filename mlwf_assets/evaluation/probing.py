"""Asking a model "what if": rows in which some columns are replaced, many such questions in few calls.

A call costs the slow members of an ensemble much more than a row does, so questions are stacked into frames
as large as memory allows. What the answers mean is for those who ask: importance, effects, explanations.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mlwf_assets.models.metrics import Array

Predict = Callable[[pd.DataFrame], Array]

_CELLS_AT_ONCE = 8_000_000


@dataclass(frozen=True)
class Probe:
    """Some rows with other values in some columns.

    Attributes:
        rows: (n,) positions in the frame.
        columns: column -> (n,) values that stand there instead.
    """

    rows: Array
    columns: Mapping[str, Array]


def ask(predict: Predict, frame: pd.DataFrame, probes: Sequence[Probe]) -> list[Array]:
    """Predict the rows of each probe.

    Args:
        predict: a frame of features to (n,) or (n, classes).
        frame: the rows as they are.
        probes: the questions.

    Returns:
        Per probe, (n,) or (n, classes).
    Example:
        >>> frame = pd.DataFrame({"a": [1.0, 2.0], "b": [10.0, 20.0]})
        >>> probe = Probe(np.array([1]), {"a": np.array([5.0])})
        >>> ask(lambda f: (f["a"] + f["b"]).to_numpy(), frame, [probe])
        [array([25.])]
    """
    answers: list[Array] = []
    for some in _in_batches(probes, max(1, _CELLS_AT_ONCE // max(1, len(frame.columns)))):
        said = predict(_stack(frame, some))
        answers += np.split(said, np.cumsum([len(probe.rows) for probe in some])[:-1])
    return answers


def _in_batches(probes: Sequence[Probe], at_most: int) -> Iterator[list[Probe]]:
    batch: list[Probe] = []
    rows = 0
    for probe in probes:
        if batch and rows + len(probe.rows) > at_most:
            yield batch
            batch, rows = [], 0
        batch.append(probe)
        rows += len(probe.rows)
    if batch:
        yield batch


def _stack(frame: pd.DataFrame, probes: Sequence[Probe]) -> pd.DataFrame:
    rows = np.concatenate([probe.rows for probe in probes])
    columns = {str(name): frame[name].to_numpy()[rows] for name in frame.columns}
    start = 0
    for probe in probes:
        end = start + len(probe.rows)
        for name, values in probe.columns.items():
            columns[name][start:end] = values
        start = end
    return pd.DataFrame(columns)
