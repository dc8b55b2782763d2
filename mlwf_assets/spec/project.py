"""The question that a workflow answers, for whom, and when the answer counts as good."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from mlwf_assets.spec.base import SpecModel, Sql

_SUCCESS = re.compile(r"(\w+)\s*(>=|<=|>|<)\s*(-?\d+(?:\.\d+)?)(?:\s+on\s+(test|validation))?")


class Success(SpecModel):
    """A bound on a metric, written "roc_auc >= 0.70 on test" (or on validation)."""

    metric: str = Field(description="The metric's name.")
    comparison: str = Field(description="One of >=, <=, >, <.")
    bound: float = Field(description="What the metric is held against.")
    split: str = Field(default="test", description="The rows on which the metric is computed.")

    def holds(self, value: float) -> bool:
        """Say whether a value of the metric meets the bound.

        Example:
            >>> Success(metric="roc_auc", comparison=">=", bound=0.7).holds(0.71)
            True
        """
        return {
            ">=": value >= self.bound,
            "<=": value <= self.bound,
            ">": value > self.bound,
            "<": value < self.bound,
        }[self.comparison]

    def __str__(self) -> str:
        return f"{self.metric} {self.comparison} {self.bound:g} on {self.split}"


def _parse_success(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    match = _SUCCESS.fullmatch(value.strip())
    if match is None:
        raise ValueError(f"must read like 'roc_auc >= 0.70 on test', however: {value!r}")
    metric, comparison, bound, split = match.groups()
    return {"metric": metric, "comparison": comparison, "bound": bound, "split": split or "test"}


class ProcessToday(SpecModel):
    """What is done today without a model; words alone may stand for it, and a rule is the thing to beat."""

    description: str = Field(description="In words, what happens today.")
    rule: Sql | float | None = Field(
        default=None,
        description="A constant, or a SQL expression over what is known at the cutoff: the score of the "
        "positive class (binary), the class (multiclass) or the value (regression).",
    )

    @model_validator(mode="before")
    @classmethod
    def _words_alone(cls, value: Any) -> Any:
        return {"description": value} if isinstance(value, str) else value


class Project(SpecModel):
    """The seed of every workflow."""

    question: str = Field(description="The question that the model answers, in one sentence.")
    process_today: ProcessToday | None = Field(default=None, description="What is done today.")
    success: Annotated[Success, BeforeValidator(_parse_success)] | None = Field(
        default=None, description="When the model is good enough to deploy: 'METRIC >= NUMBER on test'."
    )
    owner: str = Field(default="", description="An e-mail address or 'team:NAME'.")
