"""What predicts: the members of a blend, their weights, the calibration, the threshold; and its form on disk.

Native files only: each member writes its own, `predictor.json` says the rest, and `own.json` holds the Python
files of the workflow where one of them is a family. A member is loaded when it is
asked for, so that one without weight costs nothing. How weights are chosen stands in `ensemble.py`.
"""

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlwf_assets.errors import ModelError
from mlwf_assets.models.calibration import Calibration
from mlwf_assets.models.families.base import Fitted
from mlwf_assets.models.families.mean import load_fitted
from mlwf_assets.models.families.registry import find_family
from mlwf_assets.models.metrics import Array
from mlwf_assets.spec.extensions import NO_CODE, OwnCode
from mlwf_assets.spec.names import Kind
from mlwf_assets.spec.own_code import unpack

FOLDER = "predictor"
OWN_FILE = "own.json"
_FILE = "predictor.json"


@dataclass(frozen=True)
class Predictor:
    """A blend of trained models.

    Attributes:
        kind: binary, multiclass or regression.
        features: the columns that it takes.
        classes: (False, True), text in the order of the predictions' columns, or none for a regression.
        threshold: of a binary decision.
        members: name -> model; those without weight are there to be looked at.
        weights: name -> share of the blend; they sum to 1.
        calibration: of the blend.
    """

    kind: Kind
    features: tuple[str, ...]
    classes: tuple[Any, ...]
    threshold: float
    members: Mapping[str, Fitted]
    weights: Mapping[str, float]
    calibration: Calibration = field(default_factory=Calibration)

    def predict(self, frame: pd.DataFrame) -> Array:
        """Predict rows.

        Returns:
            (n,) probability of True, (n, classes), or (n,) values; the same bits for a row whatever rows
            stand beside it.
        """
        return self.blend({name: self.members[name].predict(frame) for name, w in self.weights.items() if w > 0})

    def blend(self, said: Mapping[str, Array]) -> Array:
        """Join what the members with a weight said about some rows."""
        return self.calibration.apply(weigh(said, self.weights), self.kind)


def weigh(said: Mapping[str, Array], weights: Mapping[str, float]) -> Array:
    """Average predictions, in the order of the weights.

    Example:
        >>> weigh({"a": np.array([0.0]), "b": np.array([1.0])}, {"a": 0.25, "b": 0.75}).tolist()
        [0.75]
    """
    parts = [weight * said[name] for name, weight in weights.items() if weight > 0]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return np.asarray(total)


def export(predictor: Predictor, folder: Path) -> None:
    """Write a predictor into a folder that is made, with a folder per member; the same bytes for the same one."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _FILE).write_bytes(describe(predictor))
    for name in predictor.weights:
        place = folder / "members" / name
        place.mkdir(parents=True, exist_ok=True)
        predictor.members[name].save(place)


def describe(predictor: Predictor) -> bytes:
    """Write what is not a member's business as JSON."""
    facts = {
        "kind": predictor.kind,
        "features": list(predictor.features),
        "classes": list(predictor.classes),
        "threshold": predictor.threshold,
        "weights": dict(predictor.weights),
        "calibration": asdict(predictor.calibration),
    }
    return json.dumps(facts, indent=1, ensure_ascii=False).encode()


def load(folder: Path) -> Predictor:
    """Load what `export` wrote; the folder must stay where it is while the predictor is used.

    Raises:
        ModelError: if there is no predictor, or it is damaged.
    """
    try:
        facts = json.loads((folder / _FILE).read_bytes())
        return Predictor(
            kind=facts["kind"],
            features=tuple(facts["features"]),
            classes=tuple(facts["classes"]),
            threshold=facts["threshold"],
            members=_Members(folder / "members", tuple(facts["weights"]), _read_own(folder / OWN_FILE)),
            weights=facts["weights"],
            calibration=Calibration(**facts["calibration"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{folder} must hold a predictor, however: {error}; train the workflow again") from error


def _read_own(file: Path) -> OwnCode:
    """The Python files of the workflow, where they hold a family."""
    return unpack(file.read_bytes()) if file.exists() else NO_CODE


class _Members(Mapping[str, Fitted]):
    """Models that are loaded when they are asked for."""

    def __init__(self, folder: Path, names: tuple[str, ...], own: OwnCode) -> None:
        self._folder, self._names, self._own = folder, names, own
        self._loaded: dict[str, Fitted] = {}

    def __getitem__(self, name: str) -> Fitted:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._loaded:
            self._loaded[name] = load_fitted(find_family(name, self._own), self._folder / name)
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@contextmanager
def unpacked(files: Mapping[str, bytes]) -> Iterator[Path]:
    """Write the files 'predictor/...' of a result to a folder, and give it for as long as the context lasts."""
    with tempfile.TemporaryDirectory(prefix="mlwf-predictor-") as place:
        for name, content in files.items():
            if name.startswith(f"{FOLDER}/"):
                path = Path(place) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        yield Path(place) / FOLDER


@contextmanager
def loaded(files: Mapping[str, bytes]) -> Iterator[Predictor]:
    """Give the predictor among the files of a result, for as long as the context lasts."""
    with unpacked(files) as folder:
        yield load(folder)
