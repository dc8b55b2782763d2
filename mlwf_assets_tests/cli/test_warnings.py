"""A column that a few bad values make text is told, with the line that mends it."""

from pathlib import Path

import pyarrow as pa
import pytest

from mlwf_assets.cli.warnings import text_by_accident
from mlwf_assets.lake.connectors.almost import almost_typed, join_almost
from mlwf_assets.spec.loader import loads

TEXT = """
type: mlwf_assets.MLWorkflow
attributes:
  name: trips
  project: {{question: "Will it be late?"}}
  sources: {{trips: trips.csv}}
  tables: {{trips: {{key: [trip], columns: {columns}}}}}
  examples: {{table: trips, label: late}}
"""


def columns(*odd, good=("1", "2.5", "3"), n=99):
    return pa.table({"km": [*odd, *(good[i % len(good)] for i in range(n))], "name": ["x"] * (n + len(odd))})


def almost(table, **options):
    return almost_typed(table, dict.fromkeys(table.column_names, "string"), **options)


def told(found, columns="{}"):
    return list(text_by_accident(loads(TEXT.format(columns=columns), file=Path("trips/defs.yaml")), {"trips": found}))


def test_a_few_odd_values_are_named_with_the_line_to_write():
    [words] = told([almost(columns("12 km", "n/a"))])
    assert words.startswith(
        "trips.km is text, for 2 of its 101 values are no number: '12 km', 'n/a'. If it is a number"
    )
    assert "write tables: {trips: {columns: {km: number}}}" in words


@pytest.mark.parametrize(
    ("good", "kind"),
    [
        (["3", "41"], "integer"), (["1.5", "2"], "number"), (["2024-01-31"], "date"),
        (["2024-01-31 10:00", "2024-02-01T11:30:00Z"], "timestamp"),
    ],
)  # fmt: skip
def test_numbers_days_and_times_are_recognized(good, kind):
    assert almost(columns("oops", good=good))["km"] == {"type": kind, "values": 100, "odd": 1, "examples": ["oops"]}


def test_decimal_commas_are_read_as_the_source_says():
    assert almost(columns("oops", good=["1,5"]), decimal=",")["km"]["type"] == "number"
    assert almost(columns("oops", good=["1,5"])) == {}


@pytest.mark.parametrize("good", [["a"], ["007", "012"], ["1", "b"], [""], [None]])
def test_true_text_is_left_in_peace(good):
    assert told([almost(columns("oops", good=good))]) == []


def test_parts_are_judged_together():
    bad, good = almost(columns(*["x"] * 31)), almost(columns(n=300))
    assert told([bad]) == []
    assert "31 of its 430 values" in told([bad, good])[0]
    whole, decimal = almost(columns("x", good=["1"])), almost(columns("y", good=["1.5"]))
    assert join_almost([whole, decimal])["km"]["type"] == "number"


def test_what_the_file_says_itself_is_not_questioned():
    assert told([almost(columns("12 km"))], columns="{km: string}") == []
    assert told([almost(columns("12 km").rename_columns(["trip", "name"]))]) == []
