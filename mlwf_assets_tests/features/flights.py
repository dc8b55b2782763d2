"""Some hundred real flights of the packaged workflow, cleaned, for the tests of features."""

import json
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mlwf_assets.cleaning import clean_table
from mlwf_assets.datasets import make_examples
from mlwf_assets.lake.connectors import read_source
from mlwf_assets.spec.loader import find, load
from mlwf_assets.spec.lookups import parse_lookup

MONTHS = ("2013-11", "2013-12")
EVERY = 29


@cache
def workflow():
    return load(find("flights"))


@cache
def read_raw(source, partition=None):
    """A source's raw rows and the types found in it; of flights every 29th, and each without a tail number."""
    spec = workflow().sources[source]
    cut = workflow().partitions if partition else None
    made = read_source(spec, workflow().folder, cut, [partition] if partition else None)[partition]
    rows = made.table
    if source == "flights":
        some = pa.array(np.arange(rows.num_rows) % EVERY == 0)
        rows = rows.filter(pc.or_(some, pc.is_null(rows["tailnum"])))
    return rows, json.loads(made.files["types.json"])


def clean(table, partition=None, raw=None):
    """The clean rows of a table, of the given raw rows where they are given."""
    spec = workflow().tables[table]
    read = {source: read_raw(source, partition) for source in spec.sources}
    lookups = {parse_lookup(text).table for text in spec.lookups.values()}
    return clean_table(
        spec,
        {source: rows if raw is None else raw for source, (rows, _) in read.items()},
        {other: clean_static(other) for other in lookups},
        types={source: types for source, (_, types) in read.items()},
        name=table,
        keys={other: workflow().tables[other].key[0] for other in lookups},
        read_as={s: workflow().sources[s].csv for s in read if hasattr(workflow().sources[s], "csv")},
        times={s: workflow().sources[s].time for s in read if workflow().is_partitioned_source(s)},
        partition=partition,
    ).clean.table


@cache
def clean_static(table):
    return clean(table)


@cache
def clean_month(table, partition):
    return clean(table, partition)


def tables_with(flights):
    """What features/relational reads beside the flights."""
    return {"flights": flights} | {name: clean_static(name) for name in ("airlines", "airports", "planes")}


def examples_of(flights):
    spec = workflow()
    return make_examples(spec.examples, spec.project.process_today, flights, key=spec.example_key).table
