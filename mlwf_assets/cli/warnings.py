"""What is no mistake, and yet seldom meant: told by `mlwf check` and at the end of `mlwf run`, with what to write."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlwf_assets.lake.connectors.almost import join_almost
from mlwf_assets.spec.workflow import Workflow

Found = Mapping[str, Mapping[str, Any]]


def text_by_accident(workflow: Workflow, found: Mapping[str, Sequence[Found]]) -> Iterator[str]:
    """Name the columns that a few values make text, where the file does not say what they are.

    Args:
        workflow: the workflow.
        found: source -> what `almost_typed` found in each of its parts.
    """
    for name, table in workflow.tables.items():
        for source in table.sources or (name,):
            for column, one in join_almost(found.get(source, ())).items():
                said = column in table.columns and table.columns[column].type is not None
                if not said and column not in table.key:
                    yield _in_words(name, column, one)


def _in_words(table: str, column: str, one: Mapping[str, Any]) -> str:
    kind = {"integer": "number", "number": "number", "date": "date", "timestamp": "time"}[one["type"]]
    odd, others = one["odd"], ", ".join(repr(text) for text in one["examples"])
    verb = "is" if odd == 1 else "are"
    name = column if column.isidentifier() else f'"{column}"'
    return (
        f"{table}.{column} is text, for {odd:,} of its {one['values']:,} values {verb} no {kind}: {others}"
        f"{', ...' if odd > len(one['examples']) else ''}. If it is a {kind}, write "
        f"tables: {{{table}: {{columns: {{{name}: {one['type']}}}}}}}; rows with other values then go to quarantine, "
        f"unless csv.null_values of the source names them"
    )
