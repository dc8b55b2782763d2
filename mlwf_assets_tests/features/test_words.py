import pytest

from mlwf_assets.features.words import as_sentence, describe_column
from mlwf_assets_tests.features.toy import make_workflow


@pytest.mark.parametrize(
    ("table", "column", "expected"),
    [
        ("parcels", "weight", "weight of the parcel (kg)"),
        ("parcels", "sent", "time of sending"),
        ("parcels", "number_of_stamps", "number of stamps"),
        ("nowhere", "wind_speed", "wind speed"),
    ],
)
def test_a_column_is_called_by_its_description_and_unit_or_else_by_its_name(table, column, expected):
    assert describe_column(make_workflow(), table, column) == expected


@pytest.mark.parametrize("words", ["the hour", "the hour.", "The hour"])
def test_a_sentence_begins_with_a_capital_and_ends_with_one_full_stop(words):
    assert as_sentence(words) == "The hour."
