"""clean/TABLE and quarantine/TABLE: rows that keep the contract, and rows that do not with their reasons."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from mlwf_assets.assets.lineage import table_lineage
from mlwf_assets.assets.own_code import own_code
from mlwf_assets.assets.published import as_csv
from mlwf_assets.assets.step import Input, Output, Results, Step, Work
from mlwf_assets.lake.result import Result
from mlwf_assets.spec.extensions import CleaningStep
from mlwf_assets.spec.lookups import looked_up
from mlwf_assets.spec.made import made_from, tables_in_order
from mlwf_assets.spec.sources import FilesSource
from mlwf_assets.spec.tables import Table
from mlwf_assets.spec.workflow import Workflow

ACCOUNTED = "every_row_accounted_for"
COUNTS = "counts.json"
QUARANTINE = "quarantine.csv"
_WORDS: Any = {"description": True, "columns": {"__all__": {"description", "unit"}}}


def clean_steps(workflow: Workflow) -> list[Step]:
    """Make a step for each table, after those that it is made from or looks up in."""
    return [_clean_step(workflow, name, workflow.tables[name]) for name in tables_in_order(workflow)]


def _sources(table: Table, name: str) -> tuple[str, ...]:
    return () if table.sql is not None else table.sources or (name,)


def _others(table: Table) -> list[str]:
    """The clean tables that a table reads."""
    return sorted({*looked_up(table), *made_from(table)})


def _clean_step(workflow: Workflow, name: str, table: Table) -> Step:
    partitioned = workflow.is_partitioned(name)
    place = f"quarantine/{name}/{{partition}}.csv" if partitioned else f"quarantine/{name}.csv"
    return Step(
        outputs=(
            Output(
                f"clean/{name}",
                _describe(name, table),
                kinds=("deltalake", "duckdb"),
                checks={ACCOUNTED: "Rows in = rows out + quarantined + duplicates + dropped by a named rule."},
                columns={column: _words(contract) for column, contract in table.columns.items()},
            ),
            Output(
                f"quarantine/{name}",
                f"The rows of {name} that break the contract or a rule, each with its reasons.",
                kinds=("deltalake", "csv"),
                published={QUARANTINE: place},
            ),
        ),
        inputs=(
            *(Input(f"raw/{source}") for source in _sources(table, name)),
            *(Input(f"clean/{other}", back=None) for other in _others(table)),
        ),
        compute=_cleaner(workflow, name, table),
        settings=[table.model_dump(mode="json", exclude=_WORDS), _reading(workflow, name, table)],
        libraries=("duckdb", "pyarrow"),
        refuse=_doubled(workflow, name),
        own=own_code(workflow, [step for step in workflow.own.of(CleaningStep) if step.table == name]),
        partitioned=partitioned,
    )


def _describe(name: str, table: Table) -> str:
    words = table.description or f"The rows of {name} that keep the contract, typed, times in UTC."
    return words if table.sql is None else f"{words}\n\n```sql\n{table.sql}\n```"


def _words(contract: Any) -> str:
    return f"{contract.description} ({contract.unit})" if contract.unit else contract.description


def _reading(workflow: Workflow, name: str, table: Table) -> dict[str, Any]:
    """Return what of its sources cleaning depends on: how text is written, and the row's time."""
    sources = {source: workflow.sources[source] for source in _sources(table, name)}
    files = {source: spec for source, spec in sources.items() if isinstance(spec, FilesSource)}
    return {
        "read_as": {source: spec.csv.model_dump(mode="json") for source, spec in files.items()},
        "times": {
            source: spec.time for source, spec in files.items() if spec.time and workflow.is_partitioned_source(source)
        },
    }


def _doubled(workflow: Workflow, name: str) -> Callable[[], None]:
    def refuse() -> None:
        from mlwf_assets.lake.connectors.doubled import refuse_doubled

        refuse_doubled(workflow, [name])

    return refuse


def _cleaner(workflow: Workflow, name: str, table: Table) -> Callable[[Work], Results]:
    def clean(work: Work) -> Results:
        from mlwf_assets.lake import duck

        with duck.connect() as connection:
            for partition in work.partitions:
                given = _read(work, workflow, name, table, partition)
                cleaned = _clean(work, workflow, name, table, partition, given, connection)
                yield partition, _to_results(cleaned, name, table_lineage(workflow, name, given.columns))

    return clean


class _Given(NamedTuple):
    """What a table is made from.

    Attributes:
        rows: source -> its rows; of a table with SQL, its name -> what the query gives.
        types: source -> column -> the type that was found.
        columns: source, or table that the query names -> its columns.
    """

    rows: Mapping[str, Any]
    types: Mapping[str, Any]
    columns: Mapping[str, list[str]]


def _read(work: Work, workflow: Workflow, name: str, table: Table, partition: str | None) -> _Given:
    from mlwf_assets.cleaning.made import make_rows

    if table.sql is None:
        rows = {source: work.read(f"raw/{source}", partition) for source in _sources(table, name)}
        types = {source: json.loads(work.file(f"raw/{source}", "types.json", partition)) for source in rows}
        return _Given(rows, types, {source: found.column_names for source, found in rows.items()})
    tables = {other: work.read(f"clean/{other}") for other in made_from(table)}
    made, types = make_rows(table.sql, tables, name=name, locate=workflow.locate)
    return _Given({name: made}, {name: types}, {other: found.column_names for other, found in tables.items()})


def _clean(
    work: Work, workflow: Workflow, name: str, table: Table, partition: str | None, given: _Given, connection: Any
) -> Any:
    from mlwf_assets.cleaning import clean_table
    from mlwf_assets.spec.sources import CsvOptions

    reading, others = _reading(workflow, name, table), looked_up(table)
    return clean_table(
        table,
        given.rows,
        {other: work.read(f"clean/{other}", partition) for other in others},
        types=given.types,
        name=name,
        keys={other: workflow.tables[other].key[0] for other in others},
        read_as={source: CsvOptions.model_validate(one) for source, one in reading["read_as"].items()},
        times=reading["times"],
        own=workflow.own,
        partition=partition,
        found_here=True,
        locate=workflow.locate,
        connection=connection,
    )


def _to_results(cleaned: Any, name: str, lineage: Any) -> dict[str, Result]:
    """Clean rows with their check and lineage; quarantine with the counts, which the report tells."""
    counts = cleaned.counts.as_metadata()
    metadata = {**cleaned.clean.metadata, "checks": {ACCOUNTED: _balance(counts)}, "lineage": lineage}
    files = {QUARANTINE: as_csv(cleaned.quarantine.table), COUNTS: json.dumps(counts, sort_keys=True).encode()}
    return {
        f"clean/{name}": replace(cleaned.clean, metadata=metadata),
        f"quarantine/{name}": replace(cleaned.quarantine, files=files),
    }


def _balance(counts: dict[str, Any]) -> dict[str, Any]:
    dropped = sum(counts["dropped"].values())
    accounted = counts["rows_out"] + counts["quarantined"] + counts["duplicates"] + dropped
    shown = {
        "rows in": counts["rows_in"],
        "rows out": counts["rows_out"],
        "quarantined": counts["quarantined"],
        "duplicates": counts["duplicates"],
        "dropped": dropped,
    }
    description = " + ".join(f"{value:,} {what}" for what, value in shown.items() if what != "rows in")
    return {
        "passed": accounted == counts["rows_in"],
        "description": f"{counts['rows_in']:,} rows in = {description}",
        "metadata": shown,
    }
