"""What clean data means: columns with their contract, keys, rules, and when each value became known."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PrivateAttr

from mlwf_assets.spec.base import Names, Query, SpecModel, Sql, TimeZone

ColumnType = Literal["string", "category", "integer", "number", "boolean", "date", "timestamp"]


class Column(SpecModel):
    """The contract of one column (a type alone may stand for it); a row that breaks it goes to quarantine."""

    type: ColumnType | None = Field(
        default=None, description="The type that values are read as; by default the one found in the source."
    )
    format: str | None = Field(
        default=None, description="How dates and times are written, e.g. '%d.%m.%Y'; by default as ISO 8601 says."
    )
    timezone: TimeZone | None = Field(
        default=None, description="The zone of times that are written without one; by default UTC."
    )
    sql: Sql | None = Field(
        default=None, description="Makes the column from the columns above it, instead of reading it."
    )
    required: bool = Field(default=False, description="Whether a missing value breaks the contract.")
    min: int | float | str | None = Field(default=None, description="The smallest allowed value.")
    max: int | float | str | None = Field(default=None, description="The largest allowed value.")
    values: tuple[Any, ...] | None = Field(default=None, description="The allowed values.")
    description: str = Field(default="", description="What the column says, in words.")
    unit: str = Field(default="", description="The unit of its values.")

    _step: str = PrivateAttr(default="")

    @property
    def step(self) -> str:
        """The cleaning step of the workflow's Python files that makes the column; '' where none does."""
        return self._step

    def made_by(self, step: str, type_: ColumnType) -> "Column":
        """Return the contract of a column that a cleaning step makes."""
        column = self.model_copy(update={"type": type_})
        column._step = step  # noqa: SLF001 (our own class)
        return column


def _type_alone(value: Any) -> Any:
    return {"type": value} if isinstance(value, str) else value


class Rule(SpecModel):
    """A business rule: what must be true of a row, and what happens where it is not."""

    name: str = Field(description="The reason that is shown in quarantine and in the counts.")
    check: Sql = Field(description="A SQL predicate; a row passes where it is true or null.")
    otherwise: Annotated[
        Literal["quarantine", "drop", "null", "fail", "note"],
        BeforeValidator(lambda value: "null" if value is None else value),  # YAML reads null as nothing
    ] = Field(default="quarantine", description="What happens to a row that does not pass; note: it is only counted.")
    columns: Names = Field(default=(), description="With 'null': the columns to set to null.")


class Outcomes(SpecModel):
    """Columns that are known only later than the row itself."""

    known_at: Sql = Field(description="SQL: when these columns become known.")
    columns: Names = Field(min_length=1, description="The columns.")


class Table(SpecModel):
    """One clean table, made from one or more sources, or from other tables."""

    sources: Names | None = Field(
        default=None, description="The sources, the most trusted first; by default the one of the same name."
    )
    sql: Query | None = Field(
        default=None,
        description="Makes the table from other tables of this file, instead of reading sources: one SELECT, PIVOT or "
        "UNPIVOT.",
    )
    lookups: dict[str, str] = Field(
        default={}, description="Columns fetched from other tables: NAME: 'TABLE.COLUMN by OWN_COLUMN'."
    )
    columns: dict[str, Annotated[Column, BeforeValidator(_type_alone)]] = Field(
        default={}, description="Contracts of columns, in order; columns that are not named are kept as found."
    )
    key: Names = Field(
        default=(),
        description="The columns that name a row; of rows with the same key one is kept. Without a key a row is "
        "named by its file and its position in it (`_row_id`), and nothing counts as a duplicate.",
    )
    known_at: Sql | None = Field(default=None, description="SQL: when the row can be seen, UTC.")
    outcomes: Annotated[tuple[Outcomes, ...], BeforeValidator(lambda v: [v] if isinstance(v, dict) else v)] = Field(
        default=(), description="Groups of columns that become known later than the row."
    )
    rules: tuple[Rule, ...] = Field(default=(), description="Business rules, applied in order.")
    description: str = Field(default="", description="What one row of the table is, in words.")


class Entity(SpecModel):
    """An entity that has no table of its own, found in the columns of one."""

    table: str = Field(description="The table in whose rows the entity appears.")
    key: Names = Field(min_length=1, description="The columns that together name it.")
