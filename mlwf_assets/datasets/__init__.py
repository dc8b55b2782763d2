"""Datasets: which predictions are made and when (`examples`), and how they are divided (`splits`).

Nothing here knows features or models. What may not reach across a split is checked on the tables that were
made (`leaks`), not on how they were made.
"""

from mlwf_assets.datasets.examples import make_examples
from mlwf_assets.datasets.labels import label_kind
from mlwf_assets.datasets.sample import take_sample
from mlwf_assets.datasets.splits import split_examples

__all__ = ["label_kind", "make_examples", "split_examples", "take_sample"]
