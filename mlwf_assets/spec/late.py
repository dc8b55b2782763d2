"""Columns that are known later than their row: outcomes, and whatever is made from them."""

from mlwf_assets.spec.origins import origins
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
    made = origins(workflow, spec)
    while added := {name for name, used in made.items() if name not in late and used & late}:
        late |= added
    return late
