"""SQL of workflow files: what is allowed runs in DuckDB, and nothing gets past that reaches out of the row."""

import json

import duckdb
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mlwf_assets.errors import SpecError
from mlwf_assets.lake import duck
from mlwf_assets.spec.functions import AGGREGATES, FUNCTIONS, OPERATORS, RESERVED, TODAY
from mlwf_assets.spec.sql import check_expression, columns_of, is_predicate

ROW = pa.table({
    "a": [3], "b": [2.5], "s": ["it's"], "ok": [True], "odd name": [1], 'quo"te': [1], "ärger": [1], "select": [7],
    "t": pa.array([1356998400000000], pa.timestamp("us", "UTC")), "d": pa.array([15706], pa.date32()),
})  # fmt: skip

HARMLESS = """
    1 | 1.5 | 'text' | NULL | true | a | b | s | "odd name" | "quo""te" | ärger | "select" | -a | +a | ~a | NOT ok | (a)
    a + b | a - 1 | a * 2 | a / 2 | a // 2 | a % 2 | a ** 2 | a & 1 | a << 1 | s || 'x' | s || a
    a > 1 | a >= 1 AND b < 3 OR NOT ok | a <> 1 | a != 1 | a == 3 | a IS NULL | a IS NOT NULL | a IS DISTINCT FROM 3
    a BETWEEN 1 AND 5 | a NOT BETWEEN 1 AND 5 | a IN (1, 2, 3) | a NOT IN (1, 2) | s IN ('x', 'it''s') | s GLOB ('i*')
    s LIKE 'i%' | s NOT LIKE 'i%' | s ILIKE 'I%' | s LIKE '!%' ESCAPE '!' | s GLOB 'i*'
    s SIMILAR TO 'i.*' | s ~ 'i.*' | s LIKE ('i' || '%')
    CASE WHEN a > 1 THEN 'x' ELSE 'y' END | CASE a WHEN 3 THEN 1 END | if(ok, a, 0) | coalesce(NULL, a) | nullif(a, 3)
    ifnull(NULL, a) | greatest(a, b) | least(a, 1, 2) | isnan(b) | CAST(a AS VARCHAR) | a::DOUBLE
    TRY_CAST(s AS INTEGER) | isfinite(b)
    CAST('2013-01-01' AS DATE) | DATE '2013-01-01' | TIMESTAMP '2013-01-01 10:00:00' | a::DECIMAL(10, 2) | a::HUGEINT
    t + INTERVAL 2 HOURS | t - INTERVAL '1 day' | t + to_minutes(a) | INTERVAL (a) DAYS + d
    t AT TIME ZONE 'Europe/Berlin' | CAST(a AS DECIMAL(10, 2))
    timezone('America/New_York', t) | date_part('hour', t) | extract(hour FROM t) | date_trunc('month', t) | year(d)
    date_diff('minute', t, t + INTERVAL 1 HOUR) | strftime(t, '%Y-%m') | strptime('2013', '%Y') | dayname(d) | epoch(t)
    make_timestamptz(2013, 1, a, 2, 3, 4) | lower(s) | substring(s, 1, 2) | substring(s FROM 1 FOR 2) | trim(s)
    trim(BOTH 'i' FROM s) | position('t' IN s) | replace(s, 'i', 'o') | regexp_extract(s, '([a-z]+)', 1) | length(s)
    left(s, 1) | split_part(s, 't', 1) | concat_ws('-', s, a) | md5(s) | format('{}', a) | printf('%d', a)
    round(b, 1) | floor(b) | abs(-a) | sqrt(a) | ln(a) | pow(a, 2) | mod(a, 2) | pi() * b | s < 'z' AND a > 0
    '-- not a comment; SELECT 1' | 'a;b' | 'getenv(''HOME'')' | $$text$$
"""

# What each is refused with is held too: the words must help.
HOSTILE = {
    "a; DROP TABLE x": "must be one SQL expression",
    "a; SELECT 1": "must be one SQL expression",
    ";": "must be one SQL expression",
    "": "must be one SQL expression",
    "a, b": "must be one SQL expression",
    "a AS b": "must be one SQL expression",
    "DISTINCT a": "must be one SQL expression",
    "a FROM x": "must be one SQL expression",
    "a WHERE ok": "must be one SQL expression",
    "a GROUP BY ok": "must be one SQL expression",
    "a LIMIT 1": "must be one SQL expression",
    "a UNION SELECT 1": "must be one SQL expression",
    "a) FROM (SELECT 1": "must be SQL",
    "1) FROM read_csv('/etc/passwd') --": "must hold no SQL comments",
    "a -- b": "must hold no SQL comments",
    "a /* b */": "must hold no SQL comments",
    "getenv/**/('HOME')": "must hold no SQL comments",
    "COPY x TO 'y'": "must be",
    "PRAGMA version": "must be",
    "ATTACH 'x'": "must be",
    "INSTALL httpfs": "must be",
    "CREATE TABLE x": "must be",
    "(SELECT 1)": "must hold no queries",
    "a IN (SELECT 1)": "must hold no queries",
    "a = ANY (SELECT 1)": "must hold no queries",
    "EXISTS (SELECT 1)": "queries",
    "(FROM x)": "must",
    "(VALUES (1))": "queries",
    "(TABLE x)": "must",
    "(WITH y AS (SELECT 1) SELECT * FROM y)": "queries",
    "read_csv('/etc/passwd')": "there is no function read_csv() here",
    "read_text('/etc/passwd')": "there is no function read_text() here",
    "glob('/etc/*')": "there is no function glob() here",
    "text('x')": "there is no function text() here",
    "getenv('HOME')": "there is no function getenv() here",
    "\"getenv\"('HOME')": "there is no function getenv() here",
    "'HOME'.getenv()": "there is no function getenv() here",
    "GetEnv ('HOME')": "there is no function getenv() here",
    "main.getenv('HOME')": "there is no function getenv() here",
    "current_setting('temp_directory')": "there is no function current_setting() here",
    "getvariable('x')": "there is no function getvariable() here",
    "query('SELECT 1')": "there is no function query() here",
    "query_table('x')": "there is no function query_table() here",
    "nextval('s')": "there is no function nextval() here",
    "version()": "there is no function version() here",
    "error('x')": "there is no function error() here",
    "pragma_version()": "there is no function pragma_version() here",
    "duckdb_settings()": "there is no function duckdb_settings() here",
    "now()": "now() must not be used, for its result is another one tomorrow",
    "random()": "random() must not be used",
    "uuid()": "uuid() must not be used",
    "today()": "today() must not be used",
    "age(t)": "age() must not be used",
    "get_current_timestamp()": "must not be used",
    "current_date": "must hold nothing that is different tomorrow or on another machine",
    "CURRENT_TIMESTAMP": "must hold nothing that is different tomorrow",
    "localtime": "must hold nothing that is different tomorrow",
    "current_user": "must hold nothing that is different tomorrow or on another machine",
    "session_user": "must hold nothing that is different tomorrow or on another machine",
    "sum(a)": "no aggregates and windows: one row is looked at, however: sum()",
    "count(*)": "no aggregates and windows",
    "max(a) OVER ()": "no aggregates and windows",
    "row_number() OVER (ORDER BY a)": "no aggregates and windows",
    "a OVER ()": "there is no function over() here",
    "*": "must be one SQL expression",
    "COLUMNS(*)": "there is no function columns() here",
    "COLUMNS('a')": "there is no function columns() here",
    "unnest([1, 2])": "there is no function unnest() here",
    "[a, b]": "must hold no lists, structs or maps",
    "s[1]": "must hold no lists, structs or maps",
    "{'a': 1}": "must hold no lists, structs or maps",
    "MAP {'a': 1}": "must",
    "(a, b)": "must hold no lists, structs or maps",
    "x -> x + 1": "must",
    "list_transform([a], lambda x: x)": "there is no function list_transform() here",
    "s -> '$.a'": "must hold no JSON",
    "s ->> 'a'": "must hold no JSON",
    "a::JSON": "must cast to a simple type of DuckDB such as INTEGER",
    "a::INT[]": "must cast to a simple type",
    "a::STRUCT(x INT)": "there is no function struct() here",
    "x.a": "must name columns without their table, however: 'x.a'",
    "main.x.a": "must name columns without their table",
    "$1": "must be one SQL expression",
    "?": "must be one SQL expression",
    "#1": "must be one SQL expression",
    "E'\\' || getenv(''HOME'') || '": "must be one SQL expression",
    "'open": "must be SQL, however: it cannot be read near",
    "a >": "must be SQL, however: something is missing, near '>'",
    "a = = b": "must be SQL",
    "(" * 500 + "a" + ")" * 500: "must be simpler, however: it is nested too deeply",
    "desc": 'desc is a word of SQL; if a column is meant, write "desc" in double quotes',
    "a + order": "order is a word of SQL",
    "lowr(s)": "there is no function lowr() here. Did you mean 'lower'?",
}


@pytest.fixture(scope="module")
def connection():
    with duck.connect() as opened:
        opened.register("x", ROW)
        yield opened


@pytest.mark.parametrize(
    "expression", [part.strip() for row in HARMLESS.strip().split("\n") for part in row.split(" | ")]
)
def test_harmless_expressions_are_accepted_and_run(connection, expression):
    check_expression(expression, ROW.column_names)
    assert connection.execute(f"SELECT ({expression}\n) FROM x").fetchone() is not None


@pytest.mark.parametrize("expression", HOSTILE)
def test_hostile_expressions_are_refused_with_a_reason(expression):
    with pytest.raises(SpecError) as caught:
        check_expression(expression)
    assert str(caught.value).startswith(HOSTILE[expression]) or HOSTILE[expression] in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_columns_are_named_with_a_near_one():
    with pytest.raises(SpecError, match=r"^there must be a column 'dely'. Did you mean 'delay'\?$"):
        check_expression("dely > 1 AND lower(name) = 'x'", ["delay", "name"])
    with pytest.raises(SpecError, match=r"^there must be a column 'zzz'. Known: delay, name.$"):
        check_expression("zzz", ["delay", "name"])
    with pytest.raises(SpecError, match=r"Did you mean 'Delay'\?"):  # DuckDB would take it, but means the other
        check_expression("delay", ["Delay"])


def test_columns_are_found_wherever_they_stand():
    expression = """CASE WHEN "odd name" > coalesce(a, b) THEN lower(s) ELSE t::VARCHAR || 'c' END IN ('d', e)"""
    assert columns_of(expression) == {"odd name", "a", "b", "s", "t", "e"}


@pytest.mark.parametrize(
    ("expression", "predicate"),
    [
        ("a > 1", True), ("NOT ok", True), ("a IS NULL", True), ("a IN (1, 2)", True), ("s LIKE 'x'", True),
        ("(a > 1) OR ok", True), ("((a > 1))", True), ("a BETWEEN 1 AND 2", True), ("true", True),
        ("a", False), ("a + 1", False), ("s", False), ("if(ok, 1, 0)", False),
    ],
)  # fmt: skip
def test_predicates_are_told_by_their_form(expression, predicate):
    assert is_predicate(expression) is predicate


def test_each_function_is_a_deterministic_one_of_duckdb(connection):
    known = connection.execute(
        "SELECT function_name, list(DISTINCT function_type), list(DISTINCT stability) "
        "FROM duckdb_functions() GROUP BY 1"
    ).fetchall()
    kinds = {name: (types, stabilities) for name, types, stabilities in known}
    grammar = {"coalesce", "if", "ifnull", "extract", "cast", "try_cast"}
    for name in {name for names in FUNCTIONS.values() for name in names} - grammar:
        types, stabilities = kinds[name]
        assert {"scalar", "macro"} & set(types), name
        assert not {"VOLATILE", "CONSISTENT_WITHIN_QUERY"} & set(stabilities), name


def test_what_changes_by_itself_and_what_looks_at_many_rows_is_known(connection):
    rows = connection.execute(
        "SELECT DISTINCT function_name, function_type, stability FROM duckdb_functions()"
    ).fetchall()
    allowed = {name for names in FUNCTIONS.values() for name in names}
    assert not allowed & {name for name, kind, _ in rows if kind in ("aggregate", "table_macro", "pragma")}
    assert {name for name in AGGREGATES if name in {n for n, k, _ in rows if k == "aggregate"}} > {
        "sum",
        "mode",
        "arg_max",
    }
    assert not allowed & (TODAY | AGGREGATES)
    assert not OPERATORS & {name for name, kind, _ in rows if kind in ("scalar", "macro", "aggregate")}


def test_reserved_words_are_duckdbs(connection):
    rows = connection.execute(
        "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category IN ('reserved', 'type_function')"
    ).fetchall()
    assert {name for (name,) in rows} - {"true", "false", "null"} == RESERVED


def test_a_word_of_sql_is_a_column_only_in_quotes(connection):
    """What we take for a column is one for DuckDB, too, whatever its name."""
    names = [name for (name,) in connection.execute("SELECT DISTINCT keyword_name FROM duckdb_keywords()").fetchall()]
    for name in names:
        check_expression(f'"{name}"', names)
        try:
            used = columns_of(name)
        except SpecError:
            continue
        if used:
            assert connection.execute(f'SELECT ({name}) FROM (SELECT 7 AS "{name}")').fetchone() == (7,), name


WORDS = """
    a b s ok t ( ) ( ) , . ; + - * / || > = < :: -> := [ ] { } ' '' " $$ @ # $1 ? ! ~ \\ E' x' -- /* */ 1 0.5 'x'
    SELECT FROM WHERE IN EXISTS VALUES TABLE WITH UNION CASE WHEN THEN END CAST AS VARCHAR INTERVAL HOUR AND OR NOT IS
    NULL DISTINCT LIKE ESCAPE BETWEEN ANY ALL OVER FILTER COLUMNS lower( getenv( now( sum( read_csv( query( TRY LAMBDA x
    current_date current_user AT TIME ZONE unnest( row( struct_pack( list( glob( text( char( bit( time( interval(
    timestamp( decimal( as( for( zone( both( from( end( of( to( any( left( right( if( replace( GLOB LIKE 'getenv'
"""
OF_GRAMMAR = {"coalesce", "if", "ifnull", "cast", "try_cast", "case", "list_value"}


def functions_in(node):
    """The functions of DuckDB's own syntax tree, and its kinds of nodes that are more than an expression."""
    if isinstance(node, list):
        return set().union(*map(functions_in, node))
    if not isinstance(node, dict):
        return set()
    found = set().union(*map(functions_in, node.values()))
    if node.get("class") == "FUNCTION" and not node.get("is_operator"):
        found.add(node["function_name"].lower())
    if node.get("class") in ("SUBQUERY", "WINDOW", "STAR", "LAMBDA", "PARAMETER", "POSITIONAL_REFERENCE"):
        found.add(node["class"])
    return found


# What DuckDB's parser makes of operators and of words such as AT TIME ZONE.
FROM_OPERATORS = {"like_escape", "not_like_escape", "ilike_escape", "not_ilike_escape"}


@given(words=st.lists(st.sampled_from([*WORDS.split(), "\n"]), min_size=1, max_size=9))
@example(words=["E'", "\\' || ", "getenv(", "''HOME'')", " || '"])
@example(words=["'HOME'.", "getenv(", ")"])
@example(words=["CASE WHEN ok THEN ", "getenv(", "'HOME') END"])
@example(words=["$$", "'", "$$ || ", "getenv(", "'HOME')", " || $$", "'", "$$"])
def test_whatever_is_accepted_is_one_expression_of_allowed_functions_for_duckdb_too(connection, words):
    expression = " ".join(words)
    try:
        check_expression(expression)
    except SpecError:
        return
    # Exactly as cleaning puts it into a query.
    row = connection.execute("SELECT json_serialize_sql(?)", [f"SELECT ({expression}\n) AS y FROM x"]).fetchone()
    tree = json.loads(row[0])
    if tree["error"]:
        return  # DuckDB cannot read it, and says so when it runs
    (statement,) = tree["statements"]
    node = statement["node"]
    (selected,) = node["select_list"]
    allowed = {name for names in FUNCTIONS.values() for name in names}
    assert selected["alias"] == "y"
    assert node["from_table"]["table_name"] == "x"
    assert not functions_in(selected) - allowed - OF_GRAMMAR - FROM_OPERATORS - OPERATORS


def test_an_expression_cannot_reach_out_even_where_it_is_not_checked(connection):
    for sql in (
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "COPY x TO '/tmp/x.csv'",
        "INSTALL httpfs",
    ):
        with pytest.raises(duckdb.Error):
            connection.execute(sql)
    with pytest.raises(duckdb.Error, match="lock"):
        connection.execute("SET enable_external_access = true")
