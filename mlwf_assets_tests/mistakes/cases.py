"""Workflows with one mistake each, by the name that docs/mistakes.md gives it.

`CASES` maps a name to a function that writes the workflow's files into a folder; all have the same small base.
"""

import csv

import numpy as np
import yaml

ROWS = 120


def columns(rows=ROWS, seed=0):
    """Trips that are late when it rains and the way is long: column -> values."""
    rng = np.random.default_rng(seed)
    km, rain = rng.gamma(3, 5, rows).round(1), rng.gamma(1, 2, rows).round(1)
    late = km + 5 * rain + rng.normal(0, 4, rows) > 22
    return {
        "trip": [f"t{i}" for i in rng.permutation(rows)],
        "city": rng.choice(["north", "south", "east"], rows).tolist(),
        "km": km.tolist(),
        "rain": rain.tolist(),
        "late": np.where(late, "yes", "no").tolist(),
    }


def write(folder, data=None, files=None, **changes):
    """Write the base workflow; `changes` replace attributes, `files` are written instead of one trips.csv."""
    attributes = {
        "name": folder.name,
        "project": {"question": "Will this trip be late?"},
        "sources": {"trips": "*.csv"},
        "tables": {"trips": {"key": ["trip"]}},
        "examples": {"table": "trips", "label": "late = 'yes'"},
        "splits": {"by": "stratified"},
        "models": {"families": ["linear"], "budget": {"trials": 1}, "folds": 2},
        "evaluation": {"bootstrap": 20, "explain": 1},
    }
    document = {"type": "mlwf_assets.MLWorkflow", "attributes": {**attributes, **changes}}
    (folder / "defs.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    for name, content in (files or {"trips.csv": data or columns()}).items():
        if isinstance(content, bytes):
            (folder / name).write_bytes(content)
        else:
            _write_csv(folder / name, content)


def _write_csv(path, data):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([list(data), *zip(*data.values(), strict=True)])


def wrong_target(folder):
    write(folder, examples={"table": "trips", "label": "lat = 'yes'"})


def target_with_one_class(folder):
    write(folder, columns() | {"late": ["no"] * ROWS})


def target_value_that_is_not_there(folder):
    write(folder, examples={"table": "trips", "label": "late = 'true'"})


def constant_column(folder):
    write(folder, columns() | {"country": ["here"] * ROWS})


def id_as_a_feature(folder):
    data = columns()
    order = np.argsort(data["late"], kind="stable")
    sorted_by_label = {name: [values[i] for i in order] for name, values in data.items()}
    write(folder, sorted_by_label | {"number": list(range(1000, 1000 + ROWS))})


def twenty_rows(folder):
    write(folder, columns(20))


def five_rows(folder):
    write(folder, columns(5))


def excel_file(folder):
    write(folder, files={"trips.xlsx": b"PK\x03\x04"}, sources={"trips": "trips.xlsx"})


def excel_file_named_csv(folder):
    write(folder, files={"trips.csv": b"PK\x03\x04\x14\x00\xff\xfe"})


def _dated(rows=ROWS):
    days = np.datetime64("2024-01-01") + np.arange(rows)
    return columns(rows) | {"sent": days.astype(str).tolist()}


def dates_in_the_future(folder):
    data = _dated()
    data["sent"][7] = "2204-03-01"
    write(folder, data, examples={"table": "trips", "label": "late = 'yes'", "cutoff": "sent"}, splits={"by": "time"})


def dates_after_the_last_partition(folder):
    data = _dated()
    data["sent"][7] = "2204-03-01"
    write(
        folder,
        data,
        partitions={"every": "month", "start": "2024-01-01", "end": "2024-05-01"},
        sources={"trips": {"path": "trips.csv", "time": "TRY_CAST(sent AS TIMESTAMP)"}},
        splits={"by": "time", "validation": "1 month", "test": "1 month"},
    )


def column_only_in_new_files(folder):
    new = columns(40, seed=3) | {"trip": [f"n{i}" for i in range(40)], "wind": [float(i % 7) for i in range(40)]}
    write(folder, files={"a_old.csv": columns(), "b_new.csv": new})


def categories_never_seen(folder):
    data = _dated()
    data["city"][-15:] = ["atlantis"] * 15
    write(folder, data, examples={"table": "trips", "label": "late = 'yes'", "cutoff": "sent"}, splits={"by": "time"})


def class_never_seen(folder):
    data = _dated()
    data["late"] = np.random.default_rng(2).choice(["no", "a bit", "yes"], ROWS).tolist()
    data["late"][-8:] = ["never"] * 8
    write(folder, data, examples={"table": "trips", "label": "late", "cutoff": "sent"}, splits={"by": "time"})


def empty_file(folder):
    write(folder, files={"trips.csv": b""})


def header_without_rows(folder):
    write(folder, files={"trips.csv": b"trip,city,km,rain,late\n"})


def same_file_twice(folder):
    write(folder, files={"trips.csv": columns(), "trips (1).csv": columns()})


def same_file_twice_without_a_key(folder):
    write(folder, files={"trips.csv": columns(), "trips (1).csv": columns()}, tables={})


def missing_file(folder):
    write(folder, sources={"trips": "tripps.csv"})


def text_as_a_regression(folder):
    write(folder, examples={"table": "trips", "label": "late", "kind": "regression"}, splits={"by": "random"})


def id_as_the_target(folder):
    write(folder, examples={"table": "trips", "label": "trip"})


CASES = {
    "a wrong target": wrong_target,
    "a target with one class": target_with_one_class,
    "a target value that is not there": target_value_that_is_not_there,
    "an id as the target": id_as_the_target,
    "a text as a number to predict": text_as_a_regression,
    "a constant column": constant_column,
    "an id as a feature": id_as_a_feature,
    "20 rows": twenty_rows,
    "5 rows": five_rows,
    "an Excel file": excel_file,
    "an Excel file that is called .csv": excel_file_named_csv,
    "a date in the far future, split by time": dates_in_the_future,
    "a date after the last partition": dates_after_the_last_partition,
    "a column only in new files": column_only_in_new_files,
    "categories never seen in training": categories_never_seen,
    "a class never seen in training": class_never_seen,
    "an empty file": empty_file,
    "a file with a header alone": header_without_rows,
    "a missing file": missing_file,
    "the same file twice": same_file_twice,
    "the same file twice, without a key": same_file_twice_without_a_key,
}
