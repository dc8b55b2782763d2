"""Which features are made and which are kept."""

import datetime as dt
from collections.abc import Collection
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from mlwf_assets.spec.base import Duration, Names, SpecModel, as_list, parse_duration, write_duration

# The window without a beginning.
ALL: Literal["all"] = "all"


def find_ignored(text: str, tables: Collection[str], *, own: str) -> tuple[str, str]:
    """Return the table and the column that an entry of `ignore` names; names of columns may hold points.

    Args:
        tables: the names that there are.
        own: the examples' table.
    Example:
        >>> find_ignored("planes.year", ["planes"], own="flights"), find_ignored("Petal.Width", ["iris"], own="iris")
        (('planes', 'year'), ('iris', 'Petal.Width'))
    """
    table, _, column = text.partition(".")
    return (table, column) if column and table in tables else (own, text)


def _read_window(value: Any) -> Any:
    return value if value == ALL else parse_duration(value)


Window = Annotated[dt.timedelta | Literal["all"], BeforeValidator(_read_window), PlainSerializer(
    lambda value: value if value == ALL else write_duration(value), return_type=str, when_used="json"
)]  # fmt: skip


class History(SpecModel):
    """What became of earlier rows of the examples' table: its outcomes, each from the moment when it is known."""

    by: Annotated[tuple[Names, ...], BeforeValidator(as_list), Field(min_length=1)] = Field(
        description="The columns whose equal values put rows together: COLUMN, [COLUMN, COLUMN], or [] for all rows."
    )
    windows: Annotated[tuple[Window, ...], BeforeValidator(as_list), Field(min_length=1)] | None = Field(
        default=None, description="How far back these look; by default as all aggregations do."
    )
    aggregations: Names | None = Field(
        default=None, description="Those of the aggregations that are made; default: all."
    )


class Relational(SpecModel):
    """Deep Feature Synthesis through the relationships."""

    transforms: Names = Field(
        default=("month", "weekday", "hour", "is_weekend"), description="Featuretools transform primitives."
    )
    aggregations: Names = Field(default=(), description="Featuretools aggregation primitives over history.")
    history: Annotated[tuple[History, ...], BeforeValidator(lambda v: [v] if isinstance(v, dict) else v)] = Field(
        default=(), description="History of the examples' own table."
    )
    windows: Annotated[tuple[Window, ...], BeforeValidator(as_list), Field(min_length=1)] = Field(
        default=(ALL,), description="How far back aggregations look, e.g. [all, 30 days, 3 hours]; all: all history."
    )
    where: dict[str, Annotated[tuple[bool | float | str, ...], BeforeValidator(as_list), Field(min_length=1)]] = Field(
        default={},
        description="Aggregations are also made of the rows with these values alone: COLUMN (of the examples' table) "
        "or TABLE.COLUMN: [VALUE, ...].",
    )
    max_depth: int = Field(default=2, ge=1, le=4, description="How deep features are stacked.")
    max_features: int | None = Field(default=None, ge=1, description="At most this many features.")
    ignore: Names = Field(default=(), description="Columns that enter no feature: COLUMN or TABLE.COLUMN.")


class TimeSeries(SpecModel):
    """Features of the readings of one table up to each example's cutoff."""

    id: str | dict[str, str] = Field(
        description="The column that names a series, here and in the examples' table; or COLUMN_HERE: COLUMN_THERE."
    )
    columns: Names = Field(min_length=1, description="The columns of readings.")
    windows: Annotated[tuple[Duration, ...], BeforeValidator(as_list), Field(min_length=1)] = Field(
        description="How far back readings are used, e.g. ['6 hours', '24 hours']."
    )
    tolerance: Duration | None = Field(
        default=None, description="A reading that became known longer ago than this does not count as current."
    )
    parameters: Literal["minimal", "efficient", "comprehensive"] | dict[str, Names] = Field(
        default="minimal",
        description="Which of tsfresh's settings, or COLUMN: [CALCULATOR, ...], each written as tsfresh names its "
        "column (`mean`, `quantile__q_0.1`); a column that is not named there has its latest reading alone.",
    )


class Leakage(SpecModel):
    """When a single column tells too much to be true (normalized Gini, |2 AUC - 1|)."""

    warn: float = Field(default=0.85, ge=0, le=1, description="From here on a warning.")
    drop: float = Field(default=0.975, ge=0, le=1, description="From here on it is left out.")
    keep: Names = Field(default=(), description="Features that stay in although they look like leaks.")

    @model_validator(mode="after")
    def _order(self) -> "Leakage":
        if self.warn > self.drop:
            raise ValueError(f"warn must not be above drop, however: {self.warn:g} and {self.drop:g}")
        return self


class Selection(SpecModel):
    """Which features are kept, judged on the training split alone."""

    method: Literal["fresh", "none"] = Field(default="fresh", description="Relevance tests as tsfresh's, or none.")
    fdr_level: float = Field(default=0.05, gt=0, lt=1, description="Share of irrelevant features among the kept.")
    redundancy: float = Field(
        default=0.99, gt=0, le=1, description="Of two features correlated above this only the more relevant stays."
    )
    max_features: int | None = Field(default=None, ge=1, description="Keep at most this many.")
    leakage: Leakage = Field(default=Leakage(), description="The leakage guard.")


class Features(SpecModel):
    """The features of an example."""

    relational: Relational = Field(default=Relational(), description="Features through the relationships.")
    timeseries: dict[str, TimeSeries] = Field(default={}, description="Features of readings, by table.")
    selection: Selection = Field(default=Selection(), description="What is kept.")
