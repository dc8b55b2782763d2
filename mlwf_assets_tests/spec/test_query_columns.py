"""The columns that a query gives are those that DuckDB gives; what it does not look at changes nothing."""

import duckdb
import pytest

from mlwf_assets.errors import SpecError
from mlwf_assets.spec.query_columns import made_columns

TRIPS = "(VALUES (1, 'AA', 10, 5.5, 'x'), (2, 'BB', 20, 1.5, 'y'), (1, 'BB', 1, 1, 'x')) AS t(month, line, d, km, town)"
OTHER = "(VALUES (3, 'CC', 11, 6.5, 'z'), (3, 'CC', 21, 2.5, 'z'), (3, 'CC', 2, 7, 'z')) AS t(month, line, d, km, town)"
TOWNS = "(VALUES ('x', 3), ('y', 4)) AS t(town, size)"
COLUMNS = {"trips": ["month", "line", "d", "km", "town"], "towns": ["town", "size"]}
QUERIES = """
    FROM trips
    SELECT * FROM trips t JOIN towns USING (town)
    SELECT t.*, size FROM trips t LEFT JOIN towns ON t.town = towns.town
    SELECT * EXCLUDE (km) REPLACE (d + 1 AS d) FROM trips
    SELECT * RENAME (d AS delay) FROM trips
    SELECT line, avg(d) AS mean, count(*) FILTER (WHERE d > 1) AS n FROM trips GROUP BY 1 HAVING n > 0
    SELECT month, line FROM trips GROUP BY ALL
    SELECT line, sum(km) AS km FROM trips GROUP BY GROUPING SETS ((line), ())
    SELECT d AS month, month AS d FROM trips
    SELECT line, d * 2 AS twice, twice + 1 AS more FROM trips WHERE twice > 1 ORDER BY more DESC LIMIT 1
    SELECT line, row_number() OVER w AS r FROM trips WINDOW w AS (PARTITION BY month ORDER BY d) QUALIFY r = 1
    SELECT line, sum(d) OVER (PARTITION BY month ORDER BY d ROWS 1 PRECEDING) AS s FROM trips
    SELECT line, (SELECT max(size) FROM towns WHERE towns.town = trips.town) AS m FROM trips
    SELECT month FROM trips a WHERE EXISTS (SELECT 1, 2 FROM towns WHERE size > a.d)
    SELECT line FROM trips WHERE (line, month) IN (SELECT line, max(month) FROM trips GROUP BY line)
    SELECT a.month, b.size FROM trips a, towns b WHERE a.town = b.town
    SELECT a.town AS town FROM trips a JOIN towns b ON a.town = b.town ORDER BY town
    SELECT line FROM trips SEMI JOIN towns USING (town)
    SELECT line, d FROM trips UNION ALL SELECT town, size FROM towns ORDER BY d
    (SELECT line FROM trips) EXCEPT (SELECT town FROM towns)
    SELECT DISTINCT ON (line) line, d FROM trips ORDER BY d DESC
    WITH a AS (SELECT line, sum(d) AS s FROM trips GROUP BY line), b AS (SELECT * FROM a) SELECT s FROM b
    PIVOT trips ON month IN (1, 2) USING sum(d) GROUP BY line
    PIVOT trips ON month IN (1, 2) USING sum(d) AS total, count(*) AS n GROUP BY line
    PIVOT trips ON month IN (1, 2), line IN ('AA') USING sum(km)
    SELECT * FROM trips PIVOT (sum(d) AS total FOR month IN (1 AS jan, 2) line IN ('AA', 'BB'))
    SELECT p.line, "1" AS jan FROM (PIVOT trips ON month IN (1, 2) USING sum(d) GROUP BY line) p
    WITH x AS (SELECT line, month, d FROM trips) PIVOT x ON month IN (1, 2) USING sum(d)
    UNPIVOT trips ON d, km
    UNPIVOT trips ON d, km INTO NAME what VALUE how_much
    SELECT * FROM trips UNPIVOT (v FOR n IN (d, km))
"""
MISTAKES = {
    "SELECT dd FROM trips": "there must be a column 'dd'. Did you mean 'd'?",
    "SELECT t.dd FROM trips t": "there must be a column 'dd' in t. Did you mean 'd'?",
    "SELECT trips.d FROM trips t": "there must be a table 'trips' behind FROM. Known: t.",
    "SELECT d FROM trip": "there must be a table 'trip'. Did you mean 'trips'?",
    "SELECT sum(d) FROM trips": "each column must have a name, however: SUM(d); write AS NAME behind it",
    "SELECT * FROM trips, towns": "each column must be given once, however: 'town' twice",
    "SELECT town FROM trips, towns": "'town' is a column of trips and of towns; write which: trips.town",
    "SELECT d FROM trips, trips": "each table behind FROM must have a name of its own, however: 'trips' twice",
    "SELECT d FROM trips JOIN towns USING (size)": "there must be a column 'size' in the tables before it, for USING",
    "SELECT d FROM (trips a JOIN towns b USING (town)) JOIN trips c ON true": "must join one table after the other",
    "SELECT d FROM trips UNION ALL SELECT town, size FROM towns": "both sides of UNION must have as many columns",
    "SELECT * EXCLUDE (dd) FROM trips": "there must be a column 'dd'. Did you mean 'd'?",
    "SELECT x.* FROM trips": "there must be a table 'x' behind FROM.",
    "PIVOT trips ON month USING sum(d)": "PIVOT must say which values become columns: ON month IN ('a', 'b')",
    "PIVOT trips ON month IN (1)": "PIVOT must say what stands in the new columns: USING sum(COLUMN)",
    "PIVOT trips ON month IN (1) USING sum(d), sum(km)": "PIVOT must name each of several values: USING SUM(d) AS NAME",
    "PIVOT trips ON line IN (AA) USING sum(d)": "PIVOT must list values such as 'a' or 1, however: AA",
    "UNPIVOT trips ON dd": "there must be a column 'dd'. Did you mean 'd'?",
    "UNPIVOT trips ON d INTO NAME line VALUE v": "each column must be given once, however: 'line' twice",
}


def listed(text):
    return [line.strip() for line in text.strip().splitlines()]


def run(sql, trips=TRIPS):
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE trips AS SELECT * FROM {trips}; CREATE TABLE towns AS SELECT * FROM {TOWNS}")
        found = connection.sql(sql)
        return found.columns, sorted(found.fetchall(), key=str)


@pytest.mark.parametrize("sql", listed(QUERIES))
def test_the_columns_are_those_that_duckdb_gives(sql):
    assert list(made_columns(sql, COLUMNS).columns) == run(sql)[0]


@pytest.mark.parametrize("sql", listed(QUERIES))
def test_columns_that_are_not_used_change_nothing(sql):
    made = made_columns(sql, COLUMNS)
    assert all(origins <= made.used for origins in made.columns.values())
    used = {origin.column for origin in made.used if origin.table == "trips"}
    mixed = ", ".join(f"{'a' if column in used else 'b'}.{column}" for column in COLUMNS["trips"])
    trips, other = (f"(SELECT * FROM {name}) AS {alias}" for name, alias in ((TRIPS, "a"), (OTHER, "b")))
    joined = f"(SELECT {mixed} FROM {trips} POSITIONAL JOIN {other})"
    assert run(sql, joined) == run(sql)


@pytest.mark.parametrize("sql", MISTAKES)
def test_a_name_that_is_not_there_or_stands_for_two_is_told(sql):
    with pytest.raises(SpecError) as caught:
        made_columns(sql, COLUMNS)
    assert str(caught.value).startswith(MISTAKES[sql]), str(caught.value)


def origins(sql, column):
    return sorted(f"{one.table}.{one.column}" for one in made_columns(sql, COLUMNS).columns[column])


def test_each_column_has_the_origins_of_its_expression():
    sql = """
        SELECT line, sum(d * km) AS s, max(t.size) AS m, count(*) AS n
        FROM trips JOIN towns t USING (town) GROUP BY line
    """
    assert [origins(sql, name) for name in ("line", "s", "m", "n")] == [
        ["trips.line"], ["trips.d", "trips.km"], ["towns.size"], [],
    ]  # fmt: skip


def test_a_window_counts_among_what_its_column_is_made_from():
    inline = "SELECT row_number() OVER (PARTITION BY month ORDER BY d) AS r FROM trips"
    named = "SELECT row_number() OVER w AS r FROM trips WINDOW w AS (PARTITION BY month ORDER BY d)"
    assert origins(inline, "r") == origins(named, "r") == ["trips.d", "trips.month"]


def test_a_pivoted_column_is_made_from_its_value_and_from_what_is_turned():
    assert origins("PIVOT trips ON month IN (1, 2) USING sum(d) GROUP BY line", "1") == ["trips.d", "trips.month"]
