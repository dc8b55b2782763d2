"""The SQL of tables made from others: what may stand there, and that nothing gets past that reads more."""

import pytest

from mlwf_assets.errors import SpecError
from mlwf_assets.spec.functions import FUNCTIONS, OVER_ROWS, TODAY
from mlwf_assets.spec.query import parse_query, tables_of

HOSTILE = {
    "": "must be one query",
    "carrier": "must be one query",
    "SELECT 1; DROP TABLE trips": "must be one query",
    "CREATE TABLE x AS SELECT 1": "must be one query",
    "SET memory_limit = '1TB'": "must be one query",
    "COPY trips TO 'a.csv'": "must be one query",
    "ATTACH 'a.db'": "must be one query",
    "INSTALL httpfs": "must be one query",
    "PRAGMA database_list": "must be one query",
    "DESCRIBE trips": "must be one query",
    "SELECT a INTO x FROM trips": "must be one query",
    "SELECT FROM WHERE": "must be SQL, however",
    "SELECT 'a FROM trips": "must be SQL, however: it cannot be read",
    "SELECT * FROM read_csv('a.csv')": "must read tables of this file and nothing else, however: read_csv()",
    "SELECT * FROM sqlite_scan('a.db', 't')": "must read tables of this file and nothing else",
    "SELECT \"getenv\"('HOME') AS a FROM trips": "must read tables of this file and nothing else, however: getenv()",
    "SELECT * FROM main.trips": "must name tables alone, however: 'main.trips'",
    "SELECT now() AS a FROM trips": "now() must not be used, for its result is another one tomorrow",
    "SELECT a FROM trips ORDER BY random()": "random() must not be used",
    "SELECT current_date AS a FROM trips": "must hold nothing that is different tomorrow",
    "SELECT any_value(a) AS a FROM trips": "any_value() takes whatever row comes; say which one: min()",
    "SELECT list(a) AS a FROM trips": "list() must not be used, for a column holds no lists; string_agg()",
    "SELECT av(a) AS a FROM trips": "there is no function av() here. Did you mean 'avg'?",
    "SELECT [a] AS a FROM trips": "must hold no lists, structs or maps",
    "SELECT a FROM trips USING SAMPLE 10": "must hold no samples",
    "SELECT COLUMNS('a.*') FROM trips": "must hold no COLUMNS()",
    "SELECT a FROM (VALUES (1)) AS v": "must hold no VALUES; make a source of 'rows:'",
    "SELECT a FROM trips, LATERAL (SELECT 1 AS b)": "must hold no LATERAL",
    "SELECT a FROM trips WHERE a > ALL (SELECT 1)": "must hold no ANY or ALL",
    "SELECT a FROM trips NATURAL JOIN towns": "must join by ON or USING, however: NATURAL JOIN",
    "SELECT a FROM trips AS t(a, b)": "there is no function t() here.",
    "WITH RECURSIVE t AS (SELECT 1 AS a) SELECT a FROM t": "must not be recursive",
    "SELECT a FROM trips UNION BY NAME SELECT a FROM towns": "must put columns in the same order on both sides",
    "SELECT a FROM trips LIMIT 3": "LIMIT takes whatever rows come first; say which: ORDER BY",
    "SELECT DISTINCT ON (a) a, b FROM trips": "DISTINCT ON takes whatever row comes first; say which: ORDER BY",
    "SELECT CAST(a AS INTEGER[]) AS a FROM trips": "must cast to a simple type",
}


@pytest.mark.parametrize("sql", HOSTILE)
def test_what_reads_more_than_tables_or_hangs_on_chance_is_refused(sql):
    with pytest.raises(SpecError) as caught:
        parse_query(sql)
    assert str(caught.value).startswith(HOSTILE[sql]), str(caught.value)


@pytest.mark.parametrize(
    ("sql", "tables"),
    [
        ("SELECT a FROM trips;", ["trips"]),
        ("FROM trips", ["trips"]),
        ("SELECT a -- why\nFROM trips /* here */", ["trips"]),
        ("WITH t AS (SELECT * FROM trips) SELECT * FROM t JOIN towns USING (town)", ["towns", "trips"]),
        ("PIVOT trips ON month IN (1, 2) USING sum(km)", ["trips"]),
        ("SELECT a FROM trips WHERE a IN (SELECT a FROM towns)", ["towns", "trips"]),
        ("SELECT * FROM 'a.csv'", ["a.csv"]),  # no table of a file has such a name
    ],
)
def test_a_query_reads_the_tables_that_it_names(sql, tables):
    assert tables_of(sql) == tables


def test_functions_over_rows_are_named_once_and_none_depends_on_the_clock():
    over_rows = [name for names in OVER_ROWS.values() for name in names]
    assert len(set(over_rows)) == len(over_rows)
    assert not {name for names in FUNCTIONS.values() for name in names} & set(over_rows)
    assert not TODAY & set(over_rows)
