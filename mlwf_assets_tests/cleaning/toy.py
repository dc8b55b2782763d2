"""Small raw tables and contracts for the tests of cleaning."""

import datetime as dt

import pyarrow as pa

from mlwf_assets.cleaning import clean_table
from mlwf_assets.spec.tables import Table


def raw(columns, file="a.csv", types=None):
    """A raw table of text columns (or of the types given), with file and position."""
    count = len(next(iter(columns.values())))
    arrays = {name: pa.array(values, (types or {}).get(name, pa.string())) for name, values in columns.items()}
    return pa.table(
        {**arrays, "_file": pa.array([file] * count, pa.string()), "_row": pa.array(range(count), pa.int64())}
    )


def clean(spec, columns, **more):
    """Clean one source 't' (columns, or a raw table) by a table's spec."""
    rows = columns if isinstance(columns, pa.Table) else raw(columns)
    return clean_table(Table(**spec), {"t": rows}, {}, types={"t": more.pop("types", {})}, name="t", **more)


def column(cleaned, name):
    """A column of the clean rows."""
    return cleaned.clean.table[name].to_pylist()


def reasons(cleaned):
    """The reasons of the rows in quarantine, in the order of the source."""
    return cleaned.quarantine.table["_reason"].to_pylist()


def utc(*parts):
    """A moment in UTC."""
    return dt.datetime(*parts, tzinfo=dt.UTC)
