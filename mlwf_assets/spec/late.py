"""Columns that are known later than their row, and those that tell the outcome: what must not be learned from."""

from mlwf_assets.spec.lookups import parse_lookup
from mlwf_assets.spec.origins import find_followers, label_columns, origins
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
    return find_followers(origins(workflow, spec), _outcomes(spec))


def find_barred(workflow: Workflow, table: str) -> set[str]:
    """Name the columns that give away what is to be predicted, and those that are made from them.

    Outcomes of any table are barred. If the label names no outcome, its own columns are.

    Args:
        workflow: the workflow.
        table: the clean table's name.
    Returns:
        Column names; derived ones, lookups of barred columns included.
    Raises:
        SpecError: if the label is not an allowed expression.
    """
    spec = workflow.tables.get(table, Table())
    made = origins(workflow, spec)
    lookups = {name: parse_lookup(text) for name, text in spec.lookups.items()}
    fetched = {name for name, one in lookups.items() if one.column in find_barred(workflow, one.table)}
    barred = find_followers(made, _outcomes(spec) | fetched)
    if table != workflow.examples.table:
        return barred
    label = label_columns(workflow)
    return barred if label & barred else find_followers(made, barred | label)


def _outcomes(table: Table) -> set[str]:
    return {column for group in table.outcomes for column in group.columns}
