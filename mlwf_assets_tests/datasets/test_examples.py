import datetime as dt

import pyarrow as pa
import pytest

from mlwf_assets.datasets import label_kind, make_examples
from mlwf_assets.errors import DataError, SchemaError
from mlwf_assets.spec.datasets import Examples
from mlwf_assets.spec.project import ProcessToday

US = pa.timestamp("us", "UTC")
NOON = dt.datetime(2024, 1, 1, 12, tzinfo=dt.UTC)


def hours(*values):
    return pa.array([None if value is None else NOON + dt.timedelta(hours=value) for value in values], US)


@pytest.fixture
def clean():
    """Four parcels in the order of their keys; the last one never arrived."""
    return pa.table(
        {
            "depot": ["a", "a", "b", "b"],
            "number": [1, 2, 1, 2],
            "sent": hours(0, 1, 2, None),
            "delay": pa.array([5, 0, None, 7], pa.int64()),
            "weight": [0.5, 1.5, 2.5, 3.5],
            "_time": hours(0, 1, 2, 3),
            "_known_at": hours(-3, -3, -3, -3),
            "_known_at_OUTCOME_1": hours(9, 9, 9, 9),
        }
    )


def make(clean, today=None, key=("depot", "number"), group=None, **fields):
    spec = Examples.model_validate({"table": "parcels", "label": "delay > 1", **fields})
    return make_examples(spec, today, clean, key=key, group=group)


def test_an_example_has_its_key_cutoff_label_and_time_in_utc(clean):
    made = make(clean, cutoff="sent - INTERVAL 2 HOURS")
    assert made.key == ("depot", "number")
    assert made.table.schema == pa.schema(
        {"depot": pa.string(), "number": pa.int64(), "cutoff": US, "label": pa.bool_(), "time": US}
    )
    assert made.table.to_pylist() == [
        {"depot": "a", "number": 1, "cutoff": NOON - dt.timedelta(hours=2), "label": True, "time": NOON},
        {
            "depot": "a",
            "number": 2,
            "cutoff": NOON - dt.timedelta(hours=1),
            "label": False,
            "time": NOON + dt.timedelta(hours=1),
        },
    ]


def test_every_row_that_is_no_example_is_counted(clean):
    counts = make(clean, cutoff="sent", where="depot = 'b' OR number = 1").metadata
    assert counts == {
        "kind": "binary",
        "rows": 4,
        "examples": 1,
        "not among 'where'": 1,
        "without a cutoff": 1,
        "without a label": 1,
        "examples whose row is known only after the cutoff": 0,
        "share of positives": 1.0,
    }


def test_a_predicate_that_is_null_predicts_nothing(clean):
    assert make(clean, where="delay > 1").metadata["not among 'where'"] == 2


def test_without_a_cutoff_none_is_missed(clean):
    made = make(clean.drop_columns(["_time"]))
    assert made.table["cutoff"].to_pylist() == made.table["time"].to_pylist() == [None] * 3
    assert made.table.schema.field("time").type == made.table.schema.field("cutoff").type == US
    assert made.metadata["without a cutoff"] == 0


def test_rows_that_nobody_knew_by_the_cutoff_are_told(clean):
    assert (
        make(clean, cutoff="sent - INTERVAL 4 HOURS").metadata["examples whose row is known only after the cutoff"] == 1
    )


def test_expressions_may_use_when_values_became_known(clean):
    made = make(clean, label="_known_at_OUTCOME_1 - sent > INTERVAL 8 HOURS", cutoff="_known_at")
    assert made.table["label"].to_pylist() == [True, False, False]


def test_a_comment_at_the_end_of_an_expression_harms_nothing(clean):
    made = make(
        clean,
        ProcessToday(description="", rule="0.1 -- as ever"),
        label="delay > 1 -- late",
        cutoff="sent --",
        where="true --",
    )
    assert made.table["label"].to_pylist() == [True, False]


def test_a_table_without_key_names_its_examples_by_their_place(clean):
    clean = clean.append_column("_row_id", pa.array(["f:3", "f:1", "f:2", "f:0"]))
    made = make(clean, key=())
    assert made.key == ("_row_id",)
    assert made.table.select(["_row_id", "label"]).to_pydict() == {
        "_row_id": ["f:0", "f:1", "f:3"],
        "label": [True, False, True],
    }


def test_the_group_of_a_split_is_carried_along_as_text(clean):
    assert make(clean, group="weight").table["_group"].to_pylist() == ["0.5", "1.5", "3.5"]
    assert make(clean, group="depot").table["_group"].to_pylist() == ["a", "a", "b"]


def test_a_partition_without_rows_has_examples_of_the_same_form(clean):
    empty = make(clean.slice(0, 0), cutoff="sent")
    assert empty.table.schema == make(clean, cutoff="sent").table.schema
    assert empty.metadata["examples"] == 0


@pytest.mark.parametrize(
    ("label", "kind", "wanted", "rule", "today"),
    [
        ("delay > 1", None, [True, False, True], "weight", [0.5, 1.5, 3.5]),
        ("delay > 1", None, [True, False, True], "delay > 1", [1.0, 0.0, 1.0]),
        ("CASE WHEN delay < 6 THEN least(delay, 1) END", "binary", [True, False], 0.2, [0.2, 0.2]),
        ("delay", None, [5.0, 0.0, 7.0], "CAST(weight AS DECIMAL(4, 1))", [0.5, 1.5, 3.5]),
        ("delay / weight - 5", "regression", [5.0, -5.0, -3.0], 1, [1.0, 1.0, 1.0]),
        ("CAST(delay AS DECIMAL(9, 2))", None, [5.0, 0.0, 7.0], None, None),
        ("delay", "multiclass", ["5", "0", "7"], "number", ["1", "2", "2"]),
        ("delay > 1", "multiclass", ["true", "false", "true"], None, None),
        ("CASE WHEN delay > 1 THEN 'late' ELSE depot END", None, ["late", "a", "b", "late"], "'a'", ["a"] * 4),
    ],
)
def test_the_label_and_todays_process_take_the_form_of_the_problem(clean, label, kind, wanted, rule, today):
    process = None if rule is None else ProcessToday(description="", rule=rule)
    made = make(clean, process, label=label, kind=kind)
    assert made.table["label"].to_pylist() == wanted
    assert (made.table["process_today"].to_pylist() if "process_today" in made.table.column_names else None) == today


@pytest.mark.parametrize("kind", ["regression", "binary"])
def test_a_label_that_is_no_finite_number_is_none(kind):
    clean = pa.table({"id": [1, 2, 3, 4], "y": [1.0, float("nan"), float("inf"), None]})
    made = make(clean, key=["id"], label="y", kind=kind)
    assert (made.table["id"].to_pylist(), made.metadata["without a label"]) == ([1], 3)


def test_words_alone_about_today_make_no_column(clean):
    assert "process_today" not in make(clean, ProcessToday(description="by gut feeling")).table.column_names


def test_zeros_and_ones_are_a_regression_with_a_hint(clean):
    assert "kind: binary" in make(clean, label="least(delay, 1)").metadata["note"]
    assert "note" not in make(clean, label="delay").metadata


TYPES = {
    "boolean": pa.bool_(), "text": pa.string(), "integer": pa.int64(), "number": pa.float64(),
    "decimal": pa.decimal128(4, 2), "time": US, "date": pa.date32(),
}  # fmt: skip


@pytest.mark.parametrize(
    ("type_", "kind", "wanted"),
    [
        ("boolean", None, "binary"), ("boolean", "multiclass", "multiclass"), ("text", None, "multiclass"),
        ("integer", None, "regression"), ("number", None, "regression"), ("decimal", "regression", "regression"),
        ("integer", "binary", "binary"), ("number", "multiclass", "multiclass"),
    ],
)  # fmt: skip
def test_the_kind_of_problem_is_told_from_the_label_unless_the_file_says_it(type_, kind, wanted):
    assert label_kind(Examples(table="t", label="y", kind=kind), TYPES[type_]) == wanted


@pytest.mark.parametrize(
    ("type_", "kind", "words"),
    [
        (
            "text",
            "binary",
            r"""must be a boolean, or 0 and 1, however 'y' is string; write e\.g\. label: "y = 'yes'\"""",
        ),
        ("text", "regression", r"must be a number, however 'y' is string; write e\.g\. label: .CAST\(y AS DOUBLE\)"),
        ("boolean", "regression", r"must be a number, however 'y' is bool"),
        ("time", None, r"must be a boolean, text or a number, however 'y' is timestamp"),
        ("date", "binary", r"must be a boolean, text or a number, however 'y' is date32"),
    ],
)
def test_a_label_that_does_not_fit_the_problem_says_how_to_write_it(type_, kind, words):
    with pytest.raises(SchemaError, match=words):
        label_kind(Examples(table="t", label="y", kind=kind), TYPES[type_])


def test_a_binary_label_of_other_numbers_says_how_to_write_it(clean):
    with pytest.raises(DataError, match=r"'delay' holds 0, 5, 7; write e\.g\. label: \"delay > 0\""):
        make(clean, label="delay", kind="binary")


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"label": "CAST(depot AS INTEGER)"}, r"examples\.label"),
        ({"cutoff": "CAST(depot AS TIMESTAMP)"}, r"examples\.cutoff"),
        ({"where": "CAST(depot AS BOOLEAN)"}, r"examples\.where"),
        ({"label": "no_such > 1"}, r"examples\.label"),
    ],
)
def test_an_expression_that_fails_is_named(clean, fields, place):
    with pytest.raises(DataError, match=rf"^{place} must be computable for each row, however: .*TRY_CAST"):
        make(clean, **fields)


def test_a_rule_of_today_that_fails_is_named(clean):
    with pytest.raises(DataError, match=r"^project\.process_today\.rule must be computable"):
        make(clean, ProcessToday(description="", rule="CAST(depot AS DOUBLE)"))


def test_a_missing_key_or_group_is_named(clean):
    with pytest.raises(SchemaError, match=r"clean/parcels must have the columns id, shop, however there are: depot"):
        make(clean, key=["id"], group="shop")
