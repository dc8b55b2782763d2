"""Which of a table's raw rows wait for their outcome: those that are to be predicted where time is not cut.

A row without a label is no example, and one whose contract asks for the label is in quarantine; both are rows to
predict. A row that is there with its outcome, but broken, is not, nor is one whose outcome stands in another row of
the same key. Nothing is scored here.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from mlwf_assets.cleaning.casting import quote
from mlwf_assets.cleaning.row_functions import append_made
from mlwf_assets.datasets import make_examples
from mlwf_assets.deployment.new_rows import Expected, expect
from mlwf_assets.deployment.sifting import KEY, History, NewRows, Places, Sifted, places_of, sift
from mlwf_assets.lake import duck
from mlwf_assets.spec.names import ROW_ID
from mlwf_assets.spec.origins import find_origins, label_columns, label_functions, origins
from mlwf_assets.spec.workflow import Workflow


def find_waiting(workflow: Workflow, rows: NewRows, history: History) -> NewRows:
    """Choose the rows that have no label yet.

    Args:
        workflow: says what the label is made from.
        rows: of a source of the examples' table, as they came.
        history: gives tables that are looked up in, the types of columns, and the examples.
    Returns:
        Those of them that `examples.where` lets in and whose label is null, and those that break the contract where
        what the label is made from is empty.
    """
    # Without a key no row stands for another one.
    table = workflow.tables[workflow.examples.table].model_copy(update={"key": ()})
    where = expect(workflow, ()).where  # without what is known only with the outcome
    made = origins(workflow, table)
    whole = Expected(table=table, needed=frozenset(), made=made, forgotten=frozenset(), where=where)
    sifted = sift(workflow, whole, rows, history)
    broken = np.setdiff1d(np.array(list(sifted.problems), dtype=np.int64), places_of(sifted.clean))
    broken = broken[_is_empty(workflow, rows.table.take(pa.array(broken)))]
    places = np.sort(np.concatenate([_unlabelled(workflow, sifted, history), broken]))
    return replace(rows, table=rows.table.take(pa.array(places)))


def _is_empty(workflow: Workflow, raw: pa.Table) -> np.ndarray[Any, Any]:
    """(n,) whether something that the label is made from is empty."""
    made = origins(workflow, workflow.tables[workflow.examples.table])
    made_from = find_origins(made, label_columns(workflow))
    empty = np.zeros(raw.num_rows, dtype=bool)
    for name in made_from & set(raw.column_names):
        empty |= raw[name].is_null().to_numpy()
    return empty


def _unlabelled(workflow: Workflow, sifted: Sifted, history: History) -> Places:
    """The places of the sound rows that have no label, in a row of their own or in another one of the same key."""
    if not sifted.clean.num_rows:
        return np.arange(0)
    clean = append_made(sifted.clean, label_functions(workflow), workflow.own)
    labelled = make_examples(workflow.examples, None, clean, key=KEY).table
    places = np.setdiff1d(places_of(sifted.examples), places_of(labelled))
    key = workflow.tables[workflow.examples.table].key
    return np.intersect1d(places, _of_other_keys(sifted.clean, history, key)) if key else places


def _of_other_keys(clean: pa.Table, history: History, key: Sequence[str]) -> Places:
    """The places of the rows whose key is none of an example."""
    with duck.connect() as connection:
        connection.register("clean", clean)
        connection.register("examples", history.read("datasets/examples"))
        columns = ", ".join(map(quote, key))
        found = connection.sql(f"SELECT {ROW_ID} FROM clean ANTI JOIN examples USING ({columns})").to_arrow_table()
    return places_of(found)
