"""Examples made on the spot."""

import datetime as dt

import pyarrow as pa

US = pa.timestamp("us", "UTC")
START = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)


def at(days):
    """A moment, days after the start; None stays None."""
    return None if days is None else START + dt.timedelta(days=days)


def examples(labels, *, days=None, groups=None, ids=None):
    """Examples with the given labels; an hour apart if nothing else is said."""
    count = len(labels)
    columns = {
        "id": pa.array(range(count) if ids is None else ids),
        "cutoff": pa.nulls(count, US),
        "label": pa.array(labels),
        "time": pa.array([at(day) for day in ([i / 24 for i in range(count)] if days is None else days)], US),
    }
    if groups is not None:
        columns["_group"] = pa.array(groups, pa.string())
    return pa.table(columns)
