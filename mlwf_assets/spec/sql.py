"""The SQL of a workflow file: one scalar expression in DuckDB's dialect, over one table's columns.

sqlglot parses it; what is not on the lists here is refused: queries, aggregates, windows, functions that
read files or settings, and functions whose result is another one tomorrow. Nothing is run or rewritten here.
"""

import itertools
import re
from collections.abc import Collection, Iterator
from functools import lru_cache

import sqlglot
from sqlglot import Token, TokenType, exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ParseError, TokenError

from mlwf_assets.errors import SpecError
from mlwf_assets.spec.functions import AGGREGATES, FUNCTIONS, OPERATORS, RESERVED, TODAY, TYPES
from mlwf_assets.spec.mistakes import suggestion
from mlwf_assets.spec.remedies import remedy_of_form, unknown_column

_ALLOWED = frozenset(name for names in FUNCTIONS.values() for name in names)

Refused = tuple[tuple[tuple[type[exp.Expr], ...], str], ...]

_REFUSED: Refused = (
    ((exp.Query, exp.Subquery, exp.From, exp.Table, exp.Exists, exp.Any, exp.All), "no queries"),
    ((exp.Window,), "no window functions"),
    ((exp.AggFunc,), "no aggregates"),
    ((exp.Star, exp.Columns), "no '*'"),
    ((exp.Lambda, exp.Struct, exp.Array, exp.ToMap, exp.Bracket, exp.Tuple), "no lists, structs or maps"),
    ((exp.JSONExtract, exp.JSONExtractScalar), "no JSON"),
    ((*DuckDB.Parser.NO_PAREN_FUNCTIONS.values(),), "nothing that is different tomorrow or on another machine"),
)
# Functions are held against FUNCTIONS by their names; of everything else only this may stand there.
SERVED = (
    exp.Column, exp.Identifier, exp.Literal, exp.RawString, exp.Boolean, exp.Null, exp.Paren, exp.Var,
    exp.Not, exp.Neg, exp.BitwiseNot, exp.Connector, exp.Between, exp.In, exp.Is, exp.Escape,
    exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.DPipe, exp.EQ, exp.NEQ, exp.GT, exp.GTE,
    exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Like, exp.ILike, exp.Glob, exp.SimilarTo,
    exp.BitwiseAnd, exp.BitwiseOr, exp.BitwiseXor, exp.BitwiseLeftShift, exp.BitwiseRightShift,
    exp.DataType, exp.DataTypeParam, exp.Interval, exp.AtTimeZone, exp.Func,
)  # fmt: skip
_CASTS = re.compile(
    r"U?(TINY|SMALL|BIG)?INT(128)?|BOOLEAN|FLOAT|DOUBLE|DECIMAL|TEXT|(N?VAR)?CHAR|DATE|TIME|TIMESTAMP\w*|INTERVAL"
)


def check_expression(expression: str, columns: Collection[str] | None = None) -> None:
    """Hold an expression against the rules, and against the columns that it may use.

    Args:
        columns: the columns that there are; None: they are not known yet.
    Raises:
        SpecError: saying what is wrong with it, without place.
    Example:
        >>> check_expression("dep_delay > 15 AND lower(carrier) = 'aa'", ["dep_delay", "carrier"])
        >>> check_expression("dep_dealy > 15", ["dep_delay"])
        Traceback (most recent call last):
        mlwf_assets.errors.SpecError: there must be a column 'dep_dealy'. Did you mean 'dep_delay'?
    """
    used = columns_of(expression)
    for name in sorted(used.difference(columns) if columns is not None else ()):
        raise SpecError(unknown_column(name, expression, columns or ()))


def columns_of(expression: str) -> set[str]:
    """Return the columns that an expression uses, spelled as it spells them.

    Raises:
        SpecError: if it is not one allowed expression.
    Example:
        >>> sorted(columns_of("timezone('UTC', sched_dep) + to_minutes(dep_delay)"))
        ['dep_delay', 'sched_dep']
    """
    return set(_checked(expression)[0])


def is_predicate(expression: str) -> bool:
    """Say whether an expression is true or false by its very form.

    Example:
        >>> is_predicate("arr_delay >= 15 OR cancelled"), is_predicate("arr_delay")
        (True, False)
    """
    return _checked(expression)[1]


@lru_cache(maxsize=2048)
def _checked(expression: str) -> tuple[frozenset[str], bool]:
    _check_functions(expression)
    tree = _parse(expression)
    for node in tree.walk():
        _check_node(node, expression)
    names = frozenset(column.name for column in tree.find_all(exp.Column))
    return names, isinstance(tree.unnest(), exp.Predicate | exp.Connector | exp.Not | exp.Boolean)


def parse_statements(text: str, *, written: str = "") -> list[exp.Expr | None]:
    """Parse SQL of any kind; what is allowed of it says whoever asks.

    Args:
        text: the SQL.
        written: what of it its author wrote; by default all.
    Raises:
        SpecError: if it is not SQL.
    Example:
        >>> len(parse_statements("SELECT 1; SELECT 2"))
        2
    """
    try:
        return list(sqlglot.parse(text, dialect="duckdb"))
    except ParseError as problem:
        details = problem.errors[0] if problem.errors else {}
        near = str(details.get("highlight") or "").strip()
        words = str(details.get("description") or problem).strip().rstrip(".")
        words = "something is missing" if words.startswith("Required keyword") else words
        where = f", near {near!r}" if near else ""
        raise SpecError(f"must be SQL, however: {words}{where}{remedy_of_form(written or text)}") from None
    except RecursionError:
        raise SpecError("must be simpler, however: it is nested too deeply; make a column of a part of it") from None


def _parse(expression: str) -> exp.Expr:
    statements = parse_statements(f"SELECT {expression}", written=expression)
    select = statements[0] if statements else None
    if len(statements) != 1 or not isinstance(select, exp.Select):
        raise SpecError(_one(expression))
    if [name for name, value in select.args.items() if value] != ["expressions"] or len(select.expressions) != 1:
        raise SpecError(_one(expression))
    tree: exp.Expr = select.expressions[0]
    if isinstance(tree, exp.Alias | exp.Aliases | exp.Star):
        raise SpecError(_one(expression))
    return tree


def _one(expression: str) -> str:
    said = f"must be one SQL expression over the table's columns, however: {shorten(expression)!r}"
    return said + remedy_of_form(expression)


def shorten(text: str) -> str:
    """Show the beginning of a text in one line.

    Example:
        >>> shorten("SELECT  1")
        'SELECT 1'
    """
    words = " ".join(text.split())
    return words if len(words) <= 60 else f"{words[:57]}..."


def _check_functions(expression: str) -> None:
    tokens = read_tokens(expression)
    if any(token.comments for token in tokens):
        raise SpecError("must hold no SQL comments, however: '--' or '/*'; comment with '#' beside it")
    for name in called_names(tokens, OPERATORS):
        if name not in _ALLOWED:
            raise SpecError(_refused_function(name))


def read_tokens(text: str) -> list[Token]:
    """Cut SQL into its words and signs.

    Raises:
        SpecError: if it cannot be read.
    """
    try:
        return list(DuckDB().tokenize(text))
    except TokenError as problem:
        words = re.sub(r"^Error tokenizing ", "", str(problem))
        raise SpecError(
            f"must be SQL, however: it cannot be read near {shorten(words)}{remedy_of_form(text)}"
        ) from None


def called_names(tokens: list[Token], operators: Collection[str]) -> Iterator[str]:
    """Yield each word before a parenthesis, as it is written (parsers rename functions), but for operators and types.

    Example:
        >>> list(called_names(read_tokens("a IN (1) AND lower(s) = 'x'"), ["in"]))
        ['lower']
    """
    before = None
    for token, after in itertools.pairwise(tokens):
        name = token.text.lower()
        is_word = re.fullmatch(r"[a-z_]\w*", name) and token.token_type != TokenType.STRING
        is_type = name in TYPES and before in (TokenType.DCOLON, TokenType.ALIAS)
        is_call = token.token_type == TokenType.IDENTIFIER or (is_word and name not in operators and not is_type)
        if after.token_type == TokenType.L_PAREN and is_call:
            yield name
        before = token.token_type


def _refused_function(name: str) -> str:
    if name in TODAY:
        return f"{name}() must not be used, for its result is another one tomorrow; use the table's columns"
    if name in AGGREGATES:
        return f"no aggregates and windows: one row is looked at, however: {name}()"
    if name in ("select", "exists", "with", "values"):
        return f"must be one SQL expression without queries, however: {name}"
    near = suggestion(name, sorted(_ALLOWED), shown=0, cutoff=0.7)
    known = " docs/workflow-file.md lists the functions. A column with parentheses in its name stands in double quotes."
    return f"there is no function {name}() here.{near or known}"


def _check_node(node: exp.Expr, expression: str) -> None:
    refuse(node, _REFUSED)
    if not isinstance(node, SERVED):
        raise SpecError(_one(expression))
    if isinstance(node, exp.Anonymous) and node.name.lower() not in _ALLOWED:
        raise SpecError(_refused_function(node.name.lower()))
    if isinstance(node, exp.Column) and node.table:
        raise SpecError(f"must name columns without their table, however: {node.sql(dialect='duckdb')!r}")
    check_leaf(node, expression)


def refuse(node: exp.Expr, refused: Refused) -> None:
    """Refuse what has a reason of its own.

    Raises:
        SpecError: naming it, and the reason.
    """
    for kinds, words in refused:
        if isinstance(node, kinds):
            raise SpecError(f"must hold {words}, however: {shorten(node.sql(dialect='duckdb'))!r}")


def check_leaf(node: exp.Expr, text: str) -> None:
    """Refuse words of SQL that are taken for columns, and types that no column of ours can have.

    Raises:
        SpecError: naming it.
    """
    if isinstance(node, exp.Column) and node.name.lower() in RESERVED and not node.this.args.get("quoted"):
        raise SpecError(f'{node.name} is a word of SQL; if a column is meant, write "{node.name}" in double quotes')
    if isinstance(node, exp.DataType) and not _CASTS.fullmatch(str(getattr(node.this, "name", node.this))):
        raise SpecError(f"must cast to a simple type of DuckDB such as INTEGER, however: {shorten(text)!r}")
