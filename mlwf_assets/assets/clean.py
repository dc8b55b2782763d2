"""clean/TABLE and quarantine/TABLE: rows that keep the contract, and rows that do not with their reasons."""

import json
from collections.abc import Callable

from mlwf_assets.assets.raw import is_partitioned
from mlwf_assets.assets.step import Input, Output, Results, Step, Work
from mlwf_assets.spec.lookups import parse_lookup
from mlwf_assets.spec.tables import Table
from mlwf_assets.spec.workflow import Workflow

ACCOUNTED = "every_row_accounted_for"


def clean_steps(workflow: Workflow) -> list[Step]:
    """Make a step for each table, tables that others look up first."""
    return [_clean_step(workflow, name, workflow.tables[name]) for name in _in_order(workflow)]


def table_is_partitioned(workflow: Workflow, name: str) -> bool:
    """Say whether a table is cut by time: it is when all its sources are."""
    sources = workflow.tables[name].sources or (name,)
    return all(is_partitioned(workflow, workflow.sources[source]) for source in sources)


def _in_order(workflow: Workflow) -> list[str]:
    ordered: list[str] = []

    def add(name: str) -> None:
        if name not in ordered:
            for looked_up in _looked_up(workflow.tables[name]):
                add(looked_up)
            ordered.append(name)

    for name in workflow.tables:
        add(name)
    return ordered


def _looked_up(table: Table) -> list[str]:
    return sorted({parse_lookup(text).table for text in table.lookups.values()})


def _clean_step(workflow: Workflow, name: str, table: Table) -> Step:
    return Step(
        outputs=(
            Output(
                f"clean/{name}",
                table.description or f"The rows of {name} that keep the contract, typed, times in UTC.",
                kinds=("deltalake", "duckdb"),
                checks={ACCOUNTED: "Rows in = rows out + quarantined + duplicates + dropped by a named rule."},
            ),
            Output(
                f"quarantine/{name}",
                f"The rows of {name} that break the contract or a rule, each with its reasons.",
                kinds=("deltalake", "duckdb"),
            ),
        ),
        inputs=(
            *(Input(f"raw/{source}") for source in table.sources or (name,)),
            *(Input(f"clean/{other}", back=None) for other in _looked_up(table)),
        ),
        compute=_cleaner(workflow, name, table),
        settings=[
            table.model_dump(mode="json"),
            {source: workflow.sources[source].model_dump(mode="json") for source in table.sources or (name,)},
        ],
        libraries=("duckdb", "pyarrow"),
        partitioned=table_is_partitioned(workflow, name),
    )


def _cleaner(workflow: Workflow, name: str, table: Table) -> Callable[[Work], Results]:
    def clean(work: Work) -> Results:
        from mlwf_assets.cleaning import clean_table

        for partition in work.partitions:
            raws = {source: work.read(f"raw/{source}", partition) for source in table.sources or (name,)}
            types = {source: json.loads(work.file(f"raw/{source}", "types.json", partition)) for source in raws}
            lookups = {other: work.read(f"clean/{other}", partition) for other in _looked_up(table)}
            cleaned = clean_table(table, raws, lookups, types=types, name=name, sources=workflow.sources)
            yield partition, {f"clean/{name}": cleaned.clean, f"quarantine/{name}": cleaned.quarantine}

    return clean
