"""TabM: an ensemble of small neural networks that share most of their weights.

Gorishniy et al. (2025), https://arxiv.org/abs/2410.24210: all members learn from the same batches, each with its own
loss, and their predictions are averaged. Here stand its configurations and the trained model; the network stands in
`tabm_network.py`, learning in `tabm_learner.py`, epochs and checkpoints in `epochs.py`, what a frame becomes in
`tabular_tensors.py`. See docs/models-tabm.md.
"""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F  # noqa: N812 (as everywhere in torch code)
from torch import Tensor

from mlwf_assets.models import epochs
from mlwf_assets.models.families.base import Context, Family, Fitted, Params, Problem, Rows
from mlwf_assets.models.families.tabm_design import Design, base_rate, make_design
from mlwf_assets.models.families.tabm_learner import Learner, Tensors, judge_with, to_tensors
from mlwf_assets.models.families.tabular_tensors import Encoder, encoder_from_json, fit_encoder
from mlwf_assets.models.families.torch_settings import torch_settings
from mlwf_assets.models.metrics import Array

if TYPE_CHECKING:
    import optuna

# Rows are predicted in blocks of exactly so many, the last one filled up: a row then gives the same bits whatever
# stands beside it, for products of another size may be summed in another order.
PREDICTED_ROWS = 128
_LARGE_ROWS = 50_000
# Members, and what made no difference that would be worth a search.
_FIXED = {"k": 8, "batch_rows": 1024, "averaging": 0.99}
_LEAST_BATCH_ROWS, _LEAST_SLICE_ROWS, _MOST_PATIENCE = 64, 256, 30
_LIBRARIES = ("torch", "tabm", "rtdl_num_embeddings")


class TabM(Family):
    """The family."""

    name = "tabm"
    distributions = (*_LIBRARIES, "numpy", "pandas", "scipy")

    def defaults(self, problem: Problem, *, rows: int) -> Sequence[Params]:
        """Return two shapes; on many rows they are made for speed, and there is less to be learned by heart."""
        if rows < _LARGE_ROWS:
            shapes = [{"blocks": 2, "width": 64, "embedding": 4}, {"blocks": 2, "width": 128, "embedding": 2}]
            decay = 1e-2
        else:
            shapes = [{"blocks": 2, "width": 64, "embedding": 1}, {"blocks": 1, "width": 96, "embedding": 1}]
            decay = 1e-1
        return [{**shape, "bins": 16, "learning_rate": 2e-3, "weight_decay": decay, **_FIXED} for shape in shapes]

    def suggest(self, trial: "optuna.trial.BaseTrial", problem: Problem, *, rows: int) -> Params:
        """Draw around the defaults; on many rows nothing that is much dearer than they are."""
        large = rows >= _LARGE_ROWS
        return {
            "blocks": trial.suggest_int("blocks", 1, 2 if large else 3),
            "width": trial.suggest_int("width", 32, 96 if large else 128, step=16),
            "embedding": trial.suggest_int("embedding", 1, 4 if large else 8, log=True),
            "bins": trial.suggest_int("bins", 8, 32, step=8),
            "learning_rate": trial.suggest_float("learning_rate", 5e-4, 5e-3, log=True),
            "weight_decay": trial.suggest_float("weight_decay", 1e-3, 1.0, log=True),
            **_FIXED,
        }

    def fit(
        self, params: Params, train: Rows, valid: Rows | None, *, problem: Problem, context: Context, rounds: int | None
    ) -> "TabMModel":
        """Train in epochs; with `context.checkpoint_dir`, go on where an equal training was interrupted."""
        encoder, tensors = _encode_training_rows(train, problem)
        design = make_design(problem, params, train.y)
        validation = None if valid is None or rounds is not None else _encode(valid, encoder, context.device)
        pace = find_pace(len(train.y), most_batch_rows=params["batch_rows"])
        # A slice that is too small to be worth a core is none.
        slices = (
            int(np.clip(pace.batch_rows // _LEAST_SLICE_ROWS, 1, context.threads)) if context.device == "cpu" else 1
        )
        with torch_settings(seed=context.seed), ThreadPoolExecutor(context.threads) as pool:
            learner = Learner(
                design,
                design.network(encoder, base_rate=base_rate(problem, train.y)).to(context.device),
                (tensors[0].to(context.device), tensors[1].to(context.device)),
                design.target(train.y).to(context.device),
                _weight(train, context.device),
                seed=context.seed,
                batch_rows=pace.batch_rows,
                slices=slices,
                pool=pool,
            )
            progress = epochs.train(
                learner,
                epochs=pace.epochs if rounds is None else rounds,
                patience=pace.patience,
                judge=None
                if validation is None or valid is None
                else judge_with(learner, *validation, problem.metric, valid.weight),
                checkpoint=_checkpoint(learner, encoder, validation, problem=problem, context=context, rounds=rounds),
                should_stop=context.should_stop,
                is_enough=context.is_enough if validation is not None else None,
            )
        return TabMModel(design, encoder, progress.weights, rounds=progress.best_epoch)

    def load(self, folder: Path) -> "TabMModel":
        """Load what `TabMModel.save` wrote."""
        written = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        with np.load(folder / "model.npz") as arrays:
            weights = {name: arrays[name] for name in arrays.files}
        encoder = encoder_from_json(written["encoder"], weights.pop("grid"))
        tensors = {name: torch.from_numpy(each) for name, each in weights.items()}
        return TabMModel(Design(**written["design"]), encoder, tensors, rounds=written["rounds"])


class TabMModel(Fitted):
    """A trained network; it predicts on the CPU, wherever it was trained.

    Args:
        design: what it is for.
        encoder: of the training rows.
        weights: of the network.
        rounds: epochs that they were trained for.
    """

    def __init__(self, design: Design, encoder: Encoder, weights: Mapping[str, Tensor], *, rounds: int) -> None:
        self.rounds = rounds
        self._design, self._encoder = design, encoder
        with torch_settings(seed=0):
            self._network = design.network(encoder).requires_grad_(requires_grad=False)
        self._network.load_state_dict(weights)

    def predict(self, frame: pd.DataFrame) -> Array:
        """Predict rows in blocks of one size."""
        numbers, codes = to_tensors(self._encoder.encode(frame))
        with torch_settings(), torch.inference_mode():
            starts = range(0, max(len(frame), 1), PREDICTED_ROWS)
            blocks = [
                self._predict_block(numbers[i : i + PREDICTED_ROWS], codes[i : i + PREDICTED_ROWS]) for i in starts
            ]
            return torch.cat(blocks).numpy()

    def _predict_block(self, numbers: Tensor, codes: Tensor) -> Tensor:
        filling = (0, 0, 0, PREDICTED_ROWS - len(numbers))
        said = self._network(F.pad(numbers, filling), F.pad(codes, filling))
        return self._design.predictions(said)[: len(numbers)]

    def save(self, folder: Path) -> None:
        """Write model.npz (weights, quantiles) and model.json (all else); entries of an npz bear no time."""
        arrays = {name: each.numpy() for name, each in self._network.state_dict().items()}
        np.savez(folder / "model.npz", grid=self._encoder.grid, **arrays)
        written = {"design": asdict(self._design), "encoder": self._encoder.to_json(), "rounds": self.rounds}
        (folder / "model.json").write_text(json.dumps(written, indent=1), encoding="utf-8")


@dataclass(frozen=True)
class Pace:
    """How a training goes on.

    Attributes:
        batch_rows: rows per step.
        epochs: at most so many.
        patience: epochs without a better score that end it.
    """

    batch_rows: int
    epochs: int
    patience: int


def find_pace(rows: int, *, most_batch_rows: int) -> Pace:
    """Choose a pace: a hundred steps per epoch or more, and patience for 200, as far as there are rows.

    An epoch on a share of the rows then is worth about as much as one on all of them, so that a number of epochs
    that was found on few rows holds for many.

    Example:
        >>> find_pace(225_000, most_batch_rows=1024)
        Pace(batch_rows=1024, epochs=8, patience=1)
        >>> find_pace(1_000, most_batch_rows=1024)
        Pace(batch_rows=64, epochs=104, patience=13)
    """
    batch_rows = min(most_batch_rows, max(_LEAST_BATCH_ROWS, 2 ** int(np.log2(max(rows / 100, 1)))))
    patience = int(np.clip(round(200 * batch_rows / rows), 1, _MOST_PATIENCE))
    return Pace(batch_rows, 8 * patience, patience)


def _encode_training_rows(train: Rows, problem: Problem) -> tuple[Encoder, Tensors]:
    """Encode the training rows, once for all trials."""
    if "tabm" not in train.memo:
        encoder = fit_encoder(train.frame, problem.features)
        train.memo["tabm"] = encoder, to_tensors(encoder.encode(train.frame))
    found: tuple[Encoder, Tensors] = train.memo["tabm"]
    return found


def _weight(train: Rows, device: str) -> Tensor | None:
    if train.weight is None:
        return None
    return torch.from_numpy((train.weight / train.weight.mean()).astype(np.float32)).to(device)


def _encode(rows: Rows, encoder: Encoder, device: str) -> tuple[Tensors, Array]:
    """Encode validation rows, once for all trials with these training rows."""
    if rows.memo.get("tabm_encoder") is not encoder:
        rows.memo.update({"tabm_encoder": encoder, "tabm_valid": to_tensors(encoder.encode(rows.frame))})
    numbers, codes = rows.memo["tabm_valid"]
    return (numbers.to(device), codes.to(device)), rows.y


def _checkpoint(
    learner: Learner,
    encoder: Encoder,
    validation: tuple[Tensors, Array] | None,
    *,
    problem: Problem,
    context: Context,
    rounds: int | None,
) -> epochs.Checkpoint | None:
    """Where this training, and no other, keeps its state."""
    if context.checkpoint_dir is None:
        return None
    settings = [
        [problem.kind, problem.classes, problem.metric.name, rounds],
        [context.seed, context.threads, context.device],
        [asdict(learner.design), [version(library) for library in _LIBRARIES]],
    ]
    arrays = [torch.from_numpy(encoder.grid), *learner.inputs, learner.target]
    arrays += [] if learner.weight is None else [learner.weight]
    if validation is not None:
        arrays += [*validation[0], torch.from_numpy(np.asarray(validation[1], dtype=np.float64))]
    fingerprint = epochs.fingerprint_training(settings, [each.cpu() for each in arrays])
    return epochs.Checkpoint(context.checkpoint_dir, fingerprint)
