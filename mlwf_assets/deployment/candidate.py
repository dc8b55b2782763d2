"""What is known of a model that is about to be deployed: its files, its figures, where it came from.

Plain values, filled by the assets and read by the registry and the card. A candidate's fingerprint is what
makes registering it twice the same as registering it once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from mlwf_assets.lake.fingerprint import hash_bytes, hash_json

_FEW_PARTITIONS = 60


@dataclass(frozen=True)
class Origin:
    """Where a model came from.

    Attributes:
        run_id: the Dagster run.
        asset: the asset's key, 'flights/deployment/model'.
        partitions: the partitions whose rows it learned from, in order.
        tables: table -> version and fingerprint in words, e.g. 'version 3, 5f0c...'.
    """

    run_id: str = ""
    asset: str = ""
    partitions: Sequence[str] = ()
    tables: Mapping[str, str] = field(default_factory=dict)

    def partitions_in_words(self) -> str:
        """All of them where they are few; MLflow's tags take some thousand characters.

        Example:
            >>> Origin(partitions=["2013-01", "2013-02"]).partitions_in_words()
            '2013-01, 2013-02'
        """
        if len(self.partitions) <= _FEW_PARTITIONS:
            return ", ".join(self.partitions)
        return f"{self.partitions[0]} to {self.partitions[-1]} ({len(self.partitions)})"

    def run_link(self) -> str:
        """The Dagster run's page below the gateway's address.

        Example:
            >>> Origin(run_id="ab12").run_link()
            '/runs/ab12'
        """
        return f"/runs/{self.run_id}" if self.run_id else ""

    def asset_link(self) -> str:
        """The asset's page below the gateway's address."""
        return f"/assets/{self.asset}" if self.asset else ""


@dataclass(frozen=True)
class Candidate:
    """A trained and evaluated model.

    Attributes:
        workflow: the workflow's name; the experiment in MLflow.
        registered_model: the name in the registry.
        alias: moved to it when it is deployed.
        kind: 'binary', 'multiclass' or 'regression'.
        predictor: the folder that `models.predictor.export` wrote.
        features: name, kind ('numeric', 'categorical', 'boolean') and words of each column it takes.
        example: (rows, features) of the matrix: its columns' missing values tell what may be missing, its
            first rows are the input example.
        metrics: name -> value on the test rows.
        intervals: name -> (low, high) of the same.
        params: what people would filter by: families, metric, threshold, rows.
        classes: in the order of the predictor; empty for a regression.
        threshold: of the positive class.
        positive: what the probability of a binary model is of, in words.
        question: what it answers.
        owner: who answers for it.
        files: name -> bytes, put beside the predictor and its run: features.json, definitions.json, report.html.
        run_files: the same, put beside its run alone.
        report_link: the report's page below the gateway's address.
        origin: where it came from.
    """

    workflow: str
    registered_model: str
    kind: str
    predictor: Path
    features: Sequence[Mapping[str, Any]]
    example: pd.DataFrame
    metrics: Mapping[str, float]
    alias: str = "champion"
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    classes: Sequence[Any] = ()
    threshold: float = 0.5
    positive: str = "true"
    question: str = ""
    owner: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)
    run_files: Mapping[str, bytes] = field(default_factory=dict)
    report_link: str = ""
    origin: Origin = field(default_factory=Origin)

    @cached_property
    def fingerprint(self) -> str:
        """Of what it predicts and how well: the predictor's files, its columns, its test metrics."""
        files = {
            path.relative_to(self.predictor).as_posix(): hash_bytes(path.read_bytes())
            for path in sorted(self.predictor.rglob("*"))
            if path.is_file()
        }
        metrics = {name: repr(float(value)) for name, value in self.metrics.items()}
        columns = [[feature["name"], feature["kind"]] for feature in self.features]
        return hash_json([self.registered_model, self.kind, files, columns, metrics])

    @property
    def columns(self) -> list[str]:
        """The names of the features, in order."""
        return [str(feature["name"]) for feature in self.features]
