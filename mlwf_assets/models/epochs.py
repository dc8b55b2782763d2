"""Training in epochs that can be stopped after each of them and gone on with later, with the same result.

The loop, early stopping and checkpoints; what an epoch does is the learner's business. A checkpoint holds all
that the next epoch depends on, and its name the fingerprint of what is trained on what, so that one of another
training is never taken up. Whoever recalls a GPU asks for a stop; whoever is killed loses one epoch.
"""

import hashlib
import io
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from mlwf_assets.models.families.base import Stopped

_log = logging.getLogger(__name__)
_DIGEST_BYTES = 16


class Learner(Protocol):
    """What is trained."""

    def run_epoch(self, epoch: int) -> None:
        """Learn from every row once; the same for the same epoch and state, whatever ran before."""

    def weights(self) -> dict[str, Tensor]:
        """A copy of what would be predicted with now."""

    def state(self) -> dict[str, Any]:
        """All that the next epoch depends on: tensors, numbers, lists and dictionaries."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to a state."""


@dataclass
class Progress:
    """How far a training is.

    Attributes:
        epochs: that were run.
        best_epoch: the one that the result is from; 0 before the first.
        scores: of each epoch, higher is better; empty where nothing is judged.
        weights: of the best epoch.
    """

    epochs: int = 0
    best_epoch: int = 0
    scores: list[float] = field(default_factory=list)
    weights: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Checkpoint:
    """Where a training keeps its state.

    Attributes:
        folder: may hold checkpoints of other trainings as well.
        fingerprint: of all that the training depends on.
    """

    folder: Path
    fingerprint: str

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / f"{self.fingerprint}.checkpoint"

    def write(self, state: Mapping[str, Any]) -> None:
        """Replace the checkpoint; a kill at any moment leaves the old one or the new one."""
        buffer = io.BytesIO()
        torch.save(state, buffer)
        content = buffer.getvalue()
        self.folder.mkdir(parents=True, exist_ok=True)
        unfinished = self.path.with_suffix(".unfinished")
        unfinished.write_bytes(_digest(content) + content)
        unfinished.replace(self.path)

    def read(self) -> dict[str, Any] | None:
        """What was written last; None if there is nothing, or nothing whole."""
        if not self.path.exists():
            return None
        written = self.path.read_bytes()
        digest, content = written[:_DIGEST_BYTES], written[_DIGEST_BYTES:]
        if digest != _digest(content):
            _log.warning("%s is damaged; training starts again at the first epoch", self.path)
            return None
        state: dict[str, Any] = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        return state

    def remove(self) -> None:
        """Leave nothing."""
        for path in (self.path, self.path.with_suffix(".unfinished")):
            path.unlink(missing_ok=True)


def train(
    learner: Learner,
    *,
    epochs: int,
    patience: int | None = None,
    judge: Callable[[], float] | None = None,
    checkpoint: Checkpoint | None = None,
    should_stop: Callable[[], bool],
    is_enough: Callable[[], bool] | None = None,
) -> Progress:
    """Train for some epochs, or until there was nothing better for a while.

    Args:
        learner: in its first state.
        epochs: at most so many.
        patience: so many epochs without a better score end the training; None: they do not.
        judge: scores what would be predicted with now, higher is better; None: the last epoch is the best.
        checkpoint: where state is kept after each epoch, and found again; removed when the training is done.
        should_stop: asked after each epoch.
        is_enough: asked after each epoch; True: it was the last one. The epochs that were best can be trained for
            again, so that what came of a lack of time can be repeated.

    Returns:
        The best epoch and its weights: the same bits, however often the training was stopped or killed.

    Raises:
        Stopped: if `should_stop` said so.
    """
    progress = _resume(learner, checkpoint)
    while progress.epochs < epochs and not _is_exhausted(progress, patience):
        learner.run_epoch(progress.epochs)
        progress.epochs += 1
        _note(progress, learner, judge)
        if checkpoint:
            checkpoint.write({"progress": vars(progress), "learner": learner.state()})
        if should_stop():
            raise Stopped(f"stopped after epoch {progress.epochs} of at most {epochs}")
        if is_enough is not None and is_enough():
            break
    if checkpoint:
        checkpoint.remove()
    return progress


def fingerprint_training(settings: Sequence[Any], tensors: Sequence[Tensor]) -> str:
    """Fingerprint what a training depends on.

    Args:
        settings: what has a text that says all of it: numbers, texts, lists and dictionaries of them.
        tensors: the rows, on the CPU.
    Example:
        >>> one = fingerprint_training([{"lr": 0.1}], [torch.zeros(2, 3)])
        >>> one == fingerprint_training([{"lr": 0.1}], [torch.zeros(3, 2)])
        False
    """
    digest = hashlib.blake2b(repr(settings).encode(), digest_size=_DIGEST_BYTES)
    for tensor in tensors:
        digest.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().numpy().data)
    return digest.hexdigest()


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).digest()


def _resume(learner: Learner, checkpoint: Checkpoint | None) -> Progress:
    state = checkpoint.read() if checkpoint else None
    if state is None:
        return Progress()
    learner.restore(state["learner"])
    progress = Progress(**state["progress"])
    _log.info("going on after epoch %d", progress.epochs)
    return progress


def _is_exhausted(progress: Progress, patience: int | None) -> bool:
    return patience is not None and progress.epochs - progress.best_epoch >= patience


def _note(progress: Progress, learner: Learner, judge: Callable[[], float] | None) -> None:
    """Take the weights over if they are better; where nothing can be judged, later is better."""
    best = progress.scores[progress.best_epoch - 1] if progress.scores else float("nan")
    if judge:
        progress.scores.append(judge())
    if math.isnan(best) or progress.scores[-1] > best:
        progress.best_epoch = progress.epochs
        progress.weights = learner.weights()
