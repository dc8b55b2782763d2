import datetime as dt

import pyarrow as pa
import pytest

from mlwf_assets.features.times import ALWAYS_KNOWN, END_OF_TIME, read_times

MOMENT = dt.datetime(2024, 3, 9, 7, 30, 0, 5, tzinfo=dt.UTC)


@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
@pytest.mark.parametrize("unit", ["us", "ns"])
def test_a_moment_is_the_same_number_in_every_unit_and_zone(unit, zone):
    column = pa.chunked_array(
        [pa.array([MOMENT], pa.timestamp(unit, tz=zone)), pa.array([None], pa.timestamp(unit, zone))]
    )
    assert read_times(column, missing=7).tolist() == [int(MOMENT.timestamp()) * 10**6 + 5, 7]


def test_a_column_without_any_time_is_all_missing():
    assert read_times(pa.chunked_array([pa.nulls(2)]), missing=END_OF_TIME).tolist() == [END_OF_TIME] * 2


def test_always_known_is_before_and_the_end_of_time_after_all_times():
    times = [dt.datetime(1, 1, 1, tzinfo=dt.UTC), dt.datetime(9999, 12, 31, tzinfo=dt.UTC)]
    first, last = read_times(pa.chunked_array([pa.array(times, pa.timestamp("us", tz="UTC"))]), missing=0)
    assert ALWAYS_KNOWN < first < last < END_OF_TIME
