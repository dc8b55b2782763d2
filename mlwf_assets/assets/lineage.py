"""Which columns of the assets above each column of an asset is made from, as the UI tells it beside each column.

Follows what the workflow file says, in the order in which cleaning makes columns: raw ones or those of SQL, lookups
as soon as possible, derived ones, then rules that set to null. What a value hangs on only through which rows are
there (joins, conditions, duplicates) is not told. It changes no result, so it stands with the assets.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mlwf_assets.spec.extensions import CleaningStep
from mlwf_assets.spec.lookups import Lookup, parse_lookup
from mlwf_assets.spec.made import is_ours
from mlwf_assets.spec.query_columns import made_columns
from mlwf_assets.spec.sources import FilesSource
from mlwf_assets.spec.sql import columns_of
from mlwf_assets.spec.tables import Table
from mlwf_assets.spec.workflow import Workflow

# (asset 'GROUP/NAME', column) for each column that one is made from.
Origins = set[tuple[str, str]]
Lineage = dict[str, list[list[str]]]


def table_lineage(workflow: Workflow, name: str, columns: Mapping[str, Sequence[str]]) -> Lineage:
    """Say what each column of a clean table is made from.

    Args:
        workflow: the workflow.
        name: the table.
        columns: the columns of its sources, by source; of a table with SQL, those of the tables that it names.
    Returns:
        Column -> [asset, column] of each origin, sorted; as JSON can hold it.
    """
    table = workflow.tables[name]
    found = _given(table, columns)
    for step in workflow.own.of(CleaningStep):
        if step.table == name:
            made_by = set().union(*(found.get(column, set()) for column in step.reads))
            found |= dict.fromkeys(step.makes, made_by)
    pending = {column: parse_lookup(text) for column, text in table.lookups.items()}
    pending = _look_up(found, pending)
    for column, contract in table.columns.items():
        if contract.sql is not None:
            found[column] = _of_sql(contract.sql, found)
            pending = _look_up(found, pending)
    for rule in table.rules:
        for column in rule.columns if rule.otherwise == "null" else ():
            found[column] = found[column] | _of_sql(rule.check, found)
    found |= _moments(workflow, table, found, columns)
    return {column: sorted([asset, origin] for asset, origin in origins) for column, origins in found.items()}


def feature_lineage(features: Iterable[Mapping[str, Any]]) -> Lineage:
    """Say what features are made from.

    Args:
        features: `name` and `columns` ('TABLE.COLUMN') of each.
    Example:
        >>> feature_lineage([{"name": "HOUR(sent)", "columns": ["parcels.sent"]}])
        {'HOUR(sent)': [['clean/parcels', 'sent']]}
    """
    return {
        str(one["name"]): [
            [f"clean/{table}", column] for table, _, column in (c.partition(".") for c in one["columns"])
        ]
        for one in features
    }


def _given(table: Table, columns: Mapping[str, Sequence[str]]) -> dict[str, Origins]:
    if table.sql is not None:
        own = {other: [column for column in names if not is_ours(column)] for other, names in columns.items()}
        made = made_columns(table.sql, own).columns
        return {name: {(f"clean/{one.table}", one.column) for one in origins} for name, origins in made.items()}
    found: dict[str, Origins] = {}
    for source, names in columns.items():
        for column in names:
            if not is_ours(column):
                found.setdefault(column, set()).add((f"raw/{source}", column))
    return found


def _look_up(found: dict[str, Origins], pending: Mapping[str, Lookup]) -> dict[str, Lookup]:
    left = {}
    for column, lookup in pending.items():
        if lookup.by in found:
            found[column] = {*found[lookup.by], (f"clean/{lookup.table}", lookup.column)}
        else:
            left[column] = lookup
    return left


def _of_sql(sql: str, found: Mapping[str, Origins]) -> Origins:
    return set().union(*(found.get(column, set()) for column in columns_of(sql)))


def _moments(
    workflow: Workflow, table: Table, found: Mapping[str, Origins], columns: Mapping[str, Sequence[str]]
) -> dict[str, Origins]:
    """The columns that say when a row belongs to its partition, and when it and its outcomes became known."""
    made: dict[str, Origins] = {}
    for source in columns if table.sql is None else ():
        spec = workflow.sources[source]
        if isinstance(spec, FilesSource) and spec.time is not None:
            made.setdefault("_time", set()).update((f"raw/{source}", column) for column in columns_of(spec.time))
    if table.known_at is not None:
        made["_known_at"] = _of_sql(table.known_at, found)
    for number, group in enumerate(table.outcomes, 1):
        made[f"_known_at_OUTCOME_{number}"] = _of_sql(group.known_at, found)
    return made
