"""Tables of the lake whose columns change from partition to partition, and two writers who meet."""

import datetime as dt
from collections.abc import Mapping

import pyarrow as pa
import pytest

from mlwf_assets.errors import ConflictError, LakeError, SchemaError
from mlwf_assets.lake.store import Lake
from mlwf_assets_tests.lake.toy import TABLE, check_whole, data_files, plain, put, rows


def test_each_entry_keeps_its_own_columns_while_the_table_goes_on(lake):
    january = pa.table({"x": [1], "old": ["a"]})
    february = pa.table({"new": [dt.date(2013, 2, 1)], "x": [2]})
    entries = [put(lake, "1", january), put(lake, "2", february)]
    assert lake.read_entries(entries[:1]).equals(january)
    assert lake.read_entries(entries[1:]).equals(february)
    assert lake.read(TABLE).to_pylist() == [
        {"x": 1, "old": "a", "new": None},
        {"x": 2, "old": None, "new": dt.date(2013, 2, 1)},
    ]


def test_a_column_without_values_takes_the_type_of_the_others(lake, tmp_path):
    put(lake, "1", pa.table({"x": pa.nulls(2)}))
    put(lake, "2", pa.table({"x": [1.5]}))
    assert lake.read(TABLE).equals(pa.table({"x": [None, None, 1.5]}))
    assert lake.read(TABLE, ["1"]).schema.field("x").type == pa.string()
    assert plain(tmp_path / "lake").to_pyarrow_table()["x"].type == pa.float64()


def test_whole_numbers_and_others_read_as_numbers_and_stay_what_they_are(lake, tmp_path):
    put(lake, "1", rows(1, 2))
    put(lake, "2", rows(1.5))
    assert lake.read(TABLE).equals(pa.table({"x": [1.0, 2.0, 1.5]}))
    assert lake.read(TABLE, ["1"]).equals(rows(1, 2))
    assert sorted(plain(tmp_path / "lake").to_pyarrow_table()["x"].to_pylist()) == [1.0, 1.5, 2.0]
    put(lake, "3", rows(2**53 + 1))
    with pytest.raises(SchemaError, match="column 'x' must fit double, the type of other partitions, however"):
        lake.read(TABLE)


def test_types_that_do_not_go_together_are_never_read_together(lake, tmp_path):
    entries = [put(lake, "1", rows(1)), put(lake, "2", rows("one"))]
    assert [lake.read_entries([entry])["x"].to_pylist() for entry in entries] == [[1], ["one"]]
    with pytest.raises(SchemaError, match=r"column 'x' must have one type .*, however it is int64 and string; compute"):
        lake.read_entries(entries)
    # Other readers see text meanwhile, and the new type when all partitions have it.
    assert sorted(plain(tmp_path / "lake").to_pyarrow_table()["x"].to_pylist()) == ["1", "one"]
    put(lake, "2", rows(2))
    assert plain(tmp_path / "lake").to_pyarrow_table()["x"].type == pa.int64()


def test_a_column_that_no_partition_has_any_more_is_forgotten(lake, tmp_path):
    for partition in ("1", "2"):
        put(lake, partition, pa.table({"old": [1], "x": [1]}))
    put(lake, "1", rows(1))
    assert plain(tmp_path / "lake").to_pyarrow_table().column_names == ["old", "x", "_partition"]
    put(lake, "2", rows(2))
    assert plain(tmp_path / "lake").to_pyarrow_table().column_names == ["x", "_partition"]


def test_the_schema_of_the_table_is_written_only_where_it_changes(lake, tmp_path):
    table = pa.table(
        {
            "list": pa.array([[{"a": 1}]]),
            "time": pa.array([0], pa.timestamp("us", "America/New_York")),
            "naive": pa.array([0], pa.timestamp("us")),
            "small": pa.array([1], pa.int8()),
            "money": pa.array([1]).cast(pa.decimal128(38, 2)),
            "flag": [True],
            "bytes": [b"x"],
        }
    )
    for partition in ("1", "2", "3"):
        put(lake, partition, table)
    assert lake.read(TABLE, ["2"]).equals(table)
    logs = [path.read_text() for path in sorted((tmp_path / "lake" / TABLE / "_delta_log").glob("*.json"))]
    assert ["metaData" in log for log in logs] == [True, False, False]
    assert plain(tmp_path / "lake").to_pyarrow_table().num_rows == 3


def test_times_without_a_zone_may_come_later(lake, tmp_path):
    put(lake, "1", rows(1))
    put(lake, "2", pa.table({"x": [2], "naive": pa.array([0], pa.timestamp("us"))}))
    assert lake.read(TABLE)["naive"].to_pylist() == [None, dt.datetime(1970, 1, 1)]  # noqa: DTZ001 - naive is meant
    assert plain(tmp_path / "lake").to_pyarrow_table()["naive"].null_count == 1
    assert check_whole(lake) == 2


def test_names_of_columns_may_be_anything(lake, tmp_path):
    names = ["MAX(a.b), c;{}=\n", "temp__\"x\"__'y'", "ä ö", "id", "ID", ""]
    table = pa.table([pa.array([i]) for i in range(len(names))], names=names)
    put(lake, "1", table)
    assert lake.read(TABLE).equals(table)
    seen = plain(tmp_path / "lake").to_pyarrow_table().to_pylist()
    assert seen == [{name: i for i, name in enumerate(names) if name != "ID"} | {"_partition": "1"}]


# Two writers


class Meanwhile(Mapping):
    """Files of a result, during whose reading somebody else writes."""

    def __init__(self, happens):
        self._happens = happens
        self._done = False

    def __iter__(self):
        if not self._done:
            self._done = True
            self._happens()
        return iter(())

    def __len__(self):
        return 0

    def __getitem__(self, name):
        raise KeyError(name)


@pytest.mark.parametrize("before", [True, False], ids=["of an old partition", "of a new partition"])
def test_of_two_writers_the_slower_one_loses(lake, tmp_path, before):
    put(lake, "other", rows(0))
    if before:
        put(lake, "a", rows(0))
    other = Lake(tmp_path / "lake")
    files = Meanwhile(lambda: put(other, "a", rows(1), recipe="winner"))
    with pytest.raises(ConflictError, match=f"{TABLE} partition a must be written by one writer .* another one was"):
        put(lake, "a", rows(2), recipe="loser", files=files)
    assert lake.read(TABLE, ["a"])["x"].to_pylist() == [1]
    assert lake.find("loser") is None
    assert len(data_files(lake._folder)) == 2 + before, "the loser's file must not stay"


def test_of_two_writers_that_begin_a_table_one_wins(lake, tmp_path):
    other = Lake(tmp_path / "lake")
    with pytest.raises(ConflictError, match="another one was faster"):
        put(lake, None, rows(2), files=Meanwhile(lambda: put(other, None, rows(1))))
    with pytest.raises(LakeError, match="must be written with a partition as it was before"):
        put(lake, None, rows(2), name="t/o/y", files=Meanwhile(lambda: put(other, "p", rows(1), name="t/o/y")))
    assert lake.read(TABLE)["x"].to_pylist() == [1]


def test_writers_of_different_partitions_both_succeed(lake, tmp_path):
    other = Lake(tmp_path / "lake")
    put(lake, "a", rows(1))
    put(lake, "a", rows(3), files=Meanwhile(lambda: put(other, "b", pa.table({"x": [2.5], "new": ["n"]}))))
    assert lake.read(TABLE).to_pylist() == [{"x": 3.0, "new": None}, {"x": 2.5, "new": "n"}]
    assert check_whole(lake) == 2
