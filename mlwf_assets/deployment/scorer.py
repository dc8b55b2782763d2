"""What a registered model runs: MLflow copies this file into the model and executes it to load it.

It holds no logic of models: the folder `predictor` among the artifacts is handed to
`models.predictor.load`, and its numbers are given back untouched. Nothing in mlwf_assets imports this file.
"""

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc.model import PythonModel


class Scorer(PythonModel):
    """The pipeline's predictor behind MLflow's interface."""

    def load_context(self, context: Any) -> None:
        """Load the native artifacts."""
        from mlwf_assets.models.predictor import load

        self.predictor: Any = load(Path(context.artifacts["predictor"]))

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> np.ndarray[Any, Any] | pd.DataFrame:
        """Score rows of features.

        Args:
            context: unused; the artifacts are loaded already.
            model_input: the columns of the signature; those that may be missing are filled up.
            params: `output`: 'score' gives the predictor's own numbers, an array (rows,) of the positive
                class's probability or of the value, or (rows, classes); 'label' gives an array (rows,) of
                classes; 'table' gives a frame with `prediction` and a `probability_CLASS` for each class.

        Raises:
            ValueError: if `output` is another word.
        """
        output = (params or {}).get("output", "score")
        if output not in ("score", "label", "table"):
            raise ValueError(f"params: output must be score, label or table, however: {output!r}")
        frame = model_input.reindex(columns=list(self.predictor.features))
        scores = np.asarray(self.predictor.predict(frame))
        if output == "score":
            return scores
        labels = self._label(scores)
        return labels if output == "label" else self._table(scores, labels)

    def _label(self, scores: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        classes = self.predictor.classes
        if classes is None or len(classes) == 0:
            return scores
        names = np.asarray(list(classes))
        if scores.ndim == 2:
            return np.asarray(names[scores.argmax(axis=1)])
        return np.asarray(names[(scores >= self.predictor.threshold).astype(int)])

    def _table(self, scores: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]) -> pd.DataFrame:
        table = pd.DataFrame({"prediction": labels})
        classes = self.predictor.classes
        if classes is not None and len(classes):
            columns = np.column_stack([1 - scores, scores]) if scores.ndim == 1 else scores
            for i, name in enumerate(classes):
                table[f"probability_{str(name).lower() if isinstance(name, bool) else name}"] = columns[:, i]
        return table


mlflow.models.set_model(Scorer())
