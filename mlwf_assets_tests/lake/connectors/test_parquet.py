import datetime as dt
import decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlwf_assets.errors import SourceError
from mlwf_assets.lake.connectors import source_columns
from mlwf_assets.lake.fingerprint import fingerprint
from mlwf_assets.spec.sources import FilesSource
from mlwf_assets_tests.lake.connectors.toy import read, rows, types, write, write_zip


@pytest.fixture
def table():
    return pa.table(
        {
            "n": pa.array([1, None], pa.uint8()),
            "x": pa.array([0.5, None], pa.float32()),
            "money": pa.array([decimal.Decimal("1.10"), None]),
            "ok": [True, None],
            "day": [dt.date(2013, 1, 2), None],
            "at": pa.array([dt.datetime(2013, 1, 2, 3, tzinfo=dt.UTC), None], pa.timestamp("ns", "UTC")),
            "local": pa.array([1_357_095_600_000, None], pa.timestamp("ms")),
            "word": pa.array(["007", None]).dictionary_encode(),
            "written": ["2013-01-02", None],
            "nested": [{"b": [1, None], "a": "é"}, None],
            "clock": pa.array([dt.time(4, 5), None], pa.time64("us")),
            "none": pa.nulls(2),
        }
    )


def test_values_keep_their_types(tmp_path, table):
    pq.write_table(table, tmp_path / "a.parquet")
    result = read(tmp_path)
    assert types(result) == {
        "n": "integer", "x": "number", "money": "number", "ok": "boolean", "day": "date", "at": "timestamp",
        "local": "timestamp", "word": "string", "written": "date", "nested": "string", "clock": "string",
        "none": "string",
    }  # fmt: skip
    first = result.table.slice(0, 1).to_pylist()[0]
    assert first == {
        "n": 1, "x": 0.5, "money": decimal.Decimal("1.10"), "ok": True, "day": dt.date(2013, 1, 2),
        "at": dt.datetime(2013, 1, 2, 3, tzinfo=dt.UTC), "local": dt.datetime.fromisoformat("2013-01-02T03:00"),
        "word": "007",
        "written": "2013-01-02", "nested": '{"a": "é", "b": [1, null]}', "clock": "04:05:00.000000", "none": None,
        "_file": "a.parquet", "_row": 0,
    }  # fmt: skip
    assert set(result.table.slice(1, 1).drop_columns(["_file", "_row"]).to_pylist()[0].values()) == {None}
    assert source_columns(FilesSource(path="a.parquet"), tmp_path) == table.column_names


def test_the_lake_can_keep_what_is_read(tmp_path, table):
    pq.write_table(table, tmp_path / "a.parquet")
    result = read(tmp_path)
    assert len(fingerprint(result.table, key=result.key, files=result.files)) == 32


def test_parquet_in_an_archive_is_read(tmp_path, table):
    pq.write_table(table.select(["n"]), tmp_path / "a.parquet")
    content = (tmp_path / "a.parquet").read_bytes()
    write_zip(tmp_path / "a.zip", {"a.parquet": content})
    write(tmp_path / "b.pq.gz", content)
    assert rows(tmp_path, ["a.zip", "b.pq.gz"]) == {"n": [1, None, 1, None]}


@pytest.mark.parametrize("keep", [0, 0.02, 0.5, 0.99])
def test_a_truncated_file_is_refused(tmp_path, table, keep):
    pq.write_table(table, tmp_path / "a.parquet")
    content = (tmp_path / "a.parquet").read_bytes()
    write(tmp_path / "a.parquet", content[: int(len(content) * keep)])
    for ask in (read, lambda folder: source_columns(FilesSource(path="a.parquet"), folder)):
        with pytest.raises(SourceError, match=r"a\.parquet must (be Parquet, however: .*copy it again|hold data)"):
            ask(tmp_path)


def test_text_that_is_no_text_is_refused(tmp_path):
    broken = pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff"]).buffers())
    pq.write_table(pa.table({"a": broken}), tmp_path / "a.parquet")
    with pytest.raises(SourceError, match=r"a\.parquet must be Parquet, however: .*UTF8"):
        read(tmp_path)


def test_a_name_that_stands_twice_is_refused(tmp_path):
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]), tmp_path / "a.parquet")
    with pytest.raises(SourceError, match="column names must be unique, however 'a' stands twice"):
        read(tmp_path)


def test_a_column_with_a_name_of_ours_is_refused(tmp_path):
    pq.write_table(pa.table({"a": [1], "_row": [2]}), tmp_path / "a.parquet")
    with pytest.raises(SourceError, match=r"a\.parquet must not have a column '_row', a name of ours"):
        read(tmp_path)
