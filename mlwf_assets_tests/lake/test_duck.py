"""DuckDB is shut: SQL from a workflow file reaches registered tables and nothing else."""

import duckdb
import pyarrow as pa
import pytest

from mlwf_assets.errors import SpecError
from mlwf_assets.lake import duck

WORDS = "words of the machine"


@pytest.fixture
def connection():
    with duck.connect() as connection:
        yield connection


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('{file}')",
        "SELECT * FROM read_text('{file}')",
        "SELECT * FROM '{file}'",
        "SELECT * FROM glob('{folder}/*')",
        "COPY (SELECT 1) TO '{folder}/new.csv'",
        "EXPORT DATABASE '{folder}/new'",
        "ATTACH '{folder}/new.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SELECT * FROM 'https://localhost:1/x.parquet'",
        "CREATE SECRET (TYPE s3)",
    ],
)
def test_files_networks_and_extensions_are_refused(connection, tmp_path, sql):
    file = tmp_path / "known.csv"
    file.write_text(WORDS)
    with pytest.raises(duckdb.PermissionException, match=r"disabled (by|through) configuration"):
        connection.execute(sql.format(file=file, folder=tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["known.csv"]


@pytest.mark.parametrize(
    "sql", ["SET enable_external_access = true", "SET memory_limit = '1TB'", "SET lock_configuration = false"]
)
def test_the_configuration_cannot_be_changed(connection, sql):
    with pytest.raises(duckdb.InvalidInputException, match="configuration has been locked"):
        connection.execute(sql)


def test_python_variables_are_not_tables(connection):
    variable = pa.table({"a": [WORDS]})
    with pytest.raises(duckdb.CatalogException, match="variable does not exist"):
        connection.sql("SELECT * FROM variable")
    connection.register("registered", variable)
    assert connection.sql("SELECT a FROM registered").fetchone() == (WORDS,)


def test_times_are_read_as_utc(connection):
    shown = "SELECT TIMESTAMPTZ '2013-07-01 00:00:00-04'::VARCHAR, '2013-07-01 00:00'::TIMESTAMPTZ AT TIME ZONE 'UTC'"
    text, naive = connection.sql(shown).fetchone()
    assert text == "2013-07-01 04:00:00+00"
    assert naive.isoformat() == "2013-07-01T00:00:00"


def test_memory_is_bounded_and_what_is_over_goes_to_a_folder_of_its_own(monkeypatch, tmp_path):
    monkeypatch.setenv("MLWF_MEMORY", "24M")
    monkeypatch.chdir(tmp_path)
    with duck.connect() as connection:
        assert connection.sql("SELECT current_setting('memory_limit')").fetchone() == ("24.0 MiB",)
        connection.execute("CREATE TABLE t AS SELECT md5(range::VARCHAR) AS s FROM range(1_500_000)")
        assert connection.sql("SELECT count(*) FROM t").fetchone() == (1_500_000,)
        spilled = [path for (path,) in connection.sql("SELECT path FROM duckdb_temporary_files()").fetchall()]
        assert spilled
        assert not any(path.startswith(str(tmp_path)) for path in spilled)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "limit"), [("2G", 2 << 30), ("512MB", 512 << 20), ("1.5 GiB", 3 << 29), ("3000000", 3_000_000)]
)
def test_the_memory_can_be_set(monkeypatch, words, limit):
    monkeypatch.setenv("MLWF_MEMORY", words)
    assert duck.memory_limit_bytes() == limit


@pytest.mark.parametrize("words", ["much", "10", "-1G", "G", "nan", "inf"])
def test_a_size_that_is_none_is_refused(monkeypatch, words):
    monkeypatch.setenv("MLWF_MEMORY", words)
    with pytest.raises(SpecError, match=f"MLWF_MEMORY must be a size of 1M or more, such as 2G, however: '{words}'"):
        duck.memory_limit_bytes()


def test_by_default_half_of_the_memory_is_used_but_no_more_than_leaves_room_below_6_gib(monkeypatch):
    monkeypatch.delenv("MLWF_MEMORY", raising=False)
    assert 0 < duck.memory_limit_bytes() <= 3 << 29


def test_no_bar_of_progress_stands_in_what_a_command_says():
    with duck.connect() as connection:
        assert connection.sql("SELECT current_setting('enable_progress_bar')").fetchone() == (False,)
