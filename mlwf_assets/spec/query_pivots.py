"""PIVOT and UNPIVOT: which columns they make, and which expressions each of these is made from.

The values that become columns must be written down (`ON month IN (1, 2)`), for otherwise next month's rows would
change the columns of a table, and with them its contract and its features. Names are those that DuckDB gives.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence

from sqlglot import exp

from mlwf_assets.errors import SpecError
from mlwf_assets.spec.mistakes import suggestion
from mlwf_assets.spec.sql import shorten

Parts = Mapping[str, Sequence[exp.Expr]]


def pivot_columns(pivot: exp.Expr, columns: Sequence[str]) -> Parts:
    """Say what a PIVOT makes of a table.

    Args:
        pivot: of either form, PIVOT t ON ... USING ..., or FROM t PIVOT (...).
        columns: of the table.
    Returns:
        Column -> the expressions that it is made from, in DuckDB's order.
    Raises:
        SpecError: if its columns cannot be told from what is written.
    Example:
        >>> from sqlglot import parse_one
        >>> tree = parse_one("PIVOT t ON month IN (1, 2) USING sum(km) AS km GROUP BY town", dialect="duckdb")
        >>> list(pivot_columns(tree, ["town", "month", "km"]))
        ['town', '1_km', '2_km']
    """
    short = bool(pivot.args.get("using")) or not pivot.args.get("fields")
    turned = pivot.expressions if short else pivot.args["fields"]
    values = (pivot.args.get("using") or []) if short else pivot.expressions
    if not values:
        raise SpecError("PIVOT must say what stands in the new columns: USING sum(COLUMN)")
    lists = [_turned(one) for one in turned]
    used = {column.name for part in (*turned, *values) for column in part.find_all(exp.Column)}
    group = pivot.args.get("group")
    kept = [_plain(one, columns) for one in group.expressions] if group else [c for c in columns if c not in used]
    made: dict[str, Sequence[exp.Expr]] = {name: [exp.column(name, quoted=True)] for name in kept}
    for texts in itertools.product(*lists):
        for value in values:
            name = "_".join(texts) + (f"_{value.alias}" if value.alias else "")
            if len(values) > 1 and not value.alias:
                raise SpecError(f"PIVOT must name each of several values: USING {_sql(value)} AS NAME")
            if name in made:
                raise SpecError(f"each column must be given once, however: {name!r} twice")
            made[name] = [value, *(one.this for one in turned)]
    return made


def unpivot_columns(pivot: exp.Expr, columns: Sequence[str]) -> Parts:
    """Say what an UNPIVOT makes of a table; arguments and errors as of `pivot_columns`.

    Example:
        >>> from sqlglot import parse_one
        >>> tree = parse_one("UNPIVOT t ON jan, feb INTO NAME month VALUE km", dialect="duckdb")
        >>> list(unpivot_columns(tree, ["town", "jan", "feb"]))
        ['town', 'month', 'km']
    """
    if fields := pivot.args.get("fields"):
        listed, name, values = fields[0].expressions, fields[0].this.name, [one.name for one in pivot.expressions]
    else:
        into = pivot.args.get("into")
        listed = pivot.expressions
        name = into.this.name if into else "name"
        values = [one.name for one in into.expressions] if into else ["value"]
    if len(values) != 1:
        raise SpecError(f"UNPIVOT must give one column of values, however: {', '.join(values)}")
    turned = [_plain(one, columns) for one in listed]
    kept = [column for column in columns if column not in turned]
    made: dict[str, Sequence[exp.Expr]] = {column: [exp.column(column, quoted=True)] for column in kept}
    if twice := [one for one in (name, values[0]) if one in made]:
        raise SpecError(
            f"each column must be given once, however: {twice[0]!r} twice; name it otherwise: INTO NAME ..."
        )
    return {**made, name: [], values[0]: [exp.column(column, quoted=True) for column in turned]}


def _turned(part: exp.Expr) -> list[str]:
    if not isinstance(part, exp.In) or not part.expressions:
        raise SpecError(f"PIVOT must say which values become columns: ON {_sql(part)} IN ('a', 'b')")
    return list(_values(part))


def _values(part: exp.In) -> Iterator[str]:
    for value in part.expressions:
        if isinstance(value, exp.PivotAlias):
            yield value.args["alias"].name
        elif isinstance(value, exp.Literal):
            yield value.name
        else:
            raise SpecError(f"PIVOT must list values such as 'a' or 1, however: {_sql(value)}")


def _plain(part: exp.Expr, columns: Sequence[str]) -> str:
    if not isinstance(part, exp.Column) or part.table:
        raise SpecError(f"must name a column here, however: {_sql(part)}; make it in a query before")
    if part.name not in columns:
        raise SpecError(f"there must be a column {part.name!r}.{suggestion(part.name, columns)}")
    return str(part.name)


def _sql(part: exp.Expr) -> str:
    return shorten(part.sql(dialect="duckdb"))
