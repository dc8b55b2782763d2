"""A small, whole workflow for tests: half a year of parcels, their depots, and readings of the weather.

Large enough that models learn something (bad weather and heavy parcels are late), small enough that a run
takes seconds. `write(folder)` writes the files and the defs.yaml; `changes` replace parts of the file.
"""

import csv
import datetime as dt
import json
from pathlib import Path

import numpy as np
import yaml

MONTHS = ["2024-01", "2024-02", "2024-03", "2024-04", "2024-05", "2024-06"]
ROWS = 1800
_START = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
_HOURS = 24 * 182


def spec():
    """The attributes of the workflow file."""
    return {
        "name": "parcels",
        "project": {
            "question": "Will this parcel be late?",
            "process_today": {"description": "Heavy parcels are expected late.", "rule": "weight / 20"},
            "success": "roc_auc >= 0.6 on test",
            "owner": "team:parcels",
        },
        "partitions": {"every": "month", "start": "2024-01-01", "end": "2024-07-01"},
        "sources": {
            "parcels": {"path": "parcels.csv", "time": "TRY_CAST(sent AS TIMESTAMP)"},
            "weather": {"path": "weather.csv", "time": "TRY_CAST(hour AS TIMESTAMP)"},
            "depots": {"path": "depots.jsonl"},
        },
        "tables": {
            "parcels": {
                "key": ["id"],
                "known_at": "sent - INTERVAL 1 DAY",
                "columns": {
                    "id": "string",
                    "sent": "timestamp",
                    "depot": "category",
                    "weight": {"type": "number", "min": 0, "unit": "kg", "description": "the weight"},
                    "minutes": {"type": "number", "description": "how late it came"},
                },
                "outcomes": {"known_at": "sent + INTERVAL 2 DAYS", "columns": ["minutes"]},
                "rules": [{"name": "too heavy", "check": "weight < 100"}],
            },
            "weather": {
                "key": ["depot", "hour"],
                "known_at": "hour",
                "columns": {"hour": "timestamp", "rain": "number"},
            },
            "depots": {"key": ["depot"], "columns": {"size": "number"}},
        },
        "relationships": ["parcels.depot -> depots.depot"],
        "examples": {
            "table": "parcels",
            "cutoff": "sent - INTERVAL 1 HOUR",
            "label": "minutes > 30",
            "classes": {"true": "late", "false": "on time"},
        },
        "splits": {"by": "time", "validation": "1 month", "test": "1 month"},
        "features": {
            "relational": {"transforms": ["hour", "weekday"]},
            "timeseries": {
                "weather": {"id": "depot", "columns": ["rain"], "windows": ["6 hours"], "tolerance": "6 hours"}
            },
        },
        "models": {"families": ["linear", "lightgbm"], "budget": {"trials": 1}, "folds": 2},
        "evaluation": {
            "slices": ["depot", "month"],
            "costs": {"false_positive": 1, "false_negative": 3},
            "bootstrap": 20,
        },
        "deployment": {"registered_model": "parcel-late"},
    }


def write(folder, **changes):
    """Write the workflow into a folder and return the folder."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_data(folder)
    write_spec(folder, {**spec(), **changes})
    return folder


def write_spec(folder, attributes):
    document = {"type": "mlwf_assets.MLWorkflow", "attributes": attributes}
    (Path(folder) / "defs.yaml").write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")


def write_data(folder, seed=0):
    """Write the three source files; one parcel is too heavy, one line stands there twice."""
    rng = np.random.default_rng(seed)
    rain = {depot: np.clip(rng.normal(0, 1, _HOURS).cumsum() * 0.1 % 4, 0, None) for depot in ("north", "south")}
    hours = np.sort(rng.integers(6, _HOURS, ROWS))
    depots = rng.choice(["north", "south"], ROWS)
    weight = np.round(rng.gamma(2, 3, ROWS), 2)
    late = np.array([rain[d][h - 2] for d, h in zip(depots, hours, strict=True)])
    minutes = np.round(10 * late + 1.5 * weight + rng.normal(0, 8, ROWS), 1)
    weight[10] = 250
    rows = [[f"p{i:04d}", _at(hours[i]), depots[i], weight[i], "" if i == 20 else minutes[i]] for i in range(ROWS)]
    _write_csv(folder / "parcels.csv", ["id", "sent", "depot", "weight", "minutes"], [*rows, rows[30]])
    readings = [[d, _at(h), f"{rain[d][h]:.3f}"] for d in rain for h in range(0, _HOURS, 2)]
    _write_csv(folder / "weather.csv", ["depot", "hour", "rain"], readings)
    lines = [json.dumps({"depot": name, "size": size}) for name, size in (("north", 10), ("south", 30))]
    (folder / "depots.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _at(hour):
    return (_START + dt.timedelta(hours=int(hour))).strftime("%Y-%m-%d %H:%M:%S")


def _write_csv(path, header, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
