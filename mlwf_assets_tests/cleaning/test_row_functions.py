"""Functions of the workflow's own files, called on rows: what they must give, and cleaning with them."""

import pyarrow as pa
import pytest

from mlwf_assets.cleaning import clean_table
from mlwf_assets.cleaning.row_functions import RowFunction
from mlwf_assets.errors import DataError
from mlwf_assets.spec.extensions import CleaningStep, PythonFile, scan
from mlwf_assets.spec.tables import Column, Table

ROWS = pa.table({"km": [float(n) for n in range(40)], "name": ["a"] * 40})


def step(body, *, makes="{'m': 'number'}", reads="['km']"):
    text = (
        "import mlwf_assets as mlwf\nimport pandas as pd\n"
        f"@mlwf.cleaning_step(table='t', reads={reads}, makes={makes})\n"
        f"def f(rows):\n    {body}\n"
    )
    own, mistakes = scan((PythonFile("code.py", "code.py", text),))
    assert mistakes == []
    return RowFunction(own, own.of(CleaningStep)[0])


def test_a_function_sees_what_it_reads_and_gives_the_types_that_it_said():
    made = step("assert list(rows) == ['km']; return rows['km'] * 1000")(ROWS)
    assert made.schema.field("m").type == pa.float64()
    assert made["m"].to_pylist()[:3] == [0.0, 1000.0, 2000.0]
    made = step("return pd.DataFrame({'a': rows['km'] > 3, 'b': 'x'})", makes="{'a': 'boolean', 'b': 'category'}")(ROWS)
    assert [field.type for field in made.schema] == [pa.bool_(), pa.string()]
    times = step(
        "return pd.Timestamp('2024-01-01') + pd.to_timedelta(rows['km'], unit='h')", makes="{'m': 'timestamp'}"
    )
    assert str(times(ROWS)["m"][1]) == "2024-01-01 01:00:00+00:00"


def test_without_rows_nothing_is_called_and_types_are_the_same():
    made = step("raise RuntimeError")(ROWS.slice(0, 0))
    assert made.schema == pa.schema([("m", pa.float64())])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            "return rows['km'] / 0 if len(rows) < 0 else rows['mk']",
            r"code.py:5: must work for all rows.*KeyError: 'mk'",
        ),
        ("return 5", "code.py:4: f: must return a Series, however: a int"),
        ("return pd.DataFrame({'x': rows['km']})", r"must return a Series, however: columns \['x'\]"),
        (
            "return rows['km'].head(3)",
            "a value for each row.*however: 3 values for 40 rows; to leave rows out, write a rule",
        ),
        ("return rows['km'].iloc[::-1]", "a value for each row, in their order"),
        ("return rows['km'].astype(str) + ' km'", "m must be number in each row"),
        (
            "return rows['km'] - rows['km'].mean()",
            "must give a row the same whatever rows stand beside it, however: row 0",
        ),
        ("return rows['km'].rank()", "make it of the row's own columns alone"),
    ],
)
def test_what_a_function_must_not_give_is_told(body, said):
    with pytest.raises(DataError, match=said):
        step(body)(ROWS)


def clean(table, raw, function, types):
    columns = {**table.columns}
    for name, type_ in function.makes.items():
        columns[name] = columns.get(name, Column()).made_by("f", type_)
    spec = table.model_copy(update={"columns": columns})
    raw = pa.table({**raw, "_file": ["a.csv"] * len(raw["id"]), "_row": range(len(raw["id"]))})
    return clean_table(spec, {"t": raw}, {}, types={"t": types}, name="t", own=function.own)


def test_the_contract_sql_and_rules_see_what_a_step_made():
    table = Table.model_validate(
        {
            "key": ["id"],
            "columns": {"id": "integer", "km": {"min": 0}, "far": {"sql": "km > 10"}},
            "rules": [{"name": "no trip", "check": "km <> 0", "otherwise": "drop"}],
        }
    )
    raw = {"id": ["1", "2", "3", "4"], "d": ["5 km", "12 km", "-1 km", "0 km"]}
    function = step("return rows['d'].str.split(' ').str[0].astype(float)", makes="{'km': 'number'}", reads="['d']")
    cleaned = clean(table, raw, function, {"id": "integer", "d": "string"})
    assert cleaned.clean.table.select(["id", "km", "far"]).to_pylist() == [
        {"id": 1, "km": 5.0, "far": False},
        {"id": 2, "km": 12.0, "far": True},
    ]
    assert cleaned.quarantine.table["_reason"].to_pylist() == ["t.km must be at least 0, however: '-1.0'"]
    assert cleaned.counts.dropped == {"no trip": 1}


def test_a_column_that_is_made_anew_comes_as_it_was_written():
    table = Table.model_validate({"key": ["id"], "columns": {"km": {"max": 100}}})
    raw = {"id": ["1", "2"], "km": ["5 km", "12"]}
    function = step("return rows['km'].str.removesuffix(' km').astype(float)", makes="{'km': 'number'}")
    cleaned = clean(table, raw, function, {"id": "integer", "km": "string"})
    assert cleaned.clean.table["km"].to_pylist() == [5.0, 12.0]
