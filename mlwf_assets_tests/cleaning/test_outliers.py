"""Odd rows: planted ones are found, for the reason that was planted; only the rows that are handed over matter."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlwf_assets.cleaning.outliers import LEAST_ROWS, find_odd_rows, known_by

START = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)


def trips(n=2000, seed=0, **changes):
    """Ordinary rows of every type, some values missing; `changes` replace columns."""
    rng = np.random.default_rng(seed)
    km = np.round(rng.normal(50, 10, n), 1).tolist()
    columns = {
        "id": [f"t{i}" for i in range(n)],
        "km": [None if i % 50 == 7 else value for i, value in enumerate(km)],
        "stops": rng.integers(1, 9, n).tolist(),
        "line": rng.choice(["A", "B", "C"], n).tolist(),
        "late": rng.choice([True, False], n).tolist(),
        "left": [START + dt.timedelta(minutes=30 * i) for i in range(n)],
        "day": [(START + dt.timedelta(minutes=30 * i)).date() for i in range(n)],
        "note": [f"note {i}" for i in range(n)],
        "_known_at": [START + dt.timedelta(minutes=30 * i) for i in range(n)],
    }
    return pa.table({**columns, **changes})


def planted(column, row, value, **more):
    rows = trips(**more).to_pydict()
    rows[column][row] = value
    return pa.table(rows)


PLANTED = {
    200: ("km", 900.0, "km is 900 ("),
    300: ("stops", 40, "stops is 40 ("),
    400: ("line", "Z", "line is 'Z' ("),
    500: ("line", None, "line is missing ("),
    600: ("left", START + dt.timedelta(days=3000), "left is 2032-03-19 00:00 ("),
    700: ("day", dt.date(1900, 1, 1), "day is 1900-01-01 ("),
}
ALONE = {
    "sound": (True, False, "sound is false ("),
    "seats": (5, 6, "seats is 6 ("),
    "note": ("yes", "no", "note is 'no' ("),
    "weight": (1.5, None, "weight is missing ("),
}


def whys(found):
    return {row["id"]: row["_why"] for row in found.table.to_pylist()}


def test_planted_rows_are_found_and_their_values_are_the_reasons():
    rows = trips().to_pydict()
    for place, (column, value, _) in PLANTED.items():
        rows[column][place] = value
    found = find_odd_rows(pa.table(rows), key=["id"], among="all")
    assert all(words in whys(found)[f"t{place}"] for place, (_, _, words) in PLANTED.items()), whys(found)
    assert all(score > 0.5 for score in found.table["_score"].to_pylist())


def test_a_value_that_stands_in_one_row_alone_is_found_among_many():
    columns = {
        name: [odd if i == 20_000 + place else usual for i in range(30_000)]
        for place, (name, (usual, odd, _)) in enumerate(ALONE.items())
    }
    found = whys(find_odd_rows(trips(n=30_000, **columns), key=["id"], among="all"))
    assert all(words in found[f"t{20_000 + place}"] for place, (_, _, words) in enumerate(ALONE.values())), found


def test_the_oddest_stands_first_and_a_thousandth_is_listed_at_least_ten():
    rows = planted("km", 77, 9000.0, n=30_000)
    found = find_odd_rows(rows, key=["id"], among="all").table
    assert found["id"][0].as_py() == "t77"
    assert found.num_rows == 30
    assert found["_score"].to_pylist() == sorted(found["_score"].to_pylist(), reverse=True)
    assert find_odd_rows(trips(), key=["id"], among="all").table.num_rows == 10


def test_the_same_rows_and_seed_give_the_same_answer():
    rows = trips(n=6000)
    first, again, other = (find_odd_rows(rows, key=["id"], among="all", seed=seed).table for seed in (1, 1, 2))
    assert first.equals(again)
    assert not first.equals(other)


def test_ids_and_constants_tell_nothing_and_a_table_of_them_says_so():
    rows = trips().select(["id", "note"]).append_column("one", pa.array([1] * 2000))
    found = find_odd_rows(rows, key=["id"], among="all")
    assert found.table.num_rows == 0
    assert found.because == "no column has values that are rare: all are constant, or differ in every row"
    assert found.summary()["oddest"] == []


@pytest.mark.parametrize("n", [0, 1, LEAST_ROWS - 1])
def test_a_small_table_says_that_it_is_small(n):
    found = find_odd_rows(trips(n=n) if n else trips().slice(0, 0), key=["id"], among="all")
    assert found.because == f"{n} rows are too few to say which is odd; {LEAST_ROWS} are needed"
    assert found.table.column_names == ["id", "_score", "_why"]


def test_a_table_without_key_names_rows_by_their_place():
    rows = trips().drop_columns(["id"]).append_column("_row_id", pa.array([f"a.csv:{i}" for i in range(2000)]))
    found = find_odd_rows(rows, key=(), among="all")
    assert found.table.column_names == ["_row_id", "_score", "_why"]
    assert found.summary()["oddest"][0]["row"].startswith("a.csv:")


VALUES = st.sampled_from([None, 0, 1, -1.5, 1e308, float("nan"), float("inf")])


@settings(max_examples=8, deadline=None)
@given(st.lists(VALUES, min_size=LEAST_ROWS, max_size=80), st.lists(st.sampled_from([None, "", "a", "b"]), min_size=80))
def test_no_table_breaks_it(numbers, texts):
    n = len(numbers)
    rows = pa.table({
        "id": range(n), "n": pa.array(numbers, pa.float64()), "s": pa.array(texts[:n], pa.string()),
        "none": pa.nulls(n, pa.string()), "b": pa.array([x is None for x in numbers]),
    })  # fmt: skip
    found = find_odd_rows(rows, key=["id"], among="all")
    assert found.looked_at == n
    assert all(found.table["_why"].to_pylist())


def examples(last):
    return pa.table({"id": ["t1"], "cutoff": [last], "time": [last]})


def test_rows_of_other_tables_count_as_training_rows_until_the_last_training_example():
    rows, words = known_by(trips(), examples(START + dt.timedelta(minutes=300)))
    assert rows.num_rows == 11
    assert words == "rows known by the last training example, 2024-01-01"


def test_where_no_time_is_known_all_rows_count():
    timeless = trips().drop_columns(["_known_at"])
    assert known_by(timeless, examples(START)) == (timeless, "all rows, for time plays no part")
    no_cutoff = pa.table({"id": ["t1"], "cutoff": pa.nulls(1, pa.timestamp("us", "UTC"))})
    assert known_by(trips(), no_cutoff)[0].num_rows == 2000


def test_rows_that_come_later_change_nothing():
    train = examples(START + dt.timedelta(minutes=30 * 1500))
    before = find_odd_rows(known_by(trips(), train)[0], key=["id"], among="all")
    after = find_odd_rows(known_by(planted("km", 1900, 1e9), train)[0], key=["id"], among="all")
    assert before == after
