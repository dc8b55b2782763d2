import pyarrow as pa
import pytest

from mlwf_assets.features.relational.columns import MAX_PARENT_ROWS, choose_columns
from mlwf_assets.spec.late import find_barred
from mlwf_assets.spec.relationships import parse_relationships
from mlwf_assets_tests.features.toy import make_tables, make_workflow


def choose(workflow, table, tables, **rows):
    return choose_columns(
        workflow,
        table,
        data=tables[table],
        links=parse_relationships(workflow),
        parent_rows={**{name: data.num_rows for name, data in tables.items()}, **rows},
    )


def with_columns(**columns):
    """The toy workflow with other contracts of parcels."""
    spec = make_workflow().model_dump(exclude_unset=True)
    spec["tables"]["parcels"]["columns"] |= columns
    return make_workflow(tables=spec["tables"])


def test_keys_outcomes_and_internal_columns_never_enter():
    chosen = choose(make_workflow(), "parcels", make_tables())
    assert chosen == {
        "courier": "category",
        "depot": "category",
        "weight": "number",
        "fast": "boolean",
        "note": "text",
        "sent": "time",
    }


def test_what_is_made_from_an_outcome_is_barred_however_far_away():
    workflow = with_columns(late={"sql": "delay > 1"}, angry={"sql": "late AND fast"}, light={"sql": "weight < 1"})
    assert find_barred(workflow, "parcels") == {"delay", "late", "angry"}


def test_a_lookup_by_an_outcome_is_barred():
    spec = make_workflow().model_dump(exclude_unset=True)
    spec["tables"]["parcels"]["lookups"] = {"a": "depots.size by delay", "b": "depots.size by depot"}
    assert find_barred(make_workflow(tables=spec["tables"]), "parcels") == {"delay", "a"}


def test_the_columns_of_a_label_without_outcomes_are_barred():
    workflow = make_workflow(
        tables={"parcels": {"columns": {"heavy": {"sql": "weight > 3"}}}},
        examples={"table": "parcels", "label": "heavy"},
    )
    assert find_barred(workflow, "parcels") == {"heavy"}
    raw = make_workflow(tables={}, examples={"table": "parcels", "label": "weight > 3"})
    assert find_barred(raw, "parcels") == {"weight"}


def test_a_known_column_in_a_label_with_outcomes_may_enter():
    workflow = make_workflow(examples={"table": "parcels", "label": "delay > weight", "cutoff": "sent"})
    assert find_barred(workflow, "parcels") == {"delay"}


@pytest.mark.parametrize(("rows", "expected"), [(MAX_PARENT_ROWS, "category"), (MAX_PARENT_ROWS + 1, None)])
def test_a_foreign_key_is_a_category_only_of_a_small_parent(rows, expected):
    assert choose(make_workflow(), "parcels", make_tables(), couriers=rows).get("courier") == expected


def test_a_foreign_key_that_is_declared_a_category_is_one():
    assert choose(with_columns(courier="category"), "parcels", make_tables(), couriers=10**6)["courier"] == "category"


def test_a_number_that_is_a_foreign_key_is_no_number():
    tables = make_tables()
    tables["parcels"] = tables["parcels"].drop(["courier"]).append_column("courier", pa.array(range(6)))
    assert "courier" not in choose(make_workflow(), "parcels", tables, couriers=10**6)


@pytest.mark.parametrize(
    ("ignored", "table"), [("weight", "parcels"), ("parcels.weight", "parcels"), ("depots.size", "depots")]
)
def test_ignored_columns_do_not_enter(ignored, table):
    workflow = make_workflow(relational={"ignore": [ignored]})
    name = ignored.rpartition(".")[2]
    assert name in choose(make_workflow(), table, make_tables())
    assert name not in choose(workflow, table, make_tables())


def test_of_a_composite_key_categories_and_times_enter_and_numbers_do_not():
    spec = make_workflow().model_dump(exclude_unset=True)
    spec["tables"]["parcels"]["key"] = ["id", "fast", "sent", "weight", "note", "depot"]
    spec["tables"]["parcels"]["columns"] |= {"note": "category"}
    chosen = choose(make_workflow(tables=spec["tables"]), "parcels", make_tables())
    assert chosen == {"courier": "category", "depot": "category", "note": "category", "sent": "time"}


def test_undeclared_text_is_a_category_only_where_the_table_is_known_whole_and_values_repeat():
    tables = make_tables()
    tables["couriers"] = pa.table({"courier": list("abcd"), "team": list("xxyy"), "name": list("jklm")})
    assert choose(make_workflow(), "couriers", tables) == {"team": "category", "name": "text"}
    assert choose(make_workflow(), "parcels", tables)["note"] == "text"


def test_a_few_rows_are_read_as_those_that_they_are_alike():
    tables = make_tables()
    many = pa.table({"courier": list("abcd"), "team": list("xxyy")})
    tables["couriers"] = many.slice(0, 1)
    assert choose(make_workflow(), "couriers", tables) == {"team": "text"}
    links, rows = parse_relationships(make_workflow()), {"depots": 1, "couriers": 1}
    found = choose_columns(
        make_workflow(), "couriers", data=tables["couriers"], links=links, parent_rows=rows, alike=many
    )
    assert found == {"team": "category"}


def test_declared_text_stays_text():
    tables = make_tables()
    tables["couriers"] = pa.table({"courier": list("abcd"), "grade": list("xxyy")})
    workflow = make_workflow(tables={"couriers": {"columns": {"grade": "string"}}})
    assert choose(workflow, "couriers", tables) == {"grade": "text"}
