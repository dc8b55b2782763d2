"""The SQL of a workflow file: one scalar expression in DuckDB's dialect, over one table's columns.

sqlglot parses it; what is not on the lists here is refused: queries, aggregates, windows, functions that
read files or settings, and functions whose result is another one tomorrow. Nothing is run or rewritten here.
"""

import itertools
import re
from collections.abc import Collection, Iterator
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokens import Token, TokenType

from mlwf_assets.errors import SpecError
from mlwf_assets.spec.mistakes import suggestion

FUNCTIONS: dict[str, tuple[str, ...]] = {
    "conditions": ("coalesce", "greatest", "if", "ifnull", "isfinite", "isinf", "isnan", "least", "nullif"),
    "numbers": ["abs", "acos", "asin", "atan", "atan2", "cbrt", "ceil", "ceiling", "cos", "cot", "degrees", "even", "exp", "factorial", "fdiv", "floor", "fmod", "gamma", "gcd", "lcm", "lgamma", "ln", "log", "log10", "log2", "mod", "nextafter", "pi", "pow", "power", "radians", "round", "sign", "signbit", "sin", "sqrt", "tan", "trunc", "xor"],
    "text": ["ascii", "bar", "bit_length", "chr", "concat", "concat_ws", "contains", "damerau_levenshtein", "ends_with", "format", "format_bytes", "hamming", "instr", "jaccard", "jaro_similarity", "jaro_winkler_similarity", "lcase", "left", "left_grapheme", "length", "length_grapheme", "levenshtein", "lower", "lpad", "ltrim", "md5", "md5_number", "nfc_normalize", "ord", "position", "prefix", "printf", "regexp_escape", "regexp_extract", "regexp_full_match", "regexp_matches", "regexp_replace", "repeat", "replace", "reverse", "right", "right_grapheme", "rpad", "rtrim", "sha1", "sha256", "split_part", "starts_with", "strip_accents", "strlen", "strpos", "substr", "substring", "suffix", "to_base", "translate", "trim", "ucase", "unicode", "upper", "url_decode", "url_encode", "hash", "hex", "unhex"],
    "dates and times": ["century", "date_add", "date_diff", "date_part", "date_sub", "date_trunc", "datediff", "datepart", "datesub", "datetrunc", "day", "dayname", "dayofmonth", "dayofweek", "dayofyear", "decade", "epoch", "epoch_ms", "epoch_ns", "epoch_us", "era", "extract", "hour", "isodow", "isoyear", "julian", "last_day", "make_date", "make_time", "make_timestamp", "make_timestamp_ms", "make_timestamp_ns", "make_timestamptz", "microsecond", "millennium", "millisecond", "minute", "month", "monthname", "quarter", "second", "strftime", "strptime", "time_bucket", "timezone", "timezone_hour", "timezone_minute", "to_centuries", "to_days", "to_decades", "to_hours", "to_microseconds", "to_millennia", "to_milliseconds", "to_minutes", "to_months", "to_quarters", "to_seconds", "to_timestamp", "to_weeks", "to_years", "try_strptime", "week", "weekday", "weekofyear", "year", "yearweek"],
    "types": ("cast", "try_cast"),
}  # fmt: skip
_ALLOWED = frozenset(name for names in FUNCTIONS.values() for name in names)

_TODAY = frozenset(
    [
        "age",
        "current_date",
        "current_localtime",
        "current_localtimestamp",
        "current_time",
        "current_timestamp",
        "gen_random_uuid",
        "get_current_time",
        "get_current_timestamp",
        "localtime",
        "localtimestamp",
        "now",
        "random",
        "setseed",
        "today",
        "transaction_timestamp",
        "uuid",
        "uuidv4",
        "uuidv7",
    ]
)
_AGGREGATES = frozenset(
    [
        "any_value",
        "approx_count_distinct",
        "arbitrary",
        "arg_max",
        "arg_min",
        "array_agg",
        "avg",
        "bit_and",
        "bit_or",
        "bool_and",
        "bool_or",
        "corr",
        "count",
        "count_if",
        "countif",
        "covar_pop",
        "covar_samp",
        "cume_dist",
        "dense_rank",
        "entropy",
        "first",
        "first_value",
        "histogram",
        "kurtosis",
        "lag",
        "last",
        "last_value",
        "lead",
        "list",
        "mad",
        "max",
        "max_by",
        "mean",
        "median",
        "min",
        "min_by",
        "mode",
        "nth_value",
        "ntile",
        "percent_rank",
        "product",
        "quantile",
        "quantile_cont",
        "quantile_disc",
        "rank",
        "row_number",
        "skewness",
        "stddev",
        "stddev_pop",
        "stddev_samp",
        "string_agg",
        "sum",
        "var_pop",
        "var_samp",
        "variance",
    ]
)
# Words before a parenthesis that are no functions.
_OPERATORS = frozenset(
    [
        "and",
        "any",
        "as",
        "between",
        "by",
        "case",
        "distinct",
        "else",
        "end",
        "from",
        "glob",
        "ilike",
        "in",
        "interval",
        "is",
        "like",
        "not",
        "or",
        "similar",
        "then",
        "to",
        "when",
        "zone",
        "both",
        "leading",
        "trailing",
        "for",
    ]
)
_TYPES = frozenset(
    [
        "bit",
        "blob",
        "bpchar",
        "char",
        "decimal",
        "dec",
        "numeric",
        "nvarchar",
        "string",
        "text",
        "time",
        "timestamp",
        "varchar",
        "float",
    ]
)

_REFUSED: tuple[tuple[tuple[type[exp.Expr], ...], str], ...] = (
    ((exp.Query, exp.Subquery, exp.From, exp.Table, exp.Exists, exp.Any, exp.All), "no queries"),
    ((exp.Window,), "no window functions"),
    ((exp.AggFunc,), "no aggregates"),
    ((exp.Star, exp.Columns), "no '*'"),
    ((exp.Lambda, exp.Struct, exp.Array, exp.ToMap, exp.Bracket, exp.Tuple), "no lists, structs or maps"),
    ((exp.JSONExtract, exp.JSONExtractScalar), "no JSON"),
    (
        (exp.CurrentDate, exp.CurrentTimestamp, exp.CurrentTime, exp.CurrentDatetime, exp.CurrentUser)
        + (exp.Localtime, exp.Localtimestamp, exp.CurrentCatalog, exp.CurrentSchema, exp.SessionUser),
        "nothing that is different tomorrow or on another machine",
    ),
)
# Functions are held against FUNCTIONS by their names; of everything else only this may stand there.
_SERVED = (
    (exp.Column, exp.Identifier, exp.Literal, exp.RawString, exp.Boolean, exp.Null, exp.Paren, exp.Var)
    + (exp.Not, exp.Neg, exp.BitwiseNot, exp.Connector, exp.Between, exp.In, exp.Is, exp.Escape)
    + (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.DPipe, exp.EQ, exp.NEQ, exp.GT, exp.GTE)
    + (exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Like, exp.ILike, exp.Glob, exp.SimilarTo)
    + (exp.BitwiseAnd, exp.BitwiseOr, exp.BitwiseXor, exp.BitwiseLeftShift, exp.BitwiseRightShift)
    + (exp.DataType, exp.DataTypeParam, exp.Interval, exp.AtTimeZone, exp.Func)
)
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
        raise SpecError(f"there must be a column {name!r}.{suggestion(name, columns or ())}")


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


def _parse(expression: str) -> exp.Expr:
    try:
        statements = sqlglot.parse(f"SELECT {expression}", dialect="duckdb")
    except ParseError as problem:
        details = problem.errors[0] if problem.errors else {}
        near = str(details.get("highlight") or "").strip()
        words = str(details.get("description") or problem).strip().rstrip(".")
        words = "something is missing" if words.startswith("Required keyword") else words
        raise SpecError(f"must be SQL, however: {words}{f', near {near!r}' if near else ''}") from None
    select = statements[0] if statements else None
    if len(statements) != 1 or not isinstance(select, exp.Select):
        raise SpecError(_one(expression))
    if [name for name, value in select.args.items() if value] != ["expressions"] or len(select.expressions) != 1:
        raise SpecError(_one(expression))
    tree = select.expressions[0]
    if isinstance(tree, exp.Alias | exp.Aliases | exp.Star):
        raise SpecError(_one(expression))
    return tree


def _one(expression: str) -> str:
    return f"must be one SQL expression over the table's columns, however: {_short(expression)!r}"


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 60 else f"{words[:57]}..."


def _check_functions(expression: str) -> None:
    """Look at each word before a parenthesis, as it is written: parsers rename functions."""
    try:
        tokens = DuckDB().tokenize(expression)
    except TokenError as problem:
        words = re.sub(r"^Error tokenizing ", "", str(problem))
        raise SpecError(f"must be SQL, however: it cannot be read near {_short(words)}") from None
    if any(token.comments for token in tokens):
        raise SpecError("must hold no SQL comments, however: '--' or '/*'; comment with '#' beside it")
    for name in _called(tokens):
        if name not in _ALLOWED:
            raise SpecError(_refused_function(name))


def _called(tokens: list[Token]) -> Iterator[str]:
    for token, after in itertools.pairwise(tokens):
        if after.token_type != TokenType.L_PAREN:
            continue
        name = token.text.lower()
        is_word = re.fullmatch(r"[a-z_]\w*", name) and token.token_type != TokenType.STRING
        if token.token_type == TokenType.IDENTIFIER or (is_word and name not in _OPERATORS | _TYPES):
            yield name


def _refused_function(name: str) -> str:
    if name in _TODAY:
        return f"{name}() must not be used, for its result is another one tomorrow; use the table's columns"
    if name in _AGGREGATES:
        return f"no aggregates and windows: one row is looked at, however: {name}()"
    if name in ("select", "exists", "with", "values"):
        return f"must be one SQL expression without queries, however: {name}"
    near = suggestion(name, sorted(_ALLOWED), shown=0, cutoff=0.7)
    return f"there is no function {name}() here.{near or ' docs/workflow-file.md lists the functions.'}"


def _check_node(node: exp.Expr, expression: str) -> None:
    for kinds, words in _REFUSED:
        if isinstance(node, kinds):
            raise SpecError(f"must hold {words}, however: {_short(node.sql(dialect='duckdb'))!r}")
    if not isinstance(node, _SERVED):
        raise SpecError(_one(expression))
    if isinstance(node, exp.Column) and node.table:
        raise SpecError(f"must name columns without their table, however: {node.sql(dialect='duckdb')!r}")
    if isinstance(node, exp.DataType) and not _CASTS.fullmatch(str(getattr(node.this, "name", node.this))):
        raise SpecError(f"must cast to a simple type of DuckDB such as INTEGER, however: {_short(expression)!r}")
