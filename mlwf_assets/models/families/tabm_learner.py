"""A TabM network that learns, an epoch at a time; `epochs.py` decides how many.

AdamW at a constant rate. What predicts is the running average of the weights: it does what a falling rate would, and
does not depend on how many epochs are still to come. An epoch depends on its number, the seed and the state alone.
"""

import copy
import functools
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mlwf_assets.models.families.tabm_design import Design
from mlwf_assets.models.families.tabm_network import Network
from mlwf_assets.models.families.tabular_tensors import Inputs
from mlwf_assets.models.metrics import Array, Metric

# Large, for speed: scores steer the training and are no predictions that anybody keeps.
_JUDGED_ROWS = 4096
_GRADIENT_NORM = 1.0

Tensors = tuple[Tensor, Tensor]


def to_tensors(inputs: Inputs) -> Tensors:
    """Numbers and codes as tensors."""
    return torch.from_numpy(inputs.numbers), torch.from_numpy(inputs.codes)


class Learner:
    """A network that learns; see `epochs.Learner`.

    A batch is cut into slices, and each has a core to itself: sharing out every single operation costs more in
    waiting than it gives, and very much more on a machine that is not idle.

    Args:
        design: what the network is for.
        network: with its first weights.
        inputs: of the training rows.
        target: of the training rows.
        weight: of the training rows, 1 on average; None: all count the same.
        seed: of the order of rows.
        batch_rows: at most so many rows per step.
        slices: so many per batch; results depend on it, as sums do on the order.
        pool: where slices are computed; whether one after the other or at once makes no difference.
    """

    def __init__(
        self,
        design: Design,
        network: Network,
        inputs: Tensors,
        target: Tensor,
        weight: Tensor | None = None,
        *,
        seed: int,
        batch_rows: int,
        slices: int,
        pool: Executor,
    ) -> None:
        self.design, self.inputs, self.target, self.weight = design, inputs, target, weight
        self._seed, self._batch_rows, self._slices, self._pool = seed, batch_rows, slices, pool
        self._network, self._average, self._steps = network, copy.deepcopy(network).requires_grad_(False), 0
        self._parameters = list(network.parameters())
        self._averages = list(self._average.parameters())
        self._optimizer = torch.optim.AdamW(
            _parameter_groups(network, design.params["weight_decay"]), lr=design.params["learning_rate"], fused=True
        )

    def run_epoch(self, epoch: int) -> None:
        """Learn in an order that is drawn from seed and epoch: no generator whose state would have to be kept."""
        rows = len(self.target)
        order = torch.from_numpy(np.random.default_rng([self._seed % 2**32, epoch]).permutation(rows))
        for batch in order.to(self.target.device).tensor_split(-(-rows // self._batch_rows)):
            self._learn(batch)

    def _learn(self, batch: Tensor) -> None:
        slices = self._pool.map(self._gradients, batch.tensor_split(self._slices))
        for parameter, *gradients in zip(self._parameters, *slices, strict=True):
            # Summed in the order of the slices, whichever was ready first. The fused optimizer takes memory as it
            # lies, and the gradient of what was multiplied transposed lies transposed.
            parameter.grad = (functools.reduce(torch.add, gradients) / len(batch)).contiguous()
        torch.nn.utils.clip_grad_norm_(self._parameters, _GRADIENT_NORM)
        self._optimizer.step()
        self._steps += 1
        # While there is little to average, the average is over little (as in TensorFlow's moving averages).
        keep = min(self.design.params["averaging"], (1 + self._steps) / (10 + self._steps))
        with torch.no_grad():
            for average, parameter in zip(self._averages, self._parameters, strict=True):
                average.lerp_(parameter, 1 - keep)

    def _gradients(self, rows: Tensor) -> Sequence[Tensor]:
        """Gradients of the sum of the losses of some rows."""
        said = self._network(*(each[rows] for each in self.inputs))
        weight = None if self.weight is None else self.weight[rows]
        return torch.autograd.grad(self.design.loss(said, self.target[rows], weight) * len(rows), self._parameters)

    def predict(self, inputs: Tensors) -> Array:
        """Predict with the averaged weights."""
        blocks = zip(*(torch.split(each, _JUDGED_ROWS) for each in inputs), strict=True)
        return np.concatenate(list(self._pool.map(self._predict_block, blocks)))

    def _predict_block(self, block: Tensors) -> Array:
        with torch.inference_mode():
            return self.design.predictions(self._average(*block)).cpu().numpy()

    def weights(self) -> dict[str, Tensor]:
        """Copy the averaged weights to the CPU."""
        return {name: each.cpu().clone() for name, each in self._average.state_dict().items()}

    def state(self) -> dict[str, Any]:
        """Give the weights, their average, and the state of the optimizer."""
        return {
            "network": self._network.state_dict(),
            "average": self._average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "steps": self._steps,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to a state."""
        self._network.load_state_dict(state["network"])
        self._average.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._steps = state["steps"]


def _parameter_groups(network: Network, weight_decay: float) -> list[dict[str, Any]]:
    """Weights of the perceptrons decay; scales, biases and embeddings do not."""
    decaying: list[Tensor] = []
    others: list[Tensor] = []
    for name, each in network.named_parameters():
        is_matrix = name.startswith(("backbone", "output")) and name.endswith("weight")
        (decaying if is_matrix else others).append(each)
    return [{"params": decaying, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


def judge_with(
    learner: Learner, inputs: Tensors, y: Array, metric: Metric, weight: Array | None = None
) -> Callable[[], float]:
    """How well the learner predicts rows as it is when asked; higher is better."""
    truth = np.asarray(y, dtype=np.float64)
    weights = np.ones((1, len(truth))) if weight is None else weight[None]
    sign = 1.0 if metric.higher_is_better else -1.0

    def judge() -> float:
        applied = metric.prepare(truth, learner.predict(inputs), 0.5)
        return sign * float(applied(weights)[0])

    return judge
