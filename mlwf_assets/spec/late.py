"""Columns that are known later than their row: outcomes, and whatever is made from them."""

from mlwf_assets.errors import SpecError
from mlwf_assets.spec.lookups import parse_lookup
from mlwf_assets.spec.sql import columns_of
from mlwf_assets.spec.tables import Table
from mlwf_assets.spec.workflow import Workflow


def late_columns(workflow: Workflow, table: str) -> set[str]:
    """Return the outcome columns of a table, those of all groups, and the columns made from them.

    Example:
        >>> from pathlib import Path
        >>> from mlwf_assets.spec.loader import loads
        >>> text = '''
        ... type: mlwf_assets.MLWorkflow
        ... attributes:
        ...   name: small
        ...   project: {question: "Is it late?"}
        ...   sources: {trips: trips.csv}
        ...   tables:
        ...     trips:
        ...       columns: {late: {sql: delay > 15}}
        ...       outcomes: {known_at: arrival, columns: [delay]}
        ...   examples: {table: trips, label: late}
        ... '''
        >>> sorted(late_columns(loads(text, file=Path("small/defs.yaml")), "trips"))
        ['delay', 'late']
    """
    spec = workflow.tables.get(table, Table())
    late = {column for group in spec.outcomes for column in group.columns}
    made = {name: used for name, column in spec.columns.items() if (used := _used(column.sql))}
    made |= {name: {parse_lookup(text).by} for name, text in spec.lookups.items() if " by " in text}
    while added := {name for name, used in made.items() if name not in late and used & late}:
        late |= added
    return late


def _used(sql: str | None) -> set[str]:
    """What an expression uses; nothing where it is wrong, which is reported elsewhere."""
    if sql is None:
        return set()
    try:
        return columns_of(sql)
    except SpecError:
        return set()
