"""Which model families are tried, for how long, judged how; and what a GPU would be asked for."""

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from mlwf_assets.spec.base import Duration, Names, SpecModel
from mlwf_assets.spec.names import Way


class Budget(SpecModel):
    """How much tuning: seconds for people, trials for exact repetition; a duration alone may stand for it."""

    seconds: Duration | None = Field(default=None, description="Wall time over all families.")
    trials: int | None = Field(default=None, ge=1, description="Trials per family; the same content again.")

    @model_validator(mode="after")
    def _one(self) -> "Budget":
        if (self.seconds is None) == (self.trials is None):
            raise ValueError("must be a duration such as '4min', or {trials: N}, and not both")
        return self


def _duration_alone(value: Any) -> Any:
    if isinstance(value, int | float):
        raise ValueError(f"must be a duration such as '4min', or {{trials: N}}, however: {value}")  # noqa: TRY004 (for pydantic)
    return {"seconds": value} if isinstance(value, str) else value


class GpuRequest(SpecModel):
    """What is asked of the GPU quota."""

    queue: str = Field(description="The queue.")
    gpus: float = Field(default=1.0, gt=0, description="Whole GPUs, or a fraction of one.")
    memory_mib: int | None = Field(default=None, ge=1, description="Instead of a fraction: memory of one GPU.")
    priority: int | None = Field(default=None, description="Among the jobs of the queue; below 100 may be preempted.")
    backend: Literal["ledger", "kubernetes"] = Field(
        default="ledger", description="Who grants it: this machine's ledger, or KAI-Scheduler on a cluster."
    )
    grace_s: int = Field(
        default=60, ge=1, description="kubernetes: seconds from an eviction to SIGKILL; the ledger's is in gpu.yaml."
    )


class Models(SpecModel):
    """Model selection."""

    families: Names = Field(default=("linear", "lightgbm", "tabm"), description="The families, an asset each.")
    metric: str | None = Field(
        default=None, description="What is optimized; by default roc_auc, log_loss or rmse by kind."
    )
    budget: Annotated[Budget, BeforeValidator(_duration_alone)] = Field(
        default=Budget(seconds=dt.timedelta(minutes=2)), description="How much tuning."
    )
    search: Way = Field(
        default="tpe",
        description="How configurations are drawn after the defaults; halving: as tpe, two thirds are given up.",
    )
    replay: str | None = Field(
        default=None, description="A trials file (JSON) of an earlier run, to be repeated exactly."
    )
    learning_curve: bool = Field(
        default=False,
        description="An asset that trains the best family on fewer rows, and says whether more data would help.",
    )
    folds: int = Field(default=3, ge=2, le=10, description="Folds; forward-chained where there is time.")
    seed: int = Field(default=0, description="The seed of everything random.")
    gpu: GpuRequest | None = Field(default=None, description="What tabm asks of the GPU quota (docs/gpu.md).")
