"""What a TabM network is for: how it is built, what it is told, how wrong it is, what its outputs mean.

One place for all that differs between binary, multiclass and regression problems. Layers stand in
`tabm_network.py`, learning in `tabm_learner.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (as everywhere in torch code)
from torch import Tensor

from mlwf_assets.models.families.base import Params, Problem
from mlwf_assets.models.families.tabm_network import Network
from mlwf_assets.models.families.tabular_tensors import OWN_CODES, Encoder
from mlwf_assets.models.metrics import Array
from mlwf_assets.spec.names import Kind


@dataclass(frozen=True)
class Design:
    """What a network is for and how it is built; JSON values.

    Attributes:
        kind: binary, multiclass or regression.
        outputs: per member and row.
        params: the configuration.
        center, spread: of the target, for regression.
    """

    kind: Kind
    outputs: int
    params: Mapping[str, Any]
    center: float = 0.0
    spread: float = 1.0

    def network(self, encoder: Encoder, *, base_rate: Array | None = None) -> Network:
        """Make a network with new weights that says the base rate, or about zero, of every row."""
        network = Network(
            edges=encoder.bin_edges(self.params["bins"]),
            gaps=len(encoder.gaps),
            cardinalities=encoder.cardinalities,
            outputs=self.outputs,
            own_codes=OWN_CODES,
            **{name: self.params[name] for name in ("k", "blocks", "width", "embedding")},
        )
        if base_rate is not None:
            with torch.no_grad():
                network.output.bias += torch.from_numpy(base_rate.astype(np.float32))
        return network

    def target(self, y: Array) -> Tensor:
        """What the network is to say: (n,)."""
        if self.kind == "multiclass":
            return torch.from_numpy(np.asarray(y, dtype=np.int64))
        values = (np.asarray(y, dtype=np.float64) - self.center) / self.spread
        return torch.from_numpy(values.astype(np.float32))

    def loss(self, said: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
        """Mean loss over rows and members.

        Args:
            said: (k, n, outputs).
            target: (n,).
            weight: (n,) how much each row counts; None: all the same.
        """
        if weight is not None:
            return (self._losses(said, target, "none").reshape(len(said), -1) * weight).mean()
        return self._losses(said, target, "mean")

    def _losses(self, said: Tensor, target: Tensor, reduction: str) -> Tensor:
        if self.kind == "multiclass":
            return F.cross_entropy(said.flatten(0, 1), target.repeat(len(said)), reduction=reduction)
        compare = F.binary_cross_entropy_with_logits if self.kind == "binary" else F.mse_loss
        return compare(said.squeeze(-1), target.expand(len(said), -1), reduction=reduction)

    def predictions(self, said: Tensor) -> Tensor:
        """Average what the members predict: (k, n, outputs) to (n,) or (n, classes)."""
        if self.kind == "multiclass":
            return said.double().softmax(-1).mean(0)
        one = said.squeeze(-1).double()
        return one.sigmoid().mean(0) if self.kind == "binary" else one.mean(0) * self.spread + self.center


def make_design(problem: Problem, params: Params, y: Array) -> Design:
    """Design a network.

    Args:
        problem: what is to be learned.
        params: the configuration.
        y: (n,) of the training rows.
    """
    # In one order, so that the same model is written in the same bytes.
    ordered = dict(sorted(params.items()))
    if problem.kind != "regression":
        return Design(problem.kind, problem.classes if problem.kind == "multiclass" else 1, ordered)
    values = np.asarray(y, dtype=np.float64)
    return Design("regression", 1, ordered, float(values.mean()), float(values.std()) or 1.0)


def base_rate(problem: Problem, y: Array) -> Array:
    """What a network is to say that has seen no row yet: (outputs,), before the link function.

    Classes count one row more than there are, for no class is impossible.

    Example:
        >>> from mlwf_assets.models.metrics import find_metric
        >>> base_rate(Problem("binary", [], 2, find_metric("roc_auc")), np.array([0, 0, 1, 0])).round(3)
        array([-0.693])
    """
    if problem.kind == "regression":
        return np.zeros(1)
    counts = np.bincount(np.asarray(y, dtype=np.int64), minlength=problem.classes) + 1.0
    logits = np.log(counts / counts.sum())
    return np.asarray(logits[1:] - logits[:1] if problem.kind == "binary" else logits)
