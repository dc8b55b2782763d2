"""Which predictions are made, when, what is predicted; and how examples are split."""

import datetime as dt
import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from mlwf_assets.spec.base import SpecModel, Sql, parse_day


class Examples(SpecModel):
    """One example per row of a table."""

    table: str = Field(description="The table whose rows are predicted.")
    label: Sql = Field(description="SQL: what is predicted. A boolean makes the problem binary.")
    cutoff: Sql | None = Field(
        default=None, description="SQL: when the prediction is made, UTC; nothing known later may be used."
    )
    where: Sql | None = Field(default=None, description="SQL predicate: which rows are predicted.")
    kind: Literal["binary", "multiclass", "regression"] | None = Field(
        default=None, description="The kind of problem; by default told from the label."
    )
    classes: dict[str, str] = Field(
        default={}, description="How to call each label value in words, e.g. {true: late, false: on time}."
    )


_SPAN = re.compile(r"\s*(\d{1,6})\s*(hour|day|week|month|year)s?\s*")
_LONGEST = {"hour": 876_000, "day": 36_500, "week": 5_200, "month": 1_200, "year": 100}
_LIKE_DATE = re.compile(r"\s*\d{4}-\d\d-\d\d\s*")


def parse_span(text: str) -> tuple[int, str]:
    """Read "2 months" into (2, "month"); hours, days, weeks, months and years are served.

    Raises:
        ValueError: if the text has another form.
    Example:
        >>> parse_span("2 months")
        (2, 'month')
    """
    if (match := _SPAN.fullmatch(text.lower())) is None or int(match[1]) == 0:
        raise ValueError(f"must be a date such as 2013-11-01, a span such as '2 months', or a share, however: {text!r}")
    number, unit = int(match[1]), match[2]
    if number > _LONGEST[unit]:
        raise ValueError(f"must be a century at most, however: {text!r}")
    return number, unit


def _parse_boundary(value: Any) -> Any:
    if isinstance(value, int):
        return float(value)  # no number is a date
    if not isinstance(value, str):
        return value
    if _LIKE_DATE.fullmatch(value):
        return parse_day(value)
    parse_span(value)
    return value


Boundary = Annotated[dt.date | str | float, BeforeValidator(_parse_boundary)]


class Splits(SpecModel):
    """How examples are divided into train, validation and test."""

    by: Literal["time", "random", "stratified", "group"] = Field(description="How rows are divided.")
    validation: Boundary = Field(
        default=0.15,
        description="by time: the first day, a span counted back from the test ('2 months'), or a share of the "
        "time; else a share of the rows.",
    )
    test: Boundary = Field(
        default=0.15,
        description="by time: the first day, a span counted back from the end ('2 months'), or a share of the "
        "time; else a share of the rows.",
    )
    group: str | None = Field(default=None, description="by group: the column whose values stay together.")
    seed: int = Field(default=0, description="The seed of a random split.")

    @model_validator(mode="after")
    def _group_named(self) -> "Splits":
        if (self.by == "group") != (self.group is not None):
            raise ValueError("'group' must name a column when, and only when, the split is by group")
        return self

    @model_validator(mode="after")
    def _shares(self) -> "Splits":
        sizes = [value for value in (self.validation, self.test) if isinstance(value, float)]
        if self.by != "time" and len(sizes) < 2:
            raise ValueError(f"validation and test must be shares such as 0.15 where the split is by {self.by}")
        if any(not 0 < size < 1 for size in sizes) or sum(sizes) >= 1:
            raise ValueError(f"shares must be above 0 and leave rows to train on, however: {sizes}")
        return self
