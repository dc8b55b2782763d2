"""A candidate as an MLflow model on disk: code, native artifacts, signature, requirements. No registry here.

Nothing of ours is pickled: the model's code is `scorer.py`, its state the predictor's own files.
Source: MLflow, "Models from Code".
"""

import importlib.metadata
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from mlwf_assets.deployment.candidate import Candidate
from mlwf_assets.models.families.estimator import EstimatorFamily
from mlwf_assets.models.families.registry import family_names, find_family
from mlwf_assets.models.predictor import OWN_FILE, load
from mlwf_assets.spec.own_code import unpack
from mlwf_assets.spec.own_libraries import own_versions

# What a predictor may need at prediction time; those that are not installed are not required.
DISTRIBUTIONS = (
    "mlflow", "mlwf_assets", "numpy", "pandas", "scipy", "lightgbm", "torch", "tabm", "rtdl_num_embeddings",
)  # fmt: skip
_EXAMPLE_ROWS = 5
_SCORER = Path(__file__).with_name("scorer.py")


def pin_requirements(distributions: Sequence[str] = DISTRIBUTIONS) -> list[str]:
    """The installed versions, as requirements.

    Example:
        >>> pin_requirements(["numpy", "no-such-thing"])  # doctest: +ELLIPSIS
        ['numpy==...']
    """
    pins = []
    for name in dict.fromkeys(distributions):
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        # '2.13.0+cpu' names a build that package indexes do not know.
        pins.append(f"{name}=={re.sub(r'[+].*', '', version)}")
    return pins


def make_signature(candidate: Candidate) -> Any:
    """The named columns with their types; a column with missing values may be missing altogether."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema, TensorSpec

    may_miss = candidate.example[candidate.columns].isna().any()
    inputs: list[ColSpec | TensorSpec] = [
        ColSpec(
            DataType.string if feature["kind"] == "categorical" else DataType.double,
            name=str(feature["name"]),
            required=not bool(may_miss[feature["name"]]),
        )
        for feature in candidate.features
    ]
    shape = (-1, len(candidate.classes)) if candidate.kind == "multiclass" else (-1,)
    return ModelSignature(
        inputs=Schema(inputs),
        outputs=Schema([TensorSpec(np.dtype(np.float64), shape)]),
        params=ParamSchema([ParamSpec("output", DataType.string, "score")]),
    )


@contextmanager
def saved_model(candidate: Candidate, *, run_id: str, model_id: str) -> Iterator[Path]:
    """The candidate as a model folder, as long as the context lasts.

    Args:
        candidate: what is saved.
        run_id: the MLflow run that it belongs to.
        model_id: of the logged model that the folder will fill.
    """
    import mlflow
    from mlflow.models import Model

    with tempfile.TemporaryDirectory(prefix="mlwf-model-") as folder:
        target = Path(folder) / "model"
        mlflow.pyfunc.save_model(
            path=str(target),
            mlflow_model=Model(run_id=run_id, model_id=model_id, model_uuid=model_id),
            python_model=str(_SCORER),
            artifacts=_write_artifacts(candidate, Path(folder) / "files"),
            signature=make_signature(candidate),
            input_example=candidate.example[candidate.columns].head(_EXAMPLE_ROWS).reset_index(drop=True),
            pip_requirements=pin_requirements([*DISTRIBUTIONS, *_distributions(candidate.predictor)]),
            metadata=_facts(candidate),
        )
        yield target


def _distributions(predictor: Path) -> list[str]:
    """What the members of the blend need, and what the workflow's own families import."""
    known = [name for name in load(predictor).weights if name in family_names()]
    needed = [library for name in known for library in find_family(name).distributions]
    file = predictor / OWN_FILE
    own = [*EstimatorFamily.distributions, *own_versions(unpack(file.read_bytes()))] if file.exists() else []
    return [*needed, *own]


def _write_artifacts(candidate: Candidate, folder: Path) -> dict[str, str]:
    """Write the files that go with the predictor; name -> path, as MLflow wants its artifacts."""
    paths = {"predictor": str(candidate.predictor)}
    for name, content in sorted(candidate.files.items()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        top = name.split("/")[0]
        paths[top] = str(folder / top)
    return paths


def _facts(candidate: Candidate) -> dict[str, Any]:
    return {
        "workflow": candidate.workflow,
        "kind": candidate.kind,
        "classes": [str(name) for name in candidate.classes],
        "threshold": candidate.threshold,
        "fingerprint": candidate.fingerprint,
    }
