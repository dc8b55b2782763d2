"""How the rows of sources are cut into partitions: by time, or by names that the file lists."""

import re
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, StringConstraints, Tag, field_validator, model_validator

from mlwf_assets.spec.base import Day, SpecModel, TimeZone

_PER_RUN = "How many partitions one run of a backfill takes at most; left out: all of them, in one run."

# Names are parts of file names, of Delta's folders and of `--partitions A..B`.
_NAME = r"^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_-])?$"


class Partitions(SpecModel):
    """Equal stretches of time, in one time zone, from `start` up to (and without) `end`."""

    every: Literal["hour", "day", "week", "month"] = Field(description="The length of a partition.")
    start: Day = Field(description="The first day.")
    end: Day | None = Field(default=None, description="The day after the last; left out: open.")
    timezone: TimeZone = Field(default="UTC", description="The time zone in which days and months begin.")
    per_run: int | None = Field(default=None, ge=1, description=_PER_RUN)

    @model_validator(mode="after")
    def _order(self) -> "Partitions":
        if self.end is not None and self.end <= self.start:
            raise ValueError(f"end must be later than start, however: {self.start} .. {self.end}")
        return self


class NamedPartitions(SpecModel):
    """Partitions that are no stretches of time: airports, plants, countries."""

    names: tuple[Annotated[str, StringConstraints(max_length=100)], ...] = Field(
        min_length=1, description="The names of the partitions, in order; a source's `part` gives each row one."
    )
    per_run: int | None = Field(default=None, ge=1, description=_PER_RUN)

    @model_validator(mode="before")
    @classmethod
    def _one_way(cls, data: Any) -> Any:
        of_time = Partitions.model_fields.keys() - cls.model_fields.keys()
        if isinstance(data, dict) and (both := sorted(data.keys() & of_time)):
            raise ValueError(
                f"partitions have either 'names' or 'every' and 'start', however: names, {', '.join(both)}"
            )
        return data

    @field_validator("names")
    @classmethod
    def _sane(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if not re.fullmatch(_NAME, name) or ".." in name:
                raise ValueError(
                    f"a name must consist of letters, digits, '_', '-' and single inner '.', however: {name!r}"
                )
        seen: dict[str, str] = {}
        for name in names:  # files of two names must not meet where upper and lower case are one
            if (other := seen.setdefault(name.lower(), name)) != name or names.count(name) > 1:
                raise ValueError(
                    f"each name must stand there once, in upper or lower case, however: {other!r}, {name!r}"
                )
        return names


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "by name" if "names" in value else "by time"
    return "by name" if isinstance(value, NamedPartitions) else "by time"


Cutting = Partitions | NamedPartitions
PartitionsField = Annotated[
    Annotated[Partitions, Tag("by time")] | Annotated[NamedPartitions, Tag("by name")], Discriminator(_kind)
]
