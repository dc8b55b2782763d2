"""What is done with the best model: evaluation and deployment."""

from pydantic import Field, model_validator

from mlwf_assets.spec.base import Names, SpecModel


class Costs(SpecModel):
    """What a wrong decision costs, in any one unit; the threshold of a binary problem follows from it."""

    false_positive: float = Field(default=1.0, ge=0, description="A false alarm.")
    false_negative: float = Field(default=1.0, ge=0, description="A miss.")

    @model_validator(mode="after")
    def _something(self) -> "Costs":
        if not self.false_positive + self.false_negative:
            raise ValueError("one of the two must cost something, for no threshold follows from nothing")
        return self


class Evaluation(SpecModel):
    """How the model is judged."""

    slices: Names = Field(
        default=(),
        description="Columns by whose values the model is judged separately; month, weekday and hour are told "
        "from the example's time where the table has no such column.",
    )
    costs: Costs = Field(default=Costs(), description="What errors cost.")
    bootstrap: int = Field(default=200, ge=20, le=10000, description="Resamples behind each interval.")
    explain: int = Field(default=6, ge=0, le=50, description="How many single predictions are explained.")


class Predictions(SpecModel):
    """Which rows `deployment/predictions` scores with the model that stands."""

    partitions: int = Field(
        default=1,
        ge=0,
        description="Where time is cut: how many of the newest partitions a run scores; others when they are "
        "materialized in Dagster. Without partitions, the rows that have no label yet are scored.",
    )


class Deployment(SpecModel):
    """Where the model goes, and what it predicts there."""

    registered_model: str = Field(description="The name in the model registry.")
    alias: str = Field(default="champion", description="The alias that is moved to a model that is deployed.")
    predictions: Predictions = Field(default=Predictions(), description="Which rows it predicts.")
