"""The SQL of a table that is made from others: one query in DuckDB's dialect, and what it may hold.

SELECT, joins, subqueries, CTEs, GROUP BY, window functions, UNION, PIVOT and UNPIVOT, with the functions of
`functions.py`. Files, settings, clocks, chance, lists and what depends on the order of rows by accident are refused.
Which columns it gives says `query_columns.py`; nothing is run here.
"""

from functools import lru_cache

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB

from mlwf_assets.errors import SpecError
from mlwf_assets.spec.functions import FUNCTIONS, OVER_ROWS, QUERY_OPERATORS, TODAY
from mlwf_assets.spec.mistakes import suggestion
from mlwf_assets.spec.sql import (
    SERVED,
    Refused,
    called_names,
    check_leaf,
    parse_statements,
    read_tokens,
    refuse,
    shorten,
)

_ALLOWED = frozenset(name for group in (FUNCTIONS, OVER_ROWS) for names in group.values() for name in names)
_MUST = "must be one query: SELECT, PIVOT or UNPIVOT over tables of this file"

_REFUSED: Refused = (
    ((exp.Lambda, exp.Struct, exp.Array, exp.ToMap, exp.Bracket, exp.Explode), "no lists, structs or maps"),
    ((exp.JSONExtract, exp.JSONExtractScalar), "no JSON"),
    ((exp.TableSample,), "no samples, for they are other rows tomorrow"),
    ((exp.Columns,), "no COLUMNS(); name the columns"),
    ((exp.Any, exp.All), "no ANY or ALL; write IN or EXISTS"),
    ((exp.Values,), "no VALUES; make a source of 'rows:'"),
    ((exp.Lateral,), "no LATERAL; write a join"),
    ((*DuckDB.Parser.NO_PAREN_FUNCTIONS.values(),), "nothing that is different tomorrow or on another machine"),
)
_SERVED = (
    *SERVED, exp.Select, exp.SetOperation, exp.Subquery, exp.With, exp.CTE, exp.Table, exp.TableAlias, exp.From,
    exp.Join, exp.Where, exp.Group, exp.GroupingSets, exp.Cube, exp.Rollup, exp.Having, exp.Qualify, exp.Order,
    exp.Ordered, exp.Limit, exp.Offset, exp.Distinct, exp.Alias, exp.Star, exp.Tuple, exp.Exists, exp.Filter,
    exp.Window, exp.WindowSpec, exp.WithinGroup, exp.IgnoreNulls, exp.RespectNulls, exp.Pivot, exp.PivotAlias,
    exp.UnpivotColumns,
)  # fmt: skip


@lru_cache(maxsize=256)
def parse_query(sql: str) -> exp.Expr:
    """Parse a query and hold it against the rules; the tree is shared, nobody may change it.

    Raises:
        SpecError: saying what is wrong with it, without place.
    Example:
        >>> parse_query("SELECT depot, avg(weight) AS mean FROM parcels GROUP BY depot").key
        'select'
        >>> parse_query("SELECT * FROM read_csv('a.csv')")
        Traceback (most recent call last):
        mlwf_assets.errors.SpecError: must read tables of this file and nothing else, however: read_csv()
    """
    for name in called_names(read_tokens(sql), QUERY_OPERATORS):
        if name not in _ALLOWED:
            raise SpecError(_refused_function(name))
    statements = [one for one in parse_statements(sql.strip().rstrip(";")) if one is not None]
    tree = statements[0] if len(statements) == 1 else None
    if not isinstance(tree, exp.Select | exp.SetOperation | exp.Subquery | exp.Pivot):
        raise SpecError(f"{_MUST}, however: {shorten(sql)!r}")
    for node in tree.walk():
        _check_node(node, sql)
    return tree


def tables_of(sql: str) -> list[str]:
    """Name the tables that a query reads, sorted; its own CTEs are none.

    Raises:
        SpecError: if it is not an allowed query.
    Example:
        >>> tables_of("WITH a AS (SELECT * FROM trips) SELECT * FROM a JOIN towns USING (town)")
        ['towns', 'trips']
    """
    tree = parse_query(sql)
    own = {cte.alias for cte in tree.find_all(exp.CTE)}
    return sorted({table.name for table in tree.find_all(exp.Table)} - own)


def _refused_function(name: str) -> str:
    if name.startswith(("read_", "scan_")) or name.endswith(("_scan", "_query")) or name in ("glob", "getenv"):
        return f"must read tables of this file and nothing else, however: {name}()"
    if name in TODAY:
        return f"{name}() must not be used, for its result is another one tomorrow; use the tables' columns"
    if name in ("any_value", "arbitrary", "first", "last"):
        return f"{name}() takes whatever row comes; say which one: min(), max(), arg_min(VALUE, BY), arg_max(VALUE, BY)"
    if name in ("list", "array_agg", "histogram", "unnest"):
        return f"{name}() must not be used, for a column holds no lists; string_agg() makes text of several rows"
    near = suggestion(name, sorted(_ALLOWED), shown=0, cutoff=0.7)
    return f"there is no function {name}() here.{near or ' docs/workflow-file.md lists the functions.'}"


def _check_node(node: exp.Expr, sql: str) -> None:
    refuse(node, _REFUSED)
    if not isinstance(node, _SERVED):
        raise SpecError(f"{_MUST}, however: {shorten(node.sql(dialect='duckdb'))!r}")
    if isinstance(node, exp.Anonymous) and node.name.lower() not in _ALLOWED:
        raise SpecError(_refused_function(node.name.lower()))
    check_leaf(node, sql)
    _check_table(node)
    _check_order(node)


def _check_table(node: exp.Expr) -> None:
    if isinstance(node, exp.Table) and (not isinstance(node.this, exp.Identifier) or node.args.get("db")):
        raise SpecError(f"must name tables alone, however: {shorten(node.sql(dialect='duckdb'))!r}")
    if isinstance(node, exp.With) and node.args.get("recursive"):
        raise SpecError("must not be recursive, however: WITH RECURSIVE")
    if isinstance(node, exp.Join) and node.args.get("method") in ("NATURAL", "POSITIONAL"):
        raise SpecError(f"must join by ON or USING, however: {node.args['method']} JOIN")
    if isinstance(node, exp.SetOperation) and node.args.get("by_name"):
        raise SpecError("must put columns in the same order on both sides, however: BY NAME")


def _check_order(node: exp.Expr) -> None:
    """What of many rows is taken must not be chance."""
    if not isinstance(node, exp.Select | exp.SetOperation) or node.args.get("order"):
        return
    if node.args.get("limit") or node.args.get("offset"):
        raise SpecError("LIMIT takes whatever rows come first; say which: ORDER BY ... LIMIT ...")
    distinct = node.args.get("distinct")
    if isinstance(distinct, exp.Distinct) and distinct.args.get("on"):
        raise SpecError("DISTINCT ON takes whatever row comes first; say which: ORDER BY ...")
