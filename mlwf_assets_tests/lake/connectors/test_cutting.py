import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlwf_assets.errors import SourceError, SpecError
from mlwf_assets.lake.connectors import read_source
from mlwf_assets.lake.connectors.cutting import AFTER, BEFORE, NAMELESS, OTHER, TIMELESS, cut_by_name, cut_rows
from mlwf_assets.spec.partitions import NamedPartitions, Partitions
from mlwf_assets.spec.sources import FilesSource
from mlwf_assets.spec.timeline import partition_bounds
from mlwf_assets_tests.lake.connectors.toy import write

MONTHS = Partitions(every="month", start="2013-01-01", end="2013-04-01", timezone="America/New_York")
TIME = "TRY_CAST(t AS TIMESTAMP)"


def table(times, files=None):
    return pa.table({"t": pa.array(times, pa.string()), "_file": pa.array(files or ["a"] * len(times), pa.string())})


def cut(times, files=None, partitions=MONTHS):
    found = cut_rows(table(times, files), TIME, partitions)
    return {name: rows.tolist() for name, rows in found.by_partition.items()}, found


def test_months_begin_at_local_midnight():
    rows, found = cut(
        [
            "2013-01-01 04:59:59",
            "2013-01-01 05:00",
            "2013-03-01 04:59:59.999999",
            "2013-04-01 03:59",
            "2013-04-01 04:00",
        ]
    )
    assert rows == {"2013-01": [1], "2013-02": [2], "2013-03": [3]}
    assert list(found.told.values()) == [1, 1, 0]


def test_rows_keep_their_order_within_a_partition():
    rows, _ = cut(["2013-02-09", "2013-01-03", "2013-02-02", "2013-01-02"])
    assert rows == {"2013-01": [1, 3], "2013-02": [0, 2], "2013-03": []}


def test_a_row_without_a_readable_time_goes_where_its_neighbour_in_the_file_goes():
    times = ["?", "2013-02-09", None, "2013-03-09", "2019-01-01", "x", "?", "2013-02-03", "?", "?"]
    files = ["a", "a", "a", "a", "a", "a", "b", "b", "c", "c"]
    rows, found = cut(times, files)
    # c has no time at all: the first partition
    assert rows == {"2013-01": [8, 9], "2013-02": [0, 1, 2, 6, 7], "2013-03": [3, 5]}
    assert (found.told[AFTER], found.told[TIMELESS]) == (1, 6)


DAY = dt.timedelta(days=1)
SPAN = (partition_bounds(MONTHS, "2013-01")[0], partition_bounds(MONTHS, "2013-03")[1])
MOMENTS = st.floats(-2, 94).map(lambda days: SPAN[0] + days * DAY)


@settings(max_examples=40)
@given(
    st.lists(MOMENTS | st.none(), min_size=1, max_size=30),
    st.lists(st.integers(1, 9), min_size=1),
    st.sampled_from(["month", "day"]),
)
def test_every_row_is_in_the_partition_of_its_time_or_counted(moments, lengths, every):
    partitions = MONTHS.model_copy(update={"every": every})
    files = np.resize(np.repeat(np.arange(len(lengths)), lengths), len(moments))
    times = ["?" if moment is None else moment.isoformat() for moment in moments]
    inside = [moment is not None and SPAN[0] <= moment < SPAN[1] for moment in moments]
    if not any(inside):
        with pytest.raises(SourceError, match=r"must (lie in the partitions|give each row's time)"):
            cut(times, sorted(files.astype(str)), partitions)
        return
    rows, found = cut(times, sorted(files.astype(str)), partitions)
    placed = sorted(row for own in rows.values() for row in own)
    assert placed == [row for row, moment in enumerate(moments) if moment is None or inside[row]]
    assert found.told[BEFORE] + found.told[AFTER] + len(placed) == len(moments)
    assert found.told[TIMELESS] == moments.count(None)
    for name, own in rows.items():
        start, end = partition_bounds(partitions, name)
        assert all(moments[row] is None or start <= moments[row] < end for row in own)
        assert own == sorted(own)


def test_hours_of_years_are_cut_in_no_time():
    hours = Partitions(every="hour", start="2013-01-01", end="2014-01-01", timezone="America/New_York")
    rows, _ = cut(["2013-11-03 05:30", "2013-11-03 06:30"], partitions=hours)
    assert {name: own for name, own in rows.items() if own} == {"2013-11-03-01:00": [0], "2013-11-03-01:00-0500": [1]}


def test_times_without_one_that_can_be_read_are_a_mistake():
    with pytest.raises(
        SourceError, match=r"must give each row's time, however it is null for all 2 rows; .*try_strptime"
    ):
        cut(["01.01.2013", "02.01.2013"])


def test_a_source_outside_all_partitions_is_a_mistake():
    with pytest.raises(
        SourceError, match=r"must lie in the partitions 2013-01 \.\. 2013-03, however all 2 lie outside, in 2019-"
    ):
        cut(["2019-01-01", "2020-01-01"])


def test_sql_that_fails_for_a_row_says_how_to_write_it():
    with pytest.raises(
        SourceError, match=r"must give a time for each row or null, however: Conversion Error.*TRY_CAST"
    ):
        cut_rows(table(["2013-01-01", "?"]), "CAST(t AS TIMESTAMP)", MONTHS)


def test_a_source_without_rows_has_empty_partitions(tmp_path):
    write(tmp_path / "a.csv", "t,x\n")
    results = read_source(FilesSource(path="a.csv", time=TIME), tmp_path, MONTHS)
    assert {name: result.table.num_rows for name, result in results.items()} == dict.fromkeys(
        ["2013-01", "2013-02", "2013-03"], 0
    )
    assert results["2013-01"].table.column_names == ["t", "x", "_file", "_row"]


def test_wanted_partitions_alone_are_returned_and_what_lies_outside_is_told(tmp_path):
    write(tmp_path / "a.csv", "t,x\n2013-02-05,1\n2012-01-01,2\n2013-01-05,3\n?,4\n2013-05-01,5\n")
    source = FilesSource(path="a.csv", time=TIME)
    results = read_source(source, tmp_path, MONTHS, ["2013-02", "2013-03"])
    assert [result.table["x"].to_pylist() for result in results.values()] == [["1"], []]
    assert results["2013-03"].metadata == {
        "files": {"a.csv": 5},
        "rows before the first partition": 1,
        "rows after the last partition": 1,
        "rows without a time, beside their neighbours": 1,
    }
    january = read_source(source, tmp_path, MONTHS, ["2013-01"])["2013-01"].table
    assert january["x"].to_pylist() == ["3", "4"]
    assert january["_row"].to_pylist() == [2, 3]
    with pytest.raises(SpecError, match=r"there must be a partition '2013-09', however"):
        read_source(source, tmp_path, MONTHS, ["2013-09"])


AIRPORTS = ["EWR", "JFK"]


def by_name(parts, files=None, names=AIRPORTS):
    found = cut_by_name(table(parts, files), "t", NamedPartitions(names=names))
    return {name: rows.tolist() for name, rows in found.by_partition.items()}, found.told


def test_rows_go_to_the_partition_that_they_name_and_others_are_counted():
    rows, told = by_name(["JFK", "EWR", "BOS", "JFK", "ewr"])
    assert rows == {"EWR": [1], "JFK": [0, 3]}
    assert told == {OTHER: 2, NAMELESS: 0}


def test_a_row_without_a_name_goes_beside_its_neighbour_and_out_with_one_of_another_name():
    rows, told = by_name([None, "JFK", None, "BOS", None, "EWR"], ["a"] * 5 + ["b"])
    assert rows == {"EWR": [5], "JFK": [0, 1, 2]}
    assert told == {OTHER: 1, NAMELESS: 3}


@given(st.lists(st.sampled_from([None, "EWR", "JFK", "BOS"]), min_size=3))
@settings(max_examples=30, deadline=None)
def test_a_name_more_moves_no_row_of_the_partitions_before(parts):
    parts = ["EWR", *parts]
    before, _ = by_name(parts)
    after, _ = by_name(parts, names=[*AIRPORTS, "BOS"])
    assert {name: after[name] for name in AIRPORTS} == before


def test_a_source_without_any_of_the_names_is_refused():
    with pytest.raises(SourceError, match=r"rows must lie in the partitions EWR, JFK .*all 2 have other names.*'BOS'"):
        by_name(["BOS", "LAX"])
    with pytest.raises(SourceError, match=r"part: 't' must give the name of each row's partition, however it is null"):
        by_name([None, None])
