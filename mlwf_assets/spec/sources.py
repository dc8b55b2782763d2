"""Where the data is: one configuration model per kind of source; `lake.connectors` implements them."""

import codecs
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, StringConstraints, Tag

from mlwf_assets.spec.base import Names, SpecModel, Sql


def _check_delimiter(value: str) -> str:
    if len(value) != 1 or value in '"\r\n' or not value.isascii():
        raise ValueError(f"must be one character such as ',' or ';' or \"\\t\" (ASCII), however: {value!r}")
    return value


def _check_encoding(value: str) -> str:
    try:
        codecs.lookup(value)
    except (LookupError, ValueError):
        raise ValueError(f"must be an encoding such as utf-8 or latin-1, however: {value!r}") from None
    return value


class CsvOptions(SpecModel):
    """How CSV files are written; what is left out is detected."""

    delimiter: Annotated[str, StringConstraints(strip_whitespace=False), AfterValidator(_check_delimiter)] | None = (
        Field(default=None, description="Between fields, e.g. ',' or ';'.")
    )
    decimal: Literal[".", ","] = Field(default=".", description="The decimal sign of numbers.")
    encoding: Annotated[str, AfterValidator(_check_encoding)] = Field(
        default="utf-8", description="The files' encoding, e.g. utf-8 or latin-1."
    )
    null_values: tuple[str, ...] = Field(default=("", "NA"), description="Words that mean 'missing'.")


class FilesSource(SpecModel):
    """Files in a folder, or inside an installed Python package; a path alone may stand for it."""

    connector: Literal["files"] = Field(default="files", description="The kind of source.")
    package: str | None = Field(
        default=None, description="An installed package that holds the files; else the workflow's folder."
    )
    path: Annotated[Names, Field(min_length=1)] = Field(
        description="Files or glob patterns, relative to the package or to the workflow's folder."
    )
    format: Literal["csv", "parquet", "jsonl"] | None = Field(
        default=None, description="The form of the files; by default told from their names (.zip and .gz too)."
    )
    csv: CsvOptions = Field(default=CsvOptions(), description="How CSV files are written.")
    time: Sql | None = Field(
        default=None,
        description="A SQL expression over the raw columns that gives the row's time in UTC; it puts the row "
        "into its partition, where partitions are stretches of time. Without it the source is not cut by time.",
    )
    part: Sql | None = Field(
        default=None,
        description="A SQL expression over the raw columns that gives the name of the row's partition, where "
        "partitions have names. Without it the source is not cut by name.",
    )


class RowsSource(SpecModel):
    """A few rows written in the workflow file itself."""

    connector: Literal["rows"] = Field(default="rows", description="The kind of source.")
    rows: tuple[dict[str, Any], ...] = Field(min_length=1, description="The rows, a mapping each.")


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("connector", "rows" if "rows" in value else "files"))
    return str(getattr(value, "connector", "files"))


def _path_alone(value: Any) -> Any:
    return {"path": value} if isinstance(value, str | list) else value


Source = Annotated[
    Annotated[FilesSource, Tag("files")] | Annotated[RowsSource, Tag("rows")],
    Discriminator(_kind),
    BeforeValidator(_path_alone),
]
