"""The words that all features share: what a column is called, and how a sentence ends.

Descriptions and units come from the workflow file; a column without a description is called by its name.
"""

from mlwf_assets.spec.tables import Column, Table
from mlwf_assets.spec.workflow import Workflow


def describe_column(workflow: Workflow, table: str, column: str) -> str:
    """Name a column in words: its description, or its name, and its unit.

    Example:
        >>> w = Workflow.model_validate({"name": "w", "project": {"question": "?"}, "sources": {"t": "t.csv"},
        ...     "tables": {"t": {"columns": {"wind_speed": {"unit": "mph"}}}}, "examples": {"table": "t",
        ...     "label": "y"}})
        >>> describe_column(w, "t", "wind_speed")
        'wind speed (mph)'
    """
    spec = workflow.tables.get(table, Table()).columns.get(column, Column())
    words = spec.description.strip().rstrip(".") or column.replace("_", " ")
    return f"{words} ({spec.unit})" if spec.unit else words


def as_sentence(words: str) -> str:
    """Begin with a capital letter and end with a full stop.

    Example:
        >>> as_sentence("the hour")
        'The hour.'
    """
    return words[:1].upper() + words[1:].rstrip(".") + "."
