"""Which columns a query gives, and from which columns each of them is made.

Follows a query that `query.py` lets pass, clause by clause, as DuckDB binds names: a name is a column of what stands
behind FROM, else one that was named further left, else one of the query around it. Names are case-sensitive here,
as everywhere in the file. Where an origin cannot be told exactly, all columns that the expression names are given.
PIVOT and UNPIVOT stand in `query_pivots.py`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlglot import exp

from mlwf_assets.errors import SpecError
from mlwf_assets.spec.mistakes import suggestion
from mlwf_assets.spec.query import parse_query
from mlwf_assets.spec.query_pivots import pivot_columns, unpivot_columns
from mlwf_assets.spec.sql import shorten


class Origin(NamedTuple):
    """A column of a table of the workflow."""

    table: str
    column: str


Origins = frozenset[Origin]
Relation = Mapping[str, Origins]
NOTHING: Origins = frozenset()


@dataclass(frozen=True)
class Made:
    """What a query gives.

    Attributes:
        columns: column -> what it is made from, in the order of the query.
        used: all columns that it looks at, in conditions and groups, too.
    """

    columns: Relation
    used: Origins


@dataclass
class _Frame:
    """What names mean inside one SELECT.

    Attributes:
        sides: name of a table behind FROM -> its columns.
        joined: columns of JOIN ... USING -> what they are made from.
        named: columns that were named with AS so far.
        windows: name of a window -> what stands behind WINDOW.
        outer: the query around this one.
    """

    sides: dict[str, Relation] = field(default_factory=dict)
    joined: dict[str, Origins] = field(default_factory=dict)
    named: dict[str, Origins] = field(default_factory=dict)
    windows: dict[str, exp.Expr] = field(default_factory=dict)
    outer: "_Frame | None" = None

    def known(self) -> list[str]:
        """All columns, without their tables."""
        return list(dict.fromkeys([*(name for side in self.sides.values() for name in side), *self.named]))


def made_columns(sql: str, tables: Mapping[str, Iterable[str]]) -> Made:
    """Say which columns a query gives, and from which columns of the workflow's tables.

    Args:
        sql: a query that `parse_query` lets pass.
        tables: table -> its columns.
    Raises:
        SpecError: if it names a table or column that is not there, or leaves a column without name.
    Example:
        >>> made = made_columns("SELECT town, count(*) AS n FROM trips WHERE km > 3 GROUP BY town",
        ...                     {"trips": ["town", "km"]})
        >>> list(made.columns), sorted(origin.column for origin in made.used)
        (['town', 'n'], ['km', 'town'])
    """
    walker = _Walker()
    known = {
        name: {column: frozenset({Origin(name, column)}) for column in columns} for name, columns in tables.items()
    }
    columns = walker.relation(parse_query(sql), known, None)
    return Made(columns, frozenset(walker.used))


class _Walker:
    """Goes through a query and notes every column that it looks at."""

    def __init__(self) -> None:
        self.used: set[Origin] = set()

    def relation(
        self, query: exp.Expr, tables: Mapping[str, Relation], outer: _Frame | None, *, named: bool = True
    ) -> Relation:
        """The columns of a query.

        Args:
            query: the query.
            tables: those that it can name.
            outer: the query around it.
            named: whether each column must have a name; inside of expressions nobody asks for it.
        """
        tables = self._with_ctes(query, tables, outer)
        if isinstance(query, exp.Subquery):
            inner = self.relation(query.this, tables, outer, named=named)
            return self._pivoted(inner, query.args.get("pivots") or ())
        if isinstance(query, exp.SetOperation):
            return self._set_operation(query, tables, outer, named=named)
        if isinstance(query, exp.Pivot):
            return self._pivoted(self._side(query.this, tables, outer)[1], [query])
        return self._select(query, tables, outer, named=named)

    def _with_ctes(
        self, query: exp.Expr, tables: Mapping[str, Relation], outer: _Frame | None
    ) -> Mapping[str, Relation]:
        known = dict(tables)
        for cte in (query.args.get("with_") or exp.With()).expressions:
            known[cte.alias] = self.relation(cte.this, known, outer)
        return known

    def _set_operation(
        self, query: exp.SetOperation, tables: Mapping[str, Relation], outer: _Frame | None, *, named: bool
    ) -> Relation:
        left, right = (self.relation(side, tables, outer, named=named) for side in (query.left, query.right))
        if len(left) != len(right):
            both = f"{', '.join(left)} and {', '.join(right)}"
            raise SpecError(f"both sides of {query.key.upper()} must have as many columns, however: {both}")
        merged = {name: own | other for (name, own), other in zip(left.items(), right.values(), strict=True)}
        self._clauses(query, ("order",), _Frame(named=dict(merged), outer=outer), tables)
        return merged

    def _select(
        self, query: exp.Expr, tables: Mapping[str, Relation], outer: _Frame | None, *, named: bool
    ) -> Relation:
        frame = _Frame(windows={one.name: one for one in query.args.get("windows") or ()}, outer=outer)
        if (source := query.args.get("from_")) is not None:
            self._add_side(frame, source.this, tables)
        for join in query.args.get("joins") or ():
            self._join(frame, join, tables)
        given: dict[str, Origins] = {}
        for item in query.expressions:
            for name, origins in self._item(item, frame, tables):
                if not name and named:
                    shown = shorten(item.sql(dialect="duckdb"))
                    raise SpecError(f"each column must have a name, however: {shown}; write AS NAME behind it")
                if name in given and named:
                    raise SpecError(f"each column must be given once, however: {name!r} twice; name one with AS")
                given[name or f"_{len(given)}"] = origins
                frame.named[name] = origins
        rest = [name for name in query.args if name not in ("with_", "from_", "joins", "expressions")]
        self._clauses(query, rest, frame, tables)
        return given

    def _clauses(self, query: exp.Expr, names: Iterable[str], frame: _Frame, tables: Mapping[str, Relation]) -> None:
        for name in names:
            parts = query.args.get(name)
            for part in parts if isinstance(parts, list) else [parts]:
                if isinstance(part, exp.Expr):
                    self.origins(part, frame, tables)

    def _add_side(self, frame: _Frame, source: exp.Expr, tables: Mapping[str, Relation]) -> str:
        name, columns = self._side(source, tables, frame.outer)
        if name in frame.sides:
            raise SpecError(f"each table behind FROM must have a name of its own, however: {name!r} twice; name it AS")
        frame.sides[name] = columns
        for join in source.args.get("joins") or ():
            self._join(frame, join, tables)
        return name

    def _side(self, source: exp.Expr, tables: Mapping[str, Relation], outer: _Frame | None) -> tuple[str, Relation]:
        """The name and columns of what stands behind FROM or JOIN."""
        pivots = source.args.get("pivots") or ()
        name = next((pivot.alias for pivot in reversed(pivots) if pivot.alias), source.alias_or_name)
        if isinstance(source, exp.Subquery) and isinstance(source.this, exp.Table):
            raise SpecError("must join one table after the other, without parentheses around a join")
        if not isinstance(source, exp.Table):
            return name, self.relation(source, tables, outer)
        if source.name not in tables:
            raise SpecError(f"there must be a table {source.name!r}.{suggestion(source.name, tables)}")
        return name, self._pivoted(tables[source.name], pivots)

    def _pivoted(self, columns: Relation, pivots: Sequence[exp.Expr]) -> Relation:
        for pivot in pivots:
            make = unpivot_columns if pivot.args.get("unpivot") else pivot_columns
            made = make(pivot, list(columns))
            frame = _Frame(sides={"": columns})
            columns = {name: self._all(parts, frame) for name, parts in made.items()}
        return columns

    def _all(self, parts: Iterable[exp.Expr], frame: _Frame) -> Origins:
        return _union(self.origins(part, frame, {}) for part in parts)

    def _join(self, frame: _Frame, join: exp.Expr, tables: Mapping[str, Relation]) -> None:
        before = dict(frame.sides)
        name = self._add_side(frame, join.this, tables)
        for shared in join.args.get("using") or ():
            column = shared.name
            left = [side for side in before.values() if column in side]
            if column not in frame.sides[name] or not left:
                where = name if left else "the tables before it"
                raise SpecError(f"there must be a column {column!r} in {where}, for USING")
            frame.joined[column] = _union([*(side[column] for side in left), frame.sides[name][column]])
            self.used |= frame.joined[column]
        if (condition := join.args.get("on")) is not None:
            self.origins(condition, frame, tables)
        if join.args.get("kind") in ("SEMI", "ANTI"):
            del frame.sides[name]

    def _item(self, item: exp.Expr, frame: _Frame, tables: Mapping[str, Relation]) -> Iterator[tuple[str, Origins]]:
        if isinstance(item, exp.Star) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star)):
            yield from self._star(item, frame, tables)
        elif isinstance(item, exp.Alias):
            yield item.alias, self.origins(item.this, frame, tables)
        elif isinstance(item, exp.Column):
            yield item.name, self.origins(item, frame, tables)
        else:
            yield "", self.origins(item, frame, tables)

    def _star(self, item: exp.Expr, frame: _Frame, tables: Mapping[str, Relation]) -> Iterator[tuple[str, Origins]]:
        table = item.table if isinstance(item, exp.Column) else ""
        star = item.this if isinstance(item, exp.Column) else item
        if table and table not in frame.sides:
            raise SpecError(f"there must be a table {table!r} behind FROM.{suggestion(table, frame.sides)}")
        left_out = {part.name for part in star.args.get("except_") or ()}
        replaced = {part.alias: part.this for part in star.args.get("replace") or ()}
        renamed = {part.this.name: part.alias for part in star.args.get("rename") or ()}
        sides = [frame.sides[table]] if table else list(frame.sides.values())
        there = {name for side in sides for name in side}
        for name in [*left_out, *replaced, *renamed]:
            if name not in there:
                raise SpecError(f"there must be a column {name!r}.{suggestion(name, sorted(there))}")
        shared: set[str] = set()
        for side in sides:
            for name, own in side.items():
                if name in left_out or name in shared:
                    continue
                is_joined = not table and name in frame.joined
                shared |= {name} if is_joined else set()
                origins = frame.joined[name] if is_joined else own
                self.used |= origins
                value = self.origins(replaced[name], frame, tables) if name in replaced else origins
                yield renamed.get(name, name), value

    def origins(self, node: exp.Expr, frame: _Frame, tables: Mapping[str, Relation]) -> Origins:
        """All columns that an expression, or a clause, is made from."""
        if isinstance(node, exp.Column):
            found = _resolve(node, frame)
            self.used |= found
            return found
        if isinstance(node, exp.Query | exp.Subquery):
            return _union(self.relation(node, tables, frame, named=False).values())
        parts = [*node.iter_expressions()]
        if isinstance(node, exp.Window) and node.alias in frame.windows:
            parts.append(frame.windows[node.alias])
        return _union(self.origins(part, frame, tables) for part in parts)


def _union(parts: Iterable[Origins]) -> Origins:
    return NOTHING.union(*parts)


def _resolve(column: exp.Column, frame: _Frame) -> Origins:
    name, table = column.name, column.table
    at: _Frame | None = frame
    while at is not None:
        if table:
            if table in at.sides:
                if name not in at.sides[table]:
                    raise SpecError(f"there must be a column {name!r} in {table}.{suggestion(name, at.sides[table])}")
                return at.sides[table][name]
        elif (found := _here(name, at)) is not None:
            return found
        at = at.outer
    if table:
        raise SpecError(f"there must be a table {table!r} behind FROM.{suggestion(table, frame.sides)}")
    raise SpecError(f"there must be a column {name!r}.{suggestion(name, frame.known())}")


def _here(name: str, frame: _Frame) -> Origins | None:
    having = [side for side, columns in frame.sides.items() if name in columns]
    if name in frame.joined:
        return frame.joined[name]
    if len(having) > 1 and name not in frame.named:
        raise SpecError(f"{name!r} is a column of {' and of '.join(having)}; write which: {having[0]}.{name}")
    if len(having) == 1:
        return frame.sides[having[0]][name]
    return frame.named.get(name)
