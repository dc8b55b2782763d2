"""The champion, ready to score: the registered model, what it takes, and what it gives for a row.

Opened from the registry alone, so that what predicts is what was deployed, whatever was trained since. Which
rows it is given is the business of `batch.py`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from mlwf_assets.deployment.champion import find_champion
from mlwf_assets.deployment.store import has_store, open_store
from mlwf_assets.errors import ModelError, SpecError
from mlwf_assets.spec.names import Kind
from mlwf_assets.spec.workflow import Workflow

_FEATURES = "features.json"


@dataclass(frozen=True)
class Champion:
    """A registered model.

    Attributes:
        name: in the registry.
        version: its number there.
        kind: binary, multiclass or regression.
        classes: in the order of the probabilities; none for a regression.
        features: name, kind and columns of each column that it takes.
        model: as MLflow loads it.
    """

    name: str
    version: int
    kind: Kind
    classes: tuple[str, ...]
    features: Sequence[Mapping[str, Any]]
    model: Any

    @property
    def title(self) -> str:
        """How people call it.

        Example:
            >>> Champion("trip-late", 3, "binary", ("false", "true"), (), None).title
            'trip-late version 3'
        """
        return f"{self.name} version {self.version}"

    def columns(self) -> dict[str, pa.DataType]:
        """The columns that it gives, with their types.

        Example:
            >>> list(Champion("trip-late", 3, "binary", ("false", "true"), (), None).columns())
            ['prediction', 'probability_false', 'probability_true']
        """
        label = {"binary": pa.bool_(), "multiclass": pa.string(), "regression": pa.float64()}[self.kind]
        return {"prediction": label, **{f"probability_{name}": pa.float64() for name in self.classes}}

    def score(self, frame: pd.DataFrame) -> pa.Table:
        """Predict rows of features; the same bits for a row whatever rows stand beside it.

        Args:
            frame: (n, features) at least the columns that the model takes.
        Returns:
            (n, ...) the columns of `columns`.
        """
        columns = self.columns()
        if frame.empty:
            return pa.schema(list(columns.items())).empty_table()
        taken = frame[[str(one["name"]) for one in self.features]]
        said = self.model.predict(taken, params={"output": "table"})
        return pa.table({name: pa.array(said[name].to_numpy(), kind) for name, kind in columns.items()})


def load_champion(home: Path, workflow: Workflow) -> Champion:
    """Load the model version that the workflow's alias points to.

    Args:
        home: the folder of all state.
        workflow: says under which name and alias it deploys.
    Raises:
        SpecError: if the workflow deploys no model.
        ModelError: if none is registered, or it was made by another version of this package.
    """
    if workflow.deployment is None:
        raise SpecError(
            f"{workflow.locate(())}: the registered model makes predictions, so there must be a 'deployment: "
            f"{{registered_model: NAME}}', however: there is none"
        )
    spec = workflow.deployment
    version = find_champion(open_store(home), spec.registered_model, alias=spec.alias) if has_store(home) else None
    if version is None:
        raise ModelError(
            f"there must be a registered model {spec.registered_model}@{spec.alias} in {home}, however: there is none; "
            f"run 'mlwf run {workflow.name}', and see in its summary whether the gate let the model pass"
        )
    return _load(version, spec.registered_model)


def _load(version: Any, name: str) -> Champion:
    import mlflow

    try:
        model = mlflow.pyfunc.load_model(version.source)
        facts = model.metadata.metadata or {}
        kind, classes = facts["kind"], tuple(_in_words(one, facts["kind"]) for one in facts["classes"])
        file = mlflow.artifacts.download_artifacts(artifact_uri=f"{version.source}/artifacts/{_FEATURES}")
        features = json.loads(Path(file).read_bytes())
    except (mlflow.MlflowException, KeyError, OSError, ValueError) as error:
        raise ModelError(
            f"{name} version {version.version} must be whole in {version.source}, however: {error}; put its files "
            f"back there (models stay where their home was when they were registered)"
        ) from error
    return Champion(name, int(version.version), kind, classes, features, model)


def _in_words(name: str, kind: Kind) -> str:
    """As the scorer names probabilities: of a binary problem 'true' and 'false'."""
    return name.lower() if kind == "binary" else name
