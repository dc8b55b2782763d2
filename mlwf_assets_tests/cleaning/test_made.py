"""The rows that the SQL of a table gives: those that DuckDB gives by hand, the same each time, with types of ours."""

import datetime as dt

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from mlwf_assets.cleaning import clean_table
from mlwf_assets.cleaning.made import make_rows
from mlwf_assets.errors import DataError
from mlwf_assets.spec.tables import Table

RNG = np.random.default_rng(0)
READINGS = pa.table({
    "depot": RNG.choice(["north", "south", "east"], 4000),
    "seen": pa.array(np.sort(RNG.integers(0, 10**6, 4000)) * 10**9, pa.timestamp("us", "UTC")),
    "rain": RNG.gamma(2, 3, 4000),
    "count": RNG.integers(0, 9, 4000),
    "_known_at": pa.array([0] * 4000, pa.timestamp("us", "UTC")),
})  # fmt: skip
QUERIES = [
    "SELECT depot, count(*) AS n, avg(rain) AS rain, sum(count) AS total FROM readings GROUP BY depot ORDER BY depot",
    "SELECT depot, seen, rain - lag(rain) OVER (PARTITION BY depot ORDER BY seen) AS more FROM readings ORDER BY ALL",
    "PIVOT (SELECT depot, count % 3 AS c, rain FROM readings) ON c IN (0, 1, 2) USING sum(rain) ORDER BY depot",
    """
    SELECT CAST(seen AS DATE) AS day, bool_or(rain > 5) AS wet, string_agg(depot, ',' ORDER BY seen) AS who
    FROM readings GROUP BY day ORDER BY day
    """,
]


def by_hand(sql):
    with duckdb.connect(config={"threads": "1"}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("readings", READINGS)
        return connection.sql(sql).to_arrow_table().to_pylist()


@pytest.mark.parametrize("sql", QUERIES)
def test_the_rows_are_those_of_the_same_sql_by_hand(sql):
    rows, types = make_rows(sql, {"readings": READINGS}, name="made")
    assert rows.select(list(types)).to_pylist() == by_hand(sql)
    assert rows["_file"].unique().to_pylist() == ["made"]
    assert rows["_row"].to_pylist() == list(range(rows.num_rows))


def test_the_same_tables_give_the_same_bits_in_the_same_order():
    sql = "SELECT depot, count, sum(rain) AS s FROM readings GROUP BY depot, count"
    first, _ = make_rows(sql, {"readings": READINGS}, name="made")
    assert all(make_rows(sql, {"readings": READINGS}, name="made")[0].equals(first) for _ in range(3))


def test_types_are_those_of_clean_columns():
    sql = """
        SELECT sum(count) AS i, avg(count) AS f, 1.5 AS d, true AS b, CAST(min(seen) AS DATE) AS day,
            CAST(min(seen) AS TIMESTAMP) AS t, 'x' AS s, NULL AS nothing FROM readings
    """
    rows, types = make_rows(sql, {"readings": READINGS}, name="made")
    assert types == {
        "i": "integer", "f": "number", "d": "number", "b": "boolean", "day": "date", "t": "timestamp", "s": "string",
        "nothing": "integer",
    }  # fmt: skip
    assert rows.schema.field("t").type == pa.timestamp("us", "UTC")


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        (
            "SELECT CAST(depot AS INTEGER) AS d FROM readings",
            "tables.made.sql: must be computable, however: Conversion",
        ),
        ("SELECT max(seen) - min(seen) AS d FROM readings", "d must be a number, text, .*date_diff"),
        ("SELECT 10::HUGEINT ** 25 * count(*) AS d FROM readings", None),
        ("SELECT CAST('1' || repeat('0', 25) AS HUGEINT) AS d FROM readings", "d must fit into 64 bits"),
        ("SELECT _known_at AS d FROM readings", "must be computable, however: Binder Error"),
    ],
)
def test_what_cannot_be_computed_or_kept_is_told_with_its_place(sql, words):
    if words is None:
        assert make_rows(sql, {"readings": READINGS}, name="made")[1] == {"d": "number"}
        return
    with pytest.raises(DataError, match=words):
        make_rows(sql, {"readings": READINGS}, name="made")


def test_a_made_table_keeps_a_contract_and_accounts_for_every_row():
    sql = """
        SELECT depot, count(*) AS n, min(seen) AS since FROM readings GROUP BY depot
        UNION ALL SELECT DISTINCT depot, -1, NULL FROM readings WHERE depot <> 'east'
    """
    rows, types = make_rows(sql, {"readings": READINGS}, name="made")
    spec = Table(
        sql=sql, key=["depot"], known_at="since",
        columns={"n": {"type": "integer", "min": 0}, "many": {"sql": "n > 1"}},
        rules=[{"name": "east", "check": "depot <> 'east'", "otherwise": "drop"}],
    )  # fmt: skip
    cleaned = clean_table(spec, {"made": rows}, {}, types={"made": types}, name="made")
    counts = cleaned.counts
    assert (counts.rows_in, counts.rows_out, counts.quarantined, counts.dropped) == (5, 2, 2, {"east": 1})
    assert cleaned.clean.table["depot"].to_pylist() == ["north", "south"]
    assert cleaned.quarantine.table["_reason"].to_pylist() == ["made.n must be at least 0, however: '-1'"] * 2
    known = cleaned.clean.table["_known_at"].to_pylist()
    assert known == cleaned.clean.table["since"].to_pylist()
    assert all(isinstance(at, dt.datetime) for at in known)
