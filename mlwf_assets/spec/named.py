"""Which columns of a clean table are of no use to anybody: nothing names them, and no feature is made of them.

Such a column changes nothing beyond its table. Whether the file names one is answered on the safe side: wherever its
letters stand, were it inside of another word. What a single step reads is for `assets.columns` to say.
"""

import json
from collections.abc import Mapping
from typing import Any

from mlwf_assets.spec.features import find_ignored
from mlwf_assets.spec.history import child_links, groupings, history_tables, interesting_values, outcome_columns
from mlwf_assets.spec.late import find_barred
from mlwf_assets.spec.made import is_ours
from mlwf_assets.spec.names import TRANSFORMS_OF_TEXT
from mlwf_assets.spec.relationships import parse_relationships
from mlwf_assets.spec.tables import Table
from mlwf_assets.spec.workflow import Workflow

_IGNORED: Any = {"features": {"relational": {"ignore"}}}
_TEXT = ("string", "large_string", "string_view")


def ignored_columns(workflow: Workflow, table: str) -> set[str]:
    """Name the columns of a table that enter no feature: `COLUMN` means the examples' table, `TABLE.COLUMN` any."""
    named = [
        find_ignored(text, workflow.tables, own=workflow.examples.table) for text in workflow.features.relational.ignore
    ]
    return {column for owner, column in named if owner == table}


def feature_columns(workflow: Workflow, table: str, there: Mapping[str, str]) -> list[str]:
    """Choose the columns of a clean table that relational features are made of, or by which its rows are found.

    Args:
        workflow: the workflow.
        table: the table's name.
        there: column -> its type in Arrow.
    Returns:
        Names, in their order: all but those that are ignored or tell the outcome, and text that no transform reads.
    """
    spec = workflow.tables.get(table, Table())
    links = parse_relationships(workflow)
    needed = set(spec.key)
    needed |= {one.child_column for one in links if one.child_table == table}
    needed |= {one.parent_column for one in links if one.parent_table == table}
    if table == workflow.examples.table:
        needed |= {name for names in groupings(workflow) for name in names}
    out = (ignored_columns(workflow, table) | find_barred(workflow, table)) - needed
    unread = {name for name, kind in there.items() if _is_unread(workflow, table, name, kind)} - needed
    return [name for name in there if is_ours(name) or name not in out | unread]


def history_columns(workflow: Workflow, table: str, there: Mapping[str, str]) -> list[str]:
    """Choose the columns of a clean table that features over history are made of, of earlier rows.

    Args:
        workflow: the workflow.
        table: the table's name.
        there: column -> its type in Arrow.
    Returns:
        Names, in their order: what rows are put together by, when they are known, what is summarised or a condition.
    """
    wanted = set(outcome_columns(workflow, table)) - ignored_columns(workflow, table)
    wanted |= set(interesting_values(workflow, table))
    wanted |= {one.child_column for one in child_links(workflow) if one.child_table == table}
    if table == workflow.examples.table:
        wanted |= {name for names in groupings(workflow) for name in names}
    else:
        wanted |= set(feature_columns(workflow, table, there))
    return [name for name in there if is_ours(name) or name in wanted]


def _is_unread(workflow: Workflow, table: str, name: str, kind: str) -> bool:
    """Say whether a column is text, and no transform reads any; without partitions few values make text a category."""
    spec = workflow.tables.get(table, Table())
    declared = spec.columns[name].type if name in spec.columns else None
    if kind not in _TEXT or TRANSFORMS_OF_TEXT & set(workflow.features.relational.transforms):
        return False
    return declared == "string" or (declared is None and workflow.is_partitioned(table))


def used_columns(workflow: Workflow, table: str, there: Mapping[str, str]) -> list[str]:
    """Choose the columns of a table that are of use to somebody.

    Args:
        workflow: the workflow.
        table: the table's name.
        there: column of its clean or raw rows -> its type.
    Returns:
        Names, in their order.
    """
    made_of = set(feature_columns(workflow, table, there))
    if table in history_tables(workflow):
        made_of |= set(history_columns(workflow, table, there))
    text = _all_text(workflow)
    return [name for name in there if name in made_of or json.dumps(name)[1:-1] in text]


def _all_text(workflow: Workflow) -> str:
    text = json.dumps(workflow.model_dump(mode="json", exclude=_IGNORED))
    return text + json.dumps([file.text for file in workflow.own.files])
