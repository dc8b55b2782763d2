"""How time is cut into partitions."""

import zoneinfo
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from mlwf_assets.spec.base import Day, SpecModel


def _check_timezone(value: str) -> str:
    if value not in zoneinfo.available_timezones():
        raise ValueError(f"must be a time zone such as 'Europe/Berlin', however: {value!r}")
    return value


class Partitions(SpecModel):
    """Equal stretches of time, in one time zone, from `start` up to (and without) `end`."""

    every: Literal["hour", "day", "week", "month"] = Field(description="The length of a partition.")
    start: Day = Field(description="The first day.")
    end: Day | None = Field(default=None, description="The day after the last; left out: open.")
    timezone: Annotated[str, AfterValidator(_check_timezone)] = Field(
        default="UTC", description="The time zone in which days and months begin."
    )

    @model_validator(mode="after")
    def _order(self) -> "Partitions":
        if self.end is not None and self.end <= self.start:
            raise ValueError(f"end must be later than start, however: {self.start} .. {self.end}")
        return self
