"""From a path to a workflow file: the steps in order, and what is asked back where something is missing.

`draft` proposes and writes nothing; `save` writes the one file, and never over another.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlwf_assets.drafting.files import Found, find_sources
from mlwf_assets.drafting.keys import Key, find_key
from mlwf_assets.drafting.leaving_out import find_left_out
from mlwf_assets.drafting.relations import Relation, find_relations
from mlwf_assets.drafting.splits import Split, choose_split, find_event_time
from mlwf_assets.drafting.tables import Database, Table, open_database
from mlwf_assets.drafting.target import Target, find_column, list_candidates, make_target
from mlwf_assets.drafting.words import as_name
from mlwf_assets.errors import SpecError
from mlwf_assets.spec.base import is_name
from mlwf_assets.spec.loader import FILE_NAME


@dataclass(frozen=True)
class Draft:
    """What is proposed.

    Attributes:
        name: the workflow's.
        folder: where its file will stand.
        tables: those that belong together, the examples' first.
        keys: of each table.
        relations: between them.
        target: what is predicted.
        event: the column that says when a row of the examples' table happened.
        split: how examples are divided.
        left_out: (table, column) -> why it is not learned from.
        notes: what else was seen, in words: files that were left out, tables that belong to nothing.
    """

    name: str
    folder: Path
    tables: tuple[Table, ...]
    keys: Mapping[str, Key]
    relations: tuple[Relation, ...]
    target: Target
    event: str | None
    split: Split
    left_out: Mapping[str, str]
    notes: tuple[str, ...]

    @property
    def file(self) -> Path:
        """The workflow file."""
        return self.folder / FILE_NAME


def draft(path: Path, *, target: str | None = None, name: str | None = None, out: Path | None = None) -> Draft:
    """Read what a path holds and propose a workflow.

    Args:
        path: a file, or a folder of files.
        target: COLUMN or TABLE.COLUMN to predict.
        name: the workflow's; by default told from the path.
        out: the workflow's folder; by default one of its name, here.
    Raises:
        SpecError: if the workflow file exists, no target is named (with the candidates), or it cannot be predicted.
        SourceError: if a file cannot be read.
    """
    name = _workflow_name(path, name)
    folder = Path(os.path.abspath(out or name))  # noqa: PTH100 (links stay what they are called)
    refuse_existing(folder / FILE_NAME)
    found = find_sources(path)
    with open_database() as database:
        for files in found.sources:
            database.load(files, folder)
        table, column = _find_target(database, target, path)
        made = make_target(database, table, column)
        return _propose(database, found, made, name=name, folder=folder)


def save(file: Path, text: str) -> None:
    """Write a workflow file where there is none.

    Raises:
        SpecError: if there is one, or the folder cannot be written to.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        refuse_existing(file)
        raise SpecError(
            f"{file.parent} must be a folder, however it is a file; choose another one with --out"
        ) from None
    except OSError as error:
        raise SpecError(f"{file} must be written, however: {error}; choose another folder with --out") from error


def refuse_existing(file: Path) -> None:
    """Refuse to write over a workflow file.

    Raises:
        SpecError: if it exists.
    """
    if file.exists():
        raise SpecError(
            f"{file} exists already, and is never written over; choose another folder with --out, or move it away"
        )


def _workflow_name(path: Path, name: str | None) -> str:
    if name is None:
        return as_name(path.resolve().name.partition(".")[0])
    if not is_name(name):
        raise SpecError(
            f"--name must be lower-case letters, digits and underscores, however: {name!r}; e.g. {as_name(name)}"
        )
    return name


def _find_target(database: Database, target: str | None, path: Path) -> tuple[Table, str]:
    tables = list(database.tables.values())
    if target is not None:
        return find_column(tables, target)
    keys = {table.name: find_key(database, table) for table in tables}
    barred = {(name, column) for name, key in keys.items() for column in key.columns}
    relations = [r for table in tables for r in find_relations(database, keys, root=table.name)]
    barred |= {(relation.child, relation.column) for relation in relations}
    lines = list_candidates(database, tables, barred, {relation.parent for relation in relations})
    if not lines:
        raise SpecError(f"{path} must have a column to predict, however none of its columns can be; see --target")
    again = f"mlwf init {path} --target {lines[0].split()[0]}"
    raise SpecError(
        "\n".join(
            ["--target must name the column to predict, however none was named. It could be, the likeliest first:"]
            + [f"  {line}" for line in lines]
            + [f"Ask again, e.g.: {again}"]
        )
    )


def _propose(database: Database, found: Found, target: Target, *, name: str, folder: Path) -> Draft:
    keys = {
        table.name: find_key(database, table, target=target.column if table.name == target.table else None)
        for table in database.tables.values()
    }
    relations = find_relations(database, keys, root=target.table, target=target.column)
    related = {target.table, *(r.child for r in relations), *(r.parent for r in relations)}
    own = database.tables[target.table]
    key = keys[own.name].columns
    event = find_event_time(database, own)
    split = choose_split(database, own, target, event=event, key=key)
    # A time that examples are not divided by is still the moment of the prediction: nothing later may be learned.
    kept = {*key, *(r.column for r in relations if r.child == own.name), split.group or ""}
    others = [table for table in database.tables.values() if table.name in related and table is not own]
    left_out = find_left_out(database, own, target, event=event, kept=kept)
    if split.group is not None:
        left_out[split.group] = "who it is, not what it is like"
    return Draft(
        name=name, folder=folder, tables=(own, *others), keys=keys, relations=tuple(relations), target=target,
        event=event, split=split, left_out=left_out,
        notes=(*found.left_out, *_unrelated(database, related, own.name), *_odd_values(own)),
    )  # fmt: skip


def _unrelated(database: Database, related: set[str], own: str) -> Iterator[str]:
    for name in database.tables:
        if name not in related:
            yield f"{name} is left out: nothing relates it to {own}"


def _odd_values(table: Table) -> Iterator[str]:
    if table.rows < 50:
        yield f"{table.name} has {table.rows} rows: too few for a model that one could trust"
