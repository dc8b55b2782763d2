"""What a new row must be: the table's contract, without what is known only when the outcome is.

The workflow file describes rows whose outcome has come about; a row to be predicted has none yet. Here
stands which columns a file of new rows must have, which it may lack, and the contract that it is held to.
Reading, cleaning and scoring them is the business of `batch.py`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlwf_assets.errors import SchemaError, SpecError
from mlwf_assets.spec.late import find_barred
from mlwf_assets.spec.mistakes import listed, nearest, suggestion
from mlwf_assets.spec.origins import find_followers, find_origins, label_columns, origins
from mlwf_assets.spec.relationships import parse_relationships
from mlwf_assets.spec.sources import FilesSource
from mlwf_assets.spec.sql import columns_of
from mlwf_assets.spec.tables import Column, Rule, Table
from mlwf_assets.spec.workflow import Workflow

_SHOWN = 12


@dataclass(frozen=True)
class Expected:
    """What is expected of new rows.

    Attributes:
        table: the contract of the examples' table, as far as it can be kept before the outcome is known: no
            row is dropped, made one with another, or stops the others.
        needed: columns of the clean table without which there is no prediction, and what they are made from.
        made: column -> what it is made from; the others are read.
        forgotten: columns that are known only later; a file may hold them, nobody looks at them.
        where: which rows are predicted, if that can be told by now.
    """

    table: Table
    needed: frozenset[str]
    made: Mapping[str, set[str]]
    forgotten: frozenset[str]
    where: str | None

    def check_columns(self, found: Collection[str], *, raw: Collection[str], name: str) -> None:
        """Hold the columns of a file against what is needed.

        Args:
            found: the file's columns.
            raw: the columns of the source in whose form it is.
            name: the file's name.
        Raises:
            SchemaError: naming every column that is missing.
        """
        missing = [column for column in raw if column in self._read(raw) and column not in found]
        if missing:
            near = nearest(missing[0], found)
            hint = f" Did you mean {near!r}?" if near else " Where values are not known, leave them empty."
            raise SchemaError(
                f"{name} must have the column{'s' if len(missing) > 1 else ''} {listed(missing, joint='and')}, for the "
                f"model's features, the contract or the key need {'them' if len(missing) > 1 else 'it'}, however it "
                f"has: {', '.join(list(found)[:_SHOWN])}{', ...' if len(found) > _SHOWN else ''}.{hint}"
            )

    def _read(self, raw: Collection[str]) -> set[str]:
        """The needed columns that are read, and not made from others."""
        return {name for name in self.needed if name in raw and name in self.made.get(name, {name})}


def expect(workflow: Workflow, features: Sequence[Mapping[str, Any]]) -> Expected:
    """Say what is expected of rows that a model is to predict.

    Args:
        workflow: the workflow.
        features: what the model takes: `columns` ('TABLE.COLUMN') of each feature.
    """
    root = workflow.examples.table
    table = workflow.tables[root]
    made = origins(workflow, table)
    late = _find_late(workflow, made)
    known_at, where = (_if_known(sql, late) for sql in (table.known_at, workflow.examples.where))
    asked = {*table.key, *_used(known_at), *_used(where), *_used(workflow.examples.cutoff)}
    asked |= {name for name, column in table.columns.items() if column.required and name not in late}
    asked |= _of_features(workflow, features)
    needed = find_origins(made, asked)
    links = {one.child_column for one in parse_relationships(workflow) if one.child_table == root}
    kept = find_origins(made, needed | links | _ids(workflow))
    forgotten = find_followers(made, late - kept)
    return Expected(
        table=_relax(table, forgotten, optional=late - needed, known_at=known_at),
        needed=frozenset(needed),
        made=made,
        forgotten=frozenset(forgotten),
        where=where,
    )


def choose_source(workflow: Workflow, name: str | None) -> str:
    """Choose the source in whose form new rows are: the one that is named, else the first that is read from files.

    Raises:
        SpecError: if the examples' table has no such source, or none at all.
    """
    table = workflow.tables[workflow.examples.table]
    if table.sql is not None:
        raise SpecError(
            f"{workflow.locate(('tables', workflow.examples.table, 'sql'))}: new rows must be rows of a source, "
            f"however: {workflow.examples.table} is made by SQL, and a row of it may come from many; let examples be "
            "rows of a table with sources, and relate what SQL gathers to it (relationships)"
        )
    sources = list(table.sources or (workflow.examples.table,))
    if name is not None:
        if name not in sources:
            raise SpecError(f"--source must be a source of {workflow.examples.table}.{suggestion(name, sources)}")
        return name
    return next((one for one in sources if isinstance(workflow.sources[one], FilesSource)), sources[0])


def _find_late(workflow: Workflow, made: Mapping[str, set[str]]) -> set[str]:
    """What a row has only when its outcome is known: as the file says, else all that the label is made from."""
    root = workflow.examples.table
    table, late = workflow.tables[root], find_barred(workflow, root)
    return late if table.outcomes else late | find_origins(made, label_columns(workflow))


def _relax(table: Table, forgotten: Collection[str], *, optional: Collection[str], known_at: str | None) -> Table:
    """The contract without what is known later; each row for itself."""
    columns = {
        name: column.model_copy(update={"required": False}) if name in optional else column
        for name, column in table.columns.items()
        if name not in forgotten
    }
    # A row without its key breaks the contract, though here nothing else is asked of keys: rows are named by place.
    columns |= {name: columns.get(name, Column()).model_copy(update={"required": True}) for name in table.key}
    return table.model_copy(
        update={
            "columns": columns,
            "lookups": {name: text for name, text in table.lookups.items() if name not in forgotten},
            "rules": tuple(_as_reason(rule) for rule in table.rules if not _used(rule.check) & set(forgotten)),
            "key": (),
            "known_at": known_at,
            "outcomes": (),
        }
    )


def _as_reason(rule: Rule) -> Rule:
    """Rules that drop a row or stop everything become the reason why that row has no prediction."""
    return rule.model_copy(update={"otherwise": "quarantine"}) if rule.otherwise in ("drop", "fail") else rule


def _of_features(workflow: Workflow, features: Sequence[Mapping[str, Any]]) -> set[str]:
    """The columns of the examples' table that features are made from."""
    # What a feature sums up of earlier rows is not asked of the new one.
    used = [text.split(".", 1) for one in features for text in one["columns"] if text not in one.get("past", ())]
    own = {column for table, column in used if table == workflow.examples.table}
    return own | _ids(workflow, {table for table, _ in used})


def _ids(workflow: Workflow, tables: Collection[str] | None = None) -> set[str]:
    """The columns that say which series of readings a row looks at."""
    chosen = {name: one for name, one in workflow.features.timeseries.items() if tables is None or name in tables}
    return {name for one in chosen.values() for name in (one.id.values() if isinstance(one.id, dict) else [one.id])}


def _used(sql: str | None) -> set[str]:
    return set() if sql is None else columns_of(sql)


def _if_known(sql: str | None, late: Collection[str]) -> str | None:
    """An expression, unless it needs what is known only later."""
    return None if _used(sql) & set(late) else sql
