"""How time is cut into partitions."""

from typing import Literal

from pydantic import Field, model_validator

from mlwf_assets.spec.base import Day, Names, SpecModel, TimeZone


class Partitions(SpecModel):
    """Equal stretches of time, in one time zone, from `start` up to (and without) `end`."""

    every: Literal["hour", "day", "week", "month"] = Field(description="The length of a partition.")
    start: Day = Field(description="The first day.")
    end: Day | None = Field(default=None, description="The day after the last; left out: open.")
    names: Names = Field(default=(), description="Partitions that are no stretches of time: their names.")
    timezone: TimeZone = Field(default="UTC", description="The time zone in which days and months begin.")

    @model_validator(mode="after")
    def _order(self) -> "Partitions":
        if self.end is not None and self.end <= self.start:
            raise ValueError(f"end must be later than start, however: {self.start} .. {self.end}")
        return self
