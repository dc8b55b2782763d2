"""A TabM network that learns, an epoch at a time; `epochs.py` decides how many.

AdamW at a constant rate. What predicts is the running average of the weights: it does what a falling rate would, and
does not depend on how many epochs are still to come. An epoch depends on its number, the seed and the state alone.
"""

from collections.abc import Callable, Mapping
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
    """A network that learns; see `epochs.Learner`."""

    def __init__(
        self, design: Design, network: Network, inputs: Tensors, target: Tensor, *, seed: int, batch_rows: int
    ) -> None:
        self.network, self.inputs, self.target = network, inputs, target
        self.design, self._seed, self._batch_rows, self._steps = design, seed, batch_rows, 0
        self._parameters = dict(network.named_parameters())
        self._averaged = {name: each.detach().clone() for name, each in self._parameters.items()}
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
        self._optimizer.zero_grad()
        said = self.network(*(each[batch] for each in self.inputs))
        torch.autograd.backward(self.design.loss(said, self.target[batch]))
        torch.nn.utils.clip_grad_norm_(self._parameters.values(), _GRADIENT_NORM)
        self._optimizer.step()
        self._steps += 1
        # While there is little to average, the average is over little (as in TensorFlow's moving averages).
        keep = min(self.design.params["averaging"], (1 + self._steps) / (10 + self._steps))
        with torch.no_grad():
            for name, each in self._parameters.items():
                self._averaged[name].lerp_(each, 1 - keep)

    def predict(self, inputs: Tensors) -> Array:
        """Predict with the averaged weights."""
        blocks = zip(*(torch.split(each, _JUDGED_ROWS) for each in inputs), strict=True)
        with torch.inference_mode():
            said = [torch.func.functional_call(self.network, self._averaged, block) for block in blocks]
            return self.design.predictions(torch.cat(said, dim=1)).cpu().numpy()

    def weights(self) -> dict[str, Tensor]:
        """Copy the averaged weights, and what is no weight, to the CPU."""
        return {
            name: each.detach().cpu().clone() for name, each in (self.network.state_dict() | self._averaged).items()
        }

    def state(self) -> dict[str, Any]:
        """Give the weights, their average, and the state of the optimizer."""
        return {
            "network": self.network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "averaged": self._averaged,
            "steps": self._steps,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to a state."""
        self.network.load_state_dict(state["network"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._averaged = {name: each.to(self.target.device) for name, each in state["averaged"].items()}
        self._steps = state["steps"]


def _parameter_groups(network: Network, weight_decay: float) -> list[dict[str, Any]]:
    """Weights of the perceptrons decay; scales, biases and embeddings do not."""
    decaying: list[Tensor] = []
    others: list[Tensor] = []
    for name, each in network.named_parameters():
        is_matrix = name.startswith(("backbone", "output")) and name.endswith("weight")
        (decaying if is_matrix else others).append(each)
    return [{"params": decaying, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


def judge_with(learner: Learner, inputs: Tensors, y: Array, metric: Metric) -> Callable[[], float]:
    """How well the learner predicts rows as it is when asked; higher is better."""
    truth = np.asarray(y, dtype=np.float64)
    sign = 1.0 if metric.higher_is_better else -1.0

    def judge() -> float:
        applied = metric.prepare(truth, learner.predict(inputs), 0.5)
        return sign * float(applied(np.ones((1, len(truth))))[0])

    return judge
