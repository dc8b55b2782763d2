"""A small world for the tests of features: parcels, their couriers and depots, readings of the depots' weather."""

import datetime as dt

import numpy as np
import pyarrow as pa

from mlwf_assets.spec.workflow import Workflow

US = pa.timestamp("us", tz="UTC")
START = dt.datetime(2024, 3, 9, tzinfo=dt.UTC)


def at(hours):
    """A moment, or a list of them, hours after the start; None stays None."""
    if isinstance(hours, list | tuple | np.ndarray):
        return pa.array([at(hour) for hour in hours], US)
    return None if hours is None else START + dt.timedelta(hours=float(hours))


def make_workflow(**changes):
    """A workflow over parcels; `changes` replace parts, `relational` and `timeseries` those of features."""
    relational = changes.pop("relational", {"transforms": ["hour", "weekday"]})
    timeseries = changes.pop(
        "timeseries",
        {"weather": {"id": "depot", "columns": ["temp"], "windows": ["4 hours"], "tolerance": "3 hours"}},
    )
    spec = {
        "name": "parcels",
        "project": {"question": "Will it be late?"},
        "partitions": {"every": "month", "start": "2024-03-01", "timezone": "America/New_York"},
        "sources": {
            "parcels": {"path": "parcels.csv", "time": "sent"},
            "couriers": "couriers.csv",
            "depots": "depots.csv",
            "regions": "regions.csv",
            "weather": {"path": "weather.csv", "time": "hour"},
        },
        "tables": {
            "parcels": {
                "key": ["id"],
                "known_at": "sent",
                "columns": {
                    "id": "string",
                    "weight": {"type": "number", "unit": "kg", "description": "weight of the parcel"},
                    "fast": "boolean",
                    "sent": {"type": "timestamp", "description": "time of sending"},
                },
                "outcomes": {"known_at": "arrived", "columns": ["delay"]},
            },
            "couriers": {"key": ["courier"], "columns": {"grade": "category", "born": "integer"}},
            "depots": {"key": ["depot"], "columns": {"size": "number"}},
            "regions": {"key": ["region"], "columns": {"wealth": "number"}},
            "weather": {"key": ["depot", "hour"], "known_at": "hour"},
        },
        "relationships": ["parcels.courier -> couriers.courier", "parcels.depot -> depots.depot"],
        "examples": {"table": "parcels", "label": "delay > 1", "cutoff": "sent"},
        "features": {"relational": relational, "timeseries": timeseries},
    }
    return Workflow.model_validate({**spec, **changes})


def make_tables(n=6):
    """Clean tables: n parcels, an hour apart; courier c9 is unknown, one courier is missing."""
    hours = np.arange(n)
    couriers = ["c1", "c2", "c9", None]
    parcels = {
        "id": pa.array([f"p{i}" for i in hours]),
        "courier": pa.array([couriers[i % 4] for i in hours]),
        "depot": pa.array(["d1" if i % 2 else "d2" for i in hours]),
        "weight": pa.array(hours * 1.5),
        "fast": pa.array([i % 3 == 0 for i in hours]),
        "note": pa.array(["a b c"] * n),
        "sent": at(hours),
        "delay": pa.array(hours * 1.0),
        "_known_at": at(hours - 10),
        "_known_at_OUTCOME_1": at(hours + 30),
    }
    couriers = {"courier": ["c1", "c2"], "grade": ["A", "B"], "born": [1980, 1990], "_known_at": at([None, None])}
    depots = {"depot": ["d1", "d2"], "size": [10.0, None], "region": ["r1", "r2"], "_known_at": at([None, None])}
    regions = {"region": ["r1", "r2"], "wealth": [1.0, 2.0], "_known_at": at([None, None])}
    tables = {"parcels": parcels, "couriers": couriers, "depots": depots, "regions": regions}
    return {name: pa.table(columns) for name, columns in tables.items()}


def make_examples(parcels):
    """An example per parcel, with the cutoff when it is sent."""
    n = parcels.num_rows
    return pa.table(
        {
            "id": parcels["id"],
            "cutoff": parcels["sent"],
            "label": pa.array([i % 2 == 0 for i in range(n)]),
            "time": parcels["sent"],
        }
    )


def change(table, column, values):
    """The table with one column replaced."""
    position = table.column_names.index(column)
    return table.set_column(position, column, pa.array(values, table.schema.field(column).type))
