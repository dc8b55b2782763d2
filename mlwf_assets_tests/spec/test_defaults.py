"""What is filled in, and the list of it: only what the file does not say, with values that people can read."""

from mlwf_assets.spec.defaults import used_defaults
from mlwf_assets.spec.loader import loads
from mlwf_assets_tests.spec.test_loader import SMALLEST
from mlwf_assets_tests.spec.toy import FILE, TEXT


def listed(text):
    return {one.path: one.value for one in used_defaults(loads(text, file=FILE))}


def test_all_that_the_smallest_file_leaves_out_is_listed():
    found = listed(SMALLEST)
    assert found["tables.trips"] == ("trips",)
    assert found["tables.trips.key"] == ("_row_id",)
    assert found["splits.by"] == "random"
    assert (found["splits.validation"], found["splits.test"]) == (0.15, 0.15)
    assert found["models.families"] == ("linear", "lightgbm", "tabm")
    assert found["models.budget.seconds"] == "2 minutes"
    assert found["evaluation.costs.false_negative"] == 1.0
    assert found["features.relational.transforms"] == ("month", "weekday", "hour", "is_weekend")
    assert all(one.description for one in used_defaults(loads(SMALLEST, file=FILE)))


def test_what_the_file_says_is_not_listed():
    found = listed(TEXT)
    assert not {"splits.by", "models.families", "models.budget.seconds", "evaluation.costs.false_negative"} & set(found)
    assert not {path for path in found if path.startswith(("tables.", "project.", "partitions."))}
    assert found["models.folds"] == 3
    assert "models.folds" not in listed(TEXT.replace("budget: 20s", "budget: 20s, folds: 3"))


def test_contracts_rules_and_the_form_of_files_say_nothing():
    assert not [path for path in listed(TEXT) if "columns" in path or "rules" in path or ".csv" in path]


def test_defaults_that_are_nothing_are_not_listed():
    assert not [path for path, value in listed(TEXT).items() if value in (None, (), {}, "")]


def test_sources_that_no_table_uses_get_a_table_of_their_own():
    workflow = loads(SMALLEST.replace("trips: trips.csv", "trips: trips.csv, buses: buses.csv"), file=FILE)
    assert {name: table.sources for name, table in workflow.tables.items()} == {
        "trips": ("trips",),
        "buses": ("buses",),
    }
    both = SMALLEST.replace("examples:", "tables: {all: {sources: [trips, buses]}}\n  examples:")
    both = both.replace("trips: trips.csv", "trips: trips.csv, buses: buses.csv").replace("table: trips", "table: all")
    assert list(loads(both, file=FILE).tables) == ["all"]
