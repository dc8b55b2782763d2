"""Metrics that the workflow's own Python files add: there while the workflow's models are trained and judged."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from mlwf_assets.cleaning.row_functions import own_words
from mlwf_assets.errors import DataError
from mlwf_assets.models.metrics import Applied, Array, Metric, more_metrics
from mlwf_assets.spec import extensions
from mlwf_assets.spec.extensions import OwnCode
from mlwf_assets.spec.names import KINDS
from mlwf_assets.spec.own_code import load_object, raised_at


@contextmanager
def own_metrics(own: OwnCode) -> Iterator[None]:
    """Have a workflow's own metrics beside the others.

    Args:
        own: the workflow's Python files.
    """
    found = own.of(extensions.Metric)
    with more_metrics({kind: [_metric(own, one) for one in found if kind in one.kinds] for kind in KINDS}):
        yield


def _metric(own: OwnCode, extension: extensions.Metric) -> Metric:
    def prepare(truth: Array, prediction: Array, threshold: float) -> Applied:
        function = load_object(own, extension)

        def apply(weights: Array) -> Array:
            try:
                return np.array([float(function(truth, prediction, weight)) for weight in weights])
            except Exception as error:
                raise DataError(
                    f"{raised_at(own, error) or extension.place + ': '}must give a number for truth, prediction and "
                    f"weight of {len(truth):,} rows, however: {type(error).__name__}: {error}"
                ) from error

        return apply

    return Metric(
        extension.name,
        extension.name.replace("_", " ").capitalize(),
        extension.higher_is_better,
        prepare,
        probability=extension.probability,
        words=own_words(extension)[:1].lower() + own_words(extension)[1:],
    )
