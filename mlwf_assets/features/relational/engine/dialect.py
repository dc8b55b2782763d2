"""The one place where the dialect of SQL is chosen.

Statements are written in DuckDB's dialect, read by sqlglot, and written again, well laid out, for the engine that
runs them.
"""

import sqlglot

WRITTEN = "duckdb"
RUN_BY = "duckdb"
# Whether windows without partition and order are computed over rows as they come from an ordered subquery.
STREAMS = RUN_BY == "duckdb"


def render(sql: str) -> str:
    """Lay out a statement for the engine that runs it.

    Example:
        >>> print(render("select a, sum(b) from t group by a"))
        SELECT
          a,
          SUM(b)
        FROM t
        GROUP BY
          a
    """
    return sqlglot.parse_one(sql, dialect=WRITTEN).sql(dialect=RUN_BY, pretty=True)
